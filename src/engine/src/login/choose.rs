//! Which mechanism meets the next challenge, and what can be decided before the user is asked.
#![forbid(unsafe_code)]

use super::answer::{Answers, is_number};
use super::ask::{Asked, Wanted};
use super::{Allowance, AwaitAllowance, Chosen, Login, Notice, Planned, Step, log_first, proof};
use crate::policy::Mechanism;
use crate::refusal::{Reason, Refusal};
use crate::secret::{Secret, Shared};
use crate::tenant::reply::{AnswerType, Challenge, Name, Offer};
use crate::tenant::request::{Action, Answer, Operation};
use crate::tenant::text::{ServerText, shown};

/// A tenant may ask for the password again in a package that replaces the first. More often it is
/// guessing for us.
const MAX_PASSWORDS: u8 = 2;
/// A package in the log, in characters.
const MAX_OFFERED: usize = 300;

/// A mechanism that works here, with what it was offered as.
#[derive(Clone)]
pub(super) struct Choice {
    pub(super) challenge: usize,
    pub(super) mechanism: Mechanism,
    pub(super) offer: Offer,
}

/// What makes a phone ring, and what it takes to go on where it may not.
pub(super) enum Ringing {
    /// A choice, and the code that came with it.
    Start(Choice, Option<Shared>),
    /// An answer that is no code, to something that was started.
    Word(Planned, Wanted, Shared),
}

impl Login {
    /// Queues what needs no word of the user's, then asks for what does.
    pub(super) fn plan(mut self: Box<Self>) -> Step {
        loop {
            let at = self.queue.last().map_or(self.index, |last| last.challenge + 1);
            let Some(challenge) = self.challenges.get(at).cloned() else {
                return self.flush();
            };
            match self.password_offer(at, &challenge) {
                Some(_) if self.password.is_none() => return self.ask_password(),
                Some(choice) => self.queue_password(&choice),
                None => return self.choose(at, &challenge),
            }
        }
    }

    /// The password is there already: where it is an alternative, it is the one that bothers
    /// nobody.
    fn password_offer(&self, at: usize, challenge: &Challenge) -> Option<Choice> {
        let queued = self.queue.iter().any(|p| p.mechanism == Mechanism::Up);
        if queued || self.passwords >= MAX_PASSWORDS {
            return None;
        }
        let choices = || challenge.offers.iter().filter_map(|o| usable(at, o));
        let password = choices().find(|c| c.mechanism == Mechanism::Up)?;
        let better = |c: Choice| self.would_suffice(c.mechanism);
        let too_weak = self.is_last(at) && !self.would_suffice(Mechanism::Up);
        (!too_weak || !choices().any(better)).then_some(password)
    }

    fn is_last(&self, challenge: usize) -> bool {
        challenge + 1 == self.challenges.len()
    }

    fn queue_password(&mut self, choice: &Choice) {
        self.passwords += 1;
        if let Some(password) = self.password.clone() {
            let answer = Answer::Text(password);
            self.queue.push(choice.plan(Action::Answer(answer)));
        }
    }

    /// The phone has rung often enough: the same again, without what would ring.
    pub(super) fn go_on_quietly(
        mut self: Box<Self>,
        ringing: Ringing,
        allowance: Allowance,
    ) -> Step {
        // Only who asks for what rings although it was not offered, such as a RADIUS server's push,
        // comes here again.
        let again = std::mem::replace(&mut self.allowance, allowance) != Allowance::Free;
        self.useless = self.useless.saturating_add(u8::from(again));
        if self.useless >= self.terms.login.attempts {
            return self.abandon(Reason::PushBudget);
        }
        let at = match ringing {
            Ringing::Start(choice, _) => choice.challenge,
            Ringing::Word(started, wanted, _) => return self.ask(Asked::Started(started, wanted)),
        };
        match self.challenges.get(at).cloned() {
            Some(challenge) => self.choose(at, &challenge),
            None => self.abandon(Reason::PushBudget),
        }
    }

    fn choose(mut self: Box<Self>, at: usize, challenge: &Challenge) -> Step {
        let mut lines = left_out(challenge);
        let step = match self.choices(at, challenge, &mut lines) {
            Ok(choices) => match self.chosen_before(&choices) {
                Some((choice, typed)) => self.take(choice, typed),
                None => self.ask_or_push(choices),
            },
            Err(refusal) => self.abandon(refusal),
        };
        log_first(lines, step)
    }

    /// A choice holds for one package that replaces the one it was made from, and no longer: each
    /// push needs a word of the user's.
    fn chosen_before(&mut self, choices: &[Choice]) -> Option<(Choice, Option<Shared>)> {
        let chosen = self.chosen.take().filter(|_| !self.reused)?;
        let is_it = |c: &&Choice| c.mechanism == chosen.mechanism && c.offer.label == chosen.label;
        let choice = choices.iter().find(is_it)?.clone();
        self.reused = true;
        Some((choice, chosen.typed))
    }

    fn ask_or_push(self: Box<Self>, choices: Vec<Choice>) -> Step {
        match choices.first() {
            Some(first) if self.terms.login.push_first && first.rings() => {
                let first = first.clone();
                self.take(first, None)
            }
            _ => self.ask_for(choices),
        }
    }

    /// What the user may choose from, the preferred first. Never empty. What is left out goes to
    /// the log.
    fn choices(
        &self,
        at: usize,
        challenge: &Challenge,
        lines: &mut Vec<Notice>,
    ) -> Result<Vec<Choice>, Refusal> {
        let offers = challenge.offers.iter().filter_map(|o| usable(at, o));
        let offers: Vec<_> = offers.filter(|c| c.mechanism != Mechanism::Up).collect();
        if offers.is_empty() {
            return Err(self.nothing_usable(challenge));
        }
        let suffices = |c: &Choice| !self.is_last(at) || self.would_suffice(c.mechanism);
        let enough = keep(offers, suffices, "too few factors", lines);
        if enough.is_empty() {
            return Err(Refusal::new(Reason::TooFewFactors, self.offered()));
        }
        let may = |c: &Choice| self.allowance == Allowance::Free || !c.rings();
        let mut choices = keep(enough, may, "push budget", lines);
        if choices.is_empty() {
            return Err(Refusal::new(Reason::PushBudget, self.offered()));
        }
        choices.sort_by_key(|c| self.rank(c.mechanism));
        Ok(choices)
    }

    fn rank(&self, mechanism: Mechanism) -> usize {
        let preferred = &self.terms.login.preferred;
        let place = preferred.iter().position(|p| *p == mechanism);
        place.unwrap_or(preferred.len())
    }

    fn nothing_usable(&self, challenge: &Challenge) -> Refusal {
        let mut names = challenge.offers.iter().map(|o| &o.name);
        if self.passwords >= MAX_PASSWORDS
            && names.clone().any(|n| *n == Name::Known(Mechanism::Up))
        {
            let detail = "the tenant asks for the password again and again";
            return Refusal::new(Reason::AnswerRefused, detail);
        }
        let reason = match names.any(|n| *n == Name::Reset) {
            true => Reason::PasswordChange,
            false => Reason::NothingUsable,
        };
        Refusal::new(reason, self.offered())
    }

    /// Whether the policy would be content if the tenant let the user in after `last`.
    fn would_suffice(&self, last: Mechanism) -> bool {
        let queued = self.queue.iter().map(|p| p.mechanism);
        let factors: Vec<_> = self.met.iter().copied().chain(queued).chain([last]).collect();
        proof::enough(&self.terms, &factors)
    }

    /// Goes on with what was chosen; `typed` is a code that came with the choice.
    pub(super) fn take(self: Box<Self>, choice: Choice, typed: Option<Shared>) -> Step {
        if typed.is_none() && choice.offer.answer == AnswerType::Text {
            return self.ask_text(choice);
        }
        let rings_by = |text: &Shared| asks_for_push(choice.mechanism, text);
        match choice.rings() || typed.as_ref().is_some_and(rings_by) {
            true => self.spend(Ringing::Start(choice, typed)),
            false => self.send_choice(choice, typed),
        }
    }

    /// Nothing rings before it was counted.
    pub(super) fn spend(self: Box<Self>, ringing: Ringing) -> Step {
        Step::Spend(AwaitAllowance { login: self, ringing })
    }

    /// What was chosen is what happens.
    pub(super) fn send_choice(mut self: Box<Self>, choice: Choice, typed: Option<Shared>) -> Step {
        if choice.offer.answer != AnswerType::Text {
            self.queue.push(choice.plan(Action::StartOob));
        }
        if let Some(text) = &typed {
            let answer = Answer::Text(text.clone());
            self.queue.push(choice.plan(Action::Answer(answer)));
        }
        self.chosen =
            Some(Chosen { mechanism: choice.mechanism, label: choice.offer.label, typed });
        self.flush()
    }

    pub(super) fn send_parts(mut self: Box<Self>, choice: &Choice, parts: Answers) -> Step {
        let answer = Answer::Parts(parts);
        self.queue.push(choice.plan(Action::Answer(answer)));
        self.flush()
    }

    /// The mechanisms of the package, for the log: `UP | OTP,SMS`.
    pub(super) fn offered(&self) -> String {
        let names = |c: &Challenge| c.offers.iter().map(offer_name).collect::<Vec<_>>();
        let challenges = self.challenges.iter().map(|c| names(c).join(","));
        shown(&challenges.collect::<Vec<_>>().join(" | "), MAX_OFFERED)
    }
}

impl Choice {
    pub(super) fn plan(&self, action: Action) -> Planned {
        Planned {
            challenge: self.challenge,
            mechanism: self.mechanism,
            operation: Operation { mechanism: self.offer.id.clone(), action },
        }
    }

    /// Whether starting it makes somebody's phone ring or fills a mailbox.
    fn rings(&self) -> bool {
        let sends = match self.mechanism {
            Mechanism::Otp | Mechanism::Sms | Mechanism::Email | Mechanism::Pf => true,
            Mechanism::Radius => true,
            Mechanism::Up | Mechanism::Sq | Mechanism::Oath => false,
        };
        sends && self.is_oob()
    }

    pub(super) fn is_oob(&self) -> bool {
        matches!(self.offer.answer, AnswerType::StartTextOob | AnswerType::StartOob)
    }
}

/// Whether an answer makes somebody's phone ring: a RADIUS server takes words such as `push`, or
/// the number of a line in a menu of its own.
pub(super) fn asks_for_push(mechanism: Mechanism, text: &Secret) -> bool {
    mechanism == Mechanism::Radius && !is_number(text)
}

/// An offer that can be met in a terminal.
fn usable(challenge: usize, offer: &Offer) -> Option<Choice> {
    let Name::Known(mechanism) = offer.name else {
        return None;
    };
    let answerable = match mechanism {
        Mechanism::Up | Mechanism::Sq => offer.answer == AnswerType::Text,
        // An authenticator has nothing but its code.
        Mechanism::Oath => offer.takes_text(),
        Mechanism::Otp | Mechanism::Sms | Mechanism::Email | Mechanism::Pf | Mechanism::Radius => {
            offer.answer != AnswerType::Unknown
        }
    };
    let there = offer.enrolled && !offer.id.is_empty();
    (answerable && there).then(|| Choice { challenge, mechanism, offer: offer.clone() })
}

/// Those of which something holds; why the others are left out goes to the log.
fn keep(
    choices: Vec<Choice>,
    holds: impl Fn(&Choice) -> bool,
    why_not: &str,
    lines: &mut Vec<Notice>,
) -> Vec<Choice> {
    let (kept, others): (Vec<_>, Vec<_>) = choices.into_iter().partition(holds);
    let line = |c: &Choice| format!("left out: {} ({why_not})", c.mechanism.name());
    lines.extend(others.iter().map(line).map(Notice::Debug));
    kept
}

/// Log lines for what is not in the menu. An administrator has to know of what can't be read, in
/// one line for all.
fn left_out(challenge: &Challenge) -> Vec<Notice> {
    let offers = challenge.offers.iter();
    let missing = offers.filter_map(|o| Some((o, obstacle(o)?)));
    let is_garbled = |(offer, _): &(&Offer, &str)| matches!(offer.name, Name::Garbled(_));
    let (garbled, others): (Vec<_>, Vec<_>) = missing.partition(is_garbled);
    let line = |names: &str, why: &str| format!("left out: {names} ({why})");
    let names: Vec<_> = garbled.iter().map(|(offer, _)| offer_name(offer)).collect();
    let unreadable = garbled.first().map(|(_, why)| {
        let names = shown(&names.join(","), MAX_OFFERED);
        Notice::Log(line(&names, why))
    });
    let others = others.iter().map(|(offer, why)| Notice::Debug(line(&offer_name(offer), why)));
    unreadable.into_iter().chain(others).collect()
}

/// Why an offer can't be met in a terminal; `None` if it can.
#[must_use]
pub fn obstacle(offer: &Offer) -> Option<&'static str> {
    usable(0, offer).is_none().then(|| why_not(offer))
}

fn why_not(offer: &Offer) -> &'static str {
    match offer.name {
        Name::Reset => "a new password can't be set here",
        Name::Other(_) => "it can't work in a terminal",
        Name::Garbled(_) => "the tenant's description of it can't be read",
        Name::Known(_) if !offer.enrolled => "the user is not enrolled",
        Name::Known(_) => "it is offered in a way that can't be answered",
    }
}

/// The API's name of what is offered, harmless.
#[must_use]
pub fn offer_name(offer: &Offer) -> String {
    match &offer.name {
        Name::Known(mechanism) => mechanism.name().to_owned(),
        Name::Reset => "RESET".to_owned(),
        Name::Other(name) => plain(name),
        Name::Garbled(name) => Some(plain(name))
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| "a mechanism".to_owned()),
    }
}

fn plain(name: &ServerText) -> String {
    name.shown(20).replace(|c: char| !c.is_ascii(), "?")
}

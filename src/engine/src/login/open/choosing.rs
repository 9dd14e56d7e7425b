//! Which mechanism meets the next challenge, and what can be decided before the user is asked.
#![forbid(unsafe_code)]

use std::rc::Rc;
use std::time::Duration;

use super::super::carried::Notice;
use super::super::proof;
use super::choice::{Choice, Menu, obstacle, offer_name};
use super::state::{Answers, Asked, Chosen, Next, Open, PhoneAction, Planned};
use crate::local::budget::Allowance;
use crate::policy::{Batch, Labels, Mechanism};
use crate::refusal::{Reason, Refusal};
use crate::secret::Shared;
use crate::tenant::reply::{AnswerType, Challenge, Name, Offer, Package};
use crate::tenant::request::{Action, Answer};
use crate::tenant::text::{ServerText, shown};

/// A tenant may ask for the password again in a package that replaces the first. More often it is
/// guessing for us.
const MAX_PASSWORDS: u8 = 2;
/// A package in the log, in characters.
const MAX_OFFERED: usize = 300;

impl Open {
    /// Begins with the first challenge of a package, whether it is the first one or replaces
    /// another.
    pub(super) fn accept(&mut self, package: Package) -> Next {
        if let Err(refusal) = self.round() {
            return Next::Abandon(refusal);
        }
        // Until then even the right answers fail, and count as tries.
        if package.retry_after > 0 {
            let detail = format!("the tenant asks to wait {} s", package.retry_after);
            let wait = Some(Duration::from_secs(package.retry_after));
            return Next::abandon(Refusal::new(Reason::TenantThrottle, detail).lasting(wait));
        }
        if package.challenges.is_empty() {
            return Next::abandon(Reason::NothingOffered);
        }
        let mut challenges = package.challenges;
        if self.known.terms.stranger && self.known.terms.login.labels == Labels::Known {
            challenges.iter_mut().for_each(hide_labels);
        }
        let shared = |c: Challenge| c.offers.into_iter().map(Rc::new).collect();
        self.challenges = challenges.into_iter().map(shared).collect();
        self.queue.clear();
        self.notices.push(Notice::Debug(format!("offered: {}", self.offered())));
        self.plan(0)
    }

    /// Queues the password where it meets the challenge at this place, then asks for what the user
    /// has to say.
    pub(super) fn plan(&mut self, at: usize) -> Next {
        match self.password_offer(at) {
            Some(choice) => self.password(choice),
            None => self.choose(at),
        }
    }

    /// Goes on with the password, once it is there.
    pub(super) fn password(&mut self, choice: Choice) -> Next {
        let Some(password) = self.password.clone() else {
            return Next::ask(Asked::Password(choice));
        };
        let next = choice.challenge + 1;
        self.passwords += 1;
        self.queue.push(Planned { choice, action: Action::Answer(Answer::Text(password)) });
        if next < self.challenges.len() { self.choose(next) } else { self.flush() }
    }

    /// The password is there already: where it is an alternative, it is the one that asks for
    /// nothing.
    fn password_offer(&self, at: usize) -> Option<Choice> {
        if self.passwords >= MAX_PASSWORDS {
            return None;
        }
        let is_password = |choice: &Choice| choice.mechanism == Mechanism::Up;
        let password = self.usable(at).find(is_password)?;
        let better = |choice: Choice| self.would_suffice(choice.mechanism);
        let too_weak = self.is_last(at) && !self.would_suffice(Mechanism::Up);
        (!too_weak || !self.usable(at).any(better)).then_some(password)
    }

    fn offers(&self, at: usize) -> &[Rc<Offer>] {
        self.challenges.get(at).map(Vec::as_slice).unwrap_or_default()
    }

    fn usable(&self, at: usize) -> impl Iterator<Item = Choice> {
        self.offers(at).iter().filter_map(move |offer| Choice::usable(at, offer))
    }

    fn is_last(&self, challenge: usize) -> bool {
        challenge + 1 == self.challenges.len()
    }

    /// The phone has rung often enough: the same again, without what would ring.
    pub(super) fn retry_without_phone(
        &mut self,
        action: PhoneAction,
        allowance: Allowance,
    ) -> Next {
        // Only a user who asks for what rings although it was not offered, such as a RADIUS server's
        // push, comes here again.
        let again = std::mem::replace(&mut self.allowance, allowance) != Allowance::Free;
        if again && self.unusable.count(&self.known.terms).is_err() {
            return Next::abandon(self.silent(""));
        }
        match action {
            PhoneAction::Start(choice, _) => self.choose(choice.challenge),
            PhoneAction::Word(choice, expects, _) => Next::ask(Asked::Started(choice, expects)),
        }
    }

    fn choose(&mut self, at: usize) -> Next {
        let mut notices = left_out(self.offers(at));
        let menu = self.menu(at, &mut notices);
        self.notices.append(&mut notices);
        let menu = match menu {
            Ok(menu) => menu,
            Err(refusal) => return Next::Abandon(refusal),
        };
        match self.chosen_before(&menu) {
            Some((choice, typed)) => self.take(choice, typed),
            None if self.known.terms.login.push_first && menu.first.rings() => {
                self.take(menu.first, None)
            }
            None => self.ask_for(menu.shortened()),
        }
    }

    /// A choice holds for one package that replaces the one it was made from, and no longer: each
    /// push needs a word of the user's.
    fn chosen_before(&mut self, menu: &Menu) -> Option<(Choice, Option<Shared>)> {
        let chosen = self.chosen.take().filter(|_| !self.choice_reused)?;
        let is_it = |c: &&Choice| c.mechanism == chosen.mechanism && c.offer.label == chosen.label;
        let choice = menu.choices().find(is_it)?.clone();
        self.choice_reused = true;
        let typed = chosen.typed.filter(|text| choice.may_come_with(text));
        Some((choice, typed))
    }

    fn ask_for(&mut self, menu: Menu) -> Next {
        let Menu { first, others } = menu;
        if !others.is_empty() {
            return Next::ask(Asked::Menu(Menu { first, others }));
        }
        if !first.is_oob() {
            return self.take(first, None);
        }
        if first.mechanism == Mechanism::Oath && self.starts_early() {
            self.started_early = Some(first.clone());
            return self.take(first, None);
        }
        Next::ask(Asked::Begin(first))
    }

    /// Whether the password is sent before an authenticator's code is asked for, so that there is
    /// less to wait for afterwards. A stranger's stays: a robot that tries passwords seldom has a
    /// code, and each of its tries would count against the user. So does one that may travel with
    /// the code.
    fn starts_early(&self) -> bool {
        let terms = &self.known.terms;
        let together = terms.tenant.multiple_operations == Batch::Code;
        !self.queue.is_empty() && !terms.stranger && !together
    }

    /// What the user may choose from. What is left out goes to the log.
    fn menu(&self, at: usize, notices: &mut Vec<Notice>) -> Result<Menu, Refusal> {
        let offers: Vec<_> = self.usable(at).filter(|c| c.mechanism != Mechanism::Up).collect();
        if offers.is_empty() {
            return Err(self.nothing_usable(at));
        }
        let suffices = |c: &Choice| !self.is_last(at) || self.would_suffice(c.mechanism);
        let enough = keep(offers, suffices, "too few factors", notices);
        if enough.is_empty() {
            return Err(Refusal::new(Reason::TooFewFactors, self.offered()));
        }
        let may = |c: &Choice| self.allowance == Allowance::Free || !c.rings();
        let mut choices = keep(enough, may, "push budget", notices);
        choices.sort_by_key(|c| self.rank(c.mechanism));
        Menu::new(choices).ok_or_else(|| self.silent(&self.offered()))
    }

    fn silent(&self, detail: &str) -> Refusal {
        Refusal::new(Reason::PushBudget, detail).lasting(self.allowance.silence())
    }

    fn rank(&self, mechanism: Mechanism) -> usize {
        let preferred = &self.known.terms.login.preferred;
        let place = preferred.iter().position(|p| *p == mechanism);
        place.unwrap_or(preferred.len())
    }

    fn nothing_usable(&self, at: usize) -> Refusal {
        let mut names = self.offers(at).iter().map(|o| &o.name);
        if self.passwords >= MAX_PASSWORDS
            && names.clone().any(|n| *n == Name::Known(Mechanism::Up))
        {
            let detail = "the tenant asks for the password again and again";
            return Refusal::new(Reason::AnswerRefused, detail);
        }
        let reason = if names.any(|n| *n == Name::Reset) {
            Reason::PasswordChange
        } else {
            Reason::NothingUsable
        };
        Refusal::new(reason, self.offered())
    }

    /// Whether the policy would be content if the tenant let the user in after `last`.
    fn would_suffice(&self, last: Mechanism) -> bool {
        let queued = self.queue.iter().map(|p| p.choice.mechanism);
        let factors: Vec<_> = self.met.iter().copied().chain(queued).chain([last]).collect();
        proof::enough(&self.known.terms, &factors)
    }

    /// Goes on with what was chosen; `typed` is a code that came with the choice. Nothing rings
    /// before it was counted.
    pub(super) fn take(&mut self, choice: Choice, typed: Option<Shared>) -> Next {
        if typed.is_none() && choice.offer.answer == AnswerType::Text {
            return Next::ask(Asked::Text(choice, Answers::new()));
        }
        if choice.rings() || typed.as_ref().is_some_and(|text| choice.rings_by(text)) {
            Next::Spend(PhoneAction::Start(choice, typed))
        } else {
            self.send_choice(choice, typed)
        }
    }

    /// What was chosen is what happens.
    pub(super) fn send_choice(&mut self, choice: Choice, typed: Option<Shared>) -> Next {
        if choice.offer.answer != AnswerType::Text {
            self.queue.push(Planned { choice: choice.clone(), action: Action::StartOob });
        }
        let (mechanism, label) = (choice.mechanism, choice.offer.label.clone());
        if let Some(text) = &typed {
            let action = Action::Answer(Answer::Text(text.clone()));
            self.queue.push(Planned { choice, action });
        }
        self.chosen = Some(Chosen { mechanism, label, typed });
        self.flush()
    }

    /// The mechanisms of the package, for the log: `UP | OTP,SMS`.
    fn offered(&self) -> String {
        let names = |offers: &Vec<Rc<Offer>>| offers.iter().map(|o| offer_name(o)).collect();
        let challenges = self.challenges.iter().map(|offers| {
            let names: Vec<_> = names(offers);
            names.join(",")
        });
        shown(&challenges.collect::<Vec<_>>().join(" | "), MAX_OFFERED)
    }
}

/// Takes away what the tenant calls phones and addresses. Those of one kind are numbered, in the
/// tenant's order.
fn hide_labels(challenge: &mut Challenge) {
    let names: Vec<_> = challenge.offers.iter().map(|o| o.name.clone()).collect();
    let count = |name: &Name, upto: usize| names.iter().take(upto).filter(|n| *n == name).count();
    for (at, offer) in challenge.offers.iter_mut().enumerate() {
        let number = (count(&offer.name, names.len()) > 1)
            .then(|| format!("no. {}", count(&offer.name, at) + 1));
        offer.label = number.map(ServerText::new);
        offer.prompt = None;
    }
}

/// Those of which something holds; why the others are left out goes to the log.
fn keep(
    choices: Vec<Choice>,
    holds: impl Fn(&Choice) -> bool,
    why_not: &str,
    notices: &mut Vec<Notice>,
) -> Vec<Choice> {
    let (kept, others): (Vec<_>, Vec<_>) = choices.into_iter().partition(holds);
    let line = |c: &Choice| format!("left out: {} ({why_not})", c.mechanism.name());
    notices.extend(others.iter().map(line).map(Notice::Debug));
    kept
}

/// Log lines for what is not in the menu. An administrator has to know of what can't be read, in
/// one line for all.
fn left_out(offers: &[Rc<Offer>]) -> Vec<Notice> {
    let missing = offers.iter().filter_map(|o| Some((o, obstacle(o)?)));
    let is_garbled = |(offer, _): &(&Rc<Offer>, &str)| matches!(offer.name, Name::Garbled(_));
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

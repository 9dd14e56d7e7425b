//! Questions to the user: which one, and how often it is asked again.
#![forbid(unsafe_code)]

use super::answer::Answers;
use super::choose::Choice;
use super::offline::Unheard;
use super::wait::Approval;
use super::{AwaitAnswer, Echo, Login, Planned, Question, Step, federated};
use crate::policy::{Batch, Mechanism};
use crate::refusal::{Reason, Refusal};
use crate::tenant::text::ServerText;
use crate::words;

/// A menu that no longer fits into a prompt helps nobody.
const MAX_MENU: usize = 8;

/// What was asked, and all that is needed to make sense of the answer.
pub(super) enum Asked {
    /// One of several mechanisms, or the code of one of them.
    Menu(Vec<Choice>),
    /// Whether to begin with the only mechanism.
    Begin(Choice),
    /// What a `Text` mechanism wants to know. For several security questions: the answers so far.
    Text(Choice, Answers),
    /// The password, which the stack does not have.
    Password,
    /// The code of an authenticator, although the login is refused already.
    InVain(Choice, Refusal),
    /// What is to be done about a mechanism that was started.
    Started(Planned, Wanted),
    /// A PIN that another identity provider shows.
    Pin(federated::Waiting),
    /// Enter, once logged in at another identity provider.
    Browser(federated::Waiting),
    /// An offline code, because of this outage.
    Offline(Unheard),
}

/// What may be typed once a mechanism was started.
pub(super) enum Wanted {
    /// Its code.
    Code,
    /// Its code, or Enter for "I have approved it".
    CodeOrEnter,
    /// Enter, after choosing this number on the phone, or its code where it has one.
    Match { number: ServerText, has_code: bool },
    /// Enter, to wait on for an approval that has not come yet, or its code where it has one.
    Patience { has_code: bool },
}

impl Wanted {
    /// Whether an approval is awaited, and a code is taken in its place at most.
    pub(super) fn is_an_approval(&self) -> bool {
        matches!(self, Self::Match { .. } | Self::Patience { .. })
    }
}

impl Asked {
    /// What is on its way while this question stands.
    pub(super) fn approval(self) -> Option<Approval> {
        match self {
            Self::Started(started, wanted) => Approval::of(started, &wanted),
            Self::Browser(waiting) => Some(Approval::Status(waiting)),
            Self::Menu(_)
            | Self::Begin(_)
            | Self::Text(..)
            | Self::Password
            | Self::InVain(..)
            | Self::Pin(_)
            | Self::Offline(_) => None,
        }
    }
}

impl Login {
    pub(super) fn ask_for(self: Box<Self>, mut choices: Vec<Choice>) -> Step {
        choices.truncate(MAX_MENU);
        match (choices.len(), choices.pop()) {
            (1, Some(only)) => self.ask_for_only(only),
            (_, last) => {
                choices.extend(last);
                self.ask(Asked::Menu(choices))
            }
        }
    }

    fn ask_for_only(self: Box<Self>, only: Choice) -> Step {
        match only.is_oob() {
            true if only.mechanism == Mechanism::Oath && self.goes_ahead() => self.go_ahead(only),
            true => self.ask(Asked::Begin(only)),
            false => self.take(only, None),
        }
    }

    /// Whether the password is sent before an authenticator's code is asked for, so that there is
    /// less to wait for afterwards. A stranger's stays: a robot that tries passwords seldom has a
    /// code, and each of its tries would count against the user. So does one that may travel with
    /// the code.
    fn goes_ahead(&self) -> bool {
        let together = self.terms.tenant.multiple_operations == Batch::Code;
        !self.queue.is_empty() && !self.terms.stranger && !together
    }

    fn go_ahead(mut self: Box<Self>, authenticator: Choice) -> Step {
        self.ahead = Some(authenticator.clone());
        self.take(authenticator, None)
    }

    /// The tenant has refused what went ahead. The code is asked for all the same: that it is not
    /// must not tell anybody that the password was wrong.
    pub(super) fn refuse_later(
        mut self: Box<Self>,
        authenticator: Choice,
        refusal: Refusal,
    ) -> Step {
        self.session = None;
        self.ask(Asked::InVain(authenticator, refusal))
    }

    pub(super) fn ask_text(self: Box<Self>, choice: Choice) -> Step {
        self.ask(Asked::Text(choice, Answers::new()))
    }

    pub(super) fn ask_password(self: Box<Self>) -> Step {
        self.ask(Asked::Password)
    }

    /// After a `StartTextOob` mechanism was started.
    pub(super) fn ask_code(mut self: Box<Self>, started: Planned) -> Step {
        self.ahead = None;
        // Nothing is sent for an authenticator's code, so there is nothing to approve.
        let wanted = match started.mechanism == Mechanism::Oath {
            true => Wanted::Code,
            false => Wanted::CodeOrEnter,
        };
        self.ask(Asked::Started(started, wanted))
    }

    /// A number to match must be seen, so it is in a prompt.
    pub(super) fn ask_with_number(self: Box<Self>, started: Planned, number: ServerText) -> Step {
        let has_code = self.offer(&started).is_some_and(|o| o.takes_text());
        let wanted = Wanted::Match { number, has_code };
        self.ask(Asked::Started(started, wanted))
    }

    pub(super) fn ask(self: Box<Self>, asked: Asked) -> Step {
        self.ask_after("", asked)
    }

    /// Asks once more, and says first what was wrong with the answer, unless the user has had
    /// enough tries.
    pub(super) fn ask_again(mut self: Box<Self>, word: &str, asked: Asked) -> Step {
        self.useless = self.useless.saturating_add(1);
        if self.useless >= self.terms.login.attempts {
            return self.leave(asked.approval(), Reason::Tries);
        }
        self.ask_after(word, asked)
    }

    pub(super) fn ask_after(self: Box<Self>, word: &str, asked: Asked) -> Step {
        let text = self.text(&asked);
        let quiet = match &asked {
            Asked::Menu(_) | Asked::Begin(_) | Asked::InVain(..) => self.quiet(true),
            Asked::Text(choice, _) => self.quiet(choice.mechanism != Mechanism::Sq),
            Asked::Started(started, Wanted::Code | Wanted::CodeOrEnter)
                if !rings_by_itself(started.mechanism) =>
            {
                self.quiet(true)
            }
            Asked::Started(..)
            | Asked::Password
            | Asked::Pin(_)
            | Asked::Browser(_)
            | Asked::Offline(_) => String::new(),
        };
        let question =
            Question { text: words::joined(word, &quiet, &text), echo: self.echo(&asked) };
        Step::Ask(question, AwaitAnswer { login: self, asked })
    }

    fn quiet(&self, for_code: bool) -> String {
        words::quiet(self.allowance, for_code)
    }

    fn text(&self, asked: &Asked) -> String {
        match asked {
            Asked::Menu(choices) => menu(choices),
            Asked::Begin(choice) | Asked::InVain(choice, _) => {
                let offer = &choice.offer;
                words::begin(choice.mechanism, offer.label.as_ref(), offer.answer)
            }
            Asked::Text(choice, answers) if choice.mechanism == Mechanism::Sq => {
                security_question(choice, answers.len())
            }
            Asked::Text(choice, _) => {
                let prompt = choice.offer.prompt.as_ref().or(choice.offer.label.as_ref());
                words::text(choice.mechanism, prompt)
            }
            Asked::Started(_, Wanted::Match { number, has_code }) => {
                words::number(number, *has_code)
            }
            Asked::Started(_, Wanted::Patience { has_code }) => {
                words::not_yet(self.number.as_ref(), *has_code)
            }
            Asked::Started(started, Wanted::Code | Wanted::CodeOrEnter) => {
                let label = self.offer(started).and_then(|o| o.label.as_ref());
                words::code(started.mechanism, label)
            }
            Asked::Password => words::password(&self.terms.tenant_user),
            Asked::Pin(waiting) => words::pin(&waiting.url),
            Asked::Browser(waiting) => words::browser(&waiting.url),
            Asked::Offline(_) => words::offline(),
        }
    }

    /// Answers to security questions stay the same for years: they are not shown.
    fn echo(&self, asked: &Asked) -> Echo {
        let is_lasting = match asked {
            Asked::Password => true,
            Asked::Text(choice, _) => choice.mechanism == Mechanism::Sq,
            Asked::Menu(_)
            | Asked::Begin(_)
            | Asked::InVain(..)
            | Asked::Started(..)
            | Asked::Pin(_)
            | Asked::Browser(_)
            | Asked::Offline(_) => false,
        };
        if self.terms.login.echo_codes && !is_lasting { Echo::On } else { Echo::Off }
    }
}

/// Whether nothing but the phone is needed once it was started: then the user is not told that it
/// stays silent.
fn rings_by_itself(mechanism: Mechanism) -> bool {
    match mechanism {
        Mechanism::Radius | Mechanism::Oath => false,
        Mechanism::Up
        | Mechanism::Sq
        | Mechanism::Otp
        | Mechanism::Sms
        | Mechanism::Email
        | Mechanism::Pf => true,
    }
}

fn menu(choices: &[Choice]) -> String {
    let line = |c: &Choice| (c.mechanism, c.offer.label.clone());
    let lines: Vec<_> = choices.iter().map(line).collect();
    words::menu(&lines, code_taker(choices))
}

fn security_question(choice: &Choice, nth: usize) -> String {
    let offer = &choice.offer;
    let part = offer.parts.get(nth).map(|(_, text)| text);
    let text = part.or(offer.question.as_ref()).or(offer.prompt.as_ref());
    words::security_question(text)
}

/// Whose code may be typed right at the menu, by its place there: one that the user can have before
/// anything was started, and if possible one whose start sends nothing.
pub(super) fn code_taker(choices: &[Choice]) -> Option<usize> {
    let order = [Mechanism::Oath, Mechanism::Radius, Mechanism::Otp];
    let place = |m| {
        let takes = |c: &Choice| c.mechanism == m && c.offer.takes_text();
        choices.iter().position(takes)
    };
    order.into_iter().find_map(place)
}

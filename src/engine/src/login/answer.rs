//! What the user's answer to a question means.
#![forbid(unsafe_code)]

use super::ask::{Asked, Wanted, code_taker};
use super::choose::{Choice, Ringing, asks_for_push};
use super::{Login, Planned, Step};
use crate::policy::Mechanism;
use crate::refusal::{Reason, Refusal};
use crate::secret::{Secret, Shared};
use crate::tenant::request::{Action, Answer, Operation};
use crate::tenant::text::ServerText;
use crate::words;

/// Shorter than that, a number typed at a menu is a choice.
const MIN_CODE: usize = 4;
/// Longer than any code.
const MAX_CODE: usize = 64;

/// Answers to security questions, by `Uuid`.
pub(super) type Answers = Vec<(String, Shared)>;

impl Login {
    pub(super) fn answered(self: Box<Self>, asked: Asked, typed: &Secret) -> Step {
        if typed.expose().trim().is_empty() {
            return self.answered_with_nothing(asked);
        }
        // sshd's password method, and robots, give the password to whatever asks.
        let asked_for_it = matches!(asked, Asked::Password);
        let password = self.password.as_ref().filter(|_| !asked_for_it);
        if password.is_some_and(|password| password.expose() == typed.expose()) {
            let detail = "the password was given as the answer to another question";
            return self.leave(asked.approval(), Refusal::new(Reason::Blind, detail));
        }
        match asked {
            Asked::Menu(choices) => match pick(&choices, typed) {
                Some((choice, code)) => self.take(choice, code),
                None => self.ask_again(&words::not_in_menu(typed.expose()), Asked::Menu(choices)),
            },
            Asked::Begin(choice) => match code(typed).filter(|code| takes_code(&choice, code)) {
                Some(code) => self.take(choice, Some(code)),
                None if can_take_code(&choice) => {
                    self.ask_again(words::NO_CODE, Asked::Begin(choice))
                }
                None => self.ask_again(words::JUST_ENTER, Asked::Begin(choice)),
            },
            Asked::Password => self.password_given(typed),
            Asked::InVain(authenticator, refusal) => match code(typed) {
                Some(_) => self.end(refusal),
                None => self.ask_again(words::NO_CODE, Asked::InVain(authenticator, refusal)),
            },
            Asked::Text(choice, answers) => self.text_answered(choice, answers, typed),
            Asked::Started(started, wanted) => self.started_answered(started, wanted, typed),
            Asked::Pin(waiting) => match code(typed) {
                Some(pin) => self.send_pin(waiting, pin),
                None => self.ask_again(words::NO_PIN, Asked::Pin(waiting)),
            },
            Asked::Browser(waiting) => self.poll_status(waiting),
            Asked::Offline(unheard) => self.offline_answered(unheard, typed),
        }
    }

    pub(super) fn answered_with_nothing(self: Box<Self>, asked: Asked) -> Step {
        match asked {
            Asked::Menu(choices) => match choices.first().cloned() {
                Some(first) => self.take(first, None),
                None => self.abandon(Reason::NothingUsable),
            },
            Asked::Begin(choice) if choice.mechanism != Mechanism::Oath => self.take(choice, None),
            Asked::Started(started, Wanted::CodeOrEnter | Wanted::Match { .. }) => {
                self.poll_first(started)
            }
            Asked::Started(started, Wanted::Patience { .. }) => self.poll_on(started),
            Asked::Browser(waiting) => self.poll_status(waiting),
            Asked::Begin(_)
            | Asked::InVain(..)
            | Asked::Started(_, Wanted::Code)
            | Asked::Text(..)
            | Asked::Password
            | Asked::Offline(_)
            | Asked::Pin(_) => self.ask_again(words::NOTHING_TYPED, asked),
        }
    }

    /// The whole of it, spaces too.
    fn password_given(mut self: Box<Self>, typed: &Secret) -> Step {
        self.password = Some(Secret::new(typed.expose()).into());
        self.plan()
    }

    fn text_answered(
        self: Box<Self>,
        choice: Choice,
        mut answers: Answers,
        typed: &Secret,
    ) -> Step {
        let parts = &choice.offer.parts;
        if choice.mechanism != Mechanism::Sq {
            let text = code(typed).unwrap_or_else(|| trimmed(typed));
            return self.take(choice, Some(text));
        }
        if parts.len() < 2 {
            return self.take(choice, Some(trimmed(typed)));
        }
        if let Some((uuid, _)) = parts.get(answers.len()) {
            answers.push((uuid.clone(), trimmed(typed)));
        }
        if answers.len() < parts.len() {
            return self.ask(Asked::Text(choice, answers));
        }
        self.send_parts(&choice, answers)
    }

    fn started_answered(self: Box<Self>, started: Planned, wanted: Wanted, typed: &Secret) -> Step {
        // Many type the number instead of choosing it on the phone: they mean that they have seen
        // it.
        let is_number = |n: &ServerText| n.raw().trim() == typed.expose().trim();
        if self.number.as_ref().is_some_and(is_number) {
            return self.answered_with_nothing(Asked::Started(started, wanted));
        }
        let has_code = match &wanted {
            Wanted::Code | Wanted::CodeOrEnter => true,
            Wanted::Match { has_code, .. } | Wanted::Patience { has_code } => *has_code,
        };
        match code(typed).filter(|_| has_code) {
            Some(word) if asks_for_push(started.mechanism, &word) => {
                self.spend(Ringing::Word(started, wanted, word))
            }
            Some(code) if wanted.is_an_approval() => self.poll_and_answer(started, code),
            Some(code) => self.send_answer(started, code),
            None if has_code => self.ask_again(words::NO_CODE, Asked::Started(started, wanted)),
            None => self.ask_again(words::JUST_ENTER, Asked::Started(started, wanted)),
        }
    }

    pub(super) fn send_answer(mut self: Box<Self>, started: Planned, answer: Shared) -> Step {
        self.queue.push(started.answered(answer));
        self.flush()
    }

    /// A code in place of an approval that may have been denied since. The tenant would not tell a
    /// denial from a wrong code, so the code goes out once it is known that there was none.
    fn poll_and_answer(mut self: Box<Self>, started: Planned, code: Shared) -> Step {
        self.queue.push(started.clone().answered(code));
        self.poll_first(started)
    }
}

impl Planned {
    fn answered(self, answer: Shared) -> Self {
        let mechanism = self.operation.mechanism;
        Self {
            operation: Operation { mechanism, action: Action::Answer(Answer::Text(answer)) },
            ..self
        }
    }
}

/// What was chosen at a menu, and the code if that is what was typed.
fn pick(choices: &[Choice], typed: &Secret) -> Option<(Choice, Option<Shared>)> {
    let text = typed.expose().trim();
    if text.len() < MIN_CODE {
        let number = text.parse::<usize>().ok().filter(|_| is_digits(text))?;
        return Some((choices.get(number.checked_sub(1)?)?.clone(), None));
    }
    let code = code(typed).filter(|code| is_number(code))?;
    Some((choices.get(code_taker(choices)?)?.clone(), Some(code)))
}

/// Whether this code of the only mechanism may be typed before it was started. It is a number, as
/// at a menu: a word asks a RADIUS server for a push, or is the password that a program gives to
/// whatever asks.
fn takes_code(choice: &Choice, code: &Secret) -> bool {
    can_take_code(choice) && is_number(code)
}

fn can_take_code(choice: &Choice) -> bool {
    code_taker(std::slice::from_ref(choice)).is_some()
}

/// A code as it is sent: without the gaps that apps show it with. Codes are printable ASCII, of any
/// length.
fn code(typed: &Secret) -> Option<Shared> {
    let text = typed.expose().trim();
    let printable = text.chars().all(|c| c.is_ascii_graphic() || c == ' ');
    if !printable || text.len() > MAX_CODE {
        return None;
    }
    let mut dense = zeroize::Zeroizing::new(String::with_capacity(text.len()));
    dense.extend(text.chars().filter(|c| *c != ' '));
    let code = if is_digits(&dense) { &dense } else { text };
    Some(Secret::new(code).into())
}

fn trimmed(typed: &Secret) -> Shared {
    Secret::new(typed.expose().trim()).into()
}

/// What is certainly a code: a number that is too long for a choice.
pub(super) fn is_number(text: &Secret) -> bool {
    text.expose().len() >= MIN_CODE && is_digits(text.expose())
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

//! What the user's answer to a question means.
#![forbid(unsafe_code)]

use super::super::codes::{MIN_CODE, code, is_digits, is_number, trimmed};
use super::super::known::check_blind;
use super::choice::{Choice, Menu};
use super::state::{Answers, Asked, Expects, Next, Open, PhoneAction, Planned};
use crate::local::budget::Allowance;
use crate::policy::Mechanism;
use crate::secret::{Secret, Shared};
use crate::tenant::request::{Action, Answer};
use crate::tenant::text::ServerText;
use crate::words;

impl Open {
    pub(super) fn answered(&mut self, asked: Asked, typed: &Secret) -> Next {
        let is_password = matches!(asked, Asked::Password(_));
        let password = self.password.as_ref().filter(|_| !is_password);
        if let Err(refusal) = check_blind(password, typed) {
            return Next::leave(asked.awaited(), refusal);
        }
        match asked {
            Asked::Menu(menu) => match pick(&menu, typed) {
                Some((choice, code)) => self.take(choice, code),
                None => self.ask_again(words::not_in_menu(typed.expose()), Asked::Menu(menu)),
            },
            Asked::Begin(choice) => self.begun_with(choice, typed),
            Asked::Password(choice) => {
                // The whole of it, spaces too.
                self.password = Some(Secret::new(typed.expose()).into());
                self.password(choice)
            }
            Asked::Text(choice, answers) => self.text_answered(choice, answers, typed),
            Asked::Started(started, expects) => self.started_answered(started, expects, typed),
        }
    }

    pub(super) fn answered_with_nothing(&mut self, asked: Asked) -> Next {
        match asked {
            Asked::Menu(menu) => self.take(menu.first, None),
            Asked::Begin(choice) if choice.mechanism != Mechanism::Oath => self.take(choice, None),
            Asked::Started(started, Expects::CodeOrEnter | Expects::Match(_)) => {
                self.poll_first(started)
            }
            Asked::Started(started, Expects::Patience) => self.poll_on(started),
            Asked::Begin(_)
            | Asked::Started(_, Expects::Code)
            | Asked::Text(..)
            | Asked::Password(_) => self.ask_again(words::NOTHING_TYPED, asked),
        }
    }

    /// What the budget says of something that rings. `Free` means that it has been counted.
    pub(super) fn allowed(&mut self, action: PhoneAction, allowance: Allowance) -> Next {
        match (allowance, action) {
            (Allowance::Free, PhoneAction::Start(choice, typed)) => self.send_choice(choice, typed),
            (Allowance::Free, PhoneAction::Word(started, _, word)) => {
                self.send_answer(started, Answer::Text(word))
            }
            (Allowance::Over(_) | Allowance::Paused(_) | Allowance::Never, action) => {
                self.retry_without_phone(action, allowance)
            }
        }
    }

    /// The code of the only mechanism may be typed before it was started. It is a number, as at a
    /// menu: a word asks a RADIUS server for a push, or is the password that a program gives to
    /// whatever asks.
    fn begun_with(&mut self, choice: Choice, typed: &Secret) -> Next {
        if !choice.takes_code_at_once() {
            return self.ask_again(words::JUST_ENTER, Asked::Begin(choice));
        }
        match code(typed).filter(|code| is_number(code)) {
            Some(code) => self.take(choice, Some(code)),
            None => self.ask_again(words::NO_CODE, Asked::Begin(choice)),
        }
    }

    fn text_answered(&mut self, choice: Choice, mut answers: Answers, typed: &Secret) -> Next {
        if choice.mechanism != Mechanism::Sq {
            let text = code(typed).unwrap_or_else(|| trimmed(typed));
            return self.take(choice, Some(text));
        }
        let parts = &choice.offer.parts;
        if parts.len() < 2 {
            return self.take(choice, Some(trimmed(typed)));
        }
        if let Some((uuid, _)) = parts.get(answers.len()) {
            answers.push((uuid.clone(), trimmed(typed)));
        }
        if answers.len() < parts.len() {
            return Next::ask(Asked::Text(choice, answers));
        }
        self.send_answer(choice, Answer::Parts(answers))
    }

    fn started_answered(&mut self, started: Choice, expects: Expects, typed: &Secret) -> Next {
        // Many type the number instead of choosing it on the phone: they mean that they have seen
        // it.
        let is_number = |n: &ServerText| n.raw().trim() == typed.expose().trim();
        if self.number.as_ref().is_some_and(is_number) {
            return self.answered_with_nothing(Asked::Started(started, expects));
        }
        let has_code = match expects {
            Expects::Code | Expects::CodeOrEnter => true,
            Expects::Match(_) | Expects::Patience => started.offer.takes_text(),
        };
        if !has_code {
            return self.ask_again(words::JUST_ENTER, Asked::Started(started, expects));
        }
        match code(typed) {
            Some(word) if started.rings_by(&word) => {
                Next::Spend(PhoneAction::Word(started, expects, word))
            }
            Some(code) => match expects {
                Expects::Code | Expects::CodeOrEnter => {
                    self.send_answer(started, Answer::Text(code))
                }
                Expects::Match(_) | Expects::Patience => self.poll_then_answer(started, code),
            },
            None => self.ask_again(words::NO_CODE, Asked::Started(started, expects)),
        }
    }

    fn send_answer(&mut self, choice: Choice, answer: Answer) -> Next {
        self.queue.push(Planned { choice, action: Action::Answer(answer) });
        self.flush()
    }
}

/// What was chosen at a menu, and the code if that is what was typed.
fn pick(menu: &Menu, typed: &Secret) -> Option<(Choice, Option<Shared>)> {
    let text = typed.expose().trim();
    if text.len() < MIN_CODE {
        let number = text.parse::<usize>().ok().filter(|_| is_digits(text))?;
        return Some((menu.choices().nth(number.checked_sub(1)?)?.clone(), None));
    }
    let code = code(typed).filter(|code| is_number(code))?;
    Some((menu.choices().nth(menu.code_taker()?)?.clone(), Some(code)))
}

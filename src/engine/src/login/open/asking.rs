//! Questions to the user, word by word.
#![forbid(unsafe_code)]

use super::super::carried::{Echo, Question};
use super::choice::{Choice, Menu};
use super::state::{Asked, Expects, Open};
use crate::policy::Mechanism;
use crate::words;

impl Open {
    /// A question, after a word on the last answer.
    pub(super) fn question(&self, word: &str, asked: &Asked) -> Question {
        let text = words::joined(word, &self.quiet(asked), &self.text(asked));
        let question = self.known.question(text);
        // Answers to security questions stay the same for years: they are not shown.
        let is_lasting = match asked {
            Asked::Password(_) => true,
            Asked::Text(choice, _) => choice.mechanism == Mechanism::Sq,
            Asked::Menu(_) | Asked::Begin(_) | Asked::Started(..) => false,
        };
        if is_lasting { Question { echo: Echo::Off, ..question } } else { question }
    }

    /// The question for the code of an authenticator, without a word on the last answer.
    pub(super) fn question_for_code(&self, authenticator: &Choice) -> String {
        words::joined("", &words::quiet(self.allowance, true), &begin(authenticator))
    }

    /// That nothing is sent to the phone, where the user may wait for it.
    fn quiet(&self, asked: &Asked) -> String {
        match asked {
            Asked::Menu(_) | Asked::Begin(_) => words::quiet(self.allowance, true),
            Asked::Text(choice, _) => {
                words::quiet(self.allowance, choice.mechanism != Mechanism::Sq)
            }
            Asked::Started(started, Expects::Code | Expects::CodeOrEnter)
                if !rings_by_itself(started.mechanism) =>
            {
                words::quiet(self.allowance, true)
            }
            Asked::Started(..) | Asked::Password(_) => String::new(),
        }
    }

    fn text(&self, asked: &Asked) -> String {
        match asked {
            Asked::Menu(choices) => menu(choices),
            Asked::Begin(choice) => begin(choice),
            Asked::Text(choice, answers) if choice.mechanism == Mechanism::Sq => {
                security_question(choice, answers.len())
            }
            Asked::Text(choice, _) => {
                let prompt = choice.offer.prompt.as_ref().or(choice.offer.label.as_ref());
                words::text(choice.mechanism, prompt)
            }
            Asked::Started(started, Expects::Match(number)) => {
                words::number(number, started.offer.takes_text())
            }
            Asked::Started(started, Expects::Patience) => {
                words::not_yet(self.number.as_ref(), started.offer.takes_text())
            }
            Asked::Started(started, Expects::Code | Expects::CodeOrEnter) => {
                words::code(started.mechanism, started.offer.label.as_ref())
            }
            Asked::Password(_) => words::password(&self.known.terms.tenant_user),
        }
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

fn begin(choice: &Choice) -> String {
    words::begin(choice.mechanism, choice.offer.label.as_ref(), choice.offer.answer)
}

fn menu(menu: &Menu) -> String {
    let line = |c: &Choice| (c.mechanism, c.offer.label.clone());
    let lines: Vec<_> = menu.choices().map(line).collect();
    words::menu(&lines, menu.code_taker())
}

fn security_question(choice: &Choice, nth: usize) -> String {
    let offer = &choice.offer;
    let part = offer.parts.get(nth).map(|(_, text)| text);
    let text = part.or(offer.question.as_ref()).or(offer.prompt.as_ref());
    words::security_question(text)
}

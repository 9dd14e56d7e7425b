//! Why a login was refused, in words for the administrator, and what to do about it.
#![forbid(unsafe_code)]

use countersign::login::IN_ONE_REQUEST;
use countersign::refusal::{Reason, Refusal};
use countersign::tenant::text::shown;

use super::output::Problem;

/// Room for a detail, in characters.
const DETAIL: usize = 300;

/// A refusal as a problem with a hint.
pub fn problem(refusal: &Refusal) -> Problem {
    Problem::new(told(refusal)).hint(hint(refusal.reason, &refusal.detail))
}

/// The reason in words, and the detail behind it.
pub fn told(refusal: &Refusal) -> String {
    let sentence = refusal.reason.sentence();
    match refusal.detail.as_str() {
        "" => sentence.to_owned(),
        detail => format!("{sentence}: {}", shown(detail, DETAIL)),
    }
}

/// The reason with this word in the audit line.
pub fn named(code: &str) -> Option<Reason> {
    Reason::ALL.into_iter().find(|reason| reason.code() == code)
}

/// What to do about it.
pub fn hint(reason: Reason, detail: &str) -> &'static str {
    match reason {
        Reason::AnswerRefused if detail.starts_with(IN_ONE_REQUEST) => {
            "try again; if the tenant refuses every user so, set tenant.multiple_operations = \"off\""
        }
        reason => reason.hint(),
    }
}

//! Why a call came to nothing: each error of the API as a sentence, with what to do about it.
#![forbid(unsafe_code)]

use std::fmt;

use countersign::echo::Echoes;
use countersign::tenant::failure::Failure;
use countersign::tenant::text::ServerText;

/// What a request is about, for the sentence about a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It asks for a secret.
    Generate,
    /// It carries a first code.
    Verify,
    /// It carries a code.
    Code,
    /// It is about the token's own user.
    Own,
    /// It is about another user.
    Other,
}

/// Why a call came to nothing.
#[derive(Debug)]
pub enum Problem {
    /// There was no response.
    Failed(Failure),
    /// There was one that can't be believed.
    Malformed(String),
    /// The tenant said no.
    Refused(Refusal),
}

/// What the tenant said instead of doing what it was asked.
#[derive(Debug)]
pub struct Refusal {
    /// What it was asked.
    pub kind: Kind,
    /// The HTTP status.
    pub status: u16,
    /// The body was a JSON object: this was the API, and not something before it.
    pub speaks: bool,
    /// `errorCode`.
    pub code: Option<ServerText>,
    /// `message`.
    pub message: Option<ServerText>,
}

/// What happened, and what to do.
type Advice = (&'static str, &'static str);

const NEW_TOKEN: &str = "make a new one in the Britive portal";
/// What to do about a wrong code.
pub const NEXT_CODE: &str =
    "wait for the next code, and check the clock of the device that shows the codes";
const REGISTER: &str = "register one: countersign britive register";
const REMOVE_FIRST: Advice = (
    "an authenticator is registered already, or a registration was begun",
    "remove it: countersign britive remove; without its codes, an administrator can: countersign britive admin-remove",
);
const WRONG_CODE: Advice = ("the code is wrong, or was used before", NEXT_CODE);
const MAYBE_WRONG_CODE: Advice =
    ("the code is wrong, or the token is not good for this", NEXT_CODE);
const NOT_REGISTERED: Advice = ("no authenticator is registered", REGISTER);
const MAINTENANCE: &str = "MAINT0001";

/// The codes that Britive's SDK and documentation name for these calls.
const KNOWN: [(&str, Advice); 14] = [
    (
        "AU-0000",
        (
            "the tenant does not accept the token",
            "check that britive.url is the tenant that the token is for",
        ),
    ),
    (
        "AU-0003",
        (
            "the tenant does not know the user of this token",
            "use the token of a user who is still there",
        ),
    ),
    (
        "AU-0004",
        ("the user of this token is disabled", "ask an administrator of the Britive tenant"),
    ),
    (
        "AU-0007",
        ("the bearer token is not valid, or not any more", "log in to Britive again for a new one"),
    ),
    ("AU-0009", WRONG_CODE),
    ("AU-0010", NOT_REGISTERED),
    (
        "AU-0015",
        (
            "the tenant does not know this API token",
            "check that it is whole, or make a new one in the Britive portal",
        ),
    ),
    ("AU-0016", ("the API token was revoked", NEW_TOKEN)),
    ("AU-0017", ("the API token has expired", NEW_TOKEN)),
    (
        "AU-0018",
        (
            "the API token is not valid",
            "check that it is whole, or make a new one in the Britive portal",
        ),
    ),
    ("AU-0021", ("the account is locked", "wait, or ask an administrator of the Britive tenant")),
    ("MFA-0001", REMOVE_FIRST),
    (
        "PE-0028",
        (
            "the tenant asks for a step-up first",
            "run countersign britive step-up, and then this again",
        ),
    ),
    (MAINTENANCE, ("the tenant is under maintenance", "try again later")),
];

impl Problem {
    /// Removes the tenant's words that repeat a secret.
    #[must_use]
    pub fn without(self, echoes: &Echoes) -> Problem {
        match self {
            Problem::Failed(failure) => Problem::Failed(failure.without(echoes)),
            Problem::Malformed(what) => Problem::Malformed(echoes.kept_out_of(what)),
            Problem::Refused(refusal) => Problem::Refused(Refusal {
                code: refusal.code.map(|code| code.without(echoes)),
                message: refusal.message.map(|message| message.without(echoes)),
                ..refusal
            }),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Problem::Failed(Failure::Outage(..)) => "check britive.url and the network",
            Problem::Failed(Failure::Misbehaved(..)) => {
                "check britive.url, and britive.ca_file if the certificate is of a CA of your own"
            }
            Problem::Failed(Failure::Local(..)) => "see to this machine first",
            Problem::Malformed(_) => "check that britive.url is the address of a Britive tenant",
            Problem::Refused(refusal) => refusal.advice().1,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Failed(failure) => write!(f, "no answer from the Britive tenant: {failure}"),
            Problem::Malformed(what) => {
                write!(f, "the answer is not one of a Britive tenant: {what}")
            }
            Problem::Refused(refusal) => refusal.fmt(f),
        }
    }
}

impl std::error::Error for Problem {}

impl Refusal {
    /// Nothing is registered, says the API itself.
    #[must_use]
    pub fn finds_nothing(&self) -> bool {
        self.status == 404 && self.speaks
    }

    /// It was asked too often, or has trouble that may be over soon.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self.status, 429 | 500 | 502 | 503 | 504) && !self.is(MAINTENANCE)
    }

    /// It was the code, as far as that can be told: a wrong one and a token that has expired can
    /// look the same.
    #[must_use]
    pub fn is_wrong_code(&self) -> bool {
        match self.known() {
            Some(advice) => advice == WRONG_CODE,
            None => self.of_status() == MAYBE_WRONG_CODE,
        }
    }

    fn is(&self, code: &str) -> bool {
        let said = self.code.as_ref().map(ServerText::raw);
        said.is_some_and(|said| said.eq_ignore_ascii_case(code))
    }

    fn known(&self) -> Option<Advice> {
        let mut all = KNOWN.iter();
        all.find(|(code, _)| self.is(code)).map(|(_, advice)| *advice)
    }

    fn advice(&self) -> Advice {
        self.known().unwrap_or_else(|| self.of_status())
    }

    /// What the status alone says.
    fn of_status(&self) -> Advice {
        match (self.status, self.kind) {
            (400, Kind::Verify) => (
                "the tenant did not understand the verification of the code",
                "Britive does not document it: ask Britive, and set britive.verify_action and britive.verify_key",
            ),
            (400 | 405 | 413, _) => (
                "the tenant did not understand the request",
                "check that britive.url is the address of a Britive tenant",
            ),
            (401 | 403, Kind::Verify | Kind::Code) if self.speaks => MAYBE_WRONG_CODE,
            (401, _) => (
                "the token is not valid",
                "check that it is whole, or make a new one in the Britive portal",
            ),
            (403, _) => (
                "the user of this token may not do that",
                "ask an administrator of the Britive tenant",
            ),
            (404, _) if !self.speaks => (
                "there is no such API at this address",
                "check that britive.url is the address of a Britive tenant",
            ),
            (404, Kind::Other) => (
                "no authenticator is registered for this user, or there is no such user",
                "see the user's page in the Britive portal for the id",
            ),
            (404, _) => NOT_REGISTERED,
            (409, _) => REMOVE_FIRST,
            (429, _) => ("the tenant is asked too often", "wait a minute, then try again"),
            (500..=599, _) => ("the tenant has trouble of its own", "try again later"),
            _ => (
                "the tenant answered what it should not",
                "check that britive.url is the address of a Britive tenant",
            ),
        }
    }
}

/// The sentence; for a code that is not known also what the tenant says itself.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.advice().0)?;
        let code = self.code.as_ref().map(|code| code.shown(20));
        match (self.known(), code) {
            (Some(_), Some(code)) => write!(f, " ({code})"),
            (_, None) => write!(f, " (HTTP status {})", self.status),
            (None, Some(code)) => {
                let message = self.message.as_ref().map(|message| message.shown(200));
                let message = message.unwrap_or_default().replace('"', "'");
                write!(f, " (HTTP status {}, {code}: \"{message}\")", self.status)
            }
        }
    }
}

#[cfg(test)]
#[path = "refusal_tests.rs"]
mod tests;

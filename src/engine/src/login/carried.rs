//! What goes into a login, and what its steps carry.
#![forbid(unsafe_code)]

use crate::local::budget::Allowance;
use crate::policy::{Mechanism, TenantUrl, Terms};
use crate::secret::{Secret, Shared};
use crate::tenant::http::Patience;
use crate::tenant::request::Request;

/// What a login starts with.
pub struct Start {
    /// What is demanded.
    pub terms: Terms,
    /// The password that the stack has, if it is this person's.
    pub password: Option<Secret>,
    /// This machine's own credentials, where the terms are those of a step-up.
    pub machine: Option<Machine>,
    /// Whether this person's phone may ring, as far as is known.
    pub allowance: Allowance,
    /// What the stack has shown before.
    pub before: Before,
}

/// What the modules before this one have left in the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// A password of this person's. The administrator says that it was verified.
    Password,
    /// Nothing.
    Nothing,
}

/// How this machine itself logs in.
pub struct Machine {
    /// The client's secret.
    pub secret: Secret,
    /// A token from an earlier login.
    pub token: Option<Secret>,
}

/// What outlives a login.
pub enum Keep {
    /// A token for this machine, and how many seconds it lives.
    Token(Shared, u64),
    /// The tenant takes the token no longer.
    NoToken,
}

/// A request and where to send it.
pub struct Outgoing {
    /// The host, as the administrator named it.
    pub to: TenantUrl,
    /// The request.
    pub request: Request,
    /// `Authorization`, where the request speaks for this machine or for a token.
    pub authorization: Option<Shared>,
    /// How long its response may take.
    pub patience: Patience,
    /// The mechanisms that it is about, for the log.
    pub about: Vec<Mechanism>,
}

impl Outgoing {
    /// A request that speaks for no token and is about no mechanism.
    pub(super) fn plain(to: &TenantUrl, request: Request) -> Self {
        let (to, about) = (to.clone(), Vec::new());
        Self { to, request, authorization: None, patience: Patience::Request, about }
    }
}

/// Something to say without waiting for an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// For the user, while an approval is awaited. Of no use afterwards.
    Waiting(String),
    /// The page that a federated user has to open: a link, and a picture of it where that can be
    /// shown.
    Page(String),
    /// For the log: an administrator should look at it.
    Log(String),
    /// For the log, where more is asked for.
    Debug(String),
    /// For the log, with the name of the user: nothing else may ever be written about this login.
    Note(String),
}

/// A question to the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The whole prompt, made harmless, shorter than 512 bytes.
    pub text: String,
    /// Whether the answer is shown while it is typed.
    pub echo: Echo,
}

/// Whether typing is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Echo {
    /// `PAM_PROMPT_ECHO_ON`.
    On,
    /// `PAM_PROMPT_ECHO_OFF`.
    Off,
}

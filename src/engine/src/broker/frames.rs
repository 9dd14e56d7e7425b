//! What the module and the broker say to each other, each a packet of JSON.
//!
//! The module begins with [`Told::Hello`]. After that the broker asks and the module answers, one
//! answer for each question that wants one; [`Told::Stop`] alone comes unasked.
#![forbid(unsafe_code)]

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::host::Decision;
use crate::os::{Login, Process, Session};

/// The version of this language. Module and broker come in one package, and after an upgrade a
/// program can still have the old module loaded: a broker refuses what it does not know.
pub const VERSION: u32 = 1;

/// What the module says.
#[derive(Serialize, Deserialize)]
pub enum Told {
    /// Who calls: the first packet.
    Hello(Box<Hello>),
    /// The answer to a question, or `PAM_AUTHTOK`.
    Answer(Asked),
    /// `PAM_USER` as it is now.
    User(Option<String>),
    /// What the module sees of its process.
    Seen(Seen),
    /// A program asks whether there is a broker, in place of [`Told::Hello`].
    Check,
    /// The user wants to stop. It may come at any time, and stays the last that is read.
    Stop,
}

/// What came back from a question.
#[derive(Serialize, Deserialize)]
pub enum Asked {
    /// An answer.
    Typed(Zeroizing<String>),
    /// Nothing was typed.
    Empty,
    /// More than libpam takes.
    TooLong,
    /// No text.
    NotUtf8,
    /// The conversation failed.
    Failed,
    /// The stack has no password.
    None,
}

/// Why there is no `PAM_USER`.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub enum Nameless {
    /// The user has not told it.
    Untold,
    /// It is not text.
    NotText,
}

/// Who calls, for which user, and from where: what libpam knows.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hello {
    /// [`VERSION`] of the module.
    pub version: u32,
    /// `PAM_USER`.
    pub user: Result<String, Nameless>,
    /// `PAM_SERVICE`.
    pub service: String,
    /// `PAM_RHOST`.
    pub rhost: Option<String>,
    /// `PAM_TTY`.
    pub tty: Option<String>,
    /// `PAM_RUSER`.
    pub ruser: Option<String>,
    /// The real uid of the program.
    pub real_uid: u32,
    /// `SSH_AUTH_INFO_0` in the PAM environment.
    pub ssh_auth_info: Option<String>,
    /// The arguments of the module's line.
    pub arguments: Vec<String>,
    /// What the program is called.
    pub program: String,
    /// Its number.
    pub pid: u32,
    /// Whether it may show its prompts in a window of another program.
    pub window: bool,
}

/// What the broker says.
#[derive(Serialize, Deserialize)]
pub enum Ask {
    /// The password: the one that the stack has, else libpam's own prompt.
    Password,
    /// The password, if the stack has it already.
    StackedPassword,
    /// A question.
    Question {
        /// What the user reads.
        text: Zeroizing<String>,
        /// Whether what is typed is shown.
        echo: bool,
    },
    /// A message, which wants no answer.
    Tell(Zeroizing<String>),
    /// Why the login ends, which wants no answer.
    Complain(String),
    /// `PAM_USER` as it is now.
    User,
    /// [`Seen::Login`]
    Login,
    /// [`Seen::Session`]
    Session,
    /// [`Seen::Connection`]
    Connection,
    /// [`Seen::Screen`]
    Screen,
    /// There is one: the answer to [`Told::Check`].
    Here,
    /// The configuration keeps logins in the program's own process: the last packet.
    NotHere,
    /// The verdict: the last packet.
    End {
        /// What libpam is told.
        decision: Decision,
        /// For pam_fail_delay(3), in microseconds.
        delay: u64,
        /// The audit line, for a program of root's alone.
        line: Option<String>,
    },
}

/// What the module sees of its process.
#[derive(Serialize, Deserialize)]
pub enum Seen {
    /// The login that has started it.
    Login(Login),
    /// Its session, and the processes above it; `None` where that can't be told.
    Session(Option<(Session, Vec<Process>)>),
    /// The process of sshd's that looks after its connection.
    Connection(Option<Process>),
    /// Rows, columns, and whether there are half blocks.
    Screen(u16, u16, bool),
}

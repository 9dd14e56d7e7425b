//! Login MFA for Linux: a PAM module that asks a CyberArk Identity tenant whether this person may
//! log in.
//!
//! A login is a pure function of what the tenant and the user say:
//!
//! ```text
//!       judges                             decides
//!    ┌───────────┐    terms    ┌──────────────────────────────┐
//!    │  policy   │────────────▶│  login   (a state machine)   │
//!    └─────▲─────┘             └────────┬─────────────▲───────┘
//!          │ subject               Step │             │ reply, answer, time
//!          │                            ▼             │
//!    ┌─────┴─────┐             ┌──────────────────────┴───────┐
//!    │    pam    │────────────▶│  host    (the only loop)     │
//!    └─────▲─────┘   verdict   └──┬────────┬───────┬───────┬──┘
//!          │       ◀──────────────┘        │       │       │
//!        libpam                         tenant  local     log
//! ```
//!
//! [`policy`] judges what a user must meet; [`login`] decides, as a state machine without I/O;
//! [`host`] carries out its steps and is the only loop. Above [`login::Step`] there is no I/O, no
//! clock, no environment and no unsafe code; below it nothing is decided that changes who gets in.
//! ARCHITECTURE.md is the map of all rooms.

// In the order in which a reader follows a login.
pub mod pam;

pub mod broker;

pub mod host;

pub mod policy;

pub mod login;

pub mod words;

pub mod tenant;

pub mod local;

pub mod log;

// What all of these stand on.
pub mod audit;
pub mod echo;
pub mod os;
pub mod otpauth;
pub mod refusal;
pub mod secret;

/// Whatever any library frees is wiped: passwords pass through several of them.
#[global_allocator]
static ALLOCATOR: os::Wiping = os::Wiping;

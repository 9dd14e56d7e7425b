//! Login MFA for Linux: a PAM module that asks a CyberArk Identity tenant whether this person may
//! log in.
//!
//! A login is a pure function of what the tenant and the user say. [`policy`] judges what is
//! demanded of whom; [`login`] decides, as a state machine without I/O; [`host`] drives it
//! and has the only loop. Below it are [`tenant`] (HTTPS), the conversation (`pam`), [`os`] and
//! [`log`]. Above [`login::Step`] there is no I/O, no clock, no environment and no unsafe code;
//! below it nothing is decided that changes who gets in.

pub mod host;

pub mod login;
pub mod refusal;

pub mod policy;

pub mod tenant;

pub mod otpauth;

pub mod words;

pub mod audit;
pub mod log;

pub mod local;

pub mod echo;
pub mod secret;

pub mod os;
pub mod pam;

/// Whatever any library frees is wiped: passwords pass through several of them.
#[global_allocator]
static ALLOCATOR: os::Wiping = os::Wiping;

//! The subcommands, named as they are typed: each has its arguments, its help and its code here.
#![forbid(unsafe_code)]

pub mod britive;
pub mod budget;
pub mod check;
pub mod completions;
pub mod confirm;
pub mod explain;
pub mod forget;
pub mod login;
pub mod mechanisms;
pub mod policy;
pub mod purge;
pub mod rehearse;
pub mod sessions;
pub mod setup;
pub mod support_bundle;
pub mod totp;
pub mod unsetup;

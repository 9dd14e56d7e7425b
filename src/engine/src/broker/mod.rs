//! Logins in a process of their own: what the module and the broker say to each other, and the
//! module's side of it.
//!
//! The broker (`countersignd`) runs the same engine, where the user who wants to get in can neither
//! stop nor limit nor starve it. The module says who calls, carries questions and answers, and
//! turns the verdict into a code for libpam.
//!
//! - `frames`: what is said, and how it is written
//! - `channel`: one connection
//! - `client`: the module's side
#![forbid(unsafe_code)]

mod channel;
mod client;
mod frames;

pub use channel::{Channel, Trouble};
pub use client::{Ending, SOCKET, authenticate, is_alive};
pub use frames::{Ask, Asked, Hello, Nameless, Seen, Told, VERSION};

//! TOTP at a Britive tenant: registered, looked at, removed, and checked. The command alone talks
//! to it.
//!
//! Source: "Manage MFA" of the Britive API's documentation, and where that is silent or at odds
//! with itself, what Britive's Python SDK does. No login depends on any of it.
#![forbid(unsafe_code)]

pub mod client;
pub mod refusal;
pub mod token;
pub mod wire;

pub use client::Client;
pub use refusal::Problem;
pub use token::Token;
pub use wire::{Code, Status, StepUp, UserId};

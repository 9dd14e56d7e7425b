//! Challenge policies of the tenant, for an administrator. The command alone changes them.
//!
//! Source: "On Demand Challenges" of the tenant's API documentation, whose six calls these are.
//! What a policy holds besides is given back as it came.
#![forbid(unsafe_code)]

pub mod block;
pub mod client;
pub mod json;
pub mod refusal;
pub mod rule;
#[cfg(test)]
mod tests;
pub mod wire;

pub use block::{Block, ChallengePolicy, Name, New, Profile};
pub use client::Client;
pub use json::Json;
pub use refusal::Problem;
pub use rule::Rule;
pub use wire::{Link, Links};

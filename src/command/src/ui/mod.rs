//! What the administrator sees and types.
#![forbid(unsafe_code)]

pub mod dialogue;
pub mod output;
pub mod reasons;
pub mod terminal;

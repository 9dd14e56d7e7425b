//! The configuration that a subcommand reads, and where in it something stands.
#![forbid(unsafe_code)]

pub mod context;
pub mod places;

//! The configuration that a subcommand reads, where in it something stands, and how long it may be.
#![forbid(unsafe_code)]

pub mod context;
pub mod places;
pub mod room;

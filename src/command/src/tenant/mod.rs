//! What the command asks of tenants, and for which user.
#![forbid(unsafe_code)]

pub mod admin;
pub mod britive;
pub mod drive;
pub mod guise;
pub mod whom;

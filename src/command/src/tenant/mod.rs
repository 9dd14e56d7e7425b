//! What the command alone asks of tenants: challenge policies, and authenticators at Britive.
#![forbid(unsafe_code)]

pub mod admin;
pub mod britive;

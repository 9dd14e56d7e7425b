//! Talking to the tenant: what goes over the wire, and how.
#![forbid(unsafe_code)]

pub mod failure;
pub mod http;
pub mod json;
pub mod probe;
pub mod reply;
pub mod request;
pub mod silence;
pub mod text;
pub mod token;

mod line;
mod means;
mod nameservers;
mod proxy;
mod resolver;
mod roots;
mod socket;
mod tables;
mod watch;

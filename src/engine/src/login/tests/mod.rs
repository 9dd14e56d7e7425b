//! Whole logins against a scripted tenant and a scripted user. No I/O: the replies are the bytes
//! that a tenant sends.
#![forbid(unsafe_code)]

mod ahead;
mod basics;
mod batches;
mod budget;
mod endings;
mod federated;
mod floor;
mod mechanisms;
mod menu;
mod offline;
mod on_demand;
mod opening;
mod package;
mod packages;
mod polling;
mod step_up;
mod walk;
mod world;

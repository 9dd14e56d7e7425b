//! PAM on this computer: stacks, modules, and the application's side of libpam.
#![deny(unsafe_code)]

#[expect(unsafe_code, reason = "libpam is called")]
pub mod application;
pub mod asked;
pub mod modules;
pub mod our_module;
pub mod stacks;

//! SELinux on this computer: what the kernel says of its policy, and the domains of programs.
#![forbid(unsafe_code)]

pub mod domains;
pub mod kernel;

//! What this computer is: its files, its PAM stacks, sshd, SELinux, accounts, sudo.
#![deny(unsafe_code)]

pub mod accounts;
pub mod invoker;
pub mod outside;
pub mod pam;
pub mod program;
pub mod root;
pub mod selinux;
pub mod sshd;
pub mod sudoers;

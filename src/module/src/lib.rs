//! `pam_countersign.so`: the entry points that libpam looks for, and with them the engine.
#![forbid(unsafe_code)]

pub use countersign::pam::{pam_sm_acct_mgmt, pam_sm_authenticate, pam_sm_setcred};

//! What setup writes: each part plans itself, writes itself and takes itself back. The journal
//! keeps a list of them.
#![forbid(unsafe_code)]

pub mod authselect;
pub mod configuration;
pub mod debian;
pub mod service;
pub mod sshd;
mod written;

use serde::{Deserialize, Serialize};

use authselect::Authselect;
use configuration::Configuration;
use debian::Debian;
use service::Service;
use sshd::Sshd;
pub use written::Written;

/// One part of a setup.
#[derive(Serialize, Deserialize)]
pub enum Part {
    Configuration(Configuration),
    Debian(Debian),
    Authselect(Authselect),
    Service(Service),
    Sshd(Sshd),
}

impl Part {
    /// Returns the part by what all parts can do.
    pub fn written(&self) -> &dyn Written {
        match self {
            Self::Configuration(part) => part,
            Self::Debian(part) => part,
            Self::Authselect(part) => part,
            Self::Service(part) => part,
            Self::Sshd(part) => part,
        }
    }
}

//! What a setup waits for, before it stays.
#![forbid(unsafe_code)]

use serde::{Deserialize, Serialize};

use super::announce::Place;

/// A setup that is taken back by itself unless the administrator confirms it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Awaited {
    /// The setup that is meant by the timer that takes it back.
    pub token: String,
    pub services: Vec<String>,
    /// Which boot it was made in.
    pub boot: String,
    /// When in that boot everything was written, in ticks: a login before that proves nothing.
    /// `None` until then.
    pub since: Option<u64>,
    /// Until when, in seconds since 1970, for people.
    pub until: u64,
    /// Where it was typed.
    #[serde(default)]
    pub typed_on: Option<Place>,
}

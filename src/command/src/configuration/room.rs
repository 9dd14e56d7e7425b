//! How much room a configuration has left: a login refuses one that is too long.
#![forbid(unsafe_code)]

use countersign::policy::LONGEST;

/// From here on the end is near, in bytes.
const NEAR: u64 = LONGEST / 4 * 3;

/// What makes a configuration shorter.
pub const REMEDY: &str =
    "put names into a file of their own, users.names_file; name a group in place of many users";

/// How a length compares with the limit.
#[derive(Debug, PartialEq, Eq)]
pub enum Room {
    /// There is enough.
    Enough,
    /// Hardly any is left, with what to say about it.
    Little(String),
    /// Nothing is left.
    None(String),
}

impl Room {
    /// Looks at the length of a configuration, in bytes.
    pub fn of(length: usize) -> Self {
        let length = length as u64;
        let said = format!(
            "is {} KiB long, and no login takes more than {} KiB",
            length.div_ceil(1024),
            LONGEST / 1024
        );
        if length <= NEAR {
            Self::Enough
        } else if length <= LONGEST {
            Self::Little(said)
        } else {
            Self::None(said)
        }
    }
}

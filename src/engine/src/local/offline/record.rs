//! One user's record, and its form in a file: a line with version and checksum, then JSON.
//!
//! No login writes to that file. What has changed since is beside it, in numbers (`book`).
#![forbid(unsafe_code)]

use std::io;

use data_encoding::HEXLOWER;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::moment::{Moment, Pause};
use super::recovery::Hashes;
use crate::otpauth::Key;

/// What the first line begins with, version included. Another one is not guessed at.
const HEAD: &str = "countersign-offline 1 ";
/// How the line begins in every version.
const KIND: &str = "countersign-offline ";

/// What is known about one user's offline codes.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Whose it is. The file is named so, too.
    pub uid: u32,
    /// The name under which the user was enrolled.
    pub user: String,
    /// The key.
    pub key: Key,
    /// Whether it has been seen to work.
    pub stage: Stage,
    /// No code of this step of time or an earlier one counts again. Never goes back.
    pub last_step: u64,
    /// The latest time that the machine's clock has shown here, in seconds since 1970.
    pub clock: u64,
    /// The last online login, or the enrolment, in seconds since 1970.
    pub online: u64,
    /// Offline logins since then.
    pub logins: u32,
    /// Wrong codes since the last right one.
    pub failures: u32,
    /// No code counts for that time: too many were wrong.
    pub wait: Option<Pause>,
    /// No code counts for that time: the tenant has refused the user.
    pub refused: Option<Pause>,
    /// What is left of the recovery codes.
    pub recovery: Hashes,
}

/// Whether a key has been seen to work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// It was never used.
    Pending,
    /// A right code was given.
    Active,
}

/// A record, and the codes that are shown once.
pub struct Enrolment {
    /// The record, to be kept.
    pub record: Record,
    /// The recovery codes.
    pub codes: Vec<Zeroizing<String>>,
}

impl Enrolment {
    /// A new record, pending.
    ///
    /// # Errors
    ///
    /// What getrandom(2) fails with.
    pub fn new(uid: u32, user: &str, key: Key, now: &Moment) -> io::Result<Self> {
        let (recovery, codes) = Hashes::new()?;
        let record = Record {
            uid,
            user: user.to_owned(),
            key,
            stage: Stage::Pending,
            last_step: 0,
            clock: now.wall,
            online: now.wall,
            logins: 0,
            failures: 0,
            wait: None,
            refused: None,
            recovery,
        };
        Ok(Self { record, codes })
    }
}

impl Record {
    /// The bytes of its file.
    ///
    /// # Errors
    ///
    /// Never, as far as can be seen.
    pub fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, String> {
        let body = serde_json::to_string(self).map(Zeroizing::new);
        let body = body.map_err(|error| error.to_string())?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(body.len() + 100));
        for part in [HEAD, &checksum(body.as_bytes()), "\n", &body] {
            bytes.extend_from_slice(part.as_bytes());
        }
        Ok(bytes)
    }

    /// Reads what [`Record::to_bytes`] wrote, and nothing else.
    ///
    /// # Errors
    ///
    /// What is wrong. Then nothing in it is believed.
    pub fn from_bytes(bytes: &[u8], uid: u32) -> Result<Self, &'static str> {
        const DAMAGED: &str = "is damaged: remove it and enrol the user again";
        let line = bytes.iter().position(|byte| *byte == b'\n');
        let (head, body) = bytes.split_at(line.ok_or(DAMAGED)?);
        let body = body.get(1..).unwrap_or_default();
        let Some(sum) = head.strip_prefix(HEAD.as_bytes()) else {
            return Err(if head.starts_with(KIND.as_bytes()) {
                "is of another version of countersign, or damaged"
            } else {
                DAMAGED
            });
        };
        if sum != checksum(body).as_bytes() {
            return Err(DAMAGED);
        }
        let record: Self = serde_json::from_slice(body).map_err(|_| DAMAGED)?;
        if record.uid == uid { Ok(record) } else { Err("is another user's") }
    }
}

fn checksum(bytes: &[u8]) -> String {
    HEXLOWER.encode(digest(&SHA256, bytes).as_ref())
}

//! Offline codes: tried here, and what the tenant says of their owners is kept for the next outage.
#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::time::Duration;

use crate::local::offline::record::Record;
use crate::local::offline::rules::CodeRefusal;
use crate::local::offline::{Asked, Enrolled, Receipt, Store};
use crate::local::{Unmarked, Unusable};
use crate::log::{Level, Log};
use crate::os::Trusted;
use crate::policy::{Policy, Terms};
use crate::refusal::Reason;
use crate::secret::Secret;

/// The records of the users who are enrolled, as far as this login may use them.
pub(super) struct Records<'a> {
    log: &'a Log,
    trusted: &'a Trusted,
    /// Where they are, where any service knows offline codes.
    place: Option<Place>,
}

struct Place {
    folder: PathBuf,
    /// How long no code counts for a user that the tenant has refused.
    pause: Duration,
}

impl<'a> Records<'a> {
    pub(super) fn new(log: &'a Log, trusted: &'a Trusted, policy: &Policy) -> Self {
        let place = |pause| Place { folder: policy.offline_folder().to_owned(), pause };
        Self { log, trusted, place: policy.offline_pause().map(place) }
    }

    /// Tries a code. If it counts, that is on the disk when this returns.
    pub(super) fn redeem(&self, terms: &Terms, code: &Secret) -> Result<Receipt, CodeRefusal> {
        let (Some(place), Some(offline)) = (&self.place, &terms.offline) else {
            return Err(CodeRefusal::NotEnrolled);
        };
        let store = Store::open_knowing(self.trusted, &place.folder);
        let store = store.map_err(|Unusable(problem)| CodeRefusal::Unusable(problem))?;
        store.redeem(terms.person.uid, code.expose(), offline.limits)
    }

    /// Keeps that the tenant is asked, before it is told anything that it could refuse, where the
    /// user is enrolled.
    pub(super) fn mark(&self, uid: u32) -> Result<Option<Asked>, Unmarked> {
        let Some(place) = &self.place else {
            return Ok(None);
        };
        match Store::find(self.trusted, &place.folder)? {
            Some(store) => store.ask(uid, place.pause),
            None => Ok(None),
        }
    }

    /// Takes the mark back: the login ended with nothing that the tenant has said of the user.
    pub(super) fn note_no_answer(&self, asked: Option<Asked>) {
        if let Some(asked) = asked {
            self.said(asked.taken_back());
        }
    }

    /// Keeps that the tenant let the user in: offline logins begin anew, and those that there were
    /// are told.
    pub(super) fn note_online(&self, uid: u32, asked: Option<Asked>) {
        let logins = match asked {
            Some(asked) => self.said(asked.online()),
            None => self.with_store(|store, _| store.online(uid)).flatten(),
        };
        if let Some(logins @ 1..) = logins {
            let line = format!("offline: {logins} logins of uid {uid} since the last online one");
            self.log.line(Level::Warning, &line);
        }
    }

    /// Keeps that the tenant has refused the user, or may have: an outage right after a refusal is
    /// suspicious. Once something was sent that could be refused, only an end that the tenant has
    /// nothing to do with takes the mark back.
    pub(super) fn note_refused(
        &self,
        uid: u32,
        asked: Option<Asked>,
        reason: Reason,
        in_doubt: bool,
    ) {
        match asked {
            Some(asked) if in_doubt || reason.is_of_the_tenant() || reason.is_no_word() => {
                self.said(asked.refused());
            }
            Some(asked) => {
                self.said(asked.taken_back());
            }
            None if reason.is_of_the_tenant() => {
                self.with_store(|store, pause| store.refused(uid, pause));
            }
            None => {}
        }
    }

    /// Returns whether a key may be offered to the user, and keeps that it was.
    pub(super) fn offer(&self, uid: u32) -> bool {
        self.with_store(|store, _| store.offer(uid)) == Some(true)
    }

    /// Keeps a new record.
    pub(super) fn enroll(&self, record: &Record) -> Option<Enrolled> {
        self.with_store(|store, _| store.enroll(record))
    }

    fn with_store<T>(&self, f: impl FnOnce(&Store, Duration) -> Result<T, Unusable>) -> Option<T> {
        let place = self.place.as_ref()?;
        let store = Store::open_knowing(self.trusted, &place.folder);
        self.said(store.and_then(|store| f(&store, place.pause)))
    }

    fn said<T>(&self, done: Result<T, Unusable>) -> Option<T> {
        done.inspect_err(|problem| self.log.line(Level::Warning, &format!("offline: {problem}")))
            .ok()
    }
}

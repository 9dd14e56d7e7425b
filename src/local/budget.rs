//! How often a phone may ring: pushes, texts, mails and calls of one person, over all processes and services.
//!
//! sshd and sudo repeat a refused login three to six times, and a robot for ever. Each time a phone would ring.
#![forbid(unsafe_code)]

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Change, State, Unusable, file_name};

const KIND: &str = "budget";

/// How much is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// So many without a success in between ...
    pub count: u8,
    /// ... in this time.
    pub window: Duration,
    /// How long none is sent after one was refused.
    pub pause: Duration,
}

/// Whether one more may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// Yes.
    Free,
    /// Too many were sent: not before this time has passed.
    Over(Duration),
    /// The last one was refused: not before this time has passed.
    Paused(Duration),
    /// The limits allow none at all.
    Never,
}

/// What is known of one person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// The name in the tenant.
    pub user: String,
    /// When something was sent, in seconds since boot.
    pub sent: Vec<u64>,
    /// Until when nothing is sent, in seconds since boot.
    pub paused_until: u64,
}

impl Spent {
    fn recent(&self, limits: Limits, now: u64) -> Vec<u64> {
        let since = now.saturating_sub(limits.window.as_secs());
        self.sent.iter().copied().filter(|at| *at > since).collect()
    }

    fn room(&self, limits: Limits, now: u64) -> Room {
        if limits.count == 0 {
            return Room::Never;
        }
        let recent = self.recent(limits, now);
        let over = recent.len().checked_sub(usize::from(limits.count));
        let next = over
            .and_then(|over| recent.get(over))
            .map(|at| at + limits.window.as_secs());
        let next = next.unwrap_or(0);
        let left = |until: u64| Duration::from_secs(until.saturating_sub(now).max(1));
        if self.paused_until > next.max(now) {
            Room::Paused(left(self.paused_until))
        } else if over.is_some() {
            Room::Over(left(next))
        } else {
            Room::Free
        }
    }
}

impl State {
    /// Whether something may be sent to `user`, without sending it.
    ///
    /// # Errors
    ///
    /// [`Unusable`]: then nothing may be sent.
    pub fn room(&self, user: &str, limits: Limits) -> Result<Room, Unusable> {
        let spent: Option<Spent> = self.load(&name(user))?;
        Ok(spent.unwrap_or_default().room(limits, self.now()))
    }

    /// How many may be sent to `user` before a success, without sending any.
    ///
    /// # Errors
    ///
    /// [`Unusable`]: then nothing may be sent.
    pub fn left(&self, user: &str, limits: Limits) -> Result<usize, Unusable> {
        let spent: Option<Spent> = self.load(&name(user))?;
        let recent = spent.unwrap_or_default().recent(limits, self.now());
        Ok(usize::from(limits.count).saturating_sub(recent.len()))
    }

    /// Counts one more, if it is allowed. What was counted was written before this returns.
    ///
    /// # Errors
    ///
    /// [`Unusable`]: then nothing may be sent.
    pub fn spend(&self, user: &str, limits: Limits) -> Result<Room, Unusable> {
        let now = self.now();
        self.update(&name(user), |spent: &mut Spent| {
            match spent.room(limits, now) {
                Room::Free => {
                    spent.user = folded(user);
                    let since = now.saturating_sub(limits.window.as_secs());
                    spent.sent.retain(|at| *at > since);
                    spent.sent.push(now);
                    (Change::Write, Room::Free)
                }
                none @ (Room::Over(_) | Room::Paused(_) | Room::Never) => (Change::None, none),
            }
        })
    }

    /// A refusal: nothing more is sent for a while.
    ///
    /// # Errors
    ///
    /// [`Unusable`].
    pub fn pause(&self, user: &str, limits: Limits) -> Result<(), Unusable> {
        let until = self.now() + limits.pause.as_secs();
        self.update(&name(user), |spent: &mut Spent| {
            spent.user = folded(user);
            spent.paused_until = spent.paused_until.max(until);
            (Change::Write, ())
        })
    }

    /// A success: everything that was sent is forgotten. Says whether there was anything. Also what an administrator does.
    ///
    /// # Errors
    ///
    /// [`Unusable`].
    pub fn refill(&self, user: &str) -> Result<bool, Unusable> {
        self.update(&name(user), |spent: &mut Spent| {
            match *spent == Spent::default() {
                true => (Change::None, false),
                false => (Change::Remove, true),
            }
        })
    }

    /// The same for whoever has just spent something, so that what there is to be forgotten is known.
    ///
    /// # Errors
    ///
    /// [`Unusable`].
    pub fn refill_after_spending(&self, user: &str) -> Result<(), Unusable> {
        self.remove(&name(user))
    }

    /// Everybody of whom something is known.
    ///
    /// # Errors
    ///
    /// [`Unusable`].
    pub fn all_spent(&self) -> Result<Vec<Spent>, Unusable> {
        let files = self.names(&format!("{KIND}-"))?;
        let loaded = files.iter().map(|file| self.load(file));
        Ok(loaded
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .flatten()
            .collect())
    }
}

/// The tenant folds the case of names, and so do we: another spelling is no second budget.
fn folded(user: &str) -> String {
    user.to_lowercase()
}

fn name(user: &str) -> String {
    file_name(KIND, &folded(user))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        count: 3,
        window: Duration::from_secs(600),
        pause: Duration::from_secs(60),
    };

    fn spent(sent: &[u64], paused_until: u64) -> Spent {
        Spent {
            user: String::new(),
            sent: sent.to_vec(),
            paused_until,
        }
    }

    #[test]
    fn the_fourth_in_ten_minutes_waits_for_the_first_to_be_over() {
        let over = |seconds| Room::Over(Duration::from_secs(seconds));
        assert_eq!(spent(&[], 0).room(LIMITS, 0), Room::Free);
        assert_eq!(spent(&[1000, 1100], 0).room(LIMITS, 1200), Room::Free);
        assert_eq!(spent(&[1000, 1100, 1200], 0).room(LIMITS, 1200), over(400));
        assert_eq!(spent(&[1000, 1100, 1200], 0).room(LIMITS, 1599), over(1));
        assert_eq!(spent(&[1000, 1100, 1200], 0).room(LIMITS, 1600), Room::Free);
    }

    #[test]
    fn a_pause_holds_whatever_is_left() {
        assert_eq!(
            spent(&[], 1060).room(LIMITS, 1000),
            Room::Paused(Duration::from_secs(60))
        );
        assert_eq!(spent(&[], 1060).room(LIMITS, 1060), Room::Free);
    }

    #[test]
    fn a_budget_of_nothing_never_has_room() {
        let none = Limits { count: 0, ..LIMITS };
        assert_eq!(spent(&[], 0).room(none, 1000), Room::Never);
        assert_eq!(spent(&[900], 1060).room(none, 1000), Room::Never);
    }
}

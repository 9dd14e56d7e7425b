//! How many logins run at once, for each user who runs the programs that ask.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// So many for root's own programs: sshd, login, greeters. sshd has a bound of its own
/// (`MaxStartups`).
const ROOT: usize = 512;
/// So many for each other user: more than a person starts by hand.
const USER: usize = 32;
/// So many in all.
const ALL: usize = 1024;

/// The logins that run.
#[derive(Clone, Default)]
pub struct Bounds(Arc<Mutex<BTreeMap<u32, usize>>>);

/// A login that runs, as long as this lives.
pub struct Place {
    bounds: Bounds,
    uid: u32,
}

impl Bounds {
    /// A place for one more login of a program that this user runs; `None` where there are enough.
    pub fn place(&self, uid: u32) -> Option<Place> {
        let mut running = self.running();
        let most = if uid == 0 { ROOT } else { USER };
        let own = running.get(&uid).copied().unwrap_or(0);
        if own >= most || running.values().sum::<usize>() >= ALL {
            return None;
        }
        running.insert(uid, own + 1);
        Some(Place { bounds: self.clone(), uid })
    }

    /// Whether no login runs.
    pub fn is_idle(&self) -> bool {
        self.running().is_empty()
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<u32, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut running = self.bounds.running();
        match running.get_mut(&self.uid) {
            Some(own) if *own > 1 => *own -= 1,
            Some(_) | None => {
                running.remove(&self.uid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_one_user_leaves_places_for_others() {
        let bounds = Bounds::default();
        let mut places: Vec<_> = (0..USER).filter_map(|_| bounds.place(1000)).collect();
        assert_eq!(places.len(), USER);
        assert!(bounds.place(1000).is_none());
        assert!(bounds.place(1001).is_some());
        assert!(bounds.place(0).is_some());
        places.pop();
        places.extend(bounds.place(1000));
        assert!(bounds.place(1000).is_none());
        drop(places);
        assert!(bounds.is_idle());
        let all: Vec<_> = (1..=ALL as u32).filter_map(|uid| bounds.place(uid)).collect();
        assert_eq!(all.len(), ALL);
        assert!(bounds.place(0).is_none());
    }
}

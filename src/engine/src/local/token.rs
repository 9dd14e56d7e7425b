//! The token with which this machine asks for challenges: kept, so that a step-up need not ask for
//! it each time.
#![forbid(unsafe_code)]

use serde::{Deserialize, Serialize};

use super::{State, Unusable, file_name};
use crate::secret::Secret;

const KIND: &str = "token";
/// A token is not used in the last part of its life: a login takes a while.
const MARGIN: u64 = 120;

#[derive(Default, Serialize, Deserialize)]
struct Kept {
    token: String,
    until: u64,
}

impl State {
    /// The token for `client`, if one is kept that is still good.
    ///
    /// # Errors
    ///
    /// [`Unusable`]: then a new one has to be asked for.
    pub fn token(&self, client: &str) -> Result<Option<Secret>, Unusable> {
        let kept: Option<Kept> = self.load(&file_name(KIND, client))?;
        let good = kept.filter(|kept| self.now() < kept.until && !kept.token.is_empty());
        Ok(good.map(|kept| Secret::new(&zeroize::Zeroizing::new(kept.token))))
    }

    /// Keeps a token that lives for so many seconds.
    ///
    /// # Errors
    ///
    /// [`Unusable`]: then it is not kept, which costs the next login one request.
    pub fn keep_token(&self, client: &str, token: &Secret, lifetime: u64) -> Result<(), Unusable> {
        let until = self.now() + lifetime.saturating_sub(MARGIN.min(lifetime / 4));
        let token = token.expose().to_owned();
        self.store(&self.folder, &file_name(KIND, client), Kept { token, until })
    }

    /// Forgets the token: the tenant no longer takes it.
    ///
    /// # Errors
    ///
    /// [`Unusable`].
    pub fn drop_token(&self, client: &str) -> Result<(), Unusable> {
        self.remove(&file_name(KIND, client))
    }
}

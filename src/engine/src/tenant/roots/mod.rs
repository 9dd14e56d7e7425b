//! Which certificate authorities may vouch for the tenant.
#![forbid(unsafe_code)]

mod authority;
mod certificate;
mod der;
mod name;
mod pem;
mod pinned;
mod store;
mod verifier;

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;

pub use store::Store;
use verifier::{Source, Verifier};

/// Where the trusted roots come from.
pub enum Roots {
    /// The certificates in this PEM, and no others. The caller has read the file safely.
    File(Vec<u8>),
    /// The store of the distribution.
    System,
    /// A store elsewhere. No configuration leads here; it is for tests.
    Store(Store),
}

/// What the administrator must fix before there can be a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetupError(pub(super) String);

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SetupError {}

impl Roots {
    pub(super) fn verifier(
        &self,
        provider: Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ServerCertVerifier>, SetupError> {
        let source = match self {
            Roots::File(pem) => Source::File(pinned::read(pem)?),
            Roots::System => Source::Store(Store::distribution()),
            Roots::Store(store) => Source::Store(store.clone()),
        };
        Ok(Arc::new(Verifier { source, provider }))
    }
}

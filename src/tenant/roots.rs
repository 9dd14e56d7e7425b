//! Which certificate authorities may vouch for the tenant.
#![forbid(unsafe_code)]

mod name;
mod store;

use std::fmt;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

pub use store::Store;

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
        match self {
            Roots::File(pem) => pinned(pem, provider),
            Roots::System => Ok(Store::distribution().verifier(provider)),
            Roots::Store(store) => Ok(store.clone().verifier(provider)),
        }
    }
}

fn pinned(
    pem: &[u8],
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, SetupError> {
    let mut roots = RootCertStore::empty();
    for (number, certificate) in CertificateDer::pem_slice_iter(pem).enumerate() {
        let number = number + 1;
        let certificate =
            certificate.map_err(|error| SetupError(format!("certificate {number}: {error}")))?;
        roots
            .add(certificate)
            .map_err(|error| SetupError(format!("certificate {number}: {error}")))?;
    }
    if roots.is_empty() {
        return Err(SetupError("no certificate found".to_owned()));
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
    verifier
        .map(|verifier| verifier as Arc<dyn ServerCertVerifier>)
        .map_err(|error| SetupError(error.to_string()))
}

//! The distribution's store of roots, without reading all of it: only what the presented chain asks for.
#![forbid(unsafe_code)]

use std::fs::{Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{self, CryptoProvider};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::name::{self, Names};
use crate::os;

/// Where distributions keep roots under the hash of their name: Debian, SUSE and Arch; Fedora and its kin.
const DIRECTORIES: [&str; 3] = [
    "/etc/ssl/certs",
    "/etc/pki/ca-trust/extracted/pem/directory-hash",
    "/etc/pki/tls/certs",
];

/// Where they keep all of them in one file.
const BUNDLES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/var/lib/ca-certificates/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The largest file of one root, and of all of them.
const ONE: u64 = 64 * 1024;
const ALL: u64 = 4 * 1024 * 1024;

/// As many certificates of a chain are looked at, and as many files of one hash.
const CHAIN: usize = 8;
const TWINS: u8 = 8;

/// Places where roots are kept.
#[derive(Debug, Clone)]
pub struct Store {
    directories: Vec<PathBuf>,
    bundles: Vec<PathBuf>,
    owner: u32,
}

impl Store {
    /// The places of the distributions. Nothing changes them, least of all the environment.
    pub(super) fn distribution() -> Store {
        Store::at(
            DIRECTORIES.map(PathBuf::from).into(),
            BUNDLES.map(PathBuf::from).into(),
            0,
        )
    }

    /// Other places, which must belong to `owner`. No configuration leads here; it is for tests.
    pub fn at(directories: Vec<PathBuf>, bundles: Vec<PathBuf>, owner: u32) -> Store {
        Store {
            directories,
            bundles,
            owner,
        }
    }

    pub(super) fn verifier(self, provider: Arc<CryptoProvider>) -> Arc<dyn ServerCertVerifier> {
        Arc::new(Verifier {
            store: self,
            provider,
        })
    }

    /// The roots with one of these names: from the first directory that has any, else from the first such bundle.
    fn roots(&self, issuers: &[&[u8]]) -> RootCertStore {
        let directories = self
            .directories
            .iter()
            .map(|directory| self.in_directory(directory, issuers));
        let bundles = self
            .bundles
            .iter()
            .filter_map(|bundle| self.in_file(bundle, ALL, issuers));
        let mut places = directories.chain(bundles);
        places
            .find(|roots| !roots.is_empty())
            .unwrap_or_else(RootCertStore::empty)
    }

    fn in_directory(&self, directory: &Path, issuers: &[&[u8]]) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        if !directory
            .metadata()
            .is_ok_and(|found| found.is_dir() && self.is_safe(&found))
        {
            return roots;
        }
        for issuer in issuers {
            let Some(hash) = name::hash(issuer) else {
                continue;
            };
            for twin in 0..TWINS {
                let file = directory.join(format!("{hash:08x}.{twin}"));
                match self.in_file(&file, ONE, &[issuer]) {
                    Some(found) => roots.roots.extend(found.roots),
                    None => break,
                }
            }
        }
        roots
    }

    /// The roots with one of these names in a PEM file; `None` where there is no file. One that is in doubt has none.
    fn in_file(&self, file: &Path, limit: u64, issuers: &[&[u8]]) -> Option<RootCertStore> {
        let mut roots = RootCertStore::empty();
        let pem = match self.read(file, limit) {
            Err(error) if error.kind() == ErrorKind::NotFound => return None,
            pem => pem.unwrap_or_default(),
        };
        for certificate in CertificateDer::pem_slice_iter(&pem).flatten() {
            if Names::of(&certificate).is_some_and(|names| issuers.contains(&names.subject)) {
                // One that can't be parsed is not added.
                let _ = roots.add(certificate);
            }
        }
        Some(roots)
    }

    /// Follows links, which is what these directories consist of; never waits, not even for a pipe.
    fn read(&self, file: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let mut options = OpenOptions::new();
        let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
        let opened = options.read(true).custom_flags(flags).open(file)?;
        let found = opened.metadata()?;
        if !found.is_file() || !self.is_safe(&found) || found.len() > limit {
            return Err(ErrorKind::PermissionDenied.into());
        }
        os::whole(&opened, found.len(), limit)
    }

    fn is_safe(&self, found: &Metadata) -> bool {
        found.uid() == self.owner && found.mode() & 0o022 == 0
    }
}

/// Finds the roots of a chain, and leaves everything else to rustls.
#[derive(Debug)]
struct Verifier {
    store: Store,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let roots = self.store.roots(&issuers(end_entity, intermediates));
        if roots.is_empty() {
            return Err(CertificateError::UnknownIssuer.into());
        }
        let builder =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), self.provider.clone());
        let verifier = builder
            .build()
            .map_err(|error| Error::General(error.to_string()))?;
        verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Who has signed something in this chain. A chain that was signed across has more than one way up, so none is left out.
fn issuers<'a>(
    end_entity: &'a CertificateDer<'_>,
    intermediates: &'a [CertificateDer<'_>],
) -> Vec<&'a [u8]> {
    let mut found = Vec::new();
    for certificate in std::iter::once(end_entity).chain(intermediates).take(CHAIN) {
        match Names::of(certificate) {
            Some(names) if !found.contains(&names.issuer) => found.push(names.issuer),
            _ => {}
        }
    }
    found
}

//! The distribution's store of roots, without reading all of it: only what the presented chain asks
//! for.
#![forbid(unsafe_code)]

use std::fs::{Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;

use super::certificate::{Certificate, Held, with_trust};
use super::{name, pem};
use crate::os;

/// Where distributions keep roots under the hash of their name: Debian, SUSE and Arch; Fedora and
/// its kin.
const DIRECTORIES: [&str; 3] =
    ["/etc/ssl/certs", "/etc/pki/ca-trust/extracted/pem/directory-hash", "/etc/pki/tls/certs"];

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

/// As many files of one hash are looked at, and as many names for one chain.
const TWINS: u8 = 8;
const NAMES: usize = 16;

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
        Store::at(DIRECTORIES.map(PathBuf::from).into(), BUNDLES.map(PathBuf::from).into(), 0)
    }

    /// Other places, which must belong to `owner`. No configuration leads here; it is for tests.
    pub fn at(directories: Vec<PathBuf>, bundles: Vec<PathBuf>, owner: u32) -> Store {
        Store { directories, bundles, owner }
    }

    /// What has one of these names, and what has signed it: from the first directory that has any,
    /// else from the first such bundle.
    pub(super) fn held(&self, issuers: &[&[u8]]) -> Vec<Held> {
        let directories =
            self.directories.iter().map(|directory| self.in_directory(directory, issuers));
        let bundles =
            self.bundles.iter().map(|bundle| self.in_file(bundle, ALL).unwrap_or_default());
        let is_wanted = |held: &Held| {
            Certificate::of(&held.der).is_some_and(|found| issuers.contains(&found.subject))
        };
        let mut places = directories.chain(bundles);
        places.find(|held| held.iter().any(is_wanted)).unwrap_or_default()
    }

    fn in_directory(&self, directory: &Path, issuers: &[&[u8]]) -> Vec<Held> {
        let mut held = Vec::new();
        if !directory.metadata().is_ok_and(|found| found.is_dir() && self.is_safe(&found)) {
            return held;
        }
        let mut wanted: Vec<_> = issuers.iter().map(|name| name.to_vec()).collect();
        let mut next = 0;
        while let Some(name) = wanted.get(next).filter(|_| next < NAMES) {
            let found = self.of_name(directory, name);
            let above = found.iter().filter_map(|held| issuer_of(held, name));
            let above: Vec<_> = above.filter(|issuer| !wanted.contains(issuer)).collect();
            wanted.extend(above);
            held.extend(found);
            next += 1;
        }
        held
    }

    /// What is in the files of a name's hash, up to the first that OpenSSL could not read either.
    fn of_name(&self, directory: &Path, name: &[u8]) -> Vec<Held> {
        let Some(hash) = name::hash(name) else {
            return Vec::new();
        };
        let files = (0..TWINS).map(|twin| directory.join(format!("{hash:08x}.{twin}")));
        let found = files.map_while(|file| self.in_file(&file, ONE));
        found.flatten().collect()
    }

    /// The certificates in a PEM file; `None` where there is no file, or one that is no such file.
    /// One that is in doubt has none.
    fn in_file(&self, file: &Path, limit: u64) -> Option<Vec<Held>> {
        match self.read(file, limit) {
            Ok(text) => certificates(&text),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(_) => Some(Vec::new()),
        }
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

/// The issuer of a certificate with this name.
fn issuer_of(held: &Held, name: &[u8]) -> Option<Vec<u8>> {
    let certificate = Certificate::of(&held.der).filter(|found| found.subject == name)?;
    Some(certificate.issuer.to_vec())
}

/// All certificates of a text, with their trust settings; `None` if there is one that can't be
/// read.
fn certificates(text: &[u8]) -> Option<Vec<Held>> {
    let mut held: Vec<Held> = Vec::new();
    // OpenSSL reads no further than to a line that begins with one.
    if text.contains(&0) {
        return None;
    }
    for block in pem::blocks(text) {
        if !block.begins_line {
            return None;
        }
        match block.label() {
            Some("CERTIFICATE" | "X509 CERTIFICATE") => held.push(Held {
                der: CertificateDer::from(block.bytes().ok()?),
                is_distrusted: false,
            }),
            Some("TRUSTED CERTIFICATE") => {
                let bytes = block.bytes().ok()?;
                let (der, is_distrusted) = with_trust(&bytes)?;
                held.push(Held { der: CertificateDer::from(der.to_vec()), is_distrusted });
            }
            // A key, a list of revocations: not a certificate's, and not our concern.
            Some(_) | None => {}
        }
    }
    let are_whole = held.iter().all(|one| Certificate::of(&one.der).is_some());
    are_whole.then_some(held)
}

//! Whether a chain of certificates proves that a server is the tenant's: webpki's judgement, over
//! roots that OpenSSL would take for roots, and OpenSSL's rules for the chain on top of it.
#![forbid(unsafe_code)]

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{self, CryptoProvider};
use rustls::pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};
use webpki::{EndEntityCert, KeyUsage, VerifiedPath, anchor_from_trusted_cert};

use super::authority::{Flaw, Root};
use super::certificate::{Certificate, Held};
use super::store::Store;
use crate::os;

/// As many certificates of a chain are looked at.
const CHAIN: usize = 8;

/// Where the certificates of this machine are.
#[derive(Debug)]
pub(super) enum Source {
    /// In a file of the administrator's, read already.
    File(Vec<Held>),
    /// Under the hashes of their names.
    Store(Store),
}

/// Finds the roots of a chain, and has them judged.
#[derive(Debug)]
pub(super) struct Verifier {
    pub source: Source,
    pub provider: Arc<CryptoProvider>,
}

/// Why no root of this machine vouches for a server.
pub(super) struct NoRoot(String);

impl fmt::Display for NoRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for NoRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NoRoot {}

/// The certificates of this machine that have to do with a chain.
#[derive(Default)]
struct Found<'a> {
    roots: Vec<Root<'a>>,
    anchors: Vec<TrustAnchor<'a>>,
    /// Authorities between, which need not be sent then.
    between: Vec<CertificateDer<'a>>,
    distrusted: Vec<&'a [u8]>,
    flaw: Option<Flaw>,
}

impl<'a> Found<'a> {
    fn of(held: &[&'a Held], end_entity: &CertificateDer<'_>, now: UnixTime) -> Found<'a> {
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let mut found = Found::default();
        let is_distrusted = |one: &Held| {
            let mut twins = held.iter().filter(|twin| twin.der == one.der);
            twins.any(|twin| twin.is_distrusted)
        };
        for one in held {
            if is_distrusted(one) {
                found.bar(one)
            } else {
                found.take(one, *end_entity == one.der, now)
            }
        }
        found
    }

    fn bar(&mut self, held: &'a Held) {
        self.distrusted.push(&held.der);
        self.flaw = Some(Flaw::Distrusted);
    }

    /// A root, an authority between, or the server's own certificate, which vouches for nothing but
    /// itself.
    fn take(&mut self, held: &'a Held, is_servers: bool, now: i64) {
        let Some(certificate) = Certificate::of(&held.der) else {
            self.flaw = Some(Flaw::Unreadable);
            return;
        };
        let root = if is_servers { Root::pinned(certificate) } else { Root::of(certificate) };
        match root.and_then(|root| root.is_valid_at(now).map(|()| root)) {
            Ok(root) => self.trust(held, root),
            Err(Flaw::SignedByAnother) => {
                self.between.push(CertificateDer::from(held.der.as_ref()));
                self.flaw.get_or_insert(Flaw::SignedByAnother);
            }
            Err(flaw) => self.flaw = Some(flaw),
        }
    }

    fn trust(&mut self, held: &'a Held, root: Root<'a>) {
        match anchor_from_trusted_cert(&held.der) {
            Ok(anchor) => {
                self.anchors.push(anchor);
                self.roots.push(root);
            }
            Err(_) => self.flaw = Some(Flaw::Unreadable),
        }
    }

    /// Whether a way that webpki believes may be believed.
    fn ends(&self, path: &VerifiedPath<'_>) -> Result<(), Flaw> {
        let between = path.intermediate_certificates().map(|cert| cert.der());
        let chain: Vec<_> = std::iter::once(path.end_entity().der()).chain(between).collect();
        let chain: Vec<&[u8]> = chain.iter().map(|der| der.as_ref()).collect();
        if chain.iter().any(|der| self.distrusted.contains(der)) {
            return Err(Flaw::Distrusted);
        }
        let mut roots = self.anchors.iter().zip(&self.roots);
        let root = roots.find(|(anchor, _)| std::ptr::eq(*anchor, path.anchor()));
        root.map_or(Err(Flaw::Unreadable), |(_, root)| root.ends(&chain))
    }
}

impl Verifier {
    /// The judgement on a chain, where these certificates of this machine have to do with it.
    fn judge(
        &self,
        end_entity: &CertificateDer<'_>,
        presented: &[CertificateDer<'_>],
        held: &[&Held],
        now: UnixTime,
    ) -> Result<(), Error> {
        let found = Found::of(held, end_entity, now);
        match found.flaw {
            Some(flaw) if found.anchors.is_empty() => return Err(no_root(flaw)),
            None if found.anchors.is_empty() => return Err(CertificateError::UnknownIssuer.into()),
            Some(_) | None => {}
        }
        let presented = presented.iter().map(|der| CertificateDer::from(der.as_ref()));
        let between: Vec<_> = presented.chain(found.between.iter().cloned()).collect();
        self.walk(end_entity, &between, &found, now)
    }

    /// webpki walks the ways up, and each that it believes is looked at once more.
    fn walk(
        &self,
        end_entity: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        found: &Found<'_>,
        now: UnixTime,
    ) -> Result<(), Error> {
        let algorithms = self.provider.signature_verification_algorithms.all;
        let flaw = Cell::new(None);
        let look = |path: &VerifiedPath<'_>| {
            found.ends(path).map_err(|why| {
                flaw.set(Some(why));
                webpki::Error::UnknownIssuer
            })
        };
        let usage = KeyUsage::server_auth();
        let believed = EndEntityCert::try_from(end_entity).is_ok_and(|server| {
            let anchors = &found.anchors;
            let path = server.verify_for_usage(
                algorithms,
                anchors,
                between,
                now,
                usage,
                None,
                Some(&look),
            );
            path.is_ok()
        });
        match flaw.get() {
            _ if believed => Ok(()),
            Some(flaw) => Err(no_root(flaw)),
            None => Err(self.explained(end_entity, between, &found.anchors, now)),
        }
    }

    /// Why webpki does not believe a chain, in the words that rustls has for it.
    fn explained(
        &self,
        end_entity: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        anchors: &[TrustAnchor<'_>],
        now: UnixTime,
    ) -> Error {
        let algorithms = self.provider.signature_verification_algorithms.all;
        let roots = RootCertStore { roots: anchors.iter().map(TrustAnchor::to_owned).collect() };
        let again = ParsedCertificate::try_from(end_entity).and_then(|server| {
            verify_server_cert_signed_by_trust_anchor(&server, &roots, between, now, algorithms)
        });
        let error = again.err();
        error.unwrap_or_else(|| CertificateError::UnknownIssuer.into())
    }
}

fn no_root(flaw: Flaw) -> Error {
    let why = format!("no root of this machine vouches for it: {flaw}");
    CertificateError::Other(OtherError(Arc::new(NoRoot(why)))).into()
}

/// Those that have one of these names, those that have signed them, and so on.
fn related<'a>(held: &'a [Held], issuers: &[&'a [u8]]) -> Vec<&'a Held> {
    let (mut wanted, mut found) = (issuers.to_vec(), Vec::new());
    let mut next = 0;
    while let Some(name) = wanted.get(next).copied() {
        next += 1;
        for one in held {
            if let Some(certificate) = Certificate::of(&one.der)
                && certificate.subject == name
            {
                found.push(one);
                if !wanted.contains(&certificate.issuer) {
                    wanted.push(certificate.issuer);
                }
            }
        }
    }
    found
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        // A clock before the module's build is wrong: no certificate that has ended since is
        // believed by it.
        let now = UnixTime::since_unix_epoch(Duration::from_secs(now.as_secs().max(os::built())));
        let issuers = issuers(end_entity, intermediates);
        match &self.source {
            Source::File(held) => {
                self.judge(end_entity, intermediates, &related(held, &issuers), now)?;
            }
            Source::Store(store) => {
                let held = store.held(&issuers);
                self.judge(end_entity, intermediates, &related(&held, &issuers), now)?;
            }
        }
        verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
        Ok(ServerCertVerified::assertion())
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
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Who has signed something in this chain. A chain that was signed across has more than one way up,
/// so none is left out.
fn issuers<'a>(
    end_entity: &'a CertificateDer<'_>,
    intermediates: &'a [CertificateDer<'_>],
) -> Vec<&'a [u8]> {
    let mut found = Vec::new();
    for der in std::iter::once(end_entity).chain(intermediates).take(CHAIN) {
        match Certificate::of(der) {
            Some(certificate) if !found.contains(&certificate.issuer) => {
                found.push(certificate.issuer)
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use rcgen::{
        BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose,
        date_time_ymd,
    };

    use super::*;

    /// The verdict of a clock of 1990 on a server whose certificate ends at the begin of this year.
    fn verdict_of_1990(end: i32) -> Result<ServerCertVerified, Error> {
        let valid = |names: &[&str], end| {
            let names: Vec<_> = names.iter().map(ToString::to_string).collect();
            let mut params = CertificateParams::new(names).unwrap();
            params.not_before = date_time_ymd(1980, 1, 1);
            params.not_after = date_time_ymd(end, 1, 1);
            params
        };
        let mut root = valid(&[], 4000);
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let root = CertifiedIssuer::self_signed(root, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let server = valid(&["tenant.test"], end).signed_by(&key, &root).unwrap();
        let held = Held { der: root.der().clone(), is_distrusted: false };
        let provider = Arc::new(crypto::ring::default_provider());
        let verifier = Verifier { source: Source::File(vec![held]), provider };
        let now = UnixTime::since_unix_epoch(Duration::from_secs(20 * 365 * 86_400));
        let name = ServerName::try_from("tenant.test").unwrap();
        verifier.verify_server_cert(server.der(), &[], &name, &[], now)
    }

    #[test]
    fn a_clock_before_the_build_makes_no_certificate_valid_that_has_ended_since() {
        assert!(verdict_of_1990(4000).is_ok());
        let error = verdict_of_1990(2001).unwrap_err().to_string();
        assert!(error.contains("expired"), "{error}");
    }
}

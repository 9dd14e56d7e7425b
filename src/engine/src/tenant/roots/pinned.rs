//! The administrator's own file of certificates: every mark in it counts, or is an error that says
//! where.
#![forbid(unsafe_code)]

use rustls::pki_types::CertificateDer;

use super::SetupError;
use super::authority::{Flaw, Root};
use super::certificate::{Certificate, Held};
use super::pem::{self, Block, Broken};

/// Reads all certificates of a PEM file. Each must be able to end a chain, or belong to one that
/// the file ends.
///
/// # Errors
///
/// The line, and what is wrong there.
pub(super) fn read(text: &[u8]) -> Result<Vec<Held>, SetupError> {
    let blocks = pem::blocks(text);
    if let Some(line) = pem::stray(text) {
        return Err(at(line, broken(Broken::Stray)));
    }
    if blocks.is_empty() {
        return Err(SetupError(nothing(text).to_owned()));
    }
    let held: Result<Vec<_>, _> = blocks.iter().map(certificate).collect();
    let held = held?;
    for (block, one) in blocks.iter().zip(&held) {
        let problem = unfit(one, &held);
        problem.map_or(Ok(()), |problem| Err(at(block.line, problem)))?;
    }
    Ok(held)
}

fn at(line: usize, problem: impl std::fmt::Display) -> SetupError {
    SetupError(format!("line {line}: {problem}"))
}

/// What a file is that has no mark in it.
fn nothing(text: &[u8]) -> &'static str {
    match text {
        [] => "the file is empty: it needs the certificate of an authority, as PEM",
        [0x30, 0x80..=0x84, ..] => {
            "the file is DER: make PEM of it with \"openssl x509 -inform der -in FILE -out NEW\""
        }
        _ if text.contains(&0) => "the file is no plain text (UTF-16?): save it as ASCII or UTF-8",
        _ => "no certificate found: none begins with \"-----BEGIN CERTIFICATE-----\"",
    }
}

fn certificate(block: &Block<'_>) -> Result<Held, SetupError> {
    match block.label() {
        Some("CERTIFICATE" | "X509 CERTIFICATE") => {}
        Some("TRUSTED CERTIFICATE") => {
            let settings = "a certificate with trust settings: make a plain one with \
                            \"openssl x509 -in FILE -out NEW\"";
            return Err(at(block.line, settings));
        }
        Some(label) if label.ends_with("PRIVATE KEY") => {
            return Err(at(block.line, "a private key: only certificates belong here"));
        }
        Some(_) => {
            return Err(at(block.line, "no certificate: only certificates belong here"));
        }
        None => return Err(at(block.line, broken(Broken::Mark))),
    }
    let bytes = block.bytes();
    let bytes = bytes.map_err(|problem| at(block.line, broken(problem)))?;
    Ok(Held { der: CertificateDer::from(bytes), is_distrusted: false })
}

fn broken(problem: Broken) -> &'static str {
    match problem {
        Broken::Mark => "the BEGIN mark is damaged",
        Broken::End => "the certificate that begins here has no END mark, or a damaged one",
        Broken::Gap => "the certificate that begins here has an empty line in it",
        Broken::Base64 => "the certificate that begins here is damaged: it is no base64",
        Broken::Stray => "an END mark without its BEGIN mark",
    }
}

/// Why a certificate is of no use here.
fn unfit(held: &Held, all: &[Held]) -> Option<String> {
    let unreadable = || "the certificate that begins here can't be read".to_owned();
    let Some(certificate) = Certificate::of(&held.der) else {
        return Some(unreadable());
    };
    if webpki::anchor_from_trusted_cert(&held.der).is_err() {
        return Some(unreadable());
    }
    let issuer = certificate.issuer;
    match Root::of(certificate) {
        Ok(_) => None,
        Err(Flaw::SignedByAnother) if all.iter().any(|other| is_of(other, issuer)) => None,
        Err(Flaw::SignedByAnother) => Some(
            "the certificate that begins here was signed by an authority that is not in the file: put that one's certificate here"
                .to_owned(),
        ),
        Err(_) if is_pin(held) => None,
        Err(flaw) => Some(format!(
            "the certificate that begins here can't vouch for a tenant: {flaw}"
        )),
    }
}

fn is_of(held: &Held, subject: &[u8]) -> bool {
    Certificate::of(&held.der).is_some_and(|found| found.subject == subject)
}

/// A server's own certificate, signed with its own key: it vouches for itself.
fn is_pin(held: &Held) -> bool {
    Certificate::of(&held.der).is_some_and(|certificate| Root::pinned(certificate).is_ok())
}

#[cfg(test)]
mod tests {
    /// All that Mozilla trusts for servers, as Debian ships it.
    #[test]
    fn every_root_of_this_system_would_do() {
        let bundle = std::fs::read("/etc/ssl/certs/ca-certificates.crt").unwrap();
        assert!(super::read(&bundle).unwrap().len() > 100);
    }
}

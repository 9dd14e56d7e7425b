//! The hash must be the one of the installed OpenSSL, for every root of the system and for names
//! made to be difficult.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::super::certificate::Certificate;
use super::hash;

#[expect(clippy::disallowed_methods, reason = "a test asks the openssl program")]
fn openssl<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> String {
    let output =
        Command::new("openssl").args(arguments).output().expect("openssl is needed for this test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn our_hash(pem: &[u8]) -> String {
    let certificate = CertificateDer::from_pem_slice(pem).unwrap();
    let names = Certificate::of(&certificate).unwrap();
    format!("{:08x}", hash(names.subject).unwrap())
}

#[test]
fn every_root_of_this_system_is_filed_where_we_look() {
    let mut checked = 0;
    for entry in Path::new("/etc/ssl/certs").read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.extension() != Some(OsStr::new("pem")) {
            continue;
        }
        let theirs = openssl([
            OsStr::new("x509"),
            "-noout".as_ref(),
            "-hash".as_ref(),
            "-in".as_ref(),
            path.as_ref(),
        ]);
        assert_eq!(our_hash(&std::fs::read(&path).unwrap()), theirs.trim(), "{path:?}");
        checked += 1;
    }
    assert!(checked > 100, "only {checked} roots: is ca-certificates installed?");
}

/// A self-signed certificate with this subject, its strings made by this mask (openssl-req(1),
/// string_mask).
fn made_by_openssl(directory: &Path, subject: &str, mask: &str) -> (Vec<u8>, String) {
    let (conf, out) = (directory.join("conf"), directory.join("pem"));
    std::fs::write(&conf, format!("[req]\nstring_mask={mask}\ndistinguished_name=dn\n[dn]\n"))
        .unwrap();
    let (conf, out) = (conf.to_str().unwrap(), out.to_str().unwrap());
    openssl([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-keyout",
        "/dev/null",
        "-utf8",
        "-multivalue-rdn",
        "-config",
        conf,
        "-subj",
        subject,
        "-out",
        out,
    ]);
    (
        std::fs::read(out).unwrap(),
        openssl(["x509", "-noout", "-hash", "-in", out]).trim().to_owned(),
    )
}

#[test]
fn difficult_names_are_filed_where_we_look() {
    let directory = tempdir();
    let subjects = [
        "/C=DE/O=Plain/CN=Simple Name",
        "/O=  Many   Spaces\t and\u{b}more  /CN=x",
        "/O=Zweig\u{f6}\u{c4}\u{df} \u{130}\u{212a}/CN=\u{20ac} Ltd",
        "/O=\u{a0}no-break\u{a0}\u{a0}space\u{3000}/CN=MiXeD",
        "/O=Two+OU=In One Set+CN=AAA/CN=bbb+UID=zzz+O=a",
        "/emailAddress=ROOT@Example.COM/CN=x/serialNumber=  12 34",
        "/O=Order That Changes/OU=a    b+OU=abc/CN=x",
        "/CN= ",
        "/O=long long long long long long long long long long long long 64",
        "/DC=com/DC=Example/CN=\u{1f600} emoji",
    ];
    // UTF8String, BMPString, UniversalString, TeletexString, and what OpenSSL would take by itself.
    for mask in ["utf8only", "MASK:0x800", "MASK:0x100", "MASK:0x4", "nombstr", "default"] {
        for subject in subjects {
            let fits = match mask {
                "MASK:0x4" | "nombstr" => subject.chars().all(|c| c <= '\u{ff}'),
                "MASK:0x800" => subject.chars().all(|c| c <= '\u{ffff}'),
                _ => true,
            };
            if fits {
                let (pem, theirs) = made_by_openssl(&directory, subject, mask);
                assert_eq!(our_hash(&pem), theirs, "{subject:?} with {mask}");
            }
        }
    }
}

#[test]
fn a_universal_string_is_filed_where_we_look() {
    let mut params = rcgen::CertificateParams::default();
    let name = rcgen::string::UniversalString::try_from("Four  BYTES a letter \u{1f600}").unwrap();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, rcgen::DnValue::UniversalString(name));
    let pem = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem();
    let path = tempdir().join("universal.pem");
    std::fs::write(&path, &pem).unwrap();
    let theirs = openssl(["x509", "-noout", "-hash", "-in", path.to_str().unwrap()]);
    assert_eq!(our_hash(pem.as_bytes()), theirs.trim());
}

fn tempdir() -> std::path::PathBuf {
    let directory = std::env::current_exe()
        .unwrap()
        .parent()
        .unwrap()
        .join(format!("names-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

#[test]
fn no_prefix_and_no_flipped_byte_of_a_certificate_panics() {
    let (pem, _) = made_by_openssl(&tempdir(), "/O=Two+OU=In One Set/CN=x", "MASK:0x800");
    let whole = CertificateDer::from_pem_slice(&pem).unwrap();
    for end in 0..whole.len() {
        assert!(Certificate::of(&whole[..end]).is_none());
        for bit in 0..8 {
            let mut flipped = whole.to_vec();
            flipped[end] ^= 1 << bit;
            if let Some(read) = Certificate::of(&flipped) {
                let _ = (hash(read.issuer), hash(read.subject));
                let _ = (read.validity(), read.extensions().is_some());
            }
        }
    }
}

//! Who may issue the tenant's certificate: the verdict on each kind of chain, beside that of
//! `openssl verify` on the very folder. A chain that OpenSSL refuses is refused, and an honest one
//! is believed by both.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, OnceLock};

use countersign::tenant::http::{Client, Failure, Misbehaviour, Roots};
use data_encoding::BASE64;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CidrSubnet, CustomExtension, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    NameConstraints, PKCS_ED25519,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use crate::server::{Server, pem};
use crate::store::{Shelf, hash};
use crate::{post, settings};

/// Who believes a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Believed {
    ByBoth,
    ByNeither,
    /// We are stricter here, and that is meant.
    ByOpenssl,
    /// Of two roots of one name OpenSSL tries the first alone, unless the certificate says which
    /// key is meant.
    ByUs,
    /// Versions of OpenSSL differ.
    NotByUs,
}
use Believed::{ByBoth, ByNeither, ByOpenssl, ByUs, NotByUs};

/// What a machine has, and what a server shows.
struct Made {
    shelved: Vec<String>,
    sent: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn root() -> CertificateParams {
    authority("root")
}

fn server() -> CertificateParams {
    let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "server");
    params
}

/// A server whose certificate says which key of its issuer is meant.
fn keyed() -> CertificateParams {
    named_key(server())
}

fn named_key(params: CertificateParams) -> CertificateParams {
    with(params, |params| params.use_authority_key_identifier_extension = true)
}

fn with(
    mut params: CertificateParams,
    change: impl FnOnce(&mut CertificateParams),
) -> CertificateParams {
    change(&mut params);
    params
}

fn extension(oid: &[u64], content: &[u8], is_critical: bool) -> CustomExtension {
    let mut extension = CustomExtension::from_oid_content(oid, content.to_vec());
    extension.set_criticality(is_critical);
    extension
}

/// Parameters with one more extension.
fn extended(
    params: CertificateParams,
    oid: &[u64],
    content: &[u8],
    is_critical: bool,
) -> CertificateParams {
    with(params, |params| params.custom_extensions.push(extension(oid, content, is_critical)))
}

const BASIC: &[u64] = &[2, 5, 29, 19];
const USAGE: &[u64] = &[2, 5, 29, 15];
const AUTHORITY_KEY: &[u64] = &[2, 5, 29, 35];
const NETSCAPE: &[u64] = &[2, 16, 840, 1, 113_730, 1, 1];
const PROXY: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 1, 14];
const ADDRESSES: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 1, 7];

/// A root that is shelved, authorities below it that are sent, and a server.
fn chain(authorities: Vec<CertificateParams>, server: CertificateParams) -> Made {
    let mut issuers: Vec<CertifiedIssuer<'static, KeyPair>> = Vec::new();
    for params in authorities {
        let key = KeyPair::generate().unwrap();
        let issuer = match issuers.last() {
            None => CertifiedIssuer::self_signed(params, key),
            Some(above) => CertifiedIssuer::signed_by(params, key, above),
        };
        issuers.push(issuer.unwrap());
    }
    let key = KeyPair::generate().unwrap();
    let leaf = server.signed_by(&key, issuers.last().unwrap()).unwrap();
    let between = issuers[1..].iter().rev().map(|issuer| issuer.der().clone());
    Made {
        shelved: vec![issuers[0].pem()],
        sent: std::iter::once(leaf.der().clone()).chain(between).collect(),
        key: key.into(),
    }
}

/// A server right below this root.
fn below(root: CertificateParams) -> Made {
    chain(vec![root], server())
}

/// A server below this authority, which is below a root that is in order.
fn between(middle: CertificateParams) -> Made {
    chain(vec![root(), middle], server())
}

fn limited(name: &str, length: u8) -> CertificateParams {
    with(authority(name), |params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(length)))
}

fn self_signed(params: CertificateParams) -> Made {
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    Made {
        shelved: vec![certificate.pem()],
        sent: vec![certificate.der().clone()],
        key: key.into(),
    }
}

fn constrained(constraints: NameConstraints) -> CertificateParams {
    with(root(), |params| params.name_constraints = Some(constraints))
}

fn permitted(subtree: GeneralSubtree) -> NameConstraints {
    NameConstraints { permitted_subtrees: vec![subtree], excluded_subtrees: Vec::new() }
}

fn excluded(subtree: GeneralSubtree) -> NameConstraints {
    NameConstraints { permitted_subtrees: Vec::new(), excluded_subtrees: vec![subtree] }
}

fn addresses(first: u8) -> GeneralSubtree {
    GeneralSubtree::IpAddress(CidrSubnet::V4([first, 0, 0, 0], [255, 0, 0, 0]))
}

#[expect(clippy::disallowed_methods, reason = "a test asks the openssl program")]
fn openssl(folder: &Path, line: &str) -> std::process::Output {
    let arguments = line.split_whitespace();
    let mut command = Command::new("openssl");
    command.current_dir(folder).args(arguments).output().unwrap()
}

/// Runs openssl(1) in a folder; it must succeed.
fn made_by_openssl(folder: &Path, line: &str) {
    let output = openssl(folder, line);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "openssl {line}: {said}");
}

fn workshop(name: &str) -> std::path::PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("workshop").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// RSA of this length and this digest, which ring makes none of: root and server.
fn rsa(bits: u32, digest: &str) -> Made {
    let folder = workshop(&format!("rsa-{bits}-{digest}"));
    fs::write(folder.join("ca"), "basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\n")
        .unwrap();
    fs::write(folder.join("server"), "subjectAltName=IP:127.0.0.1\n").unwrap();
    for who in ["ca", "server"] {
        let bits = if who == "ca" { bits } else { 2048 };
        made_by_openssl(
            &folder,
            &format!(
                "req -new -newkey rsa:{bits} -nodes -subj /CN={who} -keyout {who}.key -out {who}.csr"
            ),
        );
    }
    let sign = format!("x509 -req -days 9 -{digest}");
    made_by_openssl(&folder, &format!("{sign} -in ca.csr -signkey ca.key -extfile ca -out ca.pem"));
    made_by_openssl(
        &folder,
        &format!(
            "{sign} -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile server -out server.pem"
        ),
    );
    Made {
        shelved: vec![fs::read_to_string(folder.join("ca.pem")).unwrap()],
        sent: vec![CertificateDer::from_pem_file(folder.join("server.pem")).unwrap()],
        key: PrivateKeyDer::from_pem_file(folder.join("server.key")).unwrap(),
    }
}

/// A root of version 1, which OpenSSL makes where no extensions are wanted.
fn version_1(is_self_signed: bool) -> Made {
    let folder = workshop(&format!("version-1-{is_self_signed}"));
    let keys = [KeyPair::generate().unwrap(), KeyPair::generate().unwrap()];
    for (name, key) in ["root", "other"].into_iter().zip(&keys) {
        fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
        made_by_openssl(
            &folder,
            &format!("req -new -key {name}.key -subj /CN={name} -out {name}.csr"),
        );
        made_by_openssl(
            &folder,
            &format!("x509 -req -days 9 -in {name}.csr -signkey {name}.key -out {name}.pem"),
        );
    }
    if !is_self_signed {
        made_by_openssl(
            &folder,
            "x509 -req -days 9 -in root.csr -CA other.pem -CAkey other.key -CAcreateserial -out root.pem",
        );
    }
    let [key, _] = keys;
    let issuer = Issuer::new(authority("root"), key);
    let key = KeyPair::generate().unwrap();
    let leaf = server().signed_by(&key, &issuer).unwrap();
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    Made {
        shelved: vec![read("root.pem"), read("other.pem")],
        sent: vec![leaf.der().clone()],
        key: key.into(),
    }
}

/// A root in order, shelved with trust settings of OpenSSL's, and perhaps once more without.
fn trusted(settings: &str, is_twice: bool) -> Made {
    let mut made = below(root());
    let folder = workshop(&format!("trusted-{is_twice}-{}", settings.replace([' ', '-'], "")));
    fs::write(folder.join("root.pem"), &made.shelved[0]).unwrap();
    made_by_openssl(&folder, &format!("x509 -in root.pem -trustout {settings} -out trusted.pem"));
    let plain = made.shelved.pop().unwrap();
    let with_settings = fs::read_to_string(folder.join("trusted.pem")).unwrap();
    made.shelved = vec![with_settings];
    made.shelved.extend(is_twice.then_some(plain));
    made
}

/// A chain whose files on the shelf have been changed.
fn shelved(mut made: Made, change: impl FnOnce(&mut Vec<String>)) -> Made {
    change(&mut made.shelved);
    made
}

/// A certificate of the name that is its issuer's, made with another key than its own.
fn self_issued() -> Made {
    let other = Issuer::new(root(), KeyPair::generate_for(&PKCS_ED25519).unwrap());
    let issuer = CertifiedIssuer::signed_by(root(), KeyPair::generate().unwrap(), &other).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = server().signed_by(&key, &issuer).unwrap();
    Made { shelved: vec![issuer.pem()], sent: vec![leaf.der().clone()], key: key.into() }
}

/// A server below an authority that is shelved too, and not sent; with or without the root on the
/// shelf.
fn unsent(with_root: bool) -> Made {
    let mut made = between(authority("middle"));
    let middle = made.sent.pop().unwrap();
    let pem = pem(&middle);
    made.shelved = with_root.then(|| made.shelved.remove(0)).into_iter().collect();
    made.shelved.push(pem);
    made
}

impl Made {
    /// Whether a client of ours believes the server.
    fn is_believed_by_us(&self, name: &str, shelf: &Shelf) -> bool {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = provider.key_provider.load_private_key(self.key.clone_key()).unwrap();
        let shown = SingleCertAndKey::from(CertifiedKey::new(self.sent.clone(), key));
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(shown));
        let config = Arc::new(config);
        let server = Server::play(move |listener| {
            let mut peer = listener.tls(&config);
            if peer.try_request().is_some() {
                peer.reply("{}");
            }
        });
        let result =
            post(&mut Client::new(&settings(Roots::Store(shelf.store()))).unwrap(), &server.url());
        server.done();
        match result {
            Ok(_) => true,
            Err(Failure::Misbehaved(Misbehaviour::Certificate, _)) => false,
            Err(other) => panic!("{name}: {other}"),
        }
    }

    /// Whether `openssl verify` does, as strict as Debian's libssl is with keys and digests.
    fn is_believed_by_openssl(&self, shelf: &Shelf) -> bool {
        let place = shelf.place();
        fs::write(place.join("leaf"), pem(&self.sent[0])).unwrap();
        let others: String = self.sent[1..].iter().map(pem).collect();
        fs::write(place.join("others"), others).unwrap();
        let untrusted = if self.sent.len() > 1 { "-untrusted others" } else { "" };
        let output = openssl(
            place,
            &format!(
                "verify -no-CAfile -no-CAstore -CApath hashed -auth_level 2 -purpose sslserver -verify_ip 127.0.0.1 {untrusted} leaf"
            ),
        );
        output.status.success()
    }
}

/// The hash of the name that every [`root`] has.
fn name_of_roots() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| {
        let key = KeyPair::generate().unwrap();
        hash(&root().self_signed(&key).unwrap().pem()).unwrap()
    })
}

/// The verdicts on a chain must be these.
fn sees(name: &str, expected: Believed, made: &Made) -> Option<String> {
    let shelf = Shelf::new(&format!("authorities-{}", name.replace([' ', ',', ':', '\''], "-")));
    for pem in &made.shelved {
        let name = hash(pem).unwrap_or_else(|| name_of_roots().to_owned());
        shelf.shelve_as(&name, pem);
    }
    let seen = match (made.is_believed_by_us(name, &shelf), made.is_believed_by_openssl(&shelf)) {
        (true, true) => ByBoth,
        (false, false) => ByNeither,
        (false, true) => ByOpenssl,
        (true, false) => ByUs,
    };
    let is_met = seen == expected || expected == NotByUs && matches!(seen, ByNeither | ByOpenssl);
    (!is_met).then(|| format!("{name}: {seen:?} instead of {expected:?}"))
}

fn all_see(cases: Vec<(&str, Believed, Made)>) {
    let wrong = cases.iter().filter_map(|(name, expected, made)| sees(name, *expected, made));
    let wrong: Vec<_> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn no_ca(params: CertificateParams) -> CertificateParams {
    with(params, |params| {
        params.is_ca = IsCa::NoCa;
        params.key_usages.clear();
    })
}

#[test]
fn what_is_no_authority_is_no_root() {
    let usage = |params: CertificateParams, usage| with(params, |params| params.key_usages = usage);
    let purpose = |purpose| with(root(), |params| params.extended_key_usages = purpose);
    let explicit = with(no_ca(root()), |params| params.is_ca = IsCa::ExplicitNoCa);
    all_see(vec![
        ("an authority", ByBoth, below(root())),
        ("an authority without a key usage", ByBoth, below(usage(root(), vec![]))),
        ("CA:FALSE", ByNeither, below(explicit.clone())),
        (
            "CA:FALSE that may sign",
            ByNeither,
            below(usage(explicit, vec![KeyUsagePurpose::KeyCertSign])),
        ),
        ("no basicConstraints", ByNeither, below(no_ca(root()))),
        (
            "no basicConstraints, and keyCertSign",
            ByBoth,
            below(usage(no_ca(root()), vec![KeyUsagePurpose::KeyCertSign])),
        ),
        (
            "no basicConstraints, and another usage",
            ByNeither,
            below(usage(no_ca(root()), vec![KeyUsagePurpose::DigitalSignature])),
        ),
        (
            "Netscape's authority",
            ByBoth,
            below(extended(no_ca(root()), NETSCAPE, &[3, 2, 2, 4], false)),
        ),
        (
            "Netscape's client",
            ByNeither,
            below(extended(no_ca(root()), NETSCAPE, &[3, 2, 7, 0x80], false)),
        ),
        (
            "Netscape's mail",
            ByNeither,
            below(extended(no_ca(root()), NETSCAPE, &[3, 2, 1, 2], false)),
        ),
        (
            "another key usage",
            ByNeither,
            below(usage(root(), vec![KeyUsagePurpose::DigitalSignature])),
        ),
        ("revocation lists alone", ByNeither, below(usage(root(), vec![KeyUsagePurpose::CrlSign]))),
        ("for servers", ByBoth, below(purpose(vec![ExtendedKeyUsagePurpose::ServerAuth]))),
        ("for clients", ByNeither, below(purpose(vec![ExtendedKeyUsagePurpose::ClientAuth]))),
        ("for any purpose", ByNeither, below(purpose(vec![ExtendedKeyUsagePurpose::Any]))),
        ("for mail", ByNeither, below(purpose(vec![ExtendedKeyUsagePurpose::EmailProtection]))),
        ("version 1", ByBoth, version_1(true)),
        ("version 1 of another's", ByNeither, version_1(false)),
        ("self-issued", ByNeither, self_issued()),
        ("shelved between, without its root", ByNeither, unsent(false)),
        ("shelved between, with its root", ByBoth, unsent(true)),
    ]);
}

#[test]
fn a_root_counts_while_it_is_valid_and_whole() {
    let past = rcgen::date_time_ymd(2001, 1, 1);
    let future = rcgen::date_time_ymd(3000, 1, 1);
    let expired = || with(root(), |params| params.not_after = past);
    let good = chain(vec![root()], keyed());
    let twin = shelved(good, |pems| {
        let old = expired().self_signed(&KeyPair::generate().unwrap()).unwrap();
        pems.insert(0, old.pem());
    });
    let bare = with(root(), |params| params.is_ca = IsCa::NoCa);
    let basic = |content: &[u8]| below(extended(bare.clone(), BASIC, content, true));
    let usage = |content: &[u8]| {
        let plain = with(root(), |params| params.key_usages.clear());
        below(extended(plain, USAGE, content, true))
    };
    all_see(vec![
        ("expired", ByNeither, below(expired())),
        ("not valid yet", ByNeither, below(with(root(), |params| params.not_before = future))),
        ("expired beside its successor", ByBoth, twin),
        ("unknown and critical", ByNeither, below(extended(root(), &[1, 2, 3, 4], &[5, 0], true))),
        (
            "unknown of the standard's and critical",
            ByNeither,
            below(extended(root(), &[2, 5, 29, 99], &[5, 0], true)),
        ),
        (
            "names of the issuer, critical",
            ByNeither,
            below(extended(root(), &[2, 5, 29, 18], &[0x30, 0], true)),
        ),
        ("unknown", ByBoth, below(extended(root(), &[1, 2, 3, 4], &[5, 0], false))),
        (
            "critical key identifier",
            NotByUs,
            below(extended(
                with(root(), |params| params.is_ca = IsCa::NoCa),
                &[2, 5, 29, 14],
                &[4, 2, 1, 2],
                true,
            )),
        ),
        (
            "policies, critical",
            ByBoth,
            below(extended(root(), &[2, 5, 29, 32], &[0x30, 6, 0x30, 4, 6, 2, 0x2a, 3], true)),
        ),
        (
            "proxy",
            ByNeither,
            below(extended(root(), PROXY, &[0x30, 7, 0x30, 5, 6, 3, 0x2a, 3, 4], false)),
        ),
        (
            "basicConstraints twice",
            ByNeither,
            below(extended(root(), BASIC, &[0x30, 3, 1, 1, 0xff], true)),
        ),
        ("basicConstraints that say CA:FALSE aloud", ByNeither, basic(&[0x30, 3, 1, 1, 0])),
        ("basicConstraints of nothing", ByNeither, basic(&[0x30, 0])),
        (
            "basicConstraints with a negative length",
            ByNeither,
            basic(&[0x30, 6, 1, 1, 0xff, 2, 1, 0xff]),
        ),
        ("basicConstraints that are none", ByNeither, basic(&[4, 1, 0])),
        ("basicConstraints that end early", ByNeither, basic(&[0x30, 4, 1, 1, 0xff])),
        ("basicConstraints by hand", ByBoth, basic(&[0x30, 3, 1, 1, 0xff])),
        ("a key usage of nothing", ByNeither, usage(&[3, 1, 0])),
        ("a key usage of zeros", ByNeither, usage(&[3, 2, 0, 0])),
        ("a key usage that is none", ByNeither, usage(&[5, 0])),
        ("a key usage in bits that do not count", ByNeither, usage(&[3, 2, 3, 4])),
        (
            "other names that are none",
            ByNeither,
            below(extended(root(), &[2, 5, 29, 17], &[2, 1, 5], false)),
        ),
        (
            "name constraints that are none",
            ByNeither,
            below(extended(root(), &[2, 5, 29, 30], &[2, 1, 5], false)),
        ),
        (
            "places of lists that are none",
            ByNeither,
            below(extended(root(), &[2, 5, 29, 31], &[2, 1, 5], false)),
        ),
    ]);
}

#[test]
fn key_identifiers_lengths_and_names_bind_the_chain() {
    let wrong_key: &[u8] = &[0x30, 6, 0x80, 4, 1, 2, 3, 4];
    let wrong_serial: &[u8] = &[0x30, 3, 0x82, 1, 7];
    let wrong_name: &[u8] = &[
        0x30, 0x11, 0xa1, 0x0f, 0xa4, 0x0d, 0x30, 0x0b, 0x31, 9, 0x30, 7, 6, 3, 0x55, 4, 3, 0x0c, 0,
    ];
    let named =
        |content: &[u8]| chain(vec![root()], extended(server(), AUTHORITY_KEY, content, false));
    let self_issued =
        |length| chain(vec![limited("root", length), named_key(limited("root", length))], keyed());
    let dns = |name: &str| GeneralSubtree::DnsName(name.to_owned());
    let directory = || {
        let mut name = rcgen::DistinguishedName::new();
        name.push(DnType::CommonName, "server");
        GeneralSubtree::DirectoryName(name)
    };
    all_see(vec![
        ("the key that is meant", ByBoth, chain(vec![root()], keyed())),
        ("another key is meant", ByNeither, named(wrong_key)),
        ("another serial is meant", ByNeither, named(wrong_serial)),
        ("another name is meant", ByNeither, named(wrong_name)),
        (
            "a root that means another key",
            ByNeither,
            below(extended(root(), AUTHORITY_KEY, wrong_key, false)),
        ),
        (
            "an authority that means another key",
            ByNeither,
            between(extended(authority("middle"), AUTHORITY_KEY, wrong_key, false)),
        ),
        ("no length left, no authority between", ByBoth, below(limited("root", 0))),
        (
            "no length left",
            ByNeither,
            chain(vec![limited("root", 0), authority("middle")], server()),
        ),
        (
            "one length, one between",
            ByBoth,
            chain(vec![limited("root", 1), authority("middle")], server()),
        ),
        (
            "one length, two between",
            ByNeither,
            chain(vec![limited("root", 1), authority("one"), authority("two")], server()),
        ),
        (
            "no length left below a middle",
            ByNeither,
            chain(vec![root(), limited("one", 0), authority("two")], server()),
        ),
        ("a new key of the root's does not count", ByBoth, self_issued(0)),
        ("an address that is permitted", ByBoth, below(constrained(permitted(addresses(127))))),
        (
            "an address that is not permitted",
            ByNeither,
            below(constrained(permitted(addresses(10)))),
        ),
        ("an address that is excluded", ByNeither, below(constrained(excluded(addresses(127))))),
        ("another address is excluded", ByBoth, below(constrained(excluded(addresses(10))))),
        ("other names are excluded", ByBoth, below(constrained(excluded(dns("tenant.test"))))),
        ("the subject is excluded", ByNeither, below(constrained(excluded(directory())))),
        ("the subject is permitted", ByOpenssl, below(constrained(permitted(directory())))),
    ]);
}

#[test]
fn those_between_and_the_server_itself_are_for_what_they_do() {
    let past = rcgen::date_time_ymd(2001, 1, 1);
    let middle = || authority("middle");
    let usage = |params: CertificateParams, usage| with(params, |params| params.key_usages = usage);
    let purpose = |params: CertificateParams, purpose| {
        with(params, |params| params.extended_key_usages = vec![purpose])
    };
    let shows = |server| chain(vec![root()], server);
    all_see(vec![
        ("between", ByBoth, between(middle())),
        (
            "between, CA:FALSE",
            ByNeither,
            between(with(no_ca(middle()), |params| params.is_ca = IsCa::ExplicitNoCa)),
        ),
        ("between, no basicConstraints", ByNeither, between(no_ca(middle()))),
        (
            "between, no basicConstraints, and keyCertSign",
            ByNeither,
            between(usage(no_ca(middle()), vec![KeyUsagePurpose::KeyCertSign])),
        ),
        (
            "between, another usage",
            ByNeither,
            between(usage(middle(), vec![KeyUsagePurpose::DigitalSignature])),
        ),
        (
            "between, for clients",
            ByNeither,
            between(purpose(middle(), ExtendedKeyUsagePurpose::ClientAuth)),
        ),
        ("between, expired", ByNeither, between(with(middle(), |params| params.not_after = past))),
        (
            "between, unknown and critical",
            ByNeither,
            between(extended(middle(), &[1, 2, 3, 4], &[5, 0], true)),
        ),
        (
            "between, proxy",
            ByNeither,
            between(extended(middle(), PROXY, &[0x30, 7, 0x30, 5, 6, 3, 0x2a, 3, 4], false)),
        ),
        (
            "a server that signs",
            ByNeither,
            shows(usage(server(), vec![KeyUsagePurpose::KeyCertSign])),
        ),
        (
            "a server that agrees on keys",
            ByBoth,
            shows(usage(server(), vec![KeyUsagePurpose::DigitalSignature])),
        ),
        ("a client", ByNeither, shows(purpose(server(), ExtendedKeyUsagePurpose::ClientAuth))),
        ("a server", ByBoth, shows(purpose(server(), ExtendedKeyUsagePurpose::ServerAuth))),
        (
            "Netscape's client as a server",
            ByNeither,
            shows(extended(server(), NETSCAPE, &[3, 2, 7, 0x80], false)),
        ),
        ("Netscape's server", ByBoth, shows(extended(server(), NETSCAPE, &[3, 2, 6, 0x40], false))),
        (
            "a proxy as a server",
            ByNeither,
            shows(extended(server(), PROXY, &[0x30, 7, 0x30, 5, 6, 3, 0x2a, 3, 4], false)),
        ),
        (
            "a server with addresses that its configuration does not give",
            ByNeither,
            shows(extended(
                server(),
                ADDRESSES,
                &[0x30, 0x0c, 0x30, 0x0a, 4, 2, 0, 1, 0x30, 4, 3, 2, 0, 10],
                false,
            )),
        ),
        ("an expired server", ByNeither, shows(with(server(), |params| params.not_after = past))),
        (
            "a server of another name",
            ByNeither,
            shows(CertificateParams::new(["tenant.test".to_owned()]).unwrap()),
        ),
        (
            "an authority as a server",
            ByOpenssl,
            shows(with(server(), |params| params.is_ca = root().is_ca)),
        ),
    ]);
}

#[test]
fn keys_and_digests_are_as_strong_as_debian_wants_them() {
    all_see(vec![
        ("RSA", ByBoth, rsa(2048, "sha256")),
        ("RSA, longer", ByBoth, rsa(4096, "sha384")),
        ("RSA, short", ByNeither, rsa(1024, "sha256")),
        ("RSA with SHA-1", ByNeither, rsa(2048, "sha1")),
    ]);
}

#[test]
fn a_certificate_that_is_no_authority_vouches_for_nothing_but_itself() {
    let explicit = with(server(), |params| params.is_ca = IsCa::ExplicitNoCa);
    let expired = with(server(), |params| params.not_after = rcgen::date_time_ymd(2001, 1, 1));
    let client = with(server(), |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]
    });
    let other = shelved(self_signed(server()), |pems| {
        *pems = vec![server().self_signed(&KeyPair::generate().unwrap()).unwrap().pem()];
    });
    all_see(vec![
        ("itself", ByBoth, self_signed(explicit.clone())),
        ("itself, without basicConstraints", ByBoth, self_signed(server())),
        ("itself, expired", ByNeither, self_signed(expired)),
        ("itself, a client", ByNeither, self_signed(client)),
        (
            "itself, an authority",
            ByOpenssl,
            self_signed(with(server(), |params| params.is_ca = root().is_ca)),
        ),
        ("its name with another key", ByNeither, other),
        (
            "another's certificate",
            ByNeither,
            below(with(explicit, |params| {
                params.subject_alt_names.clear();
            })),
        ),
    ]);
}

#[test]
fn trust_settings_forbid_and_do_not_widen() {
    all_see(vec![
        ("settings without a word", ByBoth, trusted("-setalias x", false)),
        ("trusted for servers", ByBoth, trusted("-addtrust serverAuth", false)),
        ("trusted for anything", ByBoth, trusted("-addtrust anyExtendedKeyUsage", false)),
        ("trusted for clients", ByNeither, trusted("-addtrust clientAuth", false)),
        ("rejected for servers", ByNeither, trusted("-addreject serverAuth", false)),
        ("rejected for anything", ByNeither, trusted("-addreject anyExtendedKeyUsage", false)),
        ("rejected for clients", ByBoth, trusted("-addreject clientAuth", false)),
        ("rejected, and there once more", ByNeither, trusted("-addreject serverAuth", true)),
    ]);
}

#[test]
fn files_of_a_store_are_read_as_openssl_reads_them() {
    let pems = |change: &dyn Fn(&mut Vec<String>)| {
        shelved(chain(vec![root()], keyed()), |pems| change(pems))
    };
    let stranger = root().self_signed(&KeyPair::generate().unwrap()).unwrap().pem();
    let encoded = |encode: &dyn Fn(&[u8]) -> String| {
        pems(&|pems| {
            let mut lines: Vec<_> = pems[0].lines().collect();
            let (begin, end) = (lines.remove(0), lines.pop().unwrap());
            let der = BASE64.decode(lines.concat().as_bytes()).unwrap();
            pems[0] = format!("{begin}\n{}\n{end}\n", encode(&der));
        })
    };
    let spaced = |at: usize, space: &str, der: &[u8]| {
        let mut digits = BASE64.encode(der);
        digits.insert_str(at, space);
        digits
    };
    let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let two = |first: &str| pems(&|pems| pems[0] = format!("{first}{}", pems[0]));
    all_see(vec![
        (
            "two roots of one name, and no word which",
            ByUs,
            shelved(below(root()), |pems| pems.insert(0, stranger.clone())),
        ),
        ("two roots of one name", ByBoth, pems(&|pems| pems.insert(0, stranger.clone()))),
        ("two in one file", ByBoth, two(&stranger)),
        ("text above", ByBoth, two("Issuer: the one\n")),
        ("garbage above", ByNeither, two(garbage)),
        ("a byte order mark above", ByBoth, two("\u{feff}")),
        ("joined", ByNeither, two(stranger.trim_end())),
        ("one line", ByBoth, encoded(&|der| BASE64.encode(der))),
        ("a space in it", ByBoth, encoded(&|der| spaced(8, " ", der))),
        ("an odd line", ByBoth, encoded(&|der| spaced(7, "\n", der))),
        (
            "a space at the end of a line",
            ByBoth,
            pems(&|pems| pems[0] = pems[0].replace('\n', " \n")),
        ),
        ("an empty line above", ByNeither, encoded(&|der| spaced(0, "\n", der))),
        ("an empty line in it", ByNeither, encoded(&|der| spaced(64, "\n \t\r\n", der))),
        ("an empty line below", ByNeither, encoded(&|der| BASE64.encode(der) + "\n")),
        ("a form feed in it", ByNeither, encoded(&|der| spaced(64, "\x0c", der))),
        (
            "an end on its line",
            ByNeither,
            pems(&|pems| pems[0] = pems[0].replace("\n-----E", "-----E")),
        ),
        (
            "a space before the end",
            ByNeither,
            pems(&|pems| pems[0] = pems[0].replace("-----E", " -----E")),
        ),
        (
            "a word behind the end",
            ByNeither,
            pems(&|pems| pems[0] = pems[0].trim_end().to_owned() + "x\n"),
        ),
        (
            "digits behind the beginning",
            ByNeither,
            pems(&|pems| pems[0] = pems[0].replacen("-----\n", "-----", 1)),
        ),
        ("no end of the last line", ByBoth, pems(&|pems| pems[0] = pems[0].trim_end().to_owned())),
        ("a zero byte above", ByNeither, two("\0\n")),
        ("digits that are cut off", ByNeither, encoded(&|der| BASE64.encode(der)[..8].to_owned())),
        (
            "padding in it",
            ByNeither,
            encoded(&|der| format!("{}{}", BASE64.encode(&der[..1]), BASE64.encode(&der[1..]))),
        ),
        ("lines of Windows", ByBoth, pems(&|pems| pems[0] = pems[0].replace('\n', "\r\n"))),
        (
            "its older label",
            ByBoth,
            pems(&|pems| pems[0] = pems[0].replace(" CERTIFICATE-", " X509 CERTIFICATE-")),
        ),
        (
            "another label",
            ByNeither,
            pems(&|pems| pems[0] = pems[0].replace(" CERTIFICATE-", " PKCS7-")),
        ),
    ]);
}

/// A file that can't be read ends the row of files of a name.
#[test]
fn a_gap_in_the_row_of_a_name_ends_it() {
    for (what, is_left) in [("dangling", true), ("missing", false)] {
        let made = chain(vec![root()], keyed());
        let shelf = Shelf::new(&format!("authorities-gap-{what}"));
        let stranger = root().self_signed(&KeyPair::generate().unwrap()).unwrap();
        let first = shelf.shelve_pem(&stranger.pem());
        let name = name_of_roots();
        shelf.shelve_pem(&made.shelved[0]);
        assert!(made.is_believed_by_us(what, &shelf) && made.is_believed_by_openssl(&shelf));
        fs::remove_file(&first).unwrap();
        if !is_left {
            fs::remove_file(shelf.place().join(format!("hashed/{name}.0"))).unwrap();
        }
        assert!(!made.is_believed_by_openssl(&shelf), "{what}");
        assert!(!made.is_believed_by_us(what, &shelf), "{what}");
    }
}

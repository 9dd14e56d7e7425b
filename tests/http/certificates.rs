//! Who must not be believed to be the tenant.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

use countersign::tenant::http::{Client, Failure, Local, Misbehaviour, Outage, Roots, Settings};
use rustls::ServerConfig;

use crate::server::{self, Authority, Identity, Server, config, config_of};
use crate::{BUDGET, SHORT, assert_fails, client, failure, post, settings, trusting};

/// What becomes of a post to a server with this identity, by a client that trusts this authority.
fn refused(authority: &Authority, identity: Identity) -> Failure {
    let config = config(identity);
    let server =
        Server::play(move |listener| assert!(listener.tls(&config).try_request().is_none()));
    let failure = failure(post(&mut client(authority), &server.url()));
    server.done();
    failure
}

fn is_certificate(failure: &Failure) -> bool {
    matches!(failure, Failure::Misbehaved(Misbehaviour::Certificate, _))
}

#[test]
fn certificates_that_prove_nothing_are_refused() {
    let ours = Authority::new("ours");
    let long_ago = rcgen::date_time_ymd(2001, 1, 1);
    let far_off = rcgen::date_time_ymd(4000, 1, 1);
    let wrong = [
        ("not valid for name", ours.identity(&["tenant.test"], |_| {})),
        ("expired", ours.identity(&["127.0.0.1"], |params| params.not_after = long_ago)),
        ("not valid yet", ours.identity(&["127.0.0.1"], |params| params.not_before = far_off)),
        ("UnknownIssuer", Authority::new("theirs").identity(&["127.0.0.1"], |_| {})),
        // The same name, another key.
        ("BadSignature", Authority::new("ours").identity(&["127.0.0.1"], |_| {})),
        ("UnknownIssuer", server::self_signed(&["127.0.0.1"]).0),
    ];
    for (why, identity) in wrong {
        let failure = refused(&ours, identity);
        assert!(is_certificate(&failure) && failure.to_string().contains(why), "{why}: {failure}");
    }
}

#[test]
fn a_chain_is_followed_up_to_the_root() {
    let root = Authority::new("root");
    let middle = root.intermediate("middle");
    let mut identity = middle.identity(&["127.0.0.1"], |_| {});
    identity.chain.push(middle.der());
    let config = config(identity);
    let server = Server::play(move |listener| {
        let mut peer = listener.tls(&config);
        peer.request();
        peer.reply("{}");
    });
    assert_eq!(post(&mut client(&root), &server.url()).unwrap().status, 200);
    server.done();
}

#[test]
fn tls_1_2_still_serves() {
    let authority = Authority::new("ours");
    let config: Arc<ServerConfig> =
        config_of(authority.identity(&["127.0.0.1"], |_| {}), &[&rustls::version::TLS12]);
    let server = Server::play(move |listener| {
        let mut peer = listener.tls(&config);
        for _ in 0..2 {
            peer.request();
            peer.reply("{}");
        }
    });
    let mut client = client(&authority);
    post(&mut client, &server.url()).unwrap();
    post(&mut client, &server.url()).unwrap();
    assert_eq!(client.connections(), 1);
    server.done();
}

#[test]
fn what_is_no_modern_tls_is_refused() {
    // A ServerHello of TLS 1.1 with TLS_RSA_WITH_AES_128_CBC_SHA, one of TLS 1.2 with this suite, the
    // alert of a server that knows no better, and servers that speak before they listen, or speak
    // something else.
    let hello = |minor: u8| {
        let mut bytes = vec![22, 3, minor, 0, 42, 2, 0, 0, 38, 3, minor];
        bytes.extend([7; 32]);
        bytes.extend([0, 0, 0x2f, 0]);
        bytes
    };
    for answer in [
        hello(2),
        hello(3),
        vec![21, 3, 1, 0, 2, 2, 70],
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".to_vec(),
        b"SSH-2.0-OpenSSH_10.0\r\n".to_vec(),
    ] {
        let bytes = answer.clone();
        let server = Server::play(move |listener| {
            let mut stream = listener.tcp();
            stream.write_all(&bytes).unwrap();
            let _ = stream.read_to_end(&mut Vec::new());
        });
        let failure = failure(post(&mut client(&Authority::new("ours")), &server.url()));
        assert!(
            matches!(failure, Failure::Misbehaved(Misbehaviour::Tls, _)),
            "{answer:?}: {failure:?}"
        );
        server.done();
    }
}

#[test]
fn a_handshake_that_is_cut_is_no_outage() {
    for proper in [true, false] {
        let server = Server::play(move |listener| {
            let mut stream = listener.tcp();
            stream.read_exact(&mut [0; 5]).unwrap();
            if proper {
                stream.shutdown(Shutdown::Write).unwrap();
                let _ = stream.read_to_end(&mut Vec::new());
            }
            // Otherwise the rest of the hello is unread, and closing the socket resets the
            // connection.
        });
        let result = post(&mut client(&Authority::new("ours")), &server.url());
        assert_fails!(result, Failure::Misbehaved(Misbehaviour::Cut, _));
        server.done();
    }
}

/// What becomes of a handshake with a server that says no more than this, if it may take so long.
fn stalled(said: &'static [u8], request_timeout: Duration, budget: Duration) -> Failure {
    let server = Server::play(move |listener| {
        let mut stream = listener.tcp();
        stream.write_all(said).unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let mut client =
        Client::new(&Settings { request_timeout, ..trusting(&Authority::new("ours")) }).unwrap();
    let failure = failure(client.post(&server.url(), &[], b"", budget));
    server.done();
    failure
}

#[test]
fn a_network_that_takes_a_connection_and_stays_silent_is_an_outage_until_it_has_said_a_byte() {
    let failure = stalled(b"", SHORT, BUDGET);
    assert!(matches!(failure, Failure::Outage(Outage::Silent, _)), "{failure:?}");
    let failure = stalled(b"", BUDGET, SHORT);
    assert!(matches!(failure, Failure::Local(Local::NoTime, _)), "{failure:?}");
    let failure = stalled(&[22], SHORT, BUDGET);
    assert!(matches!(failure, Failure::Misbehaved(Misbehaviour::Timeout, _)), "{failure:?}");
}

/// What is said about a file of roots that will not do.
fn problem(text: impl AsRef<[u8]>) -> String {
    let client = Client::new(&settings(Roots::File(text.as_ref().to_vec())));
    client.err().expect("a problem").to_string()
}

#[test]
fn a_file_without_roots_is_the_administrators_to_fix() {
    let good = Authority::new("ours").pem();
    assert_eq!(problem(""), "the file is empty: it needs the certificate of an authority, as PEM");
    let none = "no certificate found: none begins with \"-----BEGIN CERTIFICATE-----\"";
    assert_eq!(problem("\u{feff}# nothing\n"), none);
    assert_eq!(
        problem(Authority::new("ours").der()),
        "the file is DER: make PEM of it with \"openssl x509 -inform der -in FILE -out NEW\""
    );
    let wide: Vec<u8> = good.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(problem(wide), "the file is no plain text (UTF-16?): save it as ASCII or UTF-8");
}

#[test]
fn every_mark_in_a_file_of_roots_counts_or_is_an_error_with_its_line() {
    let good = Authority::new("ours").pem();
    let lines = good.lines().count();
    let second = format!("line {}: ", lines + 1);
    let marked = |label: &str, text: &str| {
        format!("{good}-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
    };
    let after = |text: &str| problem(text).strip_prefix(&second).map(str::to_owned);
    let is =
        |text: &str, expected: &str| assert_eq!(after(text).as_deref(), Some(expected), "{text}");
    let begins = "the certificate that begins here";
    is(&marked("CERTIFICATE", "AAAA"), &format!("{begins} can't be read"));
    is(&marked("CERTIFICATE", "A*"), &format!("{begins} is damaged: it is no base64"));
    is(&marked("CERTIFICATE", "AAAA\n\nAAAA"), &format!("{begins} has an empty line in it"));
    is(&marked("CERTIFICATE", "AA==AAAA"), &format!("{begins} is damaged: it is no base64"));
    is(
        &format!("{good}{}", &good[..good.len() / 2]),
        &format!("{begins} has no END mark, or a damaged one"),
    );
    is(
        &format!("{good}{good}")
            .replacen("-----END CERTIFICATE-----", "-----END X-----", 2)
            .replacen("-----END X-----", "-----END CERTIFICATE-----", 1),
        &format!("{begins} has no END mark, or a damaged one"),
    );
    is(&marked("EC PRIVATE KEY", "AAAA"), "a private key: only certificates belong here");
    is(&marked("X509 CRL", "AAAA"), "no certificate: only certificates belong here");
    is(
        &marked("TRUSTED CERTIFICATE", "AAAA"),
        "a certificate with trust settings: make a plain one with \"openssl x509 -in FILE -out NEW\"",
    );
    is(&format!("{good}-----BEGIN CERTIFICATE\n"), "the BEGIN mark is damaged");
    // A mark with a dash too few hides a certificate, but its end shows.
    assert_eq!(
        problem(good.replacen('-', "", 1)),
        format!("line {lines}: an END mark without its BEGIN mark")
    );
    assert_eq!(
        problem(format!("{good}{}", good.replacen('-', "", 1))),
        "line 1: an END mark without its BEGIN mark"
    );
}

#[test]
fn a_certificate_that_could_not_vouch_is_named() {
    let root = Authority::new("root");
    let middle = root.intermediate("middle");
    let issued = root.identity(&["127.0.0.1"], |_| {});
    let one = server::pem(&issued.chain[0]);
    let elsewhere = "line 1: the certificate that begins here was signed by an authority that is not in the file: \
                     put that one's certificate here";
    assert_eq!(problem(&one), elsewhere);
    assert_eq!(problem(middle.pem()), elsewhere);
    let client = server::own(&[], |params| {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    });
    assert_eq!(
        problem(client),
        "line 1: the certificate that begins here can't vouch for a tenant: \
         it is no authority (it has no basicConstraints)"
    );
    let mail = server::own(&[], |params| {
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
    });
    assert_eq!(
        problem(mail),
        "line 1: the certificate that begins here can't vouch for a tenant: \
         it may not sign certificates (no keyCertSign in its keyUsage)"
    );
}

/// Whether a client that has this file believes a server.
fn is_believed(file: &str, identity: Identity) -> bool {
    let config = config(identity);
    let server = Server::play(move |listener| {
        let mut peer = listener.tls(&config);
        if peer.try_request().is_some() {
            peer.reply("{}");
        }
    });
    let mut client = Client::new(&settings(Roots::File(file.into()))).unwrap();
    let result = post(&mut client, &server.url());
    server.done();
    if let Err(failure) = &result {
        assert!(is_certificate(failure), "{failure}");
    }
    result.is_ok()
}

#[test]
fn all_roots_of_a_file_are_believed_however_they_are_joined() {
    let (one, two) = (Authority::new("one"), Authority::new("two"));
    let joined = format!("{}{}", one.pem().trim_end(), two.pem());
    assert!(joined.contains("----------"));
    let windows =
        format!("\u{feff}# roots\n{}\ntext\n{}", one.pem(), two.pem()).replace('\n', "\r\n");
    for file in [joined, windows, format!("{}{}{}", one.pem(), two.pem(), one.pem())] {
        for root in [&one, &two] {
            assert!(is_believed(&file, root.identity(&["127.0.0.1"], |_| {})), "{file}");
        }
    }
}

/// Between the server and the root may be one that the server does not send.
#[test]
fn an_authority_between_may_be_in_the_file() {
    let root = Authority::new("root");
    let middle = root.intermediate("middle");
    let file = format!("{}{}", middle.pem(), root.pem());
    assert!(is_believed(&file, middle.identity(&["127.0.0.1"], |_| {})));
    assert!(!is_believed(&root.pem(), middle.identity(&["127.0.0.1"], |_| {})));
}

/// The server's own certificate, signed with its own key, vouches for itself: its key signs for no
/// other.
#[test]
fn a_servers_own_certificate_can_be_pinned() {
    let (itself, pem) = server::self_signed(&["127.0.0.1"]);
    let (other, _) = server::self_signed(&["127.0.0.1"]);
    assert!(is_believed(&pem, itself));
    assert!(!is_believed(&pem, other));
}

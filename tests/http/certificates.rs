//! Who must not be believed to be the tenant.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::sync::Arc;

use countersign::tenant::http::{Client, Failure, Misbehaviour, Roots};
use rustls::ServerConfig;

use crate::server::{self, Authority, Identity, Server, config, config_of};
use crate::{SHORT, assert_fails, client, failure, post, settings};

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
        (
            "not valid for name",
            ours.identity(&["tenant.test"], |_| {}),
        ),
        (
            "expired",
            ours.identity(&["127.0.0.1"], |params| params.not_after = long_ago),
        ),
        (
            "not valid yet",
            ours.identity(&["127.0.0.1"], |params| params.not_before = far_off),
        ),
        (
            "UnknownIssuer",
            Authority::new("theirs").identity(&["127.0.0.1"], |_| {}),
        ),
        // The same name, another key.
        (
            "BadSignature",
            Authority::new("ours").identity(&["127.0.0.1"], |_| {}),
        ),
        ("UnknownIssuer", server::self_signed(&["127.0.0.1"]).0),
    ];
    for (why, identity) in wrong {
        let failure = refused(&ours, identity);
        assert!(
            is_certificate(&failure) && failure.to_string().contains(why),
            "{why}: {failure}"
        );
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
    let config: Arc<ServerConfig> = config_of(
        authority.identity(&["127.0.0.1"], |_| {}),
        &[&rustls::version::TLS12],
    );
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
    // A ServerHello of TLS 1.1 with TLS_RSA_WITH_AES_128_CBC_SHA, one of TLS 1.2 with the same, the alert of a server
    // that knows no better, and servers that speak before they listen, or speak something else.
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
            // Otherwise the rest of the hello is unread, and closing the socket resets the connection.
        });
        let result = post(&mut client(&Authority::new("ours")), &server.url());
        assert_fails!(result, Failure::Misbehaved(Misbehaviour::Cut, _));
        server.done();
    }
}

#[test]
fn a_handshake_that_stalls_ends_with_the_budget() {
    let server = Server::play(|listener| {
        let _ = listener.tcp().read_to_end(&mut Vec::new());
    });
    let mut client = client(&Authority::new("ours"));
    let result = client.post(&server.url(), &[], b"", SHORT);
    assert_fails!(result, Failure::Misbehaved(Misbehaviour::Timeout, _));
    server.done();
}

#[test]
fn a_file_without_roots_is_the_administrators_to_fix() {
    let error = |pem: &str| {
        Client::new(&settings(Roots::File(pem.into())))
            .err()
            .unwrap()
            .to_string()
    };
    let good = Authority::new("ours").pem();
    assert_eq!(error(""), "no certificate found");
    assert_eq!(
        error("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
        "no certificate found"
    );
    let second = "certificate 2: invalid peer certificate: BadEncoding";
    assert_eq!(
        error(&format!(
            "{good}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
        )),
        second
    );
    let cut = &good[..good.len() / 2];
    assert!(
        error(&format!("{good}{cut}")).starts_with("certificate 2: "),
        "{}",
        error(&format!("{good}{cut}"))
    );
    assert!(Client::new(&settings(Roots::File(format!("{good}{good}").into()))).is_ok());
}

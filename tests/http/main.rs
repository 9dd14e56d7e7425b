//! The transport against servers that play a script: what it must do, and what it must not believe.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

#[path = "../it/support/server.rs"]
mod server;

mod authorities;
mod certificates;
mod framing;
mod host;
mod network;
mod proxies;
mod store;

use std::time::Duration;

use countersign::policy::IpFamily;
use countersign::tenant::http::{Client, Failure, Misbehaviour, Response, Roots, Settings};
use server::{Authority, Peer, Server, config, records};

/// Longer than a test may take: one that needs less says so, and one that needs it hangs.
const BUDGET: Duration = Duration::from_secs(3600);

/// For those that wait for a budget to end.
const SHORT: Duration = Duration::from_millis(300);

const BODY: &[u8] = b"{\"a\":1}";

fn settings(roots: Roots) -> Settings {
    Settings {
        roots,
        proxy: None,
        ip_family: IpFamily::Any,
        connect_timeout: BUDGET,
        request_timeout: BUDGET,
    }
}

fn trusting(authority: &Authority) -> Settings {
    settings(Roots::File(authority.pem().into_bytes()))
}

fn client(authority: &Authority) -> Client {
    Client::new(&trusting(authority)).unwrap()
}

fn post(client: &mut Client, url: &str) -> Result<Response, Failure> {
    client.post(url, &[("Content-Type", "application/json")], BODY, BUDGET)
}

/// The failure of a post, which must fail.
fn failure(result: Result<Response, Failure>) -> Failure {
    match result {
        Ok(response) => {
            panic!("status {}, {:?}", response.status, String::from_utf8_lossy(&response.body))
        }
        Err(failure) => failure,
    }
}

/// Asserts the kind of a failure, and shows the text if it is another one.
macro_rules! assert_fails {
    ($result:expr, $kind:pat) => {
        let failure = $crate::failure($result);
        assert!(matches!(failure, $kind), "{failure:?}");
    };
}
pub(crate) use assert_fails;

/// A server for 127.0.0.1 that plays `script` with one client, and what that client needs to trust
/// it.
fn with_peer(script: impl FnOnce(Peer) + Send + 'static) -> (Client, Server) {
    let authority = Authority::new("the one");
    let config = config(authority.identity(&["127.0.0.1"], |_| {}));
    (client(&authority), Server::play(move |listener| script(listener.tls(&config))))
}

#[test]
fn a_tenant_that_has_no_wish_gets_the_suite_that_costs_least() {
    let (mut client, server) = with_peer(|mut peer| {
        peer.request();
        let suite = peer.stream.conn.negotiated_cipher_suite().unwrap().suite();
        assert_eq!(suite, rustls::CipherSuite::TLS13_AES_128_GCM_SHA256);
        peer.reply("{}");
    });
    post(&mut client, &server.url()).unwrap();
    server.done();
}

#[test]
fn three_posts_share_one_connection_and_each_is_one_record() {
    let (mut client, server) = with_peer(|mut peer| {
        for n in 0..3 {
            let request = peer.request();
            assert!(request.head.starts_with("POST /Security/StartAuthentication HTTP/1.1\r\n"));
            assert_eq!(request.body, BODY);
            peer.reply(&format!("answer {n}"));
        }
        let seen = peer.seen();
        peer.drain();
        // Hello, the compatibility message, Finished and three requests (RFC 8446, appendix D.4).
        assert_eq!(records(&seen.lock().unwrap()), [22, 20, 23, 23, 23, 23]);
    });
    for n in 0..3 {
        let response = post(&mut client, &server.url()).unwrap();
        assert_eq!(response.status, 200);
        assert_eq!(response.body, format!("answer {n}").as_bytes());
    }
    assert_eq!(client.connections(), 1);
    drop(client);
    server.done();
}

#[test]
fn the_head_is_what_we_were_given_and_nothing_is_added_but_the_necessary() {
    let (mut client, server) = with_peer(|mut peer| {
        let address = peer.stream.sock.stream.local_addr().unwrap();
        let head = peer.request().head;
        let version = env!("CARGO_PKG_VERSION");
        let expected = format!(
            "POST /Security/StartAuthentication HTTP/1.1\r\ncontent-length: 7\r\nuser-agent: countersign/{version}\r\n\
             host: {address}\r\ncontent-type: application/json\r\nx-idap-native-client: true\r\n\r\n"
        );
        assert_eq!(head.to_ascii_lowercase(), expected.to_ascii_lowercase());
        peer.reply("{}");
    });
    let headers = [("Content-Type", "application/json"), ("X-IDAP-NATIVE-CLIENT", "true")];
    client.post(&server.url(), &headers, BODY, BUDGET).unwrap();
    server.done();
}

#[test]
fn reads_and_removals_have_no_body_and_share_the_connection() {
    let (mut client, server) = with_peer(|mut peer| {
        let address = peer.stream.sock.stream.local_addr().unwrap();
        let version = env!("CARGO_PKG_VERSION");
        for method in ["GET", "DELETE"] {
            let expected = format!(
                "{method} /api/mfa/register/TOTP HTTP/1.1\r\nuser-agent: countersign/{version}\r\nhost: {address}\r\n\
                 authorization: TOKEN abc\r\n\r\n"
            );
            let head = peer.request_head();
            assert_eq!(head.to_ascii_lowercase(), expected.to_ascii_lowercase());
            peer.send("HTTP/1.1 204 No Content\r\n\r\n").unwrap();
        }
    });
    let url = format!("https://{}/api/mfa/register/TOTP", server.address());
    let headers = [("Authorization", "TOKEN abc")];
    let read = client.get(&url, &headers, BUDGET).unwrap();
    assert_eq!((read.status, read.body.len()), (204, 0));
    let removed = client.delete(&url, &headers, BUDGET).unwrap();
    assert_eq!((removed.status, removed.body.len()), (204, 0));
    assert_eq!(client.connections(), 1);
    server.done();
}

/// The caller repeats what is idempotent, because the caller knows that it is.
#[test]
fn a_read_or_a_removal_that_was_cut_is_not_sent_again() {
    let authority = Authority::new("the one");
    let identity = config(authority.identity(&["127.0.0.1"], |_| {}));
    let server = Server::play(move |listener| {
        for _ in 0..2 {
            listener.tls(&identity).request_head();
        }
        assert!(listener.nobody_waits());
    });
    let mut client = client(&authority);
    let url = server.url();
    for result in [client.get(&url, &[], BUDGET), client.delete(&url, &[], BUDGET)] {
        assert_fails!(result, Failure::Misbehaved(Misbehaviour::Cut, _));
    }
    server.done();
}

#[test]
fn a_request_longer_than_a_record_arrives_whole() {
    let body: Vec<u8> = (0..100_000u32).map(|n| n as u8).collect();
    let expected = body.clone();
    let (mut client, server) = with_peer(move |mut peer| {
        assert_eq!(peer.request().body, expected);
        peer.reply("{}");
    });
    client.post(&server.url(), &[], &body, BUDGET).unwrap();
    server.done();
}

/// With a body behind it that is longer than what is left of the record.
#[test]
fn the_longest_token_arrives_whole() {
    let token = format!("Bearer {}", "x".repeat(16 * 1024));
    let body = vec![b'y'; 20_000];
    let expected = (format!("authorization: {token}\r\n"), body.clone());
    let (mut client, server) = with_peer(move |mut peer| {
        for _ in 0..2 {
            let request = peer.request();
            assert!(request.head.contains(&expected.0), "{}", request.head);
            assert_eq!(request.body, expected.1);
            peer.reply("{}");
        }
    });
    for _ in 0..2 {
        client.post(&server.url(), &[("Authorization", &token)], &body, BUDGET).unwrap();
    }
    server.done();
}

/// What an exchange may bring is counted anew for each.
#[test]
fn many_large_responses_are_as_good_as_one() {
    let (mut client, server) = with_peer(|mut peer| {
        for _ in 0..6 {
            peer.request();
            peer.reply(&"x".repeat(256 * 1024));
        }
    });
    for _ in 0..6 {
        assert_eq!(post(&mut client, &server.url()).unwrap().body.len(), 256 * 1024);
    }
    server.done();
}

#[test]
fn the_headers_of_a_response_that_matter_are_read() {
    let (mut client, server) = with_peer(|mut peer| {
        peer.request();
        let good = "Content-Type: application/json; charset=utf-8\r\nX-CFY-TX-ID: ab-12\r\nRetry-After: 7\r\n\
                    Date: Fri, 21 Nov 2025 19:19:00 GMT\r\n";
        peer.send(format!("HTTP/1.1 429 Slow down\r\n{good}Content-Length: 2\r\n\r\n{{}}"))
            .unwrap();
        peer.request();
        let odd = "Content-Type: \u{e9}\r\nX-CFY-TX-ID: a b\r\nRetry-After: -7\r\n";
        peer.send(format!(
            "HTTP/1.1 200 OK\r\n{odd}Date: {}\r\nContent-Length: 0\r\n\r\n",
            "x".repeat(200)
        ))
        .unwrap();
    });
    let response = post(&mut client, &server.url()).unwrap();
    assert_eq!(response.status, 429);
    assert_eq!(response.content_type.as_deref(), Some("application/json; charset=utf-8"));
    assert_eq!(response.transaction.as_deref(), Some("ab-12"));
    assert_eq!(response.retry_after, Some(Duration::from_secs(7)));
    assert_eq!(response.date.as_deref(), Some("Fri, 21 Nov 2025 19:19:00 GMT"));
    assert_eq!(response.body, b"{}");
    let response = post(&mut client, &server.url()).unwrap();
    assert_eq!(response.content_type, None);
    assert_eq!(response.transaction, None);
    assert_eq!(response.retry_after, None);
    assert_eq!(response.date, None);
    server.done();
}

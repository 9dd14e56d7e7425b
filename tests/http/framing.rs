//! Responses that are odd, broken or endless.

use countersign::tenant::http::{Failure, Misbehaviour};

use crate::server::Peer;
use crate::{BODY, SHORT, assert_fails, failure, post, with_peer};

/// What becomes of a post that is answered with these bytes, after which TLS is ended properly.
fn answered(bytes: &[u8]) -> Failure {
    let bytes = bytes.to_vec();
    let (mut client, server) = with_peer(move |mut peer| {
        peer.request();
        // The client may leave before the end.
        let _ = peer.send(bytes);
        peer.close();
    });
    let failure = failure(post(&mut client, &server.url()));
    drop(client);
    server.done();
    failure
}

/// The body of a response with these bytes.
fn body(bytes: &[u8]) -> Vec<u8> {
    let bytes = bytes.to_vec();
    let (mut client, server) = with_peer(move |mut peer| {
        peer.request();
        peer.send(bytes).unwrap();
        peer.close();
    });
    let body = post(&mut client, &server.url()).unwrap().body;
    drop(client);
    server.done();
    body
}

fn is(failure: &Failure, expected: Misbehaviour) -> bool {
    matches!(failure, Failure::Misbehaved(kind, _) if *kind == expected)
}

#[test]
fn all_three_ways_to_end_a_body_are_read() {
    assert_eq!(body(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), b"hello");
    assert_eq!(body(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n"), b"hello");
    // The last chunk is there, and that ends it (RFC 9112, section 8).
    assert_eq!(
        body(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"),
        b"hello"
    );
    assert_eq!(body(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello"), b"hello");
    assert_eq!(body(b"HTTP/1.0 200 OK\r\n\r\nhello"), b"hello");
    assert_eq!(body(b"HTTP/1.1 204 No Content\r\n\r\n"), b"");
    assert_eq!(body(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nX: y\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"), b"{}");
}

#[test]
fn what_is_not_http_is_refused() {
    let wrong: [&[u8]; 14] = [
        b"garbage\r\n\r\n",
        b"HTTP/2 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 600 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nBad(: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nBad: \0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    ];
    for bytes in wrong {
        let failure = answered(bytes);
        assert!(
            is(&failure, Misbehaviour::Protocol),
            "{}: {failure:?}",
            String::from_utf8_lossy(bytes)
        );
    }
}

#[test]
fn lengths_that_can_be_read_two_ways_are_refused() {
    for headers in [
        "Content-Length: 2\r\nContent-Length: 2\r\n",
        "Content-Length: 2\r\nContent-Length: 3\r\n",
        "Content-Length: 2, 2\r\n",
        "Content-Length: 2, 3\r\n",
        "Content-Length: +2\r\n",
        "Content-Length: 0x2\r\n",
        "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    ] {
        let failure =
            answered(format!("HTTP/1.1 200 OK\r\n{headers}\r\n2\r\n{{}}\r\n0\r\n\r\n").as_bytes());
        assert!(is(&failure, Misbehaviour::Protocol), "{headers}: {failure:?}");
    }
}

#[test]
fn bad_chunks_are_refused() {
    for chunks in [
        "x\r\n{}\r\n0\r\n\r\n",
        "-2\r\n{}\r\n0\r\n\r\n",
        "\r\n",
        "2\r\n{}0\r\n\r\n",
        "fffffffffffffffff\r\n{}",
    ] {
        let failure = answered(
            format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}").as_bytes(),
        );
        assert!(is(&failure, Misbehaviour::Protocol), "{chunks}: {failure:?}");
    }
}

#[test]
fn a_body_that_ends_early_is_cut_however_properly_tls_ended() {
    for bytes in [
        "",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
    ] {
        let failure = answered(bytes.as_bytes());
        assert!(is(&failure, Misbehaviour::Cut), "{bytes}: {failure:?}");
    }
}

/// The socket is closed without the end of TLS, so that an attacker can't shorten a body that has no
/// length.
#[test]
fn a_body_without_a_length_that_tls_did_not_end_is_cut() {
    for bytes in [
        "HTTP/1.1 200 OK\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\n",
    ] {
        let (mut client, server) = with_peer(move |mut peer| {
            peer.request();
            peer.send(bytes).unwrap();
            peer.stream.sock.stream.shutdown(std::net::Shutdown::Write).unwrap();
            peer.drain();
        });
        assert_fails!(post(&mut client, &server.url()), Failure::Misbehaved(Misbehaviour::Cut, _));
        drop(client);
        server.done();
    }
}

#[test]
fn bodies_have_a_largest_size() {
    const MOST: usize = 256 * 1024;
    let whole = |size: usize| {
        [
            format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n").into_bytes(),
            vec![b'x'; size],
        ]
        .concat()
    };
    let open = |size: usize| [b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'x'; size]].concat();
    assert_eq!(body(&whole(MOST)).len(), MOST);
    assert_eq!(body(&open(MOST)).len(), MOST);
    for bytes in [whole(MOST + 1), open(MOST + 1)] {
        let failure = answered(&bytes);
        assert!(is(&failure, Misbehaviour::TooLarge), "{failure:?}");
    }
    let failure = answered(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n");
    assert!(is(&failure, Misbehaviour::TooLarge), "{failure:?}");
}

#[test]
fn heads_have_a_largest_size() {
    let long =
        format!("HTTP/1.1 200 OK\r\nX: {}\r\nContent-Length: 2\r\n\r\n{{}}", "x".repeat(15_000));
    assert_eq!(body(long.as_bytes()), b"{}");
    let failure =
        answered(format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(17_000)).as_bytes());
    assert!(is(&failure, Misbehaviour::TooLarge), "{failure:?}");
    let failure =
        answered(format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(1000)).as_bytes());
    assert!(is(&failure, Misbehaviour::Protocol), "{failure:?}");
}

/// Sends the same bytes until the client has gone.
fn endlessly(begin: &'static str, again: &'static str) -> Failure {
    let (mut client, server) = with_peer(move |mut peer| {
        peer.request();
        peer.send(begin).unwrap();
        let many = again.repeat(1000);
        while peer.send(&many).is_ok() {}
    });
    let failure = failure(post(&mut client, &server.url()));
    drop(client);
    server.done();
    failure
}

#[test]
fn nothing_is_read_for_ever() {
    const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (begin, again) in [
        ("", "HTTP/1.1 100 Continue\r\n\r\n"),
        ("", "HTTP/1.1 103 Early Hints\r\n\r\n"),
        ("HTTP/1.1 200 OK\r\nX: ", "endless"),
        ("HTTP/1.1 200 OK\r\n\r\n", "endless"),
        (CHUNKED, "1\r\nx\r\n"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "Trailer: x\r\n"),
    ] {
        let failure = endlessly(begin, again);
        assert!(is(&failure, Misbehaviour::TooLarge), "{begin}{again}: {failure:?}");
    }
}

/// What a chunk's line holds is not kept, so a line that is longer than our memory is no chunk.
#[test]
fn an_endless_chunk_line_is_refused() {
    let failure = endlessly("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1;");
    assert!(is(&failure, Misbehaviour::TooLarge), "{failure:?}");
}

/// A server that gives a byte whenever the client has not gone for a while.
fn dripping(begin: &'static str) -> Failure {
    let (mut client, server) = with_peer(move |mut peer| {
        peer.request();
        peer.send(begin).unwrap();
        drip(peer);
    });
    let result = client.post(&server.url(), &[], BODY, SHORT);
    drop(client);
    server.done();
    failure(result)
}

fn drip(mut peer: Peer) {
    let socket = peer.stream.sock.stream.try_clone().unwrap();
    socket.set_read_timeout(Some(SHORT / 30)).unwrap();
    while socket.peek(&mut [0]).is_err() && peer.send("x").is_ok() {}
}

#[test]
fn slow_drips_end_with_the_budget() {
    for begin in [
        "",
        "HTTP/1.1 200 OK\r\nX: ",
        "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
    ] {
        let failure = dripping(begin);
        let kind = if begin.is_empty() { Misbehaviour::Protocol } else { Misbehaviour::Timeout };
        assert!(is(&failure, kind), "{begin}: {failure:?}");
    }
}

#[test]
fn a_redirect_is_returned_and_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let (mut client, server) = with_peer(move |mut peer| {
            peer.request();
            peer.send(format!("HTTP/1.1 {status} Moved\r\nLocation: https://127.0.0.1:1/\r\nContent-Length: 2\r\n\r\n{{}}"))
                .unwrap();
            assert!(peer.try_request().is_none());
        });
        let response = post(&mut client, &server.url()).unwrap();
        assert_eq!((response.status, response.body), (status, b"{}".to_vec()));
        assert_eq!(client.connections(), 1);
        drop(client);
        server.done();
    }
}

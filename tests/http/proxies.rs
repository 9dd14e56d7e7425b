//! A proxy that is asked to CONNECT: what it is told, and what it may not do.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};

use countersign::tenant::http::{Client, Failure, Misbehaviour, Outage, Proxy, Response, Settings};

use crate::server::{Authority, Peer, Server, config, head_of};
use crate::{SHORT, assert_fails, post, trusting};

fn through(authority: &Authority, at: SocketAddr, user: Option<&str>, password: &str) -> Client {
    let proxy = Proxy::new(&at.ip().to_string(), at.port(), user, password);
    Client::new(&Settings { proxy: Some(proxy), ..trusting(authority) }).unwrap()
}

/// Two posts through a proxy to a tenant whose name only the proxy knows; gives what the proxy was
/// asked.
fn asked(user: Option<&str>, password: &str) -> String {
    let authority = Authority::new("ours");
    let config = config(authority.identity(&["tenant.invalid"], |_| {}));
    let (tell, told) = std::sync::mpsc::channel();
    let server = Server::play(move |listener| {
        let mut stream = listener.tcp();
        tell.send(head_of(&mut stream)).unwrap();
        stream.write_all(b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n").unwrap();
        let mut peer = Peer::over(stream, &config);
        for _ in 0..2 {
            assert!(peer.request().head.contains("host: tenant.invalid\r\n"));
            peer.reply("{}");
        }
    });
    let mut client = through(&authority, server.address(), user, password);
    for _ in 0..2 {
        assert_eq!(post(&mut client, "https://tenant.invalid/x").unwrap().status, 200);
    }
    assert_eq!(client.connections(), 1);
    server.done();
    told.recv().unwrap()
}

#[test]
fn a_proxy_is_told_the_host_and_nothing_else() {
    let version = env!("CARGO_PKG_VERSION");
    let expected = format!(
        "CONNECT tenant.invalid:443 HTTP/1.1\r\nHost: tenant.invalid:443\r\nUser-Agent: countersign/{version}\r\n"
    );
    assert_eq!(asked(None, ""), format!("{expected}\r\n"));
    // The example of RFC 7617, section 2.
    let authorized = "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n";
    assert_eq!(asked(Some("Aladdin"), "open sesame"), format!("{expected}{authorized}\r\n"));
    let without = "Proxy-Authorization: Basic QWxhZGRpbjo=\r\n";
    assert_eq!(asked(Some("Aladdin"), ""), format!("{expected}{without}\r\n"));
    // RFC 7617, section 2.1.
    let section = "Proxy-Authorization: Basic dGVzdDoxMjPCow==\r\n";
    assert_eq!(asked(Some("test"), "123\u{a3}"), format!("{expected}{section}\r\n"));
}

/// What becomes of a post if the proxy answers CONNECT with these bytes.
fn answered(bytes: &[u8]) -> Result<Response, Failure> {
    let bytes = bytes.to_vec();
    let authority = Authority::new("ours");
    let server = Server::play(move |listener| {
        let mut stream = listener.tcp();
        head_of(&mut stream);
        let _ = stream.write_all(&bytes);
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let result =
        post(&mut through(&authority, server.address(), None, ""), "https://tenant.invalid/");
    server.done();
    result
}

#[test]
fn a_proxy_that_does_not_open_the_tunnel_is_no_outage() {
    for bytes in [
        "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n",
        "HTTP/1.1 403 Forbidden\r\n\r\n",
        "HTTP/1.1 500 Internal Server Error\r\n\r\n",
        "HTTP/1.1 503 Service Unavailable\r\n\r\n",
        "HTTP/1.1 503 Service Unavailable\r\nX-Squid-Error: ERR_TOO_BIG 0\r\n\r\n",
        // Its own machine had no port.
        "HTTP/1.1 503 Service Unavailable\r\nX-Squid-Error: ERR_CONNECT_FAIL 99\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/2 200 OK\r\n\r\n",
        "SSH-2.0-x\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\nx",
    ] {
        let result = answered(bytes.as_bytes());
        let failure = crate::failure(result);
        assert!(
            matches!(failure, Failure::Misbehaved(Misbehaviour::Proxy, _)),
            "{bytes}: {failure:?}"
        );
    }
    assert_fails!(answered(b""), Failure::Misbehaved(Misbehaviour::Cut, _));
    assert_fails!(answered(b"HTTP/1.1 200 OK\r\n"), Failure::Misbehaved(Misbehaviour::Cut, _));
    assert_fails!(answered(&[b'x'; 40_000]), Failure::Misbehaved(Misbehaviour::TooLarge, _));
}

/// RFC 9110, section 15.6; Squid has 503 for this too, and says so in a header of its own.
#[test]
fn a_proxy_that_did_not_reach_the_tenant_is_an_outage() {
    for bytes in [
        "HTTP/1.1 502 Bad Gateway\r\n\r\n",
        "HTTP/1.0 504 Gateway Timeout\r\nContent-Length: 2\r\n\r\nno",
        "HTTP/1.1 503 Service Unavailable\r\nServer: squid/5.7\r\nX-Squid-Error: ERR_CONNECT_FAIL 110\r\n\r\n",
        "HTTP/1.1 503 Service Unavailable\r\nx-squid-error: ERR_DNS_FAIL 0\r\n\r\n",
    ] {
        let failure = crate::failure(answered(bytes.as_bytes()));
        assert!(matches!(failure, Failure::Outage(Outage::BehindProxy, _)), "{bytes}: {failure:?}");
    }
}

#[test]
fn a_proxy_that_never_answers_ends_with_the_time_to_connect() {
    let server = Server::play(|listener| {
        let _ = listener.tcp().read_to_end(&mut Vec::new());
    });
    let at = server.address();
    let proxy = Proxy::new(&at.ip().to_string(), at.port(), None, "");
    let settings = Settings {
        proxy: Some(proxy),
        connect_timeout: SHORT,
        ..trusting(&Authority::new("ours"))
    };
    let result = post(&mut Client::new(&settings).unwrap(), "https://tenant.invalid/");
    assert_fails!(result, Failure::Outage(Outage::Silent, _));
    server.done();
}

#[test]
fn a_proxy_that_is_not_there_is_an_outage() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut client = through(&Authority::new("ours"), nobody, None, "");
    assert_fails!(
        post(&mut client, "https://tenant.invalid/"),
        Failure::Outage(Outage::Refused, _)
    );
}

//! Hosts without a listener, connections that go away, and requests that are none.

use std::io::Read;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use countersign::policy::IpFamily;
use countersign::tenant::http::{Client, Failure, Local, Misbehaviour, Outage, Settings};
use rustls::HandshakeKind;

use crate::server::{Authority, Peer, Server, config};
use crate::{BODY, BUDGET, SHORT, assert_fails, client, post, trusting, with_peer};

fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn a_port_where_nobody_listens_is_an_outage() {
    let mut client = client(&Authority::new("ours"));
    let result = post(&mut client, &format!("https://127.0.0.1:{}/", closed_port()));
    assert_fails!(result, Failure::Outage(Outage::Refused, _));
    assert_eq!(client.connections(), 0);
}

/// A listener that has as many clients waiting as it lets wait: the kernel ignores a client that comes
/// now.
fn black_hole() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    while TcpStream::connect_timeout(&address, Duration::from_millis(50)).is_ok() {}
    listener
}

/// Else a user who dawdles at a prompt until the login is nearly over would be offered an offline
/// code.
#[test]
fn silence_is_an_outage_only_if_it_lasted_as_long_as_configured() {
    let hole = black_hole();
    let url = format!("https://{}/", hole.local_addr().unwrap());
    let ours = Authority::new("ours");
    let mut client = Client::new(&Settings { connect_timeout: SHORT, ..trusting(&ours) }).unwrap();
    assert_fails!(post(&mut client, &url), Failure::Outage(Outage::ConnectTimeout, _));
    let mut client = Client::new(&Settings { request_timeout: SHORT, ..trusting(&ours) }).unwrap();
    assert_fails!(post(&mut client, &url), Failure::Outage(Outage::ConnectTimeout, _));
    let mut client = Client::new(&trusting(&ours)).unwrap();
    assert_fails!(client.post(&url, &[], BODY, SHORT), Failure::Local(Local::NoTime, _));
}

/// The time to connect is not the time to shake hands: a busy server may take longer for that.
#[test]
fn a_server_that_is_connected_has_the_time_of_the_request() {
    let authority = Authority::new("ours");
    let config = config(authority.identity(&["127.0.0.1"], |_| {}));
    let (never, nothing) = mpsc::channel::<()>();
    let server = Server::play(move |listener| {
        let stream = listener.tcp();
        nothing.recv_timeout(SHORT * 2).unwrap_err();
        let mut peer = Peer::over(stream, &config);
        peer.request();
        peer.reply("{}");
    });
    let mut client =
        Client::new(&Settings { connect_timeout: SHORT, ..trusting(&authority) }).unwrap();
    assert_eq!(post(&mut client, &server.url()).unwrap().status, 200);
    drop(never);
    server.done();
}

#[test]
fn an_ipv6_address_is_a_host() {
    let Ok(listener) = TcpListener::bind("[::1]:0") else {
        return; // No IPv6 here.
    };
    let authority = Authority::new("ours");
    let config = config(authority.identity(&["::1"], |_| {}));
    let address = listener.local_addr().unwrap();
    let server = std::thread::Builder::new().spawn(move || {
        let mut peer = Peer::over(listener.accept().unwrap().0, &config);
        assert!(peer.request().head.contains(&format!("host: {address}\r\n")));
        peer.reply("{}");
    });
    let mut client = client(&authority);
    assert_eq!(post(&mut client, &format!("https://{address}/")).unwrap().status, 200);
    server.unwrap().join().unwrap();
}

/// Which of the two it is depends on whether this machine has a name server; the sorting has tests
/// of its own.
#[test]
fn a_name_that_does_not_exist_is_an_outage() {
    let mut client = client(&Authority::new("ours"));
    let result = post(&mut client, "https://tenant.invalid/");
    assert_fails!(result, Failure::Outage(Outage::NameNotFound | Outage::NameService, _));
}

#[test]
fn a_name_is_looked_up_and_must_be_in_the_certificate() {
    let authority = Authority::new("ours");
    let config = config(authority.identity(&["localhost"], |_| {}));
    let server = Server::play(move |listener| {
        let mut peer = listener.tls(&config);
        assert!(peer.request().head.contains("host: localhost:"));
        peer.reply("{}");
        assert!(listener.tls(&config).try_request().is_none());
    });
    let port = server.address().port();
    let settings = Settings { ip_family: IpFamily::Ipv4, ..trusting(&authority) };
    let mut client = Client::new(&settings).unwrap();
    assert_eq!(post(&mut client, &format!("https://localhost:{port}/")).unwrap().status, 200);
    assert_fails!(
        post(&mut client, &server.url()),
        Failure::Misbehaved(Misbehaviour::Certificate, _)
    );
    server.done();
}

#[test]
fn an_address_of_the_wrong_family_is_a_mistake_in_the_settings() {
    let settings = Settings { ip_family: IpFamily::Ipv6, ..trusting(&Authority::new("ours")) };
    let result = post(&mut Client::new(&settings).unwrap(), "https://127.0.0.1:1/");
    assert_fails!(result, Failure::Local(Local::Request, _));
}

#[test]
fn requests_that_are_none_are_not_sent() {
    let mut client = client(&Authority::new("ours"));
    let port = closed_port();
    for url in [
        "",
        "tenant",
        "/path",
        "http://127.0.0.1/",
        "ftp://127.0.0.1/",
        "https://",
        "https://a b/",
        "https://127.0.0.1:99999/",
        "https://127.0.0.1:0/",
        "https://127.0.0.1:/",
        "https://127.0.0.1:+1/",
        "https://me@127.0.0.1/",
    ] {
        assert_fails!(post(&mut client, url), Failure::Local(Local::Request, _));
    }
    for header in [("Bad Name", "x"), ("X", "line\r\nbreak"), ("X", "nul\0"), ("", "x")] {
        let result = client.post(&format!("https://127.0.0.1:{port}/"), &[header], BODY, BUDGET);
        assert_fails!(result, Failure::Local(Local::Request, _));
    }
    let result = client.post(&format!("https://127.0.0.1:{port}/"), &[], BODY, Duration::ZERO);
    assert_fails!(result, Failure::Local(Local::NoTime, _));
}

#[test]
fn a_server_that_never_answers_ends_with_the_budget_or_the_configured_time() {
    for (budget, request_timeout) in [(SHORT, BUDGET), (BUDGET, SHORT)] {
        let authority = Authority::new("ours");
        let config = config(authority.identity(&["127.0.0.1"], |_| {}));
        let server = Server::play(move |listener| {
            let mut peer = listener.tls(&config);
            peer.request();
            peer.drain();
        });
        let mut client =
            Client::new(&Settings { request_timeout, ..trusting(&authority) }).unwrap();
        let result = client.post(&server.url(), &[], BODY, budget);
        assert_fails!(result, Failure::Misbehaved(Misbehaviour::Timeout, _));
        server.done();
    }
}

#[test]
fn a_server_that_never_reads_ends_with_the_budget() {
    let authority = Authority::new("ours");
    let config = config(authority.identity(&["127.0.0.1"], |_| {}));
    let (gone, wait) = mpsc::channel::<()>();
    let server = Server::play(move |listener| {
        let mut peer = listener.tls(&config);
        assert!(!peer.request_head().is_empty());
        let _ = wait.recv();
    });
    let mut client = client(&authority);
    let result = client.post(&server.url(), &[], &vec![b'x'; 32 << 20], SHORT);
    // Without optimization, a request of this size may cost more time beside its waits than a
    // process that runs needs.
    assert_fails!(
        result,
        Failure::Misbehaved(Misbehaviour::Timeout, _) | Failure::Local(Local::Stopped, _)
    );
    drop(gone);
    server.done();
}

/// How a server ends a connection that idles: properly, without a word, by a reset, or by saying
/// what the client has not asked for.
#[derive(Clone, Copy, Debug)]
enum End {
    Properly,
    Silently,
    ByReset,
    ByWords,
}

#[test]
fn a_connection_that_went_away_is_made_again_and_the_session_resumed() {
    for end in [End::Properly, End::Silently, End::ByReset, End::ByWords] {
        let authority = Authority::new("ours");
        let config = config(authority.identity(&["127.0.0.1"], |_| {}));
        let (was_read, go_on) = mpsc::channel();
        let (ended, is_over) = mpsc::channel();
        let server = Server::play(move |listener| {
            let mut peer = listener.tls(&config);
            peer.request();
            peer.reply("first");
            go_on.recv().unwrap();
            let socket = peer.stream.sock.stream.try_clone().unwrap();
            match end {
                End::Properly => {
                    peer.stream.conn.send_close_notify();
                    peer.stream.conn.write_tls(&mut peer.stream.sock).unwrap();
                    socket.shutdown(Shutdown::Write).unwrap();
                }
                End::Silently => socket.shutdown(Shutdown::Write).unwrap(),
                End::ByReset => reset(&socket),
                End::ByWords => peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap(),
            }
            ended.send(()).unwrap();
            let mut peer = listener.tls(&config);
            peer.request();
            assert_eq!(peer.stream.conn.handshake_kind(), Some(HandshakeKind::Resumed));
            peer.reply("second");
        });
        let mut client = client(&authority);
        assert_eq!(post(&mut client, &server.url()).unwrap().body, b"first", "{end:?}");
        was_read.send(()).unwrap();
        is_over.recv().unwrap();
        assert_eq!(post(&mut client, &server.url()).unwrap().body, b"second", "{end:?}");
        assert_eq!(client.connections(), 2);
        server.done();
    }
}

/// Closes with SO_LINGER 0, which sends a reset.
fn reset(socket: &std::net::TcpStream) {
    use std::os::fd::AsRawFd;
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    let size = size_of::<libc::linger>() as u32;
    // SAFETY: the descriptor is open, and the option has the size that is given.
    let set = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_LINGER,
            (&raw const linger).cast(),
            size,
        )
    };
    assert_eq!(set, 0);
    // A connect to AF_UNSPEC ends the connection at once, with the reset, although copies of the
    // descriptor exist.
    let nowhere = libc::sockaddr { sa_family: libc::AF_UNSPEC as u16, sa_data: [0; 14] };
    // SAFETY: as above.
    let ended =
        unsafe { libc::connect(socket.as_raw_fd(), &nowhere, size_of::<libc::sockaddr>() as u32) };
    assert_eq!(ended, 0);
}

#[test]
fn a_post_that_may_have_arrived_is_never_sent_again() {
    let authority = Authority::new("ours");
    let config = config(authority.identity(&["127.0.0.1"], |_| {}));
    let server = Server::play(move |listener| {
        let mut peer = listener.tls(&config);
        peer.request();
        peer.reply("first");
        peer.request();
        peer.close();
        assert!(listener.nobody_waits());
    });
    let mut client = client(&authority);
    post(&mut client, &server.url()).unwrap();
    assert_fails!(post(&mut client, &server.url()), Failure::Misbehaved(Misbehaviour::Cut, _));
    assert_eq!(client.connections(), 1);
    drop(client);
    server.done();
}

#[test]
fn a_server_that_wants_to_close_gets_a_new_connection_next_time() {
    for (reply, body) in [
        ("1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", "{}"),
        (
            "1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
            "{}",
        ),
        ("1.1 204 No Content\r\nConnection: close\r\n\r\n", ""),
        ("1.1 302 Found\r\nConnection: close\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", ""),
        ("1.1 302 Found\r\nConnection: close\r\nLocation: /\r\nContent-Length: 2\r\n\r\n{}", "{}"),
        ("1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", "{}"),
    ] {
        assert_eq!(connections_for_two(reply, body), 2, "{reply}");
    }
}

#[test]
fn what_comes_behind_a_response_answers_no_other_request() {
    let forged = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged";
    for behind in [forged, "x", "\r\n"] {
        for reply in [
            "1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
            "1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        ] {
            let reply = format!("{reply}{behind}");
            assert_eq!(connections_for_two(&reply, "{}"), 2, "{reply}");
        }
    }
}

/// How many connections it takes to ask twice, where each is answered with this, and the client does not ask
/// again on the same.
fn connections_for_two(reply: &str, body: &str) -> u32 {
    let authority = Authority::new("ours");
    let config = config(authority.identity(&["127.0.0.1"], |_| {}));
    let reply = format!("HTTP/{reply}");
    let server = Server::play(move |listener| {
        for _ in 0..2 {
            let mut peer = listener.tls(&config);
            peer.request();
            peer.send(&reply).unwrap();
            peer.drain();
        }
    });
    let mut client = client(&authority);
    for _ in 0..2 {
        let response = post(&mut client, &server.url()).unwrap();
        assert_eq!(response.body, body.as_bytes());
    }
    let connections = client.connections();
    drop(client);
    server.done();
    connections
}

#[test]
fn requests_with_and_without_a_body_share_a_connection() {
    let (mut client, server) = with_peer(|mut peer| {
        for (begin, length) in
            [("POST ", Some("content-length: 0\r\n")), ("GET ", None), ("DELETE ", None)]
        {
            let head = peer.request().head.to_ascii_lowercase();
            assert!(head.starts_with(&begin.to_ascii_lowercase()), "{head}");
            assert_eq!(
                head.contains("content-length") || head.contains("transfer-encoding"),
                length.is_some(),
                "{head}"
            );
            assert!(head.contains(length.unwrap_or_default()), "{head}");
            peer.send("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n")
                .unwrap();
        }
        peer.drain();
    });
    let url = server.url();
    assert_eq!(client.post(&url, &[], b"", BUDGET).unwrap().status, 200);
    assert_eq!(client.get(&url, &[], BUDGET).unwrap().status, 200);
    assert_eq!(client.delete(&url, &[], BUDGET).unwrap().status, 200);
    assert_eq!(client.connections(), 1);
    drop(client);
    server.done();
}

/// The tenant may send us to another host; what was kept for the first one is given up.
#[test]
fn another_host_gets_another_connection() {
    let (mut client, first) = with_peer(|mut peer| {
        peer.request();
        peer.reply("first");
        let mut rest = Vec::new();
        let _ = peer.stream.sock.read_to_end(&mut rest);
    });
    post(&mut client, &first.url()).unwrap();
    let second = Server::play(|listener| drop(listener.tcp()));
    assert_fails!(post(&mut client, &second.url()), Failure::Misbehaved(Misbehaviour::Cut, _));
    second.done();
    drop(client);
    first.done();
}

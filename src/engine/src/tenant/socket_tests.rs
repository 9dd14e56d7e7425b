//! Connecting where some or all of the addresses are dead.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use super::{Socket, TICK, refused};
use crate::tenant::failure::{Failure, Local, Misbehaviour, Outage};
use crate::tenant::watch::Watch;

/// A listener that has as many clients waiting as it lets wait: the kernel ignores each client that
/// comes now.
fn black_hole() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    while TcpStream::connect_timeout(&address, Duration::from_millis(50)).is_ok() {}
    listener
}

fn refusing() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn within(time: Duration) -> Instant {
    Instant::now() + time
}

fn connect(addresses: &[SocketAddr], deadline: Instant) -> Result<Socket, Failure> {
    Socket::connect(addresses, deadline, &Watch::default())
}

fn kind(result: Result<Socket, Failure>) -> Outage {
    match result {
        Err(Failure::Outage(kind, _)) => kind,
        other => panic!("{other:?}"),
    }
}

/// The first would take the whole budget if it were let.
#[test]
fn a_black_hole_leaves_the_next_address_its_time() {
    let (hole, open) = (black_hole(), TcpListener::bind("127.0.0.1:0").unwrap());
    let addresses = [hole.local_addr().unwrap(), refusing(), open.local_addr().unwrap()];
    let socket = connect(&addresses, within(Duration::from_secs(3600))).unwrap();
    assert_eq!(socket.stream.peer_addr().unwrap(), addresses[2]);
    assert!(socket.stream.nodelay().unwrap());
}

#[test]
fn black_holes_alone_end_with_the_budget() {
    let hole = black_hole();
    let hole = hole.local_addr().unwrap();
    for addresses in [vec![hole], vec![hole; 16]] {
        let result = connect(&addresses, within(Duration::from_millis(200)));
        assert_eq!(kind(result), Outage::ConnectTimeout);
    }
}

#[test]
fn the_failure_that_says_most_is_told() {
    let hole = black_hole();
    let hole = hole.local_addr().unwrap();
    let budget = Duration::from_millis(200);
    assert_eq!(kind(connect(&[refusing()], within(budget))), Outage::Refused);
    assert_eq!(kind(connect(&[hole, refusing()], within(budget))), Outage::Refused);
    assert_eq!(kind(connect(&[refusing(), hole], within(budget))), Outage::Refused);
}

#[test]
fn no_time_to_connect_is_no_outage() {
    let open = TcpListener::bind("127.0.0.1:0").unwrap();
    let result = connect(&[open.local_addr().unwrap()], Instant::now());
    assert_eq!(result.unwrap_err(), Failure::Local(Local::NoTime, "to connect".into()));
}

fn pair() -> (Socket, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let socket = connect(&[address], within(Duration::from_secs(3600))).unwrap();
    (socket, listener.accept().unwrap().0)
}

/// Waits as long as a few of the kernel's timeouts last, on a peer that says nothing.
fn some_time_passes(peer: &mut TcpStream) {
    peer.set_read_timeout(Some(TICK * 5)).unwrap();
    assert_eq!(peer.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn reading_outlasts_the_timeouts_of_the_kernel() {
    let (mut socket, mut peer) = pair();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            some_time_passes(&mut peer);
            peer.write_all(b"late").unwrap();
        });
        let mut into = [0; 4];
        socket.read_exact(&mut into).unwrap();
        assert_eq!(&into, b"late");
    });
}

#[test]
fn writing_outlasts_the_timeouts_of_the_kernel() {
    const MUCH: usize = 32 << 20;
    let (mut socket, mut peer) = pair();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (_never, nothing) = std::sync::mpsc::channel::<()>();
            nothing.recv_timeout(TICK * 5).unwrap_err();
            let mut into = vec![0; MUCH];
            peer.read_exact(&mut into).unwrap();
        });
        socket.write_all(&vec![b'x'; MUCH]).unwrap();
    });
}

#[test]
fn the_deadline_ends_reading_and_writing() {
    let (mut socket, _peer) = pair();
    socket.until(within(TICK * 3));
    assert_eq!(socket.read(&mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
    let failure = Failure::connected(&socket.write_all(&[0; 32]).unwrap_err());
    assert_eq!(failure, Failure::Misbehaved(Misbehaviour::Timeout, "the time is up".into()));
}

#[test]
fn a_connection_that_brings_not_a_byte_in_time_is_silent_and_one_byte_ends_that() {
    let (mut socket, mut peer) = pair();
    socket.write_all(b"hello").unwrap();
    socket.until(within(TICK * 3));
    let error = socket.read(&mut [0]).unwrap_err();
    assert!(
        matches!(socket.failure(&error), Failure::Outage(Outage::Silent, _)),
        "{:?}",
        socket.failure(&error)
    );
    // The byte is in the kernel, and nothing has read it yet.
    peer.write_all(b"x").unwrap();
    let timeout = Failure::Misbehaved(Misbehaviour::Timeout, "the time is up".into());
    assert_eq!(socket.failure(&error), timeout);
    socket.until(within(Duration::from_secs(3600)));
    socket.read_exact(&mut [0]).unwrap();
    assert_eq!(socket.failure(&error), timeout);
}

/// Where this machine has an IPv6 address, that it can't be assigned means that the ports are used
/// up.
#[test]
fn an_ipv6_address_that_can_be_reached_by_datagrams_lacks_a_port() {
    let error = std::io::Error::from_raw_os_error(libc::EADDRNOTAVAIL);
    let here: SocketAddr = "[::1]:443".parse().unwrap();
    if crate::os::datagrams_to(&here).is_ok() {
        let failure = refused(&here, &error);
        assert!(matches!(failure, Failure::Local(Local::Resources, _)), "{failure:?}");
    }
}

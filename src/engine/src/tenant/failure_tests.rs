//! Which error of the system is whose fault.

use std::io;
use std::net::SocketAddr;

use super::{Failure, Local, Misbehaviour, Outage, line};

fn connecting(to: &str, errno: i32) -> Failure {
    let to: SocketAddr = to.parse().unwrap();
    Failure::connecting(&to, &io::Error::from_raw_os_error(errno))
}

#[test]
fn errors_of_a_connect_are_sorted_by_fault() {
    for (errno, kind) in [
        (libc::ECONNREFUSED, Outage::Refused),
        (libc::ECONNRESET, Outage::Refused),
        (libc::EHOSTUNREACH, Outage::NoRoute),
        (libc::ENETUNREACH, Outage::NoRoute),
        (libc::ENETDOWN, Outage::NoRoute),
        (libc::ETIMEDOUT, Outage::ConnectTimeout),
    ] {
        let failure = connecting("192.0.2.1:443", errno);
        assert!(matches!(failure, Failure::Outage(found, _) if found == kind), "{failure:?}");
    }
    for (errno, kind) in [
        (libc::EACCES, Local::Permission),
        (libc::EPERM, Local::Permission),
        (libc::EMFILE, Local::Resources),
        (libc::ENFILE, Local::Resources),
        (libc::ENOMEM, Local::Resources),
        (libc::ENOBUFS, Local::Resources),
        (libc::EADDRNOTAVAIL, Local::Resources),
        (libc::EPROTO, Local::Resources),
        (libc::EAGAIN, Local::Resources),
        (libc::EAFNOSUPPORT, Local::Sandbox),
    ] {
        let failure = connecting("192.0.2.1:443", errno);
        assert!(matches!(failure, Failure::Local(found, _) if found == kind), "{failure:?}");
    }
}

/// Whatever the kernel says: an outage is what the table above has, and nothing that it may say
/// tomorrow.
#[test]
fn no_other_error_of_a_connect_is_an_outage() {
    let outages: Vec<_> = (1..=133)
        .filter(|errno| matches!(connecting("192.0.2.1:443", *errno), Failure::Outage(..)))
        .collect();
    let known = [
        libc::ENETDOWN,
        libc::ENETUNREACH,
        libc::ECONNRESET,
        libc::ETIMEDOUT,
        libc::ECONNREFUSED,
        libc::EHOSTDOWN,
        libc::EHOSTUNREACH,
    ];
    assert_eq!(outages, known);
}

/// Where IPv6 is switched off, an IPv6 address is as unreachable as without a route.
#[test]
fn a_machine_without_ipv6_has_no_route_there() {
    for errno in [libc::EADDRNOTAVAIL, libc::EAFNOSUPPORT] {
        let failure = connecting("[2001:db8::1]:443", errno);
        assert!(matches!(failure, Failure::Outage(Outage::NoRoute, _)), "{failure:?}");
    }
}

#[test]
fn once_connected_nothing_is_an_outage() {
    for errno in 1..133 {
        let failure = Failure::connected(&io::Error::from_raw_os_error(errno));
        assert!(!matches!(failure, Failure::Outage(..)), "{failure:?}");
    }
    let failure = Failure::connected(&io::Error::from_raw_os_error(libc::ECONNRESET));
    assert_eq!(
        failure,
        Failure::Misbehaved(Misbehaviour::Cut, "Connection reset by peer (os error 104)".into())
    );
    assert_eq!(failure.to_string(), "connection cut: Connection reset by peer (os error 104)");
}

#[test]
fn what_is_wrong_here_says_more_than_who_did_not_answer() {
    let permission = connecting("192.0.2.1:443", libc::EACCES);
    let refused = connecting("192.0.2.1:443", libc::ECONNREFUSED);
    let silent = connecting("192.0.2.1:443", libc::ETIMEDOUT);
    let unreachable = connecting("192.0.2.1:443", libc::ENETUNREACH);
    let weights = [permission, refused, silent, unreachable].map(|failure| failure.weight());
    assert!(weights.is_sorted_by(|a, b| a > b), "{weights:?}");
}

#[test]
fn details_are_one_short_line() {
    assert_eq!(line("a\r\nb\u{1b}[31m\u{85}c"), "a  b [31m c");
    assert_eq!(line("\u{e9}".repeat(101)), "\u{e9}".repeat(100));
}

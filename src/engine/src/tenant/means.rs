//! What a request needs of this machine: whether this process can have it, asked right after a
//! failure.
#![forbid(unsafe_code)]

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::net::UnixDatagram;
use std::thread;

use super::failure::Local;
use super::resolver::STACK;
use super::tables;
use crate::os;

/// A look-up or a handshake needs less, in bytes.
const MEMORY: usize = 1024 * 1024;

/// A look-up and a connection need fewer at a time.
const DESCRIPTORS: usize = 4;

/// The port of the discard service. Nothing is sent there.
const DISCARD: u16 = 9;

/// What this process can't have, and the kind of failure that this is.
pub(super) type Lack = (Local, String);

/// The first thing that is missing. A table may be full for a moment, so it is looked at first and
/// last.
pub(super) fn lack() -> Option<Lack> {
    crowded()
        .or_else(no_descriptors)
        .or_else(no_memory)
        .or_else(no_thread)
        .or_else(no_port)
        .or_else(crowded)
}

fn crowded() -> Option<Lack> {
    out(&tables::full()?)
}

fn out(of: &str) -> Option<Lack> {
    Some((Local::Resources, of.to_owned()))
}

fn no_descriptors() -> Option<Lack> {
    let several = [(); DESCRIPTORS].map(|()| UnixDatagram::unbound());
    let failed = several.into_iter().find_map(Result::err)?;
    out(&format!("no file descriptor: {failed}"))
}

fn no_memory() -> Option<Lack> {
    let mut memory = Vec::<u8>::new();
    memory.try_reserve_exact(MEMORY).err()?;
    out("no memory")
}

fn no_thread() -> Option<Lack> {
    let started = os::with_signals_blocked(|| {
        let builder = thread::Builder::new().stack_size(STACK);
        builder.spawn(|| ())
    });
    match started.map(thread::JoinHandle::join) {
        Ok(_) => None,
        Err(error) => out(&format!("no thread: {error}")),
    }
}

/// A port for datagrams, in each family that this machine has.
fn no_port() -> Option<Lack> {
    let v4 = os::datagrams_to(&SocketAddr::from((Ipv4Addr::LOCALHOST, DISCARD)));
    let v6 = os::datagrams_to(&SocketAddr::from((Ipv6Addr::LOCALHOST, DISCARD)));
    let lacking = v4.err().and_then(|error| portless(&error));
    let absent = |error: &io::Error| {
        matches!(error.raw_os_error(), Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL))
    };
    lacking.or_else(|| v6.err().filter(|error| !absent(error)).and_then(|error| portless(&error)))
}

/// What an error of socket(2) or connect(2) says of a datagram socket; where there is no route,
/// there was a port.
fn portless(error: &io::Error) -> Option<Lack> {
    match error.raw_os_error() {
        Some(libc::ENETUNREACH | libc::EHOSTUNREACH | libc::EADDRNOTAVAIL | libc::ENETDOWN) => None,
        Some(libc::EAFNOSUPPORT) => Some((Local::Sandbox, error.to_string())),
        Some(libc::EACCES | libc::EPERM) => {
            Some((Local::Permission, format!("a datagram socket: {error}")))
        }
        _ => out(&format!("no port for datagrams: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_lacks_nothing() {
        assert_eq!(lack(), None);
    }

    /// Runs one of the ignored tests below in a process that the shell has limited so.
    fn limited(limit: &str, test: &str) {
        let name = format!("tenant::means::tests::{test}");
        #[expect(clippy::disallowed_methods, reason = "a test starts itself")]
        let mut command = std::process::Command::new("sh");
        command.args(["-c", &format!("{limit}; exec \"$0\" --ignored --exact \"$1\"")]);
        command.arg(std::env::current_exe().unwrap()).arg(name);
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
    }

    fn lacks(what: &str) {
        let lack = lack();
        assert!(
            matches!(&lack, Some((Local::Resources, why)) if why.starts_with(what)),
            "{lack:?}"
        );
    }

    #[test]
    fn a_process_without_descriptors_lacks_them() {
        limited("ulimit -n 50", "descriptors_are_used_up");
    }

    #[test]
    #[ignore = "run by a_process_without_descriptors_lacks_them"]
    fn descriptors_are_used_up() {
        let all: Vec<_> = std::iter::from_fn(|| std::fs::File::open("/dev/null").ok()).collect();
        assert!(all.len() < 50);
        lacks("no file descriptor");
        drop(all);
    }

    #[test]
    fn a_process_without_memory_lacks_it() {
        limited("ulimit -v 500000", "memory_is_used_up");
    }

    #[test]
    #[ignore = "run by a_process_without_memory_lacks_it"]
    fn memory_is_used_up() {
        let mut all = Vec::new();
        for size in [16 * MEMORY, MEMORY / 2] {
            all.extend(std::iter::from_fn(|| {
                let mut piece = Vec::<u8>::new();
                piece.try_reserve_exact(size).is_ok().then_some(piece)
            }));
        }
        let lack = lack();
        drop(all);
        assert_eq!(lack, out("no memory"));
    }

    /// All ports but two are out of the range, in a network of its own, where this process may make
    /// one.
    #[test]
    fn a_process_without_ports_lacks_them() {
        const ALONE: &str = "ip link set lo up; echo 40000 40001 > /proc/sys/net/ipv4/ip_local_port_range \
                             && exec \"$0\" --ignored --exact tenant::means::tests::ports_are_used_up";
        #[expect(clippy::disallowed_methods, reason = "a test starts itself")]
        let mut command = std::process::Command::new("unshare");
        command.args(["--net", "sh", "-c", ALONE]);
        command.arg(std::env::current_exe().unwrap());
        let text = command.output().map_or_else(|_| Vec::new(), |output| output.stdout);
        let text = String::from_utf8_lossy(&text);
        assert!(text.is_empty() || text.contains("1 passed"), "{text}");
    }

    #[test]
    #[ignore = "run by a_process_without_ports_lacks_them"]
    fn ports_are_used_up() {
        use std::net::UdpSocket;
        let all: Vec<_> = std::iter::from_fn(|| UdpSocket::bind("0.0.0.0:0").ok()).collect();
        lacks("no port for datagrams");
        drop(all);
    }

    #[test]
    fn errors_of_a_datagram_socket_are_sorted_by_fault() {
        let kind = |errno| portless(&io::Error::from_raw_os_error(errno)).map(|lack| lack.0);
        for (errno, wanted) in [
            (libc::ENETUNREACH, None),
            (libc::EHOSTUNREACH, None),
            (libc::EADDRNOTAVAIL, None),
            (libc::EAGAIN, Some(Local::Resources)),
            (libc::EMFILE, Some(Local::Resources)),
            (libc::ENOBUFS, Some(Local::Resources)),
            (libc::EAFNOSUPPORT, Some(Local::Sandbox)),
            (libc::EACCES, Some(Local::Permission)),
            (libc::EPERM, Some(Local::Permission)),
        ] {
            assert_eq!(kind(errno), wanted, "{errno}");
        }
    }
}

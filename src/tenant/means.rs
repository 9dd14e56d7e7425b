//! What a request needs of this machine: whether this process can have it, asked right after a failure.
#![forbid(unsafe_code)]

use std::fs;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::net::UnixDatagram;
use std::thread;

use super::failure::Local;
use super::resolver::STACK;
use crate::os;

/// A look-up or a handshake needs less, in bytes.
const MEMORY: usize = 1024 * 1024;

/// A look-up and a connection need fewer at a time.
const DESCRIPTORS: usize = 4;

/// The port of the discard service. Nothing is sent there.
const DISCARD: u16 = 9;

/// A table of the kernel that is as full as this, in percent, may lose packets.
const FULL: u64 = 95;

/// What this process can't have, and the kind of failure that this is.
pub(super) type Lack = (Local, String);

/// The first thing that is missing.
pub(super) fn lack() -> Option<Lack> {
    no_descriptors()
        .or_else(no_memory)
        .or_else(no_thread)
        .or_else(no_port)
        .or_else(crowded)
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
        matches!(
            error.raw_os_error(),
            Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL)
        )
    };
    lacking.or_else(|| {
        v6.err()
            .filter(|error| !absent(error))
            .and_then(|error| portless(&error))
    })
}

/// What an error of socket(2) or connect(2) says of a datagram socket; where there is no route, there was a port.
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

/// Tables that every user of this machine fills: where one is full, the kernel drops packets and tells the sender nothing.
fn crowded() -> Option<Lack> {
    let full = gauges().into_iter().find(|gauge| gauge.is_full())?;
    let Gauge { name, used, limit } = full;
    out(&format!("{name} is full: {used} of {limit}"))
}

struct Gauge {
    name: &'static str,
    used: u64,
    limit: u64,
}

impl Gauge {
    fn is_full(&self) -> bool {
        self.limit > 0 && self.used.saturating_mul(100) >= self.limit.saturating_mul(FULL)
    }
}

/// Those that this kernel, or this network namespace, shows.
fn gauges() -> Vec<Gauge> {
    let gauge = |name, used: Option<u64>, limit: Option<u64>| {
        Some(Gauge {
            name,
            used: used?,
            limit: limit?,
        })
    };
    let sockets = fs::read_to_string("/proc/net/sockstat").unwrap_or_default();
    [
        gauge(
            "the table of connections of the firewall",
            number("/proc/sys/net/netfilter/nf_conntrack_count", 0),
            number("/proc/sys/net/netfilter/nf_conntrack_max", 0),
        ),
        gauge(
            "the memory for TCP",
            pages(&sockets, "TCP:"),
            number("/proc/sys/net/ipv4/tcp_mem", 2),
        ),
        gauge(
            "the memory for UDP",
            pages(&sockets, "UDP:"),
            number("/proc/sys/net/ipv4/udp_mem", 2),
        ),
        gauge(
            "the table of neighbours for IPv4",
            entries("/proc/net/stat/arp_cache"),
            number("/proc/sys/net/ipv4/neigh/default/gc_thresh3", 0),
        ),
        gauge(
            "the table of neighbours for IPv6",
            entries("/proc/net/stat/ndisc_cache"),
            number("/proc/sys/net/ipv6/neigh/default/gc_thresh3", 0),
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// One of the numbers in a small file of the kernel.
fn number(path: &str, which: usize) -> Option<u64> {
    let text = os::kernel_file(path).ok()?;
    text.split_whitespace().nth(which)?.parse().ok()
}

/// `mem` in a line of /proc/net/sockstat, in pages.
fn pages(sockets: &str, protocol: &str) -> Option<u64> {
    let line = sockets.lines().find(|line| line.starts_with(protocol))?;
    let mut words = line.split_whitespace().skip_while(|word| *word != "mem");
    words.nth(1)?.parse().ok()
}

/// The first column below the headline, in hexadecimal: the entries of the table.
fn entries(path: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let first = text.lines().nth(1)?.split_whitespace().next()?;
    u64::from_str_radix(first, 16).ok()
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
        command.args([
            "-c",
            &format!("{limit}; exec \"$0\" --ignored --exact \"$1\""),
        ]);
        command.arg(std::env::current_exe().unwrap()).arg(name);
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && text.contains("1 passed"),
            "{text}"
        );
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
        let all: Vec<_> = std::iter::from_fn(|| fs::File::open("/dev/null").ok()).collect();
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

    /// All ports but two are out of the range, in a network of its own, where this process may make one.
    #[test]
    fn a_process_without_ports_lacks_them() {
        const ALONE: &str = "ip link set lo up; echo 40000 40001 > /proc/sys/net/ipv4/ip_local_port_range \
                             && exec \"$0\" --ignored --exact tenant::means::tests::ports_are_used_up";
        #[expect(clippy::disallowed_methods, reason = "a test starts itself")]
        let mut command = std::process::Command::new("unshare");
        command.args(["--net", "sh", "-c", ALONE]);
        command.arg(std::env::current_exe().unwrap());
        let text = command
            .output()
            .map_or_else(|_| Vec::new(), |output| output.stdout);
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
    fn a_table_is_full_a_little_before_the_kernel_drops_packets() {
        let gauge = |used, limit| Gauge {
            name: "x",
            used,
            limit,
        };
        assert!(gauge(95, 100).is_full());
        assert!(gauge(200, 100).is_full());
        assert!(!gauge(94, 100).is_full());
        assert!(!gauge(0, 0).is_full(), "not limited");
    }

    #[test]
    fn the_files_of_the_kernel_are_read() {
        let sockets =
            "sockets: used 200\nTCP: inuse 5 orphan 0 tw 2 alloc 7 mem 31\nUDP: inuse 2 mem 17\n";
        assert_eq!(pages(sockets, "TCP:"), Some(31));
        assert_eq!(pages(sockets, "UDP:"), Some(17));
        assert_eq!(pages(sockets, "UDPLITE:"), None);
        assert!(entries("/proc/net/stat/arp_cache").is_none_or(|count| count < 100_000));
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

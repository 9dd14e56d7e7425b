//! Tables of the kernel that every user of this machine fills. Where one is full, the kernel drops
//! packets and tells the sender nothing.
#![forbid(unsafe_code)]

use std::fs;

use crate::os;

/// A table of the kernel that is as full as this, in percent, may lose packets.
const FULL: u64 = 95;

/// The first of them that is full, and how full it is.
pub(super) fn full() -> Option<String> {
    let full = gauges().into_iter().find(|gauge| gauge.is_full())?;
    let Gauge { name, used, limit } = full;
    Some(format!("{name} is full: {used} of {limit}"))
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
        Some(Gauge { name, used: used?, limit: limit? })
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
    fn a_table_is_full_a_little_before_the_kernel_drops_packets() {
        let gauge = |used, limit| Gauge { name: "x", used, limit };
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
}

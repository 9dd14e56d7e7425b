//! Lookups with a C library that is played.

use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{ADDRESSES, Answer, IpFamily, Lookups, Question, STACK, alternating, numeric};
use crate::os::LookupError;
use crate::tenant::failure::{Failure, Local, Outage};

fn far() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

fn question(ask: fn(&std::ffi::CStr, i32) -> Answer) -> Question<'static> {
    Question {
        host: "tenant.test",
        family: IpFamily::Any,
        deadline: far(),
        stack: STACK,
        ask,
    }
}

fn refused(code: i32) -> Answer {
    Err(LookupError {
        code,
        system: io::Error::from_raw_os_error(libc::EMFILE),
    })
}

fn ips(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn the_codes_of_getaddrinfo_are_sorted_by_fault() {
    let sorted = |code| {
        question(|_, _| Ok(vec![]))
            .sorted(refused(code))
            .unwrap_err()
    };
    let not_found = Failure::Outage(Outage::NameNotFound, "tenant.test: no such name".into());
    assert_eq!(sorted(libc::EAI_NONAME), not_found);
    assert_eq!(sorted(libc::EAI_NODATA), not_found);
    assert_eq!(
        sorted(libc::EAI_AGAIN),
        Failure::Outage(Outage::NameService, "tenant.test: temporary failure".into())
    );
    assert_eq!(
        sorted(libc::EAI_MEMORY),
        Failure::Local(Local::Resources, "no memory for a lookup".into())
    );
    assert_eq!(
        sorted(libc::EAI_SYSTEM),
        Failure::Local(
            Local::Resources,
            "tenant.test: Too many open files (os error 24)".into()
        )
    );
    assert_eq!(
        sorted(libc::EAI_FAIL),
        Failure::Local(Local::Resolver, "tenant.test: getaddrinfo error -4".into())
    );
}

#[test]
fn a_lookup_that_never_answers_ends_with_the_budget() {
    let never = |_: &std::ffi::CStr, _| loop {
        thread::park();
    };
    let mut question = question(never);
    question.deadline = Instant::now() + Duration::from_millis(10);
    let failure = question.answer().unwrap_err();
    assert_eq!(
        failure,
        Failure::Outage(Outage::NameService, "tenant.test: no answer in time".into())
    );
}

#[test]
fn a_lookup_that_dies_is_no_outage() {
    let failure = question(|_, _| std::panic::resume_unwind(Box::new(())))
        .answer()
        .unwrap_err();
    assert_eq!(
        failure,
        Failure::Local(Local::Resolver, "the lookup died".into())
    );
}

#[test]
fn the_thread_of_a_lookup_has_every_signal_blocked_and_ours_is_as_before() {
    fn blocked() -> u64 {
        let status = fs::read_to_string("/proc/thread-self/status").unwrap();
        let mask = status
            .lines()
            .find_map(|line| line.strip_prefix("SigBlk:"))
            .unwrap();
        u64::from_str_radix(mask.trim(), 16).unwrap()
    }
    let before = blocked();
    // The mask comes back as an address.
    let found = question(|_, _| Ok(vec![std::net::Ipv6Addr::from(u128::from(blocked())).into()]))
        .answer()
        .unwrap();
    let [IpAddr::V6(mask)] = found[..] else {
        panic!("{found:?}")
    };
    // All but SIGKILL and SIGSTOP, which can't be, and the two that glibc keeps for itself.
    assert_eq!(u128::from(mask), 0xffff_fffe_7ffb_feff);
    assert_eq!(blocked(), before);
}

#[test]
fn without_a_thread_the_lookup_is_made_all_the_same() {
    let mut question = question(|_, _| {
        let inside = thread::current().name().is_some();
        Ok(if inside { ips(&["192.0.2.1"]) } else { vec![] })
    });
    assert_eq!(question.answer(), Ok(vec![]));
    question.stack = usize::MAX / 2;
    assert_eq!(question.answer(), Ok(ips(&["192.0.2.1"])));
}

#[test]
fn the_families_take_turns() {
    let found = ips(&[
        "2001:db8::1",
        "2001:db8::2",
        "2001:db8::1",
        "192.0.2.1",
        "192.0.2.2",
        "192.0.2.3",
    ]);
    let expected = ips(&[
        "2001:db8::1",
        "192.0.2.1",
        "2001:db8::2",
        "192.0.2.2",
        "192.0.2.3",
    ]);
    assert_eq!(alternating(found.into_iter()), expected);
}

#[test]
fn a_numeric_host_is_an_address_with_or_without_brackets() {
    assert_eq!(numeric("192.0.2.1"), Some(ips(&["192.0.2.1"])[0]));
    assert_eq!(numeric("[2001:db8::1]"), Some(ips(&["2001:db8::1"])[0]));
    assert_eq!(numeric("[2001:db8::1"), None);
    assert_eq!(numeric("tenant.test"), None);
}

#[test]
fn a_host_is_looked_up_once() {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    let mut lookups = Lookups::new(IpFamily::V4);
    lookups.ask = |host, family| {
        ASKED.fetch_add(1, Ordering::Relaxed);
        assert_eq!(family, libc::AF_INET);
        match host.to_bytes() {
            b"tenant.test" => Ok(ips(&["192.0.2.1", "192.0.2.2"])),
            _ => refused(libc::EAI_NONAME),
        }
    };
    let expected: Vec<SocketAddr> = ["192.0.2.1:443", "192.0.2.2:443"]
        .map(|text| text.parse().unwrap())
        .into();
    for _ in 0..3 {
        assert_eq!(
            lookups.addresses("tenant.test", 443, far()),
            Ok(expected.clone())
        );
    }
    assert_eq!(ASKED.load(Ordering::Relaxed), 1);
    for _ in 0..2 {
        assert!(lookups.addresses("other.test", 443, far()).is_err());
    }
    assert_eq!(
        ASKED.load(Ordering::Relaxed),
        3,
        "a lookup that failed is made again"
    );
    assert!(lookups.addresses("192.0.2.1", 443, far()).is_ok());
    assert_eq!(
        ASKED.load(Ordering::Relaxed),
        3,
        "an address needs no lookup"
    );
}

#[test]
fn only_the_wanted_family_is_used_and_not_too_many_addresses() {
    let ip = |n: u8| {
        if n.is_multiple_of(2) {
            [192, 0, 2, n].into()
        } else {
            [n.into(); 8].into()
        }
    };
    let usable = Lookups::new(IpFamily::V4).usable((0..40).map(ip).collect());
    assert_eq!(usable.len(), ADDRESSES);
    assert!(usable.iter().all(IpAddr::is_ipv4));
    let usable = Lookups::new(IpFamily::V6).usable((0..4).map(ip).collect());
    assert_eq!(usable, [ip(1), ip(3)]);
    assert_eq!(
        Lookups::new(IpFamily::V4).addresses("[::1]", 443, far()),
        Err(Failure::Local(
            Local::Request,
            "[::1] has no address of the configured family".into()
        ))
    );
}

thread_local! {
    static LINGERING: Lingering = const { Lingering };
}

static GONE: AtomicBool = AtomicBool::new(false);

struct Lingering;

impl Drop for Lingering {
    fn drop(&mut self) {
        for _ in 0..10_000 {
            thread::yield_now();
        }
        GONE.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_thread_that_has_answered_is_gone_when_we_go_on() {
    let answer = question(|_, _| LINGERING.with(|_| Ok(vec![]))).answer();
    assert_eq!(answer, Ok(vec![]));
    assert!(GONE.load(Ordering::Relaxed));
}

/// Needs a process of its own, for it takes away all descriptors.
#[test]
fn a_lookup_without_descriptors_says_nothing_about_the_host() {
    const TEST: &str = "tenant::resolver::tests::without_descriptors";
    #[expect(clippy::disallowed_methods, reason = "a test starts itself")]
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 50 && exec \"$0\" --ignored --exact \"$1\""]);
    command.arg(std::env::current_exe().unwrap()).arg(TEST);
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}"
    );
}

#[test]
#[ignore = "run by a_lookup_without_descriptors_says_nothing_about_the_host"]
fn without_descriptors() {
    let all: Vec<_> = std::iter::from_fn(|| fs::File::open("/dev/null").ok()).collect();
    assert!(all.len() < 50);
    let failure = question(|_, _| refused(libc::EAI_NONAME))
        .answer()
        .unwrap_err();
    assert_eq!(
        failure,
        Failure::Local(Local::Resources, "no file descriptor for a lookup".into())
    );
    drop(all);
}

//! Lookups with a C library that is played.

use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{ADDRESSES, Answer, IpFamily, Lookups, Question, STACK, alternating, numeric};
use crate::os::LookupError;
use crate::tenant::failure::{Failure, Local, Outage};
use crate::tenant::nameservers::{Names, Servers};
use crate::tenant::watch::Watch;

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
        servers: Servers::of_system,
        watch: Box::leak(Box::default()),
        inquiry: None,
    }
}

fn refused(code: i32) -> Answer {
    Err(LookupError { code, system: io::Error::from_raw_os_error(libc::EMFILE) })
}

fn ips(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn the_codes_of_getaddrinfo_are_sorted_by_fault() {
    let sorted = |code| question(|_, _| Ok(vec![])).sorted(refused(code)).unwrap_err();
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
        Failure::Local(Local::Resources, "tenant.test: Too many open files (os error 24)".into())
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
    let failure = question(|_, _| std::panic::resume_unwind(Box::new(()))).answer().unwrap_err();
    assert_eq!(failure, Failure::Local(Local::Resolver, "the lookup died".into()));
}

#[test]
fn the_thread_of_a_lookup_has_every_signal_blocked_and_ours_is_as_before() {
    fn blocked() -> u64 {
        let status = fs::read_to_string("/proc/thread-self/status").unwrap();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap();
        u64::from_str_radix(mask.trim(), 16).unwrap()
    }
    let before = blocked();
    // The mask comes back as an address.
    let found = question(|_, _| Ok(vec![std::net::Ipv6Addr::from(u128::from(blocked())).into()]))
        .answer()
        .unwrap();
    let [IpAddr::V6(mask)] = found[..] else { panic!("{found:?}") };
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

/// A caller can see to it that there is no thread.
#[test]
fn without_a_thread_a_lookup_that_fails_is_no_outage() {
    for code in [libc::EAI_NONAME, libc::EAI_AGAIN] {
        let mut question = question(match code {
            libc::EAI_NONAME => |_, _| refused(libc::EAI_NONAME),
            _ => |_, _| refused(libc::EAI_AGAIN),
        });
        question.stack = usize::MAX / 2;
        let failure = question.answer().unwrap_err();
        assert!(matches!(failure, Failure::Local(Local::Resources, _)), "{failure:?}");
    }
}

#[test]
fn the_families_take_turns() {
    let found =
        ips(&["2001:db8::1", "2001:db8::2", "2001:db8::1", "192.0.2.1", "192.0.2.2", "192.0.2.3"]);
    let expected = ips(&["2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2", "192.0.2.3"]);
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
    let mut lookups = Lookups::new(IpFamily::Ipv4, Watch::default());
    lookups.ask = |host, family| {
        ASKED.fetch_add(1, Ordering::Relaxed);
        assert_eq!(family, libc::AF_INET);
        match host.to_bytes() {
            b"tenant.test" => Ok(ips(&["192.0.2.1", "192.0.2.2"])),
            _ => refused(libc::EAI_NONAME),
        }
    };
    let expected: Vec<SocketAddr> =
        ["192.0.2.1:443", "192.0.2.2:443"].map(|text| text.parse().unwrap()).into();
    for _ in 0..3 {
        assert_eq!(lookups.addresses("tenant.test", 443, far()), Ok(expected.clone()));
    }
    assert_eq!(ASKED.load(Ordering::Relaxed), 1);
    for _ in 0..2 {
        assert!(lookups.addresses("other.test", 443, far()).is_err());
    }
    assert_eq!(ASKED.load(Ordering::Relaxed), 3, "a lookup that failed is made again");
    assert!(lookups.addresses("192.0.2.1", 443, far()).is_ok());
    assert_eq!(ASKED.load(Ordering::Relaxed), 3, "an address needs no lookup");
}

#[test]
fn only_the_wanted_family_is_used_and_not_too_many_addresses() {
    let ip = |n: u8| {
        if n.is_multiple_of(2) { [192, 0, 2, n].into() } else { [n.into(); 8].into() }
    };
    let usable = Lookups::new(IpFamily::Ipv4, Watch::default()).usable((0..40).map(ip).collect());
    assert_eq!(usable.len(), ADDRESSES);
    assert!(usable.iter().all(IpAddr::is_ipv4));
    let usable = Lookups::new(IpFamily::Ipv6, Watch::default()).usable((0..4).map(ip).collect());
    assert_eq!(usable, [ip(1), ip(3)]);
    assert_eq!(
        Lookups::new(IpFamily::Ipv4, Watch::default()).addresses("[::1]", 443, far()),
        Err(Failure::Local(Local::Request, "[::1] has no address of the configured family".into()))
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

/// A server on loopback, asked while the C library waits for ever.
fn starved(answers: bool) -> (Question<'static>, std::net::UdpSocket) {
    static SERVER: std::sync::Mutex<Option<SocketAddr>> = std::sync::Mutex::new(None);
    let server = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    *SERVER.lock().unwrap() = answers.then(|| server.local_addr().unwrap());
    let mut question = question(|_, _| refused(libc::EAI_AGAIN));
    question.servers = || match *SERVER.lock().unwrap() {
        Some(server) => Servers::from([server]),
        None => Servers::default(),
    };
    (question, server)
}

/// A process starves the thread of the lookup, or keeps the resolver of this system busy.
#[test]
fn a_lookup_that_fails_while_a_name_server_answers_shows_that_names_are_alive() {
    let (mut question, server) = starved(true);
    let answering = thread::Builder::new().spawn(move || {
        let mut buffer = [0; 512];
        let (length, from) = server.recv_from(&mut buffer).unwrap();
        buffer[2] |= 0x80;
        server.send_to(&buffer[..length], from).unwrap();
    });
    question.inquire(Duration::from_secs(60));
    answering.unwrap().join().unwrap();
    let failure = question.answer().unwrap_err();
    assert_eq!(question.names(&failure), Names::Alive);
    let (mut question, _server) = starved(false);
    let failure = question.answer().unwrap_err();
    assert_eq!(question.names(&failure), Names::Dead);
}

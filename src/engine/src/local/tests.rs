//! The files of the machine's memory, as several processes and an evil hand would find and leave
//! them.

use std::cell::Cell;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::budget::Allowance;
use super::memory::{Circumstances, Now, Scope};
use super::*;
use crate::os::{Process, Session};
use crate::policy::Push;
use crate::secret::Secret;

const LIMITS: Push =
    Push { count: 3, window: Duration::from_secs(600), pause: Duration::from_secs(60) };

struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = format!("/tmp/countersign-state-{}-{number}", std::process::id());
        Self(PathBuf::from(path))
    }

    /// The state as it is so many seconds after boot.
    fn at(&self, seconds: u64) -> State {
        let folder = Folder::open(&self.0).unwrap();
        State {
            folder,
            boot: "this-boot".into(),
            clock: Box::new(move || Duration::from_secs(seconds)),
            looked_at: std::cell::RefCell::default(),
        }
    }

    /// The state of a login during which time passes.
    fn while_time_passes(&self) -> (State, Rc<Cell<u64>>) {
        let seconds = Rc::new(Cell::new(100));
        let clock = Rc::clone(&seconds);
        let clock = Box::new(move || Duration::from_secs(clock.get()));
        let state = State { clock, ..self.at(100) };
        (state, seconds)
    }

    fn after_a_reboot(&self, seconds: u64) -> State {
        State { boot: "next-boot".into(), ..self.at(seconds) }
    }

    /// The only file there is.
    fn file(&self) -> PathBuf {
        let mut files: Vec<_> = fs::read_dir(&self.0).unwrap().collect();
        assert_eq!(files.len(), 1);
        files.pop().unwrap().unwrap().path()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn over(seconds: u64) -> Result<Allowance, Unusable> {
    Ok(Allowance::Over(Duration::from_secs(seconds)))
}

fn paused(seconds: u64) -> Result<Allowance, Unusable> {
    Ok(Allowance::Paused(Duration::from_secs(seconds)))
}

/// Something is sent, and ends without a denial.
fn spend(state: &State, user: &str) -> Result<Allowance, Unusable> {
    match state.spend(user, LIMITS)? {
        Ok(ringing) => ringing.answered().map(|()| Allowance::Free),
        Err(room) => Ok(room),
    }
}

/// Something is sent, and denied.
fn denied(state: &State, user: &str) {
    let ringing = state.spend(user, LIMITS).unwrap().ok().unwrap();
    state.deny(user, &[ringing], LIMITS).unwrap();
}

#[test]
fn the_budget_is_one_for_all_spellings_of_a_name() {
    let place = Place::new();
    for (at, name) in
        [(100, "Alice@example.com"), (110, "alice@EXAMPLE.com"), (120, "alice@example.com")]
    {
        assert_eq!(spend(&place.at(at), name), Ok(Allowance::Free));
    }
    assert_eq!(spend(&place.at(130), "ALICE@example.com"), over(570));
    assert_eq!(place.at(130).allowance("alice@example.com", LIMITS), over(570));
    assert_eq!(place.at(130).allowance("bob@example.com", LIMITS), Ok(Allowance::Free));
    assert_eq!(place.at(700).allowance("alice@example.com", LIMITS), Ok(Allowance::Free));
}

#[test]
fn a_success_refills_the_budget_and_a_refusal_pauses_it() {
    let place = Place::new();
    for _ in 0..3 {
        let _ = spend(&place.at(100), "alice");
    }
    place.at(110).refill("alice", &[]).unwrap();
    assert_eq!(place.at(110).allowance("alice", LIMITS), Ok(Allowance::Free));
    denied(&place.at(120), "alice");
    assert_eq!(spend(&place.at(121), "alice"), paused(59));
    assert_eq!(spend(&place.at(180), "alice"), Ok(Allowance::Free));
    let all = place.at(181).all_spent().unwrap();
    assert_eq!((all.len(), all[0].user.as_str(), all[0].sent.len()), (1, "alice", 2));
}

#[test]
fn a_pause_and_a_memory_begin_when_the_login_ends_and_not_when_it_began() {
    let place = Place::new();
    let (state, seconds) = place.while_time_passes();
    let ringing = state.spend("alice", LIMITS).unwrap().ok().unwrap();
    seconds.set(190);
    state.deny("alice", &[ringing], LIMITS).unwrap();
    assert_eq!(place.at(191).allowance("alice", LIMITS), paused(59));
    let (same, session) = (circumstances(), session(7));
    state.remember(same.clone(), step_up(&session), Duration::from_secs(60)).unwrap();
    let found = place.at(200).recall(&now(&same, &session)).unwrap();
    assert_eq!(found.unwrap().age(), Duration::from_secs(10));
}

#[test]
fn of_many_at_once_as_many_get_through_as_are_allowed() {
    let place = Place::new();
    let free = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| {
                if spend(&place.at(100), "alice") == Ok(Allowance::Free) {
                    free.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(free.into_inner(), 3);
}

#[test]
fn a_state_that_can_not_be_read_allows_nothing_and_is_left_as_it_is() {
    let place = Place::new();
    spend(&place.at(100), "alice").unwrap();
    let file = place.file();
    let good = fs::read(&file).unwrap();
    for damaged in [
        &b""[..],
        b"{",
        b"null",
        &good[..good.len() - 1],
        &[0; 2048],
        &[good.as_slice(), b"x"].concat(),
    ] {
        fs::write(&file, damaged).unwrap();
        assert!(place.at(101).allowance("alice", LIMITS).is_err(), "{damaged:?}");
        assert!(place.at(101).spend("alice", LIMITS).is_err(), "{damaged:?}");
        assert_eq!(fs::read(&file).unwrap(), damaged);
    }
    fs::write(&file, &good).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    assert!(place.at(101).allowance("alice", LIMITS).is_err());
}

#[test]
fn nothing_survives_a_reboot() {
    let place = Place::new();
    denied(&place.at(100), "alice");
    place.at(100).keep_token("client", &Secret::new("t0ken"), 3600).unwrap();
    let (circumstances, session) = (circumstances(), session(7));
    let scope = step_up(&session);
    place.at(100).remember(circumstances.clone(), scope, Duration::from_secs(600)).unwrap();
    let next = place.after_a_reboot(101);
    assert_eq!(next.allowance("alice", LIMITS), Ok(Allowance::Free));
    assert!(next.token("client").unwrap().is_none());
    assert_eq!(next.recall(&now(&circumstances, &session)), Ok(None));
}

#[test]
fn a_token_is_used_until_shortly_before_its_end_or_until_it_is_dropped() {
    let place = Place::new();
    let token = |at| place.at(at).token("client").unwrap().map(|t| t.expose().to_owned());
    place.at(100).keep_token("client", &Secret::new("t0ken"), 3600).unwrap();
    assert_eq!(token(101).as_deref(), Some("t0ken"));
    assert_eq!(token(100 + 3600 - 120), None);
    assert!(place.at(101).token("another client").unwrap().is_none());
    place.at(102).drop_token("client").unwrap();
    assert_eq!(token(103), None);
    place.at(200).keep_token("client", &Secret::new("short"), 4).unwrap();
    assert_eq!((token(202).as_deref(), token(203)), (Some("short"), None));
}

fn circumstances() -> Circumstances {
    Circumstances {
        uid: 1000,
        tenant_user: "alice@example.com".into(),
        tty: "/dev/pts/1".into(),
        rhost: String::new(),
        real_uid: 1000,
        account: "bob".into(),
        configuration: "c0ffee".into(),
    }
}

fn session(leader: u32) -> Session {
    Session::for_tests(Some(5), Process { pid: leader, start: 70 }, &[Process { pid: 3, start: 9 }])
}

fn step_up(session: &Session) -> Scope {
    Scope::StepUp { service: "sudo".into(), session: session.clone() }
}

fn now<'a>(circumstances: &'a Circumstances, session: &'a Session) -> Now<'a> {
    Now {
        circumstances,
        service: "sudo",
        session,
        within: Duration::from_secs(3600),
        ssh_counts: false,
    }
}

#[test]
fn a_confirmation_counts_where_everything_is_the_same_and_until_its_end() {
    let place = Place::new();
    let (same, session) = (circumstances(), session(7));
    place.at(100).remember(same.clone(), step_up(&session), Duration::from_secs(600)).unwrap();
    let found = place.at(160).recall(&now(&same, &session)).unwrap().unwrap();
    assert_eq!((found.age(), found.by_ssh()), (Duration::from_secs(60), false));
    assert!(place.at(700).recall(&now(&same, &session)).unwrap().is_none(), "over");
    assert!(
        place.at(99).recall(&now(&same, &session)).unwrap().is_none(),
        "a clock that went back"
    );
    let others = [
        Circumstances { uid: 1001, ..same.clone() },
        Circumstances { tenant_user: "bob@example.com".into(), ..same.clone() },
        Circumstances { tty: "/dev/pts/2".into(), ..same.clone() },
        Circumstances { rhost: "192.0.2.1".into(), ..same.clone() },
        Circumstances { real_uid: 1001, ..same.clone() },
        Circumstances { account: "root".into(), ..same.clone() },
        Circumstances { configuration: "other".into(), ..same.clone() },
    ];
    for other in others {
        assert!(place.at(160).recall(&now(&other, &session)).unwrap().is_none(), "{other:?}");
    }
    let start = Process { pid: 7, start: 71 };
    let reused = Session::for_tests(Some(5), start, &[]);
    let audit = Session::for_tests(Some(6), Process { pid: 7, start: 70 }, &[]);
    for other in [self::session(8), reused, audit] {
        assert!(place.at(160).recall(&now(&same, &other)).unwrap().is_none(), "{other:?}");
    }
    let su = Now { service: "su", ..now(&same, &session) };
    assert!(place.at(160).recall(&su).unwrap().is_none(), "another service");
    place.at(170).forget(1000).unwrap();
    assert!(place.at(180).recall(&now(&same, &session)).unwrap().is_none(), "forgotten");
}

#[test]
fn a_login_by_ssh_counts_below_its_own_connection_and_only_if_it_may() {
    let place = Place::new();
    let at_ssh = Circumstances {
        tty: "ssh".into(),
        rhost: "192.0.2.7".into(),
        real_uid: 0,
        ..circumstances()
    };
    let monitor = Process { pid: 3, start: 9 };
    place.at(100).remember(at_ssh, Scope::Ssh { monitor }, Duration::from_secs(600)).unwrap();
    let (sudo, below) = (circumstances(), session(7));
    let may = Now { ssh_counts: true, ..now(&sudo, &below) };
    assert!(place.at(160).recall(&may).unwrap().unwrap().by_ssh());
    assert!(place.at(160).recall(&now(&sudo, &below)).unwrap().is_none(), "not allowed");
    let elsewhere = Session::for_tests(
        Some(5),
        Process { pid: 7, start: 70 },
        &[Process { pid: 3, start: 10 }],
    );
    let other = Now { session: &elsewhere, ..may };
    assert!(place.at(160).recall(&other).unwrap().is_none(), "another connection");
}

/// sshd, gdm or a mail server runs as root, and one process asks for all who come along.
#[test]
fn what_root_runs_remembers_nobody() {
    let place = Place::new();
    let (root, session) = (Circumstances { real_uid: 0, ..circumstances() }, session(7));
    for scope in [step_up(&session), Scope::Ssh { monitor: Process { pid: 3, start: 9 } }] {
        place.at(100).remember(root.clone(), scope, Duration::from_secs(600)).unwrap();
    }
    assert_eq!(place.at(101).all_remembered().unwrap().len(), 1);
    let asks = Now { ssh_counts: true, ..now(&root, &session) };
    assert_eq!(place.at(101).recall(&asks), Ok(None));
}

#[test]
fn of_several_confirmations_the_latest_counts_and_none_that_is_too_old() {
    let place = Place::new();
    let (same, session) = (circumstances(), session(7));
    let monitor = Process { pid: 3, start: 9 };
    let long = Duration::from_secs(3600);
    place.at(100).remember(same.clone(), Scope::Ssh { monitor }, long).unwrap();
    let asks = Now { ssh_counts: true, within: Duration::from_secs(600), ..now(&same, &session) };
    assert!(place.at(699).recall(&asks).unwrap().unwrap().by_ssh());
    assert_eq!(place.at(700).recall(&asks), Ok(None));
    place.at(800).remember(same.clone(), step_up(&session), long).unwrap();
    for within in [600, 3600] {
        let within = Duration::from_secs(within);
        let asks = Now { within, ..asks };
        let found = place.at(900).recall(&asks).unwrap().unwrap();
        assert_eq!((found.age(), found.by_ssh()), (Duration::from_secs(100), false));
    }
}

#[test]
fn a_person_has_a_bounded_number_of_confirmations() {
    let place = Place::new();
    for leader in 0..40 {
        let scope = step_up(&session(leader));
        place.at(100).remember(circumstances(), scope, Duration::from_secs(600)).unwrap();
    }
    assert_eq!(place.at(101).all_remembered().unwrap().len(), 32);
}

/// A login that is killed, or stopped for ever, never says what became of its push.
#[test]
fn a_push_that_nobody_waits_for_any_more_counts_as_denied() {
    let place = Place::new();
    let ringing = place.at(100).spend("alice", LIMITS).unwrap().ok().unwrap();
    assert_eq!(place.at(110).allowance("alice", LIMITS), Ok(Allowance::Free), "it rings");
    drop(ringing);
    assert_eq!(spend(&place.at(110), "alice"), paused(50), "no other login waits");
    assert_eq!(spend(&place.at(160), "alice"), Ok(Allowance::Free));
    let place = Place::new();
    let limits = Push { pause: Duration::from_secs(300), ..LIMITS };
    let stopped = place.at(100).spend("alice", limits).unwrap().ok().unwrap();
    assert_eq!(place.at(219).allowance("alice", limits), Ok(Allowance::Free));
    assert_eq!(place.at(220).allowance("alice", limits), paused(180), "no login is this long");
    drop(stopped);
}

#[test]
fn a_success_forgets_all_but_what_another_login_waits_for() {
    let place = Place::new();
    let waiting = place.at(100).spend("alice", LIMITS).unwrap().ok().unwrap();
    let own = place.at(100).spend("alice", LIMITS).unwrap().ok().unwrap();
    drop(place.at(100).spend("alice", LIMITS).unwrap().ok().unwrap());
    assert_eq!(place.at(105).refill("alice", &[own]), Ok(true));
    assert_eq!(place.at(105).left("alice", LIMITS), Ok(2));
    place.at(110).deny("alice", &[waiting], LIMITS).unwrap();
    assert_eq!(place.at(111).allowance("alice", LIMITS), paused(59));
    assert_eq!(place.at(112).refill("alice", &[]), Ok(true));
    assert_eq!(place.at(112).refill("alice", &[]), Ok(false));
    assert_eq!(place.at(112).all_spent(), Ok(Vec::new()));
    assert_eq!(
        fs::read_dir(&place.0).unwrap().count(),
        1,
        "the file stays: the next login needs no room for one"
    );
}

#[test]
fn a_login_that_has_looked_counts_in_the_file_that_it_looked_at() {
    let place = Place::new();
    spend(&place.at(100), "alice").unwrap();
    let state = place.at(110);
    assert_eq!(state.allowance("alice", LIMITS), Ok(Allowance::Free));
    assert_eq!(state.allowance("bob", LIMITS), Ok(Allowance::Free));
    let first = state.spend("alice", LIMITS).unwrap().ok().unwrap();
    let second = state.spend("alice", LIMITS).unwrap().ok().unwrap();
    assert_eq!(place.at(111).allowance("alice", LIMITS), over(589));
    assert_eq!(place.at(111).allowance("bob", LIMITS), Ok(Allowance::Free));
    drop((first, second));
    let state = place.at(112);
    assert_eq!(state.allowance("alice", LIMITS), over(588));
    fs::remove_file(place.file()).unwrap();
    let state = place.at(113);
    assert_eq!(state.allowance("alice", LIMITS), Ok(Allowance::Free));
}

/// root has removed the file that the login has open.
#[test]
fn a_denial_is_kept_although_a_success_has_begun_the_count_anew() {
    let place = Place::new();
    let ringing = place.at(100).spend("alice", LIMITS).unwrap().ok().unwrap();
    fs::remove_file(place.file()).unwrap();
    place.at(110).deny("alice", &[ringing], LIMITS).unwrap();
    assert_eq!(place.at(111).allowance("alice", LIMITS), paused(59));
}

#[test]
fn no_bit_of_a_budget_can_flip_unseen() {
    let place = Place::new();
    spend(&place.at(100), "alice").unwrap();
    let (file, good) = (place.file(), fs::read(place.file()).unwrap());
    for at in 1024..1024 + 108 * 8 {
        // Words that nothing is kept in.
        if (1024 + 2 * 8..1024 + 8 * 8).contains(&at) {
            continue;
        }
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        fs::write(&file, &bad).unwrap();
        assert!(place.at(101).spend("alice", LIMITS).is_err(), "byte {at}");
    }
}

#[test]
fn what_the_version_before_has_counted_is_still_counted() {
    let before = |sent: &str, paused: u64| {
        let place = Place::new();
        let state = place.at(100);
        let name = file_name("budget", "alice");
        let text = format!(
            r#"{{"version":1,"boot":"this-boot","content":{{"user":"alice","sent":{sent},"paused_until":{paused}}}}}"#
        );
        state.folder.put(&name, text.as_bytes()).unwrap();
        place
    };
    let place = before("[90,95,100]", 0);
    assert_eq!(spend(&place.at(130), "alice"), over(560));
    assert_eq!(place.at(131).refill("alice", &[]), Ok(true));
    let place = before("[90]", 180);
    assert_eq!(spend(&place.at(130), "alice"), paused(50));
    assert_eq!(fs::read_dir(&place.0).unwrap().count(), 1, "it was converted");
    assert_eq!(spend(&place.at(130), "alice"), paused(50));
    assert_eq!(spend(&place.at(180), "alice"), Ok(Allowance::Free));
    let place = before("[90,95,100]", 0);
    assert_eq!(place.at(131).refill("alice", &[]), Ok(true));
    assert_eq!(fs::read_dir(&place.0).unwrap().count(), 0);
}

#[test]
fn what_was_confirmed_does_not_count_while_a_login_may_be_refused_and_after_it_was() {
    let place = Place::new();
    let (same, session) = (circumstances(), session(7));
    let confirm = |at| {
        let time = Duration::from_secs(600);
        place.at(at).remember(same.clone(), step_up(&session), time).unwrap();
    };
    let counts = |at| place.at(at).recall(&now(&same, &session)).unwrap().is_some();
    assert!(place.at(90).suspend(1000).unwrap().is_none(), "there is nothing");
    confirm(100);
    let own = place.at(110).suspend(1000).unwrap().unwrap();
    assert!(!counts(111), "it is not known yet");
    own.taken_back().unwrap();
    assert!(counts(112));
    drop(place.at(120).suspend(1000).unwrap().unwrap());
    assert!(!counts(121), "that login was killed, or is stopped");
    let success = place.at(130).suspend(1000).unwrap().unwrap();
    place.at(140).resume(&success).unwrap();
    confirm(140);
    assert!(counts(141), "a success ends that");
    let refused = place.at(150).suspend(1000).unwrap().unwrap();
    confirm(155);
    place.at(160).refuse(1000, Some(&refused)).unwrap();
    assert!(!counts(161));
    confirm(170);
    assert!(counts(171));
}

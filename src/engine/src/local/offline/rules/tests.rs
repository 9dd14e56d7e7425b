//! Tables: what a record, its numbers and a moment make of a code.

use std::time::Duration;

use super::*;
use crate::local::offline::record::Enrolment;
use crate::local::offline::tests::Place;
use crate::otpauth::{self, Key, Shape};

/// The secret of RFC 4226.
const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
/// A day in 2026, at the begin of a step.
const START: u64 = 1_795_000_020;
const LIMITS: OfflineLimits = OfflineLimits { logins: 10, age: Duration::from_secs(7 * 86_400) };
const LOGIN: Purpose = Purpose::Login(LIMITS);

/// So many seconds after the enrolment, by both clocks.
fn after(seconds: u64) -> Moment {
    Moment { wall: START + seconds, boot: "this-boot".into(), uptime: 1000 + seconds }
}

/// A moment whose wall clock was set later or earlier by so much.
fn set(mut moment: Moment, by: i64) -> Moment {
    moment.wall = moment.wall.checked_add_signed(by).unwrap();
    moment
}

fn rebooted(moment: Moment, uptime: u64) -> Moment {
    Moment { boot: "next-boot".into(), uptime, ..moment }
}

fn key() -> Key {
    otpauth::read(SECRET).unwrap()
}

fn enrolment() -> Enrolment {
    Enrolment::new(1000, "alice", key(), &after(0)).unwrap()
}

/// A user who is enrolled, in a folder of the test's own.
struct User(Place);

impl User {
    fn of(enrolment: &Enrolment) -> Self {
        let place = Place::new();
        place.then(after(0)).enroll(&enrolment.record).unwrap();
        Self(place)
    }

    fn is(&self) -> Record {
        self.0.then(after(0)).load(1000).unwrap().unwrap()
    }
}

fn record() -> User {
    User::of(&enrolment())
}

fn redeem(
    user: &User,
    typed: &str,
    purpose: Purpose,
    at: &Moment,
) -> Result<Accepted, CodeRefusal> {
    user.0.then(at.clone()).attempt(1000, typed, purpose)
}

fn unlock(user: &User) {
    user.0.then(after(0)).unlock(1000).unwrap();
}

fn online(user: &User, at: &Moment) -> u32 {
    user.0.then(at.clone()).online(1000).unwrap().unwrap()
}

fn refused(user: &User, seconds: u64, at: &Moment) {
    let pause = std::time::Duration::from_secs(seconds);
    user.0.then(at.clone()).refused(1000, pause).unwrap();
}

fn code(at: &Moment) -> String {
    key().code_at(at.wall).to_string()
}

/// Whatever the code of this moment is, not that of its neighbours either.
fn wrong(at: &Moment) -> String {
    let candidates = ["000000", "000001", "000002", "000003"].into_iter();
    let mut wrong = candidates.filter(|code| key().step_of(code, at.wall).is_none());
    wrong.next().unwrap().to_owned()
}

fn try_right(record: &User, at: &Moment) -> Result<u32, CodeRefusal> {
    redeem(record, &code(at), LOGIN, at).map(|accepted| accepted.login)
}

fn try_wrong(record: &User, at: &Moment) -> CodeRefusal {
    redeem(record, &wrong(at), LOGIN, at).unwrap_err()
}

#[test]
fn a_right_code_counts_once() {
    let record = record();
    assert_eq!(record.is().stage, Stage::Pending);
    let now = after(60);
    let accepted = redeem(&record, &code(&now), LOGIN, &now);
    let (kind, login, age) = (Kind::Code, 1, 60);
    assert_eq!(accepted, Ok(Accepted { kind, login, age }));
    assert_eq!(record.is().stage, Stage::Active, "the first right code makes it so");
    assert_eq!(try_right(&record, &now), Err(CodeRefusal::Replayed));
    assert_eq!(try_right(&record, &after(89)), Err(CodeRefusal::Replayed));
    assert_eq!(try_right(&record, &after(90)), Ok(2));
}

#[test]
fn an_older_code_does_not_count_behind_a_newer_one() {
    let record = record();
    let now = after(60);
    let late = code(&after(30));
    let early = code(&after(90));
    assert!(redeem(&record, &early, LOGIN, &now).is_ok());
    for code in [early, code(&now), late] {
        assert_eq!(redeem(&record, &code, LOGIN, &now), Err(CodeRefusal::Replayed), "{code}");
    }
}

#[test]
fn codes_of_three_steps_count_and_no_others() {
    for distance in -3_i64..=3 {
        let now = after(600);
        let code = code(&set(now.clone(), distance * 30));
        let result = redeem(&record(), &code, LOGIN, &now);
        assert_eq!(result.is_ok(), (-1..=1).contains(&distance), "{distance}");
    }
}

#[test]
fn whatever_else_is_typed_costs_a_try() {
    let now = after(59);
    let right = code(&now);
    for (typed, good) in [
        (right.clone(), true),
        (format!(" {right} "), true),
        (format!("{} {}", &right[..3], &right[3..]), true),
        (format!("+{}", &right[1..]), false),
        (format!("{right}0"), false),
        (right[..5].to_owned(), false),
        (format!("{}\0", &right[..5]), false),
        (format!("{right}\0"), false),
        (String::new(), false),
        ("7".repeat(600), false),
        (right.chars().map(|c| char::from_u32(c as u32 + 0xfee0).unwrap()).collect(), false),
    ] {
        let record = record();
        assert_eq!(redeem(&record, &typed, LOGIN, &now).is_ok(), good, "{typed:?}");
        assert_eq!(record.is().failures, u32::from(!good), "{typed:?}");
    }
}

#[test]
fn leading_zeros_belong_to_a_code() {
    let zero = (0..200_000).map(|step| after(step * 30));
    let now = zero.into_iter().find(|at| code(at).starts_with("00")).unwrap();
    let limits = OfflineLimits { age: Duration::MAX, ..LIMITS };
    let stripped = code(&now).trim_start_matches('0').to_owned();
    let purpose = Purpose::Login(limits);
    assert!(redeem(&record(), &stripped, purpose, &now).is_err());
    assert!(redeem(&record(), &code(&now), purpose, &now).is_ok());
}

#[test]
fn waits_grow_with_each_failure_from_the_fifth_and_the_tenth_locks() {
    for (failures, wait) in [
        (0, 0),
        (4, 0),
        (5, 30),
        (6, 60),
        (7, 120),
        (8, 240),
        (9, 480),
        (10, 1800),
        (11, 1800),
        (99, 1800),
        (u32::MAX, 1800),
    ] {
        assert_eq!(wait_after(failures), wait, "{failures}");
    }
}

/// Fails so many times, each as soon as the wait for the last is over.
fn fail_times(record: &User, times: u32) -> Moment {
    let mut now = after(60);
    for _ in 0..times {
        now.uptime += record.is().wait.as_ref().map_or(0, |wait| wait.left(&now));
        assert_eq!(try_wrong(record, &now), CodeRefusal::Wrong);
    }
    now
}

#[test]
fn a_wait_holds_for_the_right_code_which_is_not_spent_by_it() {
    for (failures, left) in [(4, None), (5, Some(30)), (9, Some(480)), (10, Some(1800))] {
        let record = record();
        let now = fail_times(&record, failures);
        let expected = left.map_or(Ok(1), |left| Err(CodeRefusal::Locked(left)));
        assert_eq!(try_right(&record, &now), expected, "{failures} failures");
        if left.is_some() {
            assert_eq!(record.is().failures, failures, "a try in a wait is none");
            let free = Moment { uptime: now.uptime + 1800, ..now.clone() };
            assert_eq!(try_right(&record, &free), Ok(1), "it was not spent");
        }
    }
}

#[test]
fn a_success_forgets_failures() {
    let record = record();
    let now = fail_times(&record, 4);
    assert_eq!(try_right(&record, &now), Ok(1));
    assert_eq!((record.is().failures, record.is().wait), (0, None));
}

#[test]
fn no_clock_and_no_boot_makes_a_lock_shorter() {
    let record = record();
    let locked = fail_times(&record, 10);
    let later = |by: i64| {
        let now = set(locked.clone(), by);
        try_wrong(&record, &now)
    };
    assert_eq!(later(3600), CodeRefusal::Locked(1800));
    assert_eq!(later(-86_400), CodeRefusal::Locked(1800));
    // After a boot it lasts as long from there: how long the machine was off, no clock can say.
    let boot =
        |seconds: u64| rebooted(set(locked.clone(), 3600 + seconds.cast_signed()), 20 + seconds);
    assert_eq!(try_wrong(&record, &boot(0)), CodeRefusal::Locked(1780));
    assert_eq!(try_wrong(&record, &boot(1000)), CodeRefusal::Locked(780));
    assert_eq!(try_wrong(&record, &boot(1779)), CodeRefusal::Locked(1));
    assert_eq!(try_wrong(&record, &boot(1780)), CodeRefusal::Wrong, "the eleventh");
    assert_eq!(try_wrong(&record, &boot(1780)), CodeRefusal::Locked(1800));
}

#[test]
fn a_hundred_failures_in_a_row_end_it() {
    let record = record();
    let mut now = fail_times(&record, 100);
    now.uptime += 100_000;
    assert_eq!(try_right(&record, &now), Err(CodeRefusal::Disabled));
    unlock(&record);
    online(&record, &now);
    assert_eq!(try_wrong(&record, &now), CodeRefusal::Disabled);
    assert_eq!(redeem(&record, &code(&now), Purpose::Check, &now), Err(CodeRefusal::Disabled));
}

#[test]
fn an_administrator_and_an_online_login_unlock() {
    for unlocked in [
        |record: &User, _: &Moment| unlock(record),
        |record: &User, now: &Moment| {
            online(record, now);
        },
    ] {
        let record = record();
        let now = fail_times(&record, 99);
        unlocked(&record, &now);
        assert_eq!(try_right(&record, &now), Ok(1));
    }
}

#[test]
fn a_clock_that_goes_backwards_is_refused_and_gives_no_code_back() {
    let record = record();
    let now = after(600);
    let used = code(&now);
    assert_eq!(try_right(&record, &now), Ok(1));
    let back = set(now.clone(), -300);
    assert_eq!(try_right(&record, &back), Err(CodeRefusal::ClockWentBack));
    assert_eq!(redeem(&record, &used, LOGIN, &back), Err(CodeRefusal::ClockWentBack));
    assert_eq!(record.is().clock, now.wall, "the mark stays");
    // A small correction is no step back, and still no replay.
    let nudged = set(now.clone(), -30);
    assert_eq!(redeem(&record, &used, LOGIN, &nudged), Err(CodeRefusal::Replayed));
    assert_eq!(try_right(&record, &set(now, -31)), Err(CodeRefusal::ClockWentBack));
    assert_eq!(record.is().failures, 0, "a guess of no user");
}

#[test]
fn a_clock_that_was_ahead_is_forgiven_by_an_online_login_but_codes_are_not() {
    let record = record();
    let ahead = after(3600);
    assert_eq!(try_right(&record, &ahead), Ok(1));
    let now = after(120);
    assert_eq!(try_right(&record, &now), Err(CodeRefusal::ClockWentBack));
    assert_eq!(online(&record, &now), 1);
    assert_eq!(try_right(&record, &now), Err(CodeRefusal::Replayed));
    assert_eq!(try_right(&record, &after(3630)), Ok(1));
}

#[test]
fn so_many_logins_and_no_more_until_the_next_online_one() {
    let record = record();
    for login in 1..=10 {
        assert_eq!(try_right(&record, &after(u64::from(login) * 30)), Ok(login));
    }
    assert_eq!(try_right(&record, &after(330)), Err(CodeRefusal::TooMany(10)));
    assert_eq!(online(&record, &after(360)), 10);
    assert_eq!(online(&record, &after(360)), 0, "told once");
    assert_eq!(try_right(&record, &after(390)), Ok(1));
}

#[test]
fn so_long_after_the_last_online_login_and_no_longer() {
    let record = record();
    assert_eq!(try_right(&record, &after(LIMITS.age.as_secs())), Ok(1));
    assert_eq!(
        try_right(&record, &after(LIMITS.age.as_secs() + 30)),
        Err(CodeRefusal::TooLongAgo(LIMITS.age.as_secs() + 30))
    );
    online(&record, &after(LIMITS.age.as_secs() + 60));
    assert_eq!(try_right(&record, &after(2 * LIMITS.age.as_secs())), Ok(1));
}

#[test]
fn whom_the_tenant_has_refused_is_refused_for_a_while() {
    let record = record();
    let now = after(60);
    refused(&record, 3600, &now);
    assert_eq!(try_right(&record, &now), Err(CodeRefusal::RefusedOnline(3600)));
    let clock = set(after(90), 7200);
    assert_eq!(
        try_right(&record, &clock),
        Err(CodeRefusal::RefusedOnline(3570)),
        "no clock ends it"
    );
    let boot = rebooted(after(7320), 5);
    assert_eq!(try_right(&record, &boot), Err(CodeRefusal::RefusedOnline(3595)));
    let over = rebooted(after(11_000), 3600);
    assert_eq!(try_right(&record, &over), Ok(1));
    refused(&record, 3600, &over);
    online(&record, &over);
    assert_eq!(try_right(&record, &rebooted(after(11_030), 3635)), Ok(1));
    refused(&record, 0, &over);
    assert_eq!(try_right(&record, &rebooted(after(11_060), 3665)), Ok(2));
}

#[test]
fn a_check_asks_for_the_right_code_and_nothing_more() {
    let record = record();
    refused(&record, 3600, &after(0));
    let now = after(30 * 86_400);
    let check = redeem(&record, &code(&now), Purpose::Check, &now);
    assert_eq!(check.map(|accepted| accepted.login), Ok(0));
    assert_eq!((record.is().logins, record.is().online), (0, START));
    assert_eq!(try_right(&record, &now), Err(CodeRefusal::TooLongAgo(30 * 86_400)));
}

#[test]
fn a_recovery_code_counts_where_a_code_does_and_once() {
    let enrolment = enrolment();
    let codes = &enrolment.codes;
    let record = User::of(&enrolment);
    let now = after(60);
    let first = redeem(&record, &codes[0], LOGIN, &now).unwrap();
    assert_eq!((first.kind, first.login), (Kind::Recovery(9), 1));
    assert_eq!(
        redeem(&record, &codes[0], LOGIN, &now),
        Err(CodeRefusal::Wrong),
        "the record forgets it"
    );
    let locked = fail_times(&record, 9);
    assert_eq!(redeem(&record, &codes[1], LOGIN, &locked), Err(CodeRefusal::Locked(1800)));
    assert_eq!(record.is().recovery.left(), 9, "it did not count");
    unlock(&record);
    assert!(redeem(&record, &codes[1], LOGIN, &locked).is_ok());
}

#[test]
fn the_log_says_why() {
    for (no, text) in [
        (CodeRefusal::Wrong, "a wrong code"),
        (CodeRefusal::Replayed, "a code that was used before"),
        (CodeRefusal::Locked(30), "locked for another 30 s by wrong codes"),
        (CodeRefusal::Disabled, "100 wrong codes in a row: the user must be enrolled again"),
        (CodeRefusal::ClockWentBack, "the clock has gone backwards"),
        (CodeRefusal::RefusedOnline(9), "the tenant has refused this user: none for another 9 s"),
        (CodeRefusal::TooLongAgo(8), "the last online login was 8 s ago"),
        (CodeRefusal::TooMany(10), "10 offline logins since the last online one"),
        (CodeRefusal::NotEnrolled, "the user is not enrolled"),
        (CodeRefusal::Unusable("x: y".into()), "x: y"),
    ] {
        assert_eq!(no.to_string(), text);
    }
    let shape = Shape::default();
    assert_eq!(key().shape(), shape);
}

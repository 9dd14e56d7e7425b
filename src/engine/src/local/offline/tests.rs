//! The files, as several processes, a full disk and an evil hand would find and leave them.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::UNIX_EPOCH;

use super::record::{Enrolment, Stage};
use std::path::Path;

use super::moment::Moment;
use super::*;
use crate::os::Folder;
use crate::otpauth;

const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const LIMITS: OfflineLimits = OfflineLimits { logins: 10, age: Duration::from_secs(86_400) };
const UID: u32 = 1000;

pub(super) struct Place(PathBuf);

impl Place {
    pub(super) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = format!("/tmp/countersign-offline-{}-{number}", std::process::id());
        Self(PathBuf::from(path))
    }

    /// With a user who is enrolled.
    fn enrolled() -> Self {
        let place = Self::new();
        let enrolment = Enrolment::new(UID, "alice", key(), &moment(0)).unwrap();
        let enrolled = place.at(0).enroll(&enrolment.record);
        assert_eq!(enrolled, Ok(Enrolled::Now));
        place
    }

    fn at(&self, seconds: u64) -> Store {
        self.then(moment(seconds))
    }

    pub(super) fn then(&self, now: Moment) -> Store {
        Store { folder: Folder::open(&self.0).unwrap(), now }
    }

    fn file(&self) -> PathBuf {
        self.0.join("totp-1000")
    }

    fn redeem(&self, seconds: u64) -> Result<u32, CodeRefusal> {
        let code = key().code_at(moment(seconds).wall);
        let receipt = self.at(seconds).redeem(UID, &code, LIMITS);
        receipt.map(|receipt| receipt.accepted().login)
    }

    #[track_caller]
    fn is_unusable(&self, problem: &str) {
        let found = self.redeem(60).unwrap_err().to_string();
        let found = found.replace(self.0.to_str().unwrap(), "DIR");
        assert_eq!(found, problem);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn key() -> Key {
    otpauth::read(SECRET).unwrap()
}

fn moment(seconds: u64) -> Moment {
    Moment { wall: 1_795_000_020 + seconds, boot: "this-boot".into(), uptime: 1000 + seconds }
}

/// A code that was seen long ago would be right by such a clock.
#[test]
fn a_clock_before_the_build_is_wrong() {
    let at = |wall| Moment::at(wall, "this-boot".into(), 1000).map(|moment| moment.wall);
    let built = os::built();
    assert!(built > 1_700_000_000);
    assert_eq!(at(built), Ok(built));
    for wall in [0, built - 1] {
        let Unusable(problem) = at(wall).unwrap_err();
        assert_eq!(problem, "the clock is wrong: it shows a time before this program was built");
    }
}

#[test]
fn what_was_enrolled_is_there_for_its_owner_alone() {
    let place = Place::enrolled();
    let record = place.at(0).load(UID).unwrap().unwrap();
    assert_eq!((record.user.as_str(), record.uid), ("alice", UID));
    assert_eq!(record.stage, Stage::Pending);
    assert_eq!(*record.key.base32(), SECRET);
    assert_eq!(place.at(0).uids(), Ok(vec![UID]));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode(&place.0), mode(&place.file())), (0o700, 0o600));
    assert_eq!(place.redeem(60), Ok(1));
    assert_eq!(place.at(60).load(UID).unwrap().unwrap().stage, Stage::Active);
    assert_eq!(place.redeem(60), Err(CodeRefusal::Replayed));
    let nobody = place.at(60).redeem(1001, "287082", LIMITS);
    assert_eq!(nobody, Err(CodeRefusal::NotEnrolled));
}

#[test]
fn who_is_enrolled_stays_so_until_removed() {
    let place = Place::enrolled();
    let other = otpauth::read("MFRGGZDFMFRGGZDFMFRGGZDFMFRGGZDF").unwrap();
    let enrolment = Enrolment::new(UID, "alice", other, &moment(0)).unwrap();
    assert_eq!(place.at(0).enroll(&enrolment.record), Ok(Enrolled::Before));
    assert_eq!(place.redeem(60), Ok(1));
    fs::write(place.0.join(".totp-1000.0123"), "a draft").unwrap();
    fs::write(place.0.join(".totp-10001.0123"), "another's draft").unwrap();
    assert_eq!(place.at(60).remove(UID), Ok(true));
    assert_eq!(place.at(60).remove(UID), Ok(false));
    assert_eq!(fs::read_dir(&place.0).unwrap().count(), 1);
    assert_eq!(place.redeem(90), Err(CodeRefusal::NotEnrolled));
}

#[test]
fn an_online_login_is_told_of_those_that_were_not() {
    let place = Place::enrolled();
    assert_eq!(place.redeem(60), Ok(1));
    assert_eq!(place.redeem(90), Ok(2));
    assert_eq!(place.at(100).online(UID), Ok(Some(2)));
    assert_eq!(place.at(100).online(UID), Ok(Some(0)));
    assert_eq!(place.at(100).online(1001), Ok(None));
    assert_eq!(place.at(110).refused(UID, Duration::from_secs(60)), Ok(()));
    assert_eq!(place.redeem(120), Err(CodeRefusal::RefusedOnline(50)));
}

#[test]
fn one_code_is_one_success_however_many_try_it() {
    let place = Place::enrolled();
    let (mut good, mut used) = (0, 0);
    std::thread::scope(|scope| {
        let tries: Vec<_> = (0..16).map(|_| scope.spawn(|| place.redeem(60))).collect();
        for tried in tries {
            match tried.join().unwrap() {
                Ok(_) => good += 1,
                // Until the first has finished, the others count as failures.
                Err(CodeRefusal::Replayed | CodeRefusal::Locked(30)) => used += 1,
                Err(other) => panic!("{other}"),
            }
        }
    });
    assert_eq!((good, used), (1, 15));
}

#[test]
fn a_file_with_any_bit_flipped_is_refused_and_left_alone() {
    let place = Place::enrolled();
    let good = fs::read(place.file()).unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        let refused = Record::from_bytes(&bad, UID).err().expect("a flipped bit");
        assert!(refused.contains("damaged"), "byte {at}: {refused}");
    }
    for length in 0..good.len() {
        assert!(Record::from_bytes(&good[..length], UID).is_err());
    }
    assert!(Record::from_bytes(&[good.as_slice(), b"x"].concat(), UID).is_err());
    assert!(Record::from_bytes(&good, UID).is_ok());
    fs::write(place.file(), &good[..good.len() - 1]).unwrap();
    place.is_unusable("DIR/totp-1000: is damaged: remove it and enrol the user again");
    assert_eq!(fs::read(place.file()).unwrap(), good[..good.len() - 1]);
    let again = Enrolment::new(UID, "alice", key(), &moment(0)).unwrap();
    assert!(place.at(0).enroll(&again.record).is_err());
    assert_eq!(place.at(0).remove(UID), Ok(true), "that is the way out");
}

#[test]
fn what_is_no_record_of_this_user_is_refused() {
    let place = Place::enrolled();
    let file = place.file();
    let good = fs::read_to_string(&file).unwrap();
    let write = |text: &str| {
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    };
    write(&good.replace("countersign-offline 1 ", "countersign-offline 2 "));
    place.is_unusable("DIR/totp-1000: is of another version of countersign, or damaged");
    for text in ["", "\n", "countersign-offline 1 \n", "{}"] {
        write(text);
        place.is_unusable("DIR/totp-1000: is damaged: remove it and enrol the user again");
    }
    write(&good);
    fs::copy(&file, place.0.join("totp-1001")).unwrap();
    let other = place.at(60).redeem(1001, "287082", LIMITS).unwrap_err();
    assert!(other.to_string().ends_with("totp-1001: is another user's"), "{other}");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "nothing else makes a pipe without unsafe code")]
fn what_is_no_file_of_ours_is_refused_and_nothing_hangs() {
    type Make = fn(&Path);
    let make: [(&str, Make); 7] = [
        ("link", |path| {
            symlink(path.with_file_name("kept"), path).unwrap();
        }),
        ("hard link", |path| {
            fs::hard_link(path.with_file_name("kept"), path).unwrap();
        }),
        ("folder", |path| fs::create_dir(path).unwrap()),
        ("pipe", |path| {
            let mut mkfifo = std::process::Command::new("/usr/bin/mkfifo");
            assert!(mkfifo.arg("-m600").arg(path).status().unwrap().success());
        }),
        ("socket", |path| {
            std::os::unix::net::UnixListener::bind(path).unwrap();
        }),
        ("open to others", |path| {
            fs::copy(path.with_file_name("kept"), path).unwrap();
            fs::set_permissions(path, Permissions::from_mode(0o640)).unwrap();
        }),
        ("huge", |path| {
            fs::copy(path.with_file_name("kept"), path).unwrap();
            let file = fs::File::options().write(true).open(path).unwrap();
            file.set_len(65 << 20).unwrap();
        }),
    ];
    for (what, make) in make {
        let place = Place::enrolled();
        fs::rename(place.file(), place.0.join("kept")).unwrap();
        make(&place.file());
        let refused = place.redeem(60);
        assert!(matches!(refused, Err(CodeRefusal::Unusable(_))), "{what}");
        assert!(fs::symlink_metadata(place.file()).is_ok(), "{what} is left");
    }
}

#[test]
fn a_folder_in_other_hands_is_refused() {
    let place = Place::enrolled();
    fs::set_permissions(&place.0, Permissions::from_mode(0o770)).unwrap();
    assert!(Store::open(&place.0).is_err());
    fs::set_permissions(&place.0, Permissions::from_mode(0o700)).unwrap();
    assert!(Store::open(&place.0).is_ok());
}

const PAUSE: Duration = Duration::from_secs(60);

impl Place {
    /// A login that is on its way to the tenant.
    fn asks(&self, seconds: u64) -> Asked {
        self.at(seconds).ask(UID, PAUSE).unwrap().unwrap()
    }

    fn numbers(&self) -> PathBuf {
        let files = fs::read_dir(&self.0).unwrap();
        let mut paths = files.map(|entry| entry.unwrap().path());
        let is_ours = |path: &PathBuf| path.to_str().unwrap().contains("tries-1000-");
        paths.find(is_ours).unwrap()
    }
}

#[test]
fn a_login_that_never_ends_counts_as_refused_and_one_that_ends_otherwise_does_not() {
    let place = Place::enrolled();
    drop(place.asks(60));
    assert_eq!(place.redeem(60), Err(CodeRefusal::RefusedOnline(60)));
    assert_eq!(place.redeem(90), Err(CodeRefusal::RefusedOnline(30)));
    assert_eq!(place.redeem(120), Ok(1));
    place.asks(150).taken_back().unwrap();
    assert_eq!(place.redeem(150), Ok(2));
    assert_eq!(place.at(180).ask(1001, PAUSE).map(|asked| asked.is_none()), Ok(true));
}

#[test]
fn each_login_takes_back_its_own_mark_and_no_other_one() {
    let place = Place::enrolled();
    let (refused, other) = (place.asks(60), place.asks(60));
    let third = place.asks(70);
    other.taken_back().unwrap();
    assert_eq!(place.redeem(90), Err(CodeRefusal::RefusedOnline(40)));
    third.taken_back().unwrap();
    assert_eq!(place.redeem(90), Err(CodeRefusal::RefusedOnline(30)));
    refused.refused().unwrap();
    assert!(matches!(place.redeem(90), Err(CodeRefusal::RefusedOnline(_))));
}

#[test]
fn the_tenants_yes_ends_what_it_said_before_and_no_login_that_began_later() {
    let place = Place::enrolled();
    drop(place.asks(10));
    let success = place.asks(20);
    let later = place.asks(30);
    assert_eq!(success.online(), Ok(0));
    assert_eq!(place.redeem(60), Err(CodeRefusal::RefusedOnline(30)));
    later.taken_back().unwrap();
    assert_eq!(place.redeem(60), Ok(1));
}

#[test]
fn the_tenants_yes_ends_no_refusal_of_a_login_that_began_as_early_or_later() {
    let place = Place::enrolled();
    let success = place.asks(20);
    place.asks(30).refused().unwrap();
    assert_eq!(success.online(), Ok(0));
    assert!(matches!(place.redeem(60), Err(CodeRefusal::RefusedOnline(_))));
    let place = Place::enrolled();
    let success = place.asks(20);
    drop(place.asks(20));
    assert_eq!(success.online(), Ok(0));
    assert_eq!(place.redeem(60), Err(CodeRefusal::RefusedOnline(20)));
}

#[test]
fn more_logins_at_once_than_there_is_room_for_count_as_refused() {
    let place = Place::enrolled();
    let many: Vec<_> = (0..17).map(|_| place.asks(60)).collect();
    for asked in many {
        asked.taken_back().unwrap();
    }
    assert_eq!(place.redeem(90), Err(CodeRefusal::RefusedOnline(30)));
    assert_eq!(place.at(90).online(UID), Ok(Some(0)));
    assert_eq!(place.redeem(90), Ok(1));
}

#[test]
fn no_bit_of_the_numbers_can_flip_unseen() {
    let place = Place::enrolled();
    let good = fs::read(place.numbers()).unwrap();
    assert_eq!(good.len(), 512);
    // The numbers that are in use, and the marks.
    for at in 0..24 * 8 {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        fs::write(place.numbers(), &bad).unwrap();
        assert!(matches!(place.redeem(60), Err(CodeRefusal::Unusable(_))), "byte {at}");
        let unmarked = place.at(60).ask(UID, PAUSE).err();
        assert!(matches!(unmarked, None | Some(Unmarked::NoMatter(_))), "byte {at}");
    }
    for size in [0, 511, 513] {
        let file = fs::File::options().write(true).open(place.numbers()).unwrap();
        file.set_len(size).unwrap();
        assert!(matches!(place.redeem(60), Err(CodeRefusal::Unusable(_))), "{size} bytes");
    }
    fs::write(place.numbers(), &good).unwrap();
    assert_eq!(place.redeem(60), Ok(1));
}

#[test]
fn a_record_of_an_earlier_version_keeps_what_it_knew() {
    let place = Place::new();
    let enrolment = Enrolment::new(UID, "alice", key(), &moment(0)).unwrap();
    let wait = moment::Pause::of(30, &moment(0));
    let record = Record {
        failures: 5,
        wait: Some(wait),
        logins: 9,
        last_step: moment(60).wall / 30,
        ..enrolment.record
    };
    fs::create_dir(&place.0).unwrap();
    fs::set_permissions(&place.0, Permissions::from_mode(0o700)).unwrap();
    fs::write(place.file(), &*record.to_bytes().unwrap()).unwrap();
    fs::set_permissions(place.file(), Permissions::from_mode(0o600)).unwrap();
    // A date that is still to come would be a refusal of the tenant's.
    let written = UNIX_EPOCH + Duration::from_secs(moment(0).wall);
    fs::File::options().write(true).open(place.file()).unwrap().set_modified(written).unwrap();
    assert_eq!(place.redeem(10), Err(CodeRefusal::Locked(20)));
    assert_eq!(place.redeem(60), Err(CodeRefusal::Replayed));
    assert_eq!(place.redeem(90), Ok(10));
    assert_eq!(place.redeem(120), Err(CodeRefusal::TooMany(10)));
}

#[test]
fn new_recovery_codes_keep_what_is_known_and_end_the_old_ones() {
    let place = Place::new();
    let enrolment = Enrolment::new(UID, "alice", key(), &moment(0)).unwrap();
    place.at(0).enroll(&enrolment.record).unwrap();
    for _ in 0..4 {
        assert!(place.at(60).redeem(UID, "nonsense", LIMITS).is_err());
    }
    let asked = place.asks(60);
    let (hashes, codes) = Hashes::new().unwrap();
    assert_eq!(place.at(60).renew_recovery(UID, hashes), Ok(Some(())));
    assert_eq!(place.at(60).load(UID).unwrap().unwrap().failures, 4);
    asked.refused().unwrap();
    assert!(matches!(place.redeem(90), Err(CodeRefusal::RefusedOnline(_))));
    assert_eq!(place.at(90).online(UID), Ok(Some(0)));
    let old = place.at(90).redeem(UID, &enrolment.codes[0], LIMITS);
    assert_eq!(old, Err(CodeRefusal::Wrong));
    assert!(place.at(90).redeem(UID, &codes[0], LIMITS).is_ok());
    assert_eq!(fs::read_dir(&place.0).unwrap().count(), 2);
}

/// Twelve at once, each with a wrong code: five are looked at, and then comes the wait.
#[test]
fn of_many_guesses_at_once_as_many_are_judged_as_one_after_the_other() {
    let place = Place::enrolled();
    let wrong = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| {
                if place.at(60).redeem(UID, "nonsense", LIMITS) == Err(CodeRefusal::Wrong) {
                    wrong.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(wrong.into_inner(), 5);
    assert_eq!(place.redeem(60), Err(CodeRefusal::Locked(30)));
}

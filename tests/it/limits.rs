//! Every state that limits a person, and what a caller who may stop, kill and starve the process
//! can do about it: nothing that helps.
//!
//! Each row is an act of a login, the word that it says once it has judged, sent or offered
//! something, and what holds from then on, whatever became of the process. An act that could not be
//! counted says nothing.

use crate::support::session;
use std::ffi::c_long;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use countersign::local::budget::Allowance;
use countersign::local::memory::{Circumstances, Now, Scope};
use countersign::local::offline::Store;
use countersign::local::offline::moment::Moment;
use countersign::local::offline::record::Enrolment;
use countersign::local::offline::rules::CodeRefusal;
use countersign::local::{State, Unmarked};
use countersign::os::{self, Session};
use countersign::otpauth;
use countersign::policy::{OfflineLimits, Push};

use crate::support::traced::{Stop, Traced};

const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const UID: u32 = 1000;
const NAME: &str = "alice@example.com";
const LIMITS: Push =
    Push { count: 3, window: Duration::from_secs(600), pause: Duration::from_secs(600) };
const OFFLINE: OfflineLimits = OfflineLimits { logins: 10, age: Duration::from_secs(86_400) };

/// One state that limits a person.
struct Row {
    state: &'static str,
    /// What a login does that the state is about.
    act: &'static str,
    code: fn(&Machine) -> String,
    /// What it says as soon as it has judged, sent or offered something.
    says: &'static str,
    /// What holds once it has said so, although the process is gone, or stands still.
    holds: fn(&Machine) -> bool,
    /// Whether that is so only of a process that is gone: pushes may be on their way at the same
    /// time.
    when_gone: bool,
    /// Whether the user's numbers are not there yet, as after an upgrade.
    without_numbers: bool,
}

const ROWS: [Row; 13] = [
    Row {
        state: "wrong offline codes",
        act: "redeem",
        code: |_| "nonsense".into(),
        says: "judged",
        holds: |machine| machine.record().failures == 1,
        when_gone: false,
        without_numbers: false,
    },
    Row {
        state: "offline codes that were used",
        act: "redeem",
        code: |_| right(),
        says: "accepted",
        holds: |machine| machine.redeem(&right()) == Err(CodeRefusal::Replayed),
        when_gone: false,
        without_numbers: false,
    },
    Row {
        state: "recovery codes that were used",
        act: "redeem",
        code: |machine| machine.recovery.clone(),
        says: "accepted",
        holds: |machine| machine.redeem(&machine.recovery) == Err(CodeRefusal::Wrong),
        when_gone: false,
        without_numbers: false,
    },
    Row {
        state: "offline logins since the last online one",
        act: "redeem",
        code: |_| right(),
        says: "accepted",
        holds: |machine| machine.record().logins == 1,
        when_gone: false,
        without_numbers: false,
    },
    Row {
        state: "a login that the tenant may refuse",
        act: "ask",
        code: |_| String::new(),
        says: "sent",
        holds: Machine::is_refused,
        when_gone: false,
        without_numbers: false,
    },
    Row {
        state: "a login that the tenant has refused",
        act: "refused",
        code: |_| String::new(),
        says: "sent",
        holds: Machine::is_refused,
        when_gone: false,
        without_numbers: false,
    },
    Row {
        state: "wrong offline codes, without numbers",
        act: "redeem",
        code: |_| "nonsense".into(),
        says: "judged",
        holds: |machine| machine.record().failures == 1,
        when_gone: false,
        without_numbers: true,
    },
    Row {
        state: "a login that the tenant may refuse, without numbers",
        act: "ask",
        code: |_| String::new(),
        says: "sent",
        holds: Machine::is_refused,
        when_gone: false,
        without_numbers: true,
    },
    Row {
        state: "a login that the tenant has refused, without numbers",
        act: "refused",
        code: |_| String::new(),
        says: "sent",
        holds: Machine::is_refused,
        when_gone: false,
        without_numbers: true,
    },
    Row {
        state: "pushes that were sent",
        act: "push",
        code: |_| String::new(),
        says: "sent",
        holds: |machine| machine.state().left(NAME, LIMITS) == Ok(2),
        when_gone: false,
        without_numbers: false,
    },
    Row {
        state: "a push that was denied, or may have been",
        act: "denied",
        code: |_| String::new(),
        says: "sent",
        holds: |machine| {
            matches!(machine.state().allowance(NAME, LIMITS), Ok(Allowance::Paused(_)))
        },
        when_gone: true,
        without_numbers: false,
    },
    Row {
        state: "what was confirmed before a refusal",
        act: "void",
        code: |_| String::new(),
        says: "sent",
        holds: |machine| !machine.is_remembered(),
        when_gone: false,
        without_numbers: false,
    },
    Row {
        state: "a key that was offered",
        act: "offer",
        code: |_| String::new(),
        says: "offered",
        holds: |machine| machine.store().offer(UID + 1) == Ok(false),
        when_gone: false,
        without_numbers: false,
    },
];

fn right() -> String {
    let key = otpauth::read(SECRET).unwrap();
    key.code_at(os::wall_clock()).to_string()
}

/// A machine on which Alice is enrolled, and has just confirmed something.
struct Machine {
    folder: PathBuf,
    recovery: String,
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Machine {
    fn new() -> Self {
        // In memory: what is waited for is seen all the same.
        Self::below(Path::new("/dev/shm"))
    }

    fn below(disk: &Path) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = disk.join(format!("countersign-limits-{}-{number}", std::process::id()));
        fs::DirBuilder::new().mode(0o700).create(&folder).unwrap();
        let mut machine = Self { folder, recovery: String::new() };
        let key = otpauth::read(SECRET).unwrap();
        let enrolment = Enrolment::new(UID, "alice", key, &Moment::now().unwrap()).unwrap();
        machine.store().enroll(&enrolment.record).unwrap();
        machine.recovery = enrolment.codes[0].to_string();
        machine.confirm();
        machine
    }

    fn for_row(row: &Row) -> Self {
        let machine = Self::new();
        if row.without_numbers {
            machine.lose_numbers();
        }
        machine
    }

    fn lose_numbers(&self) {
        self.numbers().iter().for_each(|path| fs::remove_file(path).unwrap());
    }

    fn numbers(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.folder.join("kept")).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        let is_one = |path: &PathBuf| path.to_str().unwrap().contains("/tries-");
        paths.filter(is_one).collect()
    }

    fn store(&self) -> Store {
        Store::open(&self.folder.join("kept")).unwrap()
    }

    fn state(&self) -> State {
        State::open(&self.folder.join("state")).unwrap()
    }

    fn record(&self) -> countersign::local::offline::record::Record {
        self.store().load(UID).unwrap().unwrap()
    }

    fn redeem(&self, code: &str) -> Result<(), CodeRefusal> {
        self.store().redeem(UID, code, OFFLINE).map(drop)
    }

    fn is_refused(&self) -> bool {
        matches!(self.redeem(&right()), Err(CodeRefusal::RefusedOnline(_)))
    }

    fn circumstances() -> Circumstances {
        Circumstances {
            uid: UID,
            tenant_user: NAME.into(),
            tty: "/dev/pts/1".into(),
            rhost: String::new(),
            real_uid: UID,
            account: "root".into(),
            configuration: "c0ffee".into(),
        }
    }

    fn confirm(&self) {
        let scope = Scope::StepUp { service: "sudo".into(), session: session() };
        let hour = Duration::from_secs(3600);
        self.state().remember(Self::circumstances(), scope, hour).unwrap();
    }

    fn is_remembered(&self) -> bool {
        let (circumstances, session) = (Self::circumstances(), session());
        let now = Now {
            circumstances: &circumstances,
            service: "sudo",
            session: &session,
            within: Duration::from_secs(3600),
            ssh_counts: false,
        };
        self.state().recall(&now).unwrap().is_some()
    }

    fn act(&self, row: &Row) -> Command {
        let program = std::env::current_exe().unwrap();
        let folder = program.parent().unwrap().parent().unwrap();
        let mut command = Command::new(folder.join("examples/limits_act"));
        command.arg(&self.folder).arg(row.act).arg((row.code)(self));
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        command.stderr(Stdio::null());
        command
    }
}

fn session() -> Session {
    session::lead();
    Session::own().unwrap()
}

#[track_caller]
fn check(machine: &Machine, row: &Row, said: &str, what: &str) -> bool {
    let has_said = said.contains(row.says);
    assert!(said.is_empty() || has_said, "{}: {what}: {said}", row.state);
    assert!(
        !has_said || (row.holds)(machine),
        "{}: {what}: {said:?} was said, and it does not hold",
        row.state
    );
    has_said
}

#[test]
fn what_each_row_is_about_holds_after_it_and_not_before() {
    for row in &ROWS {
        let machine = Machine::for_row(row);
        if row.act != "redeem" {
            assert!(!(row.holds)(&machine), "{}: held before", row.state);
        }
        let machine = Machine::for_row(row);
        let output = machine.act(row).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(check(&machine, row, &said, "untouched"), "{}", row.state);
    }
}

/// How many system calls there are before the act looks at the state, and at its end.
fn calls(row: &Row) -> (usize, usize) {
    let machine = Machine::for_row(row);
    let traced = Traced::start(&mut machine.act(row), "");
    let (mut first, mut count) = (None, 0);
    while let Stop::Call = traced.next() {
        let call = c_long::try_from(traced.registers().orig_rax).unwrap();
        // The first directory on the way to the state.
        if call == libc::SYS_statx {
            first.get_or_insert(count);
        }
        count += 1;
        if call == libc::SYS_exit_group || matches!(traced.next(), Stop::Exited(_)) {
            break;
        }
    }
    traced.kill();
    (first.unwrap(), count)
}

/// A process that is about to begin its system call with this number. `None` if it has ended by
/// then: one run may have a few calls more than another.
fn held(machine: &Machine, row: &Row, call: usize) -> Option<Traced> {
    let traced = Traced::start(&mut machine.act(row), "");
    // Two stops for each call.
    let mut stops = (0..2 * call + 1).map(|_| traced.next());
    let has_ended = stops.any(|stop| matches!(stop, Stop::Exited(_)));
    (!has_ended).then_some(traced)
}

/// SIGSTOP or a frozen cgroup, and then kill -9, a shell that is closed, a client that hangs up: at
/// any system call. Logins of the same user and of another one go their way meanwhile: if they had
/// to wait, this test would never end.
#[test]
fn a_process_that_stands_still_or_is_killed_keeps_every_limit_and_nobody_waits_for_it() {
    for row in &ROWS {
        let (first, end) = calls(row);
        let mut has_said = false;
        for call in first..end {
            let machine = Machine::for_row(row);
            let Some(mut traced) = held(&machine, row, call) else {
                break;
            };
            let what = format!("stopped at call {call}");
            let others = machine.state().spend("bob@example.com", LIMITS);
            assert!(matches!(others, Ok(Ok(_))), "{}: {what}", row.state);
            let other = machine.store().redeem(UID + 2, "nonsense", OFFLINE);
            assert_eq!(other.map(drop), Err(CodeRefusal::NotEnrolled), "{what}");
            assert!(machine.state().allowance(NAME, LIMITS).is_ok(), "{what}");
            let said = traced.said_so_far();
            if !row.when_gone {
                check(&machine, row, &said, &what);
            }
            traced.kill();
            has_said |= check(&machine, row, &said, &format!("killed at call {call}"));
        }
        assert!(has_said, "{}: never got so far", row.state);
    }
}

/// A full disk, and a limit on descriptors, as each system call tells of them.
#[test]
fn a_process_that_lacks_something_leaves_every_limit_or_does_nothing() {
    for row in &ROWS {
        let (first, end) = calls(row);
        for error in [libc::ENOSPC, libc::EMFILE] {
            let mut refused = 0;
            for call in first..end - 1 {
                let machine = Machine::for_row(row);
                let Some(traced) = held(&machine, row, call) else {
                    break;
                };
                traced.fail(error);
                traced.to_the_end();
                let said = traced.said();
                let what = format!("call {call} failed with {error}");
                refused += u32::from(!check(&machine, row, &said, &what));
            }
            assert!(refused > 0, "{}: nothing ever failed", row.state);
        }
    }
}

/// As on a full disk: a login that the tenant decides needs no file that is not there, and how it
/// ends is known as soon as there is room.
#[test]
fn an_online_login_of_a_user_without_numbers_needs_no_new_file() {
    for (act, is_refused) in [
        ("ask", true),
        ("refused", true),
        ("taken_back", true),
        ("online", false),
        ("overtaken", true),
    ] {
        let row = Row { act, ..ROWS.into_iter().find(|row| row.without_numbers).unwrap() };
        let machine = Machine::for_row(&row);
        let mut command = machine.act(&row);
        limit(libc::RLIMIT_FSIZE, 0, false)(&mut command);
        let said = String::from_utf8(command.output().unwrap().stdout).unwrap();
        assert_eq!(said, "sent\n", "{act}");
        assert_eq!(machine.numbers().len(), 0, "{act}: it made a file");
        let pause = machine.record().refused;
        assert_eq!(pause.is_some(), is_refused, "{act}: as it is shown");
        if is_refused {
            assert!(machine.is_refused(), "{act}")
        } else {
            assert_eq!(machine.redeem(&right()), Ok(()), "{act}")
        }
    }
}

fn limit(what: u32, value: u64, ignored: bool) -> impl Fn(&mut Command) {
    move |command: &mut Command| {
        // SAFETY: both calls are safe between fork and exec, and touch nothing of ours.
        unsafe {
            command.pre_exec(move || {
                if ignored {
                    libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
                }
                let limit = libc::rlimit { rlim_cur: value, rlim_max: value };
                libc::setrlimit(what, &limit);
                Ok(())
            })
        };
    }
}

/// The limits themselves, SIGXFSZ ignored or not: it never ends the process.
#[test]
fn a_process_with_limits_leaves_every_limit_or_does_nothing() {
    for row in &ROWS {
        for ignored in [false, true] {
            for size in [0, 100, 511] {
                let machine = Machine::for_row(row);
                let mut command = machine.act(row);
                limit(libc::RLIMIT_FSIZE, size, ignored)(&mut command);
                let output = command.output().unwrap();
                assert!(output.status.success(), "{}: {}", row.state, output.status);
                let said = String::from_utf8(output.stdout).unwrap();
                check(&machine, row, &said, &format!("files of {size} bytes"));
            }
        }
        let files = (3..9).map(|count| (libc::RLIMIT_NOFILE, count));
        let memory = (1..12).map(|count| (libc::RLIMIT_AS, count << 20));
        for (what, value) in files.chain(memory) {
            let machine = Machine::for_row(row);
            let mut command = machine.act(row);
            limit(what, value, false)(&mut command);
            let said = command.output().map(|output| output.stdout).unwrap_or_default();
            let said = String::from_utf8(said).unwrap();
            check(&machine, row, &said, &format!("limit {what} of {value}"));
        }
    }
}

/// A btrfs of its own, in a file.
struct Btrfs {
    image: PathBuf,
    root: PathBuf,
}

impl Drop for Btrfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.root).output();
        let _ = fs::remove_dir(&self.root);
        let _ = fs::remove_file(&self.image);
    }
}

impl Btrfs {
    /// # Errors
    ///
    /// Why this machine can't have one.
    fn new() -> Result<Self, String> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("/tmp/countersign-btrfs-{}-{number}", std::process::id());
        let disk = Self { image: format!("{name}.image").into(), root: name.into() };
        fs::File::create(&disk.image).unwrap().set_len(128 << 20).unwrap();
        fs::create_dir(&disk.root).unwrap();
        run(Command::new("mkfs.btrfs").arg("-q").arg(&disk.image))?;
        run(Command::new("mount").args(["-o", "loop"]).arg(&disk.image).arg(&disk.root))?;
        Ok(disk)
    }

    /// From now on each change of a file that is there needs room of its own, once.
    fn take_snapshot(&self) {
        let mut command = Command::new("btrfs");
        let snapshot = self.root.join("snapshot");
        run(command.args(["subvolume", "snapshot", "-r"]).arg(&self.root).arg(snapshot)).unwrap();
    }

    fn fill(&self) {
        for (number, size) in [1 << 20, 4096, 4096, 4096].into_iter().enumerate() {
            let mut file = fs::File::create(self.root.join(format!("fill{number}"))).unwrap();
            while file.write_all(&vec![1; size]).is_ok() {}
            let _ = file.sync_all();
        }
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{program}: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    output.status.success().then_some(()).ok_or_else(|| format!("{program}: {}", said.trim()))
}

/// Linux needs no room there for a change of a file, since a version that is known to.
fn changes_without_room() -> bool {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse().unwrap_or(0));
    (numbers.next(), numbers.next()) >= (Some(6), Some(18))
}

/// A change that has no room would end the host by SIGBUS. This test would end, too.
#[test]
fn a_full_btrfs_changes_nothing_and_ends_no_process() {
    let pause = Duration::from_secs(600);
    let (disk, shared) = match (Btrfs::new(), Btrfs::new()) {
        (Ok(disk), Ok(shared)) => (disk, shared),
        (Err(why), _) | (_, Err(why)) => {
            // By the handle itself: libtest keeps what a test that passes has printed.
            writeln!(std::io::stdout(), "\nleft out a full btrfs: {why}").unwrap();
            return;
        }
    };
    let machine = Machine::below(&disk.root);
    let asked = machine.store().ask(UID, pause).unwrap().unwrap();
    disk.fill();
    if changes_without_room() {
        asked.taken_back().unwrap();
        assert_eq!(machine.redeem(&right()), Ok(()));
        let asked = machine.store().ask(UID, pause).unwrap().unwrap();
        asked.refused().unwrap();
        assert!(machine.is_refused());
    }

    let machine = Machine::below(&shared.root);
    let asked = machine.store().ask(UID, pause).unwrap().unwrap();
    shared.take_snapshot();
    shared.fill();
    assert!(asked.taken_back().is_err(), "there was room");
    assert!(machine.record().refused.is_some());
    assert!(matches!(machine.redeem(&right()), Err(CodeRefusal::Unusable(_))));
    let again = machine.store().ask(UID, pause);
    assert!(matches!(again, Err(Unmarked::Refused(_))));
}

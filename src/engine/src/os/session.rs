//! Which login session this process belongs to, by things that its user can't choose.
#![forbid(unsafe_code)]

use serde::{Deserialize, Serialize};
use std::io;

/// The kernel's word for "none" in /proc/self/sessionid.
const UNSET: u32 = u32::MAX;
/// No process is deeper below its login.
const MAX_ANCESTORS: usize = 64;

/// A process, by what no later one shares with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its number, which the kernel uses again.
    pub pid: u32,
    /// When it began, in ticks since boot (proc_pid_stat(5), field 22).
    pub start: u64,
}

/// A login session, as far as the kernel knows one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The audit session, where one was set (pam_loginuid(8)).
    pub audit: Option<u32>,
    /// The leader of the terminal's session (setsid(2)): a shell, usually.
    pub leader: Process,
    /// The processes above this one, the nearest first.
    #[serde(skip)]
    ancestors: Vec<Process>,
}

impl Session {
    /// The session of this process.
    ///
    /// # Errors
    ///
    /// Where /proc can't be read, or does not look as it should.
    pub fn own() -> io::Result<Self> {
        let own = Status::of(std::process::id())?;
        Ok(Self {
            audit: audit()?,
            leader: Status::of(own.leader)?.process,
            ancestors: ancestors(),
        })
    }

    /// A session that another process has told of, below these processes.
    #[must_use]
    pub fn below(self, ancestors: Vec<Process>) -> Self {
        Self { ancestors, ..self }
    }

    /// The processes above, the nearest first.
    #[must_use]
    pub fn ancestors(&self) -> &[Process] {
        &self.ancestors
    }

    /// A session that never was.
    #[cfg(test)]
    pub(crate) fn for_tests(audit: Option<u32>, leader: Process, ancestors: &[Process]) -> Self {
        let ancestors = ancestors.to_vec();
        Self { audit, leader, ancestors }
    }

    /// The same audit session and the same leader.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.audit == other.audit && self.leader == other.leader
    }

    /// Whether `process` lives and this session was started below it.
    #[must_use]
    pub fn is_below(&self, process: &Process) -> bool {
        self.ancestors.contains(process)
    }
}

impl Process {
    /// This one.
    ///
    /// # Errors
    ///
    /// Where /proc can't be read.
    pub fn own() -> io::Result<Self> {
        Status::of(std::process::id()).map(|status| status.process)
    }

    /// The process of sshd's that looks after the connection which this one asks for, if it can be
    /// told.
    ///
    /// It leads its own session. With keyboard-interactive it has this process as a child; with the
    /// password method it *is* this process, and its parent is the one that listens, which has
    /// every connection below it.
    ///
    /// # Errors
    ///
    /// Where /proc can't be read.
    pub fn of_connection() -> io::Result<Option<Self>> {
        let own = Status::of(std::process::id())?;
        let parent = Status::of(own.parent)?;
        Ok(own.connection(&parent))
    }
}

/// What /proc says of a process.
struct Status {
    process: Process,
    name: String,
    parent: u32,
    leader: u32,
}

impl Status {
    fn of(pid: u32) -> io::Result<Self> {
        let stat = super::kernel_file(&format!("/proc/{pid}/stat"))?;
        Self::parse(pid, &stat).ok_or_else(odd)
    }

    /// proc_pid_stat(5). The name in brackets may hold anything, brackets too.
    fn parse(pid: u32, stat: &str) -> Option<Self> {
        let (before, after) = stat.rsplit_once(')')?;
        let (_, name) = before.split_once('(')?;
        let mut fields = after.split_ascii_whitespace().skip(1);
        let parent = fields.next()?.parse().ok()?;
        let leader = fields.nth(1)?.parse().ok()?;
        let start = fields.nth(15)?.parse().ok()?;
        Some(Self { process: Process { pid, start }, name: name.to_owned(), parent, leader })
    }

    /// A parent by another name is a shell or a super-server: not sshd's, and it is not known what
    /// else is below it.
    fn connection(&self, parent: &Self) -> Option<Process> {
        if self.leader == self.process.pid {
            return Some(self.process);
        }
        let is_parent = self.leader == parent.process.pid && self.name == parent.name;
        is_parent.then_some(parent.process)
    }
}

fn ancestors() -> Vec<Process> {
    let ancestors = named_ancestors().into_iter();
    ancestors.map(|(_, process)| process).collect()
}

/// The processes above this one and what each is called, the nearest first.
#[must_use]
pub fn named_ancestors() -> Vec<(String, Process)> {
    let mut found = Vec::new();
    let mut pid = std::os::unix::process::parent_id();
    while pid > 1 && found.len() < MAX_ANCESTORS {
        let Ok(status) = Status::of(pid) else {
            break;
        };
        found.push((status.name, status.process));
        pid = status.parent;
    }
    found
}

fn audit() -> io::Result<Option<u32>> {
    match super::kernel_file("/proc/self/sessionid") {
        Ok(text) => {
            let id: u32 = text.trim().parse().map_err(|_| odd())?;
            Ok((id != UNSET).then_some(id))
        }
        // A kernel without audit has no sessions to tell apart.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn odd() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "/proc does not look as it should")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_number_and_start() {
        let own = Status::of(std::process::id()).unwrap();
        assert_eq!(own.process.pid, std::process::id());
        assert_eq!(own.parent, std::os::unix::process::parent_id());
        assert!(own.process.start > 0);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test")]
    fn a_process_begins_between_the_ticks_before_and_behind_it() {
        let before = crate::os::boot_ticks();
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let start = Status::of(child.id()).unwrap().process.start;
        assert!((before..=crate::os::boot_ticks()).contains(&start));
        child.wait().unwrap();
    }

    #[test]
    fn a_session_is_below_its_parent_and_not_below_itself_or_a_later_process() {
        crate::os::lead_a_session();
        let session = Session::own().unwrap();
        let parent = Status::of(std::os::unix::process::parent_id()).unwrap().process;
        assert!(session.is_same(&Session::own().unwrap()));
        assert!(session.is_below(&parent));
        assert!(!session.is_below(&Process { start: parent.start + 1, ..parent }));
        assert!(!session.is_below(&Status::of(std::process::id()).unwrap().process));
    }

    #[test]
    fn what_the_kernel_says_is_read_whatever_a_process_is_called() {
        let stat = "17 (a) b (c) S 13 17 17 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 7342 1 1\n";
        let status = Status::parse(17, stat).unwrap();
        assert_eq!(
            (status.process, status.name.as_str(), status.parent, status.leader),
            (Process { pid: 17, start: 7342 }, "a) b (c", 13, 17)
        );
        for cut in 0..stat.find(" 7342").unwrap() {
            assert!(Status::parse(17, &stat[..cut]).is_none(), "{cut}");
        }
    }

    fn status(pid: u32, name: &str, leader: u32) -> Status {
        Status { process: Process { pid, start: 1 }, name: name.to_owned(), parent: 0, leader }
    }

    #[test]
    fn a_connection_is_looked_after_by_the_leader_of_its_session_and_never_by_the_one_that_listens()
    {
        let pid = |own: &Status, parent: &Status| own.connection(parent).map(|found| found.pid);
        let (listener, monitor) = (status(13, "sshd", 13), status(17, "sshd", 17));
        // keyboard-interactive, in a process of its own
        assert_eq!(pid(&status(18, "sshd", 17), &monitor), Some(17));
        // password
        assert_eq!(pid(&monitor, &listener), Some(17));
        // `sshd -i` and `sshd -d`, which lead no session
        assert_eq!(pid(&status(17, "sshd", 13), &status(13, "xinetd", 13)), None);
        assert_eq!(pid(&status(18, "sshd", 13), &status(17, "sshd", 13)), None);
    }
}

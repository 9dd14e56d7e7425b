//! The login sessions of this machine, and which of them this process belongs to, by things that
//! its user can't choose.
//!
//! The kernel keeps the audit session and the uid that logged in for all that a login has started
//! (pam_loginuid(8)); without audit, the control group says it, which only root can leave. logind
//! knows the rest: it writes what the program said that let the user in, a file for each session,
//! which sd-login(3) reads as well.
#![forbid(unsafe_code)]

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// Where logind keeps a file for each session.
const SESSIONS: &str = "/run/systemd/sessions";

/// What the kernel knows of the login that has started this process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// The audit session and who has logged in, where both were set.
    pub audit: Option<(u32, u32)>,
    /// The name of logind's session, by the control group.
    pub scope: Option<String>,
}

/// A session, as logind has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoginSession {
    /// Its name.
    pub id: String,
    /// Whose it is.
    pub uid: Option<u32>,
    /// Its audit session, where there is one.
    pub audit: Option<u32>,
    /// It has not ended. One that has stays known as long as a process of it is left (tmux).
    pub is_live: bool,
    /// `user`, `greeter`, `background`, `manager` and others.
    pub class: String,
    /// It came over the network.
    pub is_remote: bool,
    /// `PAM_RHOST` of the program that let the user in.
    pub remote_host: String,
    /// The seat, for who sits in front of this machine.
    pub seat: String,
    /// The terminal, without `/dev/`.
    pub tty: String,
}

impl Login {
    /// Of this process.
    #[must_use]
    pub fn own() -> Self {
        let number = |path| super::kernel_file(path).ok()?.trim().parse::<u32>().ok();
        let set = |path| number(path).filter(|number| *number != u32::MAX);
        let session = set("/proc/self/sessionid");
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        Self { audit: session.zip(set("/proc/self/loginuid")), scope: scope_in(&groups) }
    }
}

impl LoginSession {
    /// All that there are.
    ///
    /// # Errors
    ///
    /// What read(2) says; where there is no logind, that its folder does not exist.
    pub fn all() -> io::Result<Vec<Self>> {
        Self::below(Path::new(SESSIONS))
    }

    fn below(folder: &Path) -> io::Result<Vec<Self>> {
        let mut sessions = Vec::new();
        for entry in fs::read_dir(folder)? {
            let name = entry?.file_name();
            // Beside each file is a pipe by which logind learns the session's end.
            let Some(id) = name.to_str().filter(|name| !name.contains('.')) else {
                continue;
            };
            match fs::read_to_string(folder.join(id)) {
                Ok(text) => sessions.push(Self::parse(id, &text)),
                // It has just ended.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(sessions)
    }

    fn parse(id: &str, text: &str) -> Self {
        let mut session = Self { id: id.to_owned(), ..Self::default() };
        for (key, value) in text.lines().filter_map(|line| line.split_once('=')) {
            let value = value.trim_matches('"');
            match key {
                "UID" => session.uid = value.parse().ok(),
                "AUDIT" => session.audit = value.parse().ok(),
                "STATE" => session.is_live = ["opening", "online", "active"].contains(&value),
                "CLASS" => value.clone_into(&mut session.class),
                "REMOTE" => session.is_remote = value != "0",
                "REMOTE_HOST" => value.clone_into(&mut session.remote_host),
                "SEAT" => value.clone_into(&mut session.seat),
                "TTY" => value.clone_into(&mut session.tty),
                _ => {}
            }
        }
        session
    }
}

/// cgroups(7): one line for each hierarchy, which ends in a path. A session's is
/// `session-NAME.scope` below its user's slice.
fn scope_in(groups: &str) -> Option<String> {
    let mut paths = groups.lines().filter_map(|line| line.splitn(3, ':').nth(2));
    let part = paths.find_map(|path| {
        let below = path.strip_prefix("/user.slice/user-")?;
        let scope = below.split('/').nth(1)?;
        scope.strip_prefix("session-")?.strip_suffix(".scope")
    })?;
    Some(part.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_what_logind_wrote() {
        let text = "# This is private data. Do not parse.\nUID=1000\nUSER=alice\nACTIVE=1\nSTATE=active\nREMOTE=1\nTYPE=tty\n\
                    CLASS=user\nSCOPE=session-7.scope\nTTY=pts/0\nREMOTE_HOST=192.0.2.7\nSERVICE=sshd\nLEADER=812\nAUDIT=7\n";
        let session = LoginSession::parse("7", text);
        assert_eq!(
            session,
            LoginSession {
                id: "7".into(),
                uid: Some(1000),
                audit: Some(7),
                is_live: true,
                class: "user".into(),
                is_remote: true,
                remote_host: "192.0.2.7".into(),
                seat: String::new(),
                tty: "pts/0".into(),
            }
        );
        let text = "UID=1000\nREMOTE=0\nSTATE=online\nCLASS=user\nSEAT=seat0\nTTY=tty2\nREMOTE_HOST=\"fe80::1%eth0\"\n";
        let session = LoginSession::parse("c2", text);
        assert!(!session.is_remote && session.is_live);
        for over in ["STATE=closing\n", "STATE=\n", "ACTIVE=1\n"] {
            assert!(!LoginSession::parse("c2", over).is_live, "{over:?}");
        }
        assert_eq!((session.seat.as_str(), session.audit), ("seat0", None));
        assert_eq!(session.remote_host, "fe80::1%eth0");
    }

    #[test]
    fn a_scope_counts_where_logind_makes_it_and_nowhere_else() {
        for (groups, scope) in [
            ("0::/user.slice/user-1000.slice/session-7.scope\n", Some("7")),
            (
                "12:pids:/user.slice/user-1000.slice/session-c3.scope\n1:name=systemd:/x\n",
                Some("c3"),
            ),
            ("0::/user.slice/user-1000.slice/session-7.scope/below\n", Some("7")),
            ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/session-7.scope\n", None),
            ("0::/system.slice/session-7.scope\n", None),
            ("0::/\n", None),
            ("", None),
        ] {
            assert_eq!(scope_in(groups).as_deref(), scope, "{groups}");
        }
    }
}

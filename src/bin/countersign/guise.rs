//! What the program behind a service tells libpam of a login: sshd, sudo and others have their own ways.
#![forbid(unsafe_code)]

use countersign::audit::escape;
use countersign::os;

use super::output::Problem;

/// What PAM_TTY is under sshd.
const SSH: &str = "ssh";

/// Which program stands behind a service.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Program {
    Sshd,
    Sudo,
    Other,
}

impl Program {
    pub fn of(service: &str) -> Self {
        match service.to_ascii_lowercase().as_str() {
            "sshd" => Program::Sshd,
            "sudo" | "sudo-i" => Program::Sudo,
            _ => Program::Other,
        }
    }

    /// PAM_TTY: sshd has a word for it, the others the terminal.
    pub fn tty(self, given: Option<&str>) -> Option<String> {
        let usual = match self {
            Program::Sshd => Some(SSH),
            Program::Sudo | Program::Other => None,
        };
        given.or(usual).map(str::to_owned)
    }

    /// PAM_RUSER: with sudo the user, who runs it.
    pub fn ruser(self, user: &str, given: Option<&str>) -> Option<String> {
        let usual = match self {
            Program::Sudo => Some(user),
            Program::Sshd | Program::Other => None,
        };
        given.or(usual).map(str::to_owned)
    }
}

/// PAM_TTY of a login with a public key.
pub fn ssh() -> String {
    SSH.to_owned()
}

/// The real uid of the program: its caller's, or root's for a server.
pub fn real_uid(ruser: Option<&str>) -> Result<u32, Problem> {
    let Some(name) = ruser else {
        return Ok(0);
    };
    let uid = os::uid_of(name).map_err(Problem::new)?;
    uid.ok_or_else(|| {
        Problem::new(format!("there is no user {}", escape(name)))
            .hint("name a user of this machine, not of the tenant")
    })
}

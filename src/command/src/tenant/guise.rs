//! What the program behind a service tells libpam of a login: sshd, sudo and others have their own
//! ways.
#![forbid(unsafe_code)]

use countersign::host;

use super::whom;
use crate::ui::output::Problem;

/// The login that is meant.
#[derive(clap::Args)]
pub struct Login {
    /// A user of this machine
    #[arg(value_name = "USER", value_hint = clap::ValueHint::Username)]
    pub user: String,
    /// The PAM service
    #[arg(long, value_name = "SERVICE", default_value = "sshd")]
    pub service: String,
    /// Where from: PAM_RHOST, an address
    #[arg(long, value_name = "ADDRESS")]
    pub rhost: Option<String>,
    /// Who runs the program: PAM_RUSER; with sudo it is USER
    #[arg(long, value_name = "CALLER", value_hint = clap::ValueHint::Username)]
    ruser: Option<String>,
}

impl Login {
    pub fn program(&self) -> Program {
        Program::of(&self.service)
    }

    /// PAM_RUSER, and the real uid of the program that says so: its caller's, or root's for a
    /// server.
    pub fn caller(&self) -> Result<(Option<String>, u32), Problem> {
        let sudoer = (self.program() == Program::Sudo).then_some(&self.user);
        let Some(name) = self.ruser.as_ref().or(sudoer) else {
            return Ok((None, 0));
        };
        let uid = match self.ruser {
            Some(_) => whom::account(name, "name a user of this machine, not of the tenant")?.uid,
            // Of an unknown user there is something to be said.
            None => host::account(name).map_err(Problem::new)?.map_or(0, |account| account.uid),
        };
        Ok((Some(name.clone()), uid))
    }
}

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
    fn of(service: &str) -> Self {
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
}

/// PAM_TTY of a login with a public key.
pub fn ssh() -> String {
    SSH.to_owned()
}

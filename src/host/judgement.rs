//! What the policy asks of this caller.
#![forbid(unsafe_code)]

use super::Attempt;
use super::Caller;
use super::caller::uid_of;
use crate::log::Level;
use crate::os;
use crate::policy::{self, Date, Directory, DirectoryFailed, Judgement, Policy, Required, Subject};
use crate::verdict::{ExemptAnswer, Exemption, Reason, Refusal};

/// Whether the tenant has to be asked.
pub enum Judged {
    /// No.
    Exempt(Exemption),
    /// Yes, on these terms.
    Required(Box<Required>),
}

impl Attempt<'_> {
    pub(super) fn judge(&mut self, policy: &Policy) -> Result<Judged, Refusal> {
        let subject = self.caller.subject(self.public_key())?;
        let ruling = policy::judge(policy, &subject, &LocalUsers);
        for note in &ruling.notes {
            self.log.line(Level::Warning, &note.to_string());
        }
        judged(ruling.judgement)
    }
}

impl Caller {
    /// Who is judged; `public_key` is the fingerprint of the one that sshd has verified.
    pub(super) fn subject(&self, public_key: Option<String>) -> Result<Subject, Refusal> {
        let user = self.user.clone()?;
        let uid = uid_of(&user)?.ok_or(Reason::UnknownUser)?;
        Ok(Subject {
            user,
            uid,
            caller: self.person()?,
            public_key,
            service: self.service.clone(),
            rhost: self.rhost.clone(),
            has_terminal: self.tty.is_some(),
            today: Date::of_epoch(os::wall_clock()),
        })
    }
}

pub(super) fn judged(judgement: Judgement) -> Result<Judged, Refusal> {
    match judgement {
        Judgement::Exempt { rule, result } => {
            let answer = match result {
                policy::ExemptResult::Ignore => ExemptAnswer::Ignore,
                policy::ExemptResult::Success => ExemptAnswer::Success,
            };
            Ok(Judged::Exempt(Exemption { rule, answer }))
        }
        Judgement::Require(required) => Ok(Judged::Required(required)),
        Judgement::Refuse(refusal) => Err(Refusal::new(refusal.reason(), refusal.to_string())),
    }
}

/// The local user database.
pub struct LocalUsers;

impl Directory for LocalUsers {
    fn uid_of(&self, user: &str) -> Result<Option<u32>, DirectoryFailed> {
        os::uid_of(user).map_err(|error| failed(&error))
    }

    fn gid_of(&self, group: &str) -> Result<Option<u32>, DirectoryFailed> {
        os::gid_of(group).map_err(|error| failed(&error))
    }

    fn gids_of(&self, user: &str) -> Result<Vec<u32>, DirectoryFailed> {
        os::gids_of(user).map_err(|error| failed(&error))
    }
}

fn failed(error: &std::io::Error) -> DirectoryFailed {
    DirectoryFailed {
        problem: error.to_string(),
    }
}

//! Why a login was refused, in words for whoever looks after the machine, and what to do about it.
#![forbid(unsafe_code)]

use countersign::login::IN_ONE_REQUEST;
use countersign::refusal::{Reason, Refusal};
use countersign::tenant::text::shown;

use super::output::Problem;

/// Room for a detail, in characters.
const DETAIL: usize = 300;

/// A refusal as a problem with a hint.
pub fn problem(refusal: &Refusal) -> Problem {
    Problem::new(told(refusal)).hint(hint(refusal.reason, &refusal.detail))
}

/// The reason in words, and the detail behind it.
pub fn told(refusal: &Refusal) -> String {
    let sentence = sentence(refusal.reason);
    match refusal.detail.as_str() {
        "" => sentence.to_owned(),
        detail => format!("{sentence}: {}", shown(detail, DETAIL)),
    }
}

/// One sentence for each reason.
pub fn sentence(reason: Reason) -> &'static str {
    match reason {
        Reason::Conversation => "a question was not answered",
        Reason::Interrupted => "interrupted",
        Reason::Deadline => "the login took too long",
        Reason::Tries => "too many answers that could not be used",
        Reason::PasswordEmpty => "no password was typed",
        Reason::PasswordTooLong => "the password is too long to be sent",
        Reason::PasswordNotUtf8 => "the password is not UTF-8, which is all that can be sent",
        Reason::PasswordJunk => "sshd has refused this user before",
        Reason::Blind => "the password came back as the answer to another question",
        Reason::AnswerRefused => {
            "the tenant refused what was typed, or something that was wrong before it"
        }
        Reason::ApprovalRefused => {
            "the approval was denied or expired, or something before it was wrong"
        }
        Reason::MechanismRefused => "the tenant refused to start the mechanism",
        Reason::StartRefused => "the tenant refused to start the login",
        Reason::PasswordChange => "the tenant wants a new password first",
        Reason::NothingOffered => "the tenant offers nothing",
        Reason::NothingUsable => "nothing that the tenant offers works in a terminal",
        Reason::TenantThrottle => "the tenant asks to wait before the next try",
        Reason::PushBudget => "the phone may not ring now, and nothing else is offered",
        Reason::Federated => "the user logs in at another identity provider",
        Reason::TooFewFactors => "too few factors",
        Reason::NumberMissing => "the push came without a number to match",
        Reason::IdentityMismatch => "the success is for somebody else",
        Reason::SessionMismatch => "the reply belongs to something else",
        Reason::SuccessUnasked => "the tenant let the user in without any challenge",
        Reason::Outage => "the tenant can't be reached",
        Reason::Misbehaved => "what answered can't be believed",
        Reason::ClientRefused => "the tenant refuses this machine's own client",
        Reason::RedirectRefused => "the tenant sent us to another host",
        Reason::Local => "this machine did not let the request out",
        Reason::Misconfigured | Reason::BadArgument => "the configuration is wrong",
        Reason::OfflineRefused => "the tenant can't be reached, and the offline code did not count",
        Reason::OfflineLocked => "the tenant can't be reached, and offline codes are locked",
        Reason::OfflineBlocked => {
            "the tenant can't be reached, and no offline code of the user counts at present"
        }
        Reason::OfflineUnusable => {
            "the tenant can't be reached, and the records of offline codes can't be used"
        }
        Reason::OfflineNotEnrolled => {
            "the tenant can't be reached, and the user has no offline codes"
        }
        Reason::UnknownUser => "there is no such user",
        Reason::DirectoryFailed => "users can't be looked up",
        Reason::NameNotMapped | Reason::RootNotMapped => "the user has no name in the tenant",
        Reason::NoCaller => "login.person asks about the caller, and there is none",
        Reason::UserChanged => "the user was changed meanwhile",
        Reason::CallerMismatch => "the caller is not who the program says",
        Reason::Panic => "a defect",
    }
}

/// The reason with this word in the audit line.
pub fn named(code: &str) -> Option<Reason> {
    Reason::ALL.into_iter().find(|reason| reason.code() == code)
}

/// What to do about it.
pub fn hint(reason: Reason, detail: &str) -> &'static str {
    match reason {
        Reason::AnswerRefused if detail.starts_with(IN_ONE_REQUEST) => {
            "try again; if the tenant refuses every user so, set tenant.multiple_operations = \"off\""
        }
        Reason::Conversation => {
            "try again; sshd asks only with KbdInteractiveAuthentication yes in sshd_config(5)"
        }
        Reason::Interrupted | Reason::Tries | Reason::PasswordEmpty => "try again",
        Reason::PasswordTooLong | Reason::PasswordNotUtf8 => {
            "set another one at the tenant: below 512 bytes, and UTF-8"
        }
        Reason::PasswordJunk => {
            "its own lines in the log say why: AllowUsers, DenyUsers or PermitRootLogin"
        }
        Reason::UserChanged => "look at the other modules of the stack",
        Reason::CallerMismatch => "look at the program that calls: it names somebody else",
        Reason::Deadline => "try again; login.deadline says how long a login may take",
        Reason::Blind => {
            "allow keyboard-interactive authentication in sshd_config(5), and no passwords"
        }
        Reason::AnswerRefused | Reason::ApprovalRefused | Reason::MechanismRefused => {
            "try again; the tenant tells its administrators more, in its own log"
        }
        Reason::StartRefused => "look at the user and the login policies in the tenant's portal",
        Reason::PasswordChange => "change it in the tenant's portal",
        Reason::NothingOffered | Reason::NothingUsable => {
            "the user's login policy in the tenant decides what is offered; countersign mechanisms shows it"
        }
        Reason::TenantThrottle => "wait a few minutes, or as long as the detail says",
        Reason::PushBudget => "countersign budget --reset lets it ring again",
        Reason::Federated => {
            "login.federated allows it where the tenant names a page to wait for, see countersign.toml(5)"
        }
        Reason::TooFewFactors => {
            "change the login policy in the tenant, or login.minimum_factors in countersign.toml(5)"
        }
        Reason::NumberMissing => {
            "switch number matching on in the tenant, or see login.require_number_match"
        }
        Reason::IdentityMismatch => "look at [users] in countersign.toml(5)",
        Reason::SessionMismatch => "is tenant.id the id of the tenant at tenant.url?",
        Reason::SuccessUnasked => {
            "the authentication profile in the tenant lets users pass through for a while after a challenge: set its pass-through duration to none"
        }
        Reason::Outage => "is tenant.url right, and is the network up?",
        Reason::Misbehaved => {
            "are tenant.url and tenant.ca_file right? Is there a proxy in between?"
        }
        Reason::ClientRefused => {
            "look at [on_demand] in countersign.toml(5), its secret, and the scope of the application"
        }
        Reason::RedirectRefused => "name it in tenant.redirect_hosts if it is the tenant's",
        Reason::Local => "look at SELinux, firewall rules and limits of this machine",
        Reason::Misconfigured | Reason::BadArgument => "countersign.toml(5) describes every key",
        Reason::OfflineRefused
        | Reason::OfflineLocked
        | Reason::OfflineBlocked
        | Reason::OfflineNotEnrolled => "countersign totp status shows what is known",
        Reason::OfflineUnusable => "look at the detail in the log, and at: countersign check",
        Reason::UnknownUser => "name a user of this machine",
        Reason::DirectoryFailed => "id(1) shows whether the system can look up users",
        Reason::NameNotMapped | Reason::RootNotMapped => {
            "map the name in [users] of countersign.toml(5)"
        }
        Reason::NoCaller => "name another service with --service",
        Reason::Panic => "please report it",
    }
}

//! What each reason of the audit line means, and what to do about it, in the words of pam_countersign(8).
#![forbid(unsafe_code)]

use countersign::verdict::Reason;

/// What has happened.
pub fn meaning(reason: Reason) -> &'static str {
    match reason {
        Reason::Conversation => "the calling program failed to ask, or gave no answer",
        Reason::Interrupted => "Ctrl-C, or the terminal went away",
        Reason::Deadline => "the login took longer than login.deadline",
        Reason::Tries => "too many answers that could not be used",
        Reason::PasswordEmpty => "no password was typed, and the tenant was not asked",
        Reason::PasswordTooLong => "the password is too long to be sent",
        Reason::PasswordNotUtf8 => "the password is not UTF-8, and can't be sent",
        Reason::PasswordJunk => "sshd had refused this user already, before PAM was asked",
        Reason::Blind => "the password came back as the answer to another question",
        Reason::AnswerRefused => "the tenant refused what was typed, or something before it",
        Reason::ApprovalRefused => {
            "the approval was denied or expired, or something before it was wrong"
        }
        Reason::MechanismRefused => "the tenant refused to start a mechanism",
        Reason::StartRefused => "the tenant refused to start the login",
        Reason::PasswordChange => "the tenant wants a new password first",
        Reason::NothingOffered => "the tenant offered no mechanism",
        Reason::NothingUsable => "the tenant offered nothing that works in a terminal",
        Reason::TenantThrottle => "the tenant asks to wait",
        Reason::PushBudget => "nothing but pushes was offered, and there is none of those for now",
        Reason::Federated => "the user logs in at another identity provider",
        Reason::TooFewFactors => "fewer factors than login.minimum_factors",
        Reason::NumberMissing => "a push without a number to match",
        Reason::IdentityMismatch => "a reply of the tenant for another user, or for nobody",
        Reason::SessionMismatch => "a reply of another session or tenant",
        Reason::SuccessUnasked => "a success of the tenant without a challenge",
        Reason::Outage => "nobody answered at the tenant's address",
        Reason::Misbehaved => {
            "somebody answered and can't be believed: a wrong certificate, a captive portal, a cut connection"
        }
        Reason::ClientRefused => "the tenant does not take this machine's own client",
        Reason::RedirectRefused => {
            "the tenant sent us to a host that is not in tenant.redirect_hosts"
        }
        Reason::Local => "this machine did not allow the connection, or is out of resources",
        Reason::Misconfigured => {
            "the configuration, or a file that it names, is missing, unsafe or wrong"
        }
        Reason::BadArgument => "an argument of the module's line is not known",
        Reason::OfflineRefused => "the offline code was wrong, or none counts now",
        Reason::OfflineLocked => "too many offline codes were wrong",
        Reason::OfflineNotEnrolled => "the user is not enrolled for offline codes",
        Reason::UnknownUser => "the user is not in the local user database",
        Reason::DirectoryFailed => "the local user database can't be asked",
        Reason::NameNotMapped => "the local name has no name in the tenant",
        Reason::RootNotMapped => "a user with uid 0 needs an entry of its own",
        Reason::NoCaller => "login.person asks about the caller, and there is none",
        Reason::UserChanged => "another module of the stack changed the user meanwhile",
        Reason::CallerMismatch => "PAM_RUSER is not the user who runs the program",
        Reason::Panic => "a defect of the module",
    }
}

/// What to do about it.
pub fn remedy(reason: Reason) -> &'static str {
    match reason {
        Reason::Conversation => {
            "in sshd_config, KbdInteractiveAuthentication yes; for scripts, exempt the account"
        }
        Reason::Interrupted => "log in again",
        Reason::Deadline => "answer sooner, or make login.deadline longer",
        Reason::Tries => "log in again, and type one of the numbers or the code",
        Reason::PasswordEmpty => "type the password of the tenant",
        Reason::PasswordTooLong | Reason::PasswordNotUtf8 => {
            "set another password at the tenant: below 512 bytes, in UTF-8"
        }
        Reason::PasswordJunk => {
            "look at the lines of sshd before this one: DenyUsers, AllowUsers, PermitRootLogin"
        }
        Reason::Blind => {
            "in sshd_config, KbdInteractiveAuthentication yes and PasswordAuthentication no"
        }
        Reason::AnswerRefused | Reason::ApprovalRefused => {
            "log in again, and check the password: the tenant does not tell a wrong one"
        }
        Reason::MechanismRefused => "choose another mechanism, or look at the user in the tenant",
        Reason::StartRefused => {
            "look whether the tenant knows this name, and whether it is active there"
        }
        Reason::PasswordChange => "change the password in the tenant's portal",
        Reason::NothingOffered | Reason::NothingUsable => {
            "register an authenticator or a phone in the tenant's portal, and look at its policy"
        }
        Reason::TenantThrottle => "wait some minutes",
        Reason::PushBudget => {
            "wait, or: countersign budget --reset TENANT_USER; if the state can't be used, the log says why"
        }
        Reason::Federated => "set login.federated if such users may log in",
        Reason::TooFewFactors => {
            "register another factor at the tenant, or look at its policy and login.minimum_factors"
        }
        Reason::NumberMissing => {
            "switch number matching on at the tenant, or login.require_number_match off"
        }
        Reason::IdentityMismatch | Reason::SessionMismatch | Reason::SuccessUnasked => {
            "look at tenant.url, at proxies in between and at the tenant's policy; if all is right, report it"
        }
        Reason::Outage | Reason::Misbehaved => "countersign check",
        Reason::ClientRefused => {
            "look at [on_demand], its secret, and the scope of the application"
        }
        Reason::RedirectRefused => {
            "add the host to tenant.redirect_hosts if it is the tenant's, or make it tenant.url"
        }
        Reason::Local => "look at SELinux, the firewall and the limits of this machine",
        Reason::Misconfigured => {
            "mend what the detail names; countersign.toml(5) describes each key"
        }
        Reason::BadArgument => "the line in /etc/pam.d takes config=PATH and debug",
        Reason::OfflineRefused => {
            "type the next code; countersign totp status USER shows what counts against it"
        }
        Reason::OfflineLocked => "wait, or: countersign totp unlock USER",
        Reason::OfflineNotEnrolled => "countersign totp enroll USER",
        Reason::UnknownUser => "check the name: getent passwd USER",
        Reason::DirectoryFailed => "look at nsswitch.conf and the services that it names",
        Reason::NameNotMapped => "set users.template, or give the name an entry in [users.names]",
        Reason::RootNotMapped => "give it an entry in [users.names]",
        Reason::NoCaller => {
            "name the caller with --ruser; in a login, only programs such as su and sudo have one"
        }
        Reason::UserChanged => "look at the other modules of the stack",
        Reason::CallerMismatch => "look at the program that calls: it names somebody else",
        Reason::Panic => "report it, with the output of countersign support-bundle",
    }
}

/// The reason with this word in the audit line.
pub fn named(code: &str) -> Option<Reason> {
    Reason::ALL.into_iter().find(|reason| reason.code() == code)
}

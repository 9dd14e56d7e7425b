//! Why a login is refused. Every reason has one code, which is the one in the audit line.
#![forbid(unsafe_code)]

/// A refusal: the reason, and for the log alone what it was about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Which of the documented reasons.
    pub reason: Reason,
    /// More, for the administrator. Never shown to the user, never a secret.
    pub detail: String,
}

/// Why a login is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    // What the user or the caller did.
    /// The conversation failed, or gave no answer.
    Conversation,
    /// Ctrl-C, or the terminal went away.
    Interrupted,
    /// The deadline passed.
    Deadline,
    /// Too many answers that could not be used.
    Tries,
    /// No password.
    PasswordEmpty,
    /// A password of 512 bytes or more.
    PasswordTooLong,
    /// A password that is not UTF-8.
    PasswordNotUtf8,
    /// What sshd sends in place of a password for users that it has already refused.
    PasswordJunk,
    /// The password came back as the answer to another question: nobody reads the prompts.
    Blind,
    // What the tenant said.
    /// The tenant refused what was typed.
    AnswerRefused,
    /// The approval was denied or expired, or an earlier answer was wrong: the tenant doesn't tell
    /// which.
    ApprovalRefused,
    /// The tenant refused to start a mechanism.
    MechanismRefused,
    /// The tenant refused to open a session.
    StartRefused,
    /// The tenant asks for a new password first.
    PasswordChange,
    /// The tenant offered nothing.
    NothingOffered,
    /// Nothing that the tenant offered works in a terminal.
    NothingUsable,
    /// The tenant asks to wait before the next try.
    TenantThrottle,
    /// The phone has rung often enough, and nothing else is offered.
    PushBudget,
    /// The user logs in at another identity provider, and that is not allowed here.
    Federated,
    // What was not enough.
    /// Fewer factors than the policy demands.
    TooFewFactors,
    /// A push without a number to match, where one is demanded.
    NumberMissing,
    /// The success is for somebody else, or for nobody.
    IdentityMismatch,
    /// The reply belongs to another session or tenant.
    SessionMismatch,
    /// A success that nobody had to do anything for.
    SuccessUnasked,
    // Whose fault it is that there is no answer.
    /// Nobody answered.
    Outage,
    /// Somebody answered and can't be believed.
    Misbehaved,
    /// The tenant does not take this machine's own credentials.
    ClientRefused,
    /// The tenant sent us to a host that the administrator did not name.
    RedirectRefused,
    /// This machine refused: out of descriptors, forbidden by SELinux.
    Local,
    // What the administrator must fix.
    /// The configuration is missing, unsafe or wrong.
    Misconfigured,
    /// The module's argument is unknown.
    BadArgument,
    // What an offline code was worth.
    /// The code was wrong, or used before.
    OfflineRefused,
    /// Too many offline codes were wrong.
    OfflineLocked,
    /// No offline code of the user counts at present.
    OfflineBlocked,
    /// The records of offline codes can't be used.
    OfflineUnusable,
    /// Nobody has enrolled the user for offline codes.
    OfflineNotEnrolled,
    // Who is logging in.
    /// The user is not in the local user database.
    UnknownUser,
    /// The local user database can't be asked.
    DirectoryFailed,
    /// No rule maps the local name to one of the tenant's.
    NameNotMapped,
    /// uid 0 needs an entry of its own.
    RootNotMapped,
    /// The policy asks about the caller, and the host program names none.
    NoCaller,
    /// Another module changed the user while we were asking.
    UserChanged,
    /// `PAM_RUSER` is not the user who runs the program.
    CallerMismatch,
    /// A defect of ours.
    Panic,
}

impl Reason {
    /// Every reason, in the order of the manual.
    pub const ALL: [Self; 44] = [
        Self::Conversation,
        Self::Interrupted,
        Self::Deadline,
        Self::Tries,
        Self::PasswordEmpty,
        Self::PasswordTooLong,
        Self::PasswordNotUtf8,
        Self::PasswordJunk,
        Self::Blind,
        Self::AnswerRefused,
        Self::ApprovalRefused,
        Self::MechanismRefused,
        Self::StartRefused,
        Self::PasswordChange,
        Self::NothingOffered,
        Self::NothingUsable,
        Self::TenantThrottle,
        Self::PushBudget,
        Self::Federated,
        Self::TooFewFactors,
        Self::NumberMissing,
        Self::IdentityMismatch,
        Self::SessionMismatch,
        Self::SuccessUnasked,
        Self::Outage,
        Self::Misbehaved,
        Self::ClientRefused,
        Self::RedirectRefused,
        Self::Local,
        Self::Misconfigured,
        Self::BadArgument,
        Self::OfflineRefused,
        Self::OfflineLocked,
        Self::OfflineBlocked,
        Self::OfflineUnusable,
        Self::OfflineNotEnrolled,
        Self::UnknownUser,
        Self::DirectoryFailed,
        Self::NameNotMapped,
        Self::RootNotMapped,
        Self::NoCaller,
        Self::UserChanged,
        Self::CallerMismatch,
        Self::Panic,
    ];

    /// The word in the audit line. Stable: people write rules for it.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Conversation => "conversation",
            Self::Interrupted => "interrupted",
            Self::Deadline => "deadline",
            Self::Tries => "tries",
            Self::PasswordEmpty => "password_empty",
            Self::PasswordTooLong => "password_too_long",
            Self::PasswordNotUtf8 => "password_not_utf8",
            Self::PasswordJunk => "password_junk",
            Self::Blind => "blind_caller",
            Self::AnswerRefused => "answer_refused",
            Self::ApprovalRefused => "approval_refused",
            Self::MechanismRefused => "mechanism_refused",
            Self::StartRefused => "start_refused",
            Self::PasswordChange => "password_change",
            Self::NothingOffered => "nothing_offered",
            Self::NothingUsable => "nothing_usable",
            Self::TenantThrottle => "tenant_throttle",
            Self::PushBudget => "push_budget",
            Self::Federated => "federated",
            Self::TooFewFactors => "too_few_factors",
            Self::NumberMissing => "number_missing",
            Self::IdentityMismatch => "identity_mismatch",
            Self::SessionMismatch => "session_mismatch",
            Self::SuccessUnasked => "success_unasked",
            Self::Outage => "outage",
            Self::Misbehaved => "misbehaved",
            Self::ClientRefused => "client_refused",
            Self::RedirectRefused => "redirect_refused",
            Self::Local => "local",
            Self::Misconfigured => "misconfigured",
            Self::BadArgument => "bad_argument",
            Self::OfflineRefused => "offline_refused",
            Self::OfflineLocked => "offline_locked",
            Self::OfflineBlocked => "offline_blocked",
            Self::OfflineUnusable => "offline_unusable",
            Self::OfflineNotEnrolled => "offline_not_enrolled",
            Self::UnknownUser => "unknown_user",
            Self::DirectoryFailed => "directory_failed",
            Self::NameNotMapped => "name_not_mapped",
            Self::RootNotMapped => "root_not_mapped",
            Self::NoCaller => "no_caller",
            Self::UserChanged => "user_changed",
            Self::CallerMismatch => "caller_mismatch",
            Self::Panic => "panic",
        }
    }

    /// Whether it is what the tenant itself has said about a person.
    #[must_use]
    pub fn is_of_the_tenant(self) -> bool {
        matches!(
            self,
            Self::StartRefused
                | Self::AnswerRefused
                | Self::ApprovalRefused
                | Self::MechanismRefused
                | Self::PasswordChange
                | Self::NothingOffered
        )
    }

    /// Not the user's fault: somebody has to look at it.
    #[must_use]
    pub fn is_error(self) -> bool {
        matches!(
            self,
            Self::Outage
                | Self::Misbehaved
                | Self::ClientRefused
                | Self::RedirectRefused
                | Self::Local
                | Self::Misconfigured
                | Self::BadArgument
                | Self::OfflineUnusable
                | Self::DirectoryFailed
                | Self::Panic
        )
    }
}

impl Refusal {
    /// This refusal if it is the tenant's word, else the `later` one.
    #[must_use]
    pub fn or(self, later: Self) -> Self {
        if self.reason.is_of_the_tenant() { self } else { later }
    }

    /// A refusal with more for the log.
    #[must_use]
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self { reason, detail: String::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_in_the_list_once_and_in_its_place() {
        for (place, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, place, "{reason:?}");
        }
        assert_eq!(Reason::ALL.len(), Reason::Panic as usize + 1);
    }

    #[test]
    fn each_reason_has_the_word_that_people_write_rules_for() {
        let words = "conversation interrupted deadline tries password_empty password_too_long \
            password_not_utf8 password_junk blind_caller answer_refused approval_refused \
            mechanism_refused start_refused password_change nothing_offered nothing_usable \
            tenant_throttle push_budget federated too_few_factors number_missing identity_mismatch \
            session_mismatch success_unasked outage misbehaved client_refused redirect_refused local misconfigured \
            bad_argument offline_refused offline_locked offline_blocked offline_unusable offline_not_enrolled unknown_user directory_failed name_not_mapped root_not_mapped no_caller \
            user_changed caller_mismatch panic";
        let codes: Vec<_> = Reason::ALL.into_iter().map(Reason::code).collect();
        assert_eq!(codes.join(" "), words);
    }

    #[test]
    fn a_refusal_of_the_tenants_outlasts_what_ends_the_login() {
        let interrupted = Refusal::from(Reason::Interrupted);
        for reason in Reason::ALL {
            let kept = Refusal::from(reason).or(interrupted.clone());
            let is_kept = kept.reason == reason;
            assert_eq!(
                is_kept,
                reason.is_of_the_tenant() || reason == Reason::Interrupted,
                "{reason:?}"
            );
        }
        assert!(Reason::ApprovalRefused.is_of_the_tenant());
        assert!(!Reason::Misbehaved.is_of_the_tenant());
    }

    #[test]
    fn errors_are_what_somebody_has_to_look_at() {
        let errors = Reason::ALL.into_iter().filter(|reason| reason.is_error());
        assert_eq!(
            errors.collect::<Vec<_>>(),
            [
                Reason::Outage,
                Reason::Misbehaved,
                Reason::ClientRefused,
                Reason::RedirectRefused,
                Reason::Local,
                Reason::Misconfigured,
                Reason::BadArgument,
                Reason::OfflineUnusable,
                Reason::DirectoryFailed,
                Reason::Panic,
            ]
        );
    }
}

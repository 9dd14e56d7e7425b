//! Why a login is refused: one row for each reason, and all that follows from it.
//!
//! To add a reason, add a row here and a line to pam_countersign(8).
#![forbid(unsafe_code)]

use std::time::Duration;

use ::pam::constants::PamResultCode;

/// A refusal: the reason, and for the log alone what it was about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Which of the documented reasons.
    pub reason: Reason,
    /// More, for the administrator. Never shown to the user, never a secret.
    pub detail: String,
    /// For how long it holds, where that is known and the user may know it.
    pub wait: Option<Duration>,
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
        Self { reason, detail: detail.into(), wait: None }
    }

    /// A refusal that holds for this time.
    #[must_use]
    pub fn lasting(self, wait: Option<Duration>) -> Self {
        Self { wait, ..self }
    }
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self::new(reason, "")
    }
}

/// How urgent a line in the log is, in syslog's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The configuration is broken: no user gets in.
    Alert,
    /// Something is wrong with the module's arguments or its surroundings.
    Error,
    /// A rule or a file deserves a look.
    Warning,
    /// A login was refused, or may be given up.
    Notice,
    /// A login succeeded.
    Info,
    /// Only with the argument `debug`.
    Debug,
}

/// Whose fault a refusal is, or whose word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// The user left, or took too long: no user waits for the end.
    Left,
    /// What the user, or a program in the user's place, has typed.
    Typed,
    /// What the tenant itself has said about the user.
    Tenant,
    /// What the tenant offers or allows at present is not enough.
    Offer,
    /// The tenant's success is not for this login.
    Success,
    /// No reply, or none that can be believed.
    Reply,
    /// This machine, or what the administrator has set up for it at the tenant.
    Machine,
    /// The configuration, or the module's argument.
    Configuration,
    /// The offline code.
    OfflineCode,
    /// Who logs in, or calls.
    Person,
    /// The module.
    Defect,
}

/// What holds for a reason and does not follow from the rest of its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flag {
    /// The user or the tenant said no, as opposed to what went wrong on the way.
    Denial,
    /// The module or the machine writes the whole detail, and no user or administrator a part of
    /// it.
    OwnDetail,
}

impl Reason {
    /// Whether it is what the tenant itself has said about a person.
    #[must_use]
    pub fn is_of_the_tenant(self) -> bool {
        self.fault() == Fault::Tenant
    }

    /// Whether an administrator has to look at it: the user can't do better next time.
    #[must_use]
    pub fn is_error(self) -> bool {
        use Fault::{Configuration, Defect, Machine, Reply};
        matches!(self.fault(), Reply | Machine | Configuration | Defect)
    }

    /// Whether a user may still wait for the end.
    ///
    /// A configuration that can't be read refuses after the default delay: sshd 9.8 and later cut
    /// an address off after a few refusals without one.
    #[must_use]
    pub fn wants_delay(self) -> bool {
        self.fault() != Fault::Left
    }

    /// Whether a user who guesses can cause it, and measure how long it takes.
    #[must_use]
    pub fn is_guess(self) -> bool {
        !matches!(self.fault(), Fault::Left | Fault::Configuration | Fault::Defect)
    }

    /// Whether the user or the tenant said no, as opposed to what went wrong on the way.
    #[must_use]
    pub fn is_denial(self) -> bool {
        self.flags().contains(&Flag::Denial)
    }

    /// Whether the tenant's reply to something that it could refuse says neither "go on" nor that
    /// it is wrong.
    #[must_use]
    pub fn is_no_word(self) -> bool {
        matches!(self.fault(), Fault::Success | Fault::Reply | Fault::Defect)
    }

    /// Whether the module or the machine writes the whole detail, and no user or administrator a
    /// part of it.
    #[must_use]
    pub fn has_own_detail(self) -> bool {
        self.flags().contains(&Flag::OwnDetail)
    }
}

/// Makes [`Reason`] and one function for each column from the rows. A column that a program does
/// not use is not in it: the module has no sentences and hints for administrators.
macro_rules! reasons {
    ($(
        $(#[$more:meta])*
        $name:ident {
            code: $code:literal, fault: $fault:ident, pam: $pam:ident, level: $level:ident,
            $(flags: [$($flag:ident),*],)?
            log: $log:literal,
            hint: $hint:expr,
            user: $user:expr,
        }
    )*) => {
        /// Why a login is refused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub enum Reason {
            $(
                #[doc = concat!($log, ".")]
                $(#[$more])*
                $name,
            )*
        }

        impl Reason {
            /// Every reason, in the order of the rows.
            pub const ALL: [Self; [$($code),*].len()] = [$(Self::$name),*];

            /// The word in the audit line. Stable: administrators write rules for it.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            fn fault(self) -> Fault {
                match self { $(Self::$name => Fault::$fault,)* }
            }

            /// What libpam is told: chosen by what sshd, sudo and su do with each code; see
            /// pam_countersign(8).
            #[must_use]
            pub fn pam_code(self) -> PamResultCode {
                match self { $(Self::$name => PamResultCode::$pam,)* }
            }

            /// The level of the audit line.
            #[must_use]
            pub fn level(self) -> Level {
                match self { $(Self::$name => Level::$level,)* }
            }

            fn flags(self) -> &'static [Flag] {
                match self { $(Self::$name => &[$($(Flag::$flag),*)?],)* }
            }

            /// What happened, in words for the administrator.
            #[must_use]
            pub fn sentence(self) -> &'static str {
                match self { $(Self::$name => $log,)* }
            }

            /// What the administrator, or the user at a command, can do about it.
            #[must_use]
            pub fn hint(self) -> &'static str {
                match self { $(Self::$name => $hint,)* }
            }

            /// What the user is told at the end, where no time is told. Nothing where it would tell
            /// a stranger something.
            #[must_use]
            pub fn farewell(self) -> Option<&'static str> {
                match self { $(Self::$name => $user,)* }
            }
        }
    };
}

/// Where the tenant does not answer, whatever the cause is.
const UNREACHABLE: Option<&str> =
    Some("The identity service can't be reached. Please try again later.");
/// Where the administrator has to mend something before any login.
const NOT_SET_UP: Option<&str> =
    Some("Login is not set up correctly on this system. Ask your administrator.");
/// Where the tenant offers nothing that can be used.
const NOTHING_WORKS: Option<&str> = Some(
    "None of your second factors works here: add a phone or an authenticator in the identity \
     portal.",
);
/// Where the offline code is wrong, or the user has none: a stranger learns no difference.
const NO_OFFLINE_LOGIN: Option<&str> = Some(
    "No offline login. It takes an enrolled authenticator and a code that was not used before.",
);

const TRY_AGAIN: &str = "try again";
const ASK_THE_TENANT: &str = "try again; the tenant tells its administrators more, in its own log";
const ANOTHER_PASSWORD: &str = "set another one at the tenant: below 512 bytes, and UTF-8";
const OFFERED: &str = "the user's login policy in the tenant decides what is offered; countersign \
                       mechanisms shows it";
const DESCRIBED: &str = "countersign.toml(5) describes every key";
const TOTP_STATUS: &str = "countersign totp status shows what is known";
const MAP_THE_NAME: &str = "map the name in [users] of countersign.toml(5)";

reasons! {
    // What the user or the caller did.
    Conversation {
        code: "conversation", fault: Left, pam: PAM_CONV_ERR, level: Notice,
        flags: [OwnDetail],
        log: "a question was not answered",
        hint: "try again; sshd asks only with KbdInteractiveAuthentication yes in sshd_config(5)",
        user: None,
    }
    /// Ctrl-C, or the terminal went away.
    ///
    /// sudo ends with this code, because the Ctrl-C is still waiting for it; `PAM_ABORT` would read
    /// "Critical error".
    Interrupted {
        code: "interrupted", fault: Left, pam: PAM_PERM_DENIED, level: Notice,
        log: "interrupted",
        hint: TRY_AGAIN,
        user: Some("The login was stopped."),
    }
    Deadline {
        code: "deadline", fault: Left, pam: PAM_AUTH_ERR, level: Notice,
        log: "the login took too long",
        hint: "try again; login.deadline says how long a login may take",
        user: Some("That took too long. Please start again."),
    }
    Tries {
        code: "tries", fault: Typed, pam: PAM_MAXTRIES, level: Notice,
        flags: [Denial],
        log: "too many answers that could not be used",
        hint: TRY_AGAIN,
        user: None,
    }
    PasswordEmpty {
        code: "password_empty", fault: Typed, pam: PAM_AUTH_ERR, level: Notice,
        log: "no password was typed",
        hint: TRY_AGAIN,
        user: None,
    }
    PasswordTooLong {
        code: "password_too_long", fault: Typed, pam: PAM_AUTH_ERR, level: Notice,
        log: "the password is too long to be sent",
        hint: ANOTHER_PASSWORD,
        user: None,
    }
    PasswordNotUtf8 {
        code: "password_not_utf8", fault: Typed, pam: PAM_AUTH_ERR, level: Notice,
        log: "the password is not UTF-8, which is all that can be sent",
        hint: ANOTHER_PASSWORD,
        user: None,
    }
    /// Such a user gets a password that sshd makes up.
    PasswordJunk {
        code: "password_junk", fault: Typed, pam: PAM_AUTH_ERR, level: Notice,
        log: "sshd has refused this user before",
        hint: "the lines of sshd in the log say why: AllowUsers, DenyUsers or PermitRootLogin",
        user: None,
    }
    /// A program answers, and no user reads the prompts.
    Blind {
        code: "blind_caller", fault: Typed, pam: PAM_CONV_ERR, level: Notice,
        flags: [Denial],
        log: "the password came back as the answer to another question",
        hint: "allow keyboard-interactive authentication in sshd_config(5), and no passwords",
        user: Some("The password was given as the answer to another question."),
    }

    // What the tenant said.
    AnswerRefused {
        code: "answer_refused", fault: Tenant, pam: PAM_AUTH_ERR, level: Notice,
        flags: [Denial, OwnDetail],
        log: "the tenant refused this answer or an earlier one",
        hint: ASK_THE_TENANT,
        user: None,
    }
    ApprovalRefused {
        code: "approval_refused", fault: Tenant, pam: PAM_MAXTRIES, level: Notice,
        flags: [Denial, OwnDetail],
        log: "the approval was denied or expired, or an earlier answer was wrong",
        hint: ASK_THE_TENANT,
        user: None,
    }
    MechanismRefused {
        code: "mechanism_refused", fault: Tenant, pam: PAM_AUTH_ERR, level: Notice,
        flags: [Denial],
        log: "the tenant refused to start the mechanism",
        hint: ASK_THE_TENANT,
        user: None,
    }
    StartRefused {
        code: "start_refused", fault: Tenant, pam: PAM_AUTH_ERR, level: Notice,
        flags: [Denial],
        log: "the tenant refused to start the login",
        hint: "look at the user and the login policies in the tenant's portal",
        user: None,
    }
    PasswordChange {
        code: "password_change", fault: Tenant, pam: PAM_AUTH_ERR, level: Notice,
        log: "the tenant wants a new password first",
        hint: "change it in the tenant's portal",
        user: Some(
            "Your password must be changed first: log in to the identity portal in a browser.",
        ),
    }
    NothingOffered {
        code: "nothing_offered", fault: Tenant, pam: PAM_AUTH_ERR, level: Notice,
        log: "the tenant offers no mechanism",
        hint: OFFERED,
        user: NOTHING_WORKS,
    }
    NothingUsable {
        code: "nothing_usable", fault: Offer, pam: PAM_AUTH_ERR, level: Notice,
        flags: [OwnDetail],
        log: "nothing that the tenant offers works in a terminal",
        hint: OFFERED,
        user: NOTHING_WORKS,
    }
    TenantThrottle {
        code: "tenant_throttle", fault: Offer, pam: PAM_MAXTRIES, level: Notice,
        log: "the tenant asks to wait before the next try",
        hint: "wait a few minutes, or as long as the detail says",
        user: Some("The identity service asks to wait. Please start again in a few minutes."),
    }
    PushBudget {
        code: "push_budget", fault: Offer, pam: PAM_MAXTRIES, level: Notice,
        log: "the phone may not ring now, and nothing else is offered",
        hint: "countersign budget --reset lets it ring again",
        user: Some("Nothing can be sent to your phone from here."),
    }
    /// And the configuration does not allow that.
    Federated {
        code: "federated", fault: Offer, pam: PAM_AUTH_ERR, level: Notice,
        log: "the user logs in at another identity provider",
        hint: "login.federated allows it where the tenant names a page to wait for, see \
               countersign.toml(5)",
        user: Some(
            "Your account logs in at another identity provider, which is not accepted here.",
        ),
    }

    // What was not enough.
    TooFewFactors {
        code: "too_few_factors", fault: Offer, pam: PAM_AUTH_ERR, level: Notice,
        flags: [OwnDetail],
        log: "too few factors",
        hint: "change the login policy in the tenant, or login.minimum_factors in \
               countersign.toml(5)",
        user: Some(
            "This system asks for more than your organisation's policy offered. Ask your \
             administrator.",
        ),
    }
    NumberMissing {
        code: "number_missing", fault: Offer, pam: PAM_AUTH_ERR, level: Notice,
        log: "the push came without a number to match",
        hint: "switch number matching on in the tenant, or see login.require_number_match",
        user: Some(
            "This system accepts a push with a number to match only. Use another factor.",
        ),
    }
    /// Or names no user.
    IdentityMismatch {
        code: "identity_mismatch", fault: Success, pam: PAM_AUTH_ERR, level: Notice,
        flags: [Denial],
        log: "the tenant's success is for another user",
        hint: "look at [users] in countersign.toml(5)",
        user: None,
    }
    /// That is another session, or another tenant.
    SessionMismatch {
        code: "session_mismatch", fault: Success, pam: PAM_AUTH_ERR, level: Notice,
        flags: [Denial],
        log: "the tenant's reply belongs to another session, or to another tenant",
        hint: "is tenant.id the id of the tenant at tenant.url?",
        user: None,
    }
    SuccessUnasked {
        code: "success_unasked", fault: Success, pam: PAM_AUTH_ERR, level: Notice,
        log: "the tenant let the user in without any challenge",
        hint: "the authentication profile in the tenant lets users pass through for a while after \
               a challenge: set its pass-through duration to none",
        user: None,
    }

    // Why there is no answer.
    Outage {
        code: "outage", fault: Reply, pam: PAM_AUTHINFO_UNAVAIL, level: Warning,
        flags: [OwnDetail],
        log: "the tenant can't be reached",
        hint: "is tenant.url right, and is the network up?",
        user: UNREACHABLE,
    }
    Misbehaved {
        code: "misbehaved", fault: Reply, pam: PAM_AUTHINFO_UNAVAIL, level: Warning,
        flags: [OwnDetail],
        log: "the reply can't be trusted",
        hint: "are tenant.url and tenant.ca_file right? Is there a proxy in between?",
        user: UNREACHABLE,
    }
    ClientRefused {
        code: "client_refused", fault: Machine, pam: PAM_AUTHINFO_UNAVAIL, level: Warning,
        flags: [OwnDetail],
        log: "the tenant refuses the OAuth client of this machine",
        hint: "look at [on_demand] in countersign.toml(5), its secret, and the scope of the \
               application",
        user: UNREACHABLE,
    }
    /// The administrator has not named that host.
    RedirectRefused {
        code: "redirect_refused", fault: Machine, pam: PAM_AUTHINFO_UNAVAIL, level: Warning,
        log: "the tenant sent the login to another host",
        hint: "name it in tenant.redirect_hosts if it is the tenant's",
        user: UNREACHABLE,
    }
    /// It is out of descriptors, or SELinux forbids it.
    Local {
        code: "local", fault: Machine, pam: PAM_AUTHINFO_UNAVAIL, level: Error,
        flags: [OwnDetail],
        log: "this machine did not let the request out",
        hint: "look at SELinux, firewall rules and limits of this machine",
        user: UNREACHABLE,
    }

    // What the administrator must fix.
    /// The file is missing, unsafe or wrong.
    Misconfigured {
        code: "misconfigured", fault: Configuration, pam: PAM_SERVICE_ERR, level: Alert,
        log: "the configuration is wrong",
        hint: DESCRIBED,
        user: NOT_SET_UP,
    }
    /// The module does not know its argument.
    BadArgument {
        code: "bad_argument", fault: Configuration, pam: PAM_SERVICE_ERR, level: Error,
        log: "the configuration is wrong",
        hint: DESCRIBED,
        user: NOT_SET_UP,
    }

    // What an offline code was worth.
    /// The code was wrong, or used before.
    OfflineRefused {
        code: "offline_refused", fault: OfflineCode, pam: PAM_AUTH_ERR, level: Warning,
        flags: [Denial],
        log: "the tenant can't be reached, and the offline code did not count",
        hint: TOTP_STATUS,
        user: NO_OFFLINE_LOGIN,
    }
    /// Too many codes were wrong.
    OfflineLocked {
        code: "offline_locked", fault: OfflineCode, pam: PAM_MAXTRIES, level: Warning,
        flags: [Denial],
        log: "the tenant can't be reached, and offline codes are locked",
        hint: TOTP_STATUS,
        user: Some(
            "No offline login: too many codes were wrong, so none counts for a while. The last \
             one was not used up.",
        ),
    }
    OfflineBlocked {
        code: "offline_blocked", fault: OfflineCode, pam: PAM_MAXTRIES, level: Warning,
        flags: [Denial],
        log: "the tenant can't be reached, and no offline code of the user counts at present",
        hint: TOTP_STATUS,
        user: Some("No offline login: no code of yours counts at present."),
    }
    OfflineUnusable {
        code: "offline_unusable", fault: Machine, pam: PAM_SERVICE_ERR, level: Error,
        log: "the tenant can't be reached, and the records of offline codes can't be used",
        hint: "look at the detail in the log, and at: countersign check",
        user: Some(
            "No offline login: this system can't check codes at present. Please tell an \
             administrator.",
        ),
    }
    OfflineNotEnrolled {
        code: "offline_not_enrolled", fault: Person, pam: PAM_AUTH_ERR, level: Notice,
        log: "the tenant can't be reached, and the user has no offline codes",
        hint: TOTP_STATUS,
        user: NO_OFFLINE_LOGIN,
    }

    // Who is logging in.
    UnknownUser {
        code: "unknown_user", fault: Person, pam: PAM_USER_UNKNOWN, level: Notice,
        log: "there is no such user",
        hint: "name a user of this machine",
        user: None,
    }
    DirectoryFailed {
        code: "directory_failed", fault: Machine, pam: PAM_SERVICE_ERR, level: Error,
        log: "this machine can't look up users",
        hint: "id(1) shows whether the system can look up users",
        user: None,
    }
    NameNotMapped {
        code: "name_not_mapped", fault: Person, pam: PAM_AUTH_ERR, level: Notice,
        log: "the user has no name in the tenant",
        hint: MAP_THE_NAME,
        user: None,
    }
    /// Uid 0 needs an entry of its own.
    RootNotMapped {
        code: "root_not_mapped", fault: Person, pam: PAM_AUTH_ERR, level: Notice,
        log: "the user has no name in the tenant",
        hint: MAP_THE_NAME,
        user: None,
    }
    NoCaller {
        code: "no_caller", fault: Person, pam: PAM_AUTH_ERR, level: Notice,
        log: "login.person asks about the caller, which this program does not name",
        hint: "name another service with --service",
        user: None,
    }
    /// By another module, during this login.
    UserChanged {
        code: "user_changed", fault: Person, pam: PAM_AUTH_ERR, level: Notice,
        flags: [Denial],
        log: "another module changed the user during the login",
        hint: "look at the other modules of the stack",
        user: None,
    }
    /// `PAM_RUSER` is not the user who runs the program.
    CallerMismatch {
        code: "caller_mismatch", fault: Person, pam: PAM_AUTH_ERR, level: Notice,
        log: "the program names a caller that is not the one who runs it",
        hint: "look at the program that calls: it names another user",
        user: None,
    }
    Panic {
        code: "panic", fault: Defect, pam: PAM_SYSTEM_ERR, level: Error,
        log: "a defect of the module",
        hint: "please report it",
        user: None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Reason::*;
    use super::*;

    /// Asserts that a rule holds for the first reasons and not for the second.
    fn assert_rule(rule: fn(Reason) -> bool, holds: &[Reason], does_not: &[Reason]) {
        let broken = |reason: &&Reason| rule(**reason) != holds.contains(*reason);
        assert_eq!(holds.iter().chain(does_not).find(broken), None);
    }

    #[test]
    fn each_code_is_one_word_and_no_other_reasons() {
        let is_word =
            |code: &str| code.bytes().all(|b| b.is_ascii_lowercase() || b"_8".contains(&b));
        let codes: BTreeSet<_> = Reason::ALL.into_iter().map(Reason::code).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
        assert_eq!(codes.into_iter().find(|code| !is_word(code)), None);
    }

    #[test]
    fn a_refusal_of_the_tenants_outlasts_what_ends_the_login() {
        for reason in Reason::ALL {
            let kept = Refusal::from(reason).or(Interrupted.into());
            let is_kept = reason.is_of_the_tenant() || reason == Interrupted;
            assert_eq!(kept.reason == reason, is_kept, "{reason:?}");
        }
        let from_here = [Misbehaved, NothingUsable, TenantThrottle, IdentityMismatch];
        assert_rule(Reason::is_of_the_tenant, &[ApprovalRefused, PasswordChange], &from_here);
    }

    /// Callers look at the code of libpam, administrators at the level.
    #[test]
    fn an_error_has_a_code_and_a_level_that_no_denial_of_the_users_has() {
        use PamResultCode::{PAM_AUTHINFO_UNAVAIL, PAM_SERVICE_ERR, PAM_SYSTEM_ERR};
        let codes = [PAM_AUTHINFO_UNAVAIL, PAM_SERVICE_ERR, PAM_SYSTEM_ERR];
        for reason in Reason::ALL {
            assert_eq!(codes.contains(&reason.pam_code()), reason.is_error(), "{reason:?}");
            assert!(!reason.is_error() || reason.level() <= Level::Warning, "{reason:?}");
        }
        assert_rule(
            Reason::is_error,
            &[Outage, Local, BadArgument, Panic],
            &[Tries, OfflineLocked],
        );
    }

    #[test]
    fn a_refusal_takes_as_long_as_any_other_where_a_user_who_guesses_could_tell() {
        let guesses = [AnswerRefused, Tries, UnknownUser, NothingUsable, OfflineRefused, Outage];
        assert_rule(Reason::is_guess, &guesses, &[Conversation, Deadline, Misconfigured, Panic]);
        let with_user = [AnswerRefused, Misconfigured, Panic];
        assert_rule(Reason::wants_delay, &with_user, &[Conversation, Interrupted, Deadline]);
    }

    #[test]
    fn an_end_on_the_way_is_no_denial_and_a_reply_that_is_neither_yes_nor_no_is_no_word() {
        let denials = [AnswerRefused, ApprovalRefused, Tries, Blind, UserChanged, OfflineRefused];
        let on_the_way = [PasswordChange, NothingOffered, Deadline, Outage, SuccessUnasked];
        assert_rule(Reason::is_denial, &denials, &on_the_way);
        let none = [Outage, Misbehaved, SessionMismatch, SuccessUnasked, Panic];
        assert_rule(Reason::is_no_word, &none, &[AnswerRefused, ClientRefused, Local, Deadline]);
    }

    #[test]
    fn a_user_who_guesses_is_told_nothing_at_the_end() {
        for reason in Reason::ALL {
            let is_secret = match reason.fault() {
                Fault::Person => reason != OfflineNotEnrolled,
                Fault::Typed | Fault::Tenant => reason.is_denial() && reason != Blind,
                Fault::Success | Fault::Defect => true,
                _ => false,
            };
            assert!(!is_secret || reason.farewell().is_none(), "{reason:?}");
        }
        let end = |reason: Reason| (reason.farewell(), reason.pam_code());
        assert_eq!(end(OfflineNotEnrolled), end(OfflineRefused));
    }

    /// The support bundle shows such details.
    #[test]
    fn a_detail_with_a_name_that_the_tenant_or_a_user_gave_is_not_the_modules_own() {
        let foreign = [IdentityMismatch, RedirectRefused, UnknownUser, CallerMismatch];
        assert_rule(Reason::has_own_detail, &[Outage, TooFewFactors], &foreign);
    }
}

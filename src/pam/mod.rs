//! The entry points: what libpam calls, and what it is told.
//!
//! `PAM_SUCCESS` is made in one place, from a verdict that only a proof or an administrator's rule
//! can bring about.

pub mod application;
mod conversation;
mod handle;

use std::ffi::{CStr, c_char, c_int};

use ::pam::constants::{PamFlag, PamResultCode};
use ::pam::macros::invoke_hook;
use ::pam::module::PamHandle;

use crate::host::{self, Verdict};
use crate::log::{Level, Log};
use crate::policy::ExemptResult;
use crate::refusal::Reason;

/// `auth`: may this user log in?
///
/// # Safety
///
/// Called by libpam, with a live handle and `argc` strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pam_sm_authenticate(
    handle: *mut PamHandle,
    _flags: PamFlag,
    argc: c_int,
    argv: *const *const c_char,
) -> PamResultCode {
    // SAFETY: libpam's promise is the one that is asked for.
    unsafe { invoke_hook(handle, argc, argv, authenticate) }
}

/// `setcred`: there is nothing to do, and a failure would end a login that has succeeded.
///
/// # Safety
///
/// Nothing is touched.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pam_sm_setcred(
    _handle: *mut PamHandle,
    _flags: PamFlag,
    _argc: c_int,
    _argv: *const *const c_char,
) -> PamResultCode {
    PamResultCode::PAM_SUCCESS
}

/// `account`: not ours to say, so that an `account sufficient` by mistake grants nothing.
///
/// # Safety
///
/// Nothing is touched.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pam_sm_acct_mgmt(
    _handle: *mut PamHandle,
    _flags: PamFlag,
    _argc: c_int,
    _argv: *const *const c_char,
) -> PamResultCode {
    PamResultCode::PAM_IGNORE
}

fn authenticate(handle: &mut PamHandle, arguments: Vec<&CStr>) -> PamResultCode {
    host::silence();
    let answer = host::caught(|| {
        let caller = handle::caller(handle, &arguments);
        let mut conversation = conversation::PamConversation::new(handle);
        let outcome = host::authenticate(&caller, &mut conversation);
        handle::delay_failure(handle, outcome.failure_delay);
        handle::hand_over(handle, &outcome.event);
        code(&outcome.verdict)
    });
    answer.unwrap_or_else(|defect| {
        Log::new("panic").line(Level::Error, &defect);
        PamResultCode::PAM_SYSTEM_ERR
    })
}

/// What libpam is told.
fn code(verdict: &Verdict) -> PamResultCode {
    match verdict {
        Verdict::Granted(_proof) => PamResultCode::PAM_SUCCESS,
        Verdict::Remembered(_confirmation) => PamResultCode::PAM_SUCCESS,
        Verdict::Exempt { result: ExemptResult::Ignore, .. } => PamResultCode::PAM_IGNORE,
        Verdict::Exempt { result: ExemptResult::Success, .. } => PamResultCode::PAM_SUCCESS,
        Verdict::Refused(refusal) => refused(refusal.reason),
    }
}

/// The codes of all refusals, by their numbers in `<security/_pam_types.h>`: the code of the most
/// reasons first.
#[must_use]
pub fn refusal_codes() -> Vec<u8> {
    let mut counts: Vec<(u8, usize)> = Vec::new();
    for code in Reason::ALL.map(|reason| refused(reason) as u8) {
        match counts.iter_mut().find(|(known, _)| *known == code) {
            Some((_, count)) => *count += 1,
            None => counts.push((code, 1)),
        }
    }
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts.into_iter().map(|(code, _)| code).collect()
}

/// Chosen by what sshd, sudo and su do with each code; see pam_countersign(8).
fn refused(reason: Reason) -> PamResultCode {
    match reason {
        Reason::PasswordEmpty
        | Reason::PasswordTooLong
        | Reason::PasswordNotUtf8
        | Reason::PasswordJunk
        | Reason::AnswerRefused
        | Reason::MechanismRefused
        | Reason::StartRefused
        | Reason::Deadline
        | Reason::PasswordChange
        | Reason::NothingOffered
        | Reason::NothingUsable
        | Reason::Federated
        | Reason::TooFewFactors
        | Reason::NumberMissing
        | Reason::IdentityMismatch
        | Reason::SessionMismatch
        | Reason::SuccessUnasked
        | Reason::NameNotMapped
        | Reason::RootNotMapped
        | Reason::NoCaller
        | Reason::UserChanged
        | Reason::CallerMismatch
        | Reason::OfflineRefused
        | Reason::OfflineNotEnrolled => PamResultCode::PAM_AUTH_ERR,
        Reason::Tries
        | Reason::ApprovalRefused
        | Reason::TenantThrottle
        | Reason::PushBudget
        | Reason::OfflineLocked
        | Reason::OfflineBlocked => PamResultCode::PAM_MAXTRIES,
        // sudo ends here, because the Ctrl-C is still waiting for it; PAM_ABORT would read
        // "Critical error".
        Reason::Interrupted => PamResultCode::PAM_PERM_DENIED,
        Reason::Conversation | Reason::Blind => PamResultCode::PAM_CONV_ERR,
        Reason::Outage
        | Reason::Misbehaved
        | Reason::ClientRefused
        | Reason::RedirectRefused
        | Reason::Local => PamResultCode::PAM_AUTHINFO_UNAVAIL,
        Reason::Misconfigured
        | Reason::BadArgument
        | Reason::DirectoryFailed
        | Reason::OfflineUnusable => PamResultCode::PAM_SERVICE_ERR,
        Reason::UnknownUser => PamResultCode::PAM_USER_UNKNOWN,
        Reason::Panic => PamResultCode::PAM_SYSTEM_ERR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::Refusal;

    #[test]
    fn no_refusal_is_a_success_and_none_is_ignored() {
        for reason in Reason::ALL {
            let code = code(&Verdict::Refused(Refusal::new(reason, "")));
            assert_ne!(code, PamResultCode::PAM_SUCCESS, "{reason:?}");
            assert_ne!(code, PamResultCode::PAM_IGNORE, "{reason:?}");
        }
    }

    #[test]
    fn each_reason_has_the_code_that_its_callers_need() {
        use PamResultCode::*;
        use Reason::*;
        let codes = [
            (PAM_CONV_ERR, vec![Conversation, Blind]),
            (PAM_PERM_DENIED, vec![Interrupted]),
            (
                PAM_MAXTRIES,
                vec![
                    Tries,
                    ApprovalRefused,
                    TenantThrottle,
                    PushBudget,
                    OfflineLocked,
                    OfflineBlocked,
                ],
            ),
            (PAM_AUTHINFO_UNAVAIL, vec![Outage, Misbehaved, ClientRefused, RedirectRefused, Local]),
            (PAM_SERVICE_ERR, vec![Misconfigured, BadArgument, DirectoryFailed, OfflineUnusable]),
            (PAM_USER_UNKNOWN, vec![UnknownUser]),
            (PAM_SYSTEM_ERR, vec![Panic]),
            (
                PAM_AUTH_ERR,
                vec![
                    Deadline,
                    PasswordEmpty,
                    PasswordTooLong,
                    PasswordNotUtf8,
                    PasswordJunk,
                    AnswerRefused,
                    MechanismRefused,
                    StartRefused,
                    PasswordChange,
                    NothingOffered,
                    NothingUsable,
                    Federated,
                    TooFewFactors,
                    NumberMissing,
                    IdentityMismatch,
                    SessionMismatch,
                    SuccessUnasked,
                    NameNotMapped,
                    RootNotMapped,
                    UserChanged,
                    CallerMismatch,
                    NoCaller,
                    OfflineRefused,
                    OfflineNotEnrolled,
                ],
            ),
        ];
        for (code, reasons) in &codes {
            for reason in reasons {
                assert_eq!(refused(*reason), *code, "{reason:?}");
            }
        }
        let named: Vec<_> = codes.iter().flat_map(|(_, reasons)| reasons).collect();
        assert_eq!(named.len(), Reason::ALL.len());
        assert!(Reason::ALL.iter().all(|reason| named.contains(&reason)));
    }

    #[test]
    fn each_code_of_a_refusal_is_listed_once_and_the_usual_one_first() {
        assert_eq!(refusal_codes(), [7, 11, 9, 3, 19, 6, 10, 4]);
    }

    #[test]
    fn an_exempt_user_is_ignored_unless_the_rule_says_success() {
        let exempt = |result| code(&Verdict::Exempt { rule: "r".into(), result });
        assert_eq!(exempt(ExemptResult::Ignore), PamResultCode::PAM_IGNORE);
        assert_eq!(exempt(ExemptResult::Success), PamResultCode::PAM_SUCCESS);
    }
}

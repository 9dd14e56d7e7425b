//! The entry points: what libpam calls, and what it is told.
//!
//! `PAM_SUCCESS` is made in one place, from a verdict that only a proof or an administrator's rule
//! can bring about.

mod conversation;
mod handle;

pub use handle::{AUDIT, REHEARSAL, set_variable, variable};

use std::ffi::{CStr, c_char, c_int};

use ::pam::constants::{PamFlag, PamResultCode};
use ::pam::macros::invoke_hook;
use ::pam::module::PamHandle;

use crate::broker;
use crate::host::{self, Decision};
use crate::log::{Level, Log};
use crate::policy::ExemptResult;

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
        let ending = broker::authenticate(&caller, &mut conversation);
        handle::delay_failure(handle, ending.failure_delay);
        if let Some(line) = &ending.line {
            handle::hand_over(handle, line);
        }
        code(ending.decision, caller.is_ssh())
    });
    answer.unwrap_or_else(|defect| {
        Log::new("panic").line(Level::Error, &defect);
        PamResultCode::PAM_SYSTEM_ERR
    })
}

/// What libpam is told.
///
/// After `PAM_MAXTRIES` sshd takes no method any more that PAM has a part in. Where that were all
/// that the login could go on with, it names none, and ssh then tries all that it knows: it asks
/// for a password that nothing takes. So sshd may ask again.
fn code(decision: Decision, is_ssh: bool) -> PamResultCode {
    match decision {
        Decision::Granted => PamResultCode::PAM_SUCCESS,
        Decision::Remembered => PamResultCode::PAM_SUCCESS,
        Decision::SecurityKey => PamResultCode::PAM_SUCCESS,
        Decision::Exempt(ExemptResult::Ignore) => PamResultCode::PAM_IGNORE,
        Decision::Exempt(ExemptResult::Success) => PamResultCode::PAM_SUCCESS,
        Decision::Refused(reason) => match reason.pam_code() {
            PamResultCode::PAM_MAXTRIES if is_ssh => PamResultCode::PAM_AUTH_ERR,
            code => code,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::Reason;

    #[test]
    fn no_refusal_is_a_success_and_none_is_ignored() {
        for reason in Reason::ALL {
            for is_ssh in [false, true] {
                let code = code(Decision::Refused(reason), is_ssh);
                assert_ne!(code, PamResultCode::PAM_SUCCESS, "{reason:?}");
                assert_ne!(code, PamResultCode::PAM_IGNORE, "{reason:?}");
            }
        }
    }

    #[test]
    fn sshd_is_not_told_that_there_were_too_many_tries_and_other_programs_are() {
        let denied = |is_ssh| code(Decision::Refused(Reason::ApprovalRefused), is_ssh);
        assert_eq!(denied(true), PamResultCode::PAM_AUTH_ERR);
        assert_eq!(denied(false), PamResultCode::PAM_MAXTRIES);
    }

    #[test]
    fn an_exempt_user_is_ignored_unless_the_rule_says_success() {
        let exempt = |result| code(Decision::Exempt(result), false);
        assert_eq!(exempt(ExemptResult::Ignore), PamResultCode::PAM_IGNORE);
        assert_eq!(exempt(ExemptResult::Success), PamResultCode::PAM_SUCCESS);
    }
}

//! What libpam knows, and the few calls to it that the binding lacks.

use std::ffi::{CStr, CString, c_char, c_int, c_uint};
use std::ptr;
use std::time::Duration;

use ::pam::constants::PamResultCode;
use ::pam::items::{Item, ItemType, RHost, RUser, Service, Tty, User};
use ::pam::module::PamHandle;

use crate::host::{Caller, Nameless, Program};
use crate::os;

#[link(name = "pam")]
unsafe extern "C" {
    fn pam_get_authtok(
        handle: *mut PamHandle,
        item: c_int,
        authtok: *mut *const c_char,
        prompt: *const c_char,
    ) -> c_int;
    fn pam_getenv(handle: *mut PamHandle, name: *const c_char) -> *const c_char;
    fn pam_putenv(handle: *mut PamHandle, pair: *const c_char) -> c_int;
    safe fn pam_fail_delay(handle: &mut PamHandle, microseconds: c_uint) -> c_int;
}

/// The variable of the PAM environment with which an application asks for the audit line of a
/// rehearsal.
pub const REHEARSAL: &CStr = c"COUNTERSIGN_REHEARSAL";
/// The one in which it gets it.
pub const AUDIT: &CStr = c"COUNTERSIGN_AUDIT";

/// Who calls, as far as libpam says.
pub(super) fn caller(handle: &mut PamHandle, arguments: &[&CStr]) -> Caller {
    // libpam asks for a name that is still missing, as login(1) expects.
    let user = handle.get_user(None).map_err(nameless);
    Caller {
        user,
        service: item::<Service>(handle).unwrap_or_default(),
        rhost: item::<RHost>(handle).filter(|host| !host.is_empty()),
        tty: item::<Tty>(handle).filter(|tty| !tty.is_empty()),
        ruser: item::<RUser>(handle),
        real_uid: os::real_uid(),
        ssh_auth_info: variable(handle, c"SSH_AUTH_INFO_0").map(str::to_owned),
        arguments: arguments.iter().map(|a| a.to_string_lossy().into_owned()).collect(),
        program: Program::Own,
    }
}

/// The binding has one code for a name that is not text.
fn nameless(code: PamResultCode) -> Nameless {
    if code == PamResultCode::PAM_SYSTEM_ERR { Nameless::NotText } else { Nameless::Untold }
}

/// `PAM_USER` as it is now, without asking for it.
pub(super) fn user(handle: &PamHandle) -> Option<String> {
    let user = handle.get_item::<User>().ok().flatten()?;
    user.to_str().ok().map(str::to_owned)
}

fn item<'a, T>(handle: &'a PamHandle) -> Option<String>
where
    T: Item<'a> + std::ops::Deref<Target = &'a CStr>,
{
    let item = handle.get_item::<T>().ok().flatten()?;
    // What is not text is something else than nothing: no PAM_RHOST would be a login at this
    // machine.
    Some(item.to_string_lossy().into_owned())
}

/// A variable of the PAM environment, which the application sets. Not the process's own.
pub fn variable<'a>(handle: &'a mut PamHandle, name: &CStr) -> Option<&'a str> {
    // SAFETY: the handle is libpam's live one, the name ends in NUL; libpam keeps the value while
    // the handle is borrowed.
    unsafe { text(pam_getenv(handle, name.as_ptr())) }?.to_str().ok()
}

/// Sets a variable of the PAM environment: whether libpam has taken it.
pub fn set_variable(handle: &mut PamHandle, name: &CStr, value: &str) -> bool {
    let Ok(pair) = CString::new(format!("{}={value}", name.to_string_lossy())) else {
        return false;
    };
    // SAFETY: the handle is libpam's live one, and libpam copies the string.
    let code = unsafe { pam_putenv(handle, pair.as_ptr()) };
    code == PamResultCode::PAM_SUCCESS as c_int
}

/// # Safety
///
/// `text` is null, or ends in NUL and lives as long as the caller says.
unsafe fn text<'a>(text: *const c_char) -> Option<&'a CStr> {
    // SAFETY: as the caller promises.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) })
}

/// The password that the stack has, or the answer to libpam's own prompt for it
/// (pam_get_authtok(3)).
pub(super) fn authtok(handle: &mut PamHandle) -> Result<&CStr, PamResultCode> {
    let mut token = ptr::null();
    let item = ItemType::AuthTok as c_int;
    // SAFETY: the handle is libpam's live one; without a prompt of ours libpam takes its default.
    // libpam keeps the string until the item is set again, which needs the borrowed handle.
    let (code, token) = unsafe {
        let code = pam_get_authtok(handle, item, &mut token, ptr::null());
        (code, text(token))
    };
    match (PamResultCode::try_from(code), token) {
        (Ok(PamResultCode::PAM_SUCCESS), Some(token)) => Ok(token),
        (Ok(PamResultCode::PAM_SUCCESS), None) | (Err(_), _) => Err(PamResultCode::PAM_CONV_ERR),
        (Ok(code), _) => Err(code),
    }
}

/// Gives the audit line to an application that rehearses a login, and to no other.
///
/// Applications and other modules alone can put something into the PAM environment; sshd, sudo, su
/// and login put nothing of the user's there before they have authenticated. If one did, the line
/// still holds no secret.
pub(super) fn hand_over(handle: &mut PamHandle, line: &str) {
    if variable(handle, REHEARSAL) == Some("1") {
        // A failure is the rehearsal's loss.
        let _ = set_variable(handle, AUDIT, line);
    }
}

/// Asks libpam to let a refused user wait. It takes the longest wish in the stack.
pub(super) fn delay_failure(handle: &mut PamHandle, delay: Duration) {
    let microseconds = c_uint::try_from(delay.as_micros()).unwrap_or(c_uint::MAX);
    if microseconds > 0 {
        // A refusal of this wish changes nothing.
        let _ = pam_fail_delay(handle, microseconds);
    }
}

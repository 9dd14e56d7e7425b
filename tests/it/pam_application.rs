//! A PAM application: opens a stack from a private folder (pam_start_confdir, Linux-PAM 1.4 and
//! later) and talks to it.

#![expect(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test equipment: it may stop with a panic, and no test uses all of it"
)]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::Path;
use std::ptr;

pub const PAM_SUCCESS: c_int = 0;
pub const PAM_SERVICE_ERR: c_int = 3;
pub const PAM_PERM_DENIED: c_int = 6;
pub const PAM_AUTH_ERR: c_int = 7;
pub const PAM_AUTHINFO_UNAVAIL: c_int = 9;
pub const PAM_USER_UNKNOWN: c_int = 10;
pub const PAM_MAXTRIES: c_int = 11;
pub const PAM_CONV_ERR: c_int = 19;
pub const PAM_ABORT: c_int = 26;

pub const PAM_SILENT: c_int = 0x8000;
pub const PAM_ESTABLISH_CRED: c_int = 2;

const PAM_USER: c_int = 2;
const PAM_TTY: c_int = 3;
const PAM_RHOST: c_int = 4;
const PAM_CONV: c_int = 5;
const PAM_AUTHTOK: c_int = 6;
const PAM_FAIL_DELAY: c_int = 10;

/// What a module said or asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// `PAM_PROMPT_ECHO_OFF`
    Hidden(String),
    /// `PAM_PROMPT_ECHO_ON`
    Shown(String),
    /// `PAM_ERROR_MSG`
    Error(String),
    /// `PAM_TEXT_INFO`
    Info(String),
}

/// What an application answers.
#[derive(Debug, Clone)]
pub enum Reply {
    Text(Vec<u8>),
    /// `PAM_SUCCESS` with an answer that is NULL, as at the end of input.
    Null,
    /// `PAM_SUCCESS` without any answers at all.
    NoAnswers,
    /// `PAM_CONV_ERR`
    Fail,
}

impl From<&str> for Reply {
    fn from(text: &str) -> Self {
        Reply::Text(text.as_bytes().to_vec())
    }
}

type Script<'s> = dyn FnMut(&Message) -> Reply + 's;

#[repr(C)]
struct PamMessage {
    style: c_int,
    text: *const c_char,
}

#[repr(C)]
struct PamResponse {
    text: *mut c_char,
    code: c_int,
}

type Talk = unsafe extern "C" fn(
    c_int,
    *mut *const PamMessage,
    *mut *mut PamResponse,
    *mut c_void,
) -> c_int;

#[repr(C)]
pub struct PamConv {
    talk: Talk,
    data: *mut c_void,
}

#[repr(C)]
pub struct PamHandle {
    private: [u8; 0],
}

#[link(name = "pam")]
unsafe extern "C" {
    fn pam_start_confdir(
        service: *const c_char,
        user: *const c_char,
        conversation: *const PamConv,
        folder: *const c_char,
        handle: *mut *mut PamHandle,
    ) -> c_int;
    fn pam_end(handle: *mut PamHandle, status: c_int) -> c_int;
    fn pam_authenticate(handle: *mut PamHandle, flags: c_int) -> c_int;
    fn pam_acct_mgmt(handle: *mut PamHandle, flags: c_int) -> c_int;
    fn pam_setcred(handle: *mut PamHandle, flags: c_int) -> c_int;
    fn pam_set_item(handle: *mut PamHandle, item: c_int, value: *const c_void) -> c_int;
    fn pam_putenv(handle: *mut PamHandle, pair: *const c_char) -> c_int;
    fn pam_getenv(handle: *mut PamHandle, name: *const c_char) -> *const c_char;
    fn pam_strerror(handle: *mut PamHandle, code: c_int) -> *const c_char;
}

#[link(name = "pam_misc")]
unsafe extern "C" {
    fn misc_conv(
        count: c_int,
        messages: *mut *const PamMessage,
        responses: *mut *mut PamResponse,
        data: *mut c_void,
    ) -> c_int;
    fn ttyname(descriptor: c_int) -> *const c_char;
}

/// One transaction.
pub struct Application<'s> {
    handle: *mut PamHandle,
    status: c_int,
    script: Option<*mut Box<Script<'s>>>,
}

impl<'s> Application<'s> {
    /// Opens `folder/service`; everything that is asked goes to `script`.
    pub fn start(
        folder: &Path,
        service: &str,
        user: &str,
        script: impl FnMut(&Message) -> Reply + 's,
    ) -> Self {
        Self::try_start(folder, service, user, script).expect("pam_start_confdir")
    }

    /// What libpam says, or the code with which libpam says that there is no such stack.
    pub fn try_start(
        folder: &Path,
        service: &str,
        user: &str,
        script: impl FnMut(&Message) -> Reply + 's,
    ) -> Result<Self, c_int> {
        let script: *mut Box<Script<'s>> = Box::into_raw(Box::new(Box::new(script)));
        let conversation = PamConv { talk, data: script.cast() };
        let handle = open(folder, service, user, &conversation);
        let mut application = Application {
            handle: handle.inspect_err(|_| {
                // SAFETY: made above, and libpam has kept nothing of it.
                drop(unsafe { Box::from_raw(script) });
            })?,
            status: PAM_SUCCESS,
            script: Some(script),
        };
        application.set_pointer(PAM_FAIL_DELAY, no_delay as *const c_void);
        Ok(application)
    }

    /// The same with libpam's own conversation for terminals, misc_conv(3).
    pub fn in_terminal(folder: &Path, service: &str, user: &str) -> Self {
        let conversation = PamConv { talk: misc_conv, data: ptr::null_mut() };
        let handle = open(folder, service, user, &conversation).expect("pam_start_confdir");
        let mut application = Application { handle, status: PAM_SUCCESS, script: None };
        // SAFETY: ttyname returns null or a static string; libpam copies it.
        let terminal = unsafe { ttyname(0) };
        if !terminal.is_null() {
            application.set_pointer(PAM_TTY, terminal.cast());
        }
        application
    }

    pub fn authenticate(&mut self, flags: c_int) -> c_int {
        self.run(pam_authenticate, flags)
    }

    pub fn acct_mgmt(&mut self) -> c_int {
        self.run(pam_acct_mgmt, 0)
    }

    pub fn setcred(&mut self, flags: c_int) -> c_int {
        self.run(pam_setcred, flags)
    }

    pub fn set_rhost(&mut self, value: impl Into<Vec<u8>>) {
        self.set(PAM_RHOST, value);
    }

    pub fn set_tty(&mut self, value: &str) {
        self.set(PAM_TTY, value);
    }

    pub fn set_user(&mut self, value: impl Into<Vec<u8>>) {
        self.set(PAM_USER, value);
    }

    /// No program has said who it is.
    pub fn forget_user(&mut self) {
        self.set_pointer(PAM_USER, std::ptr::null());
    }

    fn set(&mut self, item: c_int, value: impl Into<Vec<u8>>) {
        let value = CString::new(value).unwrap();
        self.set_pointer(item, value.as_ptr().cast());
    }

    fn set_pointer(&mut self, item: c_int, value: *const c_void) {
        // SAFETY: the handle is live; libpam copies strings, and the delay function is a static
        // one.
        assert_eq!(unsafe { pam_set_item(self.handle, item, value) }, PAM_SUCCESS);
    }

    fn run(
        &mut self,
        call: unsafe extern "C" fn(*mut PamHandle, c_int) -> c_int,
        flags: c_int,
    ) -> c_int {
        // SAFETY: the handle is live until this is dropped.
        self.status = unsafe { call(self.handle, flags) };
        self.status
    }

    /// Puts `NAME=value` into the PAM environment.
    pub fn put_variable(&mut self, pair: &str) {
        let pair = CString::new(pair).unwrap();
        // SAFETY: the handle is live; libpam copies the string.
        assert_eq!(unsafe { pam_putenv(self.handle, pair.as_ptr()) }, PAM_SUCCESS);
    }

    /// A variable of the PAM environment.
    pub fn variable(&self, name: &str) -> Option<String> {
        let name = CString::new(name).unwrap();
        // SAFETY: the handle is live; libpam keeps the value while nothing is called.
        unsafe {
            let value = pam_getenv(self.handle, name.as_ptr());
            (!value.is_null()).then(|| CStr::from_ptr(value).to_str().unwrap().to_owned())
        }
    }

    /// libpam's words for a code.
    pub fn words(&self, code: c_int) -> String {
        // SAFETY: libpam returns a static string.
        unsafe { CStr::from_ptr(pam_strerror(self.handle, code)) }.to_string_lossy().into_owned()
    }
}

impl Drop for Application<'_> {
    fn drop(&mut self) {
        // SAFETY: both were made at the start and are used no more.
        unsafe {
            pam_end(self.handle, self.status);
            if let Some(script) = self.script {
                drop(Box::from_raw(script));
            }
        }
    }
}

fn open(
    folder: &Path,
    service: &str,
    user: &str,
    conversation: &PamConv,
) -> Result<*mut PamHandle, c_int> {
    let folder = CString::new(folder.to_str().unwrap()).unwrap();
    let (service, user) = (CString::new(service).unwrap(), CString::new(user).unwrap());
    let mut handle = ptr::null_mut();
    // SAFETY: every string ends in NUL; libpam copies the conversation.
    let code = unsafe {
        pam_start_confdir(
            service.as_ptr(),
            user.as_ptr(),
            conversation,
            folder.as_ptr(),
            &mut handle,
        )
    };
    match code {
        PAM_SUCCESS => Ok(handle),
        code => Err(code),
    }
}

std::thread_local! {
    static DELAY: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

/// How long libpam would have waited after the last call of this thread, in microseconds.
pub fn last_delay() -> u32 {
    DELAY.get()
}

/// Tests don't wait for libpam's random delay after a failure.
extern "C" fn no_delay(_code: c_int, microseconds: u32, _data: *mut c_void) {
    DELAY.set(microseconds);
}

extern "C" fn talk(
    count: c_int,
    messages: *mut *const PamMessage,
    responses: *mut *mut PamResponse,
    data: *mut c_void,
) -> c_int {
    assert_eq!(count, 1, "a module should send one message at a time");
    // SAFETY: libpam passes what it was given, and one message; the script outlives the
    // transaction.
    unsafe {
        let script = &mut *data.cast::<Box<Script<'_>>>();
        let message = message(&**messages);
        *responses = ptr::null_mut();
        let text = match script(&message) {
            Reply::Fail => return PAM_CONV_ERR,
            Reply::NoAnswers => return PAM_SUCCESS,
            Reply::Null => ptr::null_mut(),
            Reply::Text(bytes) => libc::strdup(CString::new(bytes).unwrap().as_ptr()),
        };
        let response = libc::calloc(1, size_of::<PamResponse>()).cast::<PamResponse>();
        (*response).text = text;
        *responses = response;
    }
    PAM_SUCCESS
}

/// # Safety
/// `raw.text` ends in NUL.
unsafe fn message(raw: &PamMessage) -> Message {
    // SAFETY: as the caller promises.
    let text = unsafe { CStr::from_ptr(raw.text) }.to_str().unwrap().to_owned();
    match raw.style {
        1 => Message::Hidden(text),
        2 => Message::Shown(text),
        3 => Message::Error(text),
        4 => Message::Info(text),
        style => panic!("a message of style {style}"),
    }
}

//! The other side of libpam: an application that runs a stack, for rehearsals.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::{fmt, io, ptr};

use countersign::login::Echo;
use countersign::pam::{AUDIT, REHEARSAL, set_variable, variable};
use pam::constants::{
    PAM_DISALLOW_NULL_AUTHTOK, PAM_ERROR_MSG, PAM_PROMPT_ECHO_OFF, PAM_PROMPT_ECHO_ON, PAM_SILENT,
    PAM_TEXT_INFO, PamResultCode,
};
use pam::items::{RHost, RUser, Tty};
use pam::module::PamHandle;
use zeroize::Zeroizing;

const SUCCESS: c_int = PamResultCode::PAM_SUCCESS as c_int;

/// The user who reads and answers what the modules of a stack say.
pub trait Talk {
    /// An answer; `None` ends the conversation.
    fn ask(&mut self, prompt: &str, echo: Echo) -> Option<Zeroizing<String>>;
    /// Something to read.
    fn tell(&mut self, text: &str);
}

/// What an application tells libpam before it asks.
#[derive(Clone, Copy, Debug)]
pub enum Item {
    /// `PAM_TTY`
    Tty,
    /// `PAM_RHOST`
    Rhost,
    /// `PAM_RUSER`
    Ruser,
}

/// What an application asks for with its call.
#[derive(Clone, Copy, Debug)]
pub enum Flags {
    /// Nothing special.
    None,
    /// As sshd: no empty passwords.
    NoEmptyPassword,
    /// As sudo: no chatter.
    Silent,
}

/// What a stack, or libpam, has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    code: c_int,
    words: String,
}

impl Answered {
    /// Yes.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.code == SUCCESS
    }

    /// The name of the code, such as `PAM_AUTH_ERR`.
    #[must_use]
    pub fn name(&self) -> String {
        PamResultCode::try_from(self.code)
            .map_or_else(|code| code.to_string(), |code| format!("{code:?}"))
    }

    /// libpam's words for it.
    #[must_use]
    pub fn words(&self) -> &str {
        &self.words
    }
}

impl fmt::Display for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name(), self.words)
    }
}

#[repr(C)]
struct Message {
    style: c_int,
    text: *const c_char,
}

#[repr(C)]
struct Response {
    text: *mut c_char,
    code: c_int,
}

#[repr(C)]
struct Conversation {
    talk:
        unsafe extern "C" fn(c_int, *mut *const Message, *mut *mut Response, *mut c_void) -> c_int,
    data: *mut c_void,
}

type Start = unsafe extern "C" fn(
    *const c_char,
    *const c_char,
    *const Conversation,
    *const c_char,
    *mut *mut PamHandle,
) -> c_int;

#[link(name = "pam")]
unsafe extern "C" {
    fn pam_start(
        service: *const c_char,
        user: *const c_char,
        conversation: *const Conversation,
        handle: *mut *mut PamHandle,
    ) -> c_int;
    fn pam_end(handle: *mut PamHandle, status: c_int) -> c_int;
    fn pam_authenticate(handle: *mut PamHandle, flags: c_int) -> c_int;
    fn pam_acct_mgmt(handle: *mut PamHandle, flags: c_int) -> c_int;
    fn pam_strerror(handle: *mut PamHandle, code: c_int) -> *const c_char;
}

/// One transaction, which ends when it is dropped.
pub struct Rehearsal<'t> {
    /// libpam's, from pam_start to pam_end.
    handle: &'t mut PamHandle,
    status: c_int,
    /// Outlives the handle: fields are dropped after [`Rehearsal`] itself.
    _talker: Talker<'t>,
}

/// What libpam hands to [`converse`].
struct Talker<'t>(*mut &'t mut dyn Talk);

impl Drop for Talker<'_> {
    fn drop(&mut self) {
        // SAFETY: the box was given up when this was made, and libpam has ended its transaction.
        drop(unsafe { Box::from_raw(self.0) });
    }
}

impl<'t> Rehearsal<'t> {
    /// Begins with the stack of `service`: the system's, or the one in `folder`.
    ///
    /// # Errors
    ///
    /// What libpam says, and that this one is too old for a folder.
    pub fn start(
        service: &str,
        user: &str,
        folder: Option<&Path>,
        talk: &'t mut dyn Talk,
    ) -> io::Result<Self> {
        let (service, user) = (CString::new(service)?, CString::new(user)?);
        let folder =
            folder.map(|folder| CString::new(folder.as_os_str().as_bytes())).transpose()?;
        let talker = Talker(Box::into_raw(Box::new(talk)));
        let conversation = Conversation { talk: converse, data: talker.0.cast() };
        let (service, user) = (service.as_ptr(), user.as_ptr());
        let mut handle = ptr::null_mut();
        // SAFETY: all strings end in NUL and libpam copies them and the conversation; the talker
        // lives until pam_end, and so does the handle, which is null or libpam's.
        let (code, handle) = unsafe {
            let code = match folder {
                None => pam_start(service, user, &conversation, &mut handle),
                Some(folder) => {
                    let start = start_in_folder()?;
                    start(service, user, &conversation, folder.as_ptr(), &mut handle)
                }
            };
            (code, handle.as_mut())
        };
        let refused = || io::Error::other("libpam can't read this stack");
        let begun = Self { handle: handle.ok_or_else(refused)?, status: code, _talker: talker };
        if code == SUCCESS { begun.marked() } else { Err(refused()) }
    }

    /// Asks the module for its audit line. Only an application can: a user has no part in the PAM
    /// environment.
    fn marked(self) -> io::Result<Self> {
        if set_variable(self.handle, REHEARSAL, "1") {
            Ok(self)
        } else {
            Err(io::Error::other("libpam takes no environment"))
        }
    }

    /// Tells libpam about the login.
    ///
    /// # Errors
    ///
    /// A value with a NUL in it, or one that libpam does not take.
    pub fn set(&mut self, item: Item, value: &str) -> io::Result<()> {
        let value = CString::new(value)?;
        let set = match item {
            Item::Tty => self.handle.set_item_str(Tty(&value)),
            Item::Rhost => self.handle.set_item_str(RHost(&value)),
            Item::Ruser => self.handle.set_item_str(RUser(&value)),
        };
        set.map_err(|_| io::Error::other("libpam does not take this"))
    }

    /// Is it this user?
    pub fn authenticate(&mut self, flags: Flags) -> Answered {
        self.call(pam_authenticate, flags)
    }

    /// May this user log in now?
    pub fn account(&mut self, flags: Flags) -> Answered {
        self.call(pam_acct_mgmt, flags)
    }

    fn call(
        &mut self,
        call: unsafe extern "C" fn(*mut PamHandle, c_int) -> c_int,
        flags: Flags,
    ) -> Answered {
        let flags = match flags {
            Flags::None => 0,
            Flags::NoEmptyPassword => PAM_DISALLOW_NULL_AUTHTOK,
            Flags::Silent => PAM_SILENT,
        };
        // SAFETY: the handle is live; the text that comes back is a static one.
        let words = unsafe {
            self.status = call(self.handle, flags.cast_signed());
            CStr::from_ptr(pam_strerror(self.handle, self.status))
        };
        Answered { code: self.status, words: words.to_string_lossy().into_owned() }
    }

    /// The audit line of pam_countersign, if it was asked.
    #[must_use]
    pub fn audit(&mut self) -> Option<String> {
        variable(self.handle, AUDIT).map(str::to_owned)
    }
}

impl Drop for Rehearsal<'_> {
    fn drop(&mut self) {
        // SAFETY: the handle was made at the start and is used no more.
        unsafe { pam_end(self.handle, self.status) };
    }
}

/// `pam_start_confdir`, which Linux-PAM has since 1.4: an older one must not keep the command from
/// starting.
fn start_in_folder() -> io::Result<Start> {
    // SAFETY: the name ends in NUL; what libpam has under it is this function (pam_start(3)).
    unsafe {
        let found = libc::dlsym(libc::RTLD_DEFAULT, c"pam_start_confdir".as_ptr());
        if found.is_null() {
            Err(io::Error::other(
                "this libpam knows no other folder of stacks: it is older than 1.4",
            ))
        } else {
            Ok(std::mem::transmute::<*mut c_void, Start>(found))
        }
    }
}

/// What libpam calls with the messages of a module (pam_conv(3)).
///
/// # Safety
/// Called by libpam, with `count` messages and what [`Rehearsal::start`] gave it.
unsafe extern "C" fn converse(
    count: c_int,
    messages: *mut *const Message,
    responses: *mut *mut Response,
    data: *mut c_void,
) -> c_int {
    let failed = PamResultCode::PAM_CONV_ERR as c_int;
    let Ok(count) = usize::try_from(count) else {
        return failed;
    };
    // SAFETY: libpam's promise; each text of a message ends in NUL, and what is allocated here is
    // libpam's to free.
    unsafe {
        let talk = &mut **data.cast::<&mut dyn Talk>();
        let mut answers = Vec::with_capacity(count);
        for at in 0..count {
            let message = &**messages.add(at);
            let said = (!message.text.is_null()).then(|| CStr::from_ptr(message.text));
            let said = said.unwrap_or_default().to_string_lossy();
            let Some(answer) = answer(talk, message.style, &said) else {
                return failed;
            };
            answers.push(answer);
        }
        let all = libc::calloc(count.max(1), size_of::<Response>()).cast::<Response>();
        if all.is_null() {
            return failed;
        }
        for (at, answer) in answers.iter().enumerate() {
            if let Some(typed) = answer {
                // No memory is no answer.
                (*all.add(at)).text = libc::strndup(typed.as_ptr().cast(), typed.len());
            }
        }
        *responses = all;
    }
    SUCCESS
}

/// What was typed, which has no NUL in it, and nothing for what needs no answer; `None` ends the
/// conversation.
fn answer(talk: &mut dyn Talk, style: c_int, said: &str) -> Option<Option<Zeroizing<String>>> {
    let echo = match style {
        PAM_PROMPT_ECHO_ON => Echo::On,
        PAM_PROMPT_ECHO_OFF => Echo::Off,
        PAM_TEXT_INFO | PAM_ERROR_MSG => {
            talk.tell(said);
            return Some(None);
        }
        _ => return None,
    };
    let typed = talk.ask(said, echo).filter(|typed| !typed.contains('\0'));
    typed.map(Some)
}

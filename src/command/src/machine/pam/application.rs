//! The other side of libpam: an application that runs a stack, for rehearsals.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::marker::PhantomData;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::{fmt, io, ptr};

use countersign::login::Echo;
use countersign::pam::{AUDIT, REHEARSAL};
use pam::constants::{
    PAM_DISALLOW_NULL_AUTHTOK, PAM_ERROR_MSG, PAM_PROMPT_ECHO_OFF, PAM_PROMPT_ECHO_ON, PAM_SILENT,
    PAM_TEXT_INFO, PamResultCode,
};
use pam::items::ItemType;
use pam::module::PamHandle;
use zeroize::Zeroizing;

const SUCCESS: c_int = PamResultCode::PAM_SUCCESS as c_int;

/// Somebody who reads and answers what the modules of a stack say.
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
    fn pam_set_item(handle: *mut PamHandle, item: c_int, value: *const c_void) -> c_int;
    fn pam_putenv(handle: *mut PamHandle, pair: *const c_char) -> c_int;
    fn pam_getenv(handle: *mut PamHandle, name: *const c_char) -> *const c_char;
    fn pam_strerror(handle: *mut PamHandle, code: c_int) -> *const c_char;
}

/// One transaction, which ends when it is dropped.
pub struct Rehearsal<'t> {
    handle: *mut PamHandle,
    status: c_int,
    /// What libpam hands to `talk`.
    talker: *mut &'t mut dyn Talk,
    held: PhantomData<&'t mut dyn Talk>,
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
        let talker = Box::into_raw(Box::new(talk));
        let conversation = Conversation { talk: converse, data: talker.cast() };
        let mut begun =
            Self { handle: ptr::null_mut(), status: SUCCESS, talker, held: PhantomData };
        let (service, user) = (service.as_ptr(), user.as_ptr());
        // SAFETY: all strings end in NUL and libpam copies them and the conversation; the talker
        // lives until pam_end.
        let code = unsafe {
            match folder {
                None => pam_start(service, user, &conversation, &mut begun.handle),
                Some(folder) => {
                    let folder = CString::new(folder.as_os_str().as_bytes())?;
                    let start = start_in_folder()?;
                    start(service, user, &conversation, folder.as_ptr(), &mut begun.handle)
                }
            }
        };
        match code {
            SUCCESS if !begun.handle.is_null() => begun.mark(),
            _ => Err(io::Error::other("libpam can't read this stack")),
        }
    }

    /// Asks the module for its audit line. Only an application can: a user has no part in the PAM
    /// environment.
    fn mark(self) -> io::Result<Self> {
        let pair = CString::new(format!("{}=1", REHEARSAL.to_string_lossy()))?;
        // SAFETY: the handle is live; libpam copies the string.
        match unsafe { pam_putenv(self.handle, pair.as_ptr()) } {
            SUCCESS => Ok(self),
            _ => Err(io::Error::other("libpam takes no environment")),
        }
    }

    /// Tells libpam about the login.
    ///
    /// # Errors
    ///
    /// A value with a NUL in it, or one that libpam does not take.
    pub fn set(&mut self, item: Item, value: &str) -> io::Result<()> {
        let item = match item {
            Item::Tty => ItemType::Tty,
            Item::Rhost => ItemType::RHost,
            Item::Ruser => ItemType::RUser,
        };
        let value = CString::new(value)?;
        // SAFETY: the handle is live; libpam copies the string.
        match unsafe { pam_set_item(self.handle, item as c_int, value.as_ptr().cast()) } {
            SUCCESS => Ok(()),
            _ => Err(io::Error::other("libpam does not take this")),
        }
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
        unsafe {
            self.status = call(self.handle, flags.cast_signed());
            let words = pam_strerror(self.handle, self.status);
            Answered { code: self.status, words: text(words).unwrap_or_default() }
        }
    }

    /// The audit line of pam_countersign, if it was asked.
    #[must_use]
    pub fn audit(&self) -> Option<String> {
        // SAFETY: the handle is live; libpam keeps the value while nothing is called.
        unsafe { text(pam_getenv(self.handle, AUDIT.as_ptr())) }
    }
}

impl Drop for Rehearsal<'_> {
    fn drop(&mut self) {
        // SAFETY: both were made at the start and are used no more.
        unsafe {
            if !self.handle.is_null() {
                pam_end(self.handle, self.status);
            }
            drop(Box::from_raw(self.talker));
        }
    }
}

/// `pam_start_confdir`, which Linux-PAM has since 1.4: an older one must not keep the command from
/// starting.
fn start_in_folder() -> io::Result<Start> {
    // SAFETY: the name ends in NUL; what libpam has under it is this function (pam_start(3)).
    unsafe {
        let found = libc::dlsym(libc::RTLD_DEFAULT, c"pam_start_confdir".as_ptr());
        match found.is_null() {
            true => Err(io::Error::other(
                "this libpam knows no other folder of stacks: it is older than 1.4",
            )),
            false => Ok(std::mem::transmute::<*mut c_void, Start>(found)),
        }
    }
}

/// # Safety
/// `text` is null or ends in NUL.
unsafe fn text(text: *const c_char) -> Option<String> {
    // SAFETY: as the caller promises.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
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
    // SAFETY: libpam's promise; what is allocated here is libpam's to free, or freed here if it
    // does not get it.
    unsafe {
        let talk = &mut **data.cast::<&mut dyn Talk>();
        let all = libc::calloc(count.max(1), size_of::<Response>()).cast::<Response>();
        if all.is_null() {
            return failed;
        }
        for at in 0..count {
            let message = &**messages.add(at);
            match answer(talk, message) {
                Ok(text) => (*all.add(at)).text = text,
                Err(()) => {
                    forget(all, at);
                    return failed;
                }
            }
        }
        *responses = all;
    }
    SUCCESS
}

/// The answer in memory of malloc(3), or null for what needs none.
///
/// # Safety
/// The message's text ends in NUL.
unsafe fn answer(talk: &mut dyn Talk, message: &Message) -> Result<*mut c_char, ()> {
    // SAFETY: as the caller promises.
    let said = unsafe { text(message.text) }.unwrap_or_default();
    let echo = match message.style {
        PAM_PROMPT_ECHO_ON => Echo::On,
        PAM_PROMPT_ECHO_OFF => Echo::Off,
        PAM_TEXT_INFO | PAM_ERROR_MSG => {
            talk.tell(&said);
            return Ok(ptr::null_mut());
        }
        _ => return Err(()),
    };
    let typed = talk.ask(&said, echo).filter(|typed| !typed.contains('\0'));
    let typed = typed.ok_or(())?;
    // SAFETY: as many bytes as there are, none of them NUL; strndup adds one.
    let copy = unsafe { libc::strndup(typed.as_ptr().cast(), typed.len()) };
    match copy.is_null() {
        true => Err(()),
        false => Ok(copy),
    }
}

/// Wipes and frees the answers that nobody will get.
///
/// # Safety
/// `all` has at least `count` responses, made by [`converse`].
unsafe fn forget(all: *mut Response, count: usize) {
    // SAFETY: as the caller promises; each text ends in NUL and is freed once.
    unsafe {
        for at in 0..count {
            let text = (*all.add(at)).text;
            if !text.is_null() {
                libc::explicit_bzero(text.cast(), libc::strlen(text));
                libc::free(text.cast());
            }
        }
        libc::free(all.cast());
    }
}

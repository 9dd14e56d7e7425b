//! The local user database, through NSS: name to uid and back, name to gid, and the groups of a
//! user.

use std::ffi::{CStr, CString};
use std::{io, mem, ptr};

/// Room for one entry. Grows up to [`MAX_BUFFER`] for groups with many members.
const BUFFER: usize = 4 * 1024;
const MAX_BUFFER: usize = 4 * 1024 * 1024;
/// More groups than any user is in.
const MAX_GROUPS: usize = 64 * 1024;
/// The local file of users.
const PASSWD: &str = "/etc/passwd";

/// The uid of a user, `None` if there is no such user.
///
/// # Errors
///
/// What NSS fails with. That is not the same as an unknown user.
pub fn uid_of(user: &str) -> io::Result<Option<u32>> {
    Ok(self::user(user)?.map(|user| user.uid))
}

/// An entry of the user database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its name, which can be spelled otherwise than the one that was looked up.
    pub name: String,
    /// Its uid, which other entries can have as well.
    pub uid: u32,
    /// Its primary group.
    pub gid: u32,
}

/// The entry of a user, `None` if there is no such user.
///
/// # Errors
///
/// As [`uid_of`]; and where its name is no text.
pub fn user(name: &str) -> io::Result<Option<User>> {
    let Ok(name) = CString::new(name) else {
        return Ok(None);
    };
    entry_of(&Wanted::Name(name))
}

/// What the system calls a uid, `None` if no user has it.
///
/// # Errors
///
/// As [`user`].
pub fn name_of(uid: u32) -> io::Result<Option<String>> {
    Ok(entry_of(&Wanted::Uid(uid))?.map(|user| user.name))
}

/// Whose entry of the user database is looked up.
enum Wanted {
    Name(CString),
    Uid(u32),
}

fn entry_of(wanted: &Wanted) -> io::Result<Option<User>> {
    with_buffer(|buffer| {
        let (start, length) = (buffer.as_mut_ptr().cast(), buffer.len());
        let mut found = ptr::null_mut();
        // SAFETY: all pointers live until the call is over; the entry is read only where it was
        // found, and then its name is in the buffer and ends in NUL.
        unsafe {
            let mut entry: libc::passwd = mem::zeroed();
            let code = match wanted {
                Wanted::Name(name) => {
                    libc::getpwnam_r(name.as_ptr(), &mut entry, start, length, &mut found)
                }
                Wanted::Uid(uid) => libc::getpwuid_r(*uid, &mut entry, start, length, &mut found),
            };
            let user = looked_up(code, (!found.is_null()).then_some(&entry))?;
            user.map(|user| User::new(CStr::from_ptr(user.pw_name), user)).transpose()
        }
    })
}

impl User {
    fn new(name: &CStr, entry: &libc::passwd) -> io::Result<User> {
        let (uid, gid) = (entry.pw_uid, entry.pw_gid);
        let name = name.to_str().map_err(|_| {
            let problem = format!("the name of uid {uid} is not UTF-8 text");
            io::Error::new(io::ErrorKind::InvalidData, problem)
        })?;
        Ok(User { name: name.to_owned(), uid, gid })
    }
}

/// Every name that the local file of users has for a uid, as far as a look-up by name agrees. A
/// directory service may know more.
///
/// # Errors
///
/// As [`user`].
pub fn local_names_of(uid: u32) -> io::Result<Vec<String>> {
    // What is no text in there, such as a comment in an old encoding, is no user's name.
    let file = match std::fs::read(PASSWD) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    for name in names_in(&file, uid) {
        if uid_of(name)? == Some(uid) {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

/// passwd(5): name, password, uid, ...
fn names_in(file: &str, uid: u32) -> impl Iterator<Item = &str> {
    file.lines().filter_map(move |line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then_some(name)
    })
}

/// The gid of a group, `None` if there is no such group.
///
/// # Errors
///
/// As [`uid_of`].
pub fn gid_of(group: &str) -> io::Result<Option<u32>> {
    let Ok(name) = CString::new(group) else {
        return Ok(None);
    };
    with_buffer(|buffer| {
        // SAFETY: all pointers live until the call is over; the entry is read only where it was
        // found.
        unsafe {
            let mut group: libc::group = mem::zeroed();
            let mut found = ptr::null_mut();
            let (start, length) = (buffer.as_mut_ptr().cast(), buffer.len());
            let code = libc::getgrnam_r(name.as_ptr(), &mut group, start, length, &mut found);
            looked_up(code, (!found.is_null()).then_some(group.gr_gid))
        }
    })
}

/// The gids of all groups that a user is in, the primary one included. Empty for an unknown user.
///
/// getgrouplist(3) does not say where a source of groups could not be asked: then those of that
/// source are missing.
///
/// # Errors
///
/// As [`uid_of`].
pub fn gids_of(user: &str) -> io::Result<Vec<u32>> {
    let (Some(User { gid, .. }), Ok(name)) = (self::user(user)?, CString::new(user)) else {
        return Ok(Vec::new());
    };
    let mut room = 64;
    while room <= MAX_GROUPS {
        let mut gids = vec![0; room];
        let mut count = libc::c_int::try_from(room).unwrap_or(libc::c_int::MAX);
        // SAFETY: there is room for `count` groups, and the name ends in NUL.
        let code = unsafe { libc::getgrouplist(name.as_ptr(), gid, gids.as_mut_ptr(), &mut count) };
        if code >= 0 {
            gids.truncate(usize::try_from(count).unwrap_or(0));
            return Ok(gids);
        }
        room *= 4;
    }
    Err(io::Error::from_raw_os_error(libc::ERANGE))
}

/// getpwnam_r(3) lists the codes with which some systems say "not found".
fn looked_up<T>(code: libc::c_int, found: Option<T>) -> io::Result<Option<T>> {
    match code {
        0 | libc::ENOENT | libc::ESRCH => Ok(found),
        code => Err(io::Error::from_raw_os_error(code)),
    }
}

fn with_buffer<T>(look_up: impl Fn(&mut [u8]) -> io::Result<T>) -> io::Result<T> {
    let mut length = BUFFER;
    loop {
        match look_up(&mut vec![0; length]) {
            Err(error) if error.raw_os_error() == Some(libc::ERANGE) && length < MAX_BUFFER => {
                length *= 4;
            }
            Err(error) if error.raw_os_error() == Some(libc::EINTR) => {}
            done => return done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_uid_0_and_in_its_own_group() {
        assert_eq!(uid_of("root").unwrap(), Some(0));
        assert_eq!(gid_of("root").unwrap(), Some(0));
        assert!(gids_of("root").unwrap().contains(&0));
        assert_eq!(name_of(0).unwrap().as_deref(), Some("root"));
        assert_eq!(name_of(u32::MAX - 7).unwrap(), None);
        assert!(local_names_of(0).unwrap().contains(&"root".to_owned()));
    }

    #[test]
    fn a_second_name_of_a_uid_is_found_in_the_file_of_users() {
        let file = "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/:/bin/sh\n+nis\n::\nalias:*:1000:7::/:/bin/sh\nten:x:10000:1::/:\n";
        assert_eq!(names_in(file, 1000).collect::<Vec<_>>(), ["alice", "alias"]);
        assert_eq!(names_in(file, 7).count(), 0);
    }

    #[test]
    fn nobody_has_an_impossible_name() {
        for name in ["", "no such user", "a\0b", "root\n", "\u{1f600}"] {
            assert_eq!(uid_of(name).unwrap(), None, "{name:?}");
            assert_eq!(gid_of(name).unwrap(), None, "{name:?}");
            assert!(gids_of(name).unwrap().is_empty(), "{name:?}");
        }
    }
}

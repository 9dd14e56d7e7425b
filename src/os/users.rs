//! The local user database, through NSS: name to uid, name to gid, and the groups of a user.

use std::ffi::{CStr, CString};
use std::{io, mem, ptr};

/// Room for one entry. Grows up to [`MAX_BUFFER`] for groups with many members.
const BUFFER: usize = 4 * 1024;
const MAX_BUFFER: usize = 4 * 1024 * 1024;
/// More groups than any user is in.
const MAX_GROUPS: usize = 64 * 1024;

/// The uid of a user, `None` if there is no such user.
///
/// # Errors
///
/// What NSS fails with. That is not the same as an unknown user.
pub fn uid_of(user: &str) -> io::Result<Option<u32>> {
    Ok(entry(user)?.map(|(uid, _)| uid))
}

/// The first name of a uid, `None` if no user has it.
///
/// # Errors
///
/// As [`uid_of`].
pub fn name_of(uid: u32) -> io::Result<Option<String>> {
    with_buffer(|buffer| {
        // SAFETY: all pointers live until the call is over; the entry is read only where it was found, and its name is
        // in the buffer, which ends in NUL.
        unsafe {
            let mut entry: libc::passwd = mem::zeroed();
            let mut found = ptr::null_mut();
            let (start, length) = (buffer.as_mut_ptr().cast(), buffer.len());
            let code = libc::getpwuid_r(uid, &mut entry, start, length, &mut found);
            let name = (!found.is_null() && !entry.pw_name.is_null())
                .then(|| CStr::from_ptr(entry.pw_name).to_string_lossy().into_owned());
            looked_up(code, name)
        }
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
        // SAFETY: all pointers live until the call is over; the entry is read only where it was found.
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
/// getgrouplist(3) does not say where a source of groups could not be asked: then those of that source are missing.
///
/// # Errors
///
/// As [`uid_of`].
pub fn gids_of(user: &str) -> io::Result<Vec<u32>> {
    let (Some((_, primary)), Ok(name)) = (entry(user)?, CString::new(user)) else {
        return Ok(Vec::new());
    };
    let mut room = 64;
    while room <= MAX_GROUPS {
        let mut gids = vec![0; room];
        let mut count = libc::c_int::try_from(room).unwrap_or(libc::c_int::MAX);
        // SAFETY: there is room for `count` groups, and the name ends in NUL.
        let code =
            unsafe { libc::getgrouplist(name.as_ptr(), primary, gids.as_mut_ptr(), &mut count) };
        if code >= 0 {
            gids.truncate(usize::try_from(count).unwrap_or(0));
            return Ok(gids);
        }
        room *= 4;
    }
    Err(io::Error::from_raw_os_error(libc::ERANGE))
}

/// uid and primary gid.
fn entry(user: &str) -> io::Result<Option<(u32, u32)>> {
    let Ok(name) = CString::new(user) else {
        return Ok(None);
    };
    with_buffer(|buffer| {
        // SAFETY: all pointers live until the call is over; the entry is read only where it was found.
        unsafe {
            let mut entry: libc::passwd = mem::zeroed();
            let mut found = ptr::null_mut();
            let (start, length) = (buffer.as_mut_ptr().cast(), buffer.len());
            let code = libc::getpwnam_r(name.as_ptr(), &mut entry, start, length, &mut found);
            looked_up(
                code,
                (!found.is_null()).then_some((entry.pw_uid, entry.pw_gid)),
            )
        }
    })
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

//! Addresses of a host, by the resolver of the system, and what a connection to it has brought.

use std::ffi::{CStr, c_int};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpStream};
use std::os::fd::AsRawFd;
use std::{io, mem, ptr};

/// Why a lookup gave no address: the code of getaddrinfo(3), and errno where that is `EAI_SYSTEM`.
///
/// The standard library gives only the text of the code, which is translated where the host has set a locale.
#[derive(Debug)]
pub struct LookupError {
    /// One of the `EAI_` constants.
    pub code: c_int,
    /// What errno said, for `EAI_SYSTEM`.
    pub system: io::Error,
}

/// The addresses of a host by getaddrinfo(3), in its order; `family` is one of the `AF_` constants.
///
/// Blocks for as long as the resolver of the system likes to.
pub fn host_addresses(host: &CStr, family: c_int) -> Result<Vec<IpAddr>, LookupError> {
    // SAFETY: an addrinfo of zeros is what getaddrinfo(3) asks for in a hint.
    let mut hint: libc::addrinfo = unsafe { mem::zeroed() };
    hint.ai_family = family;
    hint.ai_socktype = libc::SOCK_STREAM;
    let mut list = ptr::null_mut();
    // SAFETY: `host` ends in NUL, a null service is allowed, and the other two live until the call is over.
    let code = unsafe { libc::getaddrinfo(host.as_ptr(), ptr::null(), &hint, &mut list) };
    if code != 0 {
        let system = io::Error::last_os_error();
        return Err(LookupError { code, system });
    }
    // SAFETY: the list is what getaddrinfo has just given us; it is freed once, and not used after that.
    unsafe {
        let found = addresses_of(list);
        libc::freeaddrinfo(list);
        Ok(found)
    }
}

/// Reads what has arrived on a connection; [`io::ErrorKind::WouldBlock`] where nothing has, whatever mode it is in.
///
/// # Errors
///
/// What recv(2) says.
pub fn receive_now(stream: &TcpStream, into: &mut [u8]) -> io::Result<usize> {
    let (start, length) = (into.as_mut_ptr().cast(), into.len());
    // SAFETY: the buffer is as long as is said; the kernel fills it.
    let got = unsafe { libc::recv(stream.as_raw_fd(), start, length, libc::MSG_DONTWAIT) };
    usize::try_from(got).map_err(|_| io::Error::last_os_error())
}

/// # Safety
/// `entry` is null or a list made by getaddrinfo.
unsafe fn addresses_of(mut entry: *const libc::addrinfo) -> Vec<IpAddr> {
    let mut found = Vec::new();
    // SAFETY: the list ends in null, and each address is as large as its family says.
    unsafe {
        while let Some(info) = entry.as_ref() {
            match info.ai_family {
                libc::AF_INET if !info.ai_addr.is_null() => {
                    let address: libc::sockaddr_in = ptr::read_unaligned(info.ai_addr.cast());
                    found.push(Ipv4Addr::from(u32::from_be(address.sin_addr.s_addr)).into());
                }
                libc::AF_INET6 if !info.ai_addr.is_null() => {
                    let address: libc::sockaddr_in6 = ptr::read_unaligned(info.ai_addr.cast());
                    found.push(Ipv6Addr::from(address.sin6_addr.s6_addr).into());
                }
                _ => {}
            }
            entry = info.ai_next;
        }
    }
    found
}

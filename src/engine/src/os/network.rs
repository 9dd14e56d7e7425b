//! Addresses of a host, by the resolver of the system; sockets, and what a connection has brought.

use std::ffi::{CStr, c_int};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;
use std::{io, mem, ptr};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{self, AddressFamily, RecvFlags, SocketFlags, SocketType, netdevice};

/// Why a lookup gave no address: the code of getaddrinfo(3), and errno where that is `EAI_SYSTEM`.
///
/// The standard library gives only the text of the code, which is translated where the host has set
/// a locale.
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
    let hint = libc::addrinfo {
        ai_flags: 0,
        ai_family: family,
        ai_socktype: libc::SOCK_STREAM,
        ai_protocol: 0,
        ai_addrlen: 0,
        ai_addr: ptr::null_mut(),
        ai_canonname: ptr::null_mut(),
        ai_next: ptr::null_mut(),
    };
    let mut list = ptr::null_mut();
    // SAFETY: `host` ends in NUL, a null service is allowed, and the other two live until the call
    // is over.
    let code = unsafe { libc::getaddrinfo(host.as_ptr(), ptr::null(), &hint, &mut list) };
    if code != 0 {
        let system = io::Error::last_os_error();
        return Err(LookupError { code, system });
    }
    let mut found = Vec::new();
    // SAFETY: getaddrinfo has just given us the list, which ends in null; each address is as large
    // as its family says. The list is freed once, and not used after that.
    unsafe {
        let mut entry = list;
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
        libc::freeaddrinfo(list);
    }
    Ok(found)
}

/// Reads what has arrived on a connection; [`io::ErrorKind::WouldBlock`] where nothing has,
/// whatever mode it is in.
///
/// # Errors
///
/// What recv(2) says.
pub fn receive_now(stream: &TcpStream, into: &mut [u8]) -> io::Result<usize> {
    let (got, _) = net::recv(stream, into, RecvFlags::DONTWAIT)?;
    Ok(got)
}

/// Begins a TCP connect and does not wait for it: [`connected`] tells when it is done.
///
/// # Errors
///
/// What socket(2) and connect(2) say at once.
pub fn begin_connect(to: &SocketAddr) -> io::Result<TcpStream> {
    match socket_towards(to, SocketType::STREAM, SocketFlags::NONBLOCK)? {
        (socket, Ok(()) | Err(Errno::INPROGRESS)) => Ok(TcpStream::from(socket)),
        (_, Err(error)) => Err(error.into()),
    }
}

/// Waits at most `time` for the end of a connect, and looks at least once. After `Ok(true)` the
/// socket is connected.
///
/// # Errors
///
/// How the connect failed.
pub fn connected(stream: &TcpStream, time: Duration) -> io::Result<bool> {
    if !await_any(&mut [PollFd::new(stream, PollFlags::OUT)], time)? {
        return Ok(false);
    }
    stream.take_error()?.map_or(Ok(true), Err)
}

/// A datagram socket towards an address. The kernel has given it a port and has looked for a route;
/// nothing is sent.
///
/// # Errors
///
/// What socket(2) and connect(2) say: `EAGAIN` where every port is taken.
pub fn datagrams_to(to: &SocketAddr) -> io::Result<UdpSocket> {
    let (socket, connected) = socket_towards(to, SocketType::DGRAM, SocketFlags::empty())?;
    connected?;
    Ok(UdpSocket::from(socket))
}

/// The number of a network interface, by its name or as a number.
#[must_use]
pub fn interface(name: &str) -> Option<u32> {
    let (family, kind) = (AddressFamily::UNIX, SocketType::DGRAM);
    let socket = net::socket_with(family, kind, SocketFlags::CLOEXEC, None).ok()?;
    netdevice::name_to_index(socket, name).ok().or_else(|| name.parse().ok())
}

/// Waits at most `time` until something has arrived on one of these sockets, and looks at least
/// once.
///
/// # Errors
///
/// What poll(2) says; an interruption by a signal counts as nothing.
pub fn await_arrival(sockets: &[BorrowedFd<'_>], time: Duration) -> io::Result<bool> {
    let waiting = sockets.iter().map(|socket| PollFd::from_borrowed_fd(*socket, PollFlags::IN));
    await_any(&mut waiting.collect::<Vec<_>>(), time)
}

/// How many segments with data the kernel has seen on a connection, those included that it had no
/// memory for.
///
/// # Errors
///
/// What getsockopt(2) says, and `Unsupported` where the kernel does not count them (before Linux
/// 4.6).
pub fn segments_received(stream: &TcpStream) -> io::Result<u32> {
    let mut length = libc::socklen_t::try_from(size_of::<libc::tcp_info>()).unwrap_or(0);
    // SAFETY: a tcp_info is plain data, as long as is said; the kernel fills it and says how far.
    let info = unsafe {
        let mut info: libc::tcp_info = mem::zeroed();
        let (fd, place) = (stream.as_raw_fd(), (&raw mut info).cast());
        match libc::getsockopt(fd, libc::IPPROTO_TCP, libc::TCP_INFO, place, &mut length) {
            0 => info,
            _ => return Err(io::Error::last_os_error()),
        }
    };
    let end = mem::offset_of!(libc::tcp_info, tcpi_data_segs_in) + size_of::<u32>();
    if usize::try_from(length).is_ok_and(|length| length >= end) {
        Ok(info.tcpi_data_segs_in)
    } else {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// A socket of this kind, and what connect(2) said.
fn socket_towards(
    to: &SocketAddr,
    kind: SocketType,
    flags: SocketFlags,
) -> io::Result<(OwnedFd, rustix::io::Result<()>)> {
    let family = match to {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let socket = net::socket_with(family, kind, flags | SocketFlags::CLOEXEC, None)?;
    let connected = net::connect(&socket, to);
    Ok((socket, connected))
}

/// Looks once and waits at most `time`; an interruption by a signal counts as nothing.
fn await_any(waiting: &mut [PollFd<'_>], time: Duration) -> io::Result<bool> {
    let time = Timespec::try_from(time).ok();
    match poll(waiting, time.as_ref()) {
        Err(Errno::INTR) => Ok(false),
        ready => Ok(ready? > 0),
    }
}

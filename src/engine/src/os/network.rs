//! Addresses of a host, by the resolver of the system; sockets, and what a connection has brought.

use std::ffi::{CStr, CString, c_int};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;
use std::{io, mem, ptr};

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
    // SAFETY: an addrinfo of zeros is what getaddrinfo(3) asks for in a hint.
    let mut hint: libc::addrinfo = unsafe { mem::zeroed() };
    hint.ai_family = family;
    hint.ai_socktype = libc::SOCK_STREAM;
    let mut list = ptr::null_mut();
    // SAFETY: `host` ends in NUL, a null service is allowed, and the other two live until the call
    // is over.
    let code = unsafe { libc::getaddrinfo(host.as_ptr(), ptr::null(), &hint, &mut list) };
    if code != 0 {
        let system = io::Error::last_os_error();
        return Err(LookupError { code, system });
    }
    // SAFETY: the list is what getaddrinfo has just given us; it is freed once, and not used after
    // that.
    unsafe {
        let found = addresses_of(list);
        libc::freeaddrinfo(list);
        Ok(found)
    }
}

/// Reads what has arrived on a connection; [`io::ErrorKind::WouldBlock`] where nothing has,
/// whatever mode it is in.
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

/// Begins a TCP connect and does not wait for it: [`connected`] tells when it is done.
///
/// # Errors
///
/// What socket(2) and connect(2) say at once.
pub fn begin_connect(to: &SocketAddr) -> io::Result<TcpStream> {
    let socket = socket_towards(to, libc::SOCK_STREAM | libc::SOCK_NONBLOCK);
    match socket {
        Ok((socket, None)) => Ok(TcpStream::from(socket)),
        Ok((socket, Some(error))) if error.raw_os_error() == Some(libc::EINPROGRESS) => {
            Ok(TcpStream::from(socket))
        }
        Ok((_, Some(error))) | Err(error) => Err(error),
    }
}

/// Waits at most `time` for the end of a connect, and looks at least once. After `Ok(true)` the
/// socket is connected.
///
/// # Errors
///
/// How the connect failed.
pub fn connected(stream: &TcpStream, time: Duration) -> io::Result<bool> {
    if !is_ready(stream.as_raw_fd(), libc::POLLOUT, time)? {
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
    let (socket, error) = socket_towards(to, libc::SOCK_DGRAM)?;
    error.map_or(Ok(UdpSocket::from(socket)), Err)
}

/// The number of a network interface, by its name or as a number.
#[must_use]
pub fn interface(name: &str) -> Option<u32> {
    let terminated = CString::new(name).ok()?;
    // SAFETY: the name ends in NUL.
    let index = unsafe { libc::if_nametoindex(terminated.as_ptr()) };
    if index > 0 { Some(index) } else { name.parse().ok() }
}

/// Waits at most `time` until something has arrived on one of these sockets, and looks at least
/// once.
///
/// # Errors
///
/// What poll(2) says; an interruption by a signal counts as nothing.
pub fn await_arrival(sockets: &[BorrowedFd<'_>], time: Duration) -> io::Result<bool> {
    let waiting = |socket: &BorrowedFd<'_>| libc::pollfd {
        fd: socket.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    poll(&mut sockets.iter().map(waiting).collect::<Vec<_>>(), time)
}

/// How many segments with data the kernel has seen on a connection, those included that it had no
/// memory for.
///
/// # Errors
///
/// What getsockopt(2) says, and `Unsupported` where the kernel does not count them (before Linux
/// 4.6).
pub fn segments_received(stream: &TcpStream) -> io::Result<u32> {
    // SAFETY: a tcp_info is plain data.
    let mut info: libc::tcp_info = unsafe { mem::zeroed() };
    let mut length = libc::socklen_t::try_from(size_of::<libc::tcp_info>()).unwrap_or(0);
    let (level, option) = (libc::IPPROTO_TCP, libc::TCP_INFO);
    let place = (&raw mut info).cast();
    // SAFETY: the buffer is as long as is said; the kernel fills it and says how far.
    let failed =
        unsafe { libc::getsockopt(stream.as_raw_fd(), level, option, place, &mut length) } != 0;
    if failed {
        return Err(io::Error::last_os_error());
    }
    let end = mem::offset_of!(libc::tcp_info, tcpi_data_segs_in) + size_of::<u32>();
    if usize::try_from(length).is_ok_and(|length| length >= end) {
        Ok(info.tcpi_data_segs_in)
    } else {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// A socket of this kind, and what connect(2) said.
fn socket_towards(to: &SocketAddr, kind: c_int) -> io::Result<(OwnedFd, Option<io::Error>)> {
    let (family, address) = kernel_form(to);
    // SAFETY: socket touches no memory.
    let fd = unsafe { libc::socket(family, kind | libc::SOCK_CLOEXEC, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just given us the descriptor.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    let length = match address {
        KernelForm::V4(_) => size_of::<libc::sockaddr_in>(),
        KernelForm::V6(_) => size_of::<libc::sockaddr_in6>(),
    };
    let length = libc::socklen_t::try_from(length).unwrap_or(0);
    let place: *const libc::sockaddr = match &address {
        KernelForm::V4(address) => ptr::from_ref(address).cast(),
        KernelForm::V6(address) => ptr::from_ref(address).cast(),
    };
    // SAFETY: the address is as long as is said, and outlives the call.
    let connected = unsafe { libc::connect(fd, place, length) } == 0;
    let error = (!connected).then(io::Error::last_os_error);
    Ok((socket, error))
}

enum KernelForm {
    V4(libc::sockaddr_in),
    V6(libc::sockaddr_in6),
}

fn kernel_form(address: &SocketAddr) -> (c_int, KernelForm) {
    // SAFETY: both addresses are plain data.
    let (mut v4, mut v6): (libc::sockaddr_in, libc::sockaddr_in6) = unsafe { mem::zeroed() };
    match address {
        SocketAddr::V4(from) => {
            v4.sin_family = libc::AF_INET as libc::sa_family_t;
            v4.sin_port = from.port().to_be();
            v4.sin_addr.s_addr = u32::from(*from.ip()).to_be();
            (libc::AF_INET, KernelForm::V4(v4))
        }
        SocketAddr::V6(from) => {
            v6.sin6_family = libc::AF_INET6 as libc::sa_family_t;
            v6.sin6_port = from.port().to_be();
            v6.sin6_addr.s6_addr = from.ip().octets();
            v6.sin6_scope_id = from.scope_id();
            (libc::AF_INET6, KernelForm::V6(v6))
        }
    }
}

fn is_ready(fd: c_int, events: libc::c_short, time: Duration) -> io::Result<bool> {
    let revents = 0;
    poll(&mut [libc::pollfd { fd, events, revents }], time)
}

fn poll(waiting: &mut [libc::pollfd], time: Duration) -> io::Result<bool> {
    // At least the time that is asked for: poll(2) counts in milliseconds.
    let time = c_int::try_from(time.as_micros().div_ceil(1000)).unwrap_or(c_int::MAX);
    let count = libc::nfds_t::try_from(waiting.len()).unwrap_or(0);
    // SAFETY: as many pollfds as is said, which outlive the call.
    let ready = unsafe { libc::poll(waiting.as_mut_ptr(), count, time) };
    if ready >= 0 {
        return Ok(ready > 0);
    }
    let error = io::Error::last_os_error();
    if error.kind() == io::ErrorKind::Interrupted {
        return Ok(false);
    }
    Err(error)
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

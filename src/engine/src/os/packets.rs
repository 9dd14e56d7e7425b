//! Sockets on this machine that carry whole packets (unix(7), `SOCK_SEQPACKET`): the way to the
//! broker.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::{Errno, FdFlags};
use rustix::net::sockopt::{self, Timeout};
use rustix::net::{
    self, AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType,
};

use super::files::{self, Trusted};

/// Who is at the other end of a socket, as the kernel has noted it: who has connected, or for one
/// who connects, who listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The process.
    pub pid: u32,
    /// The user whose rights it had.
    pub uid: u32,
}

/// Connects to the socket of this machine at this path; `None` where there is no such file.
///
/// # Errors
///
/// A folder on the way or the socket is in other hands than root's, or writable for others; else
/// what connect(2) says, within `patience`.
pub fn connect_packets(path: &Path, patience: Duration) -> io::Result<Option<OwnedFd>> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if is_missing(&error) => return Ok(None),
        found => found?,
    };
    let problem = |what: String| io::Error::other(format!("{}: {what}", path.display()));
    Trusted::default().check_above(path).map_err(|error| io::Error::other(error.to_string()))?;
    if !found.file_type().is_socket() {
        return Err(problem("is no socket".into()));
    }
    files::check_owner(found.uid(), path).map_err(|error| io::Error::other(error.to_string()))?;
    let kind = SocketType::SEQPACKET;
    let socket = net::socket_with(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_timeout(&socket, Timeout::Send, Some(patience))?;
    let address = SocketAddrUnix::new(path)?;
    net::connect(&socket, &address)
        .map_err(|error| problem(format!("can't be connected to: {error}")))?;
    // systemd listens, for the broker.
    let listener = peer(&socket)?.uid;
    if !files::is_trusted(listener) {
        return Err(problem(format!("uid {listener} listens there, and not root")));
    }
    Ok(Some(socket))
}

fn is_missing(error: &io::Error) -> bool {
    [Some(libc::ENOENT), Some(libc::ENOTDIR)].contains(&error.raw_os_error())
}

/// Takes the next connection, which waits so long at most for room to send. `None` where none
/// waits.
///
/// # Errors
///
/// What accept(2) says.
pub fn accept_packets(listener: &impl AsFd, patience: Duration) -> io::Result<Option<OwnedFd>> {
    match net::accept_with(listener, SocketFlags::CLOEXEC) {
        Ok(socket) => {
            sockopt::set_socket_timeout(&socket, Timeout::Send, Some(patience))?;
            Ok(Some(socket))
        }
        Err(Errno::AGAIN | Errno::INTR | Errno::CONNABORTED) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Takes over the first socket that systemd has handed to this process (sd_listen_fds(3)), and
/// keeps it from programs that it starts. Only the program itself may do so, and once.
///
/// # Errors
///
/// There is none.
pub fn socket_from_system() -> io::Result<OwnedFd> {
    const FIRST: i32 = 3;
    static TAKEN: AtomicBool = AtomicBool::new(false);
    if TAKEN.swap(true, Ordering::Relaxed) {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    // SAFETY: looks whether the number is open, and changes nothing but its own flag.
    let flagged = unsafe {
        let socket = BorrowedFd::borrow_raw(FIRST);
        rustix::io::fcntl_setfd(socket, FdFlags::CLOEXEC)
    };
    flagged?;
    // SAFETY: it is open, and handed over to be ours; nothing else here has it, and it is taken
    // once.
    let socket = unsafe { OwnedFd::from_raw_fd(FIRST) };
    let flags = rustix::fs::fcntl_getfl(&socket)?;
    rustix::fs::fcntl_setfl(&socket, flags | OFlags::NONBLOCK)?;
    Ok(socket)
}

/// Whether this is a socket that listens for connections that carry whole packets.
#[must_use]
pub fn listens_for_packets(socket: &impl AsFd) -> bool {
    let kind = sockopt::socket_type(socket) == Ok(SocketType::SEQPACKET);
    kind && sockopt::socket_acceptconn(socket) == Ok(true)
}

/// Who is at the other end.
///
/// # Errors
///
/// What getsockopt(2) says.
pub fn peer(socket: &impl AsFd) -> io::Result<Peer> {
    let found = sockopt::socket_peercred(socket)?;
    let pid = u32::try_from(found.pid.as_raw_pid()).unwrap_or(0);
    Ok(Peer { pid, uid: found.uid.as_raw() })
}

/// Sends one packet.
///
/// # Errors
///
/// What send(2) says: also where the other end takes nothing any more.
pub fn send_packet(socket: &impl AsFd, bytes: &[u8]) -> io::Result<()> {
    loop {
        match net::send(socket, bytes, SendFlags::NOSIGNAL) {
            Err(Errno::INTR) => {}
            Ok(sent) if sent == bytes.len() => return Ok(()),
            Ok(_) => return Err(io::ErrorKind::WriteZero.into()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// What waits at a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// Nothing, in the whole time.
    Nothing,
    /// A packet.
    Packet,
    /// The other end is gone.
    End,
}

/// Waits at most `time` for a packet, and copies its beginning. It stays where it is.
///
/// # Errors
///
/// What poll(2) and recv(2) say.
pub fn peek_packet(
    socket: &impl AsFd,
    into: &mut [u8],
    time: Duration,
) -> io::Result<(Waiting, usize)> {
    let time = Timespec::try_from(time).ok();
    match poll(&mut [PollFd::new(socket, PollFlags::IN)], time.as_ref()) {
        Ok(0) | Err(Errno::INTR) => return Ok((Waiting::Nothing, 0)),
        polled => polled?,
    };
    match receive(socket, into, RecvFlags::PEEK) {
        Ok((0, _)) => Ok((Waiting::End, 0)),
        Ok((count, _)) => Ok((Waiting::Packet, count)),
        Err(Errno::AGAIN | Errno::INTR) => Ok((Waiting::Nothing, 0)),
        Err(error) => Err(error.into()),
    }
}

/// How long the packet is that waits, whole.
///
/// # Errors
///
/// What recv(2) says.
pub fn peek_length(socket: &impl AsFd) -> io::Result<usize> {
    let (_, whole) = receive(socket, &mut [0], RecvFlags::PEEK | RecvFlags::TRUNC)?;
    Ok(whole)
}

/// Takes the next packet. One that does not fit is an error.
///
/// # Errors
///
/// What recv(2) says; [`io::ErrorKind::InvalidData`] for a packet that is longer.
pub fn take_packet(socket: &impl AsFd, into: &mut [u8]) -> io::Result<usize> {
    let (_, whole) = receive(socket, into, RecvFlags::TRUNC)?;
    if whole > into.len() {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(whole)
}

/// The kernel says once that the other end has left something unread, also before the last packets
/// of that end: those are read all the same.
fn receive(
    socket: &impl AsFd,
    into: &mut [u8],
    flags: RecvFlags,
) -> rustix::io::Result<(usize, usize)> {
    let flags = flags | RecvFlags::DONTWAIT;
    match net::recv(socket, &mut *into, flags) {
        Err(Errno::CONNRESET) => net::recv(socket, &mut *into, flags),
        received => received,
    }
}

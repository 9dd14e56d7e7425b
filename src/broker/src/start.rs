//! What systemd hands over: the socket, and the folder of the credentials (sd_listen_fds(3),
//! systemd.exec(5)).
#![forbid(unsafe_code)]

use std::path::PathBuf;

use countersign::{host, os};

use crate::listener::Listener;

/// Where systemd has none for this process, so that a login says which is missing.
const CREDENTIALS: &str = "/run/credentials/countersignd.service";

/// Makes the process ready for logins.
///
/// # Errors
///
/// It was not started as it should be.
pub fn start() -> Result<Listener, String> {
    if os::effective_uid() == 0 {
        return Err(format!("runs as {}, and never as root: start it by its unit", os::BROKER));
    }
    let pid = variable("LISTEN_PID").and_then(|pid| pid.parse().ok());
    let count = variable("LISTEN_FDS").and_then(|count| count.parse().ok());
    if (pid, count) != (Some(std::process::id()), Some(1_u32)) {
        return Err(
            "systemd starts it, with one socket: systemctl start countersignd.socket".into()
        );
    }
    let socket = os::socket_from_system().map_err(|error| format!("the socket: {error}"))?;
    if !os::listens_for_packets(&socket) {
        return Err("the socket does not listen for packets (ListenSequentialPacket=)".into());
    }
    let folder = variable("CREDENTIALS_DIRECTORY");
    host::use_credentials(PathBuf::from(folder.as_deref().unwrap_or(CREDENTIALS)));
    host::silence();
    os::share_memory();
    os::note_end();
    Ok(Listener::new(socket))
}

#[expect(clippy::disallowed_methods, reason = "systemd's own, read once before any login")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

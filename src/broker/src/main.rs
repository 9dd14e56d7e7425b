//! `countersignd`: runs logins for the module in a process of its own, as a user without rights.
//!
//! systemd listens, and starts it with the socket when the module connects. It ends itself once it
//! has had nothing to do for a while. The engine is the module's: what is here takes connections
//! (`listener`), says who is believed about what (`login`), and puts the other end of a connection
//! in the place of libpam (`remote`).
#![forbid(unsafe_code)]

mod bounds;
mod listener;
mod login;
mod remote;
mod start;

use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    match start::start() {
        Ok(listener) => {
            listener.run();
            ExitCode::SUCCESS
        }
        Err(problem) => {
            say(&problem);
            ExitCode::FAILURE
        }
    }
}

/// Writes a line for the log of the unit. What becomes of it changes nothing.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "countersignd: {line}");
}

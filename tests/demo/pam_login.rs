//! Logs a person in from a terminal: `pam_login FOLDER SERVICE USER` runs the stack FOLDER/SERVICE
//! for USER.
//!
//! It is also the system's log for the time of it, at FOLDER/log, and prints what the module wrote
//! there.

#![expect(clippy::print_stdout, clippy::expect_used, reason = "a program for a terminal")]

#[path = "../it/pam_application.rs"]
mod pam_application;

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::ExitCode;

use pam_application::{Application, PAM_SUCCESS};

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [folder, service, user] = arguments.as_slice() else {
        println!("usage: pam_login FOLDER SERVICE USER");
        return ExitCode::from(2);
    };
    let folder = Path::new(folder);
    let log = UnixDatagram::bind(folder.join("log")).expect("FOLDER/log can be made");
    let (code, words) = {
        let mut application = Application::in_terminal(folder, service, user);
        let code = application.authenticate(0);
        (code, application.words(code))
    };
    let (sentence, exit) = match code {
        PAM_SUCCESS => (format!("{user} is logged in."), ExitCode::SUCCESS),
        _ => (format!("Not logged in: {words}."), ExitCode::FAILURE),
    };
    println!("\n{sentence}\n\nIn the log:");
    print_lines(&log);
    exit
}

fn print_lines(log: &UnixDatagram) {
    log.set_nonblocking(true).expect("a socket of ours");
    let mut buffer = [0; 8192];
    while let Ok(length) = log.recv(&mut buffer) {
        let line = String::from_utf8_lossy(buffer.get(..length).unwrap_or_default());
        println!("{}", line.split_once("]: ").map_or(&*line, |(_, text)| text));
    }
}

//! Other people's programs: found where systems have them, with nothing of this one's environment.
#![forbid(unsafe_code)]

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use crate::ui::output::Problem;

const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

#[expect(clippy::disallowed_methods, reason = "the module starts no programs; this is the command")]
pub fn command(name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(place(name).unwrap_or_else(|| name.to_owned()));
    command.args(arguments).env_clear().env("PATH", PATH).env("LC_ALL", "C");
    // A Ctrl-C is for us to answer: what another program has begun it ends.
    command.stdin(Stdio::null()).process_group(0);
    command
}

/// Where the program is, if there is one.
pub fn place(name: &str) -> Option<String> {
    let mut places = PATH.split(':').map(|folder| format!("{folder}/{name}"));
    places.find(|place| std::path::Path::new(place).is_file())
}

/// What it prints, if it ends well.
pub fn output(mut command: Command) -> Result<String, Problem> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output();
    let output = output.map_err(|error| Problem::new(format!("{name} can't be run: {error}")))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let said = String::from_utf8_lossy(&output.stderr);
        let status = output.status;
        Err(Problem::new(format!("{name}: {status}: {}", said.trim())))
    }
}

pub fn run(name: &str, arguments: &[&str]) -> Result<String, Problem> {
    output(command(name, arguments))
}

//! `countersign support-bundle`: what a bug report needs, in one file to read before it is sent.
//! Nothing secret.
//!
//! Nothing is copied whole. Each part takes what it knows to be harmless and leaves the rest out,
//! so that a secret in a place where none belongs stays where it is.
#![forbid(unsafe_code)]

mod configuration;
mod files;
mod form;
mod log;
mod pseudonyms;
mod stacks;
mod state;
mod system;

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use countersign::host;
use countersign::os::{self, Secrecy};
use countersign::policy::{self, Policy, Setting};
use countersign::tenant::text::shown_line;
use serde_json::json;

use super::check;
use crate::configuration::context::Context;
use crate::ui::output::{Done, Problem, line, progress};
use configuration::Configuration;
use pseudonyms::Pseudonyms;

/// What is shorter is part of other words.
const SHORTEST: usize = 6;
/// Room for a line, in characters.
const LINE: usize = 16 * 1024;

/// Writes a file with everything that a bug report needs, and no secret
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  countersign support-bundle\n  countersign support-bundle --output /root/bundle.txt --names"
)]
pub struct Arguments {
    /// The file to make; one that is there stays as it is
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Leaves names of people, hosts and addresses as they are
    #[arg(long)]
    names: bool,
    /// A log in place of the system's, for its last lines
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// A folder of stacks in place of /etc/pam.d
    #[arg(long, value_name = "FOLDER")]
    stacks: Option<PathBuf>,
    /// One JSON object with the name of the file, for programs
    #[arg(long)]
    json: bool,
}

pub fn run(context: &Context, arguments: &Arguments) -> Done {
    let place = place(arguments)?;
    let log = arguments.log.as_deref().map(log::named).transpose()?;
    // Before anything else is collected, so that nothing is collected for nothing.
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&place)
        .map_err(|error| unwritable(&place, &error))?;
    progress("Looking at this machine");
    let text = Bundle::new(context, arguments, log).text();
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    written.map_err(|error| unwritable(&place, &error))?;
    if arguments.json {
        line(json!({"file": place.display().to_string(), "bytes": text.len()}))
    } else {
        line(format!("The bundle is {}.", place.display()));
        line("It holds no secret that we know of. Read it before you send it.");
    }
    Ok(())
}

/// In the folder that this was called from, unless told otherwise.
fn place(arguments: &Arguments) -> Result<PathBuf, Problem> {
    let usual = format!("countersign-support-{}.txt", os::wall_clock());
    let place = arguments.output.clone().unwrap_or_else(|| usual.into());
    std::path::absolute(place).map_err(Problem::new)
}

fn unwritable(place: &Path, error: &std::io::Error) -> Problem {
    let problem = Problem::new(format!("{}: {error}", place.display()));
    match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            problem.hint("nothing is overwritten: name another file with --output")
        }
        _ => problem.hint("name a file in a folder of yours with --output"),
    }
}

/// Makes the lines of one part.
type Part<'a> = fn(&mut Bundle<'a>) -> Vec<String>;

/// What the parts are made from.
struct Bundle<'a> {
    arguments: &'a Arguments,
    config: Result<(PathBuf, Vec<u8>), Problem>,
    settings: Vec<Setting>,
    policy: Option<Policy>,
    /// The end of the log that was named.
    log: Option<String>,
    names: Pseudonyms,
    /// What `countersign check` finds, without asking the tenant.
    findings: Vec<String>,
}

impl<'a> Bundle<'a> {
    fn new(context: &Context, arguments: &'a Arguments, log: Option<String>) -> Self {
        let config = context.file();
        let bytes = config.as_ref().map_or(&[][..], |(_, bytes)| bytes);
        let settings = policy::outline(bytes);
        let policy = policy::parse(bytes).ok();
        let names = Pseudonyms::new(&settings);
        Self { arguments, config, settings, policy, log, names, findings: check::outline(context) }
    }

    fn text(mut self) -> String {
        let mut text = self.head();
        let parts: [(&str, Part<'a>); 8] = [
            ("versions", |_| system::versions()),
            ("configuration", Self::configuration),
            ("files", files::section),
            ("stacks", |bundle| stacks::section(bundle.arguments.stacks.as_deref())),
            ("sshd", |_| system::sshd()),
            ("check", |bundle| bundle.findings.clone()),
            ("state", state::section),
            ("log", log::section),
        ];
        for (title, part) in parts {
            text.push_str(&format!("\n== {title}\n"));
            for line in part(&mut self) {
                // Before anything is looked for in it: what hides in a name would hide the name.
                text.push_str(&shown_line(&line, LINE));
                text.push('\n');
            }
        }
        // Before the names: one that is part of a secret would hide it.
        let text = without(&self.secrets(), text);
        if self.arguments.names { text } else { self.names.replaced(&text) }
    }

    fn head(&self) -> String {
        let (version, today) = (env!("CARGO_PKG_VERSION"), os::day(os::wall_clock()));
        let names = if self.arguments.names {
            "Names of people, hosts and addresses are as they are."
        } else {
            "Names of people, hosts and addresses are replaced; --names leaves them as they are."
        };
        format!("Support bundle of countersign {version}, {today}.\n{names}\n")
    }

    fn configuration(&mut self) -> Vec<String> {
        match &self.config {
            Ok((path, bytes)) => Configuration::new(path, bytes, &self.settings).lines(),
            Err(problem) => vec![problem.what().to_owned()],
        }
    }

    /// What the secret files hold, each line as it would be shown, the longest first: never to be
    /// seen, wherever else it may stand.
    fn secrets(&self) -> Vec<String> {
        let files = files::secrets(self);
        let files = files.iter();
        let read = files.filter_map(|path| os::read(path, Secrecy::Public, host::MAX_SECRET).ok());
        let mut secrets: Vec<_> = read.flat_map(|bytes| lines(&bytes)).collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets
    }
}

/// The lines that are long enough for a secret.
fn lines(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines().map(|line| shown_line(line, LINE).trim().to_owned());
    lines.filter(|line| line.len() >= SHORTEST).collect()
}

fn without(secrets: &[String], mut text: String) -> String {
    for secret in secrets {
        text = text.replace(secret.as_str(), "(secret)");
    }
    text
}

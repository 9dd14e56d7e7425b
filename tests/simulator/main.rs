//! The tenant simulator as a program: `countersign-simulator`, and `simulator` in a build.

#![expect(clippy::print_stderr, reason = "a program that speaks to its terminal")]

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, thread};

use simulator::{Scenario, Simulator};

/// The scenario without `--scenario`.
const DEMO: &str = include_str!("demo.toml");

const HELP: &str = "\
A simulated CyberArk Identity tenant with a page in place of a phone, to try Countersign on this
machine. It is not for production: its users, passwords and keys are known to all.

Usage: countersign-simulator [OPTIONS]

Options:
      --listen <IP:PORT>   Where the tenant listens [default: 127.0.0.1:8443]
      --phone <IP:PORT>    Where the page of the phone is [default: 127.0.0.1:8444]
      --scenario <FILE>    The users and what they have, instead of the built-in ones
      --out <FOLDER>       Where its certificate authority goes [default: /run/countersign-simulator]
      --print-scenario     Prints the built-in scenario
  -h, --help               Prints help
  -V, --version            Prints the version

Examples:
  sudo countersign-simulator
  countersign-simulator --print-scenario > mine.toml
  sudo countersign-simulator --scenario mine.toml --listen 127.0.0.1:9443
";

fn main() -> ExitCode {
    let wanted = match Wanted::parse(env::args().skip(1)) {
        Ok(wanted) => wanted,
        Err(why) => {
            eprintln!("countersign-simulator: {why}; see countersign-simulator --help");
            return ExitCode::from(2);
        }
    };
    let running = match wanted {
        Wanted::Text(text) => {
            // A pipe that was closed has read enough.
            let _closed = io::stdout().write_all(text.as_bytes());
            return ExitCode::SUCCESS;
        }
        Wanted::Run(run) => run.start(),
    };
    match running {
        Ok(running) => loop {
            let _keep = &running;
            thread::park();
        },
        Err(why) => {
            eprintln!("countersign-simulator: {why}");
            ExitCode::FAILURE
        }
    }
}

/// What the arguments ask for.
enum Wanted {
    Text(String),
    Run(Run),
}

struct Run {
    listen: SocketAddr,
    phone: SocketAddr,
    scenario: Option<PathBuf>,
    out: PathBuf,
}

impl Wanted {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Wanted, String> {
        let mut run = Run {
            listen: SocketAddr::from(([127, 0, 0, 1], 8443)),
            phone: SocketAddr::from(([127, 0, 0, 1], 8444)),
            scenario: None,
            out: PathBuf::from("/run/countersign-simulator"),
        };
        while let Some(word) = words.next() {
            match word.as_str() {
                "-h" | "--help" => return Ok(Wanted::Text(HELP.into())),
                "-V" | "--version" => {
                    let version = env!("CARGO_PKG_VERSION");
                    return Ok(Wanted::Text(format!("countersign-simulator {version}\n")));
                }
                "--print-scenario" => return Ok(Wanted::Text(DEMO.into())),
                "--listen" | "--phone" | "--scenario" | "--out" => {
                    let value = words.next().ok_or(format!("{word} needs a value"))?;
                    match word.as_str() {
                        "--listen" => run.listen = address(&value)?,
                        "--phone" => run.phone = address(&value)?,
                        "--scenario" => run.scenario = Some(value.into()),
                        _ => run.out = value.into(),
                    }
                }
                _ => return Err(format!("{word} is no option")),
            }
        }
        Ok(Wanted::Run(run))
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("{text}: expected IP:PORT"))
}

impl Run {
    fn start(&self) -> Result<Simulator, String> {
        let scenario = match &self.scenario {
            None => DEMO.to_owned(),
            Some(file) => fs::read_to_string(file).map_err(|error| named(file, &error))?,
        };
        let simulator = Simulator::start_at(&scenario, self.listen, self.phone)?;
        announce(&simulator, &self.out).map_err(|error| {
            let remedy = match error.kind() {
                io::ErrorKind::PermissionDenied => ": run it as root, or name a folder with --out",
                _ => "",
            };
            named(&self.out, &error) + remedy
        })?;
        // The first line is for programs. Nothing is lost where none reads on.
        let ready = format!("ready {} phone {}", simulator.url(), simulator.phone_url());
        let _closed = writeln!(io::stdout(), "{ready}\n\n{}", self.welcome(&simulator, &scenario)?);
        Ok(simulator)
    }

    fn welcome(&self, simulator: &Simulator, scenario: &str) -> Result<String, String> {
        let scenario = Scenario::parse(scenario)?;
        let mut text =
            "This is a simulated tenant. It is not for production: its users, passwords \
             and keys are known to all.\n\nUsers:\n"
                .to_owned();
        for user in scenario.users.iter().filter(|user| user.federated.is_none() && !user.locked) {
            text += &format!("  {}, password \"{}\"\n", user.name, user.password);
        }
        text += &format!("\nTheir phone is this page: {}\n", simulator.phone_url());
        if let Some(user) = scenario.users.first() {
            let domain = user.name.split_once('@').map_or("example.com", |(_, domain)| domain);
            text += &format!(
                "\nIn another terminal:\n  sudo countersign setup --tenant {} \
                 --ca-file {}/ca.pem \\\n    --template '{{user}}@{domain}' --name \"$USER={}\"\n  \
                 sudo countersign rehearse \"$USER\"\n\n`sudo countersign unsetup` takes that \
                 back. Ctrl-C ends the tenant.",
                simulator.url(),
                self.out.display(),
                user.name,
            );
        }
        Ok(text)
    }
}

fn named(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}

/// Each file appears complete, and only once the listeners are up. The module believes files that
/// root alone can write, whatever the umask is.
fn announce(simulator: &Simulator, folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
    let files = [
        ("ca.pem", simulator.ca_pem().to_string()),
        ("phone", simulator.phone_url()),
        ("address", simulator.url()),
    ];
    for (name, content) in files {
        let unfinished = folder.join(format!(".{name}.new"));
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o644)
            .open(&unfinished)?;
        file.write_all(content.as_bytes())?;
        fs::rename(&unfinished, folder.join(name))?;
    }
    Ok(())
}

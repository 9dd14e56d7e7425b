//! The tenant simulator as a program: `simulator --listen ADDRESS [--phone ADDRESS] --scenario FILE
//! --out DIR`.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that speaks to its terminal"
)]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, io, thread};

use simulator::Simulator;

const USAGE: &str = "usage: simulator --listen ADDRESS [--phone ADDRESS] --scenario FILE --out DIR";

fn main() -> ExitCode {
    match run() {
        Ok(running) => loop {
            let _keep = &running;
            thread::park();
        },
        Err(why) => {
            eprintln!("simulator: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<Simulator, String> {
    let wanted = Arguments::parse(env::args().skip(1))?;
    let scenario = fs::read_to_string(&wanted.scenario)
        .map_err(|error| format!("{}: {error}", wanted.scenario.display()))?;
    let simulator = Simulator::start_at(&scenario, wanted.listen, wanted.phone)?;
    announce(&simulator, &wanted.out)
        .map_err(|error| format!("{}: {error}", wanted.out.display()))?;
    println!("ready {} phone {}", simulator.url(), simulator.phone_url());
    Ok(simulator)
}

struct Arguments {
    listen: SocketAddr,
    phone: SocketAddr,
    scenario: PathBuf,
    out: PathBuf,
}

impl Arguments {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Arguments, String> {
        let (mut listen, mut phone, mut scenario, mut out) = (None, None, None, None);
        while let Some(word) = words.next() {
            let value = words.next().ok_or(USAGE)?;
            match word.as_str() {
                "--listen" => listen = Some(address(&value)?),
                "--phone" => phone = Some(address(&value)?),
                "--scenario" => scenario = Some(value.into()),
                "--out" => out = Some(value.into()),
                _ => return Err(USAGE.into()),
            }
        }
        Ok(Arguments {
            listen: listen.ok_or(USAGE)?,
            phone: phone.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0))),
            scenario: scenario.ok_or(USAGE)?,
            out: out.ok_or(USAGE)?,
        })
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("{text}: expected IP:PORT"))
}

/// Each file appears complete, and only once the listeners are up.
fn announce(simulator: &Simulator, dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    let files = [
        ("ca.pem", simulator.ca_pem().to_string()),
        ("phone", simulator.phone_url()),
        ("address", simulator.url()),
    ];
    for (name, content) in files {
        let unfinished = dir.join(format!(".{name}.new"));
        fs::write(&unfinished, content)?;
        fs::rename(&unfinished, dir.join(name))?;
    }
    Ok(())
}

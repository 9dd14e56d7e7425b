//! sshd: the settings without which it never asks PAM, or only in a way that nobody can answer.
#![forbid(unsafe_code)]

use super::block;
use super::change::{Change, Kind};
use crate::output::{Done, Problem};
use crate::program;
use crate::root::Root;

const CONFIG: &str = "/etc/ssh/sshd_config";
const FOLDER: &str = "/etc/ssh/sshd_config.d";
const DROP_IN: &str = "/etc/ssh/sshd_config.d/10-countersign.conf";
const SHIPPED: &str = include_str!("../../../../conf/sshd_config.d/10-countersign.conf");
const PID: &str = "/run/sshd.pid";

/// What sshd(8) must say of itself afterwards (sshd -T).
const NEEDED: [&str; 2] = ["usepam yes", "kbdinteractiveauthentication yes"];

/// What becomes of public keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Keys {
    /// A key alone lets in
    Alone,
    /// Behind a key, the module asks
    Followed,
}

impl Keys {
    /// sshd_config(5), AuthenticationMethods: each list is one way in. Who has no key gets in by the second.
    fn setting(self) -> &'static str {
        match self {
            Keys::Alone => "AuthenticationMethods publickey keyboard-interactive:pam\n",
            Keys::Followed => {
                "AuthenticationMethods publickey,keyboard-interactive:pam keyboard-interactive:pam\n"
            }
        }
    }
}

/// Whether somebody has decided what a public key alone is worth.
pub fn says_what_keys_do(root: &Root) -> Result<bool, Problem> {
    let texts = [root.read(CONFIG)?, root.read(DROP_IN)?];
    let mut settings = texts.iter().flatten().flat_map(|text| settings(text));
    Ok(settings.any(|(key, _)| key == "authenticationmethods"))
}

/// Keys in small letters, and what they are set to (sshd_config(5)).
fn settings(text: &str) -> impl Iterator<Item = (String, Vec<&str>)> {
    text.lines().filter_map(|line| {
        let mut words = line.split([' ', '\t', '=']).filter(|word| !word.is_empty());
        let key = words.next()?.to_ascii_lowercase();
        Some((key, words.collect()))
    })
}

/// A drop-in of ours.
fn drop_in(keys: Option<Keys>) -> String {
    format!("{SHIPPED}{}", keys.map_or("", Keys::setting))
}

/// Whether nobody has touched what an earlier setup wrote.
fn is_ours(text: &str) -> bool {
    let ours = [None, Some(Keys::Alone), Some(Keys::Followed)];
    ours.into_iter().any(|keys| drop_in(keys) == text)
}

/// A drop-in, or a block at the top of the configuration where that includes none. A drop-in that is there already stays.
pub fn changes(root: &Root, keys: Option<Keys>) -> Result<Vec<Change>, Problem> {
    let Some(config) = root.read(CONFIG)? else {
        return Err(Problem::new(format!("{CONFIG}: there is no such file"))
            .hint("install the ssh server first, or leave sshd out of --service"));
    };
    let change = match includes_drop_ins(&config) {
        true => match (root.read(DROP_IN)?, keys) {
            (None, keys) => Change::new(DROP_IN, Kind::Ours, None, &drop_in(keys)),
            (Some(text), Some(keys)) if is_ours(&text) => {
                Change::new(DROP_IN, Kind::Ours, Some(text), &drop_in(Some(keys)))
            }
            (Some(_), Some(_)) => return Err(edited()),
            (Some(_), None) => None,
        },
        false => {
            let settings = drop_in(keys);
            let settings = settings.lines().filter(|line| !line.starts_with('#'));
            let lines: String = settings.map(|line| format!("{line}\n")).collect();
            let block = block::made_of(&lines);
            let wired = match block::of(&config) {
                Some(_) if keys.is_none() => config.clone(),
                Some(_) => block::replaced(&config, Some(&block)),
                None => block::inserted(&config, 0, &block),
            };
            Change::new(CONFIG, Kind::Block, Some(config), &wired)
        }
    };
    Ok(change.into_iter().collect())
}

fn edited() -> Problem {
    Problem::new(format!("{DROP_IN} was edited, and stays as it is"))
        .hint("write AuthenticationMethods into it, and leave --keys out")
}

fn includes_drop_ins(config: &str) -> bool {
    let all = [
        format!("{FOLDER}/*.conf"),
        format!("{FOLDER}/*"),
        "sshd_config.d/*.conf".to_owned(),
    ];
    // Behind a Match, it is for some alone.
    let mut global = settings(config).take_while(|(key, _)| key != "match");
    global.any(|(key, places)| {
        key == "include"
            && places
                .iter()
                .any(|place| all.iter().any(|all| place == all))
    })
}

/// Whether sshd takes its configuration, and means what is needed.
pub fn test(root: &Root) -> Done {
    if !root.is_live() {
        return Ok(());
    }
    let settings = program::run("sshd", &["-T"])?;
    for needed in NEEDED {
        if !settings.lines().any(|line| line == needed) {
            let key = needed.split(' ').next().unwrap_or_default();
            return Err(
                Problem::new(format!("sshd does not take \"{needed}\" from {DROP_IN}")).hint(
                    format!("the first value wins: see `grep -ri {key} /etc/ssh`"),
                ),
            );
        }
    }
    Ok(())
}

/// Has the running sshd read its configuration again; connections that are open stay. Whether one runs.
pub fn reload(root: &Root) -> bool {
    if !root.is_live() {
        return true;
    }
    if root.exists("/run/systemd/system") {
        let mut units = ["ssh", "sshd"].into_iter();
        if units.any(|unit| program::run("systemctl", &["reload", unit]).is_ok()) {
            return true;
        }
    }
    let pid = root.read(PID).ok().flatten();
    let pid = pid.filter(|pid| is_sshd(root, pid.trim()));
    pid.is_some_and(|pid| program::run("sh", &["-c", "kill -HUP \"$1\"", "sh", pid.trim()]).is_ok())
}

/// A number that was left in a file may be another program's by now.
fn is_sshd(root: &Root, pid: &str) -> bool {
    let name = root.read(&format!("/proc/{pid}/comm")).ok().flatten();
    name.is_some_and(|name| name.trim() == "sshd")
}

//! sshd: the settings without which it never asks PAM, or only in a way that no user can answer.
#![forbid(unsafe_code)]

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::super::block;
use super::super::change::{Change, Kind};
use super::super::scratch::Scratch;
use super::super::undone::{Naming, Undone};
use super::written::Written;
use crate::machine::outside::roots_by_local_password;
use crate::machine::pam::stacks;
use crate::machine::root::Root;
use crate::machine::sshd::config::{Config, settings};
use crate::machine::sshd::effective::{self, Effective, Silence};
use crate::machine::{program, sshd};
use crate::ui::output::{Done, Problem, line};

const CONFIG: &str = "/etc/ssh/sshd_config";
const FOLDER: &str = "/etc/ssh/sshd_config.d";
const DROP_IN: &str = "/etc/ssh/sshd_config.d/10-countersign.conf";
const SHIPPED: &str = include_str!("../../../../../../conf/sshd_config.d/10-countersign.conf");
/// Where its comments about keys begin.
const ABOUT_KEYS: &str = "# A public key alone never asks PAM.";
const PID: &str = "/run/sshd.pid";
const NONE_RUNS: &str = "No sshd was found running: one that does must be restarted.";

/// What sshd(8) must say of itself afterwards (sshd -T).
const NEEDED: [&str; 2] = ["usepam yes", "kbdinteractiveauthentication yes"];
/// And where something was said about keys.
const NEEDED_FOR_KEYS: &str = "passwordauthentication no";

/// What becomes of public keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Keys {
    /// A key alone lets in
    Alone,
    /// Behind a key, the module asks
    Followed,
    /// A security key that a PIN or a fingerprint has unlocked is enough; behind others, the module asks
    Verified,
    /// No key is taken
    Refused,
}

impl Keys {
    pub const ALL: [Keys; 4] = [Keys::Alone, Keys::Followed, Keys::Verified, Keys::Refused];

    /// As the option has it.
    pub fn word(self) -> &'static str {
        match self {
            Keys::Alone => "alone",
            Keys::Followed => "followed",
            Keys::Verified => "verified",
            Keys::Refused => "refused",
        }
    }

    /// The one of this name, if there is one.
    pub fn named(word: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|keys| keys.word() == word)
    }

    /// sshd_config(5), AuthenticationMethods: each list is one way in. A user without a key gets in
    /// by the second. PubkeyAuthOptions is about security keys alone.
    fn setting(self) -> &'static str {
        match self {
            Keys::Alone => "AuthenticationMethods publickey keyboard-interactive:pam\n",
            Keys::Followed => {
                "AuthenticationMethods publickey,keyboard-interactive:pam keyboard-interactive:pam\n"
            }
            Keys::Verified => {
                "AuthenticationMethods publickey,keyboard-interactive:pam keyboard-interactive:pam\nPubkeyAuthOptions verify-required\n"
            }
            Keys::Refused => "AuthenticationMethods keyboard-interactive:pam\n",
        }
    }
}

/// Whether a file is one of its settings.
pub fn has(path: &str) -> bool {
    path == CONFIG || path == DROP_IN
}

/// Whether an administrator has decided what a public key alone is worth.
pub fn says_what_keys_do(root: &Root) -> bool {
    let config = Config::read(root);
    config.settings.contains_key("authenticationmethods")
}

/// A drop-in of ours: what is decided about keys takes the place of the comments about it.
fn drop_in(keys: Option<Keys>) -> String {
    let (settings, comments) = SHIPPED.split_once(ABOUT_KEYS).unwrap_or((SHIPPED, ""));
    match keys {
        Some(keys) => format!("{settings}{}", keys.setting()),
        None => format!("{settings}{ABOUT_KEYS}{comments}"),
    }
}

/// The settings of a drop-in, without comments.
pub fn lines(keys: Option<Keys>) -> Vec<String> {
    let text = drop_in(keys);
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(str::to_owned).collect()
}

/// Whether the file is still what an earlier setup wrote.
fn is_ours(text: &str) -> bool {
    let all = Keys::ALL.into_iter().map(Some).chain([None]);
    all.into_iter().any(|keys| drop_in(keys) == text)
}

/// Whether there is an sshd to be set up.
pub fn is_installed(root: &Root) -> Done {
    if root.exists(CONFIG) {
        Ok(())
    } else {
        Err(Problem::new(format!("{CONFIG}: there is no such file"))
            .hint("install the ssh server first, or leave sshd out of --service"))
    }
}

/// The settings that the service sshd needs. sshd is tested and reloaded even where all of them
/// are there already.
#[derive(Serialize, Deserialize)]
pub struct Sshd {
    /// At most one file.
    pub settings: Vec<Change>,
    /// What sshd must say about keys afterwards.
    pub keys: Option<Keys>,
}

impl Sshd {
    pub fn plan(root: &Root, keys: Option<Keys>) -> Result<Self, Problem> {
        Ok(Self { settings: change(root, keys)?.into_iter().collect(), keys })
    }
}

impl Written for Sshd {
    fn changes(&self) -> Vec<&Change> {
        self.settings.iter().collect()
    }

    fn reload(&self, root: &Root) -> Done {
        test(root, self.keys)?;
        if !reload(root) {
            line(NONE_RUNS);
        }
        Ok(())
    }

    fn outlives_stacks(&self) -> bool {
        true
    }

    /// The stack of sshd needs the settings as long as it names the module.
    fn undo(&self, root: &Root, naming: &Naming<'_>, undone: &mut Undone) {
        undone.put_back_without(root, &self.settings, &naming.in_sshd(root));
        if !reload(root) {
            undone.left.push(NONE_RUNS.to_owned());
        }
        if stacks::naming_in(root, "sshd").is_empty() {
            undone.left.extend(roots_by_local_password(root).into_iter().map(comes_by_ssh));
        }
    }
}

/// `PermitRootLogin yes` was harmless as long as the tenant was asked.
fn comes_by_ssh(name: String) -> String {
    format!(
        "{name} can log in by ssh with its local password: PermitRootLogin of sshd_config(5) is yes, which setup did not write"
    )
}

/// A drop-in, or a block at the top of the configuration where that includes none. A drop-in that
/// is there already stays.
fn change(root: &Root, keys: Option<Keys>) -> Result<Option<Change>, Problem> {
    is_installed(root)?;
    let config = root.read(CONFIG)?.unwrap_or_default();
    Ok(if includes_drop_ins(&config) {
        match (root.read(DROP_IN)?, keys) {
            (None, keys) => Change::new(DROP_IN, Kind::Ours, None, &drop_in(keys)),
            (Some(text), Some(keys)) if is_ours(&text) => {
                Change::new(DROP_IN, Kind::Ours, Some(text), &drop_in(Some(keys)))
            }
            (Some(_), Some(_)) => return Err(edited()),
            (Some(_), None) => None,
        }
    } else {
        let lines = lines(keys).into_iter();
        let lines: String = lines.map(|line| format!("{line}\n")).collect();
        let block = block::made_of(&lines);
        let wired = match block::of(&config) {
            Some(_) if keys.is_none() => config.clone(),
            Some(_) => block::replaced(&config, Some(&block)),
            None => block::inserted(&config, 0, &block),
        };
        Change::new(CONFIG, Kind::Block, Some(config), &wired)
    })
}

fn edited() -> Problem {
    Problem::new(format!("{DROP_IN} was edited, and stays as it is"))
        .hint("write AuthenticationMethods into it, and leave --keys out")
}

fn includes_drop_ins(config: &str) -> bool {
    let all =
        [format!("{FOLDER}/*.conf"), format!("{FOLDER}/*"), "sshd_config.d/*.conf".to_owned()];
    // Behind a Match, it is for some alone.
    let mut global = settings(config).take_while(|(key, _)| key != "match");
    global.any(|(key, places)| {
        let mut places = places.split_ascii_whitespace();
        key == "include" && places.any(|place| all.iter().any(|all| place.trim_matches('"') == all))
    })
}

/// Whether sshd takes its configuration, and means what is needed. One that can't be asked yet is
/// no failure.
pub fn test(root: &Root, keys: Option<Keys>) -> Done {
    if !root.is_live() {
        return Ok(());
    }
    let Some(program) = sshd::program(root) else {
        line("There is no program sshd: its settings are written, and were not tested.");
        return Ok(());
    };
    match asked(&program) {
        Ok(settings) => has_all(&settings, keys),
        Err(Silence::Refuses(said)) => Err(Problem::new(format!("sshd -T: {said}"))),
        Err(silence) => {
            line(format!(
                "sshd can't be asked for its settings, which were not tested: {silence}."
            ));
            Ok(())
        }
    }
}

/// What sshd says, also before its first start: with the folder that its service manager would
/// make, and with a host key that is thrown away.
fn asked(program: &Path) -> Result<Effective, Silence> {
    let said = match effective::ask(program) {
        Err(Silence::NoHostKeys) => with_own_key(program),
        said => said,
    };
    match said {
        Err(Silence::NoFolder(folder)) if make(&folder) => asked(program),
        said => said,
    }
}

fn with_own_key(program: &Path) -> Result<Effective, Silence> {
    let silent = |_| Silence::NoHostKeys;
    let scratch = Scratch::new().map_err(silent)?;
    let key = format!("{}/host_key", scratch.place());
    program::run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", &key]).map_err(silent)?;
    let said = effective::ask_with_key(program, &key);
    if said.is_ok() {
        line("The host has no keys yet, without which sshd does not start: sudo ssh-keygen -A");
    }
    said
}

/// It stays: sshd may have been started in between.
fn make(folder: &Path) -> bool {
    let mut options = DirBuilder::new();
    folder.starts_with("/run") && options.mode(0o755).create(folder).is_ok()
}

fn has_all(settings: &Effective, keys: Option<Keys>) -> Done {
    let missing = needed(keys).into_iter().find(|line| !is_meant(settings, line));
    let Some(line) = missing else { return Ok(()) };
    let key = line.split(' ').next().unwrap_or_default();
    Err(Problem::new(format!("sshd does not take \"{line}\" from {DROP_IN}"))
        .hint(format!("the first value wins: see `grep -ri {key} /etc/ssh`")))
}

/// Lines of `sshd -T`.
fn needed(keys: Option<Keys>) -> Vec<String> {
    let mut needed: Vec<_> = NEEDED.map(str::to_owned).into();
    if let Some(keys) = keys {
        needed.extend(keys.setting().lines().map(str::to_owned));
        needed.push(NEEDED_FOR_KEYS.to_owned());
    }
    needed
}

fn is_meant(settings: &Effective, line: &str) -> bool {
    let (keyword, wanted) = line.split_once(' ').unwrap_or((line, ""));
    let said = settings.get(&keyword.to_ascii_lowercase());
    said.is_some_and(|said| said.eq_ignore_ascii_case(wanted))
}

/// Has the running sshd read its configuration again; connections that are open stay. Whether one
/// runs.
fn reload(root: &Root) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "usepam yes\nkbdinteractiveauthentication yes\npasswordauthentication no\n\
        authenticationmethods publickey,keyboard-interactive:pam keyboard-interactive:pam\n";

    fn missing(settings: &str, keys: Option<Keys>) -> Option<String> {
        let settings = Effective::parse(settings);
        let mut needed = needed(keys).into_iter();
        needed.find(|line| !is_meant(&settings, line))
    }

    #[test]
    fn what_was_said_of_keys_must_be_what_sshd_says_too() {
        let other = SAID.replace("publickey,keyboard", "publickey keyboard");
        let password = SAID.replace("passwordauthentication no", "passwordauthentication yes");
        let asked =
            "AuthenticationMethods publickey,keyboard-interactive:pam keyboard-interactive:pam";
        let followed = Some(Keys::Followed);
        assert_eq!(missing(SAID, followed), None);
        assert_eq!(missing(&other, followed).as_deref(), Some(asked));
        assert_eq!(missing(&password, followed).as_deref(), Some(NEEDED_FOR_KEYS));
        let unlocked = format!("{SAID}pubkeyauthoptions touch-required verify-required\n");
        let unasked = missing(SAID, Some(Keys::Verified));
        assert_eq!(unasked.as_deref(), Some("PubkeyAuthOptions verify-required"));
        let both = missing(&unlocked, Some(Keys::Verified));
        assert_eq!(both.as_deref(), Some("PubkeyAuthOptions verify-required"));
        let unlocked = unlocked.replace("touch-required ", "");
        assert_eq!(missing(&unlocked, Some(Keys::Verified)), None);
        for settings in [SAID, &other, &password] {
            assert_eq!(missing(settings, None), None);
        }
    }
}

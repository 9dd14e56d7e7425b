//! `countersign policy`, as it is typed, against a simulated tenant: exact output, exit code, and
//! what the tenant has then.

mod change;
mod faults;
mod read;
mod who;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use crate::rig::Rig;
use crate::support::terminal::{Seen, Terminal};
use simulator::{Spelling, What};

const SCENARIO: &str = r#"
[[user]]
name = "admin@example.com"
password = "correct horse"
challenges = [["UP"], ["OATH"]]
oath_code = "287082"
admin = true
[[user]]
name = "bob@example.com"
password = "battery staple"
challenges = [["UP"]]
[[client]]
id = "machine@example.com"
secret = "s3cret words"
app = "adm"
scopes = ["policies"]
[[policy_set]]
path = "/Policy/Linux"
link = "Role"
roles = ["System Administrator"]
[[policy_set]]
path = "/Policy/Off"
link = "Inactive"
"#;

/// A tenant, and an administrator's machine.
struct World {
    rig: Rig,
}

impl World {
    fn new() -> World {
        World::of(SCENARIO)
    }

    fn of(scenario: &str) -> World {
        let world = World { rig: Rig::new(scenario) };
        world.write("secret", "s3cret words\n", 0o600);
        let folder = world.rig.folder.path().display().to_string();
        world.rig.configure(&format!(
            "[admin]\napp = \"adm\"\nclient_id = \"machine@example.com\"\nclient_secret_file = \"{folder}/secret\"\n\
             scope = \"policies\""
        ));
        world
    }

    fn write(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.rig.folder.write(name, text);
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path
    }

    /// The next call of this path is answered with this, whatever it asks for.
    fn answers_once(&self, path: &str, json: &serde_json::Value) {
        let json = json.clone();
        let fault = What::Body { json }.once().on_path(path);
        self.rig.simulator.fault(fault);
    }

    /// `'...'` holds words together.
    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command
            .current_dir(self.rig.folder.path())
            .arg("--config")
            .arg(self.rig.config())
            .arg("policy");
        for (at, part) in arguments.split('\'').enumerate() {
            match at % 2 {
                0 => command.args(part.split_whitespace()),
                _ => command.arg(part),
            };
        }
        command
    }

    fn harmless(&self, bytes: &[u8]) -> String {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let text = text.replace(self.rig.folder.path().to_str().unwrap(), "DIR");
        let text = text.replace(&self.rig.simulator.url(), "TENANT");
        for secret in ["s3cret words", "correct horse", "eyJ"] {
            assert!(!text.contains(secret), "{text}");
        }
        // The name of what is kept.
        match text.split_once("/kept/policy-") {
            Some((before, after)) => {
                let (_, rest) = after.split_once(".json").unwrap();
                format!("{before}/kept/FILE{rest}")
            }
            None => text,
        }
    }

    /// Standard output, standard error and exit code.
    fn run(&self, arguments: &str) -> (String, String, i32) {
        let output = self.command(arguments).output().unwrap();
        (
            self.harmless(&output.stdout),
            self.harmless(&output.stderr),
            output.status.code().unwrap(),
        )
    }

    #[track_caller]
    fn prints(&self, arguments: &str, expected: &str) {
        let all = (expected.to_owned(), String::new(), 0);
        assert_eq!(self.run(arguments), all, "{arguments}");
    }

    #[track_caller]
    fn fails(&self, arguments: &str, expected: &str) {
        let all = (String::new(), expected.to_owned(), 1);
        assert_eq!(self.run(arguments), all, "{arguments}");
    }

    /// Makes the challenge policy test1, and says where the file with what was there before is.
    #[track_caller]
    fn make_test1(&self) -> String {
        let (out, err, code) =
            self.run("create test1 --profile 'second factor only' --yes --backup-folder kept");
        assert_eq!((err.as_str(), code), ("", 0), "{out}");
        self.kept().pop().unwrap()
    }

    /// The files with what was replaced.
    fn kept(&self) -> Vec<String> {
        let folder = self.rig.folder.path().join("kept");
        let Ok(entries) = fs::read_dir(folder) else {
            return Vec::new();
        };
        let name =
            |entry: std::io::Result<fs::DirEntry>| entry.unwrap().path().display().to_string();
        entries.map(name).collect()
    }

    /// The last parts of the paths that the tenant was asked under.
    fn asked(&self) -> Vec<String> {
        let requests = self.rig.simulator.requests();
        let name = |path: &str| path.rsplit('/').next().unwrap().to_owned();
        requests.iter().map(|one| name(&one.path)).collect()
    }

    /// How often a path was asked for.
    fn count(&self, name: &str) -> usize {
        self.asked().iter().filter(|asked| *asked == name).count()
    }
}

fn status(code: u16) -> What {
    What::Status { code, retry_after: None, body: None }
}

//! What a login needs around it: a folder that is safe, a simulator, a configuration, and the log's
//! other end.

pub mod person;

use std::fs::{self, Permissions};
use std::net::Shutdown;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use simulator::Simulator;

/// Alice's code is always this; her password too.
pub const CODE: &str = "287082";
pub const PASSWORD: &str = "correct horse";

/// Alice has a password, and everything that a terminal can take as a second factor.
pub const ALICE: &str = r#"
[tenant]
id = "ABC1234"
[[user]]
name = "alice@example.com"
password = "correct horse"
challenges = [["UP"], ["OATH"]]
oath_code = "287082"
code = "424242"
radius_code = "radius-77"
questions = [{ text = "First pet?", answer = "Rex" }]
phone = "1234"
"#;

/// A folder that only its owner can enter, below /tmp, whose sticky bit keeps others from replacing
/// it.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = format!("/tmp/countersign-test-{}-{number}", std::process::id());
        fs::DirBuilder::new().mode(0o700).create(&path).unwrap();
        Folder(path.into())
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file that only its owner can write.
    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A tenant and a machine that is set up for it.
pub struct Rig {
    pub simulator: Simulator,
    pub folder: Folder,
    log: Mutex<Receiver<String>>,
    /// The log's other end, which holds a few lines only: a thread takes them away.
    socket: UnixDatagram,
}

impl Drop for Rig {
    fn drop(&mut self) {
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

impl Rig {
    pub fn new(scenario: &str) -> Self {
        Self::with(scenario, "")
    }

    /// `more` is added to the configuration.
    pub fn with(scenario: &str, more: &str) -> Self {
        let simulator = Simulator::start(scenario);
        let folder = Folder::new();
        folder.write("ca.pem", simulator.ca_pem());
        let socket = UnixDatagram::bind(folder.path().join("log")).unwrap();
        let log = Mutex::new(lines_of(socket.try_clone().unwrap()));
        let rig = Rig { simulator, folder, log, socket };
        rig.configure(more);
        rig
    }

    /// Writes the configuration anew. In `more`, `[login]`, `[tenant]` and `[users]` may go on:
    /// their keys come last.
    pub fn configure(&self, more: &str) {
        let dir = self.folder.path().display();
        let url = self.simulator.url();
        let user = user();
        let mut tables = [
            ("[tenant]", format!("url = \"{url}\"\nca_file = \"{dir}/ca.pem\"\n")),
            ("[login]", "failure_delay = \"0s\"\n".to_owned()),
            ("[users]", format!("names = {{ {user} = \"alice@example.com\" }}\n")),
            ("[log]", format!("socket = \"{dir}/log\"\n")),
            ("[state]", format!("folder = \"{dir}/state\"\n")),
        ];
        let mut rest = String::new();
        for part in more.split("\n\n") {
            let (head, body) = part.trim().split_once('\n').unwrap_or((part.trim(), ""));
            match tables.iter_mut().find(|(name, _)| *name == head) {
                Some((_, keys)) => keys.push_str(&format!("{body}\n")),
                None => rest.push_str(&format!("{head}\n{body}\n")),
            }
        }
        let tables: String = tables.iter().map(|(name, keys)| format!("{name}\n{keys}")).collect();
        self.folder.write("countersign.toml", &format!("{tables}{rest}"));
    }

    pub fn config(&self) -> PathBuf {
        self.folder.path().join("countersign.toml")
    }

    /// The next line of the log, without time and process.
    pub fn line(&self) -> String {
        let line = self.log.lock().unwrap().recv_timeout(Duration::from_secs(30));
        let line = line.expect("a line in the log");
        line[line.find("pam_countersign(").expect("our prefix")..].to_owned()
    }

    /// The audit line; what comes before it is dropped.
    pub fn audit(&self) -> Audit {
        loop {
            let line = self.line();
            if let Some((_, fields)) = line.split_once("): login ") {
                return Audit(fields.to_owned());
            }
        }
    }

    /// The lines of one login, up to its audit line.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![self.line()];
        while !lines.last().unwrap().contains("): login ") {
            lines.push(self.line());
        }
        lines
    }

    /// Which actions the tenant was asked for, in order.
    pub fn actions(&self) -> Vec<String> {
        self.simulator.requests().iter().map(action).collect()
    }
}

/// Everything that is written to a socket, until it is shut down.
fn lines_of(socket: UnixDatagram) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    let read = move || {
        let mut buffer = [0; 8192];
        while let Ok(length @ 1..) = socket.recv(&mut buffer) {
            let line = String::from_utf8(buffer[..length].to_vec()).unwrap();
            if sender.send(line).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().spawn(read).unwrap();
    receiver
}

/// The audit line of one login.
pub struct Audit(pub String);

impl Audit {
    /// The value of a field, escaped as it is.
    pub fn field(&self, key: &str) -> &str {
        let start = self.0.find(&format!("{key}=\"")).expect(key) + key.len() + 2;
        let rest = &self.0[start..];
        &rest[..rest.find('"').unwrap()]
    }

    pub fn assert(&self, fields: &[(&str, &str)]) {
        for (key, value) in fields {
            assert_eq!(self.field(key), *value, "{key} in {}", self.0);
        }
    }
}

/// `Start`, `Answer`, `Answer+StartOOB`, `Poll`, `Cleanup`, ...
fn action(request: &simulator::Logged) -> String {
    let body = &request.body;
    if let Some(several) = body["MultipleOperations"].as_array() {
        let names: Vec<_> = several.iter().filter_map(|o| o["Action"].as_str()).collect();
        return names.join("+");
    }
    let name = request.path.rsplit('/').next().unwrap_or_default();
    match body["Action"].as_str() {
        Some(action) => action.to_owned(),
        None => name.trim_end_matches("Authentication").to_owned(),
    }
}

/// The local user who runs the tests.
pub fn user() -> String {
    let output = std::process::Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The module as cargo has just built it.
pub fn module() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let folder = program.parent().unwrap();
    let here = folder.join("libpam_countersign.so");
    if here.exists() { here } else { folder.parent().unwrap().join("libpam_countersign.so") }
}

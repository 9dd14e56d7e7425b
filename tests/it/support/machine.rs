//! A machine with a configuration of its own, and the command on it.

use std::fs::{self, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use countersign::local::State;

/// A machine with a configuration and nothing remembered yet.
pub struct Machine(pub PathBuf);

impl Machine {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = format!("/tmp/countersign-command-{}-{number}", std::process::id());
        fs::DirBuilder::new().mode(0o700).create(&path).unwrap();
        let machine = Self(path.into());
        let state = machine.0.join("state");
        machine.configure(&format!(
            "[tenant]\nurl = \"https://tenant.example\"\n[state]\nfolder = \"{}\"\n",
            state.display()
        ));
        machine
    }

    pub fn configure(&self, text: &str) {
        let path = self.0.join("countersign.toml");
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
    }

    pub fn state(&self) -> State {
        State::open(&self.0.join("state")).unwrap()
    }

    /// Standard output, standard error and exit code. The folder is written as DIR, seconds as N.
    pub fn run(&self, arguments: &[&str]) -> (String, String, i32) {
        let config = self.0.join("countersign.toml");
        let output = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .arg("--config")
            .arg(config)
            .args(arguments)
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).unwrap();
            let text = text.replace(self.0.to_str().unwrap(), "DIR");
            // A login takes no second here, but a busy machine may be late.
            text.replace(" 1 s", " 0 s").replace("9 min 59 s", "10 min")
        };
        (text(output.stdout), text(output.stderr), output.status.code().unwrap())
    }

    /// Expects a success that prints this.
    #[track_caller]
    pub fn prints(&self, arguments: &[&str], expected: &str) {
        let all = (expected.to_owned(), String::new(), 0);
        assert_eq!(self.run(arguments), all, "{arguments:?}");
    }

    /// Expects a failure that says this.
    #[track_caller]
    pub fn fails(&self, arguments: &[&str], expected: &str, code: i32) {
        let all = (String::new(), expected.to_owned(), code);
        assert_eq!(self.run(arguments), all, "{arguments:?}");
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

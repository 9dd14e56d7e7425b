//! `make install` and `make uninstall` of a tree that was built elsewhere, on a system without a
//! compiler.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// What every system has (coreutils, grep, make): no compiler and nothing of dpkg-dev.
const PROGRAMS: [&str; 10] =
    ["chmod", "grep", "install", "make", "mkdir", "mv", "od", "rm", "sh", "test"];
const BUILT: [&str; 6] = [
    "libpam_countersign.so",
    "countersign",
    "countersignd",
    "completions/bash",
    "completions/zsh",
    "completions/fish",
];

/// A tree that was built, a system to install it on, and a folder with the programs of that system.
struct Rig(PathBuf);

impl Rig {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = format!("/tmp/countersign-install-{}-{number}", std::process::id());
        fs::DirBuilder::new().mode(0o700).create(&path).unwrap();
        let rig = Self(path.into());
        fs::create_dir(rig.0.join("bin")).unwrap();
        for name in PROGRAMS {
            let places = ["/usr/bin", "/bin"].map(|folder| Path::new(folder).join(name));
            let place = places.iter().find(|place| place.exists()).expect(name);
            symlink(place, rig.0.join("bin").join(name)).unwrap();
        }
        for file in BUILT {
            rig.write(&format!("target/release/{file}"), file);
        }
        rig
    }

    fn write(&self, path: &str, text: &str) {
        let place = self.0.join(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, text).unwrap();
    }

    /// Standard error and whether it succeeded.
    fn make(&self, target: &str) -> (String, bool) {
        let output = Command::new("/usr/bin/make")
            .arg(target)
            .arg(format!("DESTDIR={}/system", self.0.display()))
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
            .env_clear()
            .env("PATH", self.0.join("bin"))
            .env("CARGO_TARGET_DIR", self.0.join("target"))
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        let said = said.replace(self.0.to_str().unwrap(), "RIG");
        (said, output.status.success())
    }

    /// The modules that the system has, by the folder that they are in.
    fn modules(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        collect(&self.0.join("system"), &mut found);
        let root = self.0.join("system");
        let paths = found.iter().map(|path| Path::new("/").join(path.strip_prefix(&root).unwrap()));
        paths.filter(|path| path.ends_with("pam_countersign.so")).collect()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}

#[test]
fn a_tree_that_was_built_elsewhere_is_installed_without_a_compiler() {
    let rig = Rig::new();
    let (said, done) = rig.make("install");
    assert!(done, "{said}");
    let modules = rig.modules();
    let [module] = modules.as_slice() else {
        panic!("{modules:?}");
    };
    assert!(module.with_file_name("pam_unix.so").exists(), "{module:?}");
    assert!(rig.0.join("system/usr/sbin/countersign").exists());
}

#[test]
fn a_tree_that_was_not_built_is_told_to_be() {
    let rig = Rig::new();
    fs::remove_file(rig.0.join("target/release/countersign")).unwrap();
    let (said, done) = rig.make("install");
    let expected =
        "RIG/target/release/countersign is missing: run `make` first, as an ordinary user\n";
    assert!(said.starts_with(expected) && !done, "{said}");
    assert!(!rig.0.join("system").exists());
}

#[test]
fn as_long_as_a_stack_anywhere_names_the_module_it_stays() {
    let rig = Rig::new();
    assert!(rig.make("install").1);
    for folder in ["etc/pam.d", "usr/lib/pam.d", "usr/etc/pam.d"] {
        let stack = format!("system/{folder}/sudo");
        rig.write(&stack, "auth required pam_countersign.so\n");
        let (said, done) = rig.make("uninstall");
        assert!(!done && said.contains(&format!("RIG/{stack}")), "{said}");
        assert!(said.contains("countersign unsetup"), "{said}");
        assert_eq!(rig.modules().len(), 1);
        rig.write(&stack, "# auth required pam_countersign.so\n");
    }
    assert!(rig.make("uninstall").1);
    assert!(rig.modules().is_empty());
}

//! What packages run when they are installed and removed, on the image of a system.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

const STACK: &str = "/etc/pam.d/sshd";
const ALONE: &str = "auth required pam_unix.so\n";
const ASKED: &str = "auth required pam_countersign.so\n";
/// What purge removes.
const FOLDERS: [&str; 3] = ["/etc/countersign", "/var/lib/countersign", "/run/countersign"];

fn packaging() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging")
}

/// The image of a system on which the package is installed, below a folder of its own.
struct Image(PathBuf);

impl Image {
    fn new(stack: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = format!("/tmp/countersign-packaging-{}-{number}", std::process::id());
        fs::DirBuilder::new().mode(0o700).create(&path).unwrap();
        let image = Self(path.into());
        image.write(STACK, stack);
        for folder in FOLDERS {
            image.write(&format!("{folder}/secret"), "");
        }
        let command = image.at("/usr/sbin/countersign");
        fs::create_dir_all(command.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_countersign"), command).unwrap();
        image
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.join(path.trim_start_matches('/'))
    }

    fn write(&self, path: &str, text: &str) {
        let place = self.at(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, text).unwrap();
    }

    /// A script of the package as dpkg runs it for another root: what it said, and its status.
    fn runs(&self, script: &str, action: &str) -> (String, Option<i32>) {
        let mut command = Command::new("/bin/sh");
        command.arg(packaging().join("deb").join(script)).arg(action);
        let done = command.env("DPKG_ROOT", &self.0).output().unwrap();
        (String::from_utf8(done.stderr).unwrap(), done.status.code())
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn the_module_does_not_go_before_the_lines_that_name_it() {
    let image = Image::new(ASKED);
    let (said, status) = image.runs("prerm", "remove");
    assert!(said.contains("without it: /etc/pam.d/sshd (nothing was changed)"), "{said}");
    assert_eq!(status, Some(1));
    assert_eq!(image.runs("prerm", "upgrade"), (String::new(), Some(0)));
    image.write(STACK, ALONE);
    assert_eq!(image.runs("prerm", "remove"), (String::new(), Some(0)));
}

#[test]
fn without_a_command_that_could_run_the_stacks_are_looked_at_all_the_same() {
    let image = Image::new(ASKED);
    fs::remove_file(image.at("/usr/sbin/countersign")).unwrap();
    let (said, status) = image.runs("prerm", "remove");
    assert!(said.contains("countersign: these stacks name the module"), "{said}");
    assert_eq!(status, Some(1));
    image.write(STACK, ALONE);
    assert_eq!(image.runs("prerm", "remove").1, Some(0));
}

#[test]
fn a_purge_alone_removes_secrets_and_state() {
    let image = Image::new(ALONE);
    for action in ["remove", "upgrade", "disappear"] {
        assert_eq!(image.runs("postrm", action), (String::new(), Some(0)));
        assert!(FOLDERS.iter().all(|folder| image.at(folder).exists()), "{action}");
    }
    assert_eq!(image.runs("postrm", "purge"), (String::new(), Some(0)));
    assert!(FOLDERS.iter().all(|folder| !image.at(folder).exists()));
}

#[test]
fn both_families_run_the_same_before_the_module_goes() {
    for script in ["deb/prerm", "rpm/preun"] {
        let text = fs::read_to_string(packaging().join(script)).unwrap();
        assert!(
            text.contains("/usr/sbin/countersign\" unsetup --for-removal")
                || text.contains("/usr/sbin/countersign unsetup --for-removal"),
            "{script}"
        );
    }
}

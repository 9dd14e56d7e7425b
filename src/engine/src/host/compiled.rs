//! The compiled form of a long configuration, beside what else is gone at boot: a login then walks
//! over the rules and names and parses none of them.
//!
//! It holds the text that it was made of, and is believed where the configuration is that text,
//! byte for byte. Device, inode, length and times of a file would not tell: a second image of
//! `/etc` with fixed times has all of them (squashfs), and a store through a mapping changes none.
//! What can't be read, or is not as this build would have left it, counts as missing, and what
//! can't be written stays so: then the text is parsed.
#![forbid(unsafe_code)]

use std::path::Path;

use crate::local::fingerprint;
use crate::os::{Folder, Opened, Trusted};
use crate::policy::{self, Bytes, Policy};

/// Where it is, for root and for the broker.
const FOLDER: &str = "/run/countersign/state";
/// A shorter text is parsed, in bytes: that costs less than the rest of a login.
const SHORT: u64 = 1024;
/// No compiled form is longer, in bytes: it takes at most three and a half times the room of a text.
const LONGEST: u64 = 1024 * 1024;
/// What stands first. Another build may understand a text otherwise, so it makes its own.
const BUILD: &str = concat!(
    "countersign configuration 2 ",
    env!("CARGO_PKG_VERSION"),
    " ",
    env!("COUNTERSIGN_POLICY"),
    "\n"
);
/// Bytes of the sum, and of the fingerprint of the text.
const SUM: usize = 16;
const FINGERPRINT: usize = 32;

/// The text of the configuration, as far as it is known.
pub(super) enum Configuration {
    /// All of it.
    Read(Vec<u8>),
    /// Its fingerprint alone.
    Compiled(String),
}

impl Configuration {
    pub(super) fn fingerprint(&self) -> String {
        match self {
            Configuration::Read(text) => fingerprint(text),
            Configuration::Compiled(fingerprint) => fingerprint.clone(),
        }
    }
}

/// The place of the compiled form of one configuration.
pub(super) struct Compiled<'a> {
    folder: &'a Path,
    trusted: &'a Trusted,
    name: String,
}

impl<'a> Compiled<'a> {
    /// Names the place for an open configuration. `None` for one that is short.
    pub(super) fn of(path: &Path, file: &Opened, trusted: &'a Trusted) -> Option<Self> {
        let is_worth_it = file.length() >= SHORT;
        is_worth_it.then(|| Self::within(Path::new(FOLDER), path, trusted))
    }

    fn within(folder: &'a Path, path: &Path, trusted: &'a Trusted) -> Self {
        let name = fingerprint(path.as_os_str().as_encoded_bytes());
        Self { folder, trusted, name: format!("configuration-{name}") }
    }

    /// Loads the policy, if it was compiled of what the open configuration says.
    pub(super) fn load(&self, file: &Opened) -> Option<(Policy, Configuration)> {
        let folder = Folder::find(self.trusted, self.folder).ok()??;
        let bytes = Bytes::from(folder.view(&self.name, LONGEST).ok()??);
        let body = bytes.all().strip_prefix(BUILD.as_bytes())?;
        let (text, body) = body.split_at_checked(usize::try_from(file.length()).ok()?)?;
        let (sum, body) = body.split_first_chunk::<SUM>()?;
        if sum != &sum_of(body) || !file.holds(text) {
            return None;
        }
        let (fingerprint, body) = body.split_at_checked(FINGERPRINT)?;
        let fingerprint = std::str::from_utf8(fingerprint).ok()?.to_owned();
        let policy = policy::load(&bytes, bytes.all().len() - body.len())?;
        Some((policy, Configuration::Compiled(fingerprint)))
    }

    /// Keeps the policy of this text for the logins to come, where that is possible.
    pub(super) fn keep(&self, policy: &Policy, text: &[u8]) {
        if let Some(bytes) = whole(policy, text)
            && let Ok(folder) = Folder::open_knowing(self.trusted, self.folder)
        {
            let _ = folder.put(&self.name, &bytes);
        }
    }
}

/// The whole file. The text is its own check; the sum is that of what follows.
fn whole(policy: &Policy, text: &[u8]) -> Option<Vec<u8>> {
    let mut body = fingerprint(text).into_bytes();
    body.extend_from_slice(&policy::compile(policy, text)?);
    let file = [BUILD.as_bytes(), text, &sum_of(&body), &body].concat();
    (file.len() as u64 <= LONGEST).then_some(file)
}

/// The sum of all words and of their number, which shows damage.
fn sum_of(bytes: &[u8]) -> [u8; SUM] {
    let (words, rest) = bytes.as_chunks();
    let mut last = [0; SUM];
    last.iter_mut().zip(rest).for_each(|(into, byte)| *into = *byte);
    let begun = u128::from_le_bytes(last).wrapping_add(bytes.len() as u128);
    let words = words.iter().map(|word| u128::from_le_bytes(*word));
    words.fold(begun, u128::wrapping_add).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::PathBuf;

    use super::*;
    use crate::os::Secrecy;

    const TEXT: &str = "[tenant]\nurl = 'https://tenant.example'\n[[exempt]]\nusers = ['a']\n[users.names]\nb = 'c'\n";

    /// A configuration and a folder for its compiled form.
    struct Machine(PathBuf);

    impl Machine {
        fn new(name: &str) -> Self {
            let place = format!("/tmp/countersign-compiled-{name}-{}", std::process::id());
            let machine = Self(PathBuf::from(place));
            fs::create_dir(&machine.0).unwrap();
            machine.write(TEXT);
            machine
        }

        fn configuration(&self) -> PathBuf {
            self.0.join("countersign.toml")
        }

        fn folder(&self) -> PathBuf {
            self.0.join("run")
        }

        fn write(&self, text: &str) {
            fs::write(self.configuration(), text).unwrap();
            fs::set_permissions(self.configuration(), Permissions::from_mode(0o644)).unwrap();
        }

        fn with<R>(&self, f: impl FnOnce(&Compiled<'_>, &Opened) -> R) -> R {
            let (trusted, path) = (Trusted::default(), self.configuration());
            let file = trusted.open(&path, Secrecy::Public, policy::LONGEST).unwrap();
            f(&Compiled::within(&self.folder(), &path, &trusted), &file)
        }

        fn policy(&self) -> Policy {
            policy::parse(&fs::read(self.configuration()).unwrap()).unwrap()
        }

        fn keep(&self) -> PathBuf {
            let text = fs::read(self.configuration()).unwrap();
            self.with(|compiled, _| compiled.keep(&self.policy(), &text));
            self.with(|compiled, _| self.folder().join(&compiled.name))
        }

        fn load(&self) -> Option<(Policy, String)> {
            let loaded = self.with(|compiled, file| compiled.load(file));
            loaded.map(|(policy, configuration)| (policy, configuration.fingerprint()))
        }
    }

    impl Drop for Machine {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_policy_that_was_kept_is_loaded_with_the_fingerprint_of_its_text() {
        let machine = Machine::new("kept");
        assert_eq!(machine.load(), None);
        let file = machine.keep();
        let expected = (machine.policy(), fingerprint(TEXT.as_bytes()));
        assert_eq!(machine.load(), Some(expected));
        let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode(machine.folder()), mode(file)), (0o700, 0o600));
        machine.write(&TEXT.replace("'a'", "'x'"));
        machine.keep();
        assert_eq!(machine.load().unwrap().0, machine.policy());
        assert_eq!(fs::read_dir(machine.folder()).unwrap().count(), 1);
    }

    #[test]
    fn a_configuration_is_believed_by_its_text() {
        let machine = Machine::new("changed");
        machine.keep();
        machine.write(&TEXT.replace("'a'", "'x'"));
        assert_eq!(machine.load(), None, "the same length");
        machine.write(TEXT);
        assert_eq!(machine.load().unwrap().0, machine.policy(), "the old text again");
        for other in [&format!("{TEXT}#"), &TEXT[..TEXT.len() - 1], "", &"#".repeat(70_000)] {
            machine.write(other);
            assert_eq!(machine.load(), None, "{other}");
        }
    }

    /// What is compared piece by piece.
    #[test]
    fn a_configuration_of_many_pieces_is_compared_to_its_end() {
        let machine = Machine::new("pieces");
        let long = format!("{TEXT}{}", "#-\n".repeat(50_000));
        machine.write(&long);
        machine.keep();
        assert_eq!(machine.load().unwrap().0, machine.policy());
        for at in [TEXT.len(), 8_191, 8_192, 65_536, long.len() - 2] {
            let mut other = long.clone().into_bytes();
            other[at] ^= b'#' ^ b'!';
            fs::write(machine.configuration(), other).unwrap();
            assert_eq!(machine.load(), None, "changed at {at}");
        }
    }

    /// A caller can stop a login in front of any system call, and root can change the file then.
    #[test]
    fn what_was_kept_of_an_old_text_is_not_believed_of_the_new_one() {
        let machine = Machine::new("stopped");
        machine.with(|compiled, file| {
            let old = (machine.policy(), fs::read(machine.configuration()).unwrap());
            machine.write(&TEXT.replace("'a'", "'x'"));
            compiled.keep(&old.0, &old.1);
            assert!(compiled.load(file).is_none());
        });
        assert_eq!(machine.load(), None);
    }

    /// Each is as if nothing were there, and is replaced.
    #[test]
    fn a_file_that_is_not_as_this_build_would_have_left_it_is_not_believed() {
        let machine = Machine::new("odd");
        let file = machine.keep();
        let whole = fs::read(&file).unwrap();
        let put = |bytes: &[u8]| {
            let _ = fs::remove_file(&file);
            fs::write(&file, bytes).unwrap();
            fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        };
        let other = machine.0.join("other");
        for length in 0..whole.len() {
            put(&whole[..length]);
            assert_eq!(machine.load(), None, "cut at {length}");
        }
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x20;
            put(&damaged);
            assert_eq!(machine.load(), None, "changed at {at}");
        }
        put(&[&whole[..], &[0]].concat());
        assert_eq!(machine.load(), None, "longer");
        put(&whole);
        fs::set_permissions(&file, Permissions::from_mode(0o604)).unwrap();
        assert_eq!(machine.load(), None, "readable for others");
        put(&whole);
        fs::hard_link(&file, &other).unwrap();
        assert_eq!(machine.load(), None, "with two names");
        fs::remove_file(&file).unwrap();
        symlink(&other, &file).unwrap();
        assert_eq!(machine.load(), None, "a link");
        if crate::os::effective_uid() == 0 {
            put(&whole);
            std::os::unix::fs::chown(&file, Some(12345), None).unwrap();
            assert_eq!(machine.load(), None, "another user's");
        }
        machine.keep();
        assert!(machine.load().is_some());
    }

    #[test]
    fn a_folder_that_others_can_enter_is_left_alone() {
        let machine = Machine::new("open");
        machine.keep();
        fs::set_permissions(machine.folder(), Permissions::from_mode(0o755)).unwrap();
        assert_eq!(machine.load(), None);
        fs::remove_file(machine.keep()).unwrap();
        machine.keep();
        assert_eq!(fs::read_dir(machine.folder()).unwrap().count(), 0);
    }

    #[test]
    fn a_short_configuration_has_no_compiled_form() {
        let machine = Machine::new("short");
        let (trusted, path) = (Trusted::default(), machine.configuration());
        let has_place = || {
            let file = trusted.open(&path, Secrecy::Public, policy::LONGEST).unwrap();
            Compiled::of(&path, &file, &trusted).is_some()
        };
        assert!(!has_place());
        machine.write(&format!("{TEXT}#{}\n", "-".repeat(1024)));
        assert!(has_place());
    }
}

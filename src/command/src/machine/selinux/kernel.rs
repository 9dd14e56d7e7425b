//! What the kernel says of SELinux: the domain that a program gets, and what the loaded policy
//! denies a domain.
#![forbid(unsafe_code)]

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::path::Path;

use countersign::os;

use crate::machine::program;

/// The kernel's interface (selinuxfs).
const FOLDER: &str = "/sys/fs/selinux";
/// Of the flags in a reply: the domain is permissive (`SELINUX_AVD_FLAGS_PERMISSIVE`).
const PERMISSIVE: u32 = 1;

/// Where answers come from: the kernel, or a policy that a test made up.
pub trait Source {
    /// A file of selinuxfs.
    fn text(&self, file: &str) -> Option<String>;
    /// The reply to a question that is written to a file of selinuxfs; none where the kernel
    /// refuses it.
    fn ask(&self, file: &str, question: &str) -> Option<String>;
    /// The label of a file, behind links.
    fn label(&self, path: &Path) -> Option<String>;
    /// The context of the first process.
    fn init(&self) -> Option<String>;
}

/// The system that runs.
pub struct Live;

impl Source for Live {
    fn text(&self, file: &str) -> Option<String> {
        std::fs::read_to_string(Path::new(FOLDER).join(file)).ok()
    }

    fn ask(&self, file: &str, question: &str) -> Option<String> {
        let mut options = OpenOptions::new();
        let opened = options.read(true).write(true);
        let mut file = opened.open(Path::new(FOLDER).join(file)).ok()?;
        file.write_all(question.as_bytes()).ok()?;
        // The whole reply comes at the first read.
        let mut reply = vec![0; 4096];
        let length = file.read(&mut reply).ok()?;
        reply.truncate(length);
        String::from_utf8(reply).ok()
    }

    fn label(&self, path: &Path) -> Option<String> {
        program::run("stat", &["-L", "-c", "%C", "--", path.to_str()?]).ok()
    }

    fn init(&self) -> Option<String> {
        os::kernel_file("/proc/1/attr/current").ok()
    }
}

/// A question to the kernel, and its answer in words.
pub struct Kernel<'a>(pub &'a dyn Source);

impl Kernel<'_> {
    /// Whether SELinux enforces its policy; none where it is not enabled.
    pub fn enforces(&self) -> Option<bool> {
        self.0.text("enforce").map(|text| text.trim() == "1")
    }

    /// Whether the loaded policy knows all parts of a context.
    pub fn knows(&self, context: &str) -> bool {
        self.0.ask("context", context).is_some()
    }

    pub fn label(&self, path: &Path) -> Option<String> {
        self.0.label(path).map(|label| trimmed(&label))
    }

    /// The context that a chain of programs ends in, each started by the one before; the first by
    /// init.
    pub fn started(&self, programs: &[&Path]) -> Option<String> {
        let init = trimmed(&self.0.init()?);
        programs.iter().try_fold(init, |context, program| self.starts(&context, program))
    }

    /// The context of a program that a process in another context starts.
    pub fn starts(&self, context: &str, program: &Path) -> Option<String> {
        self.made(context, &self.label(program)?, "process")
    }

    /// The context of a process, folder or file that a process makes from this one, or in it.
    pub fn made(&self, source: &str, target: &str, class: &str) -> Option<String> {
        let class = self.index(class)?;
        let reply = self.0.ask("create", &format!("{source} {target} {class}"))?;
        Some(trimmed(&reply))
    }

    /// The context of one with this name, which a policy may treat on its own. The name must need
    /// no escapes.
    pub fn made_of_name(
        &self,
        source: &str,
        target: &str,
        class: &str,
        name: &str,
    ) -> Option<String> {
        let class = self.index(class)?;
        let reply = self.0.ask("create", &format!("{source} {target} {class} {name}"))?;
        Some(trimmed(&reply))
    }

    /// Which of these permissions the policy denies; none where the kernel does not say.
    pub fn denied<'p>(
        &self,
        source: &str,
        target: &str,
        class: &str,
        permissions: &[&'p str],
    ) -> Option<Vec<&'p str>> {
        let question = format!("{source} {target} {}", self.index(class)?);
        let reply = self.0.ask("access", &question)?;
        let words: Vec<_> = reply.trim_end_matches('\0').split_whitespace().collect();
        let allowed = u32::from_str_radix(words.first()?, 16).ok()?;
        let flags = words.get(5).and_then(|flags| flags.parse::<u32>().ok());
        if flags.unwrap_or(0) & PERMISSIVE != 0 {
            return Some(Vec::new());
        }
        let is_denied = |name: &&&str| {
            let bit = self.number(&format!("class/{class}/perms/{name}"));
            // A permission that the policy does not know can't be denied by name.
            bit.is_some_and(|bit| allowed.checked_shr(bit - 1).unwrap_or(0) & 1 == 0)
        };
        Some(permissions.iter().filter(is_denied).copied().collect())
    }

    /// Whether a switch of the policy is on; none where the policy does not have it.
    pub fn boolean(&self, name: &str) -> Option<bool> {
        let text = self.0.text(&format!("booleans/{name}"))?;
        Some(text.trim().starts_with('1'))
    }

    fn index(&self, class: &str) -> Option<u32> {
        self.number(&format!("class/{class}/index"))
    }

    fn number(&self, file: &str) -> Option<u32> {
        let number = self.0.text(file)?.trim().parse().ok()?;
        (number > 0).then_some(number)
    }
}

/// The type, the third part of a context.
pub fn type_of(context: &str) -> &str {
    context.split(':').nth(2).unwrap_or(context)
}

fn trimmed(text: &str) -> String {
    text.trim_matches(['\0', '\n', ' ']).to_owned()
}

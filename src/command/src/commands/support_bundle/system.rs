//! What runs here: versions, the module's file, the settings of sshd that matter, SELinux.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::process::Stdio;

use countersign::local::fingerprint;
use countersign::os;

use crate::machine::pam::modules;
use crate::machine::program;
use crate::machine::root::Root;
use crate::machine::sshd::{self, effective};

const MODULE: &str = "pam_countersign.so";
/// How the module names itself to the tenant, version included.
const AGENT: &[u8] = b"countersign/";
const PACKAGES: [&str; 11] = [
    "libpam0g",
    "libpam-modules",
    "pam",
    "openssh-server",
    "sudo",
    "sudo-rs",
    "libc6",
    "glibc",
    "systemd",
    "authselect",
    "selinux-policy",
];
/// Of sshd's settings, those that decide whether and how PAM is asked.
const SSHD: [&str; 14] = [
    "usepam",
    "pamservicename",
    "kbdinteractiveauthentication",
    "challengeresponseauthentication",
    "passwordauthentication",
    "pubkeyauthentication",
    "authenticationmethods",
    "permitrootlogin",
    "permitemptypasswords",
    "logingracetime",
    "maxauthtries",
    "usedns",
    "maxstartups",
    "loglevel",
];

pub fn versions() -> Vec<String> {
    let mut lines = vec![format!("command: {}", env!("CARGO_PKG_VERSION"))];
    lines.extend(modules(&Root::live()).iter().map(|path| module(path)));
    lines.push(format!("system: {}", system()));
    let kernel = os::kernel_file("/proc/sys/kernel/osrelease").unwrap_or_default();
    lines.push(format!("kernel: {}", kernel.trim()));
    lines.push(format!("libpam: {}", libpam()));
    let asked = [("/usr/bin/getconf", "GNU_LIBC_VERSION"), ("/usr/bin/sudo", "-V")];
    let said = asked.iter().filter_map(|(program, argument)| run(program, &[argument]));
    lines.extend(said.filter_map(|text| text.lines().next().map(str::to_owned)));
    lines.extend(packages());
    lines.push(format!("SELinux: {}", selinux()));
    lines
}

/// Every file that libpam could take for the module; a link to one that is there already is the
/// same.
pub fn modules(root: &Root) -> Vec<PathBuf> {
    let places = modules::folders(root).map(|folder| root.behind_links(&folder.join(MODULE)));
    let mut found: Vec<PathBuf> = Vec::new();
    for path in places.filter(|place| place.exists()) {
        if !found.contains(&path) {
            found.push(path);
        }
    }
    found
}

fn module(path: &Path) -> String {
    let place = path.display();
    match std::fs::read(path) {
        Err(error) => format!("module: {place}: {error}"),
        Ok(bytes) => {
            let (version, sum) = (version(&bytes), fingerprint(&bytes));
            format!("module: {version}, {place}, SHA-256 begins with {sum}")
        }
    }
}

/// What stands behind the name that the module has for the tenant.
fn version(module: &[u8]) -> String {
    let ends = module.windows(AGENT.len()).enumerate();
    let ends = ends.filter_map(|(at, window)| (window == AGENT).then_some(at + AGENT.len()));
    let versions = ends.map(|end| {
        let behind = module.get(end..).unwrap_or_default().iter();
        let version = behind.map(|byte| char::from(*byte)).take(16);
        version.take_while(|c| c.is_ascii_digit() || *c == '.').collect::<String>()
    });
    let mut numbers = versions.filter(|version| version.starts_with(|c: char| c.is_ascii_digit()));
    numbers.next().unwrap_or_else(|| "of a version that it does not tell".to_owned())
}

fn system() -> String {
    let text = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let mut names = text.lines().filter_map(|line| line.strip_prefix("PRETTY_NAME="));
    names.next().unwrap_or("not known").trim_matches('"').to_owned()
}

/// The file of the one that runs here: its name ends with the version of its interface.
fn libpam() -> String {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let mut files = maps.lines().filter_map(|line| line.split_whitespace().nth(5));
    let file = files.find(|file| file.contains("/libpam.so"));
    file.unwrap_or("not known").to_owned()
}

fn packages() -> Vec<String> {
    let debian = ["-W", "-f", "${binary:Package} ${Version}\\n"];
    let debian = run("/usr/bin/dpkg-query", &[&debian[..], &PACKAGES].concat());
    let installed = debian.or_else(|| run("/usr/bin/rpm", &[&["-q"][..], &PACKAGES].concat()));
    let installed = installed.unwrap_or_default();
    // One that is not installed has no version, or a sentence.
    let lines = installed.lines().filter(|line| !line.ends_with(' '));
    lines
        .filter(|line| line.split_whitespace().count() <= 2)
        .map(|line| format!("package: {line}"))
        .collect()
}

fn selinux() -> &'static str {
    match os::kernel_file("/sys/fs/selinux/enforce").as_deref().map(str::trim) {
        Ok("1") => "enforcing",
        Ok(_) => "permissive",
        Err(_) => "none",
    }
}

/// What sshd says of itself, which needs root; a host with `Match` blocks may differ for some.
pub fn sshd() -> Vec<String> {
    let program = sshd::program(&Root::live());
    let Some(Ok(effective)) = program.map(|program| effective::ask(&program)) else {
        return vec!["sshd -T says nothing".to_owned()];
    };
    let lines = SSHD.iter().filter_map(|key| Some(format!("{key} {}", effective.get(key)?)));
    lines.collect()
}

/// What a program prints, however it ends. `None` if there is no such program, or it prints
/// nothing.
pub fn run(name: &str, arguments: &[&str]) -> Option<String> {
    let mut command = program::command(name, arguments);
    let output = command.stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{Root, modules, version};

    #[test]
    fn the_module_is_found_whatever_the_machine_is() {
        let image = format!("/tmp/countersign-modules-{}", std::process::id());
        let image = Path::new(&image);
        for folder in ["usr/lib/riscv64-linux-gnu/security", "usr/lib64/security"] {
            fs::create_dir_all(image.join(folder)).unwrap();
            fs::write(image.join(folder).join("pam_countersign.so"), "").unwrap();
        }
        std::os::unix::fs::symlink("usr/lib", image.join("lib")).unwrap();
        let found = modules(&Root::below(image).ok().unwrap());
        fs::remove_dir_all(image).unwrap();
        let found: Vec<_> =
            found.iter().filter_map(|path| path.strip_prefix(image).ok()?.to_str()).collect();
        assert_eq!(
            found,
            [
                "usr/lib/riscv64-linux-gnu/security/pam_countersign.so",
                "usr/lib64/security/pam_countersign.so",
            ]
        );
    }

    #[test]
    fn the_version_of_a_module_is_found_in_its_bytes() {
        assert_eq!(version(b"/etc/countersign/countersign.toml\0countersign/1.2.3not"), "1.2.3");
        assert_eq!(version(b"countersign/x"), "of a version that it does not tell");
    }
}

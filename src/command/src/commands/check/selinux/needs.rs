//! What the module needs in the domain of a login program, and what the policy denies of it.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use countersign::policy::{Policy, Settings};

use crate::commands::check::finding::{Finding, Severity};
use crate::machine::root::Root;
use crate::machine::selinux::kernel::{Kernel, type_of};
use crate::machine::selinux::{self, MODULE, ports};

/// The folder that packaging/tmpfiles.d/countersign.conf makes.
const STATE: &str = "/run/countersign";
/// Lets login programs connect to the ports of `http_port_t`, on Fedora and its kin.
const BOOLEAN: &str = "authlogin_yubikey";
/// Lets them connect to every port, where the policy module is loaded.
const ANY_PORT: &str = "countersign_connect_any";

const FOLDER: [&str; 8] =
    ["getattr", "open", "read", "search", "write", "add_name", "remove_name", "lock"];
const FILE: [&str; 9] =
    ["create", "getattr", "map", "open", "read", "write", "link", "rename", "unlink"];

/// A login program's domain, and the configuration that holds for its service.
pub struct Examination<'a> {
    pub kernel: &'a Kernel<'a>,
    pub root: &'a Root,
    /// The whole context.
    pub domain: &'a str,
    pub service: &'a str,
    pub policy: &'a Policy,
    pub is_enforcing: bool,
}

impl Examination<'_> {
    pub fn findings(&self) -> Vec<Finding> {
        let mut found: Vec<_> = self.connect().into_iter().collect();
        found.extend(self.folder(
            self.policy.state_folder(),
            "nothing is remembered, and nothing that rings is sent",
        ));
        if self.settings().offline.enabled {
            found.extend(self.folder(self.policy.offline_folder(), "no offline code counts"));
        }
        found.extend(self.files().iter().filter_map(|file| self.file(file)));
        found
    }

    fn settings(&self) -> &Settings {
        self.policy.for_service(self.service)
    }

    fn connect(&self) -> Option<Finding> {
        let tenant = &self.settings().tenant;
        let port = match &tenant.proxy {
            Some(proxy) => proxy.port,
            None => tenant.url.port(),
        };
        let kind = ports::kind_of(self.root, port);
        let context = format!("system_u:object_r:{kind}:s0");
        let denied = self.kernel.denied(self.domain, &context, "tcp_socket", &["name_connect"])?;
        let switch = format!("setsebool -P {ANY_PORT} on");
        let is_loaded = selinux::has_module(self.kernel);
        let remedy = match (ports::is_of_a_service(&kind), self.kernel.boolean(BOOLEAN)) {
            (false, _) if is_loaded => switch,
            (false, _) => format!("semodule -i {MODULE} && {switch}"),
            (true, Some(false)) => format!("setsebool -P {BOOLEAN} on; or semodule -i {MODULE}"),
            (true, _) => format!("semodule -i {MODULE}"),
        };
        let what = format!("connect to port {port} ({kind})");
        let finding = self.denial("selinux-connect", &what, &denied)?;
        Some(
            finding
                .because(
                    "every login is then refused with the reason local, and no offline code counts",
                )
                .mend(remedy),
        )
    }

    /// A folder that the module makes where it is missing, and writes files in.
    fn folder(&self, folder: &Path, why: &str) -> Option<Finding> {
        // What is missing is made together with the folder that it is in.
        let above = folder.parent().filter(|above| self.kernel.label(above).is_none());
        let folder = above.unwrap_or(folder);
        let shown = folder.display();
        let (label, denied) = match self.kernel.label(folder) {
            Some(label) => {
                let denied = self.kernel.denied(self.domain, &label, "dir", &FOLDER)?;
                (label, denied)
            }
            None => self.new_folder(folder)?,
        };
        let in_it = self.denied_files(&label)?;
        let what = format!("keep files in {shown} ({})", type_of(&label));
        let denied: BTreeSet<_> = denied.into_iter().chain(in_it).collect();
        let denied: Vec<_> = denied.into_iter().collect();
        let finding = self.denial("selinux-state", &what, &denied)?;
        let remedy = if self.does_if_made(folder) {
            format!(
                "systemd-tmpfiles --create countersign.conf, which makes {shown} at each boot, too"
            )
        } else if selinux::has_module(self.kernel) {
            format!("mkdir -p -m 0700 {shown} && restorecon -RF {shown}")
        } else {
            format!("semodule -i {MODULE} && mkdir -p -m 0700 {shown} && restorecon -RF {shown}")
        };
        Some(finding.because(why).mend(remedy))
    }

    /// What is denied of writing files in a folder with this label.
    fn denied_files(&self, label: &str) -> Option<Vec<&'static str>> {
        let file = self.kernel.made(self.domain, label, "file")?;
        self.kernel.denied(self.domain, &file, "file", &FILE)
    }

    /// Whether a folder of /run that is missing could be used if another program made it, as
    /// systemd-tmpfiles does.
    fn does_if_made(&self, folder: &Path) -> bool {
        let is_missing = self.kernel.label(folder).is_none() && folder == Path::new(STATE);
        let above = folder.parent().and_then(|above| self.kernel.label(above));
        let denied = above.filter(|_| is_missing).and_then(|label| {
            let denied = self.kernel.denied(self.domain, &label, "dir", &FOLDER)?;
            Some([denied, self.denied_files(&label)?].concat())
        });
        denied.is_some_and(|denied| denied.is_empty())
    }

    /// The label that a new folder gets, and what is denied of making it and of writing in it.
    fn new_folder(&self, folder: &Path) -> Option<(String, Vec<&'static str>)> {
        let above = self.kernel.label(folder.parent()?)?;
        let name = folder.file_name()?.to_str()?;
        let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let label = if is_plain {
            self.kernel.made_of_name(self.domain, &above, "dir", name)?
        } else {
            self.kernel.made(self.domain, &above, "dir")?
        };
        let mut denied =
            self.kernel.denied(self.domain, &above, "dir", &["search", "write", "add_name"])?;
        denied.extend(self.kernel.denied(self.domain, &label, "dir", &["create"])?);
        denied.extend(self.kernel.denied(self.domain, &label, "dir", &FOLDER)?);
        Some((label, denied))
    }

    /// A file that a login reads, and the folders above it.
    fn file(&self, file: &Path) -> Option<Finding> {
        let above: Vec<_> = file.ancestors().skip(1).collect();
        let folders = above.iter().rev().map(|folder| (*folder, "dir", &["getattr", "search"][..]));
        let parts = folders.chain([(file, "file", &["getattr", "open", "read"][..])]);
        let (part, label, denied) = parts
            .filter_map(|(part, class, permissions)| {
                let label = self.kernel.label(part)?;
                let denied = self.kernel.denied(self.domain, &label, class, permissions)?;
                Some((part, label, denied))
            })
            .find(|(_, _, denied)| !denied.is_empty())?;
        let what = if part == file {
            format!("read {} ({})", file.display(), type_of(&label))
        } else {
            format!("read {}, for {} is {}", file.display(), part.display(), type_of(&label))
        };
        let finding = self.denial("selinux-file", &what, &denied)?;
        Some(
            finding
                .at(file.display().to_string(), None)
                .because("no login succeeds that needs this file")
                .mend("keep the file in /etc/countersign, name it there in the configuration, and: restorecon -RF /etc/countersign"),
        )
    }

    /// Every file that a login by this service reads.
    fn files(&self) -> BTreeSet<&PathBuf> {
        self.settings().files().collect()
    }

    fn denial(&self, id: &'static str, what: &str, denied: &[&str]) -> Option<Finding> {
        if denied.is_empty() {
            return None;
        }
        let domain = type_of(self.domain);
        let what = format!("{domain} may not {what}: {}", denied.join(", "));
        let finding = if self.is_enforcing {
            Finding::new(Severity::Error, id, format!("SELinux: {what}"))
        } else {
            Finding::new(Severity::Note, id, format!("SELinux, once it is enforcing: {what}"))
        };
        Some(finding.of(self.service))
    }
}

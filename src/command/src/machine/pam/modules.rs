//! The files of PAM modules: where libpam finds them.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};

use crate::machine::root::Root;

/// Where modules may be, beside the folders of architectures; libpam knows one of them, and
/// Debian's the last one too.
const FOLDERS: [&str; 4] =
    ["/usr/lib64/security", "/lib64/security", "/usr/lib/security", "/lib/security"];

/// The folders that libpam may look into, whatever it was built for.
pub fn folders(root: &Root) -> impl Iterator<Item = PathBuf> {
    let architectures = ["/usr/lib", "/lib"].into_iter().flat_map(|library| {
        let names = root.names(library).into_iter();
        let names = names.filter(|name| name.contains("-linux-"));
        names.map(move |name| Path::new(library).join(name).join("security"))
    });
    architectures.chain(FOLDERS.iter().map(PathBuf::from))
}

/// Those that have libpam's own modules in them.
fn folders_in_use(root: &Root) -> Vec<PathBuf> {
    let is_real = |folder: &PathBuf| {
        let own = ["pam_deny.so", "pam_permit.so", "pam_unix.so"];
        own.iter().any(|name| root.exists(folder.join(name)))
    };
    folders(root).filter(is_real).collect()
}

/// The file of a module as a stack names it.
pub fn file(root: &Root, path: &str) -> Option<PathBuf> {
    let relative = Path::new(path);
    if relative.is_absolute() {
        return root.exists(relative).then(|| relative.to_owned());
    }
    let compatible = PathBuf::from("/lib/security");
    let folders = folders_in_use(root).into_iter().chain([compatible]);
    let mut files = folders.map(|folder| folder.join(relative));
    files.find(|file| root.exists(file))
}

/// Whether libpam finds a module. Where no folder of modules is found, nothing is missing.
pub fn exists(root: &Root, path: &str) -> bool {
    file(root, path).is_some() || !path.starts_with('/') && folders_in_use(root).is_empty()
}

//! Modes and owners of the files that matter; of their content, nothing.
#![forbid(unsafe_code)]

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::Bundle;
use super::system;
use crate::machine::root::Root;

/// How files of the state are named, before a uid or a fingerprint.
const KINDS: [&str; 6] = ["confirmed-", "offered-", "pushes-", "token-", "totp-", "tries-"];

/// Where setups are written down, each under its number, with the files that they changed.
const SETUP: &str = "setup";

pub fn section(bundle: &mut Bundle<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    if let Ok((path, _)) = &bundle.config {
        let mut above: Vec<_> = path.ancestors().collect();
        above.reverse();
        lines.extend(above.into_iter().map(shown));
    }
    lines.extend(named(bundle).iter().map(|path| shown(path)));
    if let Some(policy) = &bundle.policy {
        for folder in [policy.state_folder(), policy.offline_folder()] {
            lines.push(shown(folder));
            lines.extend(below(folder));
            lines.extend(below(&folder.join(SETUP)));
        }
        lines.extend(policy.log_socket().map(shown));
    }
    lines.extend(system::modules(&Root::live()).iter().map(|path| shown(path)));
    lines
}

/// The files with secrets that the configuration names, for any service.
pub fn secrets(bundle: &Bundle<'_>) -> Vec<PathBuf> {
    of_keys(bundle, &["client_secret_file", "proxy_password_file"])
}

fn named(bundle: &Bundle<'_>) -> Vec<PathBuf> {
    of_keys(bundle, &["client_secret_file", "proxy_password_file", "ca_file"])
}

/// Paths that stand under these keys. A file that is wrong names none that could be believed.
fn of_keys(bundle: &Bundle<'_>, keys: &[&str]) -> Vec<PathBuf> {
    let settings = bundle.settings.iter().filter(|_| bundle.policy.is_some());
    let values = settings.filter_map(|setting| {
        let (_, key) = setting.path.rsplit_once('.')?;
        let value = setting.value.as_ref().filter(|_| keys.contains(&key))?;
        Some(PathBuf::from(value.trim_matches('"')))
    });
    values.collect()
}

fn below(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut lines: Vec<_> = entries
        .flatten()
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            let name = if is_known(&name) { name } else { "(of another name)".to_owned() };
            described(&folder.join(name), entry.metadata())
        })
        .collect();
    lines.sort();
    lines
}

fn is_known(name: &str) -> bool {
    let of_state = KINDS.iter().find_map(|kind| name.strip_prefix(kind));
    let rest = of_state.unwrap_or_else(|| name.trim_end_matches(".json"));
    let is_plain = |c: char| c.is_ascii_hexdigit() || c == '-';
    let is_plain = !rest.is_empty() && rest.chars().all(is_plain);
    is_plain || name == SETUP
}

fn shown(path: &Path) -> String {
    described(path, path.symlink_metadata())
}

fn described(path: &Path, found: std::io::Result<Metadata>) -> String {
    let path = path.display();
    match found {
        Err(error) => format!("{path}: {error}"),
        Ok(found) => {
            let kind = match (found.is_dir(), found.is_symlink(), found.is_file()) {
                (true, _, _) => "folder",
                (_, true, _) => "link",
                (_, _, true) => "file",
                (false, false, false) => "special",
            };
            let (mode, uid, gid) = (found.mode() & 0o7777, found.uid(), found.gid());
            format!("{path}: {kind}, mode {mode:04o}, owner {uid}:{gid}, {} bytes", found.len())
        }
    }
}

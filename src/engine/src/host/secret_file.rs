//! Files that hold one secret in one line. What an editor adds in silence would make another secret
//! of it, and the tenant would only say that it is wrong: so it is taken away, or an error says
//! where it is.
#![forbid(unsafe_code)]

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use zeroize::Zeroizing;

use crate::os::{Secrecy, Trusted, Unsafe};

/// The longest file with a secret, in bytes: a secret fits into it many times over.
pub const MAX_SECRET: u64 = 16 * 1024;

/// Why there is no secret.
#[derive(Debug)]
pub enum NoSecret {
    /// The file, or a folder above it, is missing or in unsafe hands.
    Unsafe(Unsafe),
    /// The file is safe and holds no secret: the line, counted from 1, and what is wrong there.
    Wrong(usize, &'static str),
}

/// The one line of a file that root alone can read. A byte order mark and the end of the line, of
/// either system, are no part of it, and empty lines may follow.
///
/// # Errors
///
/// What is wrong with the file, and in which line, without a word of it.
pub fn secret_line(path: &Path, trusted: &Trusted) -> Result<Zeroizing<String>, NoSecret> {
    let bytes = trusted.read(path, Secrecy::Secret, MAX_SECRET);
    one_line(&Zeroizing::new(bytes.map_err(NoSecret::Unsafe)?))
}

/// The same for a login, which in the broker finds its secrets elsewhere.
///
/// # Errors
///
/// What is wrong, in words, without a word of the secret.
pub(super) fn login_secret(path: &Path, trusted: &Trusted) -> Result<Zeroizing<String>, String> {
    let line = match CREDENTIALS.get() {
        Some(folder) => one_line(&credential(folder, path)?),
        None => secret_line(path, trusted),
    };
    line.map_err(|problem| problem.told(path))
}

fn one_line(bytes: &[u8]) -> Result<Zeroizing<String>, NoSecret> {
    let (line, rest) = first_line(bytes);
    let text = line_of(line).map_err(|why| NoSecret::Wrong(1, why))?;
    let more = rest.split(|byte| *byte == b'\n').position(|line| !line.trim_ascii().is_empty());
    match more {
        Some(after) => Err(NoSecret::Wrong(after + 2, "the secret is one line, and this is more")),
        None => Ok(Zeroizing::new(text.to_owned())),
    }
}

/// Where systemd has put the secrets that this process may read, in the broker.
static CREDENTIALS: OnceLock<PathBuf> = OnceLock::new();

/// From now on secrets are read from this folder, which systemd has made for this process
/// (`LoadCredential=`), each by the name that [`credential_name`] gives it.
pub fn use_credentials(folder: PathBuf) {
    let _ = CREDENTIALS.set(folder);
}

/// What the credential is called that holds the secret of this path: the path, with `-` in place of
/// each `/`.
#[must_use]
pub fn credential_name(path: &Path) -> String {
    path.to_string_lossy().trim_start_matches('/').replace('/', "-")
}

/// systemd has read the file as root, and gives it to this process alone.
fn credential(folder: &Path, path: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    let name = credential_name(path);
    let mut bytes = Zeroizing::new(Vec::new());
    let read = std::fs::File::open(folder.join(&name))
        .and_then(|file| file.take(MAX_SECRET).read_to_end(&mut bytes));
    read.map_err(|error| {
        let line = format!("LoadCredential={name}:{}", path.display());
        format!("countersignd was not given it ({error}): {line} in a drop-in of its unit")
    })?;
    Ok(bytes)
}

fn first_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (line, rest) = bytes.split_at(end);
    (line.strip_suffix(b"\r").unwrap_or(line), rest.get(1..).unwrap_or_default())
}

fn line_of(line: &[u8]) -> Result<&str, &'static str> {
    if line.contains(&0) || line.starts_with(b"\xff\xfe") || line.starts_with(b"\xfe\xff") {
        return Err("the file is no plain text (UTF-16?): save it as UTF-8");
    }
    let text = std::str::from_utf8(line).map_err(|_| "the secret is not UTF-8")?;
    if text.trim().is_empty() {
        return Err("there is no secret in the first line");
    }
    if text.trim() != text {
        return Err("there is white space around the secret: take it away");
    }
    if text.contains(char::is_control) {
        return Err("there is a control character in the secret");
    }
    Ok(text)
}

impl NoSecret {
    /// In words, for the file at this path.
    #[must_use]
    pub fn told(&self, path: &Path) -> String {
        match self {
            NoSecret::Unsafe(problem) => problem.to_string(),
            NoSecret::Wrong(line, why) => format!("{}: line {line}: {why}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn read(bytes: &[u8]) -> Result<String, String> {
        let path = format!("/tmp/countersign-secret-{}", std::process::id());
        let path = Path::new(&path);
        fs::write(path, bytes).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        let read = secret_line(path, &Trusted::default());
        fs::remove_file(path).unwrap();
        let told = |problem: NoSecret| problem.told(Path::new("FILE"));
        read.map(|secret| secret.to_string()).map_err(told)
    }

    #[test]
    fn what_an_editor_adds_is_no_part_of_a_secret() {
        for good in [
            &b"s3cr t"[..],
            b"s3cr t\n",
            b"s3cr t\r\n",
            b"s3cr t\r",
            b"\xef\xbb\xbfs3cr t\r\n\r\n \n",
        ] {
            assert_eq!(read(good), Ok("s3cr t".to_owned()), "{good:?}");
        }
        let wide = "s3cret\n".encode_utf16().flat_map(u16::to_le_bytes);
        let marked: Vec<u8> = [0xff, 0xfe].into_iter().chain(wide.clone()).collect();
        for (bad, why) in [
            (&b""[..], "line 1: there is no secret in the first line"),
            (b"\n", "line 1: there is no secret in the first line"),
            (b"\r\ns3cret\n", "line 1: there is no secret in the first line"),
            (b"\xef\xbb\xbf", "line 1: there is no secret in the first line"),
            (b" s3cret\n", "line 1: there is white space around the secret: take it away"),
            (b"s3cret \n", "line 1: there is white space around the secret: take it away"),
            (b"s3cret\t\r\n", "line 1: there is white space around the secret: take it away"),
            (b"s3\x08cret\n", "line 1: there is a control character in the secret"),
            (b"s3cret\xe9\n", "line 1: the secret is not UTF-8"),
            (b"id\n\ns3cret\n", "line 3: the secret is one line, and this is more"),
            (
                &wide.collect::<Vec<_>>(),
                "line 1: the file is no plain text (UTF-16?): save it as UTF-8",
            ),
            (&marked, "line 1: the file is no plain text (UTF-16?): save it as UTF-8"),
        ] {
            assert_eq!(read(bad), Err(format!("FILE: {why}")), "{bad:?}");
        }
    }
}

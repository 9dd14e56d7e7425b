//! Tells the engine when it was built, and of which sources its policies are.
#![forbid(unsafe_code)]
#![expect(clippy::disallowed_methods, reason = "runs on the machine that builds, and in no login")]

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};
use std::{env, fs, io};

/// What makes a policy of a configuration: this crate's own part, and the parser's version.
const POLICY: [&str; 2] = ["src/policy", LOCK];
const LOCK: &str = "../../Cargo.lock";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    for part in POLICY {
        println!("cargo::rerun-if-changed={part}");
    }
    println!("cargo::rerun-if-env-changed=SOURCE_DATE_EPOCH");
    println!("cargo::rustc-env=COUNTERSIGN_BUILT={}", built());
    println!("cargo::rustc-env=COUNTERSIGN_POLICY={:016x}", policy()?);
    Ok(())
}

/// Returns a digest of [`POLICY`]: builds that differ in it may make different policies of a
/// configuration.
fn policy() -> io::Result<u64> {
    let entries: io::Result<Vec<PathBuf>> =
        fs::read_dir("src/policy")?.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut files = entries?;
    files.push(LOCK.into());
    files.sort();
    let mut digest = DefaultHasher::new();
    for file in files {
        (&file, fs::read(&file)?).hash(&mut digest);
    }
    Ok(digest.finish())
}

/// Returns a time before every login, in seconds since 1970: a clock that shows an earlier one is
/// wrong. `SOURCE_DATE_EPOCH` sets it, for builds that must produce the same bytes
/// (reproducible-builds.org).
fn built() -> u64 {
    let told = env::var("SOURCE_DATE_EPOCH").ok();
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |time| time.as_secs());
    told.and_then(|time| time.parse().ok()).unwrap_or(now)
}

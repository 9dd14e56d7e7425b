//! Tells the engine when it was built.
#![forbid(unsafe_code)]
#![allow(clippy::disallowed_methods, reason = "runs on the machine that builds, and in no login")]

use std::env;
use std::time::{SystemTime, UNIX_EPOCH};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../../Cargo.lock");
    println!("cargo::rerun-if-env-changed=SOURCE_DATE_EPOCH");
    println!("cargo::rustc-env=COUNTERSIGN_BUILT={}", built());
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

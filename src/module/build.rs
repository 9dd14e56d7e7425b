//! Linker arguments of the module.
//!
//! libpam unloads a module at `pam_end`. A Rust library that is unloaded leaks thread-local keys
//! and can crash its host, so it stays: `-z nodelete`.
//!
//! The unwinder comes from the compiler's static library where there is one: hardly any host
//! program has libgcc_s loaded, and finding and loading it costs each login more than loading the
//! module itself.
#![forbid(unsafe_code)]
#![expect(clippy::disallowed_methods, reason = "runs on the machine that builds, and in no login")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=seldom.ld");
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete,-z,now,-z,relro");
    println!("cargo::rustc-cdylib-link-arg=-Wl,-T,{}/seldom.ld", env!("CARGO_MANIFEST_DIR"));
    if let Some(folder) = static_unwinder() {
        println!("cargo::rustc-cdylib-link-arg=-L{}", folder.display());
    }
}

/// A folder in which the linker finds the static unwinder under the name of the shared one.
fn static_unwinder() -> Option<PathBuf> {
    let native = env::var("HOST").ok()? == env::var("TARGET").ok()?;
    if !native || !has("libgcc_eh.a") || !has("libgcc.a") {
        return None;
    }
    let folder = PathBuf::from(env::var_os("OUT_DIR")?);
    let script = "GROUP ( -lgcc_eh -lgcc )\n";
    fs::write(folder.join("libgcc_s.so"), script).ok()?;
    Some(folder)
}

/// Whether the C compiler, which links, has this library.
fn has(library: &str) -> bool {
    let option = format!("-print-file-name={library}");
    let asked = Command::new("cc").arg(option).output();
    asked.is_ok_and(|output| {
        let place = String::from_utf8_lossy(&output.stdout);
        Path::new(place.trim()).is_absolute()
    })
}

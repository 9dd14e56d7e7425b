//! Linker arguments of the module.
//!
//! libpam unloads a module at `pam_end`. A Rust library that is unloaded leaks thread-local keys and can
//! crash its host, so it stays: `-z nodelete`.

fn main() {
    println!("cargo::rerun-if-changed=packaging/build.rs");
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete,-z,now,-z,relro");
}

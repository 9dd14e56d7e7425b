//! SELinux on this computer: what the kernel says of its policy, the domains of programs, the types
//! of ports, and the policy module of this product.
#![forbid(unsafe_code)]

pub mod domains;
pub mod kernel;
pub mod ports;

use std::path::Path;

use kernel::Kernel;

/// The policy module, where `make install` and packages put it.
pub const MODULE: &str = "/usr/share/countersign/selinux/countersign.cil";
/// The package that has it, of Debian and of Fedora and its kin.
const PACKAGES: &str = "libpam-countersign-selinux (on Fedora and RHEL: pam_countersign-selinux)";
/// A context that no policy knows without the module.
const OF_MODULE: &str = "system_u:object_r:countersign_runtime_t:s0";

/// What loads the policy module, and labels what is there already.
pub fn load() -> String {
    let command =
        format!("semodule -i {MODULE} && restorecon -RFi /run/countersign /var/lib/countersign");
    if Path::new(MODULE).exists() {
        command
    } else {
        format!("install the package {PACKAGES}, and then: {command}")
    }
}

/// Whether the loaded policy has the policy module in it.
pub fn has_module(kernel: &Kernel<'_>) -> bool {
    kernel.knows(OF_MODULE)
}

/// Whether SELinux enforces a policy that does not have the policy module in it.
pub fn lacks_module(kernel: &Kernel<'_>) -> bool {
    kernel.enforces() == Some(true) && !has_module(kernel)
}

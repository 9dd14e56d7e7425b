//! The keys of `[offline]`: whether a code counts while the tenant can't be reached, and for how
//! long.
#![forbid(unsafe_code)]

use super::Offline;
use super::reader::Table;
use super::value::{duration, flag, module_name, number};

/// Reads these keys; what is not said is as in `base`.
pub(super) fn read(table: &mut Table<'_>, base: &Offline) -> Offline {
    let mut offline = base.clone();
    table.read("enabled", flag, &mut offline.enabled);
    table.read("first_factor", |value| module_name(value).map(Some), &mut offline.first_factor);
    table.read("max_logins", number(1..=100), &mut offline.limits.logins);
    table.read("max_age", duration("1h", "90d"), &mut offline.limits.age);
    table.read("pause", duration("0s", "30d"), &mut offline.pause);
    table.read("enroll_at_login", flag, &mut offline.enroll_at_login);
    if offline.enabled && offline.first_factor.is_none() {
        let problem = "needs first_factor, the module that has verified a password before, such as \"pam_unix\"";
        table.wrong_if_fine("first_factor", "enabled", problem);
        offline.enabled = false;
    }
    offline
}

//! When a setup without confirmation was put back: for an administrator who confirms it too late.
#![forbid(unsafe_code)]

use countersign::os;

use crate::machine::program;
use crate::machine::root::Root;
use crate::ui::output::{Done, Problem};

const FILE: &str = "/var/lib/countersign/setup/put-back";

/// Notes that it is done, at this moment.
pub fn note(root: &Root) -> Done {
    root.write(FILE, Some(&format!("{}\n", os::wall_clock())))
}

/// A new setup begins.
pub fn forget(root: &Root) -> Done {
    root.write(FILE, None)
}

/// That it is too late, if the last setup was put back.
pub fn too_late(root: &Root) -> Option<Problem> {
    let text = root.read(FILE).ok()??;
    let seconds: u64 = text.trim().parse().ok()?;
    let problem = Problem::new(format!(
        "the setup was put back at {}, since no new login had confirmed it",
        time(seconds)
    ));
    Some(problem.hint(
        "set it up again, with a longer --confirm-within: sudo countersign setup proposes what was answered",
    ))
}

/// A time of day as people on this machine read it.
pub fn time(seconds: u64) -> String {
    let shown = program::run("date", &["-d", &format!("@{seconds}"), "+%H:%M on %F"]);
    shown.map_or_else(|_| format!("{seconds} s after 1970"), |shown| shown.trim().to_owned())
}

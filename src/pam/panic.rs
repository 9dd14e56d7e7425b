//! A defect of ours must not become the host's: no unwinding into C, no word on the user's terminal.

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::sync::{Mutex, Once};

use ::pam::constants::PamResultCode;

use crate::log::{Level, Log};

/// Where the last panic was. The message may hold anything, so it is not kept.
static PLACE: Mutex<String> = Mutex::new(String::new());
static SILENCED: Once = Once::new();

/// Runs `f`; a panic in it is `PAM_SYSTEM_ERR` and a line in the log.
pub(super) fn caught(f: impl FnOnce() -> PamResultCode) -> PamResultCode {
    SILENCED.call_once(silence);
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(code) => code,
        Err(payload) => {
            // A payload whose own drop panics would be the end of the host.
            std::mem::forget(payload);
            let place = PLACE.lock().map(|place| place.clone()).unwrap_or_default();
            let line = format!("a defect in pam_countersign ({place}): please report it");
            Log::new("panic").line(Level::Error, &line);
            PamResultCode::PAM_SYSTEM_ERR
        }
    }
}

/// The hook belongs to the module's own copy of the standard library: no other code in the host sees it.
fn silence() {
    set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        if let Ok(mut last) = PLACE.lock() {
            *last = place;
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_system_error_and_the_next_call_works() {
        assert_eq!(
            caught(|| panic!("on purpose")),
            PamResultCode::PAM_SYSTEM_ERR
        );
        assert_eq!(
            caught(|| PamResultCode::PAM_IGNORE),
            PamResultCode::PAM_IGNORE
        );
    }
}

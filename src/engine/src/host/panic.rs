//! A defect of ours must not become the caller's: no unwinding into C, no word on the user's
//! terminal.
#![forbid(unsafe_code)]

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::sync::{Mutex, Once};

/// Where the last panic was. The message may hold anything, so it is not kept.
static PLACE: Mutex<String> = Mutex::new(String::new());
static SILENCED: Once = Once::new();

/// Runs `f`.
///
/// # Errors
///
/// Where it has panicked, in words for the log.
pub fn caught<T>(f: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|payload| {
        // A payload whose own drop panics would be the end of the host.
        std::mem::forget(payload);
        let place = PLACE.lock().map(|place| place.clone()).unwrap_or_default();
        format!("a defect in pam_countersign ({place}): please report it")
    })
}

/// From now on a panic prints nothing. The hook belongs to the module's own copy of the standard
/// library: no other code in the process sees it.
pub fn silence() {
    SILENCED.call_once(|| {
        set_hook(Box::new(|info| {
            let place = info.location().map(ToString::to_string).unwrap_or_default();
            if let Ok(mut last) = PLACE.lock() {
                *last = place;
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_that_names_its_place_and_the_next_call_works() {
        silence();
        let error = caught(|| -> u8 { panic!("on purpose") }).unwrap_err();
        assert!(
            error.starts_with("a defect in pam_countersign (src/engine/src/host/panic.rs:"),
            "{error}"
        );
        assert!(!error.contains("on purpose"));
        assert_eq!(caught(|| 1), Ok(1));
    }
}

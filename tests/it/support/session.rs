//! A login session of the test's own.

use std::sync::Once;

/// Makes this process the leader of a session, as a login does, once for all tests in it. The one
/// it was started in may have lost its leader, as under a runner that went on without its shell;
/// then nothing can be remembered of it.
pub fn lead() {
    static LED: Once = Once::new();
    LED.call_once(|| {
        // SAFETY: setsid touches no memory. It fails where this process leads its group already;
        // then a shell leads the session.
        unsafe { libc::setsid() };
    });
}

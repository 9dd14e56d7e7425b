//! Where the login session came from in which a program asks that names no remote host: sudo, su,
//! polkit, a screen locker.
//!
//! In doubt it is not known, and then a rule by network requires and does not exempt.
#![forbid(unsafe_code)]

use super::program::Program;
use crate::os::{Login, LoginSession};
use crate::policy::Origin;

/// Whose session it is that asks.
#[derive(Clone)]
pub enum Whence {
    /// That of the program that calls libpam.
    Program {
        /// The program.
        program: Program,
        /// Who runs the program.
        real_uid: u32,
        /// `PAM_TTY`.
        tty: Option<String>,
    },
    /// One that is said to have come from there.
    Told(Origin),
}

impl Whence {
    /// Every place that the user of this session has a session from, for one of them can act in
    /// another.
    pub(super) fn origins(&self) -> Vec<Origin> {
        match self {
            Whence::Told(origin) => vec![*origin],
            Whence::Program { program, real_uid, tty } => {
                let login = program.login();
                let outside = login == Login::default();
                if outside {
                    return vec![outside_of_sessions(*real_uid, tty.as_deref())];
                }
                let sessions = LoginSession::all();
                sessions.map_or_else(|_| vec![Origin::Unclear], |all| inside(&login, &all))
            }
        }
    }
}

/// A program that no login has started. One that root's own services run at a terminal of this
/// machine, such as login(1) or a greeter, says itself who comes over a network.
fn outside_of_sessions(real_uid: u32, tty: Option<&str>) -> Origin {
    let is_here = real_uid == 0 && tty.is_some_and(is_console);
    if is_here { Origin::Local } else { Origin::Unclear }
}

/// A program that a login has started. Once its session has ended, the user may be anywhere, or the
/// program alone (`nohup`, tmux): its origin is not known any more.
fn inside(login: &Login, all: &[LoginSession]) -> Vec<Origin> {
    let own = all.iter().find(|session| match login.audit {
        Some((audit, uid)) => session.audit == Some(audit) && session.uid == Some(uid),
        None => login.scope.as_ref() == Some(&session.id),
    });
    let Some(own) = own.filter(|session| session.is_live && is_of_a_person(session)) else {
        return vec![Origin::Unclear];
    };
    let of_the_user = all.iter().filter(|session| session.uid == own.uid);
    let of_a_person = of_the_user.filter(|session| is_of_a_person(session));
    of_a_person.map(origin).collect()
}

/// Neither a job, nor the manager of the user's services, which outlives the login.
fn is_of_a_person(session: &LoginSession) -> bool {
    session.class.starts_with("user")
}

fn origin(session: &LoginSession) -> Origin {
    let is_here = !session.seat.is_empty() || is_console(&session.tty);
    if !session.is_remote {
        return if is_here { Origin::Local } else { Origin::Unclear };
    }
    match Origin::of(Some(&session.remote_host)) {
        Origin::Address(address) => Origin::Address(address),
        Origin::Local | Origin::Unclear => Origin::Unclear,
    }
}

/// A terminal that is no program's: a virtual console or a serial line. A display is at this
/// machine where logind says that it has a seat; another one can be looked at from elsewhere (VNC,
/// XDMCP).
fn is_console(tty: &str) -> bool {
    let name = tty.strip_prefix("/dev/").unwrap_or(tty);
    let devices = ["tty", "hvc", "console"];
    devices.iter().any(|device| name.starts_with(device)) && name != "tty"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(id: &str, uid: u32, remote_host: &str) -> LoginSession {
        LoginSession {
            id: id.into(),
            uid: Some(uid),
            audit: id.parse().ok(),
            is_live: true,
            class: "user".into(),
            is_remote: !remote_host.is_empty(),
            remote_host: remote_host.into(),
            tty: "pts/0".into(),
            ..LoginSession::default()
        }
    }

    fn at_a_seat(id: &str, uid: u32) -> LoginSession {
        LoginSession { seat: "seat0".into(), tty: "tty2".into(), ..session(id, uid, "") }
    }

    fn audited(session: u32, uid: u32) -> Login {
        Login { audit: Some((session, uid)), scope: None }
    }

    fn address(text: &str) -> Origin {
        Origin::Address(text.parse().unwrap())
    }

    #[test]
    fn a_session_by_ssh_came_from_the_address_that_sshd_named() {
        let all = [session("3", 1000, "192.0.2.7"), at_a_seat("4", 1001)];
        assert_eq!(inside(&audited(3, 1000), &all), [address("192.0.2.7")]);
        assert_eq!(inside(&audited(4, 1001), &all), [Origin::Local]);
        let named = [session("3", 1000, "host.example")];
        assert_eq!(inside(&audited(3, 1000), &named), [Origin::Unclear]);
    }

    #[test]
    fn other_sessions_of_the_user_count_too_for_one_can_act_in_another() {
        let all = [
            session("3", 1000, "192.0.2.7"),
            at_a_seat("4", 1000),
            session("5", 1001, "198.51.100.1"),
        ];
        for own in [3, 4] {
            let found = inside(&audited(own, 1000), &all);
            assert_eq!(found, [address("192.0.2.7"), Origin::Local]);
        }
    }

    #[test]
    fn what_outlives_its_session_came_from_nowhere_that_is_known() {
        let ended = |session| LoginSession { is_live: false, ..session };
        let all = [ended(at_a_seat("3", 1000)), session("4", 1000, "192.0.2.7")];
        assert_eq!(inside(&audited(3, 1000), &all), [Origin::Unclear]);
        // What it left behind can act in a session that lives.
        assert_eq!(inside(&audited(4, 1000), &all), [Origin::Local, address("192.0.2.7")]);
        let in_scope = Login { audit: None, scope: Some("3".into()) };
        assert_eq!(inside(&in_scope, &all), [Origin::Unclear]);
    }

    #[test]
    fn what_is_no_session_of_a_person_came_from_nowhere_that_is_known() {
        let of_class = |class: &str| LoginSession { class: class.into(), ..at_a_seat("9", 1000) };
        for class in ["manager", "background", "greeter", "lock-screen", ""] {
            let all = [of_class(class), at_a_seat("4", 1000)];
            assert_eq!(inside(&audited(9, 1000), &all), [Origin::Unclear], "{class}");
            assert_eq!(inside(&audited(4, 1000), &all), [Origin::Local], "{class}");
        }
        // A session that logind does not know, and one of another user.
        assert_eq!(inside(&audited(7, 1000), &[at_a_seat("4", 1000)]), [Origin::Unclear]);
        assert_eq!(inside(&audited(4, 1001), &[at_a_seat("4", 1000)]), [Origin::Unclear]);
        // Neither remote nor at a seat: a container's shell, a job on a terminal.
        assert_eq!(inside(&audited(4, 1000), &[session("4", 1000, "")]), [Origin::Unclear]);
    }

    #[test]
    fn without_audit_the_control_group_says_which_session_it_is() {
        let in_scope = |scope: &str| Login { audit: None, scope: Some(scope.into()) };
        let all = [session("c3", 1000, "192.0.2.7")];
        assert_eq!(inside(&in_scope("c3"), &all), [address("192.0.2.7")]);
        assert_eq!(inside(&in_scope("c4"), &all), [Origin::Unclear]);
    }

    #[test]
    fn a_service_of_roots_at_a_console_is_at_this_machine_and_nothing_else_is() {
        for tty in ["/dev/tty1", "tty1", "/dev/ttyS0", "hvc0", "/dev/console"] {
            assert_eq!(outside_of_sessions(0, Some(tty)), Origin::Local, "{tty}");
            assert_eq!(outside_of_sessions(1000, Some(tty)), Origin::Unclear, "{tty}");
        }
        for tty in [
            None,
            Some(""),
            Some("pts/3"),
            Some("/dev/pts/3"),
            Some("ssh"),
            Some(":0"),
            Some(":1"),
            Some("/dev/tty"),
        ] {
            assert_eq!(outside_of_sessions(0, tty), Origin::Unclear, "{tty:?}");
        }
    }
}

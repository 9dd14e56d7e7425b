//! What a confirmation is worth afterwards, and where.

use super::*;
use crate::support::session;

/// The account is Alice's. The caller is the account nobody, whose uid is not root's.
const REMEMBERING: &str = "remember = \"10m\"\nperson = \"user\"";

/// sudo, in a session of the account nobody.
fn sudo(rig: &Rig) -> Caller {
    session::lead();
    Caller { ruser: Some("nobody".into()), real_uid: uid_of("nobody"), ..super::sudo(rig) }
}

fn by_code(rig: &Rig) -> Result<String, Reason> {
    step_up(&sudo(rig), &mut Person::answering(&[CODE]))
}

/// Alice has just confirmed it.
fn confirmed() -> Rig {
    let rig = rig_for("code", REMEMBERING, "");
    assert_eq!(by_code(&rig), Ok("OATH".into()));
    rig
}

fn is_asked(caller: &Caller) {
    let mut person = Person::answering(&[CODE]);
    assert_eq!(step_up(caller, &mut person), Ok("OATH".into()));
    assert_eq!(person.seen.len(), 1);
}

#[test]
fn a_step_up_that_is_remembered_asks_nothing_and_sends_nothing() {
    let rig = confirmed();
    rig.audit();
    let before = (rig.simulator.connections(), rig.actions().len());
    let mut person = Person::answering(&[]);
    assert_eq!(step_up(&sudo(&rig), &mut person), Ok("remembered".into()));
    assert_eq!(person.seen, [""; 0]);
    let after = (rig.simulator.connections(), rig.actions().len());
    assert_eq!(after, before);
    let audit = rig.audit();
    audit.assert(&[
        ("outcome", "granted"),
        ("reason", "remembered"),
        ("requests", "0"),
        ("mechanisms", ""),
        ("tenant_user", NAME),
    ]);
    let detail = audit.field("detail");
    assert!(
        detail.starts_with("confirmed ") && detail.ends_with(" s ago by this session"),
        "{detail}"
    );
}

#[test]
fn nothing_is_remembered_unless_the_administrator_says_so() {
    let rig = rig_for("code", "person = \"user\"", "");
    assert_eq!(by_code(&rig), Ok("OATH".into()));
    is_asked(&sudo(&rig));
    assert_eq!(state_files(&rig, "confirmed-"), [""; 0].map(PathBuf::from));
}

#[test]
fn a_confirmation_counts_for_the_same_program_terminal_and_person_only() {
    let rig = confirmed();
    let same = || sudo(&rig);
    for other in [
        Caller { service: "su".into(), ..same() },
        Caller { tty: Some("/dev/pts/4".into()), ..same() },
        Caller { tty: None, ..same() },
        Caller { rhost: Some("192.0.2.7".into()), ..same() },
        Caller { ruser: Some("daemon".into()), real_uid: uid_of("daemon"), ..same() },
    ] {
        is_asked(&other);
    }
    assert_eq!(unasked(&same()), Ok("remembered".into()));
}

/// What root runs asks for each user who comes along, in one session for all.
#[test]
fn a_daemon_that_asks_again_is_answered_by_nobodys_memory() {
    let rig = rig_for("code", REMEMBERING, "");
    let daemon = |real_uid| Caller {
        service: "imap".into(),
        tty: None,
        ruser: None,
        real_uid,
        ..sudo(&rig)
    };
    // As root, or by a helper with root's rights that a server of no rights starts.
    for daemon in [daemon(0), daemon(4242), caller(&rig)] {
        is_asked(&daemon);
        is_asked(&daemon);
    }
}

#[test]
fn a_denial_voids_what_was_confirmed_in_every_session() {
    let rig = confirmed();
    let other = Caller { tty: Some("/dev/pts/4".into()), ..sudo(&rig) };
    let mut person = Person::answering(&["000000"]);
    assert_eq!(step_up(&other, &mut person), Err(Reason::AnswerRefused));
    is_asked(&sudo(&rig));
}

#[test]
fn what_goes_wrong_on_the_way_voids_nothing() {
    let rig = confirmed();
    let other = Caller { tty: Some("/dev/pts/4".into()), ..sudo(&rig) };
    rig.simulator.fault(simulator::What::CutBeforeReply.once());
    assert_eq!(unasked(&other), Err(Reason::Misbehaved));
    assert_eq!(unasked(&sudo(&rig)), Ok("remembered".into()));
}

#[test]
fn another_configuration_is_another_question() {
    let rig = confirmed();
    configure(&rig, "code", REMEMBERING, "# changed");
    is_asked(&sudo(&rig));
}

#[test]
fn a_confirmation_of_another_boot_counts_for_nothing() {
    let rig = confirmed();
    let folder = state_files(&rig, "confirmed-").pop().unwrap();
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files = paths.filter(|path| !path.ends_with("asked"));
    let file = files.next().unwrap();
    let text = fs::read_to_string(&file).unwrap();
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    assert!(text.contains(boot.trim()));
    fs::write(&file, text.replace(boot.trim(), "another")).unwrap();
    is_asked(&sudo(&rig));
}

#[test]
fn a_remembered_push_sends_no_push() {
    let rig = rig_for("push", REMEMBERING, "");
    let keys = serde_json::json!({ "auto_approve": true });
    rig.simulator.change_user(NAME, &keys);
    let mut person = Person::answering(&["1"]);
    assert_eq!(step_up(&sudo(&rig), &mut person), Ok("OTP".into()));
    assert_eq!(unasked(&sudo(&rig)), Ok("remembered".into()));
    assert_eq!(rig.simulator.phone().messages(NAME).len(), 1);
}

/// Starts one of the tests below, by this program, with the words before it.
fn start(before: &[&str], test: &str) -> bool {
    let program = std::env::current_exe().unwrap();
    let program = program.to_str().unwrap();
    let mut words = before.iter().chain([&program]);
    let mut command = std::process::Command::new(words.next().unwrap());
    command.args(words).args(["--exact", test, "--ignored"]);
    command.status().unwrap().success()
}

/// sshd asks by a child of the process that looks after the connection, which leads a session of
/// its own; sudo runs below that process. So do these, one after the other.
#[test]
fn a_login_by_ssh_counts_in_its_own_connection() {
    assert!(start(&["setsid", "--wait"], "step_up::memory::a_connection"));
}

#[test]
#[ignore = "run by a_login_by_ssh_counts_in_its_own_connection"]
fn a_connection() {
    assert!(start(&[], "step_up::memory::below_a_connection"));
}

/// A shell or a super-server may have any user's processes below it.
#[test]
fn a_login_by_ssh_counts_for_nothing_below_what_is_not_sshd() {
    let shell = ["setsid", "--wait", "sh", "-c", "\"$0\" \"$@\"; exit $?"];
    assert!(start(&shell, "step_up::memory::below_a_shell"));
}

#[test]
#[ignore = "run by a_login_by_ssh_counts_for_nothing_below_what_is_not_sshd"]
fn below_a_shell() {
    let rig = rig_for("code", &format!("{REMEMBERING}\nssh_counts = true"), "");
    is_asked(&caller(&rig));
    is_asked(&sudo(&rig));
}

#[test]
#[ignore = "run by a_login_by_ssh_counts_in_its_own_connection"]
fn below_a_connection() {
    let counting = &format!("{REMEMBERING}\nssh_counts = true");
    let rig = rig_for("code", counting, "[service.su.login]\nssh_counts = false");
    is_asked(&caller(&rig));
    rig.audit();
    assert_eq!(unasked(&sudo(&rig)), Ok("remembered".into()));
    let audit = rig.audit();
    let detail = audit.field("detail");
    assert!(detail.ends_with(" s ago by a login by ssh"), "{detail}");
    is_asked(&Caller { service: "su".into(), ..sudo(&rig) });
    // Another login by ssh is no step-up: it is never answered by memory.
    is_asked(&caller(&rig));
}

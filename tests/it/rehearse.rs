//! `countersign rehearse`: a real login at a terminal, through the real libpam, and what is said of
//! it.

use crate::pam_application;
use std::process::Command;

use crate::pam_application::{Application, Message, Reply};
use crate::rig::{ALICE, CODE, PASSWORD, Rig, module, user};
use crate::support::terminal::{Seen, Terminal};

const CODE_PROMPT: &str = "Verification code: ";

/// The usual stack of a service, in the rig's folder.
fn stack(rig: &Rig, service: &str) {
    let (module, config) = (module(), rig.config());
    let text = format!(
        "auth required {} config={}\nauth required pam_permit.so\naccount required pam_permit.so\n",
        module.display(),
        config.display()
    );
    rig.folder.write(service, &text);
}

fn rehearse(rig: &Rig, arguments: &[&str]) -> Terminal {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.args(["rehearse", &user(), "--stacks"]).arg(rig.folder.path());
    Terminal::start(command.args(arguments))
}

/// What is not the same each time is written so: the user, the numbers.
fn steady(text: &str) -> String {
    let text = text.replace(&format!(" {} ", user()), " USER ");
    let lines = text.lines().map(|line| match line.split_once(" requests and ") {
        Some((before, _)) => format!("{before} requests and N ms\n"),
        None if line.starts_with("  in the log") => "  in the log ...\n".to_owned(),
        None => format!("{line}\n"),
    });
    lines.collect()
}

/// Alice's password, and this code.
fn types(mut terminal: Terminal, code: &str) -> Seen {
    terminal.wait_for_unseen("Password: ");
    terminal.type_line(PASSWORD);
    terminal.wait_for(CODE_PROMPT);
    terminal.type_line(code);
    terminal.end()
}

#[test]
fn a_login_that_is_granted_is_told_in_words_with_its_line() {
    let rig = Rig::new(ALICE);
    stack(&rig, "sshd");
    let seen = types(rehearse(&rig, &["--rhost", "192.0.2.7"]), CODE);
    assert_eq!(
        steady(&seen.stdout),
        "sshd would let USER in.\n  \
           pam_authenticate  PAM_SUCCESS: Success\n  \
           pam_acct_mgmt     PAM_SUCCESS: Success\n  \
           pam_countersign   granted: alice@example.com has met UP,OATH, in 3 requests and N ms\n  \
           in the log ...\n"
    );
    assert_eq!((seen.stderr.as_str(), seen.code), ("", Some(0)));
    let audit = rig.audit();
    assert!(seen.stdout.contains(&audit.0), "{}\n{}", seen.stdout, audit.0);
    audit.assert(&[("service", "sshd"), ("tty", "ssh"), ("rhost", "192.0.2.7")]);
    assert_eq!(
        seen.screen,
        format!(
            "A login of {} by sshd, as real as any other; it ends before a session begins.\nPassword: \n\
             Code from an authenticator (\"OATH OTP Client\").\nVerification code: {CODE}\n",
            user()
        )
    );
}

#[test]
fn a_refusal_is_told_with_its_reason_and_its_remedy() {
    let rig = Rig::new(ALICE);
    stack(&rig, "sshd");
    let seen = types(rehearse(&rig, &[]), "111111");
    assert_eq!(
        steady(&seen.stdout),
        "sshd would not let USER in.\n  \
           pam_authenticate  PAM_AUTH_ERR: Authentication failure\n  \
           pam_countersign   refused, answer_refused: the tenant refused this answer or an earlier one\n  \
           detail            Answer OATH\n  \
           in the log ...\n"
    );
    let said = format!(
        "countersign: {} would not get in\n\
         hint: try again; the tenant tells its administrators more, in its own log\n",
        user()
    );
    assert_eq!((seen.stderr, seen.code), (said, Some(1)));
}

#[test]
fn an_exemption_names_its_rule_and_a_program_can_read_it() {
    let rig = Rig::with(ALICE, &format!("[[exempt]]\nname = \"me\"\nusers = [\"{}\"]", user()));
    stack(&rig, "sshd");
    let seen = rehearse(&rig, &[]).end();
    let exempt = "  pam_countersign   exempt: rule \"me\"\n";
    assert!(seen.stdout.contains(exempt), "{}", seen.stdout);
    let seen = rehearse(&rig, &["--json"]).end();
    let object: serde_json::Value = serde_json::from_str(&seen.stdout).unwrap();
    assert_eq!(object["let_in"], true);
    assert_eq!(object["asked"], true);
    assert_eq!(object["authenticate"]["code"], "PAM_SUCCESS");
    assert_eq!(object["account"]["words"], "Success");
    assert_eq!(object["audit"]["rule"], "me");
    assert_eq!(object["audit"]["outcome"], "exempt");
    assert_eq!(object["meaning"], serde_json::Value::Null);
    assert_eq!(seen.code, Some(0));
}

#[test]
fn a_stack_that_never_reaches_the_module_is_told_although_it_lets_everybody_in() {
    let rig = Rig::new(ALICE);
    rig.folder.write("sshd", "auth required pam_permit.so\naccount required pam_permit.so\n");
    let seen = rehearse(&rig, &[]).end();
    let unasked = "  pam_countersign   was not asked: no line of this stack names it\n";
    assert!(seen.stdout.ends_with(unasked), "{}", seen.stdout);
    assert!(seen.stdout.contains(" would let "), "{}", seen.stdout);
    let said = "countersign: pam_countersign was not asked\n\
                hint: sudo countersign setup puts the module into the stacks of services\n";
    assert_eq!((seen.stderr.as_str(), seen.code), (said, Some(1)));
    stack(&rig, "inner");
    rig.folder.write(
        "sshd",
        "auth sufficient pam_permit.so\nauth include inner\naccount required pam_permit.so\n",
    );
    let seen = rehearse(&rig, &[]).end();
    let unasked =
        "was not asked: a line before it has ended the stack, or it could not be loaded\n";
    assert!(seen.stdout.ends_with(unasked), "{}", seen.stdout);
}

#[test]
fn sudo_is_run_by_the_user_and_has_the_terminal_for_its_name() {
    let rig = Rig::new(ALICE);
    stack(&rig, "sudo");
    let seen = types(rehearse(&rig, &["--service", "sudo"]), CODE);
    assert_eq!(seen.code, Some(0), "{}", seen.stdout);
    rig.audit().assert(&[("service", "sudo"), ("outcome", "granted")]);
}

#[test]
fn ctrl_c_ends_a_prompt_and_a_result_is_shown_all_the_same() {
    for at_password in [true, false] {
        let rig = Rig::new(ALICE);
        stack(&rig, "sshd");
        let mut terminal = rehearse(&rig, &[]);
        terminal.wait_for_unseen("Password: ");
        if !at_password {
            terminal.type_line(PASSWORD);
            terminal.wait_for(CODE_PROMPT);
        }
        terminal.press("\u{3}");
        let seen = terminal.end();
        assert_eq!(seen.code, None, "ended by the signal: {}", seen.stdout);
        let refused = if at_password { "conversation" } else { "interrupted" };
        assert!(seen.stdout.contains(&format!("refused, {refused}: ")), "{}", seen.stdout);
        rig.audit().assert(&[("reason", refused)]);
    }
}

/// A user who can write what another module shows does not rule root's terminal by it.
#[test]
fn what_other_modules_show_can_not_steer_the_terminal() {
    let rig = Rig::new(ALICE);
    let shown = "\u{1b}]0;title\u{7}  one\ttwo \u{9b}2J\r\n\u{2588}\u{2580} \u{2584}\u{202e}\nlast";
    let text = rig.folder.write("text", shown);
    rig.folder.write(
        "sshd",
        &format!(
            "auth optional pam_echo.so file={}\nauth required pam_permit.so\naccount required pam_permit.so\n",
            text.display()
        ),
    );
    let seen = rehearse(&rig, &[]).end();
    let (_, screen) = seen.screen.split_once('\n').unwrap();
    assert_eq!(screen, "]0;title  one    two 2J\n\u{2588}\u{2580} \u{2584}\nlast\n");
}

#[test]
fn wrong_use_is_told() {
    let rig = Rig::new(ALICE);
    for (service, shown) in [("none", "none"), ("../sshd", "../sshd"), ("a\u{1b}", "a\\u{1b}")] {
        let seen = rehearse(&rig, &["--service", service]).end();
        let said = format!(
            "countersign: there is no stack {shown}\nhint: name a file of /etc/pam.d or /usr/lib/pam.d, such as sshd, sudo or login\n"
        );
        assert_eq!((seen.stdout.as_str(), seen.stderr, seen.code), ("", said, Some(1)));
    }
    stack(&rig, "loose");
    rig.folder.write("sshd", "auth include loose\n");
    let loose = rig.folder.path().join("loose");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    std::fs::set_permissions(&loose, open).unwrap();
    let seen = rehearse(&rig, &[]).end();
    let said = format!(
        "countersign: {}: is writable for others than its owner (mode 0666): chmod go-w\n\
         hint: a stack must be yours, and yours alone to write\n",
        loose.display()
    );
    assert_eq!((seen.stderr.as_str(), seen.code), (&*said, Some(1)));
    // What the service's own file says nothing of, libpam takes from there.
    stack(&rig, "sshd");
    rig.folder.write("other", "auth include loose\n");
    let seen = rehearse(&rig, &[]).end();
    assert_eq!((seen.stderr, seen.code), (said, Some(1)));
    stack(&rig, "su");
    std::fs::remove_file(rig.folder.path().join("other")).unwrap();
    let seen = rehearse(&rig, &["--service", "su", "--ruser", "no-such-user"]).end();
    let said = "countersign: there is no user no-such-user\nhint: name a user of this machine, not of the tenant\n";
    assert_eq!((seen.stderr.as_str(), seen.code), (said, Some(1)));
}

#[test]
fn without_a_terminal_nothing_is_asked() {
    let rig = Rig::new(ALICE);
    stack(&rig, "sshd");
    let mut command = Command::new("setsid");
    command.arg("--wait").arg(env!("CARGO_BIN_EXE_countersign"));
    command.args(["rehearse", &user(), "--stacks"]).arg(rig.folder.path());
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        (said.as_str(), output.status.code()),
        ("countersign: there is no terminal to ask on\n", Some(1))
    );
    assert_eq!(rig.actions(), [""; 0]);
}

/// An application that does not rehearse gets nothing, whatever the process's own environment says.
#[test]
fn no_other_application_gets_the_line() {
    let rig = Rig::new(ALICE);
    stack(&rig, "sshd");
    let mut answers = [PASSWORD, CODE].into_iter();
    let mut application =
        Application::start(rig.folder.path(), "sshd", &user(), |message| match message {
            Message::Hidden(_) | Message::Shown(_) => answers.next().unwrap().into(),
            Message::Info(_) | Message::Error(_) => Reply::Null,
        });
    assert_eq!(application.authenticate(0), pam_application::PAM_SUCCESS);
    assert_eq!(application.variable("COUNTERSIGN_AUDIT"), None);
    application.put_variable("COUNTERSIGN_REHEARSAL=0");
    assert_eq!(application.variable("COUNTERSIGN_REHEARSAL").as_deref(), Some("0"));
}

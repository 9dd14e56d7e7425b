//! `countersign login`, as it is typed at a terminal, against a simulated tenant: the dialogue, the
//! verdict, the exit code.

use std::process::Command;

use serde_json::json;

use crate::rig::person::NAME;
use crate::rig::{ALICE, CODE, PASSWORD, Rig, user};
use crate::support::terminal::{Seen, Terminal};
use simulator::What;

const CODE_PROMPT: &str = "Code from an authenticator (\"OATH OTP Client\").\nVerification code: ";
const PUSH_PROMPT: &str = "Press Enter for a push to approve on your phone (\"Mobile Authenticator\"), or type its code.\n\
     Verification code: ";

fn command(rig: &Rig, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.arg("--config").arg(rig.config()).arg("login").args(arguments.split_whitespace());
    command
}

fn start(rig: &Rig, arguments: &str) -> Terminal {
    let mut terminal = Terminal::start(&mut command(rig, &format!("{} {arguments}", user())));
    terminal.wait_for_unseen(&asked());
    terminal.type_line(PASSWORD);
    terminal
}

/// The question for the password.
fn asked() -> String {
    format!("Password of {}: ", user())
}

/// What there was to see, in which a time is written as N.
fn end(terminal: Terminal) -> Seen {
    let seen = terminal.end();
    let untimed = |text: &str| match (text.rfind(", "), text.rfind(" s.\n")) {
        (Some(from), Some(to)) if from < to => format!("{}, N{}", &text[..from], &text[to..]),
        _ => text.to_owned(),
    };
    Seen { stdout: untimed(&seen.stdout), ..seen }
}

#[test]
fn a_code_is_asked_for_and_the_verdict_is_said() {
    let rig = Rig::new(ALICE);
    let mut terminal = start(&rig, "");
    terminal.wait_for(CODE_PROMPT);
    terminal.type_line(CODE);
    assert_eq!(
        end(terminal),
        Seen {
            screen: format!("{}\n{CODE_PROMPT}{CODE}\n", asked()),
            stdout: "Granted: alice@example.com has met UP,OATH; 3 requests, N s.\n".into(),
            stderr: String::new(),
            code: Some(0),
        }
    );
    rig.audit().assert(&[("outcome", "granted"), ("service", "login")]);
}

#[test]
fn a_wrong_code_is_refused_with_a_reason_and_a_hint() {
    let rig = Rig::new(ALICE);
    let mut terminal = start(&rig, "--service sshd");
    terminal.wait_for(CODE_PROMPT);
    terminal.type_line("000000");
    let seen = end(terminal);
    assert_eq!(
        (seen.stdout.as_str(), seen.stderr.as_str(), seen.code),
        (
            "Refused (answer_refused): alice@example.com has tried UP,OATH; 3 requests, N s.\n",
            "countersign: the tenant refused this answer or an earlier one: Answer OATH\n\
             hint: try again; the tenant tells its administrators more, in its own log\n",
            Some(1)
        )
    );
    rig.audit().assert(&[("service", "sshd")]);
}

#[test]
fn a_tenant_that_takes_one_operation_in_a_request_is_told_of_with_the_switch_for_it() {
    let tenant = "[tenant]\nbatch_limit = -1\n";
    let scenario = ALICE.replace("[tenant]\n", tenant);
    let rig = Rig::new(&scenario.replace("[\"OATH\"]", "[\"OTP\"]"));
    let mut terminal = start(&rig, "");
    terminal.wait_for(PUSH_PROMPT);
    terminal.type_line("");
    let seen = end(terminal);
    assert_eq!(
        seen.stderr,
        "countersign: the tenant refused this answer or an earlier one: \
         in one request: Answer UP, StartOOB OTP\n\
         hint: try again; if the tenant refuses every user so, set tenant.multiple_operations = \"off\"\n"
    );
    rig.configure("[tenant]\nmultiple_operations = \"off\"");
    let mut terminal = start(&rig, "");
    terminal.wait_for(PUSH_PROMPT);
    terminal.type_line("");
    let phone = rig.simulator.phone();
    phone.approve(phone.wait(NAME, 0).id);
    assert_eq!(end(terminal).code, Some(0));
}

#[test]
fn a_push_is_waited_for() {
    let rig = Rig::new(&ALICE.replace("[\"OATH\"]", "[\"OTP\"]"));
    let mut terminal = start(&rig, "");
    terminal.wait_for(PUSH_PROMPT);
    terminal.type_line("");
    let phone = rig.simulator.phone();
    phone.approve(phone.wait(NAME, 0).id);
    let seen = end(terminal);
    assert!(seen.stdout.starts_with("Granted: alice@example.com has met UP,OTP; "), "{seen:?}");
    assert_eq!(seen.code, Some(0));
}

#[test]
fn ctrl_c_ends_a_wait_and_the_session() {
    let rig = Rig::new(&ALICE.replace("[\"OATH\"]", "[\"OTP\"]"));
    let mut terminal = start(&rig, "");
    terminal.wait_for(PUSH_PROMPT);
    terminal.type_line("");
    rig.simulator.phone().wait(NAME, 0);
    terminal.wait_for("and check the password.\n");
    terminal.press("\u{3}");
    assert_interrupted(&rig, end(terminal));
}

#[test]
fn ctrl_c_ends_a_question_and_the_session() {
    let rig = Rig::new(ALICE);
    let mut terminal = start(&rig, "");
    terminal.wait_for(CODE_PROMPT);
    terminal.press("\u{3}");
    assert_interrupted(&rig, end(terminal));
}

#[test]
fn ctrl_c_ends_the_wait_for_an_answer_that_the_tenant_holds() {
    let scenario = ALICE.replace("[\"OATH\"]", "[\"RADIUS\"]");
    let rig = Rig::new(&scenario);
    rig.simulator.change_user(NAME, &json!({ "radius_holds": true }));
    let mut terminal = start(&rig, "");
    terminal.wait_for("or push.\").\nVerification code: ");
    terminal.type_line("push");
    // Start, the password, the answer that is held.
    rig.simulator.wait_for_requests(3);
    terminal.press("\u{3}");
    assert_interrupted(&rig, end(terminal));
}

#[track_caller]
fn assert_interrupted(rig: &Rig, seen: Seen) {
    assert!(seen.stdout.starts_with("Refused (interrupted): alice@example.com "), "{seen:?}");
    assert_eq!(seen.stderr, "countersign: interrupted\nhint: try again\n");
    assert_eq!(seen.code, Some(1));
    assert_eq!(rig.actions().last().unwrap(), "Cleanup");
}

#[test]
fn ctrl_c_at_the_password_ends_it_before_the_tenant_is_asked() {
    let rig = Rig::new(ALICE);
    let mut terminal = Terminal::start(&mut command(&rig, &user()));
    terminal.wait_for_unseen(&asked());
    terminal.press("\u{3}");
    let seen = end(terminal);
    assert_eq!(
        (seen.stderr.as_str(), seen.code),
        (
            "countersign: a question was not answered: the caller can't ask the user\n\
             hint: try again; sshd asks only with KbdInteractiveAuthentication yes in sshd_config(5)\n",
            Some(1)
        )
    );
    assert!(rig.actions().is_empty());
}

#[test]
fn programs_get_an_object_without_a_secret() {
    let rig = Rig::new(ALICE);
    let mut terminal = start(&rig, "--json");
    terminal.wait_for(CODE_PROMPT);
    terminal.type_line(CODE);
    let seen = terminal.end();
    let object: serde_json::Value = serde_json::from_str(&seen.stdout).unwrap();
    for (key, value) in [
        ("outcome", "granted"),
        ("reason", "ok"),
        ("user", &user()),
        ("tenant_user", "alice@example.com"),
        ("service", "login"),
        ("rule", ""),
        ("detail", ""),
    ] {
        assert_eq!(object[key], value, "{key}");
    }
    assert_eq!(object["mechanisms"], serde_json::json!(["UP", "OATH"]));
    assert_eq!(object["requests"], 3);
    assert!(object["duration_ms"].is_u64());
    assert_eq!(object["attempt"].as_str().unwrap().len(), 16);
    assert_eq!(object["transaction"], "");
    assert!(!format!("{seen:?}").contains(PASSWORD), "{seen:?}");
    assert_eq!(seen.code, Some(0));
}

#[test]
fn nobody_is_asked_where_a_rule_exempts_them() {
    let me = user();
    let rig = Rig::with(ALICE, &format!("[[exempt]]\nname = \"me\"\nusers = [\"{me}\"]"));
    let seen = end(Terminal::start(&mut command(&rig, &me)));
    assert_eq!(
        seen,
        Seen {
            screen: String::new(),
            stdout: format!("Exempt: {me} is not asked; 0 requests, N s.\n"),
            stderr: format!(
                "countersign: the rule me exempts {me} for the service login: the tenant was not asked\n\
                 hint: --service names another service\n"
            ),
            code: Some(1),
        }
    );
}

#[test]
fn a_tenant_that_is_none_is_told_with_what_to_do() {
    let rig = Rig::new(ALICE);
    rig.simulator.fault(What::TlsUntrusted.once());
    let seen = end(start(&rig, ""));
    assert!(
        seen.stderr.starts_with("countersign: the reply can't be trusted: certificate refused: "),
        "{seen:?}"
    );
    assert!(
        seen.stderr.ends_with(
            "\nhint: are tenant.url and tenant.ca_file right? Is there a proxy in between?\n"
        ),
        "{seen:?}"
    );
    assert_eq!(seen.code, Some(1));
}

#[test]
fn without_a_terminal_and_with_a_wrong_configuration_nobody_is_asked() {
    use std::os::unix::process::CommandExt;
    let rig = Rig::new(ALICE);
    let failing = |rig: &Rig| {
        let mut command = command(rig, &user());
        // SAFETY: setsid is safe between fork and exec; a session of its own has no terminal.
        unsafe {
            command.pre_exec(|| match libc::setsid() {
                -1 => Err(std::io::Error::last_os_error()),
                _ => Ok(()),
            });
        }
        let output = command.output().unwrap();
        assert_eq!((output.stdout, output.status.code()), (Vec::new(), Some(1)));
        String::from_utf8(output.stderr).unwrap()
    };
    assert_eq!(
        failing(&rig),
        "countersign: there is no terminal to ask on\nhint: a login is asked for at a terminal\n"
    );
    rig.configure("[login]\nattempts = 9");
    let said = failing(&rig);
    assert!(said.contains("login.attempts: "), "{said}");
    assert!(said.ends_with("hint: countersign.toml(5) describes every key\n"), "{said}");
}

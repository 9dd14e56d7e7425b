//! The module as it is built, inside the real libpam, by an ordinary user: what libpam is told,
//! what the user sees.

use crate::pam_application::*;
use crate::rig::{ALICE, CODE, PASSWORD, Rig, module, user};

/// `required`, followed by a module that permits everything: a failure must stay one.
fn stack(rig: &Rig, arguments: &str) {
    let module = module();
    let config = rig.config();
    let (module, config) = (module.display(), config.display());
    let auth = format!(
        "auth required {module} config={config} {arguments}\nauth required pam_permit.so\n"
    );
    let account = format!("account required {module}\naccount required pam_permit.so\n");
    rig.folder.write("test", &format!("{auth}{account}"));
}

/// Runs one authentication; the answers are given in order, and every one must be asked for.
fn authenticate(rig: &Rig, answers: &[Reply]) -> (i32, Vec<Message>) {
    let mut seen = Vec::new();
    let mut answers = answers.iter();
    let code = {
        let mut application = Application::start(rig.folder.path(), "test", &user(), |message| {
            seen.push(message.clone());
            match message {
                Message::Hidden(_) | Message::Shown(_) => {
                    answers.next().expect("a question too many").clone()
                }
                Message::Info(_) | Message::Error(_) => Reply::Null,
            }
        });
        application.set_rhost("192.0.2.7");
        application.authenticate(PAM_SILENT)
    };
    assert_eq!(answers.next().map(|_| "an answer"), None, "no prompt asked for the last answer");
    (code, seen)
}

#[test]
fn a_password_and_a_code_open_the_door() {
    let rig = Rig::new(ALICE);
    stack(&rig, "");
    let (code, seen) = authenticate(&rig, &[PASSWORD.into(), CODE.into()]);
    let audit = rig.audit();
    assert_eq!(code, PAM_SUCCESS, "{}", audit.0);
    assert_eq!(
        seen,
        [
            Message::Hidden("Password: ".into()),
            Message::Shown(
                "Code from an authenticator (\"OATH OTP Client\").\nVerification code: ".into()
            ),
        ]
    );
    assert_eq!(rig.actions(), ["Start", "Answer+StartOOB", "Answer"]);
    audit.assert(&[
        ("outcome", "granted"),
        ("reason", "ok"),
        ("tenant_user", "alice@example.com"),
        ("service", "test"),
        ("rhost", "192.0.2.7"),
        ("mechanisms", "UP,OATH"),
        ("requests", "3"),
    ]);
}

/// A failure, with everything that was asked of the tenant.
fn refused(rig: &Rig, answers: &[Reply]) -> (i32, Vec<String>) {
    let (code, _) = authenticate(rig, answers);
    (code, rig.actions())
}

#[test]
fn a_wrong_code_stays_a_failure_whatever_the_rest_of_the_stack_says() {
    let rig = Rig::new(ALICE);
    stack(&rig, "");
    let (code, actions) = refused(&rig, &[PASSWORD.into(), "111111".into()]);
    assert_eq!(code, PAM_AUTH_ERR);
    assert_eq!(actions, ["Start", "Answer+StartOOB", "Answer"]);
    rig.audit().assert(&[("outcome", "denied"), ("reason", "answer_refused")]);
}

#[test]
fn an_application_without_an_answer_is_a_failed_conversation_and_nothing_is_answered() {
    for broken in [Reply::Null, Reply::NoAnswers, Reply::Fail] {
        let rig = Rig::new(ALICE);
        stack(&rig, "");
        let (code, actions) = refused(&rig, std::slice::from_ref(&broken));
        assert_eq!((code, actions), (PAM_CONV_ERR, vec![]), "{broken:?} for the password");
        let (code, actions) = refused(&rig, &[PASSWORD.into(), broken.clone()]);
        assert_eq!(code, PAM_CONV_ERR, "{broken:?} for the code");
        assert_eq!(actions, ["Start", "Cleanup"]);
    }
}

/// One authentication of an application that is set up so, with these answers and then none.
fn answered(rig: &Rig, answers: &[Reply], set_up: impl FnOnce(&mut Application<'_>)) -> i32 {
    let mut answers = answers.iter();
    let mut application = Application::start(rig.folder.path(), "test", &user(), |_| {
        answers.next().cloned().unwrap_or(Reply::Fail)
    });
    set_up(&mut application);
    application.authenticate(PAM_SILENT)
}

#[test]
fn a_host_that_is_not_text_is_still_another_host() {
    let elsewhere = "[[require]]\nnetworks = [\"198.51.100.0/24\"]\n";
    let rig = Rig::with(ALICE, elsewhere);
    stack(&rig, "");
    let code = answered(&rig, &[], |application| application.set_rhost(*b"192.0.2.7"));
    assert_eq!(code, PAM_SUCCESS);
    rig.audit().assert(&[("outcome", "exempt")]);
    let code = answered(&rig, &[], |application| application.set_rhost(*b"\xff"));
    assert_eq!(code, PAM_CONV_ERR);
    rig.audit().assert(&[("outcome", "denied"), ("rhost", "\\u{fffd}")]);
}

#[test]
fn a_user_without_a_name_that_is_text_is_not_called_unknown() {
    let rig = Rig::new(ALICE);
    stack(&rig, "");
    let password = [PASSWORD.into()];
    let code = answered(&rig, &password, |application| application.set_user(*b"\xff"));
    assert_eq!(code, PAM_AUTH_ERR);
    rig.audit().assert(&[("reason", "name_not_mapped")]);
    let code = answered(&rig, &[], |application| application.forget_user());
    assert_eq!(code, PAM_CONV_ERR);
    rig.audit().assert(&[("reason", "conversation")]);
}

#[test]
fn answers_that_can_not_be_sent_are_asked_for_again_and_not_for_ever() {
    let rig = Rig::new(ALICE);
    stack(&rig, "");
    let useless =
        [PASSWORD.into(), "".into(), Reply::Text(vec![b'1'; 600]), Reply::Text(vec![0xff, 0xfe])];
    let (code, actions) = refused(&rig, &useless);
    assert_eq!(code, PAM_MAXTRIES);
    assert_eq!(actions, ["Start", "Cleanup"]);
    rig.audit().assert(&[("reason", "tries")]);
}

#[test]
fn the_user_types_the_password_once_even_if_two_modules_want_it() {
    let rig = Rig::new(ALICE);
    let line = format!("auth required {} config={}\n", module().display(), rig.config().display());
    rig.folder.write("test", &format!("{line}{line}"));
    let (code, seen) = authenticate(&rig, &[PASSWORD.into(), CODE.into(), CODE.into()]);
    assert_eq!(code, PAM_SUCCESS);
    assert_eq!(seen.iter().filter(|m| matches!(m, Message::Hidden(_))).count(), 1, "{seen:?}");
}

#[test]
fn a_configuration_that_is_not_there_or_an_unknown_argument_is_a_service_error() {
    let rig = Rig::new(ALICE);
    for arguments in ["config=/nonexistent/countersign.toml", "nullok"] {
        stack(&rig, arguments);
        let (code, seen) = authenticate(&rig, &[]);
        assert_eq!(code, PAM_SERVICE_ERR, "{arguments}");
        // 2 s, which libpam makes up to half longer or shorter: sshd cuts off who is refused at
        // once, again and again.
        assert!((1_000_000..=3_000_000).contains(&last_delay()), "{arguments}");
        let text = "Login is not set up correctly on this system. Ask your administrator.";
        assert_eq!(seen, [Message::Error(text.into())]);
    }
    assert_eq!(rig.simulator.connections().accepted, 0);
}

#[test]
fn setcred_succeeds_and_asks_nobody() {
    let rig = Rig::new(ALICE);
    rig.folder.write("test", &format!("auth required {}\n", module().display()));
    let mut application =
        Application::start(rig.folder.path(), "test", &user(), |m| panic!("{m:?}"));
    for flags in [PAM_ESTABLISH_CRED, 4, 8, 16] {
        assert_eq!(application.setcred(flags), PAM_SUCCESS);
    }
    assert_eq!(rig.simulator.connections().accepted, 0);
}

#[test]
fn the_account_phase_grants_nothing() {
    let rig = Rig::new(ALICE);
    let account =
        format!("account sufficient {}\naccount required pam_deny.so\n", module().display());
    rig.folder.write("test", &account);
    let mut application =
        Application::start(rig.folder.path(), "test", &user(), |m| panic!("{m:?}"));
    assert_ne!(application.acct_mgmt(), PAM_SUCCESS);
}

#[test]
fn an_exempt_user_is_left_to_the_rest_of_the_stack() {
    let rule = format!("[[exempt]]\nname = \"robots\"\nusers = [\"{}\"]", user());
    let rig = Rig::with(ALICE, &rule);
    let line = format!("auth required {} config={}\n", module().display(), rig.config().display());
    rig.folder.write("test", &line);
    let (code, seen) = authenticate(&rig, &[]);
    assert_ne!(code, PAM_SUCCESS, "alone, an exemption is no login");
    rig.folder.write("test", &format!("{line}auth required pam_permit.so\n"));
    assert_eq!(authenticate(&rig, &[]).0, PAM_SUCCESS);
    assert_eq!(seen, []);
}

/// As pam_countersign(8) says of control words.
#[test]
fn an_exemption_is_a_refusal_where_the_control_word_does_not_ignore_it() {
    let rule = format!("[[exempt]]\nname = \"robots\"\nusers = [\"{}\"]", user());
    let rig = Rig::with(ALICE, &rule);
    for (word, is_in) in
        [("[success=ok default=bad]", false), ("[success=ok ignore=ignore default=bad]", true)]
    {
        let line = format!(
            "auth {word} {} config={}\nauth required pam_permit.so\n",
            module().display(),
            rig.config().display()
        );
        rig.folder.write("test", &line);
        assert_eq!(authenticate(&rig, &[]).0 == PAM_SUCCESS, is_in, "{word}");
    }
}

/// In a process of its own: the other tests open and close files meanwhile.
#[test]
fn nothing_is_left_behind_in_a_process_that_goes_on() {
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--ignored", "module::fifty_logins_and_a_count"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
#[ignore = "run by nothing_is_left_behind_in_a_process_that_goes_on"]
fn fifty_logins_and_a_count() {
    let rig = Rig::new(ALICE);
    stack(&rig, "");
    let answers = [PASSWORD.into(), CODE.into()];
    let own_descriptors = || {
        // The simulator lives in this process too: what it has open comes and goes.
        let links = std::fs::read_dir("/proc/self/fd").unwrap();
        let names = links.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
        names.filter(|name| !name.to_string_lossy().starts_with("socket:")).count()
    };
    assert_eq!(authenticate(&rig, &answers).0, PAM_SUCCESS);
    rig.audit();
    let before = own_descriptors();
    for _ in 0..50 {
        assert_eq!(authenticate(&rig, &answers).0, PAM_SUCCESS);
        rig.audit();
    }
    assert_eq!(own_descriptors(), before);
    let seen = rig.simulator.connections();
    assert_eq!((seen.accepted, seen.handshakes_full), (51, 51), "one connection a login");
}

#[test]
fn logins_in_threads_do_not_meet() {
    let rig = Rig::new(ALICE);
    stack(&rig, "");
    std::thread::scope(|scope| {
        let log_in = |code: &str| authenticate(&rig, &[PASSWORD.into(), code.into()]).0;
        let logins: Vec<_> = (0..8)
            .map(|n| if n % 2 == 0 { (CODE, PAM_SUCCESS) } else { ("111111", PAM_AUTH_ERR) })
            .map(|(code, expected)| (expected, scope.spawn(move || log_in(code))))
            .collect();
        for (expected, login) in logins {
            assert_eq!(login.join().unwrap(), expected);
        }
    });
}

/// What a binutils program prints about the module.
fn about_the_module(program: &str, option: &str) -> String {
    let output = std::process::Command::new(program).arg(option).arg(module()).output().unwrap();
    assert!(output.status.success(), "{program} {option}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_module_exports_its_three_entry_points_and_nothing_else() {
    let symbols = about_the_module("nm", "-D");
    let defined = symbols.lines().filter_map(|line| line.split_once(" T "));
    let mut names: Vec<_> = defined.map(|(_, name)| name).collect();
    names.sort_unstable();
    assert_eq!(names, ["pam_sm_acct_mgmt", "pam_sm_authenticate", "pam_sm_setcred"]);
}

#[test]
fn the_module_stays_loaded_and_needs_no_library_but_what_every_module_does() {
    let dynamic = about_the_module("readelf", "-d");
    assert!(dynamic.contains("NODELETE"), "{dynamic}");
    assert!(dynamic.contains("BIND_NOW") || dynamic.contains("NOW"), "{dynamic}");
    let needed = dynamic.lines().filter_map(|line| line.split_once("Shared library: ["));
    let mut needed: Vec<_> = needed.map(|(_, name)| name.trim_end_matches(']')).collect();
    // The unwinder is linked in where the compiler has it as a static library.
    needed.retain(|name| !name.starts_with("ld-linux") && *name != "libgcc_s.so.1");
    needed.sort_unstable();
    assert_eq!(needed, ["libc.so.6", "libpam.so.0"]);
}

//! `countersign explain`: what is said of a login, exactly, for people and for programs.

use crate::support::session;
use std::time::Duration;

use crate::support::machine::Machine;
use countersign::local::fingerprint;
use countersign::local::memory::{Circumstances, Scope};
use countersign::local::offline::record::Enrolment;
use countersign::local::offline::{Store, new_key};
use countersign::os::Session;
use countersign::policy::Push;

/// A machine whose stacks of sshd, sudo and su ask the module.
struct Protected(Machine);

impl std::ops::Deref for Protected {
    type Target = Machine;
    fn deref(&self) -> &Machine {
        &self.0
    }
}

impl Protected {
    /// What is said, without the line about the stack.
    fn run(&self, arguments: &[&str]) -> (String, String, i32) {
        let folder = self.0.0.join("stacks");
        let (out, err, code) =
            self.0.run(&[arguments, &["--stacks", folder.to_str().unwrap()]].concat());
        let lines =
            out.lines().filter(|line| !(line.starts_with("  stack ") && line.ends_with(":1 asks")));
        let out: String = lines.map(|line| format!("{line}\n")).collect();
        let (before, rest) = out.split_once("\"stack\":{").unwrap_or((&out, ""));
        let rest = rest.split_once("},").map_or("", |(_, rest)| rest);
        (format!("{before}{rest}"), err, code)
    }

    #[track_caller]
    fn prints(&self, arguments: &[&str], expected: &str) {
        let all = (expected.to_owned(), String::new(), 0);
        assert_eq!(self.run(arguments), all, "{arguments:?}");
    }

    fn stack(&self, service: &str, text: &str) {
        std::fs::write(self.0.0.join("stacks").join(service), text).unwrap();
    }
}

const ASKS: &str = "auth required pam_countersign.so\n";

/// A configuration on line 1 to 8, with `rest` behind it; everything that is kept is below DIR.
fn machine(rest: &str) -> (Protected, String) {
    let machine = Protected(Machine::new());
    std::fs::create_dir(machine.0.0.join("stacks")).unwrap();
    for service in ["sshd", "sudo", "su"] {
        machine.stack(service, ASKS);
    }
    let folder = machine.0.0.display();
    let text = format!(
        "[tenant]\nurl = \"https://tenant.example\"\n[state]\nfolder = \"{folder}/state\"\n\
         [users]\ntemplate = \"{{user}}@example.com\"\n[users.names]\nroot = \"alice@example.com\"\n{}",
        rest.replace("DIR", &folder.to_string())
    );
    machine.configure(&text);
    (machine, text)
}

/// What follows the first lines for a user without any record.
const USUAL: &str = "  \
  flow        login: password and other factors, at https://tenant.example
  factors     2 at least
  preferred   OTP, OATH, SMS, PF, RADIUS, EMAIL, SQ
  remembered  never: login.remember is 0s
  pushes      3 of 3 left in 10 min
";
const NO_CODES: &str = "  offline     no: offline.enabled is false\n";

#[test]
fn without_rules_everybody_must_and_nothing_is_made_on_the_way() {
    let (machine, _) = machine("");
    machine.prints(
        &["explain", "daemon"],
        &format!(
            "sshd for daemon: required\n  by          there is no [[require]]: every user must\n  \
             person      daemon (uid 1) as daemon@example.com, by users.template (line 6)\n{USUAL}{NO_CODES}"
        ),
    );
    assert!(!machine.0.0.join("state").exists(), "a question made a folder");
    machine.prints(
        &["explain", "root", "--rhost", "192.0.2.7"],
        &format!(
            "sshd for root from 192.0.2.7: required\n  by          there is no [[require]]: every user must\n  \
             person      root (uid 0) as alice@example.com, by users.names.root (line 8)\n{USUAL}{NO_CODES}"
        ),
    );
}

const RULES: &str = "\
[[exempt]]
name = \"backup\"
groups = [\"daemon\"]
networks = [\"192.0.2.0/24\", \"2001:db8::/32\"]
until = 2099-12-31
result = \"success\"
[[exempt]]
users = [\"daemon\"]
until = 2020-01-01
[[require]]
name = \"root\"
users = [\"root\"]
[[service.SUDO.require]]
name = \"admins\"
groups = [\"daemon\"]
";

#[test]
fn the_rule_that_exempts_is_named_with_its_line_and_its_end() {
    let (machine, _) = machine(RULES);
    machine.prints(
        &["explain", "daemon", "--rhost", "::ffff:192.0.2.7"],
        "sshd for daemon from ::ffff:192.0.2.7: exempt\n  \
           by          rule \"backup\" (line 9), until 2099-12-31\n  \
           result      success: nothing is asked\n",
    );
    machine.prints(
        &["explain", "daemon", "--rhost", "192.0.2.7", "--json"],
        "{\"account\":\"daemon\",\"not_matched\":[],\"notes\":[],\"outcome\":\"exempt\",\"result\":\"success\",\"rhost\":\"192.0.2.7\",\
         \"rule\":{\"line\":9,\"name\":\"backup\",\"until\":\"2099-12-31\"},\"ruser\":null,\"service\":\"sshd\",\
         \"tty\":\"ssh\",\"user\":\"daemon\"}\n",
    );
}

#[test]
fn rules_that_do_not_match_say_why_and_whom_none_names_is_left_alone() {
    let (machine, _) = machine(RULES);
    machine.prints(
        &["explain", "daemon", "--rhost", "198.51.100.7"],
        "sshd for daemon from 198.51.100.7: exempt\n  \
           by          no rule of [[require]] names this login\n  \
           result      ignore: as if the module were not in the stack\n  \
           note: exemption \"exempt[2]\" ended with 2020-01-01\n  \
           not matched: exempt rule \"backup\" (line 9): networks 192.0.2.0/24, 2001:db8::/32 do not hold 198.51.100.7\n  \
           not matched: exempt rule \"exempt[2]\" (line 15): ended with 2020-01-01\n  \
           not matched: require rule \"root\" (line 18): does not name \"daemon\"\n",
    );
    machine.prints(
        &["explain", "root", "--rhost", "host.example"],
        &format!(
            "sshd for root from host.example: required\n  by          rule \"root\" (line 18) of [[require]]\n  \
             person      root (uid 0) as alice@example.com, by users.names.root (line 8)\n{USUAL}{NO_CODES}  \
             not matched: exempt rule \"backup\" (line 9): networks 192.0.2.0/24, 2001:db8::/32 do not hold \"host.example\", \
             which is no address; \"root\" is not in daemon\n  \
             not matched: exempt rule \"exempt[2]\" (line 15): does not name \"root\"; ended with 2020-01-01\n"
        ),
    );
}

#[test]
fn a_service_has_rules_of_its_own_whatever_the_case_of_its_name() {
    let (machine, _) = machine(RULES);
    let (out, _, code) = machine.run(&["explain", "daemon", "--service", "Sudo"]);
    let begin =
        "sudo for daemon: required\n  by          rule \"admins\" (line 21) of [[require]]\n";
    assert!(out.starts_with(begin), "{out}");
    assert_eq!(code, 0);
}

#[test]
fn a_refusal_comes_with_its_reason_and_its_remedy() {
    let (machine, _) = machine("[service.su.login]\nperson = \"caller\"\n");
    machine.prints(
        &["explain", "no\nbody"],
        "sshd for no\\nbody: refused\n  \
           reason      unknown_user: there is no such user\n  \
           remedy      name a user of this machine\n",
    );
    machine.prints(
        &["explain", "root", "--service", "su"],
        "su for root: refused\n  \
           reason      no_caller: login.person asks about the caller, which this program does not name\n  \
           detail      login.person asks about the caller, which this program does not name\n  \
           remedy      name another service with --service\n",
    );
    machine.prints(
        &["explain", "no\nbody", "--json"],
        "{\"account\":null,\"detail\":\"\",\"meaning\":\"there is no such user\",\"not_matched\":[],\"notes\":[],\
         \"outcome\":\"refused\",\"reason\":\"unknown_user\",\"remedy\":\"name a user of this machine\",\
         \"rhost\":null,\"ruser\":null,\"service\":\"sshd\",\"tty\":\"ssh\",\"user\":\"no\\nbody\"}\n",
    );
}

#[test]
fn the_caller_is_asked_about_in_place_of_the_account() {
    let (machine, _) = machine("[service.su.login]\nperson = \"both\"\n");
    let (out, _, _) = machine.run(&["explain", "root", "--service", "su", "--ruser", "daemon"]);
    let whom: Vec<_> = out.lines().filter(|line| line.starts_with("  person")).collect();
    assert_eq!(
        whom,
        [
            "  person      daemon (uid 1) as daemon@example.com, by users.template (line 6)",
            "  person      root (uid 0) as alice@example.com, by users.names.root (line 8)",
        ]
    );
    assert!(out.starts_with("su for root by daemon: required\n"), "{out}");
}

const KEY: &str = "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU";

#[test]
fn a_key_has_an_owner_and_a_flow_of_its_own() {
    let (machine, _) = machine(&format!(
        "[users.keys]\n\"{KEY}\" = \"carol@example.com\"\n[login]\nafter_public_key = \"on-demand\"\n\
         [on_demand]\napp = \"a\"\nclient_id = \"c\"\nclient_secret_file = \"DIR/secret\"\nscope = \"s\"\npolicy = \"p\"\n"
    ));
    let secret = machine.0.0.join("secret");
    std::fs::write(&secret, "hunter2").unwrap();
    let closed = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&secret, closed).unwrap();
    let (out, _, _) = machine.run(&["explain", "daemon", "--key", KEY]);
    assert!(
        out.contains(
            "person      daemon (uid 1) as carol@example.com, by users.keys (line 10)\n  \
             flow        on-demand: the challenges of policy \"p\" and no password, at https://tenant.example\n"
        ),
        "{out}"
    );
}

/// A file says what a fingerprint does not: that the key is a security key.
#[test]
fn a_security_key_is_known_by_its_file() {
    let (machine, _) = machine("[service.sshd.login]\nsecurity_key = \"enough\"\n");
    let keys = include_str!("keys/public_keys.txt").lines();
    let mut keys = keys.filter_map(|line| line.split_once(' '));
    let (fingerprint, key) = keys.find(|(_, key)| key.starts_with("sk-")).unwrap();
    let file = machine.0.0.join("id.pub");
    std::fs::write(&file, format!("{key} alice\n")).unwrap();
    let (out, _, _) = machine.run(&["explain", "daemon", "--key", file.to_str().unwrap()]);
    assert!(out.starts_with("sshd for daemon: granted\n"), "{out}");
    assert!(out.contains("key         a security key, enough: the tenant is not asked"), "{out}");
    for other in [fingerprint, KEY] {
        let (out, _, _) = machine.run(&["explain", "daemon", "--key", other]);
        assert!(out.starts_with("sshd for daemon: required\n"), "{out}");
    }
    std::fs::write(&file, "# no key\n").unwrap();
    let (_, err, code) = machine.run(&["explain", "daemon", "--key", file.to_str().unwrap()]);
    assert!(err.contains("the file has no public key"), "{err}");
    assert_eq!(code, 2);
}

/// Who is not root can't know what the module will find.
#[test]
fn a_file_that_a_login_needs_and_does_not_find_is_what_refuses_it() {
    let (machine, _) = machine("");
    let text = std::fs::read_to_string(machine.0.0.join("countersign.toml")).unwrap();
    let ca_file = format!("ca_file = \"{}/ca.pem\"\n[state]", machine.0.0.display());
    machine.configure(&text.replace("[state]", &ca_file));
    let (out, _, code) = machine.run(&["explain", "daemon"]);
    let expected = match countersign::os::real_uid() {
        0 => {
            "sshd for daemon: refused\n  \
               reason      misconfigured: the configuration is wrong\n  \
               detail      DIR/ca.pem: does not exist\n  \
               remedy      countersign.toml(5) describes every key\n"
        }
        _ => "sshd for daemon: required\n",
    };
    assert!(out.starts_with(expected), "{out}");
    assert_eq!(code, 0);
}

#[test]
fn a_confirmation_and_pushes_that_were_sent_are_told() {
    session::lead();
    let (machine, text) = machine("[service.sudo.login]\nremember = \"5m\"\n");
    let state = machine.state();
    let limits =
        Push { count: 3, window: Duration::from_secs(600), pause: Duration::from_secs(600) };
    let ringing = state.spend("daemon@example.com", limits).unwrap();
    ringing.ok().unwrap().answered().unwrap();
    let circumstances = Circumstances {
        uid: 1,
        tenant_user: "daemon@example.com".into(),
        tty: "/dev/pts/1".into(),
        rhost: String::new(),
        real_uid: 1,
        account: "daemon".into(),
        configuration: fingerprint(text.as_bytes()),
    };
    let scope = Scope::StepUp { service: "sudo".into(), session: Session::own().unwrap() };
    state.remember(circumstances, scope, Duration::from_secs(300)).unwrap();
    let kept = |arguments: &[&str]| {
        let (out, _, _) =
            machine.run(&[&["explain", "daemon", "--service", "sudo"], arguments].concat());
        let out = out.replace("4 min 59 s", "5 min");
        let lines = out
            .lines()
            .filter(|line| line.starts_with("  remembered") || line.starts_with("  pushes"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let confirmed = "  remembered  confirmed 0 s ago on /dev/pts/1: not asked in that session for another 5 min";
    let pushes = "  pushes      2 of 3 left in 10 min";
    assert_eq!(kept(&[]), [confirmed, pushes]);
    assert_eq!(kept(&["--tty", "/dev/pts/1"]), [confirmed, pushes]);
    let nothing = "  remembered  nothing: the person is asked";
    assert_eq!(kept(&["--tty", "/dev/pts/2"]), [nothing, pushes]);
    state.deny("daemon@example.com", &[], limits).unwrap();
    let paused = kept(&[]);
    let paused = paused.last().unwrap().replace("9 min 59 s", "10 min");
    assert_eq!(
        paused,
        "  pushes      none for another 10 min: the last one was refused; codes work meanwhile"
    );
}

#[test]
fn an_offline_code_is_possible_for_whoever_is_enrolled() {
    let (machine, _) = machine(
        "[offline]\nenabled = true\nfirst_factor = \"pam_unix\"\nmax_logins = 2\nfolder = \"DIR/kept\"\n",
    );
    let offline = || {
        let (out, _, _) = machine.run(&["explain", "daemon"]);
        out.lines().find(|line| line.starts_with("  offline")).unwrap().to_owned()
    };
    assert_eq!(offline(), "  offline     no: the user is not enrolled");
    assert!(!machine.0.0.join("kept").exists(), "a question made a folder");
    let store = Store::open(&machine.0.0.join("kept")).unwrap();
    let mut enrolment = Enrolment::new(1, "daemon", new_key().unwrap(), store.now()).unwrap();
    store.enroll(&enrolment.record).unwrap();
    assert_eq!(
        offline().replace(" 1 s ago", " 0 s ago"),
        "  offline     yes, while the tenant does not answer and pam_unix has verified a password: 0 of 2 logins used, \
         last online 0 s ago of 168 h"
    );
    store.remove(1).unwrap();
    enrolment.record.logins = 2;
    store.enroll(&enrolment.record).unwrap();
    assert_eq!(offline(), "  offline     no: 2 offline logins since the last online one");
}

#[test]
fn the_object_for_programs_says_the_same() {
    let (machine, _) = machine("");
    machine.prints(
        &["explain", "daemon", "--json"],
        "{\"account\":\"daemon\",\"not_matched\":[],\"notes\":[],\"outcome\":\"required\",\"people\":[{\"flow\":\"login\",\"mapped_by\":{\"key\":\
         \"users.template\",\"line\":6},\"minimum_factors\":2,\"offline\":{\"possible\":false,\"why\":\"offline.enabled is \
         false\"},\"policy\":null,\"preferred\":[\"OTP\",\"OATH\",\"SMS\",\"PF\",\"RADIUS\",\"EMAIL\",\"SQ\"],\"pushes\":\
         {\"count\":3,\"left\":3,\"wait_seconds\":0},\"remembered\":{\"found\":[]},\"required_by\":null,\"security_key\":null,\"tenant\":\
         \"https://tenant.example\",\"tenant_user\":\"daemon@example.com\",\"uid\":1,\"user\":\"daemon\"}],\"rhost\":null,\
         \"ruser\":null,\"service\":\"sshd\",\"tty\":\"ssh\",\"user\":\"daemon\"}\n",
    );
}

#[test]
fn wrong_use_is_told() {
    let (machine, _) = machine("");
    for (arguments, said) in [
        (vec!["explain"], "required arguments were not provided"),
        (vec!["explain", "root", "--key", "x"], "expected the file of a public key, or SHA256:"),
        (vec!["explain", "root", "--key", KEY, "--tty", "ssh"], "cannot be used with"),
    ] {
        let (out, err, code) = machine.run(&arguments);
        assert_eq!((out.as_str(), code), ("", 2), "{arguments:?}");
        assert!(err.contains(said), "{arguments:?}: {err}");
    }
    machine.fails(
        &["explain", "root", "--ruser", "nobody\u{1b}"],
        "countersign: there is no user nobody\\u{1b}\nhint: name a user of this machine, not of the tenant\n",
        1,
    );
    machine.configure("[tenant]\nurl = \"https://tenant.example\"\nattempts = 3\n");
    let (out, err, code) = machine.run(&["explain", "root"]);
    assert_eq!((out.as_str(), code), ("", 1));
    assert!(
        err.starts_with("countersign: DIR/countersign.toml:\n  line 3: tenant.attempts:"),
        "{err}"
    );
}

/// The lines that say whether the module is asked.
fn about_the_stack(machine: &Protected, service: &str) -> Vec<String> {
    let folder = machine.0.0.join("stacks");
    let arguments =
        ["explain", "daemon", "--service", service, "--stacks", folder.to_str().unwrap()];
    let (out, err, code) = machine.0.run(&arguments);
    assert_eq!((err.as_str(), code), ("", 0));
    let count = if out.contains("not asked") { 3 } else { 2 };
    out.lines().take(count).map(str::to_owned).collect()
}

#[test]
fn a_service_whose_stack_does_not_ask_is_not_said_to_require_anything() {
    let (machine, _) = machine("");
    assert_eq!(
        about_the_stack(&machine, "sshd"),
        ["sshd for daemon: required", "  stack       DIR/stacks/sshd:1 asks"]
    );
    machine.stack("login", "auth required pam_unix.so\n");
    assert_eq!(
        about_the_stack(&machine, "login"),
        [
            "login for daemon: not asked",
            "  stack       no line of DIR/stacks/login names pam_countersign.so, and none that it includes",
            "  if asked    required",
        ]
    );
    machine.stack(
        "common-auth",
        &format!("auth [success=1 default=ignore] pam_succeed_if.so service notin sshd:sudo quiet\n{ASKS}auth required pam_unix.so\n"),
    );
    machine.stack("login", "@include common-auth\n");
    assert_eq!(
        about_the_stack(&machine, "login")[1],
        "  stack       DIR/stacks/common-auth:1 leaves this service out: \
         auth [success=1 default=ignore] pam_succeed_if.so service notin sshd:sudo quiet"
    );
    machine.stack("SSHD", "");
    machine.stack("sshd", "@include common-auth\n");
    assert_eq!(about_the_stack(&machine, "SSHD")[1], "  stack       DIR/stacks/common-auth:2 asks");
    assert!(
        about_the_stack(&machine, "cron")[1]
            .starts_with("  stack       there is no DIR/stacks/cron, and")
    );
    machine.stack("other", &format!("{ASKS}{ASKS}"));
    assert_eq!(
        about_the_stack(&machine, "cron")[1],
        "  stack       DIR/stacks/other:1 and DIR/stacks/other:2 ask"
    );
}

#[test]
fn a_program_is_told_that_the_module_is_not_asked() {
    let (machine, _) = machine("");
    machine.stack("login", "auth required pam_unix.so\n");
    let (out, _, _) = machine.run(&["explain", "daemon", "--service", "login", "--json"]);
    assert!(
        out.contains("\"if_asked\":\"required\"") && out.contains("\"outcome\":\"not_asked\""),
        "{out}"
    );
}

#[test]
fn the_configuration_that_the_stack_names_is_the_one_that_counts() {
    let (machine, _) = machine("");
    let config = machine.0.0.join("countersign.toml");
    machine
        .stack("sshd", &format!("auth required pam_countersign.so config={}\n", config.display()));
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["explain", "daemon", "--stacks"])
        .arg(machine.0.0.join("stacks"))
        .output()
        .unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    let expected = format!(
        "  stack       {}/stacks/sshd:1 asks, by {}",
        machine.0.0.display(),
        config.display()
    );
    assert_eq!(out.lines().nth(1), Some(expected.as_str()));
}

#[test]
fn a_rule_by_network_asks_where_the_session_came_from() {
    let rules = "[[exempt]]\nname = \"office\"\nnetworks = [\"192.0.2.0/24\"]\n[[require]]\nname = \"remote\"\nnetworks = [\"0.0.0.0/0\", \"::/0\"]\n";
    let (machine, _) = machine(rules);
    for (from, first) in [
        (&[][..], "sudo for daemon: required\n"),
        (&["--session-from", "198.51.100.7"], "sudo for daemon: required\n"),
        (&["--session-from", "192.0.2.7"], "sudo for daemon: exempt\n"),
        (&["--session-from", "here"], "sudo for daemon: exempt\n"),
    ] {
        let arguments = [&["explain", "daemon", "--service", "sudo"], from].concat();
        let (said, ..) = machine.run(&arguments);
        assert!(said.starts_with(first), "{from:?}: {said}");
    }
    let (said, ..) = machine.run(&["explain", "daemon", "--service", "sudo"]);
    let missed = "network 192.0.2.0/24 does not hold a session from a place that is not known";
    assert!(said.contains(missed), "{said}");
}

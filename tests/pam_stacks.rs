//! The reader of PAM stacks and the search over them against the real libpam: generated stacks, and lines that
//! are hard to read.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "it/pam_application.rs"]
mod pam_application;

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use pam_application::{Application, Reply};
use pam_stack::code::Code;
use pam_stack::dispatch::State;
use pam_stack::module::{Role, World, codes, role};
use pam_stack::search::{Answer, ends};
use pam_stack::stack::{Handler, Job, Kind, read};
use proptest::prelude::*;

/// A folder of service files.
struct Services(PathBuf);

impl Services {
    fn new(files: &[(&str, &str)]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path =
            PathBuf::from(format!("/tmp/countersign-stacks-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        for (name, text) in files {
            // libpam looks for what is included in /etc/pam.d, whatever the folder of the service
            // is.
            let text = text.replace("DIR", path.to_str().unwrap());
            fs::write(path.join(name), text).unwrap();
        }
        Self(path)
    }

    /// What libpam says of the service `test`.
    fn real(&self) -> i32 {
        let application = Application::try_start(&self.0, "test", "root", |_| Reply::Null);
        application.map_or_else(|code| code, |mut application| application.authenticate(0))
    }

    /// What we say.
    fn ours(&self) -> i32 {
        let source = |name: &str| fs::read_to_string(self.0.join(name)).ok();
        let stack = read(&source, "test", Kind::Auth);
        if stack.broken.is_some() {
            return 26;
        }
        i32::try_from(verdict(&stack.handlers, said).number()).unwrap()
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What the application is told if each line says what `code` makes of it.
fn verdict(handlers: &[Handler], code: impl Fn(&Handler) -> Code) -> Code {
    let mut state = State::new();
    while let Some((_, handler)) = state.turn(handlers) {
        state = state.after(handlers, code(handler)).0;
    }
    state.verdict()
}

/// What a module of the system says by its arguments.
fn said(handler: &Handler) -> Code {
    let Job::Module { path, arguments } = &handler.job else {
        return Code::PERM_DENIED;
    };
    match path.as_str() {
        "pam_permit.so" => Code::SUCCESS,
        "pam_deny.so" => Code::AUTH_ERR,
        "pam_debug.so" => {
            let code = arguments.iter().find_map(|word| word.strip_prefix("auth="));
            code.and_then(Code::named).unwrap_or(Code::SUCCESS)
        }
        _ => Code::MODULE_UNKNOWN,
    }
}

#[track_caller]
fn agree(files: &[(&str, &str)]) -> i32 {
    let services = Services::new(files);
    let real = services.real();
    assert_eq!(services.ours(), real, "{files:?}");
    real
}

/// The module that is looked for may say anything.
fn world(kind: Kind, first_factor: Option<&str>) -> World<'_> {
    const ANSWERS: [Code; 6] = [
        Code::SUCCESS,
        Code::IGNORE,
        Code::AUTH_ERR,
        Code::AUTHINFO_UNAVAIL,
        Code::PERM_DENIED,
        Code::MODULE_UNKNOWN,
    ];
    let sought = &["pam_countersign"];
    World { kind, service: "test", sought, answers: &ANSWERS, exists: &|_| true, first_factor }
}

/// One line of a stack that libpam can read.
fn line() -> impl Strategy<Value = String> {
    let code = prop::sample::select(vec![
        "success",
        "success",
        "success",
        "auth_err",
        "ignore",
        "perm_denied",
        "new_authtok_reqd",
        "authinfo_unavail",
        "user_unknown",
    ]);
    let module = prop_oneof![
        8 => code.prop_map(|code| format!("pam_debug.so auth={code}")),
        1 => Just("pam_permit.so".to_owned()),
        1 => Just("pam_deny.so".to_owned()),
        1 => Just("pam_missing.so".to_owned()),
    ];
    let rule = (control(), module).prop_map(|(control, module)| format!("auth {control} {module}"));
    prop_oneof![
        12 => rule,
        1 => Just("auth include DIR/second".to_owned()),
        2 => Just("auth substack DIR/second".to_owned()),
        1 => Just("@include DIR/second".to_owned()),
        1 => Just("account required pam_deny.so".to_owned()),
    ]
}

fn control() -> impl Strategy<Value = String> {
    let value = prop::sample::select(vec![
        "success",
        "default",
        "ignore",
        "auth_err",
        "new_authtok_reqd",
        "module_unknown",
        "perm_denied",
        "authinfo_unavail",
        "user_unknown",
        "succes",
    ]);
    let action = prop::sample::select(vec![
        "ok", "done", "bad", "die", "ignore", "reset", "1", "2", "3", "12", "end", "okay", "0",
    ]);
    let pair = (value, action).prop_map(|(value, action)| format!("{value}={action}"));
    let usual = prop::sample::select(vec![
        "required",
        "requisite",
        "sufficient",
        "optional",
        "Required",
        "binding",
    ]);
    prop_oneof![
        usual.prop_map(str::to_owned),
        prop::collection::vec(pair, 1..4).prop_map(|pairs| format!("[{}]", pairs.join(" "))),
    ]
}

fn file(lines: impl Into<prop::collection::SizeRange>) -> impl Strategy<Value = String> {
    prop::collection::vec(line(), lines).prop_map(|lines| lines.join("\n") + "\n")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_stack_libpam_says_the_same(
        test in file(1..7),
        second in prop::collection::vec(line().prop_filter("ends", |line| !line.contains("second")), 0..4),
    ) {
        let second = second.join("\n");
        agree(&[("test", &test), ("second", &second), ("other", "auth required pam_deny.so\n")]);
    }
}

/// A line of a service in which we stand somewhere, and whatever modules around us.
fn line_with_ours() -> impl Strategy<Value = String> {
    let module = prop::sample::select(vec![
        "pam_countersign",
        "pam_countersign",
        "pam_unix",
        "pam_sss",
        "pam_env",
        "pam_succeed_if",
        "pam_rootok",
        "pam_permit",
        "pam_deny",
    ]);
    let rule =
        (control(), module).prop_map(|(control, module)| format!("auth {control} {module}.so"));
    prop_oneof![8 => rule, 1 => Just("auth substack second".to_owned()), 1 => Just("@include second".to_owned())]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_way_through_a_stack_is_overlooked(
        test in prop::collection::vec(line_with_ours(), 1..7),
        second in prop::collection::vec(line_with_ours().prop_filter("ends", |line| !line.contains("second")), 0..4),
        choices in prop::collection::vec(any::<prop::sample::Index>(), 24),
    ) {
        let files = [("test", test.join("\n")), ("second", second.join("\n"))];
        let source = |name: &str| files.iter().find(|(file, _)| *file == name).map(|(_, text)| text.clone());
        let handlers = read(&source, "test", Kind::Auth).handlers;
        let world = world(Kind::Auth, Some("pam_unix"));
        let all = ends(&handlers, &world).expect("few ways");
        let mut state = State::new();
        let mut choices = choices.iter();
        let (mut ours, mut first_refusal) = (Vec::new(), None);
        while let Some((_, handler)) = state.turn(&handlers) {
            let possible = codes(handler, &world);
            let code = *choices.next().expect("a choice for each line").get(&possible);
            if role(handler, world.sought) == Role::Sought {
                ours.push(code);
                let is_refusal = code != Code::SUCCESS && code != Code::IGNORE;
                first_refusal = first_refusal.or(is_refusal.then_some(code));
            }
            state = state.after(&handlers, code).0;
        }
        let expected = match first_refusal {
            Some(code) => Answer::Refused(code),
            None if ours.contains(&Code::SUCCESS) => Answer::Granted,
            None if ours.is_empty() => Answer::NotAsked,
            None => Answer::Exempt,
        };
        let is_in = state.verdict() == Code::SUCCESS;
        let is_known = all.iter().any(|end| end.is_in() == is_in && end.facts.answer == expected);
        prop_assert!(is_known, "{files:?}: in {is_in}, ours {expected:?}");
    }
}

#[test]
fn lines_that_are_hard_to_read_are_read_as_libpam_reads_them() {
    for text in [
        "",
        "auth required pam_permit.so",
        "AUTH\tREQUIRED pam_permit.so",
        "auth required \\\n pam_permit.so\n",
        "auth required \\\n# a comment\n pam_permit.so\n",
        "auth required \\\n\n pam_permit.so\n",
        "auth required pam_debug.so \\\n auth=auth_err # \\\nauth required pam_permit.so\n",
        "auth required pam_permit.so \\  \nauth required pam_deny.so\n",
        "auth required pam_permit.so\\\nauth required pam_deny.so\n",
        "# auth required pam_deny.so \\\nauth required pam_permit.so\n",
        "auth required pam_permit.so \\\n",
        "auth required pam_permit.so # and \\\nauth required pam_deny.so\n",
        "auth required pam_permit.so#glued\n",
        "-auth required pam_missing.so\nauth required pam_permit.so\n",
        "-auth optional pam_missing.so\nauth required pam_permit.so\n",
        "auth optional pam_missing.so\nauth required pam_permit.so\n",
        "auth\nauth required pam_permit.so\n",
        "auth required\nauth required pam_permit.so\n",
        "auth optional\nauth required pam_permit.so\n",
        "auht optional pam_permit.so\nauth required pam_permit.so\n",
        "auht required pam_permit.so\nauth required pam_permit.so\n",
        "- required pam_permit.so\nauth required pam_permit.so\n",
        "auth [success=ok  default=bad]pam_permit.so\n",
        "auth [ success = ok default = bad ] pam_permit.so\n",
        "auth [success=okdefault=bad] pam_permit.so\n",
        "auth [success=1default=bad] pam_permit.so\nauth required pam_deny.so\nauth required pam_permit.so\n",
        "auth [default=bad success=ok] pam_permit.so\n",
        "auth [success=ok\\] default=bad] pam_permit.so\n",
        "auth [success=ok default=bad pam_permit.so\n",
        "auth [] pam_permit.so\n",
        "auth [SUCCESS=ok default=bad] pam_permit.so\n",
        "auth [success=end default=ignore] pam_permit.so\nauth required pam_permit.so\n",
        "auth [default=ignore success=end] pam_permit.so\nauth required pam_permit.so\n",
        "auth success=ok pam_permit.so\n",
        "auth required pam_debug.so [auth=auth_err]\n",
        "auth required pam_debug.so [auth=auth_err] x\n",
        "auth required [pam_permit.so]\n",
        "auth required pam_permit\n",
        "auth include DIR/missing\nauth required pam_permit.so\n",
        "auth substack DIR/missing\nauth required pam_permit.so\n",
        "@include DIR/missing\nauth required pam_permit.so\n",
        "@INCLUDE DIR/second\nauth required pam_permit.so\n",
        "auth required pam_permit.so\n@include DIR/second\n",
        "auth required pam_permit.so\nauth include DIR/second\n",
        "account required pam_permit.so\n",
        "account include DIR/second\n",
        "auth required pam_permit.so\r\n",
        "auth required pam_permit.so\nauth required pam_\u{e4}.so\n",
        "auth required pam_debug.so auth=acct_expired\nauth required pam_permit.so\n",
        "auth optional pam_debug.so auth=new_authtok_reqd\n",
        "auth [incomplete=ok default=done] pam_permit.so\n",
        "\x0bauth required pam_permit.so\n",
        "auth [success=ok\x0bdefault=bad] pam_permit.so\n",
        "auth [success=4294967297 default=bad] pam_permit.so\nauth required pam_deny.so\n",
    ] {
        let second = "auht optional pam_permit.so\naccount required pam_deny.so\nauth required pam_deny.so\n";
        agree(&[("test", text), ("second", second), ("other", "auth required pam_permit.so\n")]);
    }
}

#[test]
fn every_return_value_has_its_word() {
    for code in Code::all() {
        let text = format!("auth [{code}=ok default=bad] pam_debug.so auth={code}\n");
        let real = agree(&[("test", &text), ("other", "")]);
        assert_eq!(usize::try_from(real).unwrap(), code.number(), "{code}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_file_holds_it_is_read_to_an_end(test in "([ -~\\t\\n\u{0}-\u{ff}]|auth |sufficient |\\[success=|pam_countersign.so\n|include test\n){0,40}") {
        let source = |name: &str| (name == "test").then(|| test.clone());
        for kind in Kind::ALL {
            let handlers = read(&source, "test", kind).handlers;
            let world = world(kind, None);
            let _ = ends(&handlers, &world);
        }
    }
}

#[test]
fn a_stack_that_is_too_large_is_given_up() {
    let long = "auth required pam_countersign.so\n".repeat(1001);
    let handlers = read(&|_| Some(long.clone()), "test", Kind::Auth).handlers;
    assert_eq!(ends(&handlers, &world(Kind::Auth, None)), None);
}

#[test]
fn a_reset_in_a_substack_goes_back_to_where_it_began() {
    let inner = "auth required pam_deny.so\nauth [default=reset] pam_permit.so\n";
    for (first, code) in [("permit", 0), ("deny", 7)] {
        let test = format!("auth required pam_{first}.so\nauth substack DIR/second\n");
        assert_eq!(agree(&[("test", &test), ("second", inner), ("other", "")]), code);
    }
}

#[test]
fn files_within_files_are_followed_as_deep_as_libpam_follows_them() {
    for word in ["@include", "auth include", "auth substack"] {
        let last = ("f14".to_owned(), "auth required pam_deny.so\n".to_owned());
        let inner = (0..14).map(|n| (format!("f{n}"), format!("{word} DIR/f{}\n", n + 1)));
        let first = ("test".to_owned(), format!("{word} DIR/f0\n"));
        let files: Vec<_> = inner.chain([last, first]).collect();
        let files = files.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        assert_eq!(agree(&files.collect::<Vec<_>>()), 7, "{word}");
    }
    let files = [("test", "auth substack DIR/test\n"), ("other", "auth required pam_permit.so\n")];
    assert_eq!(Services::new(&files).ours(), 6, "an end to what libpam would follow for long");
    let many = "@include DIR/test\n".repeat(10);
    assert_eq!(Services::new(&[("test", &many)]).ours(), 26, "and to what it would not survive");
    let many = "auth include DIR/test\n".repeat(10);
    assert_eq!(Services::new(&[("test", &many)]).ours(), 6, "and to that");
}

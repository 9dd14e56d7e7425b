//! `countersign britive`, as it is typed, against a simulated tenant: what is seen on the terminal,
//! and what is not.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use crate::support::terminal::{Seen, Terminal};
use countersign::{os, words};
use simulator::{Simulator, Spelling, What};
use totp_rs::{Algorithm, Builder, Secret};

const SECRET: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
const ALICE: &str = "alice012345678901234";
const BOB: &str = "bob01234567890123456";
const TOKEN: &str = "alices-token";
const ASKED: &str = "Britive token: \n";
const CODE_HINT: &str =
    "hint: wait for the next code, and check the clock of the device that shows the codes\n";

/// A tenant, and a machine that knows it.
struct World {
    tenant: Simulator,
    folder: PathBuf,
}

impl World {
    /// Alice has nothing yet, and a token of each kind; Bob is an administrator, and has an
    /// authenticator.
    fn new(settings: &str) -> World {
        let tenant = Simulator::start(&format!(
            r#"
            [britive]
            {settings}
            [[britive.user]]
            id = "{ALICE}"
            name = "alice"
            [britive.user.tokens]
            TOKEN = "{TOKEN}"
            Bearer = "{}"
            WorkloadToken = "{}"
            [[britive.user]]
            id = "{BOB}"
            name = "bob"
            tokens = {{ TOKEN = "bobs-token" }}
            admin = true
            secret = "{SECRET}"
            "#,
            bearer(),
            workload(),
        ));
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = format!("/tmp/countersign-britive-{}-{number}", std::process::id());
        fs::DirBuilder::new().mode(0o700).create(&path).unwrap();
        let world = World { folder: path.into(), tenant };
        world.write("ca.pem", world.tenant.ca_pem(), 0o644);
        world.configure("");
        world.write("alice", &format!("{TOKEN}\n"), 0o600);
        world.write("bob", "bobs-token\n", 0o600);
        world
    }

    fn configure(&self, more: &str) {
        let (url, folder) = (self.tenant.url(), self.folder.display());
        self.write(
            "countersign.toml",
            &format!(
                "[tenant]\nurl = 'https://tenant.example'\n[britive]\nurl = '{url}'\nca_file = '{folder}/ca.pem'\n{more}"
            ),
            0o644,
        );
    }

    fn write(&self, name: &str, text: &str, mode: u32) {
        let path = self.folder.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command
            .current_dir(&self.folder)
            .args(["--config", "countersign.toml", "britive"])
            .args(arguments.split_whitespace());
        command
    }

    /// Types each line at its prompt, and gives what there was to see. The prompt for a token wants
    /// it unseen.
    #[track_caller]
    fn dialogue(&self, arguments: &str, lines: &[(&str, &str)]) -> Seen {
        let mut terminal = Terminal::start(&mut self.command(arguments));
        for (prompt, line) in lines {
            if prompt.contains("token") {
                terminal.wait_for_unseen(prompt)
            } else {
                terminal.wait_for(prompt)
            }
            terminal.type_line(line);
        }
        self.seen(terminal)
    }

    /// What there was to see at the end. No token is in it.
    #[track_caller]
    fn seen(&self, terminal: Terminal) -> Seen {
        let seen = terminal.end();
        let all = format!("{seen:?}");
        for token in [TOKEN, "bobs-token", &bearer(), &workload()] {
            assert!(!all.contains(token), "{all}");
        }
        Seen {
            stderr: seen
                .stderr
                .replace(self.folder.to_str().unwrap(), "DIR")
                .replace(&self.tenant.url().replace("https://", ""), "TENANT"),
            ..seen
        }
    }

    #[track_caller]
    fn prints(&self, arguments: &str, expected: &str) {
        assert_eq!(self.dialogue(arguments, &[]), printed("", expected));
    }

    #[track_caller]
    fn fails(&self, arguments: &str, expected: &str) {
        assert_eq!(self.dialogue(arguments, &[]), failed("", expected));
    }

    /// Methods and paths of what the tenant was asked.
    fn asked(&self) -> Vec<String> {
        let requests = self.tenant.requests();
        let asked = requests.iter();
        asked.map(|one| format!("{} {}", one.method, one.path)).collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn printed(screen: &str, stdout: &str) -> Seen {
    Seen { screen: screen.into(), stdout: stdout.into(), stderr: String::new(), code: Some(0) }
}

fn failed(screen: &str, stderr: &str) -> Seen {
    Seen { screen: screen.into(), stdout: String::new(), stderr: stderr.into(), code: Some(1) }
}

fn bearer() -> String {
    format!("eyJhbGciOiJSUzI1NiJ9.{}", "b".repeat(60))
}

fn workload() -> String {
    format!("OIDC::{}", "w".repeat(60))
}

fn code_by(secret: &str, algorithm: Algorithm, digits: u8, period: u64) -> String {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let totp = Builder::new()
        .with_algorithm(algorithm)
        .with_digits(digits)
        .with_step_duration(period)
        .with_secret(Secret::try_from_base32(secret).unwrap());
    totp.build().unwrap().generate(now).to_string()
}

fn code(secret: &str) -> String {
    code_by(secret, Algorithm::SHA1, 6, 30)
}

/// Another code of the same length.
fn wrong(code: &str) -> String {
    let flip = |c: char| if c == '0' { '1' } else { '0' };
    code.chars().map(flip).collect()
}

/// The line with the URI, and its secret.
fn uri(screen: &str) -> (String, String) {
    let uri = screen.lines().find(|line| line.starts_with("otpauth://"));
    let uri = uri.expect("a URI on the screen");
    let secret = uri.split_once("secret=").unwrap().1;
    let secret = secret.split_once('&').unwrap().0;
    (uri.to_owned(), secret.to_owned())
}

const SCAN: &str = "Scan the picture with an authenticator, or give it the secret in the line below it. Both are shown once.";

fn picture(uri: &str) -> String {
    let picture = words::picture(uri, words::Ground::Dark, words::Screen::UNKNOWN, 5);
    picture.unwrap().to_string()
}

#[test]
fn an_authenticator_is_registered_from_its_picture_to_its_first_code() {
    let world = World::new("");
    let mut terminal = Terminal::start(&mut world.command("register"));
    terminal.wait_for_unseen("Britive token: ");
    terminal.type_line(TOKEN);
    terminal.wait_for("First code: ");
    let (uri, secret) = uri(&terminal.screen());
    assert_eq!(
        uri,
        format!(
            "otpauth://totp/Britive:alice?secret={secret}&issuer=Britive&algorithm=SHA1&digits=6&period=30"
        )
    );
    let (right, wrong) = (code(&secret), wrong(&code(&secret)));
    for typed in ["12345678", &wrong] {
        terminal.type_line(typed);
        terminal.wait_for(".\nFirst code: ");
    }
    terminal.type_line(&right);
    let picture = picture(&uri);
    let screen = format!(
        "{ASKED}{picture}\n{uri}\n{SCAN}\n\
         First code: 12345678\nA code has 6 digits.\n\
         First code: {wrong}\nThe tenant does not take that code. Wait for the next one.\n\
         First code: {right}\n"
    );
    assert_eq!(world.seen(terminal), printed(&screen, "Your authenticator is registered.\n"));
    let register = "POST /api/mfa/register/TOTP";
    assert_eq!(world.asked(), [register, register, register, "GET /api/mfa/register/TOTP"]);
    world.prints("status --token-file alice", "You have an authenticator.\n");
}

#[test]
fn a_tenants_own_kind_of_code_and_of_verification_is_respected() {
    let world = World::new(
        "algorithm = 'SHA512'\ndigits = 8\nperiod = 60\nverify_action = 'VALIDATE'\nverify_key = 'code'",
    );
    world.configure("verify_action = 'VALIDATE'\nverify_key = 'code'\n");
    let mut terminal = Terminal::start(&mut world.command("register --token-file alice --json"));
    terminal.wait_for("First code: ");
    let (uri, secret) = uri(&terminal.screen());
    let right = code_by(&secret, Algorithm::SHA512, 8, 60);
    terminal.type_line(&right);
    let screen = format!(
        "No picture: this terminal is too small for it.\n{uri}\n\
         Give the secret in this line to an authenticator. It is shown once.\n\
         Its codes have 8 digits, by SHA512, for 60 s: not every authenticator can do that.\n\
         First code: {right}\n"
    );
    let object = r#"{"algorithm":"SHA512","digits":8,"factor":"TOTP","kept_offline":false,"period_seconds":60,"status":"REGISTERED"}"#;
    assert_eq!(world.seen(terminal), printed(&screen, &format!("{object}\n")));
}

/// What `totp` says to this standard input.
fn totp(world: &World, action: &str, typed: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    let command = command.current_dir(&world.folder);
    let command = command.args(["--config", "countersign.toml", "totp", action]);
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = piped.stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(typed.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

fn keep_offline_codes(world: &World) {
    let folder = world.folder.display();
    world.configure(&format!(
        "[offline]\nenabled = true\nfirst_factor = 'pam_unix'\nfolder = '{folder}/kept'\n"
    ));
}

#[test]
fn a_registered_secret_is_kept_as_an_offline_code_whose_first_code_is_used_up() {
    let world = World::new("algorithm = 'SHA512'\ndigits = 8\nperiod = 60");
    keep_offline_codes(&world);
    let register = "register --token-file alice --keep-offline";
    let mut terminal = Terminal::start(&mut world.command(register));
    terminal.wait_for("First code: ");
    let (_, secret) = uri(&terminal.screen());
    let right = code_by(&secret, Algorithm::SHA512, 8, 60);
    terminal.type_line(&right);
    let seen = world.seen(terminal);
    let said =
        "Your authenticator is registered. Its secret is kept for offline codes on this machine.\n";
    assert_eq!((seen.stdout.as_str(), seen.stderr.as_str(), seen.code), (said, "", Some(0)));
    let (_, after) = seen.screen.split_once(&format!("First code: {right}\n")).unwrap();
    assert!(after.contains("ecovery codes"), "{after}");
    let record = fs::read_to_string(world.folder.join(format!("kept/totp-{}", os::login_uid())));
    let record = record.unwrap();
    assert!(record.contains("SHA512"), "kept as another kind");
    let status = totp(&world, "status", "");
    assert!(status.contains("enrolled; 0 offline logins, 10 recovery codes left"), "{status}");
    let again = totp(&world, "verify", &right);
    assert!(again.contains("used"), "{again}");
}

#[test]
fn who_has_an_offline_code_is_told_before_the_tenant_makes_a_secret() {
    let world = World::new("");
    keep_offline_codes(&world);
    let imported = totp(&world, "import", SECRET);
    assert!(imported.contains("enrolled"), "{imported}");
    let seen = world.dialogue("register --token-file alice --keep-offline", &[]);
    assert_eq!((seen.stdout.as_str(), seen.code), ("", Some(1)));
    assert!(seen.stderr.contains("is enrolled already"), "{seen:?}");
    assert_eq!(world.asked(), [""; 0]);
}

/// A dialogue of `register` from the first code on: what is said behind the prompt, and on standard
/// error.
#[track_caller]
fn registering(world: &World, codes: &[&str]) -> (String, String) {
    let mut terminal = Terminal::start(&mut world.command("register --token-file alice"));
    for typed in codes {
        terminal.wait_for("First code: ");
        terminal.type_line(typed);
    }
    let seen = world.seen(terminal);
    assert_eq!((seen.stdout.as_str(), seen.code), ("", Some(1)));
    let (_, dialogue) = seen.screen.split_once(SCAN).expect("the picture first");
    (dialogue.to_owned(), seen.stderr)
}

#[test]
fn without_a_right_code_nothing_is_said_to_be_registered() {
    let world = World::new("");
    let again = "The tenant does not take that code. Wait for the next one.\n";
    let (dialogue, error) = registering(&world, &["000000", "000001", "000002"]);
    assert_eq!(
        dialogue,
        format!(
            "\nFirst code: 000000\n{again}First code: 000001\n{again}First code: 000002\n{again}"
        )
    );
    assert_eq!(
        error,
        "countersign: no code was right: the registration is not finished\n\
         hint: an administrator can remove it: countersign britive admin-remove\n"
    );
    world.prints(
        "status --token-file alice",
        "You have an authenticator whose first code has not been verified.\n",
    );
    world.prints(
        "status --token-file alice --json",
        "{\"factor\":\"TOTP\",\"status\":\"CHALLENGE\"}\n",
    );
    world.fails(
        "register --token-file alice",
        "countersign: an authenticator is registered already, or a registration was begun (MFA-0001)\n\
         hint: remove it: countersign britive remove; without its codes, an administrator can: countersign britive admin-remove\n",
    );
}

#[test]
fn a_tenant_that_verifies_otherwise_says_which_keys_to_set() {
    let world = World::new("verify_action = 'VALIDATE'");
    let (dialogue, error) = registering(&world, &["000000"]);
    assert_eq!(dialogue, "\nFirst code: 000000\n");
    assert_eq!(
        error,
        "countersign: the tenant did not understand the verification of the code \
         (HTTP status 400, E1003: \"Validation failed: action.\")\n\
         hint: Britive does not document it: ask Britive, and set britive.verify_action and britive.verify_key\n"
    );
}

#[test]
fn a_refused_code_is_asked_for_again_and_an_answer_that_is_none_ends_it() {
    let world = World::new("");
    let mut terminal = Terminal::start(&mut world.command("register --token-file alice"));
    terminal.wait_for("First code: ");
    let refused = What::Status {
        code: 401,
        retry_after: None,
        body: Some(r#"{"status":401,"errorCode":"AU-0009"}"#.to_owned()),
    };
    world.tenant.fault(refused.once());
    terminal.type_line("123456");
    terminal.wait_for(".\nFirst code: ");
    world.tenant.fault(What::Html.once());
    terminal.type_line("654321");
    let seen = world.seen(terminal);
    let again = "The tenant does not take that code. Wait for the next one.";
    let dialogue = format!("{SCAN}\nFirst code: 123456\n{again}\nFirst code: 654321\n");
    assert!(seen.screen.ends_with(&dialogue), "{}", seen.screen);
    assert_eq!(
        seen.stderr,
        "countersign: the answer is not one of a Britive tenant: not JSON of its shape (line 1)\n\
         hint: check that britive.url is the address of a Britive tenant\n"
    );
}

#[test]
fn a_code_that_was_taken_is_no_registration_until_the_tenant_says_so() {
    let world = World::new("");
    let mut terminal = Terminal::start(&mut world.command("register --token-file alice"));
    terminal.wait_for("First code: ");
    let (_, secret) = uri(&terminal.screen());
    let challenge = serde_json::json!({"status": "CHALLENGE", "factor": "TOTP"});
    let body = What::Body { json: challenge }.once();
    world.tenant.fault(What::Slow { millis: 0 }.once());
    world.tenant.fault(body);
    terminal.type_line(&code(&secret));
    assert_eq!(
        world.seen(terminal).stderr,
        "countersign: the tenant took the code, and says that nothing is registered\n\
         hint: an administrator can remove it: countersign britive admin-remove\n"
    );
}

#[test]
fn an_authenticator_is_removed_by_one_of_its_codes() {
    let world = World::new("");
    let right = code(SECRET);
    let prompt = "Current code: ";
    let remove = "remove --token-file bob";
    assert_eq!(
        world.dialogue(remove, &[(prompt, &wrong(&right))]),
        failed(
            &format!("Current code: {}\n", wrong(&right)),
            &format!("countersign: the code is wrong, or was used before (AU-0009)\n{CODE_HINT}")
        )
    );
    let spaced = format!(" {} {}", &right[..3], &right[3..]);
    assert_eq!(
        world.dialogue(remove, &[(prompt, "none"), (prompt, &spaced)]),
        printed(
            &format!("Current code: none\nA code has 6 to 8 digits.\nCurrent code: {spaced}\n"),
            "Your authenticator is removed.\n"
        )
    );
    assert_eq!(
        world.dialogue(remove, &[(prompt, &right)]).stderr,
        "countersign: no authenticator is registered (HTTP status 404, E1004: \"No registration found.\")\n\
         hint: register one: countersign britive register\n"
    );
    world.prints("status --token-file bob", "You have no authenticator.\n");
    world.prints(
        "status --json --token-file bob",
        "{\"factor\":\"TOTP\",\"status\":\"NOT_REGISTERED\"}\n",
    );
    let seen = world.dialogue(remove, &[(prompt, ""), (prompt, "1"), (prompt, "123456789")]);
    assert_eq!(seen.stderr, "countersign: no code was typed\n");
}

#[test]
fn a_removal_can_be_read_by_programs() {
    let world = World::new("");
    let seen =
        world.dialogue("remove --token-file bob --json", &[("Current code: ", &code(SECRET))]);
    assert_eq!(seen.stdout, "{\"factor\":\"TOTP\",\"removed\":true}\n");
}

#[test]
fn a_step_up_ends_well_for_a_right_code_only() {
    let (right, prompt) = (code(SECRET), "Current code: ");
    let step_up = "step-up --token-file bob";
    for (settings, source) in [("", " (AU-0009)"), ("step_up_says_failed = true", "")] {
        let world = World::new(settings);
        let seen = world.dialogue(step_up, &[(prompt, &right)]);
        assert_eq!(seen, printed(&format!("Current code: {right}\n"), "The code is right.\n"));
        let seen = world.dialogue("step-up --token-file bob --json", &[(prompt, &right)]);
        assert_eq!(seen.stdout, "{\"factor\":\"TOTP\",\"result\":\"SUCCEEDED\"}\n");
        let wrong = wrong(&right);
        let error =
            format!("countersign: the code is wrong, or was used before{source}\n{CODE_HINT}");
        assert_eq!(
            world.dialogue(step_up, &[(prompt, &wrong)]),
            failed(&format!("Current code: {wrong}\n"), &error)
        );
        let more = serde_json::json!({"result": "CHALLENGE", "additionalDetails": {}});
        world.tenant.fault(What::Body { json: more }.once());
        assert_eq!(
            world.dialogue(step_up, &[(prompt, &right)]).stderr,
            "countersign: the tenant wants more than a code\n\
             hint: log in to the Britive portal to see what\n"
        );
    }
}

#[test]
fn an_administrator_sees_and_removes_what_others_have() {
    let world = World::new("");
    let status = format!("admin-status {ALICE} --token-file bob");
    world.prints(&status, &format!("{ALICE} has no authenticator.\n"));
    registering(&world, &["000000", "000000", "000000"]);
    world.prints(
        &status,
        &format!("{ALICE} has an authenticator whose first code has not been verified.\n"),
    );
    world.prints(
        &format!("admin-status {BOB} --token-file bob --json"),
        &format!("{{\"factor\":\"TOTP\",\"status\":\"REGISTERED\",\"user_id\":\"{BOB}\"}}\n"),
    );
    let remove = format!("admin-remove {ALICE} --token-file bob");
    let prompt = "They can register another. [y/N] ";
    let question = format!("Remove the authenticator of {ALICE}? {prompt}");
    for no in ["", "n", "yes please"] {
        assert_eq!(
            world.dialogue(&remove, &[(prompt, no)]),
            failed(&format!("{question}{no}\n"), "countersign: nothing was removed\n")
        );
    }
    assert_eq!(
        world.dialogue(&remove, &[(prompt, "y")]),
        printed(&format!("{question}y\n"), &format!("The authenticator of {ALICE} is removed.\n"))
    );
    world.fails(
        &format!("{remove} --yes"),
        "countersign: no authenticator is registered for this user, or there is no such user \
         (HTTP status 404, E1004: \"No registration found.\")\n\
         hint: see the user's page in the Britive portal for the id\n",
    );
    world.prints(
        &format!("admin-remove {BOB} --token-file bob --yes --json"),
        &format!("{{\"factor\":\"TOTP\",\"removed\":true,\"user_id\":\"{BOB}\"}}\n"),
    );
    world.fails(
        &format!("admin-status {BOB} --token-file alice"),
        "countersign: the user of this token may not do that \
         (HTTP status 403, PE-0002: \"Policy evaluation failed.\")\n\
         hint: ask an administrator of the Britive tenant\n",
    );
}

#[test]
fn each_kind_of_token_is_presented_as_its_kind_and_typed_unseen() {
    let world = World::new("");
    for token in [TOKEN, &bearer(), &workload()] {
        let seen = world.dialogue("status", &[("Britive token: ", token)]);
        assert_eq!(seen, printed(ASKED, "You have no authenticator.\n"));
    }
    let requests = world.tenant.requests();
    let said: Vec<_> =
        requests.iter().map(|request| request.headers["authorization"].clone()).collect();
    assert_eq!(
        said,
        [
            format!("TOKEN {TOKEN}"),
            format!("Bearer {}", bearer()),
            format!("WorkloadToken {}", workload())
        ]
    );
}

#[test]
fn a_token_is_taken_from_safe_hands_and_never_repeated() {
    let world = World::new("");
    let status = "status --token-file file";
    world.write("file", TOKEN, 0o640);
    world.fails(
        status,
        "countersign: DIR/file: is a secret that others than its owner can open (mode 0640): chmod go=\n",
    );
    for (text, why) in [
        ("", "line 1: there is no secret in the first line"),
        (" \n", "line 1: there is no secret in the first line"),
        ("alices-token\nbobs-token\n", "line 2: the secret is one line, and this is more"),
    ] {
        world.write("file", text, 0o600);
        world.fails(status, &format!("countersign: DIR/file: {why}\n"));
    }
    world.write("file", &"x".repeat(16 * 1024 + 1), 0o600);
    world.fails(status, "countersign: DIR/file: is larger than 16384 bytes\n");
    world.write("file", "nobodys", 0o600);
    world.fails(
        status,
        "countersign: the API token is not valid (AU-0018)\n\
         hint: check that it is whole, or make a new one in the Britive portal\n",
    );
    let typed = world.dialogue("status", &[("Britive token: ", "two words")]);
    let why = "not a token: there is a space or another character in it that no token has";
    assert_eq!(typed, failed(ASKED, &format!("countersign: {why}\n")));
    assert_eq!(world.asked().len(), 1);
}

#[test]
fn without_a_terminal_nothing_is_asked() {
    let world = World::new("");
    for (arguments, said) in [
        (
            "status".to_owned(),
            "countersign: there is no terminal to ask on\nhint: name a file with --token-file\n",
        ),
        ("remove --token-file bob".to_owned(), "countersign: there is no terminal to ask on\n"),
        ("register --token-file alice".to_owned(), "countersign: there is no terminal to ask on\n"),
        (
            format!("admin-remove {ALICE} --token-file bob"),
            "countersign: there is no terminal to ask on\nhint: with --yes, it is not asked\n",
        ),
    ] {
        // A session of its own has no terminal (credentials(7)).
        let words: Vec<_> = arguments.split_whitespace().collect();
        let output = Command::new("setsid")
            .args(["--wait", env!("CARGO_BIN_EXE_countersign"), "--config"])
            .args(["countersign.toml", "britive"])
            .args(words)
            .current_dir(&world.folder)
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        assert_eq!(
            (text(output.stdout), text(output.stderr), output.status.code()),
            (String::new(), said.to_owned(), Some(1)),
            "{arguments}"
        );
    }
    assert!(world.asked().is_empty());
}

#[test]
fn whoever_gives_up_at_a_prompt_ends_it() {
    let world = World::new("");
    let at = |arguments: &str, prompt: &str, key: &str| {
        let mut terminal = Terminal::start(&mut world.command(arguments));
        if prompt.contains("token") {
            terminal.wait_for_unseen(prompt)
        } else {
            terminal.wait_for(prompt)
        }
        terminal.press(key);
        let seen = world.seen(terminal);
        (seen.stdout, seen.stderr, seen.code)
    };
    let (end, interrupt) = ("\u{4}", "\u{3}");
    let nothing = |said: &str| (String::new(), format!("countersign: {said}\n"), Some(1));
    let killed = (String::new(), String::new(), None);
    assert_eq!(at("status", "Britive token: ", end), nothing("nothing was typed"));
    assert_eq!(at("status", "Britive token: ", interrupt), killed);
    let remove = "remove --token-file bob";
    assert_eq!(at(remove, "Current code: ", end), nothing("nothing was typed"));
    assert_eq!(at(remove, "Current code: ", interrupt), killed);
    assert!(world.asked().is_empty());
}

#[test]
fn wrong_use_is_code_2() {
    let world = World::new("");
    for (arguments, said) in [
        ("", "Usage: countersign britive [OPTIONS] <COMMAND>"),
        ("status --token x", "unexpected argument '--token' found"),
        ("status alices-token", "unexpected argument 'alices-token' found"),
        ("admin-status", "required arguments were not provided"),
        (
            "admin-status ../../x",
            "invalid value '../../x' for '<USER_ID>': expected 20 letters and digits",
        ),
        ("remove --yes", "unexpected argument '--yes' found"),
    ] {
        let output = world.command(arguments).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.stdout.len(), output.status.code()), (0, Some(2)));
        assert!(error.contains(said), "{arguments}: {error}");
    }
}

#[test]
fn without_a_britive_tenant_in_the_configuration_it_says_so() {
    let world = World::new("");
    world.write("countersign.toml", "[tenant]\nurl = 'https://tenant.example'\n", 0o644);
    world.fails(
        "status --token-file alice",
        "countersign: the configuration names no Britive tenant\n\
         hint: set url in [britive]; countersign.toml(5) describes it\n",
    );
}

#[test]
fn a_look_is_repeated_twice_at_most_and_nothing_else_is() {
    let world = World::new("");
    let busy = |code| What::Status { code, retry_after: None, body: None };
    let status = "status --token-file bob";
    world.tenant.fault(busy(503).once());
    world.tenant.fault(busy(429).once());
    world.prints(status, "You have an authenticator.\n");
    assert_eq!(world.asked().len(), 3);
    world.tenant.fault(busy(502).once().times(0));
    let trouble =
        "countersign: the tenant has trouble of its own (HTTP status 502)\nhint: try again later\n";
    let begun = Instant::now();
    world.fails(status, trouble);
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
    assert_eq!(world.asked().len(), 6);
    world.fails(&format!("admin-remove {BOB} --token-file bob --yes"), trouble);
    assert_eq!(world.asked().len(), 7);
    let seen = world.dialogue("step-up --token-file bob", &[("Current code: ", "000000")]);
    assert_eq!(seen.stderr, trouble);
    assert_eq!(world.asked().len(), 8);
}

#[test]
fn a_tenant_that_wants_more_time_or_is_under_maintenance_is_left_alone() {
    let world = World::new("");
    let status = "status --token-file bob";
    let once = |code, retry_after, body: Option<&str>| {
        let body = body.map(str::to_owned);
        let what = What::Status { code, retry_after, body };
        world.tenant.fault(what.once());
    };
    once(429, Some(60), None);
    world.fails(
        status,
        "countersign: the tenant is asked too often (HTTP status 429)\nhint: wait a minute, then try again\n",
    );
    let maintenance = r#"{"status":503,"message":"Back soon","errorCode":"MAINT0001"}"#;
    once(503, None, Some(maintenance));
    world.fails(
        status,
        "countersign: the tenant is under maintenance (MAINT0001)\nhint: try again later\n",
    );
    assert_eq!(world.asked().len(), 2);
    once(503, Some(1), None);
    world.prints(status, "You have an authenticator.\n");
    assert_eq!(world.asked().len(), 4);
}

#[test]
fn what_the_tenant_says_itself_is_shown_harmless() {
    let world = World::new("");
    let body = r#"{"message":"\u001b]0;owned\u0007 no\r\nhint: run this","errorCode":"X-1\u202e"}"#;
    let what = What::Status { code: 400, retry_after: None, body: Some(body.to_owned()) };
    world.tenant.fault(what.once());
    world.fails(
        "status --token-file bob",
        "countersign: the tenant did not understand the request \
         (HTTP status 400, X-1: \"]0;owned no hint: run this\")\n\
         hint: check that britive.url is the address of a Britive tenant\n",
    );
}

#[test]
fn whoever_is_not_the_tenant_is_not_believed() {
    let world = World::new("");
    let status = "status --token-file bob";
    let url = "hint: check that britive.url is the address of a Britive tenant\n";
    world.tenant.fault(What::Html.once());
    world.fails(
        status,
        &format!("countersign: the answer is not one of a Britive tenant: not JSON of its shape (line 1)\n{url}"),
    );
    world.tenant.fault(What::Big { bytes: 100_000 }.once());
    world.fails(
        status,
        &format!(
            "countersign: the answer is not one of a Britive tenant: longer than any reply\n{url}"
        ),
    );
    world.tenant.fault(What::TlsUntrusted.once());
    let seen = world.dialogue(status, &[]);
    let refused = "countersign: no answer from the Britive tenant: certificate refused: ";
    assert!(seen.stderr.starts_with(refused), "{}", seen.stderr);
    let ca = "\nhint: check britive.url, and britive.ca_file if the certificate is of a CA of your own\n";
    assert!(seen.stderr.ends_with(ca), "{}", seen.stderr);
    assert_eq!(world.asked().len(), 2);
}

#[test]
fn nobody_there_is_said_with_the_address() {
    let world = World::new("");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    world.write(
        "countersign.toml",
        &format!(
            "[tenant]\nurl = 'https://tenant.example'\n[britive]\nurl = 'https://{address}'\n"
        ),
        0o644,
    );
    world.fails(
        "status --token-file bob",
        &format!(
            "countersign: no answer from the Britive tenant: connection refused: {address}: Connection refused (os error 111)\n\
             hint: check britive.url and the network\n"
        ),
    );
}

#[test]
fn a_tenant_that_repeats_the_token_is_not_quoted() {
    let world = World::new("");
    world.write("file", TOKEN, 0o600);
    for spelling in Spelling::ALL {
        let said = serde_json::json!({"errorCode": "XX-1", "message": format!("no {}", spelling.of(TOKEN))});
        world.tenant.fault(What::Body { json: said }.once());
        world.fails(
            "status --token-file file",
            "countersign: the tenant answered what it should not (HTTP status 200, XX-1: \
             \"(withheld: it repeats a secret of this login)\")\n\
             hint: check that britive.url is the address of a Britive tenant\n",
        );
    }
}

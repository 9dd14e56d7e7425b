//! `countersign support-bundle`: a canary sits in every place that can hold a secret, and none of
//! them gets out.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::machine::Machine;
use countersign::local::offline::Store;
use countersign::local::offline::record::Enrolment;
use countersign::otpauth;
use countersign::policy::Push;
use countersign::secret::Secret;

/// Each is in one place only, so that a failure tells which.
const CLIENT_SECRET: &str = "canary-client-secret-7f3a";
const PROXY_PASSWORD: &str = "canary-proxy-password-7f3a";
const PROXY_USERINFO: &str = "canary-userinfo-7f3a";
const TOKEN: &str = "canary-token-7f3a";
const BRITIVE: &str = "canary-britive-7f3a";
const MISTAKEN: &str = "canary-mistaken-key-7f3a";
const COMMENT: &str = "canary-comment-7f3a";
const WRONG_VALUE: &str = "canary-wrong-value-7f3a";
const LOGGED: &str = "canary-log-7f3a";
const PRIVATE_KEY: &str = "canary-private-key-7f3a";
const ENVIRONMENT: &str = "canary-environment-7f3a";
const ARGUMENT: &str = "canary-argument-7f3a";
const STRAY: &str = "canary-stray-7f3a";
/// As it stands in an otpauth URI.
const KEY: &str = "CANARYCANARYCANARYCANARYCANARY22";

const FIXED: [&str; 14] = [
    CLIENT_SECRET,
    PROXY_PASSWORD,
    PROXY_USERINFO,
    TOKEN,
    BRITIVE,
    MISTAKEN,
    COMMENT,
    WRONG_VALUE,
    LOGGED,
    PRIVATE_KEY,
    ENVIRONMENT,
    ARGUMENT,
    STRAY,
    KEY,
];

/// The kinds of files that this crate keeps, each of which holds a canary below.
const KEPT: [&str; 6] = ["confirmed", "offered-", "pushes", "token", "totp-", "tries-"];

const GOOD: &str = "\
[tenant]
url = \"https://tenant.example\"
proxy = \"http://someone@proxy.example:3128\"
proxy_password_file = \"DIR/proxy\"
# canary-comment-7f3a
[on_demand]
app = \"a\"
client_id = \"canary-free@example.org\" # canary-comment-7f3a
client_secret_file = \"DIR/client\"
scope = \"s\"
policy = \"p\"
[login]
flow = \"on-demand\"
[users]
template = \"{user}@example.com\"
[users.names]
daemon = \"daria@example.com\"
[state]
folder = \"DIR/state\"
[offline]
enabled = true
first_factor = \"pam_unix\"
folder = \"DIR/kept\"
";
/// With keys that people think of, and values that they paste.
const MISTAKES: &str = "\
[tenant]
url = \"https://me:canary-userinfo-7f3a@tenant.example\"
proxy = \"http://me:canary-userinfo-7f3a@proxy.example:3128\"
proxy_password = \"canary-mistaken-key-7f3a\"
redirect_hosts = [\"canary-userinfo-7f3a@tenant.example\"]
[on_demand]
client_secret = \"canary-mistaken-key-7f3a\"
client_secret_file = \"canary-wrong-value-7f3a\"
client_auth = \"canary-wrong-value-7f3a\"
[login]
deadline = \"canary-wrong-value-7f3a\"
token = { a = \"canary-mistaken-key-7f3a\", b = [\"canary-mistaken-key-7f3a\"] }
[britive]
api_token = \"canary-mistaken-key-7f3a\"
[[exempt]]
users = [\"daemon\"]
secret = \"canary-mistaken-key-7f3a\"
networks = [\"10.0.0.0/8\", \"canary-wrong-value-7f3a\"]
";
const BROKEN: &str = "[tenant]\nurl = \"https://tenant.example\n[push]\ncount = \"canary-wrong-value-7f3a\"\n\
    [on_demand]\nclient_secret = canary-mistaken-key-7f3a\ncanary-mistaken-key-7f3a\n";

struct Rig {
    machine: Machine,
    /// The canaries that are not known before.
    more: Vec<String>,
}

impl Rig {
    fn new(config: &str) -> Self {
        let machine = Machine::new();
        let mut rig = Self { machine, more: Vec::new() };
        let folder = rig.machine.0.display().to_string();
        rig.machine.configure(&config.replace("DIR", &folder));
        for (name, content) in [
            ("client", CLIENT_SECRET),
            ("proxy", PROXY_PASSWORD),
            ("britive-token", BRITIVE),
            ("ssh_host_ed25519_key", PRIVATE_KEY),
        ] {
            rig.secret(name, content);
        }
        rig.keep();
        rig.log();
        rig.stacks();
        rig
    }

    fn path(&self, name: &str) -> PathBuf {
        self.machine.0.join(name)
    }

    fn secret(&self, name: &str, content: &str) {
        fs::write(self.path(name), content).unwrap();
        fs::set_permissions(self.path(name), Permissions::from_mode(0o600)).unwrap();
    }

    /// A file of each kind.
    fn keep(&mut self) {
        let state = self.machine.state();
        let limits = Push {
            count: 3,
            window: std::time::Duration::from_secs(600),
            pause: std::time::Duration::from_secs(60),
        };
        let ringing = state.spend("daria@example.com", limits).unwrap();
        ringing.ok().unwrap().answered().unwrap();
        state.keep_token("a client", &Secret::new(TOKEN), 3600).unwrap();
        let confirmed = fs::DirBuilder::new().mode(0o700).create(self.path("state/confirmed-1"));
        confirmed.unwrap();
        self.secret("state/confirmed-1/1", STRAY);
        let store = Store::open(&self.path("kept")).unwrap();
        let key = otpauth::read(&format!("otpauth://totp/x?secret={KEY}")).unwrap();
        let enrolment = Enrolment::new(1, "daemon", key, store.now()).unwrap();
        store.enroll(&enrolment.record).unwrap();
        store.offer(2).unwrap();
        self.more = enrolment.codes.iter().map(|code| code.to_string()).collect();
        fs::create_dir_all(self.path("kept/setup/1/etc/pam.d")).unwrap();
        self.secret("kept/setup/1.json", STRAY);
        self.secret("kept/setup/1/etc/pam.d/sshd", STRAY);
        fs::create_dir_all(self.path("kept/policies")).unwrap();
        self.secret("kept/policies/policy-1-00000001.json", STRAY);
        self.secret(&format!("kept/{STRAY}"), STRAY);
        self.secret(&format!("kept/.totp-1.{STRAY}"), STRAY);
    }

    fn log(&self) {
        let line = |user: &str, reason: &str, detail: &str, rhost: &str| {
            format!(
                "Nov 21 22:00:00 gate sshd[17]: pam_countersign(sshd:auth): login attempt=\"00c0ffee\" outcome=\"denied\" \
                 reason=\"{reason}\" user=\"{user}\" tenant_user=\"\" service=\"sshd\" rhost=\"{rhost}\" tty=\"ssh\" \
                 mechanisms=\"\" rule=\"\" tx=\"\" requests=\"0\" ms=\"1\" detail=\"{detail}\"\n"
            )
        };
        let text = [
            line("daemon", "outage", "connection refused", "192.0.2.7"),
            line(LOGGED, "unknown_user", "", "192.0.2.7"),
            line(
                "daemon",
                "bad_argument",
                &format!("unknown argument {LOGGED}: known are"),
                "192.0.2.7",
            ),
            line("daemon", "misconfigured", LOGGED, "192.0.2.7"),
            line("daemon", "outage", "", LOGGED),
            format!(
                "Nov 21 22:00:01 gate sshd[17]: pam_countersign(sshd:auth): /etc/x: line 3: found \"{LOGGED}\"\n"
            ),
            format!("Nov 21 22:00:01 gate sudo: alice : COMMAND=/bin/mysql -p{LOGGED}\n"),
        ];
        fs::write(self.path("log"), text.concat()).unwrap();
    }

    fn stacks(&self) {
        fs::create_dir(self.path("pam.d")).unwrap();
        fs::write(
            self.path("pam.d/sshd"),
            format!(
                "# {ARGUMENT}\nauth required pam_countersign.so config=/etc/x.toml token={ARGUMENT}\n@include common # {ARGUMENT}\n"
            ),
        )
        .unwrap();
        fs::write(
            self.path("pam.d/common"),
            format!("auth [success=1 default=ignore] pam_ldap.so bindpw={ARGUMENT} nullok [secret={ARGUMENT} x]\n"),
        )
        .unwrap();
        fs::write(self.path("pam.d/other"), format!("auth required pam_deny.so {ARGUMENT}\n"))
            .unwrap();
    }

    /// What is written and said.
    fn bundle(&self, arguments: &[&str]) -> (String, String) {
        let file = self.path("bundle.txt");
        let _ = fs::remove_file(&file);
        let output = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .arg("--config")
            .arg(self.path("countersign.toml"))
            .arg("support-bundle")
            .args(arguments)
            .arg("--output")
            .arg(&file)
            .arg("--log")
            .arg(self.path("log"))
            .arg("--stacks")
            .arg(self.path("pam.d"))
            .env("COUNTERSIGN_TOKEN", ENVIRONMENT)
            .output()
            .unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(output.status.success(), "{said}");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o600);
        (fs::read_to_string(file).unwrap(), said)
    }
}

#[test]
fn no_canary_gets_out_whatever_the_configuration_is_like() {
    for config in [GOOD, MISTAKES, BROKEN, &GOOD.replace("canary-free@example.org", CLIENT_SECRET)]
    {
        let rig = Rig::new(config);
        for arguments in [&[][..], &["--names"]] {
            let (bundle, said) = rig.bundle(arguments);
            for canary in FIXED.into_iter().chain(rig.more.iter().map(String::as_str)) {
                let bare = canary.replace('-', "");
                for text in [&bundle, &said] {
                    assert!(
                        !text.contains(canary) && !text.contains(&bare),
                        "{canary} is in:\n{text}"
                    );
                }
            }
        }
    }
}

/// Where it stands otherwise it can be recognised in part, or not at all.
#[test]
fn a_secret_with_a_name_in_it_and_a_line_behind_it_stays_one() {
    let secret = "open-daemon-sesame";
    let rig = Rig::new(&GOOD.replace("scope = \"s\"", &format!("scope = \"{secret}\"")));
    for content in [
        secret.to_owned(),
        format!("{secret}\r\nopen\n"),
        format!("an older one\n{secret} \n"),
        format!("open-daemon\n{secret}\n"),
    ] {
        rig.secret("client", &content);
        for arguments in [&[][..], &["--names"]] {
            let (bundle, _) = rig.bundle(arguments);
            assert!(bundle.contains("on_demand.scope = \"(secret)\"\n"), "{content}:\n{bundle}");
        }
    }
}

/// A canary that is nowhere would prove nothing.
#[test]
fn every_canary_is_where_it_should_be() {
    let rig = Rig::new(&format!("{GOOD}\n# {MISTAKES}"));
    let mut all = Vec::new();
    collect(&rig.machine.0, &mut all);
    let all = String::from_utf8_lossy(&all.concat()).into_owned() + MISTAKES + ENVIRONMENT;
    for canary in FIXED.into_iter().filter(|canary| *canary != KEY) {
        assert!(all.contains(canary), "{canary}");
    }
    assert_eq!(rig.more.len(), 10);
}

fn collect(folder: &Path, contents: &mut Vec<Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, contents)
        } else {
            contents.push(fs::read(path).unwrap())
        }
    }
}

/// The lines of a part, without the folder and the numbers that differ.
fn part(rig: &Rig, bundle: &str, title: &str) -> Vec<String> {
    let (_, part) = bundle.split_once(&format!("\n== {title}\n")).unwrap();
    let part = part.split("\n== ").next().unwrap();
    let part = part.replace(rig.machine.0.to_str().unwrap(), "DIR");
    part.lines().map(str::to_owned).filter(|line| !line.is_empty()).collect()
}

#[test]
fn what_is_right_is_shown_and_names_are_replaced() {
    let rig = Rig::new(GOOD);
    let (bundle, said) = rig.bundle(&[]);
    let said = said.replace(rig.machine.0.to_str().unwrap(), "DIR");
    assert_eq!(
        said,
        "The bundle is DIR/bundle.txt.\nIt holds no secret that we know of. Read it before you send it.\n"
    );
    let configuration = part(&rig, &bundle, "configuration");
    assert_eq!(configuration.len(), 16, "{configuration:#?}");
    for line in [
        "line 2: tenant.url = \"https://host-2\"",
        "line 3: tenant.proxy = \"http://(left out)@host-3:3128\"",
        "line 4: tenant.proxy_password_file = \"DIR/proxy\"",
        "line 13: login.flow = \"on-demand\"",
        "line 15: users.template = \"{user}@host-4\"",
        "line 17: users.names.person-2 = \"person-3\"",
    ] {
        assert!(
            configuration.iter().any(|shown| shown == line),
            "{line} is not in {configuration:#?}"
        );
    }
    let log = part(&rig, &bundle, "log");
    assert_eq!(log.len(), 5);
    assert_eq!(
        log[0],
        "Nov 21 22:00:00 login attempt=\"00c0ffee\" outcome=\"denied\" reason=\"outage\" user=\"person-2\" tenant_user=\"\" \
         service=\"sshd\" rhost=\"address-1\" tty=\"ssh\" mechanisms=\"\" rule=\"\" tx=\"\" requests=\"0\" ms=\"1\" \
         detail=\"connection refused\""
    );
    assert_eq!(
        part(&rig, &bundle, "stacks"),
        [
            "DIR/pam.d/sshd:",
            "  line 2: auth required pam_countersign.so config=/etc/x.toml (left out)",
            "  line 3: everything of common",
            "DIR/pam.d/common:",
            "  line 1: auth [success=1 default=ignore] pam_ldap.so (left out) nullok (left out)",
        ]
    );
    let state = part(&rig, &bundle, "state");
    for begin in [
        "DIR/state/confirmed-1/1: is damaged: remove it",
        "1 that the tenant has sent something to",
        "person-3: rung 1 time, the last ",
        "1 enrolled for offline codes",
        "person-2 (uid 1): enrolled, waits for its first code",
    ] {
        assert!(state.iter().any(|line| line.starts_with(begin)), "{begin} is not in {state:#?}");
    }
    let files = part(&rig, &bundle, "files");
    for begin in [
        "DIR/client: file, mode 0600, owner ",
        "DIR/state: folder, mode 0700, owner ",
        "DIR/state/token-",
        "DIR/kept/totp-1: file, mode 0600, owner ",
        "DIR/kept/tries-1-",
        "DIR/kept/(of another name): file, ",
        "DIR/kept/setup/1.json: file, mode 0600, owner ",
        "DIR/kept/setup/1: folder, ",
    ] {
        assert!(files.iter().any(|line| line.starts_with(begin)), "{begin} is not in {files:#?}");
    }
    let versions = part(&rig, &bundle, "versions").join("\n");
    for begin in ["command: 0.", "system: ", "kernel: ", "SELinux: ", "libpam: /", "glibc "] {
        assert!(versions.contains(begin), "{begin} is not in {versions}");
    }
}

/// logger(1) writes lines that look like ours, for any user.
#[test]
fn a_forged_line_brings_nothing_in() {
    let rig = Rig::new(GOOD);
    let forged = "2026-11-21T22:00:00+00:00 gate x[1]: pam_countersign(sshd:auth): login attempt=\"hunter2a\" \
        outcome=\"hunter2b\" reason=\"outage\" user=\"daemon\" tenant_user=\"hunter2c\" service=\"hunter2d\" \
        rhost=\"hunter2e\" tty=\"hunter2secret\" mechanisms=\"UP,hunter2f\" rule=\"hunter2g\" tx=\"hunter2h\" \
        requests=\"1\u{1b}]0;hunter2\u{7}\" ms=\"9\" hunter2=\"\" detail=\"hunter2i\"\n\
        20hunter2 gate x[1]: pam_countersign(x): login ms=\"1\"\n\
        Nov hunter2: 22:00:00 gate x[1]: pam_countersign(x): login ms=\"2\"\n";
    fs::write(rig.path("log"), forged).unwrap();
    let (bundle, _) = rig.bundle(&["--names"]);
    assert_eq!(
        part(&rig, &bundle, "log"),
        [
            "2026-11-21T22:00:00+00:00 login attempt=\"(left out)\" outcome=\"(left out)\" reason=\"outage\" \
             user=\"daemon\" tenant_user=\"(left out)\" service=\"(left out)\" rhost=\"(left out)\" tty=\"(left out)\" \
             mechanisms=\"(left out)\" rule=\"(left out)\" tx=\"(left out)\" requests=\"(left out)\" ms=\"9\" \
             detail=\"(left out)\"",
            "login ms=\"1\"",
            "login ms=\"2\"",
        ]
    );
    assert!(!bundle.contains("hunter2"), "{bundle}");
}

#[test]
fn a_true_line_stays_whole() {
    let rig =
        Rig::new(&format!("{GOOD}[[exempt]]\nname = \"the \\\"few\\\"\"\nusers = [\"daemon\"]\n"));
    let line = "login attempt=\"00c0ffee00c0ffee\" outcome=\"exempt\" reason=\"rule\" user=\"daemon\" \
        tenant_user=\"daria@example.com\" service=\"sshd\" rhost=\"192.0.2.7\" tty=\"/dev/pts/3\" mechanisms=\"UP,OATH\" \
        rule=\"the \\\"few\\\"\" tx=\"0123456789abcdef0123456789abcdef\" requests=\"3\" ms=\"1234\" detail=\"\"";
    let by_template =
        line.replace("user=\"daemon\"", "user=\"nobody\"").replace("daria@", "nobody@");
    let text = [line, &by_template].map(|line| format!("x pam_countersign(sshd:auth): {line}\n"));
    fs::write(rig.path("log"), text.concat()).unwrap();
    let (bundle, _) = rig.bundle(&["--names"]);
    assert_eq!(part(&rig, &bundle, "log"), [line, &by_template]);
}

#[test]
fn a_module_of_a_name_like_ours_is_another() {
    let rig = Rig::new(GOOD);
    let other = format!("auth required pam_notcountersign.so config=/{ARGUMENT}\n");
    fs::write(rig.path("pam.d/login"), &other).unwrap();
    fs::write(rig.path("pam.d/sshd"), format!("auth required pam_countersign.so\n{other}"))
        .unwrap();
    let (bundle, _) = rig.bundle(&[]);
    assert_eq!(
        part(&rig, &bundle, "stacks"),
        [
            "DIR/pam.d/sshd:",
            "  line 1: auth required pam_countersign.so",
            "  line 2: auth required pam_notcountersign.so (left out)",
        ]
    );
}

/// Whatever a part copies.
#[test]
fn no_control_character_gets_in() {
    let rig = Rig::new(GOOD);
    fs::write(
        rig.path("pam.d/sshd"),
        "auth required pam_countersign.so\nauth required pam_unix.so\u{1b}]0;x\u{7} nullok\n",
    )
    .unwrap();
    let (bundle, _) = rig.bundle(&[]);
    let steers = |c: char| c.is_control() && c != '\n';
    assert!(!bundle.contains(steers), "{bundle:?}");
    assert!(bundle.contains("line 2: auth required pam_unix.so]0;x nullok"), "{bundle}");
}

#[test]
fn names_are_left_where_that_is_asked_for() {
    let rig = Rig::new(GOOD);
    let (bundle, _) = rig.bundle(&["--names"]);
    assert!(bundle.contains("users.names.daemon = \"daria@example.com\""), "{bundle}");
    assert!(bundle.contains("rhost=\"192.0.2.7\""));
    let (bundle, _) = rig.bundle(&[]);
    for name in ["daemon", "daria", "example.com", "tenant.example", "192.0.2.7", "someone"] {
        let shown = bundle.replace(rig.machine.0.to_str().unwrap(), "DIR");
        assert!(!shown.contains(name), "{name} is in:\n{shown}");
    }
}

#[test]
fn of_what_is_wrong_the_line_and_the_key_are_told() {
    let rig = Rig::new(MISTAKES);
    let (bundle, _) = rig.bundle(&["--names"]);
    let configuration = part(&rig, &bundle, "configuration");
    for line in [
        "wrong: line 7: on_demand.client_secret",
        "line 7: on_demand.client_secret = (left out)",
        "line 12: login.token.a = (left out)",
        "line 16: exempt[1].users = [\"daemon\"]",
        "line 18: exempt[1].networks = (left out)",
    ] {
        assert!(
            configuration.iter().any(|shown| shown == line),
            "{line} is not in {configuration:#?}"
        );
    }
}

#[test]
fn a_configuration_that_is_not_there_is_no_obstacle() {
    let rig = Rig::new(GOOD);
    fs::remove_file(rig.path("countersign.toml")).unwrap();
    let (bundle, said) = rig.bundle(&["--json"]);
    assert_eq!(part(&rig, &bundle, "configuration"), ["DIR/countersign.toml: does not exist"]);
    assert_eq!(part(&rig, &bundle, "state"), ["not looked at: the configuration is wrong"]);
    let length = bundle.len();
    let file = rig.path("bundle.txt");
    assert_eq!(said, format!("{{\"bytes\":{length},\"file\":\"{}\"}}\n", file.display()));
}

#[test]
fn nothing_is_overwritten() {
    let rig = Rig::new(GOOD);
    let file = rig.path("bundle.txt");
    fs::write(&file, "mine").unwrap();
    let place = file.to_str().unwrap();
    rig.machine.fails(
        &["support-bundle", "--output", place],
        "countersign: DIR/bundle.txt: File exists (os error 17)\n\
         hint: nothing is overwritten: name another file with --output\n",
        1,
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    rig.machine.fails(
        &["support-bundle", "--output", "/nonexistent/x"],
        "countersign: /nonexistent/x: No such file or directory (os error 2)\n\
         hint: name a file in a folder of yours with --output\n",
        1,
    );
}

#[test]
fn a_log_that_was_named_must_be_there() {
    let rig = Rig::new(GOOD);
    let (file, folder) = (rig.path("bundle.txt"), rig.path("pam.d"));
    let hint = "hint: name a log that you can read with --log, or leave it out to have the system's looked at\n";
    for (log, why) in [
        ("/nonexistent", "/nonexistent: No such file or directory (os error 2)"),
        (folder.to_str().unwrap(), "DIR/pam.d: Is a directory (os error 21)"),
    ] {
        rig.machine.fails(
            &["support-bundle", "--log", log, "--output", file.to_str().unwrap()],
            &format!("countersign: {why}\n{hint}"),
            1,
        );
        assert!(!file.exists());
    }
}

/// The sources say which files are kept, and which of them open a folder of ours. A change that adds one
/// must put a canary into it here, and look at what the bundle makes of it.
#[test]
fn every_file_that_is_kept_has_a_canary() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut sources = Vec::new();
    collect_sources(root, &mut sources);
    let (mut kinds, mut openers) = (BTreeSet::new(), BTreeSet::new());
    for (name, text) in &sources {
        let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        let opens = text.contains("Folder::open(") || text.contains("Folder::open_knowing(");
        if opens && !name.contains("tests") {
            openers.insert(name.as_str());
        }
        if !name.starts_with("engine/src/local/") {
            continue;
        }
        for line in text.lines() {
            let line = line.strip_prefix("pub(super) ").unwrap_or(line);
            let named = [
                "const KIND: &str = \"",
                "const PREFIX: &str = \"",
                "const OFFERED: &str = \"",
                "const NUMBERS: &str = \"",
            ];
            let rest = named.iter().find_map(|start| line.strip_prefix(start));
            kinds.extend(
                rest.and_then(|rest| rest.strip_suffix("\";")).filter(|kind| !kind.ends_with(' ')),
            );
        }
    }
    assert_eq!(kinds, BTreeSet::from(KEPT));
    let known = [
        "command/src/commands/policy/backup.rs",
        "command/src/commands/setup/journal.rs",
        // The compiled form of a configuration: the bundle has the configuration itself.
        "engine/src/host/compiled.rs",
        "engine/src/local/mod.rs",
        "engine/src/local/offline/store.rs",
    ];
    assert_eq!(openers, BTreeSet::from(known));
    let rig = Rig::new(GOOD);
    let mut names = BTreeSet::new();
    for folder in ["state", "kept"] {
        for entry in fs::read_dir(rig.path(folder)).unwrap() {
            names.insert(entry.unwrap().file_name().into_string().unwrap());
        }
    }
    for kind in KEPT {
        assert!(names.iter().any(|name| name.starts_with(kind)), "{kind} is not in {names:?}");
    }
}

fn collect_sources(folder: &Path, sources: &mut Vec<(String, String)>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect_sources(&path, sources)
        } else {
            let name = path.strip_prefix(root).unwrap().display().to_string();
            sources.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
}

/// What `check` says of a configuration may repeat a value: its identifier and its place are enough
/// for a report.
#[test]
fn what_check_finds_is_in_the_bundle_without_the_words_of_files() {
    let machine = Machine::new();
    machine.configure("[tenant]\nurl = \"https://tenant.example\"\nhunter2 = 1\n");
    let bundle = machine.0.join("bundle");
    let (_, err, code) = machine.run(&["support-bundle", "--output", bundle.to_str().unwrap()]);
    assert_eq!((err.as_str(), code), ("", 0));
    let text = std::fs::read_to_string(bundle).unwrap();
    let (_, part) = text.split_once("\n== check\n").unwrap();
    let (part, _) = part.split_once("\n== ").unwrap();
    assert!(
        part.contains("error config-wrong at ") && part.contains("countersign.toml:3\n"),
        "{part}"
    );
    assert!(!part.contains("hunter2"), "{part}");
}

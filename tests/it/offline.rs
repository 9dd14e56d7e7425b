//! Whole logins while the tenant does not answer, and what becomes of them when it does again.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;

use countersign::host::{Answer, Caller, Conversation, Program, Verdict, authenticate};
use countersign::local::offline::Store;
use countersign::local::offline::moment::Moment;
use countersign::local::offline::record::{Enrolment, Record};
use countersign::login::Question;
use countersign::os;
use countersign::otpauth::{self, Key};
use countersign::refusal::Reason;
use countersign::secret::Secret;

use crate::rig::{ALICE, CODE, PASSWORD, Rig, user};
use simulator::What;

const QUESTION: &str = "?Tenant unreachable. Offline verification code: ";
const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

/// A person whose password another module has verified; answers question by question.
struct Person {
    stacked: bool,
    answers: Vec<String>,
    seen: Vec<String>,
    name: String,
}

impl Person {
    fn answering(answers: &[&str]) -> Self {
        Person {
            stacked: true,
            answers: answers.iter().rev().map(|text| text.to_string()).collect(),
            seen: Vec::new(),
            name: user(),
        }
    }
}

impl Conversation for Person {
    fn password(&mut self) -> Answer {
        Answer::Typed(Secret::new(PASSWORD))
    }

    fn stacked_password(&mut self) -> Option<Answer> {
        self.stacked.then(|| self.password())
    }

    fn ask(&mut self, question: &Question) -> Answer {
        self.seen.push(format!("?{}", question.text));
        let next = self.answers.pop();
        let text = next.unwrap_or_else(|| panic!("not foreseen: {}", question.text));
        Secret::from_bytes(text.as_bytes()).map_or_else(Answer::Unfit, Answer::Typed)
    }

    fn tell(&mut self, text: &str) {
        self.seen.push(format!("i{text}"));
    }

    fn complain(&mut self, text: &str) {
        self.seen.push(format!("!{text}"));
    }

    fn user(&mut self) -> Option<String> {
        Some(self.name.clone())
    }
}

/// A machine with a tenant that can be cut off.
struct Machine {
    rig: Rig,
    /// What sshd has verified before.
    public_key: Option<String>,
}

impl Machine {
    fn new() -> Self {
        Self::with("")
    }

    /// `more` are keys of `[offline]`, and whatever comes behind.
    fn with(more: &str) -> Self {
        Self::of(ALICE, more)
    }

    fn of(scenario: &str, more: &str) -> Self {
        let rig = Rig::new(scenario);
        let kept = rig.folder.path().join("kept");
        rig.configure(&format!(
            "[offline]\nenabled = true\nfirst_factor = \"pam_unix\"\nfolder = \"{}\"\n{more}",
            kept.display()
        ));
        Machine { rig, public_key: None }
    }

    fn enrolled() -> Self {
        let machine = Self::new();
        machine.enroll();
        machine
    }

    fn enroll(&self) -> Vec<String> {
        let now = Moment::now().unwrap();
        let enrolment = Enrolment::new(uid(), &user(), key(), &now).unwrap();
        self.store().enroll(&enrolment.record).unwrap();
        enrolment.codes.iter().map(|code| code.to_string()).collect()
    }

    fn store(&self) -> Store {
        Store::open(&self.rig.folder.path().join("kept")).unwrap()
    }

    fn record(&self) -> Record {
        self.store().load(uid()).unwrap().unwrap()
    }

    fn file(&self) -> PathBuf {
        self.rig.folder.path().join(format!("kept/totp-{}", uid()))
    }

    /// From now on the tenant is said to be here.
    fn move_tenant(&self, url: &str) {
        let config = fs::read_to_string(self.rig.config()).unwrap();
        let (_, rest) = config.split_once("url = \"").unwrap();
        let (old, _) = rest.split_once('"').unwrap();
        let moved = config.replace(old, url);
        self.rig.folder.write("countersign.toml", &moved);
    }

    /// No process listens where the tenant should be.
    fn cut_off(&self) {
        let closed = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = closed.local_addr().unwrap();
        drop(closed);
        self.move_tenant(&format!("https://{address}"));
    }

    fn reconnect(&self) {
        self.move_tenant(&self.rig.simulator.url());
    }

    fn log_in(&self, person: &mut Person) -> Result<&'static str, Reason> {
        self.log_in_as(person)
    }

    fn log_in_as(&self, person: &mut dyn Conversation) -> Result<&'static str, Reason> {
        let caller = Caller {
            user: Ok(user()),
            service: "sshd".into(),
            rhost: Some("192.0.2.7".into()),
            tty: Some("ssh".into()),
            ruser: None,
            real_uid: 0,
            ssh_auth_info: self.public_key.clone(),
            arguments: vec![format!("config={}", self.rig.config().display())],
            program: Program::Own,
        };
        match authenticate(&caller, person).verdict {
            Verdict::Granted(proof) if proof.offline().is_some() => Ok("offline"),
            Verdict::Granted(_) => Ok("online"),
            Verdict::Remembered(_) => Ok("remembered"),
            Verdict::SecurityKey(_) => Ok("security key"),
            Verdict::Exempt { .. } => Ok("exempt"),
            Verdict::Refused(refusal) => Err(refusal.reason),
        }
    }

    /// A login offline with these answers.
    fn offline(&self, answers: &[&str]) -> Result<&'static str, Reason> {
        self.log_in(&mut Person::answering(answers))
    }

    /// An online login, and what was seen.
    fn online_with(&self, answers: &[&str]) -> (Result<&'static str, Reason>, Vec<String>) {
        let mut person = Person::answering(answers);
        let ended = self.log_in(&mut person);
        (ended, person.seen)
    }

    fn online(&self) -> Result<&'static str, Reason> {
        self.log_in(&mut Person::answering(&[CODE]))
    }
}

fn uid() -> u32 {
    os::uid_of(&user()).unwrap().unwrap()
}

fn key() -> Key {
    otpauth::read(SECRET).unwrap()
}

/// The code of the step that is so many away.
fn code(distance: i64) -> String {
    let time = os::wall_clock().checked_add_signed(30 * distance);
    key().code_at(time.unwrap()).to_string()
}

/// No code of now.
fn wrong() -> &'static str {
    let wrong = |code: &&&str| key().step_of(code, os::wall_clock()).is_none();
    let candidates = ["000000", "000001", "000002", "000003"];
    candidates.iter().find(wrong).unwrap()
}

#[test]
fn a_code_lets_alice_in_once_and_the_next_online_login_tells_of_it() {
    let machine = Machine::enrolled();
    machine.cut_off();
    let code = code(0);
    let mut person = Person::answering(&[&code]);
    assert_eq!(machine.log_in(&mut person), Ok("offline"));
    assert_eq!(person.seen, [QUESTION]);
    let audit = machine.rig.audit();
    audit.assert(&[
        ("outcome", "granted"),
        ("reason", "offline"),
        ("mechanisms", "OFFLINE"),
        ("requests", "1"),
        ("tx", ""),
    ]);
    let detail = audit.field("detail");
    assert!(
        detail.starts_with("login 1 since the last online one ")
            && detail.contains("; connection refused: 127.0.0.1:"),
        "{detail}"
    );
    let mut person = Person::answering(&[&code, &code, &code]);
    assert_eq!(machine.log_in(&mut person), Err(Reason::OfflineRefused));
    assert_eq!(
        person.seen[3],
        "!No offline login. It takes an enrolled authenticator and a code that was not used before."
    );
    machine.rig.audit().assert(&[("reason", "offline_refused")]);
    machine.reconnect();
    assert_eq!(machine.online(), Ok("online"));
    let mut lines = std::iter::repeat_with(|| machine.rig.line());
    let line = lines.find(|line| line.contains("offline: ")).unwrap();
    let told = format!("offline: 1 logins of uid {} since the last online one", uid());
    assert!(line.ends_with(&told), "{line}");
    let record = machine.record();
    assert_eq!((record.logins, record.failures), (0, 0));
}

/// A listener whose queue is full: the connect gets no answer.
fn deaf() -> (Vec<std::net::TcpStream>, TcpListener) {
    use std::os::fd::AsRawFd;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    // SAFETY: the descriptor is ours and open.
    assert_eq!(unsafe { libc::listen(listener.as_raw_fd(), 0) }, 0);
    let address = listener.local_addr().unwrap();
    let soon = std::time::Duration::from_millis(200);
    let waiting = (0..4).filter_map(|_| std::net::TcpStream::connect_timeout(&address, soon).ok());
    (waiting.collect(), listener)
}

#[test]
fn every_outage_asks_for_a_code_whoever_is_enrolled() {
    let (_waiting, deaf) = deaf();
    let deaf = format!("https://{}", deaf.local_addr().unwrap());
    let outages = [
        ("https://127.0.0.1:1", "connection refused"),
        ("https://no-such-host.invalid", "n"),
        (deaf.as_str(), "no answer to the connect"),
    ];
    for (url, kind) in outages {
        let machine = Machine::new();
        let config = fs::read_to_string(machine.rig.config()).unwrap();
        let quick = config.replace("[tenant]\n", "[tenant]\nconnect_timeout = \"500ms\"\n");
        machine.rig.folder.write("countersign.toml", &quick);
        machine.move_tenant(url);
        let three = [wrong(), wrong(), wrong()];
        let refused = |machine: &Machine| {
            let mut person = Person::answering(&three);
            (machine.log_in(&mut person), person.seen)
        };
        let (nobody, seen_by_nobody) = refused(&machine);
        assert_eq!(nobody, Err(Reason::OfflineNotEnrolled), "{url}");
        let audit = machine.rig.audit();
        assert!(
            audit.field("detail").starts_with(&format!("the user is not enrolled; {kind}")),
            "{}",
            audit.0
        );
        machine.enroll();
        let (wrong, seen) = refused(&machine);
        assert_eq!(wrong, Err(Reason::OfflineRefused), "{url}");
        assert_eq!(seen, seen_by_nobody, "an attacker learns who is enrolled");
        assert_eq!(machine.record().failures, 3);
        assert_eq!(machine.offline(&[&code(0)]), Ok("offline"), "{url}");
    }
}

#[test]
fn whatever_answers_is_no_outage_and_asks_nobody() {
    let faults = [
        What::TlsUntrusted,
        What::TlsWrongName,
        What::Garbage,
        What::Html,
        What::BadJson,
        What::CutBeforeReply,
        What::CutMidBody,
        What::Status { code: 500, retry_after: None, body: None },
    ];
    let machine = Machine::enrolled();
    for fault in faults {
        machine.rig.simulator.fault(fault.clone().once());
        assert_eq!(machine.offline(&[]), Err(Reason::Misbehaved), "{fault:?}");
    }
    assert_eq!(machine.record().failures, 0);
}

#[test]
fn nobody_is_asked_where_no_module_has_left_a_password_or_nobody_allows_it() {
    let machine = Machine::enrolled();
    machine.cut_off();
    let mut alone = Person::answering(&[]);
    alone.stacked = false;
    assert_eq!(machine.log_in(&mut alone), Err(Reason::Outage));
    let config = fs::read_to_string(machine.rig.config()).unwrap();
    let off = config.replace("enabled = true", "enabled = false");
    machine.rig.folder.write("countersign.toml", &off);
    assert_eq!(machine.offline(&[]), Err(Reason::Outage));
}

#[test]
fn whom_the_tenant_has_refused_finds_no_second_door_in_an_outage() {
    let machine = Machine::enrolled();
    assert_eq!(machine.offline(&["000000"]), Err(Reason::AnswerRefused));
    machine.cut_off();
    let now = code(0);
    let mut person = Person::answering(&[&now]);
    assert_eq!(machine.log_in(&mut person), Err(Reason::OfflineBlocked));
    assert_eq!(person.seen[1], "!No offline login: no code of yours counts at present.");
    machine.rig.audit();
    let audit = machine.rig.audit();
    let why = "the tenant has refused this user: none for another ";
    assert!(audit.field("detail").starts_with(why), "{}", audit.0);
    machine.reconnect();
    assert_eq!(machine.online(), Ok("online"));
    machine.cut_off();
    assert_eq!(machine.offline(&[&now]), Ok("offline"), "it was not spent");
}

#[test]
fn an_outage_in_the_middle_of_a_login_is_none() {
    let machine = Machine::enrolled();
    machine.rig.simulator.fault(What::CutBeforeReply.once().on_path("advance"));
    assert_eq!(machine.offline(&[CODE]), Err(Reason::Misbehaved));
}

#[test]
fn wrong_codes_lock_all_services_and_the_right_one_does_not_help() {
    let machine = Machine::enrolled();
    machine.cut_off();
    let three = [wrong(), wrong(), wrong()];
    assert_eq!(machine.offline(&three), Err(Reason::OfflineRefused));
    assert_eq!(machine.offline(&three), Err(Reason::OfflineLocked));
    assert_eq!(machine.record().failures, 5, "a try in a wait is none");
    let right = code(0);
    let mut person = Person::answering(&[&right]);
    assert_eq!(machine.log_in(&mut person), Err(Reason::OfflineLocked));
    let told = person.seen[1].replace("another 29 s", "another 30 s");
    assert_eq!(
        told,
        "!No offline login: too many codes were wrong, so none counts for another 30 s. The last one was not used up."
    );
    machine.store().unlock(uid()).unwrap();
    assert_eq!(machine.offline(&[&right]), Ok("offline"));
}

#[test]
fn a_recovery_code_works_once_where_a_code_does() {
    let machine = Machine::new();
    let codes = machine.enroll();
    machine.cut_off();
    assert_eq!(machine.offline(&[&codes[3]]), Ok("offline"));
    let audit = machine.rig.audit();
    audit.assert(&[("mechanisms", "OFFLINE_RECOVERY")]);
    assert!(audit.field("detail").contains(", 9 recovery codes left; "), "{}", audit.0);
    let thrice = [codes[3].as_str(); 3];
    assert_eq!(machine.offline(&thrice), Err(Reason::OfflineRefused));
}

#[test]
fn a_record_that_is_damaged_lets_nobody_in_and_stays_as_it_is() {
    let machine = Machine::enrolled();
    machine.cut_off();
    fs::write(machine.file(), "nonsense").unwrap();
    let right = code(0);
    let mut person = Person::answering(&[&right]);
    assert_eq!(machine.log_in(&mut person), Err(Reason::OfflineUnusable));
    assert_eq!(
        person.seen[1],
        "!No offline login: this system can't check codes at present. Please tell an administrator."
    );
    assert_eq!(fs::read(machine.file()).unwrap(), b"nonsense");
    machine.reconnect();
    assert_eq!(machine.online(), Ok("online"), "that is another matter");
    assert_eq!(fs::read(machine.file()).unwrap(), b"nonsense");
}

#[test]
fn an_offline_login_is_not_remembered_and_the_number_of_them_is_bounded() {
    let machine = Machine::with("max_logins = 2\n\n[login]\nremember = \"1h\"");
    let codes = machine.enroll();
    machine.cut_off();
    assert_eq!(machine.offline(&[&codes[0]]), Ok("offline"));
    assert_eq!(machine.offline(&[&codes[1]]), Ok("offline"));
    assert_eq!(machine.offline(&[&codes[2]]), Err(Reason::OfflineBlocked));
}

#[test]
fn no_code_reaches_the_log() {
    let machine = Machine::new();
    let codes = machine.enroll();
    machine.cut_off();
    let right = code(0);
    assert_eq!(machine.offline(&[wrong(), &right]), Ok("offline"));
    assert_eq!(machine.offline(&[&codes[0]]), Ok("offline"));
    let mut lines = Vec::new();
    while lines.iter().filter(|line: &&String| line.contains("): login ")).count() < 2 {
        lines.push(machine.rig.line());
    }
    for secret in [right.as_str(), SECRET, codes[0].as_str(), wrong()] {
        assert!(!lines.iter().any(|line| line.contains(secret)), "{secret}: {lines:?}");
    }
}

const OFFER: &str =
    "?Set up codes for when the identity service can't be reached? Asked once. [y/N] ";
const OFFERING: &str = "enroll_at_login = true";

/// What a user types who sees this key.
type FirstCode = fn(&Key) -> String;

/// Where the answers come from what was shown.
struct Newcomer {
    person: Person,
    first_codes: Vec<FirstCode>,
    has_tried: bool,
    leaves_at: Option<&'static str>,
    becomes_another_at: Option<&'static str>,
}

impl Newcomer {
    fn typing(first_codes: &[FirstCode]) -> Self {
        Newcomer {
            person: Person::answering(&[CODE, "y", ""]),
            first_codes: first_codes.iter().rev().copied().collect(),
            has_tried: false,
            leaves_at: None,
            becomes_another_at: None,
        }
    }
}

impl Conversation for Newcomer {
    fn password(&mut self) -> Answer {
        self.person.password()
    }

    fn stacked_password(&mut self) -> Option<Answer> {
        self.person.stacked_password()
    }

    fn ask(&mut self, question: &Question) -> Answer {
        if self.becomes_another_at.is_some_and(|at| question.text.contains(at)) {
            self.person.name = "another user".into();
        }
        if self.leaves_at.is_some_and(|at| question.text.contains(at)) {
            return Answer::Failed;
        }
        if !question.text.contains("type this key") {
            return self.person.ask(question);
        }
        assert!(question.text.len() < 512 && question.text.ends_with("\nVerification code: "));
        let again = "That is not the code that it shows now.\n";
        let (said, text) = match question.text.strip_prefix(again) {
            Some(text) => (true, text),
            None => (false, question.text.as_str()),
        };
        assert_eq!(said, self.has_tried, "{text}");
        self.has_tried = true;
        let secret = text.lines().nth(1).unwrap();
        let typed = self.first_codes.pop().unwrap()(&otpauth::read(secret).unwrap());
        Secret::from_bytes(typed.as_bytes()).map_or_else(Answer::Unfit, Answer::Typed)
    }

    fn tell(&mut self, text: &str) {
        self.person.tell(text);
    }

    fn complain(&mut self, text: &str) {
        self.person.complain(text);
    }

    fn user(&mut self) -> Option<String> {
        self.person.user()
    }
}

fn current(key: &Key) -> String {
    key.code_at(os::wall_clock()).to_string()
}

fn nothing(_: &Key) -> String {
    String::new()
}

fn nonsense(_: &Key) -> String {
    "abcdef".to_owned()
}

#[test]
fn whoever_says_yes_at_an_online_login_has_a_key_after_its_first_code() {
    let machine = Machine::with(OFFERING);
    let mut newcomer = Newcomer::typing(&[nonsense, current]);
    assert_eq!(machine.log_in_as(&mut newcomer), Ok("online"));
    let seen = newcomer.person.seen;
    assert_eq!(seen[1], OFFER);
    let [.., uri, picture, recovery] = seen.as_slice() else { panic!("{seen:?}") };
    assert!(picture.starts_with('i') && picture.contains('\u{2588}'), "{picture}");
    assert!(uri.starts_with("iotpauth://totp/Countersign:"), "{uri}");
    assert!(
        recovery.ends_with("Press Enter when you have written them down: ") && recovery.len() < 512
    );
    let record = machine.record();
    assert!(record.last_step > 0, "its first code is used up");
    let kept = otpauth::read(&uri[1..]).unwrap();
    assert_eq!(kept.base32(), record.key.base32());
    let mut lines = std::iter::repeat_with(|| machine.rig.line());
    let line = lines.find(|line| line.contains("offline: ") || line.contains("outcome")).unwrap();
    let told = format!("offline: uid {} has enrolled at this login", uid());
    assert!(line.ends_with(&told), "{line}");
    assert_eq!(machine.online_with(&[CODE]).0, Ok("online"), "no login asks again");
    machine.cut_off();
    let code = recovery.split_whitespace().find(|word| word.len() > 8 && word.contains('-'));
    assert_eq!(machine.offline(&[code.unwrap()]), Ok("offline"));
}

#[test]
fn a_key_is_offered_once_whatever_comes_of_it() {
    let unfinished: [&[FirstCode]; 2] = [&[nothing], &[nonsense, nonsense, nonsense]];
    for first_codes in unfinished {
        let machine = Machine::with(OFFERING);
        let mut newcomer = Newcomer::typing(first_codes);
        assert_eq!(machine.log_in_as(&mut newcomer), Ok("online"));
        assert_eq!(
            newcomer.person.seen.last().unwrap(),
            "iNo offline codes were set up. An administrator can do it: countersign totp enroll"
        );
        assert!(!machine.file().exists());
        assert_eq!(machine.online_with(&[CODE]).0, Ok("online"));
    }
    for no in ["", "n", "abc"] {
        let machine = Machine::with(OFFERING);
        let (ended, seen) = machine.online_with(&[CODE, no]);
        assert_eq!((ended, seen[1].as_str(), seen.len()), (Ok("online"), OFFER, 2));
        assert_eq!(machine.online_with(&[CODE]).0, Ok("online"));
        assert!(!machine.file().exists());
    }
}

#[test]
fn nobody_is_offered_a_key_who_has_one_or_unless_it_is_allowed_or_can_be_kept_in_mind() {
    let enrolled = Machine::with(OFFERING);
    enrolled.enroll();
    assert_eq!(enrolled.online(), Ok("online"));
    assert_eq!(Machine::new().online(), Ok("online"));
    let unsafe_folder = Machine::with(OFFERING);
    let folder = unsafe_folder.rig.folder.path().join("kept");
    fs::create_dir(&folder).unwrap();
    let all = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    fs::set_permissions(&folder, all).unwrap();
    assert_eq!(unsafe_folder.online(), Ok("online"));
    let unreachable = Machine::with(OFFERING);
    let codes = unreachable.enroll();
    unreachable.cut_off();
    assert_eq!(unreachable.offline(&[&codes[0]]), Ok("offline"));
}

#[test]
fn whoever_leaves_at_the_offer_or_after_it_ends_the_login() {
    for at in ["Set up codes", "type this key", "written them down"] {
        let machine = Machine::with(OFFERING);
        let mut newcomer = Newcomer::typing(&[current]);
        newcomer.leaves_at = Some(at);
        assert_eq!(machine.log_in_as(&mut newcomer), Err(Reason::Conversation), "{at}");
        assert_eq!(machine.file().exists(), at == "written them down");
    }
}

#[test]
fn a_conversation_that_has_given_nothing_but_the_password_is_not_asked() {
    let password_alone = ALICE.replace(r#"[["UP"], ["OATH"]]"#, r#"[["UP"]]"#);
    let more = format!("{OFFERING}\n\n[login]\nminimum_factors = 1");
    let machine = Machine::of(&password_alone, &more);
    assert_eq!(machine.offline(&[]), Ok("online"));
    assert_eq!(
        machine
            .rig
            .folder
            .path()
            .join("kept")
            .read_dir()
            .unwrap()
            .filter(|entry| entry
                .as_ref()
                .unwrap()
                .file_name()
                .to_string_lossy()
                .starts_with("offered"))
            .count(),
        0
    );
}

#[test]
fn nobody_gets_in_as_somebody_else_by_the_offer() {
    for at in ["Set up codes", "type this key", "written them down"] {
        let machine = Machine::with(OFFERING);
        let mut newcomer = Newcomer::typing(&[current]);
        newcomer.becomes_another_at = Some(at);
        assert_eq!(machine.log_in_as(&mut newcomer), Err(Reason::UserChanged), "{at}");
        assert_eq!(machine.file().exists(), at == "written them down");
    }
}

#[test]
fn no_key_is_offered_to_one_of_several_people_who_share_an_account() {
    let mut machine = Machine::with(OFFERING);
    machine.public_key = Some("publickey ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl\n".into());
    assert_eq!(machine.online_with(&[CODE, ""]).1[1], OFFER, "this account is alice's alone");
    let config = fs::read_to_string(machine.rig.config()).unwrap();
    let names = format!("names = {{ {} = \"alice@example.com\" }}", user());
    let keys =
        "keys = { \"SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU\" = \"alice@example.com\" }";
    let shared = config.replace(&names, keys);
    assert_ne!(shared, config);
    machine.rig.folder.write("countersign.toml", &shared);
    let offered = machine.rig.folder.path().join(format!("kept/offered-{}", uid()));
    fs::remove_file(&offered).unwrap();
    assert_eq!(machine.online(), Ok("online"));
    assert!(!offered.exists());
}

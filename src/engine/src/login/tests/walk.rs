//! Thousands of logins against a tenant and a user that say anything at all. A user who gets in
//! must have earned it, in the eyes of a judge that knows nothing but what went over the wire.
#![forbid(unsafe_code)]

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde_json::{Value, json};

use super::package::{SESSION, failed, mechanism, ok, package_of, success, with, with_result};
use super::step_up::{BASIC, stepping_up};
use super::world::{PASSWORD, USER, cut, outage, response, start};
use crate::local::budget::Allowance;
use crate::local::offline::Receipt;
use crate::local::offline::rules::{Accepted, CodeRefusal, Kind};
use crate::login::{self, Before, Keep, Machine, Outgoing, Start, Step};
use crate::policy::{Batch, ClientAuth, Flow, Login, Offline, Terms};
use crate::refusal::Reason;
use crate::secret::Secret;
use crate::tenant::failure::Failure;
use crate::tenant::http::Response;

/// Logins in one walk.
const RUNS: u64 = 16_000;
/// Steps of a login before its caller loses patience.
const PATIENCE: usize = 80;

/// xorshift64*: good enough to wander about, and the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let mixed = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(mixed).unwrap() % sides
    }

    fn one_in(&mut self, sides: usize) -> bool {
        self.roll(sides) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len())]
    }
}

/// What the tenant said, as the judge knows it.
#[derive(Default)]
struct Said {
    /// It arrived, as JSON with status 200, and for our session.
    ours: bool,
    summary: &'static str,
    user: Option<&'static str>,
    named: Option<String>,
    number: bool,
}

/// The judge: what went over the wire in one login.
struct Judge {
    terms: Terms,
    /// The names of the mechanisms, by id. No id is given twice.
    names: HashMap<String, &'static str>,
    /// The operations of the last request: id and action.
    sent: Vec<(String, String)>,
    met: Vec<&'static str>,
    numbered: Vec<String>,
    last: Said,
    passwords: usize,
    started: HashSet<String>,
    answers: usize,
    over: bool,
    cleaned: bool,
    /// Tokens of the machine that the tenant or an earlier login gave.
    tokens: Vec<String>,
    /// Whether the tenant has just refused one.
    token_refused: bool,
    /// Whether it has refused one to an operation.
    without_token: bool,
    /// How often each path was asked.
    asked: HashMap<String, usize>,
    /// The budget has allowed one, and it was not sent yet.
    may_ring: bool,
    /// A federated login has succeeded, for no user.
    nameless: bool,
    /// Whether any answer has come at all.
    heard: bool,
    /// Whether an offline code was accepted.
    redeemed: bool,
}

impl Judge {
    fn new(terms: Terms) -> Self {
        Self {
            terms,
            names: HashMap::new(),
            sent: Vec::new(),
            met: Vec::new(),
            numbered: Vec::new(),
            last: Said::default(),
            passwords: 0,
            started: HashSet::new(),
            answers: 0,
            over: false,
            cleaned: false,
            tokens: Vec::new(),
            token_refused: false,
            without_token: false,
            asked: HashMap::new(),
            may_ring: false,
            nameless: false,
            heard: false,
            redeemed: false,
        }
    }

    fn is_step_up(&self) -> bool {
        self.terms.flow != Flow::Login
    }

    /// In whose name a request is made.
    fn hear_authorization(&mut self, path: &str, outgoing: &Outgoing) {
        let times = self.asked.entry(path.to_owned()).or_default();
        *times += 1;
        let times = *times;
        let authorization = outgoing.authorization.as_ref().map(|a| a.expose());
        match path {
            "/oauth2/token/mfa" => {
                assert!(self.is_step_up() && times == 1, "another token");
                assert!([None, Some(BASIC)].contains(&authorization));
            }
            "/Security/Whoami" => {
                assert!(self.nameless);
                assert_eq!(authorization, Some("Bearer eyJ"));
            }
            "/Security/StartAuthentication" => {
                assert!(!self.is_step_up() && authorization.is_none());
            }
            _ if self.is_step_up() => {
                assert!(path != "/Security/OnDemandChallenge" || times <= 2);
                let token = self.tokens.last().map(|token| format!("Bearer {token}"));
                let token = token.filter(|_| !self.without_token);
                assert_eq!(authorization, token.as_deref(), "{path}");
            }
            _ => assert_eq!(authorization, None, "{path}"),
        }
    }

    /// What outlives the login.
    fn hear_keep(&self, keep: &Keep) {
        match keep {
            Keep::Token(token, _) => {
                assert_eq!(self.tokens.last().map(String::as_str), Some(token.expose()))
            }
            Keep::NoToken => assert!(self.token_refused),
        }
    }

    /// Looks at a request.
    fn hear_request(&mut self, path: &str, body: &Value) {
        assert!(!self.cleaned, "a request after the cleanup");
        if path.ends_with("CleanupAuthentication") {
            assert!(!self.over, "a cleanup of what the tenant has ended");
            self.cleaned = true;
        }
        if path.ends_with("AdvanceAuthentication") || self.cleaned {
            assert!([SESSION, "L1"].contains(&body["SessionId"].as_str().unwrap()));
        }
        let operations = match body["MultipleOperations"].as_array() {
            Some(several) => several.clone(),
            None if body["MechanismId"].is_string() => vec![body.clone()],
            None => Vec::new(),
        };
        self.sent.clear();
        for operation in &operations {
            self.hear_operation(operation, operations.len());
        }
    }

    fn hear_operation(&mut self, operation: &Value, operations: usize) {
        let text = |key: &str| operation[key].as_str().unwrap_or_default().to_owned();
        let (id, action) = (text("MechanismId"), text("Action"));
        let name = self.names.get(&id).copied();
        if operation["Answer"].to_string().contains(PASSWORD) {
            assert_eq!(name, Some("UP"), "the password went elsewhere");
            self.passwords += 1;
            assert!(self.passwords <= 2, "the password was sent too often");
            // Alone, where the tenant asks for nothing else.
            let may = !self.terms.stranger || self.terms.login.push_first || operations == 1;
            assert!(may || self.answers > 0, "a stranger's password went ahead");
        }
        if rings(name, &action, operation["Answer"].as_str()) {
            assert!(self.may_ring, "it rang without a budget");
            self.may_ring = false;
        }
        // An authenticator may be started with the password of a user who is no robot.
        let goes_ahead = name == Some("OATH") && self.passwords > 0 && !self.terms.stranger;
        if action == "StartOOB" && !goes_ahead {
            self.started.insert(id.clone());
            // One may be repeated for a package that replaces the one that it was chosen from.
            let asked_for = self.answers > 0 && self.started.len() <= self.answers + 1;
            assert!(
                asked_for || self.terms.login.push_first,
                "a start without a word of the user's"
            );
        }
        self.sent.push((id, action));
    }

    /// Looks at a reply.
    fn hear_reply(&mut self, said: Said) {
        if !said.ours {
            self.last = said;
            return;
        }
        self.nameless |= said.summary == "LoginSuccess" && said.user.is_none();
        let all_up_to = |id: &str| self.sent.iter().rposition(|(sent, _)| sent == id);
        let first = self.sent.first().map(|(id, _)| id.as_str());
        let taken = match (said.summary, said.named.as_deref().or(first)) {
            ("LoginSuccess" | "StartNextChallenge" | "NewPackage", Some(id)) => {
                all_up_to(id).map_or(0, |at| at + 1)
            }
            ("OobPending", _) => self.sent.len().saturating_sub(1),
            _ => 0,
        };
        let (sent, replaced) = (self.sent.clone(), said.summary == "NewPackage");
        // What the tenant did not get to has not rung.
        let last = self.sent.last().map(|(id, _)| id.as_str());
        let edge = match said.summary {
            "OobPending" => said.named.as_deref().or(last),
            _ => said.named.as_deref().or(first),
        };
        let reached = edge.and_then(all_up_to).map_or(0, |at| at + 1);
        let text = |id: &String| self.names.get(id).copied();
        let rest = self.sent.iter().skip(reached);
        self.may_ring |= rest.clone().any(|(id, action)| rings(text(id), action, None));
        for (id, action) in sent.iter().take(taken) {
            let numbered = self.numbered.contains(id) || !self.terms.login.require_number_match;
            let counts = match (action.as_str(), self.names.get(id).copied()) {
                ("Answer", _) => true,
                ("Poll", Some("OTP" | "RADIUS")) => numbered && !replaced,
                ("Poll", _) => !replaced,
                _ => false,
            };
            let name = self.names.get(id).filter(|_| counts);
            self.met.extend(name);
        }
        if said.number {
            self.numbered.extend(sent.iter().map(|(id, _)| id.clone()));
        }
        self.over |= ["LoginSuccess", "Failure"].contains(&said.summary);
        self.last = said;
    }

    /// The token is not good for an operation of a step-up, which the tenant has not looked at: it
    /// may come once more.
    fn hear_no_right(&mut self) {
        if !self.is_step_up() || std::mem::replace(&mut self.without_token, true) {
            return;
        }
        let name = |id: &String| self.names.get(id).copied();
        let passwords = self.sent.iter().filter(|(id, _)| name(id) == Some("UP"));
        self.passwords = self.passwords.saturating_sub(passwords.count());
        let mut sent = self.sent.iter();
        self.may_ring |= sent.any(|(id, action)| rings(name(id), action, None));
    }

    /// Looks at an offline code.
    fn hear_code(&mut self, before: Before) {
        assert!(!self.heard, "an offline code after an answer");
        assert!(self.terms.offline.is_some() && before == Before::Password);
        assert!(self.met.is_empty() && self.passwords == 0 && !self.redeemed);
    }

    /// Whether the user who got in has earned it.
    fn agrees(&self, federated: bool) {
        let asked = self.nameless && self.last.summary == "Whoami";
        assert!(self.last.ours && (asked || self.last.summary == "LoginSuccess"));
        let user = self.last.user.expect("a success without a user");
        assert!(user.eq_ignore_ascii_case(USER), "a success for {user}");
        if federated {
            assert!(self.terms.login.federated);
            return;
        }
        let any = |names: &[&str]| self.met.iter().any(|name| names.contains(name));
        let mail = self.terms.login.email_counts && any(&["EMAIL"]);
        let has = any(&["OTP", "SMS", "OATH", "PF", "RADIUS"]) || mail;
        // What came before a step-up is something known: a possession stands for two kinds.
        let knows = any(&["UP", "SQ"]) || self.is_step_up() && has;
        let kinds = u8::from(knows) + u8::from(has);
        assert!(kinds >= self.terms.login.minimum_factors, "met: {:?}", self.met);
    }
}

/// Whether an operation makes a phone ring or fills a mailbox.
fn rings(name: Option<&str>, action: &str, answer: Option<&str>) -> bool {
    let is_code = |text: &str| text.len() >= 4 && text.bytes().all(|b| b.is_ascii_digit());
    match (name, action) {
        (Some("OTP" | "SMS" | "EMAIL" | "PF" | "RADIUS"), "StartOOB") => true,
        (Some("RADIUS"), "Answer") => !answer.is_some_and(is_code),
        _ => false,
    }
}

/// One login that goes anywhere.
struct Walk<'a> {
    dice: &'a mut Dice,
    judge: Judge,
    /// The mechanisms that the tenant knows.
    names: Vec<&'static str>,
    ids: usize,
    federated: bool,
    /// Whether the login has a password to compare answers with.
    has_password: bool,
    /// The time since the login began.
    now: Duration,
}

/// How it ended.
enum End {
    In,
    InFederated,
    InByName,
    InByStepUp,
    InOffline,
    Out,
}

impl Walk<'_> {
    fn run(mut self) -> End {
        let start = self.start();
        let before = start.before;
        let mut step = login::start(start);
        for _ in 0..PATIENCE {
            step = match step {
                Step::Done(Ok(proof)) if proof.offline().is_some() => {
                    assert!(self.judge.redeemed);
                    return End::InOffline;
                }
                Step::Done(Ok(_)) => return self.inside(),
                Step::Redeem(_, awaited) => {
                    self.judge.hear_code(before);
                    awaited.redeemed(self.redeem())
                }
                Step::Done(Err(_)) => return End::Out,
                Step::Tell(_, told) => told.told(),
                Step::Keep(keep, told) => {
                    self.judge.hear_keep(&keep);
                    told.told()
                }
                Step::Spend(awaited) => {
                    let allowance = any_allowance(self.dice);
                    self.judge.may_ring = allowance == Allowance::Free;
                    awaited.answer(allowance)
                }
                Step::Wait(time, awaited) => {
                    assert!(time <= Duration::from_secs(30));
                    self.now += time;
                    awaited.elapsed(self.now)
                }
                Step::Ask(question, awaited) => {
                    assert!(question.text.len() < 512);
                    self.judge.answers += 1;
                    let for_password = question.text.starts_with("Password of ");
                    self.answer(awaited, for_password)
                }
                Step::Send(outgoing, awaited) => {
                    assert_eq!(outgoing.to, self.judge.terms.tenant.url);
                    let path = outgoing.request.path();
                    let body = serde_json::from_slice(&outgoing.request.body());
                    self.judge.hear_authorization(&path, &outgoing);
                    self.judge.hear_request(&path, &body.unwrap_or_default());
                    if self.dice.one_in(200) {
                        awaited.abandon(Reason::Interrupted.into())
                    } else {
                        awaited.reply(self.reply(&path))
                    }
                }
            };
        }
        End::Out
    }

    fn start(&mut self) -> Start {
        let mut start = start(self.judge.terms.clone());
        start.allowance = any_allowance(self.dice);
        start.before = self.dice.pick(&[Before::Password, Before::Nothing]);
        if self.judge.is_step_up() {
            let token = self.dice.one_in(2).then(|| "kept".to_owned());
            self.judge.tokens.extend(token.clone());
            start.machine = Some(Machine {
                secret: Secret::new("s3cret"),
                token: token.map(|token| Secret::new(&token)),
            });
            start.password = start.password.filter(|_| self.dice.one_in(2));
        }
        self.has_password = start.password.is_some();
        start
    }

    fn inside(&self) -> End {
        assert!(!self.judge.redeemed);
        self.judge.agrees(self.federated);
        match self.judge.last.summary {
            _ if self.judge.is_step_up() => End::InByStepUp,
            "Whoami" => End::InByName,
            _ if self.federated => End::InFederated,
            _ => End::In,
        }
    }

    fn answer(&mut self, awaited: login::AwaitAnswer, for_password: bool) -> Step {
        let typed = self.dice.pick(&[
            "1", "1", "2", "3", "123456", "123456", "push", "42", "Rex", "99", "", "", "é",
            PASSWORD,
        ]);
        match typed {
            _ if for_password && self.dice.one_in(2) => {
                self.has_password = true;
                awaited.answer(Secret::new(PASSWORD))
            }
            PASSWORD if !self.has_password || !self.dice.one_in(4) => {
                awaited.answer(Secret::new("1"))
            }
            "" => awaited.empty(),
            "é" => awaited.unfit(),
            typed => awaited.answer(Secret::new(typed)),
        }
    }

    fn redeem(&mut self) -> Result<Receipt, CodeRefusal> {
        let accepted = Accepted { kind: Kind::Code, login: 1, age: 0 };
        self.judge.redeemed = self.dice.one_in(2);
        if self.judge.redeemed { Ok(Receipt::for_tests(accepted)) } else { Err(CodeRefusal::Wrong) }
    }

    /// Any reply, told to the judge as well.
    fn reply(&mut self, path: &str) -> Result<Response, Failure> {
        let (mut said, body) = match path {
            "/Security/StartAuthentication" => self.start_reply(),
            "/Security/OobAuthStatus" => self.status_reply(),
            "/Security/OnDemandChallenge" => self.challenge_reply(),
            "/Security/Whoami" => self.whoami_reply(),
            "/oauth2/token/mfa" => self.token_reply(),
            _ => self.advance_reply(),
        };
        let mut reply = response(self.spelt(body).to_string());
        match self.dice.roll(100) {
            0 => reply.status = self.dice.pick(&[204, 302, 401, 403, 429, 500, 503]),
            5..=7 if path.ends_with("AdvanceAuthentication") && self.judge.is_step_up() => {
                reply.status = self.dice.pick(&[401, 403]);
            }
            5..=15 if path.ends_with("OnDemandChallenge") => {
                reply.status = self.dice.pick(&[401, 403]);
            }
            1 => reply.content_type = Some("text/html".into()),
            2 => reply.body.truncate(40),
            3 | 4 => {
                self.judge.hear_reply(Said::default());
                let is_cut = self.dice.one_in(2);
                self.judge.heard |= is_cut;
                return Err(if is_cut { cut() } else { outage() });
            }
            _ => {
                self.judge.heard = true;
                self.judge.hear_reply(said);
                return Ok(reply);
            }
        }
        said.ours = false;
        self.judge.heard = true;
        self.judge.token_refused =
            path.ends_with("OnDemandChallenge") && [401, 403].contains(&reply.status);
        if path.ends_with("AdvanceAuthentication") && [401, 403].contains(&reply.status) {
            self.judge.hear_no_right();
        }
        self.judge.hear_reply(said);
        Ok(reply)
    }

    /// The words of the protocol in any case.
    fn spelt(&mut self, mut body: Value) -> Value {
        for key in ["Summary", "State"] {
            let word = body["Result"][key].as_str();
            if let Some(word) = word.filter(|_| self.dice.one_in(10)) {
                body["Result"][key] = word.to_lowercase().into();
            }
        }
        body
    }

    /// Mostly a token. One that the reply loses on its way is no token of the judge's, either.
    fn token_reply(&mut self) -> (Said, Value) {
        let token = format!("new-{}", self.dice.roll(1000));
        let kind = self.dice.pick(&["Bearer", "bearer", "Bearer", "mac"]);
        let lifetime = self.dice.pick(&[3600, 31_536_000, 60, 0]);
        self.judge.tokens.push(token.clone());
        match self.dice.roll(10) {
            0 => (said("Token"), json!({"error": "invalid_client"})),
            1 => (said("Token"), ok(json!({}))),
            _ => {
                let body =
                    json!({"access_token": token, "token_type": kind, "expires_in": lifetime});
                (said("Token"), body)
            }
        }
    }

    fn challenge_reply(&mut self) -> (Said, Value) {
        match self.dice.roll(12) {
            0 => self.success(),
            1 => (said("Failure"), failed()),
            2 => (said("PodFqdn"), ok(json!({"PodFqdn": "tenant.test"}))),
            _ => self.package(),
        }
    }

    fn whoami_reply(&mut self) -> (Said, Value) {
        let user = self.dice.pick(&[USER, USER, "Alice@Example.com", "mallory@example.com"]);
        let tenant = self.dice.pick(&["ABC1234", "ABC1234", "abc1234", "XYZ9999"]);
        let mut said = said("Whoami");
        said.user = Some(user);
        said.ours = !tenant.starts_with("XYZ");
        match self.dice.roll(8) {
            0 => (self::said("Failure"), failed()),
            _ => (said, ok(json!({"User": user, "TenantId": tenant}))),
        }
    }

    fn start_reply(&mut self) -> (Said, Value) {
        match self.dice.roll(20) {
            0 => self.success(),
            1 => (said("Failure"), failed()),
            2 => (
                said("PodFqdn"),
                ok(json!({"PodFqdn": self.dice.pick(&["tenant.test", "evil.test"])})),
            ),
            3 | 4 => {
                self.federated = self.judge.terms.login.federated;
                let pin = self.dice.one_in(2);
                let page = json!({"IdpRedirectShortUrl": "https://tenant.test/s", "IdpLoginSessionId": "L1",
                    "TenantId": "ABC1234",
                    "IdpOobAuthPinRequired": pin});
                (said("Idp"), ok(page))
            }
            _ => self.package(),
        }
    }

    fn status_reply(&mut self) -> (Said, Value) {
        let (mut success, body) = self.success();
        match self.dice.roll(4) {
            0 => (success, with_result(body, json!({"State": "Success"}))),
            1 => (said("Failure"), failed()),
            _ => {
                success.summary = "Pending";
                (success, with_result(body, json!({"State": "Pending"})))
            }
        }
    }

    fn advance_reply(&mut self) -> (Said, Value) {
        let (mut said, mut body) = match self.dice.roll(21) {
            0..=5 => self.success(),
            6..=9 => (said("StartNextChallenge"), ok(json!({"Summary": "StartNextChallenge"}))),
            10..=12 => (said("OobPending"), ok(json!({"Summary": "OobPending"}))),
            13 | 14 => {
                let number = self.dice.pick(&["42", "7", " "]);
                let mut said = said("OobPending");
                said.number = number != " ";
                (said, super::package::number(json!(number)))
            }
            15 | 16 => self.package(),
            17 => (said("Failure"), failed()),
            18 => (said("NoncommitalSuccess"), ok(json!({"Summary": "NoncommitalSuccess"}))),
            19 => {
                let (mut said, body) = self.success();
                said.ours = false;
                let word = self.dice.pick(&["Success", "LoginSuccess ", "", "PendingOOB"]);
                (said, with_result(body, json!({"Summary": word})))
            }
            _ => {
                let (mut said, mut body) = self.success();
                body["success"] = self.dice.pick(&[0, 1, 2]).into();
                said.ours = false;
                (said, body)
            }
        };
        if let Some(about) = self.about() {
            body = with_result(body, json!({"ResultAppliesTo": about}));
            said.ours &= self.judge.sent.iter().any(|(id, _)| *id == about);
            said.named = Some(about);
        }
        let foreign = match self.dice.roll(60) {
            0 => json!({"SessionId": "another"}),
            1 => json!({"TenantId": "XYZ9999"}),
            _ => return (said, body),
        };
        // A failure counts, whatever says so.
        said.ours &= said.summary == "Failure";
        (said, with_result(body, foreign))
    }

    /// Which operation a reply names: mostly the last, sometimes none, or one that was not sent.
    fn about(&mut self) -> Option<String> {
        let ids: Vec<_> = self.judge.sent.iter().map(|(id, _)| id.clone()).collect();
        match (self.dice.roll(24), ids.as_slice()) {
            (0, _) => Some("nowhere".into()),
            (1..=3, [.., _]) | (_, []) => None,
            (4, [first, ..]) => Some(first.clone()),
            (_, [.., last]) => Some(last.clone()),
        }
    }

    fn success(&mut self) -> (Said, Value) {
        let user =
            self.dice.pick(&[USER, USER, USER, "ALICE@example.com", "mallory@example.com", ""]);
        let mut said = said("LoginSuccess");
        if user.is_empty() {
            return (said, with_result(success(user), json!({"User": null})));
        }
        said.user = Some(user);
        (said, success(user))
    }

    fn package(&mut self) -> (Said, Value) {
        let count = self.dice.pick(&[0, 1, 1, 2, 2, 2, 2, 2, 2, 3]);
        let mut challenges = Vec::new();
        for at in 0..count {
            let width = 1 + self.dice.roll(3);
            let mut offers: Vec<_> = (0..width)
                .map(|_| {
                    let name = self.dice.pick(&self.names);
                    self.offer(name)
                })
                .collect();
            if at == 0 && self.dice.one_in(2) {
                offers.push(self.offer("UP"));
            }
            challenges.push(offers);
        }
        (said("NewPackage"), package_of(challenges))
    }

    fn offer(&mut self, name: &'static str) -> Value {
        self.ids += 1;
        let id = format!("{name}-{}", self.ids);
        self.judge.names.insert(id.clone(), name);
        let offer = with(mechanism(name), json!({"MechanismId": id}));
        match self.dice.roll(13) {
            12 => with(offer, json!({"Enrolled": "true"})),
            0 => with(offer, json!({"AnswerType": "Text"})),
            1 => with(offer, json!({"AnswerType": "StartOob"})),
            2 => with(offer, json!({"AnswerType": "StartTextOob"})),
            _ => offer,
        }
    }
}

/// Something that the tenant says about our login.
fn said(summary: &'static str) -> Said {
    Said { ours: true, summary, ..Said::default() }
}

fn any_allowance(dice: &mut Dice) -> Allowance {
    match dice.roll(12) {
        0 => Allowance::Never,
        1 => Allowance::Over(Duration::from_secs(60)),
        _ => Allowance::Free,
    }
}

/// Every mechanism, or few: then a choice often fits into the package that replaces the one that it
/// was made from.
fn any_names(dice: &mut Dice) -> Vec<&'static str> {
    let all = ["UP", "SQ", "OTP", "SMS", "EMAIL", "OATH", "PF", "RADIUS", "U2F", "RESET"];
    if dice.one_in(4) { vec!["UP", dice.pick(&all)] } else { all.to_vec() }
}

fn any_terms(dice: &mut Dice) -> Terms {
    let place = dice.pick(&[ClientAuth::Basic, ClientAuth::Body]);
    let mut terms = stepping_up(|policy| policy.client.auth = place).terms;
    if !dice.one_in(3) {
        terms.flow = Flow::Login;
    }
    terms.stranger = dice.one_in(2);
    terms.tenant.multiple_operations = dice.pick(&[Batch::Off, Batch::Start, Batch::Code]);
    terms.login = Login {
        minimum_factors: dice.pick(&[1, 2, 2]),
        email_counts: dice.one_in(3),
        push_first: dice.one_in(4),
        require_number_match: dice.one_in(3),
        federated: dice.one_in(3),
        attempts: 5,
        ..terms.login
    };
    terms.offline = dice.one_in(2).then(Offline::default);
    terms
}

#[test]
fn nobody_gets_in_without_a_success_for_the_right_user_and_enough_factors() {
    let mut dice = Dice(0x005e_ed0f_c0de);
    let (mut inside, mut federated, mut by_name, mut by_step_up) = (0, 0, 0, 0);
    let mut offline = 0;
    for _ in 0..RUNS {
        let judge = Judge::new(any_terms(&mut dice));
        let names = any_names(&mut dice);
        let walk = Walk {
            dice: &mut dice,
            judge,
            names,
            ids: 0,
            federated: false,
            has_password: true,
            now: Duration::ZERO,
        };
        match walk.run() {
            End::In => inside += 1,
            End::InFederated => federated += 1,
            End::InByName => by_name += 1,
            End::InByStepUp => by_step_up += 1,
            End::InOffline => offline += 1,
            End::Out => {}
        }
    }
    // A walk that never gets in has seen nothing.
    let seen = [inside, federated, by_name, by_step_up];
    assert!(inside > 200 && by_step_up > 100, "{seen:?}");
    assert!(federated > 30 && by_name > 3, "{seen:?}");
    assert!(offline > 10, "{offline}");
}

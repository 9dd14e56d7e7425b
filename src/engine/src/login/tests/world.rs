//! A world with one login in it: every step is expected by a line of the test, and the last one
//! ends the script.
#![forbid(unsafe_code)]
#![expect(clippy::wrong_self_convention, reason = "a line of a script reads as a sentence")]

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::Value;

use super::package::{SESSION, summary};
use crate::local::budget::Allowance;
use crate::local::offline::Receipt;
use crate::local::offline::rules::CodeRefusal;
use crate::login::{self, Before, Echo, Keep, Notice, Start, Step};
use crate::policy::{self, Account, Flow, Mechanism, Terms};
use crate::refusal::Reason;
use crate::secret::Secret;
use crate::tenant::failure::{Failure, Misbehaviour, Outage};
use crate::tenant::http::{Patience, Response};
use crate::words;

/// The password that the stack has.
pub const PASSWORD: &str = "correct horse";
/// The tenant's name of the user.
pub const USER: &str = "alice@example.com";

/// One login, stopped at its next step.
pub struct World {
    step: Option<Step>,
    /// `Authorization` of every request from now on.
    authorization: Option<&'static str>,
    allowances: VecDeque<Allowance>,
    rung: usize,
    /// Since the login began: waits take time, and nothing else does.
    now: Duration,
    log: Vec<String>,
}

/// The terms of a policy that names a tenant and nothing else.
pub fn terms() -> Terms {
    let policy = policy::parse(b"[tenant]\nurl = \"https://tenant.test\"\n").unwrap();
    let settings = policy.for_service("sshd");
    Terms {
        person: Account { uid: 1000, name: "alice".into(), typed: "alice".into() },
        is_pam_user: true,
        tenant_user: USER.into(),
        stranger: true,
        tenant: settings.tenant.clone(),
        login: settings.login.clone(),
        flow: Flow::Login,
        remember: Duration::ZERO,
        security_key: None,
        ssh_counts: false,
        offline: None,
    }
}

/// A login by a password that the stack has, with all the budget there is.
pub fn start(terms: Terms) -> Start {
    Start {
        terms,
        password: Some(Secret::new(PASSWORD)),
        machine: None,
        allowance: Allowance::Free,
        before: Before::Password,
    }
}

/// What a tenant's front sends with this body.
pub fn response(body: impl Into<Vec<u8>>) -> Response {
    Response {
        status: 200,
        content_type: Some("application/json; charset=utf-8".into()),
        transaction: None,
        retry_after: None,
        date: None,
        body: body.into(),
    }
}

/// A connection that ended before the response did.
pub fn cut() -> Failure {
    Failure::Misbehaved(Misbehaviour::Cut, "end of file".into())
}

/// A host that never answers.
pub fn outage() -> Failure {
    Failure::Outage(Outage::Refused, "192.0.2.1:443".into())
}

impl World {
    /// A login on the default terms.
    #[track_caller]
    pub fn new() -> Self {
        Self::on(|_| ())
    }

    /// A login on other terms.
    #[track_caller]
    pub fn on(change: impl FnOnce(&mut Terms)) -> Self {
        let mut terms = terms();
        change(&mut terms);
        Self::begun(start(terms))
    }

    /// A login that begins so.
    #[track_caller]
    pub fn begun(start: Start) -> Self {
        Self {
            step: Some(login::start(start)),
            log: Vec::new(),
            authorization: None,
            allowances: VecDeque::new(),
            rung: 0,
            now: Duration::ZERO,
        }
    }

    /// From now on every request speaks for this token, or for these credentials. At first, for
    /// none.
    pub fn speaking_as(mut self, authorization: &'static str) -> Self {
        self.authorization = Some(authorization);
        self
    }

    /// From now on requests speak for none.
    pub fn speaking_as_nobody(mut self) -> Self {
        self.authorization = None;
        self
    }

    /// What the budget will say, one after the other; after that it is free.
    pub fn allows(mut self, allowances: &[Allowance]) -> Self {
        self.allowances.extend(allowances);
        self
    }

    /// Expects that so many times something was sent to the phone, or would have been.
    #[track_caller]
    pub fn rang(mut self, times: usize) -> Self {
        self.quiet();
        assert_eq!(self.rung, times, "questions to the budget");
        self
    }

    /// Expects that a token is kept, or dropped.
    #[track_caller]
    pub fn keeps(mut self, expected: Option<(&str, u64)>) -> Self {
        match self.step.take() {
            Some(Step::Keep(keep, told)) => {
                let kept = match &keep {
                    Keep::Token(token, lifetime) => Some((token.expose(), *lifetime)),
                    Keep::NoToken => None,
                };
                assert_eq!(kept, expected);
                self.go_on(told.told());
            }
            step => panic!("expected something to keep, not {}", describe(&step)),
        }
        self
    }

    fn go_on(&mut self, mut step: Step) {
        while let Step::Spend(awaited) = step {
            self.rung += 1;
            let allowance = self.allowances.pop_front().unwrap_or(Allowance::Free);
            step = awaited.answer(allowance);
        }
        self.step = Some(step);
    }

    /// A login on the default terms that got this package.
    #[track_caller]
    pub fn offered(package: Value) -> Self {
        Self::new().starts(package)
    }

    /// Expects the opening of a session.
    #[track_caller]
    pub fn starts(self, reply: Value) -> Self {
        let body = format!(r#"{{"User":"{USER}","Version":"1.0"}}"#);
        self.sends("/Security/StartAuthentication", &body).replies(reply)
    }

    /// Expects an answer to a mechanism.
    #[track_caller]
    pub fn answers(self, mechanism: &str, answer: &str) -> Self {
        self.advances(&format!(
            r#""MechanismId":"{mechanism}","Action":"Answer","Answer":"{answer}""#
        ))
    }

    /// Expects the start of a mechanism.
    #[track_caller]
    pub fn starts_oob(self, mechanism: &str) -> Self {
        self.advances(&format!(r#""MechanismId":"{mechanism}","Action":"StartOOB""#))
    }

    /// Expects a poll.
    #[track_caller]
    pub fn polls(self, mechanism: &str) -> Self {
        self.advances(&format!(r#""MechanismId":"{mechanism}","Action":"Poll""#))
    }

    /// Expects the password and the start of a mechanism in one request.
    #[track_caller]
    pub fn answers_up_and_starts(self, mechanism: &str) -> Self {
        self.advances(&format!(
            concat!(
                r#""MultipleOperations":[{{"MechanismId":"id-UP","Action":"Answer","Answer":"{}"}},"#,
                r#"{{"MechanismId":"{}","Action":"StartOOB"}}]"#
            ),
            PASSWORD, mechanism
        ))
    }

    /// Expects the password, the start of a mechanism and its code in one request.
    #[track_caller]
    pub fn answers_up_and_starts_with(self, mechanism: &str, code: &str) -> Self {
        self.advances(&format!(
            concat!(
                r#""MultipleOperations":[{{"MechanismId":"id-UP","Action":"Answer","Answer":"{}"}},"#,
                r#"{{"MechanismId":"{}","Action":"StartOOB"}},"#,
                r#"{{"MechanismId":"{}","Action":"Answer","Answer":"{}"}}]"#
            ),
            PASSWORD, mechanism, mechanism, code
        ))
    }

    /// Expects an AdvanceAuthentication of our session with these members.
    #[track_caller]
    pub fn advances(self, members: &str) -> Self {
        let body = format!(
            r#"{{"TenantId":"ABC1234","SessionId":"{SESSION}",{members},"PersistentLogin":false}}"#
        );
        self.sends("/Security/AdvanceAuthentication", &body)
    }

    /// Expects the last question about what is on its way, whose answer is that it still is, and
    /// that the tenant is told to forget the session.
    #[track_caller]
    pub fn asks_a_last_time(self, mechanism: &str) -> Self {
        self.polls(mechanism).replies(summary("OobPending")).cleans_up()
    }

    /// Expects that the tenant is told to forget the session.
    #[track_caller]
    pub fn cleans_up(self) -> Self {
        let body = format!(r#"{{"TenantId":"ABC1234","SessionId":"{SESSION}"}}"#);
        self.sends("/Security/CleanupAuthentication", &body).replies_with(Err(cut()))
    }

    /// Expects a request with exactly this body, to the tenant as it was configured.
    #[track_caller]
    pub fn sends(self, path: &str, body: &str) -> Self {
        self.sends_to("https://tenant.test", path, body)
    }

    /// Expects a request with exactly this body.
    #[track_caller]
    pub fn sends_to(mut self, host: &str, path: &str, body: &str) -> Self {
        self.quiet();
        match &self.step {
            Some(Step::Send(outgoing, _)) => {
                assert_eq!(outgoing.to.to_string(), host);
                assert_eq!(outgoing.request.path(), path);
                let speaks_as = outgoing.authorization.as_ref().map(|a| a.expose());
                assert_eq!(speaks_as, self.authorization, "{path}");
                let sent = String::from_utf8(outgoing.request.body().to_vec()).unwrap();
                assert_eq!(sent, body);
            }
            step => panic!("{path} was expected, not {}", describe(step)),
        }
        self
    }

    /// The tenant's reply to the request that was just expected.
    #[track_caller]
    pub fn replies(self, reply: Value) -> Self {
        self.replies_with(Ok(response(reply.to_string())))
    }

    /// What came back instead of a reply.
    #[track_caller]
    pub fn replies_with(mut self, reply: Result<Response, Failure>) -> Self {
        match self.step.take() {
            Some(Step::Send(_, awaited)) => self.go_on(awaited.reply(reply)),
            step => panic!("no request to reply to, but {}", describe(&step)),
        }
        self
    }

    /// Expects a question with exactly this text, shown while it is answered.
    #[track_caller]
    pub fn asks(self, text: &str) -> Self {
        self.asks_with(text, Echo::On)
    }

    /// Expects a question that was asked before, with a word before it on the last answer.
    #[track_caller]
    pub fn asks_again(self, word: &str, text: &str) -> Self {
        self.asks(&[word, text].concat())
    }

    /// Expects a question with exactly this text, hidden while it is answered.
    #[track_caller]
    pub fn asks_hidden(self, text: &str) -> Self {
        self.asks_with(text, Echo::Off)
    }

    #[track_caller]
    fn asks_with(mut self, text: &str, echo: Echo) -> Self {
        self.quiet();
        match &self.step {
            Some(Step::Ask(question, _)) => {
                assert_eq!(question.text, text);
                assert_eq!(question.echo, echo);
                assert!(question.text.len() < 512, "libpam cuts it off");
            }
            step => panic!("a question was expected, not {}", describe(step)),
        }
        self
    }

    /// The user's answer to the question that was just expected.
    #[track_caller]
    pub fn types(mut self, answer: &str) -> Self {
        self.quiet();
        match self.step.take() {
            Some(Step::Ask(_, awaited)) => self.go_on(awaited.answer(Secret::new(answer))),
            step => panic!("no question to answer, but {}", describe(&step)),
        }
        self
    }

    /// The user's answer is an empty line.
    #[track_caller]
    pub fn presses_enter(mut self) -> Self {
        match self.step.take() {
            Some(Step::Ask(_, awaited)) => self.go_on(awaited.empty()),
            step => panic!("no question to answer, but {}", describe(&step)),
        }
        self
    }

    /// An answer that makes the login ask the same again, with a word on the answer before it, or
    /// end.
    #[track_caller]
    pub fn types_useless(self, answer: &str) -> Self {
        let before = match &self.step {
            Some(Step::Ask(question, _)) => question.text.clone(),
            step => panic!("no question to answer, but {}", describe(step)),
        };
        let world = self.types(answer);
        match &world.step {
            Some(Step::Ask(question, _)) => {
                let word = question.text.strip_suffix(without_word(&before));
                assert!(word.is_some_and(|word| !word.is_empty()), "{question:?}");
            }
            Some(Step::Send(outgoing, _)) => {
                assert_eq!(outgoing.request.summary(), "CleanupAuthentication");
            }
            step => panic!("the same question was expected, not {}", describe(step)),
        }
        world
    }

    /// The user's answer is too long or not text.
    #[track_caller]
    pub fn types_what_is_no_text(mut self) -> Self {
        match self.step.take() {
            Some(Step::Ask(_, awaited)) => self.go_on(awaited.unfit()),
            step => panic!("no question to answer, but {}", describe(&step)),
        }
        self
    }

    /// The caller ends the login at whatever step it is.
    #[track_caller]
    pub fn is_abandoned(mut self, reason: Reason) -> Self {
        self.quiet();
        self.step = Some(match self.step.take() {
            Some(Step::Send(_, awaited)) => awaited.abandon(reason.into()),
            Some(Step::Ask(_, awaited)) => awaited.abandon(reason.into()),
            Some(Step::Wait(_, awaited)) => awaited.abandon(reason.into()),
            step => panic!("nothing to abandon, but {}", describe(&step)),
        });
        self
    }

    /// Expects an offline code to be tried, and says what became of it.
    #[track_caller]
    pub fn redeems(mut self, code: &str, result: Result<Receipt, CodeRefusal>) -> Self {
        match self.step.take() {
            Some(Step::Redeem(tried, awaited)) => {
                assert_eq!(tried.expose(), code);
                self.go_on(awaited.redeemed(result));
            }
            step => panic!("an offline code was expected, not {}", describe(&step)),
        }
        self
    }

    /// Ends the script: an offline code let the user in.
    #[track_caller]
    pub fn is_granted_offline(mut self, outage: &str) {
        match self.step.take() {
            Some(Step::Done(Ok(proof))) => {
                assert_eq!(proof.offline().expect("an offline code").outage, outage);
                assert_eq!(proof.met(), []);
            }
            step => panic!("a success was expected, not {}", describe(&step)),
        }
    }

    /// Expects something to be said to the user.
    #[track_caller]
    pub fn tells(self, text: &str) -> Self {
        self.notices(Notice::Waiting(text.into()))
    }

    /// Expects a page to be shown to the user.
    #[track_caller]
    pub fn shows_page(self, url: &str) -> Self {
        self.notices(Notice::Page(url.into()))
    }

    /// Expects a line in the log that names the user.
    #[track_caller]
    pub fn notes(self, line: &str) -> Self {
        self.notices(Notice::Note(line.into()))
    }

    /// Lets time pass in replies and at prompts.
    pub fn takes(mut self, time: Duration) -> Self {
        self.now += time;
        self
    }

    #[track_caller]
    fn notices(mut self, expected: Notice) -> Self {
        self.quiet();
        match self.step.take() {
            Some(Step::Tell(notice, told)) => {
                assert_eq!(notice, expected);
                self.go_on(told.told());
            }
            step => panic!("{expected:?} was expected, not {}", describe(&step)),
        }
        self
    }

    /// Expects exactly these lines in the log since the last call of this.
    #[track_caller]
    pub fn logged(mut self, lines: &[&str]) -> Self {
        self.quiet();
        assert_eq!(std::mem::take(&mut self.log), lines);
        self
    }

    /// Expects a wait, and lets the time pass.
    #[track_caller]
    pub fn waits(self, seconds: u64) -> Self {
        self.waits_for(Duration::from_secs(seconds))
    }

    /// Expects a pause of this length.
    #[track_caller]
    pub fn waits_for(mut self, expected: Duration) -> Self {
        self.quiet();
        match self.step.take() {
            Some(Step::Wait(time, awaited)) => {
                assert_eq!(time, expected);
                self.now += time;
                self.go_on(awaited.elapsed(self.now));
            }
            step => panic!("a wait was expected, not {}", describe(&step)),
        }
        self
    }

    /// Expects a wait that the tenant has asked for and that is longer than what is left of the
    /// login.
    #[track_caller]
    pub fn has_no_time_for_a_wait(mut self) -> Self {
        self.quiet();
        match self.step.take() {
            Some(Step::Wait(_, awaited)) if awaited.is_the_tenants() => {
                self.go_on(awaited.too_long());
            }
            step => panic!("a wait of the tenant's was expected, not {}", describe(&step)),
        }
        self
    }

    /// Expects that the next request may wait for a person, or that it may not.
    #[track_caller]
    pub fn with_patience(self, expected: Patience) -> Self {
        match &self.step {
            Some(Step::Send(outgoing, _)) => assert_eq!(outgoing.patience, expected),
            step => panic!("a request was expected, not {}", describe(step)),
        }
        self
    }

    /// Ends the script: the login succeeded, with these mechanisms.
    #[track_caller]
    pub fn is_granted(mut self, met: &[Mechanism]) {
        self.quiet();
        match self.step.take() {
            Some(Step::Done(Ok(proof))) => {
                assert_eq!((proof.met(), proof.offline()), (met, None));
            }
            step => panic!("a success was expected, not {}", describe(&step)),
        }
    }

    /// Ends the script: the login was refused, for this reason and with this detail for the log.
    #[track_caller]
    pub fn is_refused(mut self, reason: Reason, detail: &str) {
        self.quiet();
        match self.step.take() {
            Some(Step::Done(Err(refusal))) => {
                assert_eq!((refusal.reason, refusal.detail.as_str()), (reason, detail));
            }
            step => panic!("a refusal was expected, not {}", describe(&step)),
        }
    }

    /// Ends the script: as [`World::is_refused`], and the refusal holds for this time.
    #[track_caller]
    pub fn is_refused_for(self, seconds: u64, reason: Reason, detail: &str) {
        match &self.step {
            Some(Step::Done(Err(refusal))) => {
                assert_eq!(refusal.wait, Some(Duration::from_secs(seconds)));
            }
            step => panic!("a refusal was expected, not {}", describe(step)),
        }
        self.is_refused(reason, detail);
    }

    /// As [`World::is_refused`], with a detail that begins like this.
    #[track_caller]
    pub fn is_refused_like(mut self, reason: Reason, detail: &str) {
        self.quiet();
        match self.step.take() {
            Some(Step::Done(Err(refusal))) => {
                assert_eq!(refusal.reason, reason);
                assert!(refusal.detail.starts_with(detail), "{}", refusal.detail);
            }
            step => panic!("a refusal was expected, not {}", describe(&step)),
        }
    }

    /// Puts log lines aside, up to the next step that a user or a tenant sees.
    fn quiet(&mut self) {
        loop {
            match self.step.take() {
                Some(Step::Tell(Notice::Log(line) | Notice::Debug(line), told)) => {
                    self.log.push(line);
                    self.go_on(told.told());
                }
                step => {
                    self.step = step;
                    return;
                }
            }
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(
                self.step.is_none(),
                "the script ends before the login: {}",
                describe(&self.step)
            );
        }
    }
}

/// A question without what was said of the last answer to it.
fn without_word(question: &str) -> &str {
    let words = ["in the list.\n", words::NO_CODE, words::NOTHING_TYPED, words::UNFIT];
    let word = words.iter().find_map(|word| question.split_once(word));
    word.map_or(question, |(_, question)| question)
}

/// A step, for the message of a test that did not expect it.
pub fn describe(step: &Option<Step>) -> String {
    match step {
        Some(Step::Send(outgoing, _)) => {
            let body = outgoing.request.body();
            format!("{} {}", outgoing.request.path(), String::from_utf8_lossy(&body))
        }
        Some(Step::Tell(notice, _)) => format!("{notice:?}"),
        Some(Step::Ask(question, _)) => format!("{question:?}"),
        Some(Step::Wait(time, _)) => format!("a wait of {time:?}"),
        Some(Step::Redeem(..)) => "an offline code".to_owned(),
        Some(Step::Spend(_)) => "a question to the budget".to_owned(),
        Some(Step::Keep(Keep::Token(..), _)) => "a token to keep".to_owned(),
        Some(Step::Keep(Keep::NoToken, _)) => "a token to drop".to_owned(),
        Some(Step::Done(ended)) => format!("{ended:?}"),
        None => "the end".to_owned(),
    }
}

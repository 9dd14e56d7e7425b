//! A person at the keyboard, by a script, and the phone beside it.

use std::thread;

use countersign::host::{Answer, Caller, Conversation, Program, Verdict, authenticate};
use countersign::login::{Echo, Question};
use countersign::refusal::Reason;
use countersign::secret::Secret;

use super::{PASSWORD, Rig, user};
use simulator::{Message, Phone};

/// Alice in the tenant.
pub const NAME: &str = "alice@example.com";

type Script<'a> = Box<dyn FnMut(&str) -> Option<String> + 'a>;

/// A person who answers by a script and remembers what was said.
pub struct Person<'a> {
    pub password: Option<&'a [u8]>,
    /// Whether the stack has the password already.
    pub stacked: bool,
    pub script: Script<'a>,
    pub seen: Vec<String>,
    pub user: Option<String>,
}

impl<'a> Person<'a> {
    /// Answers question by question; one question more is a failed test.
    pub fn answering(answers: &'a [&'a str]) -> Self {
        let mut answers = answers.iter();
        Self::with(move |question| {
            Some(answers.next().unwrap_or_else(|| panic!("not foreseen: {question}")).to_string())
        })
    }

    pub fn with(script: impl FnMut(&str) -> Option<String> + 'a) -> Self {
        let user = Some(user());
        Person {
            password: Some(PASSWORD.as_bytes()),
            stacked: false,
            script: Box::new(script),
            seen: Vec::new(),
            user,
        }
    }

    pub fn saw(&self, text: &str) -> bool {
        self.seen.iter().any(|seen| seen.contains(text))
    }
}

fn answer(bytes: &[u8]) -> Answer {
    Secret::from_bytes(bytes).map_or_else(Answer::Unfit, Answer::Typed)
}

impl Conversation for Person<'_> {
    fn password(&mut self) -> Answer {
        self.seen.push("(password)".into());
        self.password.map_or(Answer::Failed, answer)
    }

    fn stacked_password(&mut self) -> Option<Answer> {
        self.stacked.then(|| self.password.map_or(Answer::Failed, answer))
    }

    fn ask(&mut self, question: &Question) -> Answer {
        let echo = if question.echo == Echo::On { "?" } else { "*" };
        self.seen.push(format!("{echo}{}", question.text));
        (self.script)(&question.text).map_or(Answer::Failed, |text| answer(text.as_bytes()))
    }

    fn tell(&mut self, text: &str) {
        self.seen.push(format!("i{text}"));
    }

    fn complain(&mut self, text: &str) {
        self.seen.push(format!("!{text}"));
    }

    fn user(&mut self) -> Option<String> {
        self.user.clone()
    }
}

pub fn caller(rig: &Rig) -> Caller {
    Caller {
        user: Ok(user()),
        service: "sshd".into(),
        rhost: Some("192.0.2.7".into()),
        tty: Some("ssh".into()),
        ruser: None,
        real_uid: 0,
        ssh_auth_info: None,
        arguments: vec![format!("config={}", rig.config().display()), "debug".into()],
        program: Program::Own,
    }
}

/// `Ok` are the mechanisms that were met.
pub fn log_in(rig: &Rig, person: &mut Person<'_>) -> Result<String, Reason> {
    outcome(authenticate(&caller(rig), person).verdict)
}

pub fn outcome(verdict: Verdict) -> Result<String, Reason> {
    match verdict {
        Verdict::Granted(proof) => {
            Ok(proof.met().iter().map(|m| m.name()).collect::<Vec<_>>().join(","))
        }
        Verdict::Remembered(_) => Ok("remembered".into()),
        Verdict::SecurityKey(_) => Ok("security key".into()),
        Verdict::Exempt { rule, .. } => Ok(format!("exempt by {rule}")),
        Verdict::Refused(refusal) => Err(refusal.reason),
    }
}

/// While `login` runs, the phone does `what` with the next message.
pub fn with_phone<T>(
    rig: &Rig,
    what: impl FnOnce(&Phone<'_>, Message) + Send,
    login: impl FnOnce() -> T,
) -> T {
    thread::scope(|scope| {
        let simulator = &rig.simulator;
        scope.spawn(move || {
            let phone = simulator.phone();
            let message = phone.wait(NAME, 0);
            what(&phone, message);
        });
        login()
    })
}

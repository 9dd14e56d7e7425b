//! What a rehearsal has shown: the stack's word and the module's, in words.
#![forbid(unsafe_code)]

use std::path::Path;

use countersign::audit::{self, escape};
use countersign::refusal::Reason;
use serde_json::{Map, Value, json};

use crate::machine::pam::application::Answered;
use crate::machine::pam::stacks;
use crate::machine::root::Root;
use crate::tenant::guise::Login;
use crate::ui::output::{Done, Problem};
use crate::ui::reasons;

/// What the stack said at the end of a login.
pub struct Ended {
    pub authenticated: Answered,
    /// Missing after a refusal.
    pub account: Option<Answered>,
    pub audit: Option<String>,
}

/// The module's audit line, field by field.
struct Audit<'a> {
    line: &'a str,
    fields: Vec<(&'a str, &'a str)>,
}

pub struct Told<'a> {
    login: &'a Login,
    ended: &'a Ended,
    audit: Option<Audit<'a>>,
    /// Whether the stack names the module.
    is_named: bool,
}

impl<'a> Told<'a> {
    pub fn new(login: &'a Login, folder: Option<&Path>, ended: &'a Ended) -> Self {
        let stacks = stacks::of_service(&folders(folder), &login.service);
        Self {
            login,
            ended,
            audit: ended.audit.as_deref().map(|line| Audit { line, fields: audit::fields(line) }),
            is_named: stacks.iter().any(stacks::Stack::names_module),
        }
    }

    /// Why the module was not asked, and what is to be done.
    fn unasked(&self) -> (&'static str, &'static str) {
        if self.is_named {
            let why = "a line before it has ended the stack, or it could not be loaded";
            (why, "countersign check")
        } else {
            let hint = "sudo countersign setup puts the module into the stacks of services";
            ("no line of this stack names it", hint)
        }
    }

    fn is_let_in(&self) -> bool {
        let account = self.ended.account.as_ref();
        self.ended.authenticated.is_success() && account.is_some_and(|a| a.is_success())
    }

    pub fn lines(&self) -> Vec<String> {
        let would = if self.is_let_in() { "would let" } else { "would not let" };
        let (service, user) = (escape(&self.login.service), escape(&self.login.user));
        let mut lines = vec![
            format!("{service} {would} {user} in."),
            fact("pam_authenticate", &self.ended.authenticated.to_string()),
        ];
        if let Some(account) = &self.ended.account {
            lines.push(fact("pam_acct_mgmt", &account.to_string()));
        }
        match &self.audit {
            Some(audit) => lines.extend(audit.lines()),
            None => {
                lines.push(fact("pam_countersign", &format!("was not asked: {}", self.unasked().0)))
            }
        }
        lines
    }

    pub fn object(&self) -> Value {
        let answered =
            |answered: &Answered| json!({"code": answered.name(), "words": answered.words()});
        let reason = self.audit.as_ref().and_then(Audit::reason);
        json!({
            "user": self.login.user,
            "service": self.login.service,
            "let_in": self.is_let_in(),
            "authenticate": answered(&self.ended.authenticated),
            "account": self.ended.account.as_ref().map(answered),
            "asked": self.audit.is_some(),
            "audit": self.audit.as_ref().map(Audit::object),
            "meaning": reason.map(Reason::sentence),
            "remedy": self.audit.as_ref().and_then(Audit::remedy),
        })
    }

    /// A success is a login that the module had a part in.
    pub fn done(&self) -> Done {
        let user = escape(&self.login.user);
        match (&self.audit, self.is_let_in()) {
            (Some(_), true) => Ok(()),
            (None, _) => Err(Problem::new("pam_countersign was not asked").hint(self.unasked().1)),
            (Some(audit), false) => {
                let hint = audit
                    .remedy()
                    .unwrap_or("another module of the stack has refused: its lines are in the log");
                Err(Problem::new(format!("{user} would not get in")).hint(hint))
            }
        }
    }
}

impl Audit<'_> {
    fn field(&self, key: &str) -> &str {
        let found = self.fields.iter().find(|(name, _)| *name == key);
        found.map_or("", |(_, value)| value)
    }

    /// Of a refusal.
    fn reason(&self) -> Option<Reason> {
        reasons::named(self.field("reason"))
    }

    fn remedy(&self) -> Option<&'static str> {
        let reason = self.reason()?;
        Some(reasons::hint(reason, self.field("detail")))
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = vec![fact("pam_countersign", &self.sentence())];
        match self.field("detail") {
            "" => {}
            detail => lines.push(fact("detail", detail)),
        }
        lines.push(fact("in the log", self.line));
        lines
    }

    /// What happened, in words.
    fn sentence(&self) -> String {
        let (user, met) = (self.field("tenant_user"), self.field("mechanisms"));
        let (requests, ms) = (self.field("requests"), self.field("ms"));
        if let Some(reason) = self.reason() {
            let (code, meaning) = (reason.code(), reason.sentence());
            return format!("refused, {code}: {meaning}");
        }
        match self.field("reason") {
            "ok" => format!("granted: {user} has met {met}, in {requests} requests and {ms} ms"),
            "offline" => format!("granted while the tenant did not answer: {met} of {user}"),
            "remembered" => {
                format!("granted without a question: {user} has confirmed it before")
            }
            "security_key" => {
                format!("granted, and the tenant was not asked: {user} has shown a security key")
            }
            "rule" => format!("exempt: rule \"{}\"", self.field("rule")),
            other => format!("{}: {other}", self.field("outcome")),
        }
    }

    /// Values as they stand in the log.
    fn object(&self) -> Value {
        let fields = self.fields.iter();
        let fields: Map<_, _> =
            fields.map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
        Value::Object(fields)
    }
}

fn fact(label: &str, text: &str) -> String {
    format!("  {label:<16}  {text}")
}

/// The folders in which the stacks are.
pub fn folders(folder: Option<&Path>) -> Vec<&Path> {
    match folder {
        Some(folder) => vec![folder],
        None => stacks::folders(&Root::live()).into_iter().map(Path::new).collect(),
    }
}

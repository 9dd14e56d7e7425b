//! `countersign explain`: what a login would meet, and which rule says so. No host is contacted.
#![forbid(unsafe_code)]

mod examine;
mod foresight;
mod kept;
mod person;
mod rules;
mod stack;

use std::path::PathBuf;

use countersign::audit::escape;
use countersign::host::{self, Caller, Program, Whence};
use countersign::local::fingerprint;
use countersign::os;
use countersign::policy::{ExemptResult, Judgement, Origin, Policy, PublicKey, Required, Terms};
use countersign::refusal::Refusal;
use serde_json::{Value, json};

use crate::configuration::context::Context;
use crate::configuration::places::Places;
use crate::tenant::guise::{self, Login};
use crate::ui::output::{Done, Problem, line};
use crate::ui::reasons;
use foresight::{Foresight, fit, foresee};
use stack::Asking;

/// Says what a login would meet and which rule says so; contacts no host
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  countersign explain alice\n  countersign explain alice --rhost 198.51.100.7\n  countersign explain root --service su --ruser alice --json"
)]
pub struct Arguments {
    #[command(flatten)]
    login: Login,
    /// The terminal: PAM_TTY; with sshd it is "ssh"
    #[arg(long, value_name = "TTY")]
    tty: Option<String>,
    /// Where the session came from that sudo, su or polkit asks in: an address, or "here" for this
    /// machine's own terminals
    #[arg(long, value_name = "ADDRESS", conflicts_with = "rhost", value_parser = session)]
    session_from: Option<Origin>,
    /// A public key or certificate that sshd has verified: its file, such as id_ed25519.pub; or SHA256:..., as
    /// "ssh-keygen -lf FILE" shows it, which does not tell a security key from others
    #[arg(long, value_name = "KEY", conflicts_with = "tty", value_parser = key)]
    key: Option<PublicKey>,
    /// A folder of stacks in place of /etc/pam.d
    #[arg(long, value_name = "FOLDER")]
    stacks: Option<PathBuf>,
    /// One JSON object, for programs
    #[arg(long)]
    json: bool,
}

fn key(text: &str) -> Result<PublicKey, String> {
    if text.starts_with("SHA256:") {
        return Ok(PublicKey { fingerprint: text.to_owned(), is_security_key: false });
    }
    let file = std::fs::read_to_string(text).map_err(|error| {
        format!("expected the file of a public key, or SHA256:..., as \"ssh-keygen -lf FILE\" shows it: {error}")
    })?;
    let key = file.lines().find_map(host::public_key);
    key.ok_or_else(|| "the file has no public key in a line that begins with its type, as those of ssh-keygen have".to_owned())
}

fn session(text: &str) -> Result<Origin, &'static str> {
    let origin = match text {
        "here" => Origin::Local,
        text => Origin::of(Some(text)),
    };
    match origin {
        Origin::Unclear => Err("expected an address, or \"here\""),
        Origin::Local if text.is_empty() => Err("expected an address, or \"here\""),
        Origin::Address(_) | Origin::Local => Ok(origin),
    }
}

pub fn run(context: &Context, arguments: &Arguments) -> Done {
    let folder = arguments.stacks.as_ref().map(std::path::absolute);
    let folder = folder.transpose().map_err(Problem::new)?;
    let asking = Asking::new(folder.as_deref(), &arguments.login.service);
    // What the stack names counts, unless another is asked about.
    let own = asking.config().filter(|_| !context.is_named());
    let own = own.map(|path| Context::new(Some(path)));
    let (policy, bytes) = own.as_ref().unwrap_or(context).read()?;
    let caller = caller(arguments)?;
    let whence = Whence::Told(arguments.session_from.unwrap_or(Origin::Unclear));
    let foresight = foresee(
        &caller,
        arguments.key.iter().cloned().collect(),
        whence,
        (context.place(), &policy),
    );
    let case = Case {
        arguments,
        asking: &asking,
        places: Places::new(&bytes, &arguments.login.service),
        fingerprint: fingerprint(&bytes),
        policy: &policy,
        caller: &caller,
        foresight: &foresight,
    };
    let explanation = case.explain();
    if arguments.json {
        line(explanation.object)
    } else {
        explanation.lines.iter().for_each(line)
    }
    Ok(())
}

fn caller(arguments: &Arguments) -> Result<Caller, Problem> {
    let login = &arguments.login;
    let (ruser, real_uid) = login.caller()?;
    let tty = match &arguments.key {
        Some(_) => Some(guise::ssh()),
        None => login.program().tty(arguments.tty.as_deref()),
    };
    Ok(Caller {
        user: Ok(login.user.clone()),
        // As libpam writes it.
        service: login.service.to_ascii_lowercase(),
        rhost: login.rhost.clone().filter(|rhost| !rhost.is_empty()),
        tty,
        ruser,
        real_uid,
        ssh_auth_info: None,
        arguments: Vec::new(),
        program: Program::Own,
    })
}

/// One login, judged, and what there is to explain it with.
struct Case<'a> {
    arguments: &'a Arguments,
    asking: &'a Asking,
    places: Places,
    fingerprint: String,
    policy: &'a Policy,
    caller: &'a Caller,
    foresight: &'a Foresight,
}

/// One answer, in a form for people and one for programs.
struct Explanation {
    lines: Vec<String>,
    object: Value,
}

impl Case<'_> {
    fn explain(&self) -> Explanation {
        let outcome = match &self.foresight.judged {
            Ok(Judgement::Exempt { rule, result }) => self.exempt(rule, *result),
            Ok(Judgement::Require(required)) => match self.unfit(required) {
                Some(refusal) => refused(&refusal),
                None => self.required(required),
            },
            Err(refusal) => refused(refusal),
        };
        let Explanation { mut lines, object } = self.by_the_stack(outcome);
        if let Some(first) = lines.first_mut() {
            *first = format!("{}: {first}", self.title());
        }
        lines.extend(self.foresight.notes.iter().map(|note| format!("  note: {note}")));
        lines.extend(rules::missed(self).iter().map(|missed| missed.line()));
        Explanation { lines, object: self.whole(object) }
    }

    /// What the module would say counts only where the stack asks it.
    fn by_the_stack(&self, outcome: Explanation) -> Explanation {
        let Explanation { mut lines, mut object } = outcome;
        let stack = fact("stack", &self.asking.sentence());
        if self.asking.is_asked() {
            lines.insert(lines.len().min(1), stack);
        } else {
            let otherwise = lines.first().map(|first| fact("if asked", first));
            lines.splice(
                ..lines.len().min(1),
                ["not asked".to_owned(), stack].into_iter().chain(otherwise),
            );
        }
        if let Some(fields) = object.as_object_mut() {
            fields.insert("stack".to_owned(), self.asking.object());
            if !self.asking.is_asked() {
                let otherwise = fields.insert("outcome".to_owned(), json!("not_asked"));
                fields.insert("if_asked".to_owned(), json!(otherwise));
            }
        }
        Explanation { lines, object }
    }

    fn title(&self) -> String {
        let user = &self.arguments.login.user;
        let from = self.caller.rhost.as_ref();
        let from = from.map_or_else(String::new, |rhost| format!(" from {}", escape(rhost)));
        let other = self.caller.ruser.as_ref().filter(|ruser| *ruser != user);
        let by = other.map_or_else(String::new, |ruser| format!(" by {}", escape(ruser)));
        let account = self.account();
        let account = account.filter(|account| account != user);
        let which =
            account.map_or_else(String::new, |name| format!(", the account {},", escape(&name)));
        format!("{} for {}{which}{by}{from}", escape(&self.caller.service), escape(user))
    }

    /// What the account that is logged in to is called, whatever the name on the command line is.
    fn account(&self) -> Option<String> {
        let found = host::account(&self.arguments.login.user).ok().flatten();
        found.map(|account| account.name)
    }

    fn whole(&self, mut object: Value) -> Value {
        let notes: Vec<_> = self.foresight.notes.iter().map(ToString::to_string).collect();
        let missed: Vec<_> = rules::missed(self).iter().map(rules::Missed::object).collect();
        let about = [
            ("user", json!(self.arguments.login.user)),
            ("account", json!(self.account())),
            ("service", json!(self.caller.service)),
            ("rhost", json!(self.caller.rhost)),
            ("tty", json!(self.caller.tty)),
            ("ruser", json!(self.caller.ruser)),
            ("notes", json!(notes)),
            ("not_matched", json!(missed)),
        ];
        if let Some(fields) = object.as_object_mut() {
            fields.extend(about.map(|(key, value)| (key.to_owned(), value)));
        }
        object
    }

    fn exempt(&self, rule: &str, result: ExemptResult) -> Explanation {
        let rule = rules::exempting(self, rule);
        let (result, means) = match result {
            ExemptResult::Ignore => ("ignore", "as if the module were not in the stack"),
            ExemptResult::Success => ("success", "nothing is asked"),
        };
        Explanation {
            lines: vec![
                "exempt".to_owned(),
                fact("by", &rule.sentence),
                fact("result", &format!("{result}: {means}")),
            ],
            object: json!({"outcome": "exempt", "rule": rule.object, "result": result}),
        }
    }

    /// What the terms need and this machine does not have. Who is not root can't tell.
    fn unfit(&self, required: &Required) -> Option<Refusal> {
        let fit = people(required).try_for_each(fit);
        fit.err().filter(|_| os::real_uid() == 0)
    }

    fn required(&self, required: &Required) -> Explanation {
        let people: Vec<_> =
            people(required).map(|terms| person::Person::new(self, terms)).collect();
        let outcome = if required.met_by_key().is_some() { "granted" } else { "required" };
        let mut lines = vec![outcome.to_owned()];
        lines.extend(people.iter().flat_map(person::Person::lines));
        let objects: Vec<_> = people.iter().map(person::Person::object).collect();
        Explanation { lines, object: json!({"outcome": outcome, "people": objects}) }
    }
}

fn people(required: &Required) -> impl Iterator<Item = &Terms> {
    [&required.first].into_iter().chain(&required.second)
}

fn refused(refusal: &Refusal) -> Explanation {
    let reason = refusal.reason;
    let (meaning, remedy) = (reason.sentence(), reasons::hint(reason, &refusal.detail));
    let mut lines =
        vec!["refused".to_owned(), fact("reason", &format!("{}: {meaning}", reason.code()))];
    if !refusal.detail.is_empty() {
        lines.push(fact("detail", &refusal.detail));
    }
    lines.push(fact("remedy", remedy));
    Explanation {
        lines,
        object: json!({
            "outcome": "refused",
            "reason": reason.code(),
            "meaning": meaning,
            "detail": refusal.detail,
            "remedy": remedy,
        }),
    }
}

/// A line below the first.
fn fact(label: &str, text: &str) -> String {
    format!("  {label:<11} {text}")
}

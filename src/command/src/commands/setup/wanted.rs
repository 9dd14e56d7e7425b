//! What a setup is to do: said by options, by the configuration that is there, by the last setup,
//! or asked for.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;

use countersign::audit::escape;
use countersign::policy::{self, Policy, SecurityKey};
use toml_edit::{DocumentMut, Item};

use super::answers::Answers;
use super::arguments::Arguments;
use super::asked::ask_tenant;
use super::parts::sshd::{self, Keys};
use super::put::put;
use super::questions::{Mode, Question};
use crate::commands::check;
use crate::configuration::room::{self, Room};
use crate::machine::pam::stacks;
use crate::machine::root::Root;
use crate::ui::output::Problem;

const SHIPPED: &str = include_str!("../../../../../conf/countersign.toml");
/// What is proposed, as far as this system has it.
const USUAL: [&str; 3] = ["sshd", "sudo", "sudo-i"];

/// `sudo -i` and `su -` are services of their own: setting up only one of them leaves the other
/// unprotected.
const SAME_PROGRAM: [(&str, &str); 4] =
    [("sudo", "sudo-i"), ("sudo-i", "sudo"), ("su", "su-l"), ("su-l", "su")];

const ABOUT_KEYS: &str = "\
sshd takes a public key alone until now, and does not ask PAM then. Four ways from now on:
  followed  the tenant is asked behind a key too; a user without a key logs in with the password
  verified  as followed, but a security key that a PIN or a fingerprint has unlocked is enough
  alone     a key is enough, without a second factor; a user without a key is asked by the tenant
  refused   no keys: every user logs in with the password, and is asked by the tenant
What becomes of public keys (followed, verified, alone or refused)";

/// The answers to all questions.
pub struct Wanted {
    pub answers: Answers,
    /// The configuration, with the answers in it.
    pub configuration: String,
    pub policy: Policy,
}

impl Wanted {
    pub fn gather(
        root: &Root,
        config: &str,
        before: Option<&str>,
        arguments: &Arguments,
    ) -> Result<Self, Problem> {
        let gathering = Gathering {
            root,
            config,
            arguments,
            last: Answers::last(root),
            mode: if arguments.yes { Mode::TakesLast } else { Mode::Asks },
        };
        gathering.all(before.unwrap_or(SHIPPED))
    }

    pub fn services(&self) -> &[String] {
        &self.answers.services
    }
}

struct Gathering<'a> {
    root: &'a Root,
    config: &'a str,
    arguments: &'a Arguments,
    last: Answers,
    mode: Mode,
}

impl Gathering<'_> {
    fn all(&self, text: &str) -> Result<Wanted, Problem> {
        has_room(self.config, text)?;
        let mut document = document(self.config, text)?;
        let is_new = said(&document, "tenant", "url").is_none() && self.arguments.tenant.is_none();
        let ca_file = self.ca_file(is_new);
        if let Some(file) = &ca_file {
            put(&mut document, "tenant", "ca_file", file);
        }
        let tenant = self.tenant(&document)?;
        put(&mut document, "tenant", "url", &tenant);
        let template = self.template(&document)?;
        if let Some(template) = &template {
            put(&mut document, "users", "template", template);
        }
        let last = self.last.names.iter().filter(|_| is_new);
        let said = self.arguments.name.iter().map(|(account, name)| (account, name));
        for (account, name) in last.chain(said) {
            put(&mut document, "users.names", account, name);
        }
        parsed(self.config, &document.to_string())?;
        let services = self.services()?;
        let keys = self.keys(&services)?;
        put_security_key(&mut document, keys);
        let configuration = document.to_string();
        let policy = parsed(self.config, &configuration)?;
        let test_user = self.test_user(&policy, &services)?;
        Ok(Wanted {
            answers: Answers {
                tenant: Some(tenant),
                template,
                names: names(&document),
                ca_file,
                services,
                keys,
                test_user,
            },
            configuration,
            policy,
        })
    }

    /// An option, or what the last setup was told as long as the configuration names no tenant.
    fn ca_file(&self, is_new: bool) -> Option<String> {
        let last = self.last.ca_file.clone().filter(|_| is_new);
        self.arguments.ca_file.clone().or(last)
    }

    /// What was said already is judged with everything else in the file, so that all errors are
    /// told at once.
    fn tenant(&self, document: &DocumentMut) -> Result<String, Problem> {
        let known = self.arguments.tenant.clone();
        if let Some(known) = known.or_else(|| said(document, "tenant", "url")) {
            return Ok(known);
        }
        let question = Question {
            text: "Address of the tenant (https://...)",
            option: "--tenant",
            last: self.last.tenant.clone(),
            usual: None,
        };
        question.answer(None, self.mode, |url| {
            let mut document = document.clone();
            put(&mut document, "tenant", "url", url);
            let policy = judged(&document, "tenant.url")?;
            let policy = policy.filter(|_| !self.arguments.without_tenant);
            let is_there =
                policy.map_or(Ok(()), |policy| check::way_to(&policy.for_service("").tenant));
            is_there.map(|()| url.to_owned())
        })
    }

    fn template(&self, document: &DocumentMut) -> Result<Option<String>, Problem> {
        let known = self.arguments.template.clone();
        let known = known.or_else(|| said(document, "users", "template"));
        if known.is_some() || has_names(document) {
            return Ok(known);
        }
        let question = Question {
            text: "What {user} is called there, such as {user}@example.com",
            option: "--template",
            last: self.last.template.clone(),
            usual: None,
        };
        let template = question.answer(None, self.mode, |template| {
            let mut document = document.clone();
            put(&mut document, "users", "template", template);
            judged(&document, "users.template").map(|_| template.to_owned())
        });
        template.map(Some)
    }

    fn services(&self) -> Result<Vec<String>, Problem> {
        let usual = USUAL.into_iter().filter(|service| is_known(self.root, service));
        let usual = usual.collect::<Vec<_>>().join(",");
        let last = self.last.services.iter().filter(|service| is_known(self.root, service));
        let last = last.cloned().collect::<Vec<_>>().join(",");
        let question = Question {
            text: "PAM services",
            option: "--service",
            last: Some(last).filter(|names| !names.is_empty()),
            usual: Some(usual).filter(|names| !names.is_empty()),
        };
        let said = (!self.arguments.service.is_empty()).then(|| self.arguments.service.join(","));
        question.answer(said, self.mode, |names| services(self.root, names))
    }

    /// Asked where sshd is set up and nothing says yet what a key alone is worth.
    fn keys(&self, services: &[String]) -> Result<Option<Keys>, Problem> {
        let is_sshd = services.iter().any(|service| service == "sshd");
        if self.arguments.keys.is_some() || !is_sshd || sshd::says_what_keys_do(self.root) {
            return Ok(self.arguments.keys);
        }
        let question = Question {
            text: ABOUT_KEYS,
            option: "--keys followed, --keys verified, --keys alone or --keys refused",
            last: self.last.keys.map(|keys| keys.word().to_owned()),
            usual: None,
        };
        question
            .answer(None, self.mode, |word| {
                Keys::named(word)
                    .ok_or_else(|| Problem::new("expected followed, verified, alone or refused"))
            })
            .map(Some)
    }

    fn test_user(&self, policy: &Policy, services: &[String]) -> Result<Option<String>, Problem> {
        if self.arguments.without_tenant {
            return Ok(None);
        }
        let question = Question {
            text: "A user of this machine to try it with; nothing is sent to them",
            option: "--test-user",
            last: self.last.test_user.clone(),
            usual: None,
        };
        let user = self.arguments.test_user.clone();
        question
            .answer(user, self.mode, |user| {
                ask_tenant(policy, user, services).map(|()| user.to_owned())
            })
            .map(Some)
    }
}

/// Where sshd demands a PIN or a fingerprint, a security key is enough for it; where it no longer
/// does, it is not.
fn put_security_key(document: &mut DocumentMut, keys: Option<Keys>) {
    let policy = policy::parse(document.to_string().as_bytes());
    let policy = policy.ok().filter(|_| keys.is_some());
    let now = policy.map(|policy| policy.for_service("sshd").step_up.security_key);
    let word = match (now, keys) {
        (Some(now), Some(Keys::Verified)) if now != SecurityKey::Enough => "enough",
        (Some(SecurityKey::Enough), Some(Keys::Alone | Keys::Followed | Keys::Refused)) => "off",
        _ => return,
    };
    put(document, "service.sshd.login", "security_key", word);
}

/// Refuses a configuration that is too long for a login.
fn has_room(what: &str, text: &str) -> Result<(), Problem> {
    match Room::of(text.len()) {
        Room::Enough | Room::Little(_) => Ok(()),
        Room::None(said) => Err(Problem::new(format!("{what} {said}")).hint(room::REMEDY)),
    }
}

/// The file as TOML, or everything that is wrong with it, as the module would say it.
fn document(config: &str, text: &str) -> Result<DocumentMut, Problem> {
    text.parse().map_err(|error: toml_edit::TomlError| {
        let all = policy::parse(text.as_bytes()).err();
        let all = all.map_or_else(|| error.message().to_owned(), |all| all.to_string());
        Problem::new(format!("{config}:\n  {}", all.replace('\n', "\n  ")))
            .hint("mend that first: no login succeeds by such a file either")
    })
}

/// The configuration as a policy, where what is wrong with it is not this key; that is the answer's
/// fault.
fn judged(document: &DocumentMut, key: &str) -> Result<Option<Policy>, Problem> {
    let errors = match policy::parse(document.to_string().as_bytes()) {
        Ok(policy) => return Ok(Some(policy)),
        Err(errors) => errors,
    };
    match errors.iter().find(|error| error.key() == key) {
        None => Ok(None),
        Some(error) => {
            let text = error.to_string();
            let said = text.split_once(&format!("{key}: ")).map_or(&*text, |(_, said)| said);
            Err(Problem::new(format!("{key}: {said}")))
        }
    }
}

fn has_names(document: &DocumentMut) -> bool {
    !names(document).is_empty()
}

/// The names of `[users.names]`.
fn names(document: &DocumentMut) -> BTreeMap<String, String> {
    let names = document.get("users").and_then(|users| users.get("names"));
    let names = names.and_then(Item::as_table_like).into_iter().flat_map(|table| table.iter());
    let names =
        names.filter_map(|(account, name)| Some((account.to_owned(), name.as_str()?.to_owned())));
    names.collect()
}

/// What the configuration says, if it says something.
fn said(document: &DocumentMut, table: &str, key: &str) -> Option<String> {
    let text = document.get(table)?.get(key)?.as_str()?;
    (!text.is_empty()).then(|| text.to_owned())
}

fn is_known(root: &Root, service: &str) -> bool {
    root.exists(stacks::path_of(root, service))
}

/// The services of a list, each with the other name of its program.
fn services(root: &Root, names: &str) -> Result<Vec<String>, Problem> {
    let mut services: Vec<String> = Vec::new();
    let names = names.split([',', ' ']).filter(|name| !name.is_empty());
    for service in names {
        if service.contains('/') || !is_known(root, service) {
            return Err(unknown(root, service));
        }
        if service == "sshd" {
            sshd::is_installed(root)?;
        }
        let others = SAME_PROGRAM.iter().filter(|(one, _)| *one == service);
        let others = others.map(|(_, other)| *other).filter(|other| is_known(root, other));
        for name in [service].into_iter().chain(others) {
            if !services.iter().any(|other| other == name) {
                services.push(name.to_owned());
            }
        }
    }
    if services.is_empty() {
        Err(Problem::new("no service was named").hint("for example --service sshd,sudo,sudo-i"))
    } else {
        Ok(services)
    }
}

fn unknown(root: &Root, service: &str) -> Problem {
    let known: Vec<_> = stacks::services(root).into_iter().collect();
    Problem::new(format!("there is no PAM service {}", escape(service)))
        .hint(format!("the services of this machine are {}", escape(&known.join(", "))))
}

/// Reads a configuration as strictly as the module does.
pub fn parsed(config: &str, text: &str) -> Result<Policy, Problem> {
    has_room(&format!("{config}, as it would be,"), text)?;
    policy::parse(text.as_bytes()).map_err(|errors| {
        let lines = errors.to_string().replace('\n', "\n  ");
        Problem::new(format!("{config}, as it would be:\n  {lines}"))
            .hint("countersign.toml(5) describes every key")
    })
}

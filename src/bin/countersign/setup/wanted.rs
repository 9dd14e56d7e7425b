//! What a setup is to do: said by flags, by the configuration that is there, or asked for.
#![forbid(unsafe_code)]

use toml_edit::{DocumentMut, Item};

use countersign::policy;

use super::Arguments;
use super::put::put;
use crate::output::Problem;
use crate::root::Root;
use crate::stacks;
use crate::terminal::Terminal;

const SHIPPED: &str = include_str!("../../../../conf/countersign.toml");
/// What is proposed, as far as this system has it.
const USUAL: [&str; 3] = ["sshd", "sudo", "sudo-i"];

/// `sudo -i` and `su -` are services of their own: who sets up the one and not the other has a door beside the door.
const SAME_PROGRAM: [(&str, &str); 4] = [
    ("sudo", "sudo-i"),
    ("sudo-i", "sudo"),
    ("su", "su-l"),
    ("su-l", "su"),
];

/// The answers to all questions.
pub struct Wanted {
    pub services: Vec<String>,
    /// A local user for whom the tenant is asked what it would ask. `None` where it is not to be asked.
    pub test_user: Option<String>,
    /// The configuration, with the answers in it.
    pub configuration: String,
}

impl Wanted {
    pub fn gather(
        root: &Root,
        config: &str,
        before: Option<&str>,
        arguments: &Arguments,
    ) -> Result<Self, Problem> {
        let text = before.unwrap_or(SHIPPED);
        let mut document = parsed(config, text)?;
        let url = said(&document, "tenant", "url");
        let url = arguments.tenant.clone().or(url);
        let url = answer(url, "Address of the tenant (https://...): ", "--tenant")?;
        let template = said(&document, "users", "template");
        let template = arguments.template.clone().or(template);
        let has_names = document.get("users").and_then(|users| users.get("names"));
        let has_names = has_names
            .and_then(Item::as_table_like)
            .is_some_and(|names| !names.is_empty());
        let template = match (template, has_names) {
            (None, true) => None,
            (template, _) => Some(answer(
                template,
                "What {user} is called there, such as {user}@example.com: ",
                "--template",
            )?),
        };
        put(&mut document, "tenant", "url", &url);
        if let Some(template) = &template {
            put(&mut document, "users", "template", template);
        }
        if let Some(file) = &arguments.ca_file {
            put(&mut document, "tenant", "ca_file", file);
        }
        Ok(Self {
            services: services(root, arguments)?,
            test_user: test_user(arguments)?,
            configuration: document.to_string(),
        })
    }
}

/// What the configuration says, if it says something.
fn said(document: &DocumentMut, table: &str, key: &str) -> Option<String> {
    let text = document.get(table)?.get(key)?.as_str()?;
    (!text.is_empty()).then(|| text.to_owned())
}

/// The file as TOML, or everything that is wrong with it, as the module would say it.
fn parsed(config: &str, text: &str) -> Result<DocumentMut, Problem> {
    text.parse().map_err(|error: toml_edit::TomlError| {
        let all = policy::parse(text.as_bytes()).err();
        let all = all.map_or_else(|| error.message().to_owned(), |all| all.to_string());
        Problem::new(format!("{config}:\n  {}", all.replace('\n', "\n  ")))
            .hint("mend that first: no login succeeds by such a file either")
    })
}

fn test_user(arguments: &Arguments) -> Result<Option<String>, Problem> {
    match arguments.without_tenant {
        true => Ok(None),
        false => {
            let question = "A user of this machine to try it with: ";
            answer(arguments.test_user.clone(), question, "--test-user").map(Some)
        }
    }
}

fn services(root: &Root, arguments: &Arguments) -> Result<Vec<String>, Problem> {
    let known = |service: &str| root.exists(stacks::path_of(root, service));
    let usual: Vec<_> = USUAL.into_iter().filter(|service| known(service)).collect();
    let usual = usual.join(",");
    let chosen = match arguments.service.is_empty() {
        false => arguments.service.join(","),
        true => match ask(&format!("PAM services [{usual}]: "), "--service")? {
            chosen if chosen.is_empty() => usual,
            chosen => chosen,
        },
    };
    let mut services: Vec<String> = Vec::new();
    for service in chosen
        .split([',', ' '])
        .filter(|service| !service.is_empty())
    {
        if service.contains('/') || !known(service) {
            return Err(Problem::new(format!(
                "there is no PAM service {}",
                countersign::audit::escape(service)
            ))
            .hint("a PAM service is a file of /etc/pam.d or /usr/lib/pam.d: see `ls /etc/pam.d /usr/lib/pam.d`"));
        }
        let others = SAME_PROGRAM.iter().filter(|(one, _)| *one == service);
        let others = others.map(|(_, other)| *other).filter(|other| known(other));
        for name in [service].into_iter().chain(others) {
            if !services.iter().any(|other| other == name) {
                services.push(name.to_owned());
            }
        }
    }
    match services.is_empty() {
        true => {
            Err(Problem::new("no service was named").hint("for example --service sshd,sudo,sudo-i"))
        }
        false => Ok(services),
    }
}

fn answer(known: Option<String>, question: &str, flag: &str) -> Result<String, Problem> {
    match known {
        Some(known) => Ok(known),
        None => ask(question, flag),
    }
}

fn ask(question: &str, flag: &str) -> Result<String, Problem> {
    let mut terminal = Terminal::open()
        .map_err(|problem| problem.hint(format!("say it on the command line: {flag}")))?;
    Ok(terminal.ask(question)?.trim().to_owned())
}

//! What one line of sudoers(5) says about asking.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;

use super::line::Line;
use super::{Exception, Kind, USUAL_TIMEOUT};

/// A setting or a rule without a user.
pub const EVERYBODY: &str = "every user";
const ALIASES: [&str; 4] = ["User_Alias", "Runas_Alias", "Host_Alias", "Cmnd_Alias"];

/// Everything in these lines that makes sudo ask less, or otherwise.
pub fn exceptions(lines: &[Line]) -> Vec<Exception> {
    let aliases: BTreeMap<_, _> = lines.iter().flat_map(aliases_of).collect();
    let found = lines.iter().flat_map(|line| {
        let kinds = kinds(line, &aliases).into_iter();
        kinds.map(|(who, kind)| Exception { file: line.file.clone(), line: line.number, who, kind })
    });
    found.collect()
}

type Aliases = BTreeMap<String, String>;

/// `User_Alias ADMINS = alice, bob : OTHERS = carol`
fn aliases_of(line: &Line) -> Vec<(String, String)> {
    let Some(rest) = line.text.trim().strip_prefix("User_Alias") else {
        return Vec::new();
    };
    let pairs = rest.split(" :").filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, who)| (name.trim().to_owned(), words(who))).collect()
}

/// A list with one blank behind each comma.
fn words(list: &str) -> String {
    let names = list.split(',').map(str::trim);
    names.collect::<Vec<_>>().join(", ")
}

fn kinds(line: &Line, aliases: &Aliases) -> Vec<(String, Kind)> {
    let text = line.text.trim();
    if let Some(rest) = text.strip_prefix("Defaults") {
        return settings(rest, aliases);
    }
    let first = text.split_ascii_whitespace().next().unwrap_or_default();
    if ALIASES.contains(&first) {
        return Vec::new();
    }
    rule(text, aliases).into_iter().collect()
}

/// `alice ALL = (root) NOPASSWD: ALL`
fn rule(text: &str, aliases: &Aliases) -> Option<(String, Kind)> {
    let (left, right) = text.split_once('=')?;
    let commands = tagged(right)?;
    let who = who(left, aliases)?;
    let any = commands.split(',').any(|command| command.trim() == "ALL");
    Some((who, Kind::NoPassword { any }))
}

/// The commands behind `NOPASSWD:`, up to a `PASSWD:`.
fn tagged(right: &str) -> Option<String> {
    let mut commands = None;
    for part in right.split_inclusive(':') {
        let tag = part.trim_end_matches(':').trim_end();
        match &mut commands {
            None if part.ends_with(':') && tag.ends_with("NOPASSWD") => {
                commands = Some(String::new())
            }
            Some(_)
                if part.ends_with(':') && tag.ends_with("PASSWD") && !tag.ends_with("NOPASSWD") =>
            {
                let commands = commands.map(|before| format!("{before}{tag}"));
                return commands.map(|text| text.trim_end_matches("PASSWD").to_owned());
            }
            Some(before) => {
                // Other tags, such as SETENV, stand between.
                let words = part.trim_end_matches(':').split_ascii_whitespace();
                let is_tag = |word: &&str| {
                    part.ends_with(':')
                        && word.chars().all(|c| c.is_ascii_uppercase() || c == '_')
                        && *word != "ALL"
                };
                let kept: Vec<_> = words.filter(|word| !is_tag(word)).collect();
                before.push_str(&kept.join(" "));
            }
            None => {}
        }
    }
    commands
}

/// The users of a rule: what stands before its hosts. root is asked nothing whatever is written.
fn who(left: &str, aliases: &Aliases) -> Option<String> {
    let joined = left.replace(" ,", ",").replace(", ", ",");
    let users = joined.split_ascii_whitespace().next()?;
    let named: Vec<_> = users
        .split(',')
        .filter(|user| !["root", "#0"].contains(user))
        .map(|user| named(user, aliases))
        .collect();
    (!named.is_empty()).then(|| named.join(", "))
}

fn named(user: &str, aliases: &Aliases) -> String {
    let user = user.trim_matches('"');
    match (user.strip_prefix('%'), aliases.get(user)) {
        (Some(group), _) => format!("the group {group}"),
        (None, Some(who)) => format!("{user} ({who})"),
        (None, None) if user == "ALL" => EVERYBODY.to_owned(),
        (None, None) => user.to_owned(),
    }
}

/// `Defaults:alice !authenticate, timestamp_timeout = 30`
fn settings(rest: &str, aliases: &Aliases) -> Vec<(String, Kind)> {
    let (who, settings) = match rest.strip_prefix(['@', '!', '>', ':']) {
        None if rest.starts_with(|c: char| c.is_ascii_whitespace()) => {
            (Some(EVERYBODY.to_owned()), rest)
        }
        None => return Vec::new(),
        Some(bound) => {
            let bound = bound.trim_start();
            let end = bound.find(|c: char| c.is_ascii_whitespace()).unwrap_or(bound.len());
            let (names, settings) = bound.split_at(end);
            let who = if rest.starts_with(':') {
                who(names, aliases)
            } else {
                Some(format!("some users ({})", names.trim()))
            };
            (who, settings)
        }
    };
    let Some(who) = who else { return Vec::new() };
    let all = parts(settings).into_iter();
    all.filter_map(|one| setting(&one, &who)).collect()
}

/// Split by commas outside of quotes.
fn parts(settings: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut is_quoted = false;
    for letter in settings.chars() {
        match letter {
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => parts.push(String::new()),
            other => parts.last_mut().into_iter().for_each(|part| part.push(other)),
        }
    }
    parts
}

fn setting(text: &str, who: &str) -> Option<(String, Kind)> {
    let (key, value) = text.split_once('=').unwrap_or((text, ""));
    let (key, value) = (key.trim(), value.trim());
    let kind = match key {
        "!authenticate" => Kind::NotAuthenticate,
        "exempt_group" => {
            let group = format!("the group {}", value.trim_start_matches('%'));
            return Some((group, Kind::ExemptGroup));
        }
        "!timestamp_timeout" => return None,
        "timestamp_timeout" => timeout(value)?,
        "timestamp_type" if value != "global" => return None,
        "timestamp_type" | "!tty_tickets" => Kind::AnyTerminal,
        "pam_service" | "pam_login_service" | "pam_askpass_service" => {
            Kind::Service(key.to_owned(), value.to_owned())
        }
        "targetpw" | "rootpw" | "runaspw" => Kind::OtherPassword(key.to_owned()),
        _ => return None,
    };
    Some((who.to_owned(), kind))
}

fn timeout(value: &str) -> Option<Kind> {
    let minutes: f64 = value.parse().ok()?;
    let is_long = !(0.0..=USUAL_TIMEOUT).contains(&minutes);
    is_long.then_some(Kind::Timeout(minutes))
}

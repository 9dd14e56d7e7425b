//! The rule that decides, and those that did not match.
#![forbid(unsafe_code)]

use countersign::policy::Terms;
use serde_json::{Value, json};

use super::Case;
use super::examine::{Examined, Match};
use crate::configuration::places::List;

/// What the judge calls the exemption of users that no rule names.
const OTHERS: &str = "require";

/// A rule that decides.
pub struct Deciding {
    pub sentence: String,
    pub object: Value,
}

/// The rule that exempts.
pub fn exempting(case: &Case<'_>, rule: &str) -> Deciding {
    if rule == OTHERS {
        return Deciding {
            sentence: "no rule of [[require]] names this login".to_owned(),
            object: json!({"name": OTHERS, "line": null, "until": null}),
        };
    }
    let examined = case.foresight.examined.iter();
    let until = examined
        .filter(|examined| examined.list == List::Exempt && examined.rule == rule)
        .find_map(|examined| match examined.found {
            Match::Holds(until) => Some((examined, until)),
            Match::Misses(_) => None,
        });
    let place = until.and_then(|(examined, _)| line(case, examined));
    let last = until.and_then(|(_, until)| until.map(|day| day.to_string()));
    let end = last.as_ref().map_or("without an end".to_owned(), |day| format!("until {day}"));
    Deciding {
        sentence: format!("rule {:?}{}, {end}", rule, at(place)),
        object: json!({"name": rule, "line": place, "until": last}),
    }
}

/// The rule that requires a person: one that names this person, or else the account that is logged
/// in to.
pub fn requiring(case: &Case<'_>, terms: &Terms) -> Deciding {
    let examined = case.foresight.examined.iter();
    let holding: Vec<_> = examined
        .filter(|examined| examined.list == List::Require)
        .filter(|examined| matches!(examined.found, Match::Holds(_)))
        .collect();
    let own = holding.iter().find(|examined| examined.user == terms.person.name);
    let found = own.or_else(|| holding.first()).copied();
    match found {
        Some(examined) => {
            let place = line(case, examined);
            Deciding {
                sentence: format!("rule {:?}{} of [[require]]", examined.rule, at(place)),
                object: json!({"name": examined.rule, "line": place}),
            }
        }
        None => Deciding {
            sentence: "there is no [[require]]: every user must".to_owned(),
            object: Value::Null,
        },
    }
}

/// A rule that was looked at and did not match.
pub struct Missed<'a> {
    examined: &'a Examined,
    line: Option<usize>,
    why: String,
}

pub fn missed<'a>(case: &'a Case<'_>) -> Vec<Missed<'a>> {
    let examined = case.foresight.examined.iter();
    let missed = examined.filter_map(|examined| match &examined.found {
        Match::Holds(_) => None,
        Match::Misses(misses) => {
            let misses: Vec<_> = misses.iter().map(ToString::to_string).collect();
            let (line, why) = (line(case, examined), misses.join("; "));
            Some(Missed { examined, line, why })
        }
    });
    missed.collect()
}

impl Missed<'_> {
    pub fn line(&self) -> String {
        let (list, rule) = (self.examined.list.key(), &self.examined.rule);
        format!("  not matched: {list} rule {rule:?}{}: {}", at(self.line), self.why)
    }

    pub fn object(&self) -> Value {
        json!({
            "list": self.examined.list.key(),
            "rule": self.examined.rule,
            "line": self.line,
            "user": self.examined.user,
            "why": self.why,
        })
    }
}

fn line(case: &Case<'_>, examined: &Examined) -> Option<usize> {
    case.places.rule(examined.list, examined.position)
}

/// The line, as it stands behind a name.
pub fn at(line: Option<usize>) -> String {
    line.map_or_else(String::new, |line| format!(" (line {line})"))
}

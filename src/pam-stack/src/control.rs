//! The control of a line: what libpam does for each code. Understood as libpam understands it,
//! prefixes and all.
#![forbid(unsafe_code)]

use std::fmt;

use crate::code::{CODES, Code, WORDS};

/// What happens for one code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// The code does not count.
    Ignore,
    /// The code counts, unless something has failed.
    Ok,
    /// As `Ok`, and the stack ends.
    Done,
    /// The code is a failure.
    Bad,
    /// As `Bad`, and the stack ends.
    Die,
    /// What was said in this stack is forgotten.
    Reset,
    /// Skips as many lines.
    Jump(u32),
}

/// The words for them, in the order in which libpam compares.
const ACTIONS: [(&str, Action); 6] = [
    ("ignore", Action::Ignore),
    ("ok", Action::Ok),
    ("done", Action::Done),
    ("bad", Action::Bad),
    ("die", Action::Die),
    ("reset", Action::Reset),
];

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Action::Jump(lines) = self {
            return write!(f, "{lines}");
        }
        let word = ACTIONS.iter().find(|(_, action)| action == self);
        f.write_str(word.map_or("", |(word, _)| word))
    }
}

/// An action for every code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control([Action; CODES]);

/// Why a control is not what its author meant: libpam then takes every code, success too, as `bad`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misread {
    /// What libpam expected.
    pub expected: &'static str,
    /// What it found there.
    pub found: String,
}

impl Control {
    /// Everything is a failure.
    pub fn bad() -> Self {
        Self([Action::Bad; CODES])
    }

    /// The control of a word or of what stands between brackets. What can't be read is wholly bad,
    /// and why.
    pub fn parse(text: &str) -> (Self, Option<Misread>) {
        match word(&text.to_ascii_lowercase()) {
            Some(control) => (control, None),
            None => match pairs(text) {
                Ok(pairs) => (Self::assigned(&pairs, Action::Bad), None),
                Err(misread) => (Self::bad(), Some(misread)),
            },
        }
    }

    /// What happens for this code.
    pub fn action(&self, code: Code) -> Action {
        self.0.get(code.number()).copied().unwrap_or(Action::Bad)
    }

    /// Assigns in order: `default` stands for every code that has nothing yet, and `rest` for those
    /// still without.
    fn assigned(pairs: &[(Option<Code>, Action)], rest: Action) -> Self {
        let mut actions = [None; CODES];
        for (code, action) in pairs {
            for (number, slot) in actions.iter_mut().enumerate() {
                match code {
                    Some(code) if code.number() == number => *slot = Some(*action),
                    None if slot.is_none() => *slot = Some(*action),
                    Some(_) | None => {}
                }
            }
        }
        Self(actions.map(|action| action.unwrap_or(rest)))
    }
}

/// The old words (pam.conf(5)), in any case.
fn word(text: &str) -> Option<Control> {
    let (granted, ignored, otherwise) = match text {
        "required" => (Action::Ok, Action::Ignore, Action::Bad),
        "requisite" => (Action::Ok, Action::Ignore, Action::Die),
        "optional" => (Action::Ok, Action::Ignore, Action::Ignore),
        "sufficient" => (Action::Done, Action::Ignore, Action::Ignore),
        _ => return None,
    };
    let pairs = [
        (Code::named("success"), granted),
        (Code::named("new_authtok_reqd"), granted),
        (Code::named("ignore"), ignored),
    ];
    Some(Control::assigned(&pairs, otherwise))
}

/// `value=action` and so on, as in the brackets. `None` is `default`.
fn pairs(text: &str) -> Result<Vec<(Option<Code>, Action)>, Misread> {
    let mut pairs = Vec::new();
    let mut rest = skipped(text);
    while !rest.is_empty() {
        let (code, behind) = value(rest)?;
        let behind = skipped(behind).strip_prefix('=');
        let behind = behind.ok_or_else(|| misread("an \"=\"", rest))?;
        let (action, behind) = action(skipped(behind))?;
        pairs.push((code, action));
        rest = skipped(behind);
    }
    Ok(pairs)
}

/// The first word that the text begins with, whatever follows: libpam asks for no more.
fn value(text: &str) -> Result<(Option<Code>, &str), Misread> {
    for (word, code) in WORDS.iter().zip(0..) {
        if let Some(rest) = text.strip_prefix(word) {
            return Ok((Some(Code::numbered(code)), rest));
        }
    }
    let rest = text.strip_prefix("default");
    rest.map(|rest| (None, rest)).ok_or_else(|| misread("a return value such as \"success\"", text))
}

fn action(text: &str) -> Result<(Action, &str), Misread> {
    for (word, action) in ACTIONS {
        if let Some(rest) = text.strip_prefix(word) {
            return Ok((action, rest));
        }
    }
    let end = text.find(|c: char| !c.is_ascii_digit());
    let (digits, rest) = text.split_at(end.unwrap_or(text.len()));
    match digits.parse() {
        Ok(lines @ 1..) => Ok((Action::Jump(lines), rest)),
        Ok(_) | Err(_) => Err(misread("an action or a number of lines to skip", text)),
    }
}

fn skipped(text: &str) -> &str {
    text.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '\x0b')
}

fn misread(expected: &'static str, text: &str) -> Misread {
    let found = text.split_ascii_whitespace().next().unwrap_or_default();
    Misread { expected, found: found.to_owned() }
}

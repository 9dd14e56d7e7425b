//! One file, as it is and as it will be; shown before anything is written.
#![forbid(unsafe_code)]

use serde::{Deserialize, Serialize};
use similar::TextDiff;

use super::block;

/// How a change is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// The whole file is ours: it is put back whatever was done to it since.
    Ours,
    /// A marked block is ours: the rest stays as it is.
    Block,
    /// The administrator's file, of which we wrote a part: put back unless it was changed since.
    Theirs,
    /// Another program writes it: put back only where that program left the module in it.
    Managed,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub path: String,
    pub kind: Kind,
    /// `None` where there is no such file.
    pub before: Option<String>,
    pub after: Option<String>,
}

impl Change {
    /// A change, if it is one.
    pub fn new(path: &str, kind: Kind, before: Option<String>, after: &str) -> Option<Self> {
        let after = Some(after.to_owned());
        (before != after).then(|| Self {
            path: path.to_owned(),
            kind,
            before,
            after,
        })
    }

    /// As `diff -u` shows it.
    pub fn shown(&self) -> String {
        let (before, after) = (text(&self.before), text(&self.after));
        let old = match self.before {
            Some(_) => self.path.as_str(),
            None => "/dev/null",
        };
        let diff = TextDiff::from_lines(before, after);
        diff.unified_diff().header(old, &self.path).to_string()
    }

    /// What takes the change back, from what is there now. `Err` says why it is left alone.
    pub fn undone(&self, now: Option<&str>) -> Result<Option<String>, String> {
        match self.kind {
            _ if now == self.after.as_deref() => Ok(self.before.clone()),
            _ if now == self.before.as_deref() => Ok(self.before.clone()),
            Kind::Ours => Ok(self.before.clone()),
            Kind::Block => Ok(now.map(|now| block::replaced(now, block::of(text(&self.before))))),
            Kind::Managed
                if now.is_some_and(|now| names_us(now) && !names_us(text(&self.before))) =>
            {
                Ok(self.before.clone())
            }
            Kind::Managed => Ok(now.map(str::to_owned)),
            Kind::Theirs => Err(format!(
                "{} was changed since, and stays as it is",
                self.path
            )),
        }
    }
}

fn names_us(text: &str) -> bool {
    text.contains("pam_countersign")
}

fn text(content: &Option<String>) -> &str {
    content.as_deref().unwrap_or_default()
}

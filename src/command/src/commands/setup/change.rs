//! One file, as it is and as it will be; shown before anything is written.
#![forbid(unsafe_code)]

use countersign::tenant::text::shown_line;
use serde::{Deserialize, Serialize};
use similar::TextDiff;

use super::block;
use crate::machine::pam::stacks::names_module;
use crate::machine::root::Root;
use crate::ui::output::Done;

/// Room for one line, in characters.
const LINE: usize = 400;

/// How one file is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// The whole file is ours: it is put back whatever was done to it since, of which a copy is
    /// kept.
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

/// How a change is taken back, from what is there.
#[derive(Debug, PartialEq, Eq)]
pub enum Undo {
    /// It is as it was before.
    Nothing,
    /// With this text, or without the file.
    To(Option<String>),
    /// To this text, and what an administrator has written since is kept elsewhere.
    Edited(Option<String>),
    /// Not at all, and that is no failure.
    Left(String),
    /// Not by us.
    Stuck(String),
}

impl Change {
    /// A change, if it is one.
    pub fn new(path: &str, kind: Kind, before: Option<String>, after: &str) -> Option<Self> {
        let after = Some(after.to_owned());
        (before != after).then(|| Self { path: path.to_owned(), kind, before, after })
    }

    /// Writes the file as it will be.
    pub fn write(&self, root: &Root) -> Done {
        root.write(&self.path, self.after.as_deref())
    }

    /// As `diff -u` shows it.
    pub fn shown(&self) -> String {
        let (before, after) = (text(&self.before), text(&self.after));
        let old = match self.before {
            Some(_) => self.path.as_str(),
            None => "/dev/null",
        };
        let diff = TextDiff::from_lines(before, after);
        let shown = diff.unified_diff().header(old, &self.path).to_string();
        let lines = shown.lines().map(|line| line.replace('\t', "    "));
        lines.map(|line| format!("{}\n", shown_line(&line, LINE))).collect()
    }

    /// What takes the change back, from what is there now.
    pub fn undone(&self, now: Option<&str>) -> Undo {
        if now == self.before.as_deref() {
            return Undo::Nothing;
        }
        if now == self.after.as_deref() {
            return Undo::To(self.before.clone());
        }
        match self.kind {
            Kind::Ours => match now {
                Some(_) => Undo::Edited(self.before.clone()),
                None => Undo::To(self.before.clone()),
            },
            Kind::Block => now.map_or(Undo::Nothing, |now| self.without_block(now)),
            Kind::Managed => {
                if now.is_some_and(names_module) && !self.named_us() {
                    Undo::Edited(self.before.clone())
                } else {
                    Undo::Nothing
                }
            }
            Kind::Theirs => {
                Undo::Left(format!("{} was changed since, and stays as it is", self.path))
            }
        }
    }

    fn without_block(&self, now: &str) -> Undo {
        let text = block::replaced(now, block::of(text(&self.before)));
        if names_module(&text) && !self.named_us() {
            Undo::Stuck(format!(
                "{}: the marks of the block are gone, and the module is still named there: take it out by hand",
                self.path
            ))
        } else {
            Undo::To(Some(text))
        }
    }

    /// Whether the file named the module before.
    pub fn named_us(&self) -> bool {
        names_module(text(&self.before))
    }
}

fn text(content: &Option<String>) -> &str {
    content.as_deref().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "auth required pam_unix.so\n";
    const AFTER: &str = "auth required pam_countersign.so\nauth required pam_unix.so\n";

    fn change(kind: Kind) -> Change {
        Change::new("/etc/x", kind, Some(BEFORE.to_owned()), AFTER).unwrap()
    }

    #[test]
    fn what_another_program_left_is_put_back_and_what_was_edited_is_kept() {
        let managed = change(Kind::Managed);
        let before = Some(BEFORE.to_owned());
        assert_eq!(managed.undone(Some(AFTER)), Undo::To(before.clone()));
        let edited = format!("{AFTER}auth optional pam_mine.so\n");
        assert_eq!(managed.undone(Some(&edited)), Undo::Edited(before));
        for now in [None, Some(BEFORE), Some("auth required pam_other.so\n")] {
            assert_eq!(managed.undone(now), Undo::Nothing);
        }
    }

    #[test]
    fn of_a_file_that_is_gone_no_block_is_left() {
        assert_eq!(change(Kind::Block).undone(None), Undo::Nothing);
    }
}

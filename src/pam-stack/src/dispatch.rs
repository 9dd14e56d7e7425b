//! What libpam makes of the codes of a stack: one step at a time, so that a search can try them
//! all.
#![forbid(unsafe_code)]

use crate::code::Code;
use crate::control::Action;
use crate::stack::{Handler, Job};

/// What libpam thinks of the login so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Impression {
    /// Nothing has counted yet.
    None,
    /// So far it is a success.
    Positive,
    /// Something has failed.
    Negative,
}

/// An impression with the code that made it.
type Mood = (Impression, Code);

/// Nothing was said yet: a failure, unless something is.
const FRESH: Mood = (Impression::None, Code::PERM_DENIED);

/// Where libpam stands in a stack.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    next: usize,
    level: usize,
    mood: Mood,
    /// The mood with which each substack was entered, the whole stack first.
    entered: Vec<Mood>,
}

impl Default for State {
    fn default() -> Self {
        Self::new()
    }
}

impl State {
    /// Before the first line.
    pub fn new() -> Self {
        State { next: 0, level: 0, mood: FRESH, entered: vec![FRESH] }
    }

    /// The line whose turn it is, with its position; none at the end of the stack.
    pub fn turn<'h>(&self, handlers: &'h [Handler]) -> Option<(usize, &'h Handler)> {
        handlers.get(self.next).map(|handler| (self.next, handler))
    }

    /// What libpam thinks so far.
    pub fn impression(&self) -> Impression {
        self.mood.0
    }

    /// What the application is told at the end.
    pub fn verdict(&self) -> Code {
        match self.mood {
            (Impression::None | Impression::Negative, Code::SUCCESS) => Code::PERM_DENIED,
            (_, code) => code,
        }
    }

    /// The state behind the line whose turn it is, if that says `code`, and what the line's control
    /// makes of it.
    pub fn after(mut self, handlers: &[Handler], code: Code) -> (Self, Action) {
        let Some((_, handler)) = self.turn(handlers) else {
            return (self, Action::Ignore);
        };
        self.enter(handler.level);
        if handler.job == Job::Substack {
            self.next += 1;
            return (self, Action::Ignore);
        }
        let action = handler.control.action(code);
        self.take(handlers, handler.level, code, action);
        self.next += 1;
        (self, action)
    }

    fn enter(&mut self, level: usize) {
        if level > self.level {
            self.entered.resize(level, FRESH);
            self.entered.push(self.mood);
        } else {
            self.entered.truncate(level + 1);
        }
        self.level = level;
    }

    fn take(&mut self, handlers: &[Handler], level: usize, code: Code, action: Action) {
        match action {
            Action::Ignore => {}
            Action::Reset => self.mood = self.entered.last().copied().unwrap_or(FRESH),
            Action::Ok => self.accept(code),
            Action::Done => {
                self.accept(code);
                if self.mood.0 == Impression::Positive {
                    self.leave(handlers, level);
                }
            }
            Action::Bad => self.refuse(code),
            Action::Die => {
                self.refuse(code);
                self.leave(handlers, level);
            }
            Action::Jump(lines) => self.jump(handlers, level, lines),
        }
    }

    /// The first word counts, unless it was a success.
    fn accept(&mut self, code: Code) {
        if matches!(self.mood, (Impression::None, _) | (Impression::Positive, Code::SUCCESS)) {
            self.mood = (Impression::Positive, code);
        }
    }

    fn refuse(&mut self, code: Code) {
        if self.mood.0 != Impression::Negative {
            let code = match code {
                Code::IGNORE => Code::PERM_DENIED,
                code => code,
            };
            self.mood = (Impression::Negative, code);
        }
    }

    /// To the end of the substack, or of the stack. `next` is the last line of it then.
    fn leave(&mut self, handlers: &[Handler], level: usize) {
        while self.is_within(handlers, level) {
            self.next += 1;
        }
    }

    /// A substack counts as one line, and no jump leads out of one.
    fn jump(&mut self, handlers: &[Handler], level: usize, lines: u32) {
        let mut left = lines;
        while left > 0 && self.is_within(handlers, level) {
            self.next += 1;
            while self.is_within(handlers, level + 1) {
                self.next += 1;
            }
            left -= 1;
        }
        if left > 0 {
            self.mood = (Impression::Negative, Code::PERM_DENIED);
        }
    }

    /// Whether the line behind this one is in the same substack, or deeper.
    fn is_within(&self, handlers: &[Handler], level: usize) -> bool {
        let behind = handlers.get(self.next + 1);
        behind.is_some_and(|handler| handler.level >= level)
    }
}

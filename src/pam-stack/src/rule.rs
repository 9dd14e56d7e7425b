//! What one line of a service file says, before any other file is looked at.
#![forbid(unsafe_code)]

use crate::line::{Word, words};

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Who is it?
    Auth,
    /// May the user log in now?
    Account,
    /// Changes of passwords.
    Password,
    /// What begins and ends with a session.
    Session,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 4] = [Kind::Auth, Kind::Account, Kind::Password, Kind::Session];

    /// The word for it in a line.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Auth => "auth",
            Kind::Account => "account",
            Kind::Password => "password",
            Kind::Session => "session",
        }
    }

    /// The type of a word, in any case.
    pub fn parse(word: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|kind| kind.word().eq_ignore_ascii_case(word))
    }
}

/// A line in words, as far as it has them.
pub struct Rule<'a> {
    /// The type, or `@include`.
    pub first: Word<'a>,
    /// The control, or the name behind `@include`.
    pub control: Option<Word<'a>>,
    /// The module and its arguments, or what is included.
    rest: Vec<Word<'a>>,
}

/// What a line takes from another file, by its name; by none where it names none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Included<'a> {
    /// `@include`, Debian's: the lines of all types.
    All(&'a str),
    /// `include`: the lines of its type.
    Lines(&'a str),
    /// `substack`: included as a stack within the stack.
    Substack(&'a str),
}

impl<'a> Rule<'a> {
    /// `None` of an empty line.
    pub fn of(line: &'a str) -> Option<Self> {
        let mut words = words(line).into_iter();
        Some(Self { first: words.next()?, control: words.next(), rest: words.collect() })
    }

    /// The type as it is written, without the `-` that keeps libpam silent where a module is
    /// missing.
    pub fn kind_word(&self) -> &str {
        let first = self.first.text.as_str();
        first.strip_prefix('-').unwrap_or(first)
    }

    /// The type, if it is one.
    pub fn kind(&self) -> Option<Kind> {
        Kind::parse(self.kind_word())
    }

    /// What the line takes from another file.
    pub fn included(&self) -> Option<Included<'_>> {
        let control = self.control.as_ref().map_or("", |word| &word.text);
        if self.first.text.eq_ignore_ascii_case("@include") {
            return Some(Included::All(control));
        }
        let name = self.rest.first().map_or("", |word| &word.text);
        match control.to_ascii_lowercase().as_str() {
            "include" => Some(Included::Lines(name)),
            "substack" => Some(Included::Substack(name)),
            _ => None,
        }
    }

    /// The path of the module, as it is written, of a line that includes nothing.
    pub fn module(&self) -> Option<&Word<'a>> {
        self.rest.first().filter(|_| self.included().is_none())
    }

    /// The arguments of the module.
    pub fn arguments(&self) -> &[Word<'a>] {
        self.rest.get(1..).unwrap_or_default()
    }
}

impl<'a> Included<'a> {
    /// The name of the other file.
    pub fn name(self) -> &'a str {
        match self {
            Included::All(name) | Included::Lines(name) | Included::Substack(name) => name,
        }
    }
}

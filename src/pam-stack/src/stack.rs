//! The lines of a service for one module type, in the order in which libpam comes by them, includes
//! resolved.
#![forbid(unsafe_code)]

use std::fmt;

use crate::control::{Control, Misread};
use crate::line::{Line, lines};
pub use crate::rule::Kind;
use crate::rule::{Included, Rule};

/// libpam follows no more substacks within each other (`PAM_SUBSTACK_MAX_LEVEL`), and newer ones no
/// more includes.
const DEPTH: usize = 16;
/// No sane service has a tenth of these; a file that includes itself twice would have thousands.
const HANDLERS: usize = 2000;

/// Where a line stands: the name by which its file was asked for, and the line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The name by which the file was asked for.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// What a line does when its turn comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Job {
    /// Asks a module.
    Module {
        /// Its path, as it is written.
        path: String,
        /// Its arguments.
        arguments: Vec<String>,
    },
    /// Always `perm_denied`: libpam could not make sense of the line.
    Fail,
    /// Marks the begin of a substack, and does nothing.
    Substack,
}

/// One line, as libpam keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handler {
    /// Where it stands.
    pub place: Place,
    /// As it is written, with one blank between words.
    pub text: String,
    /// The control as it is written, without brackets.
    pub word: String,
    /// What libpam does for each code.
    pub control: Control,
    /// What it does.
    pub job: Job,
    /// How many substacks it is in.
    pub level: usize,
}

impl Handler {
    /// The module's name without folder and `.so`.
    pub fn module(&self) -> Option<&str> {
        match &self.job {
            Job::Module { path, .. } => Some(name_of(path)),
            Job::Fail | Job::Substack => None,
        }
    }

    /// The arguments of the module.
    pub fn arguments(&self) -> &[String] {
        match &self.job {
            Job::Module { arguments, .. } => arguments,
            Job::Fail | Job::Substack => &[],
        }
    }
}

/// `/lib/security/pam_x.so` is `pam_x`.
pub fn name_of(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.strip_suffix(".so").unwrap_or(name)
}

/// What libpam can't make sense of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// `auht`: libpam takes it for an auth line that always fails.
    Type(String),
    /// The control, and why it is misread.
    Control(String, Misread),
    /// The line ends behind its type.
    NoControl,
    /// The line ends behind its control.
    NoModule,
    /// The file can't be read.
    Missing(String),
    /// Files that include each other.
    TooDeep(String),
    /// The file ends in a line that wants to go on.
    Unfinished,
}

/// A service's lines of one type, and what is wrong with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stack {
    /// The lines, in the order in which their turn comes.
    pub handlers: Vec<Handler>,
    /// What libpam can't make sense of, and where.
    pub troubles: Vec<(Place, Trouble)>,
    /// The files that took part, by the name by which they were asked for.
    pub files: Vec<String>,
    /// An `@include` that fails: libpam then starts nothing at all.
    pub broken: Option<Place>,
}

/// Gives the text of a service file by its name, or an absolute path.
pub type Source<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The stack of a service: of the service `other` where it has no line of this type.
pub fn read(source: Source<'_>, service: &str, kind: Kind) -> Stack {
    let own = collect(source, service, kind);
    if own.handlers.is_empty() && own.broken.is_none() {
        collect(source, "other", kind)
    } else {
        own
    }
}

/// The stack of a service as its own file says it; empty where the file is missing.
fn collect(source: Source<'_>, service: &str, kind: Kind) -> Stack {
    let mut reader = Reader { source, kind, stack: Stack::default() };
    if let Some(text) = source(service)
        && !reader.file(service, &text, At::default())
    {
        let place = Place { file: service.to_owned(), line: text.lines().count() };
        reader.stack.broken.get_or_insert(place);
    }
    reader.stack
}

struct Reader<'a> {
    source: Source<'a>,
    kind: Kind,
    stack: Stack,
}

/// How deep a file is read.
#[derive(Clone, Copy, Default)]
struct At {
    include: usize,
    substack: usize,
    /// The file was included for the type that is collected, and a line of unknown type counts as
    /// such.
    typed: bool,
}

impl At {
    fn deeper(self) -> Self {
        At { include: self.include + 1, ..self }
    }
}

impl Reader<'_> {
    /// Reads a file; whether libpam gets to its end.
    fn file(&mut self, name: &str, text: &str, at: At) -> bool {
        if !self.stack.files.iter().any(|file| file == name) {
            self.stack.files.push(name.to_owned());
        }
        let (lines, unfinished) = lines(text);
        for line in lines {
            self.line(name, &line, at);
        }
        if let Some(line) = &unfinished {
            let place = Place { file: name.to_owned(), line: line.number };
            self.trouble(&place, Trouble::Unfinished);
        }
        unfinished.is_none()
    }

    fn line(&mut self, file: &str, line: &Line, at: At) {
        let place = Place { file: file.to_owned(), line: line.number };
        let Some(rule) = Rule::of(&line.text) else {
            return;
        };
        if let Some(Included::All(name)) = rule.included() {
            return self.include(&place, name, at);
        }
        // libpam takes a line of unknown type for what is being collected, and at the top for auth.
        let unknown = if at.typed { self.kind } else { Kind::Auth };
        if rule.kind().unwrap_or(unknown) != self.kind {
            return;
        }
        if rule.kind().is_none() {
            self.trouble(&place, Trouble::Type(rule.kind_word().to_owned()));
        }
        self.rule(place, &line.text, &rule, at);
    }

    /// A line of the type that is collected.
    fn rule(&mut self, place: Place, text: &str, rule: &Rule<'_>, at: At) {
        let Some(word) = rule.control.as_ref().map(|word| &word.text) else {
            self.trouble(&place, Trouble::NoControl);
            return self.push(place, text, "", Control::bad(), Job::Fail, at);
        };
        if let Some(included) = rule.included() {
            let is_substack = matches!(included, Included::Substack(_));
            let below = At {
                include: at.include,
                substack: at.substack + usize::from(is_substack),
                typed: true,
            };
            if is_substack {
                let job = Job::Substack;
                self.push(place.clone(), text, word, Control::bad(), job, at);
            }
            return self.include_type(place, text, included.name(), (at, below));
        }
        let (control, misread) = Control::parse(word);
        if let Some(misread) = misread {
            self.trouble(&place, Trouble::Control(word.clone(), misread));
        }
        let job = self.job(&place, rule);
        self.push(place, text, word, control, job, at);
    }

    fn job(&mut self, place: &Place, rule: &Rule<'_>) -> Job {
        match rule.module() {
            Some(path) if rule.kind().is_some() => Job::Module {
                path: path.text.clone(),
                arguments: rule.arguments().iter().map(|w| w.text.clone()).collect(),
            },
            Some(_) => Job::Fail,
            None => {
                self.trouble(place, Trouble::NoModule);
                Job::Fail
            }
        }
    }

    /// Debian's `@include`: all types of the file.
    fn include(&mut self, place: &Place, name: &str, at: At) {
        // libpam has given up by then; the lines behind are read to know what the file is about.
        if self.stack.broken.is_some() {
            return;
        }
        let whole = match self.found(name, at) {
            Ok(text) => self.file(name, &text, at.deeper()),
            Err(trouble) => {
                self.trouble(place, trouble);
                false
            }
        };
        if !whole {
            self.stack.broken.get_or_insert_with(|| place.clone());
        }
    }

    /// `include` and `substack`: the lines of one type. What can't be had is a line that fails.
    fn include_type(&mut self, place: Place, text: &str, name: &str, (at, below): (At, At)) {
        let whole = match self.found(name, at) {
            Ok(text) => self.file(name, &text, below.deeper()),
            Err(trouble) => {
                self.trouble(&place, trouble);
                false
            }
        };
        if !whole {
            self.push(place, text, "", Control::bad(), Job::Fail, at);
        }
    }

    fn found(&self, name: &str, at: At) -> Result<String, Trouble> {
        if at.include + 1 < DEPTH && self.stack.handlers.len() < HANDLERS {
            (self.source)(name).ok_or_else(|| Trouble::Missing(name.to_owned()))
        } else {
            Err(Trouble::TooDeep(name.to_owned()))
        }
    }

    fn trouble(&mut self, place: &Place, trouble: Trouble) {
        let trouble = (place.clone(), trouble);
        if !self.stack.troubles.contains(&trouble) {
            self.stack.troubles.push(trouble);
        }
    }

    fn push(&mut self, place: Place, text: &str, word: &str, control: Control, job: Job, at: At) {
        self.stack.handlers.push(Handler {
            place,
            text: text.split_ascii_whitespace().collect::<Vec<_>>().join(" "),
            word: word.to_owned(),
            control,
            job,
            level: at.substack,
        });
    }
}

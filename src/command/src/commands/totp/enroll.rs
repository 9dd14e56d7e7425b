//! `countersign totp enroll` and `import`: a key for a user, shown on a terminal alone.
#![forbid(unsafe_code)]

use std::io;

use clap::ValueEnum;
use countersign::local::offline::record::Enrolment;
use countersign::local::offline::{self, Enrolled, Store, moment::Moment, rules};
use countersign::os;
use countersign::otpauth::{self, Key};
use countersign::policy::Policy;
use countersign::words;
use serde_json::json;
use zeroize::Zeroizing;

use super::{User, show, store, unusable};
use crate::configuration::context::Context;
use crate::ui::output::{Done, Problem, complain, line};
use crate::ui::terminal::{Terminal, is_typed, piped_line};

/// How often the first code is asked for.
const TRIES: u8 = 3;

#[derive(clap::Args)]
pub struct Arguments {
    /// A user of this machine; the user who has logged in, if it is left out
    #[arg(value_name = "USER", value_hint = clap::ValueHint::Username, conflicts_with = "batch")]
    user: Option<String>,
    /// Enrols the users whose names are on standard input, a line each, and prints a JSON object
    /// for each, with key and recovery codes; each key counts from its first right code on
    #[arg(long)]
    batch: bool,
    /// How the picture of the key is drawn
    #[arg(long, value_enum, default_value_t = Picture::Colour, conflicts_with = "batch")]
    qr: Picture,
    /// One JSON object at the end, without the key
    #[arg(long, conflicts_with = "batch")]
    json: bool,
}

#[derive(clap::Args)]
pub struct ImportArguments {
    /// A user of this machine; the user who has logged in, if it is left out
    #[arg(value_name = "USER", value_hint = clap::ValueHint::Username)]
    user: Option<String>,
    /// One JSON object at the end, without the key
    #[arg(long)]
    json: bool,
}

/// How the picture of a key is drawn.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Picture {
    /// In black and white, on any terminal that has colours
    Colour,
    /// For a terminal with light text on a dark background
    Dark,
    /// For a terminal with dark text on a light background
    Light,
    /// Not at all
    None,
}

pub fn run(context: &Context, arguments: &Arguments) -> Done {
    if arguments.batch {
        return batch(&store(context)?);
    }
    let vacancy = Vacancy::new(context, arguments.user.as_deref())?;
    let mut terminal = terminal()?;
    let enrolment = vacancy.enrolment(new_key()?)?;
    let user = &vacancy.user;
    let uri = uri_of(user, &enrolment.record.key);
    let picture = match arguments.qr {
        Picture::Colour => Some(words::Ground::Coloured),
        Picture::Dark => Some(words::Ground::Dark),
        Picture::Light => Some(words::Ground::Light),
        Picture::None => None,
    };
    let picture = picture.map(|ground| words::picture(&uri, ground, terminal.screen(), 1));
    let picture = picture.as_ref().map(|picture| match picture {
        Ok(picture) => picture.as_str(),
        Err(why_not) => *why_not,
    });
    let secret = enrolment.record.key.base32();
    let text = words::key(&user.shown(), picture, &uri, &secret);
    terminal.show(text.trim_end())?;
    vacancy.fill(enrolment, &mut terminal)?;
    report(context, &vacancy, arguments.json)
}

pub fn import(context: &Context, arguments: &ImportArguments) -> Done {
    let vacancy = Vacancy::new(context, arguments.user.as_deref())?;
    if is_typed() {
        let mut terminal = terminal()?;
        let text = terminal.ask_hidden("otpauth URI or base32 secret: ")?;
        let key = otpauth::read(&text).map_err(Problem::new)?;
        let enrolment = vacancy.enrolment(key)?;
        vacancy.fill(enrolment, &mut terminal)?;
    } else {
        let text = piped_line()?;
        let key = otpauth::read(&text).map_err(Problem::new)?;
        let mut enrolment = vacancy.enrolment(key)?;
        // Recovery codes that were never shown are useless: `recovery-codes` makes new ones.
        enrolment.record.recovery = Default::default();
        keep(&vacancy.store, &vacancy.user, &enrolment)?;
    }
    report(context, &vacancy, arguments.json)
}

/// Each user is a world of its own: one that fails does not stop the others.
fn batch(store: &Store) -> Done {
    let mut failed = 0;
    for name in io::stdin().lines() {
        let name = name.map_err(Problem::new)?;
        if name.trim().is_empty() {
            continue;
        }
        if let Err(problem) = one_of_many(store, name.trim()) {
            failed += 1;
            complain(&problem);
        }
    }
    match failed {
        0 => Ok(()),
        1 => Err(Problem::new("1 user was not enrolled")),
        _ => Err(Problem::new(format!("{failed} users were not enrolled"))),
    }
}

fn one_of_many(store: &Store, name: &str) -> Done {
    let user = User::named(Some(name))?;
    let enrolment = new(store, &user, new_key()?)?;
    keep(store, &user, &enrolment)?;
    let uri = uri_of(&user, &enrolment.record.key);
    let codes: Vec<_> = enrolment.codes.iter().map(|code| code.as_str()).collect();
    line(json!({ "user": name, "uid": user.uid, "uri": uri.as_str(), "recovery_codes": codes }));
    Ok(())
}

fn new_key() -> Result<Key, Problem> {
    offline::new_key().map_err(Problem::new)
}

fn new(store: &Store, user: &User, key: Key) -> Result<Enrolment, Problem> {
    Enrolment::new(user.uid, &user.name, key, store.now()).map_err(Problem::new)
}

fn uri_of(user: &User, key: &Key) -> Zeroizing<String> {
    otpauth::write(key, "Countersign", &user.name, &os::host_name())
}

/// The place for the key of a user who has no key yet.
pub struct Vacancy {
    store: Store,
    user: User,
}

impl Vacancy {
    pub fn of_whoever_logged_in(context: &Context) -> Result<Self, Problem> {
        Self::new(context, None)
    }

    fn new(context: &Context, user: Option<&str>) -> Result<Self, Problem> {
        let store = store(context)?;
        let user = User::named(user)?;
        match store.load(user.uid).map_err(unusable)? {
            None => Ok(Self { store, user }),
            Some(_) => Err(enrolled(&user)),
        }
    }

    /// What would be kept of a key. Nothing is yet.
    pub fn enrolment(&self, key: Key) -> Result<Enrolment, Problem> {
        new(&self.store, &self.user, key)
    }

    /// Asks for a code, and only then keeps anything.
    fn fill(&self, mut enrolment: Enrolment, terminal: &mut Terminal) -> Done {
        for tries in 0..TRIES {
            if tries > 0 {
                terminal.show(words::NOT_THE_CODE)?;
            }
            let typed = terminal.ask(words::FIRST_CODE)?;
            let now = Moment::now().map_err(Problem::new)?;
            if let Some(codes) = self.activate(&mut enrolment, &typed, &now)? {
                return terminal.show(codes.trim_end());
            }
        }
        Err(Problem::new("that was not the code: nothing was changed")
            .hint("is the clock right, here and on the phone?"))
    }

    /// With the code that was right then: uses it up, and keeps the key. Its recovery codes, to be
    /// shown.
    pub fn activate(
        &self,
        enrolment: &mut Enrolment,
        code: &str,
        then: &Moment,
    ) -> Result<Option<Zeroizing<String>>, Problem> {
        if !rules::activate(&mut enrolment.record, code, then) {
            return Ok(None);
        }
        keep(&self.store, &self.user, enrolment)?;
        Ok(Some(words::recovery_codes(&enrolment.codes)))
    }
}

fn keep(store: &Store, user: &User, enrolment: &Enrolment) -> Result<(), Problem> {
    match store.enroll(&enrolment.record).map_err(unusable)? {
        Enrolled::Now => Ok(()),
        Enrolled::Before => Err(enrolled(user)),
    }
}

fn enrolled(user: &User) -> Problem {
    Problem::new(format!("{} is enrolled already", user.shown()))
        .hint(format!("countersign totp remove {}", user.shown()))
}

fn terminal() -> Result<Terminal, Problem> {
    let hint = "a key is shown on a terminal and nowhere else; --batch is for programs";
    Terminal::open().map_err(|problem| problem.hint(hint))
}

fn report(context: &Context, vacancy: &Vacancy, json: bool) -> Done {
    let Vacancy { store, user } = vacancy;
    let record = user.record(store)?;
    if json {
        line(show::object(&record, store.now()));
    } else {
        line(show::sentence(&record, store.now()));
    }
    warn_if_useless(&context.policy()?);
    Ok(())
}

/// A key that no service asks for.
pub fn warn_if_useless(policy: &Policy) {
    if policy.offline_pause().is_none() {
        complain(
            &Problem::new("offline codes count for no service yet")
                .hint("set offline.enabled, see countersign.toml(5)"),
        );
    }
}

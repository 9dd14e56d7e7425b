//! `countersign totp verify`, `recovery-codes`, `unlock` and `remove`.
#![forbid(unsafe_code)]

use countersign::local::offline::recovery::Hashes;
use countersign::local::offline::rules::{CodeRefusal, Kind};
use countersign::words;
use serde_json::json;

use super::{User, store, unusable};
use crate::configuration::context::Context;
use crate::ui::output::{Done, Problem, line};
use crate::ui::terminal::{Terminal, is_typed, piped_line};

#[derive(clap::Args)]
pub struct Arguments {
    /// A user of this machine, or the uid of one who is gone; the user who has logged in, if it is
    /// left out
    #[arg(value_name = "USER", value_hint = clap::ValueHint::Username)]
    user: Option<String>,
    /// One JSON object, for programs
    #[arg(long)]
    json: bool,
}

impl Arguments {
    fn user(&self) -> Result<User, Problem> {
        User::known(self.user.as_deref())
    }

    /// What was done: a sentence, or an object about the user.
    fn say(&self, user: &User, sentence: &str, mut object: serde_json::Value) {
        if !self.json {
            return line(sentence);
        }
        if let Some(fields) = object.as_object_mut() {
            fields.insert("user".into(), json!(user.name));
            fields.insert("uid".into(), json!(user.uid));
        }
        line(object);
    }
}

pub fn verify(context: &Context, arguments: &Arguments) -> Done {
    let user = arguments.user()?;
    let typed =
        if is_typed() { Terminal::open()?.ask("Verification code: ")? } else { piped_line()? };
    // Opened now: the code is of the time at which it was typed.
    let tried = store(context)?.check(user.uid, &typed);
    let receipt = tried.map_err(|no| match no {
        CodeRefusal::NotEnrolled => user.not_enrolled(),
        CodeRefusal::Wrong | CodeRefusal::ClockWentBack => {
            Problem::new(no).hint("is the clock right, here and on the phone?")
        }
        CodeRefusal::Locked(_) => {
            Problem::new(no).hint(format!("countersign totp unlock {}", user.shown()))
        }
        other => Problem::new(other),
    })?;
    let kind = match receipt.accepted().kind {
        Kind::Code => "code",
        Kind::Recovery(_) => "recovery_code",
    };
    let sentence = "The code is right, and used up.";
    arguments.say(&user, sentence, json!({ "right": kind }));
    Ok(())
}

pub fn recovery_codes(context: &Context, arguments: &Arguments) -> Done {
    let store = store(context)?;
    let user = arguments.user()?;
    let terminal = (!arguments.json).then(Terminal::open).transpose();
    let mut terminal = terminal.map_err(|problem| problem.hint("--json is for programs"))?;
    let (hashes, codes) = Hashes::new().map_err(Problem::new)?;
    let changed = store.renew_recovery(user.uid, hashes);
    changed.map_err(unusable)?.ok_or_else(|| user.not_enrolled())?;
    match &mut terminal {
        Some(terminal) => terminal.show(words::recovery_codes(&codes).trim_end()),
        None => {
            let codes: Vec<_> = codes.iter().map(|code| code.as_str()).collect();
            arguments.say(&user, "", json!({ "recovery_codes": codes }));
            Ok(())
        }
    }
}

pub fn unlock(context: &Context, arguments: &Arguments) -> Done {
    let user = arguments.user()?;
    let unlocked = store(context)?.unlock(user.uid);
    match unlocked.map_err(unusable)? {
        None => Err(user.not_enrolled()),
        Some(false) => Err(Problem::new(CodeRefusal::Disabled)
            .hint(format!("countersign totp remove {}", user.shown()))),
        Some(true) => {
            let sentence = format!("Codes of {} count again.", user.shown());
            arguments.say(&user, &sentence, json!({ "unlocked": true }));
            Ok(())
        }
    }
}

pub fn remove(context: &Context, arguments: &Arguments) -> Done {
    let user = arguments.user()?;
    if store(context)?.remove(user.uid).map_err(unusable)? {
        let sentence = format!("{} is no longer enrolled.", user.shown());
        arguments.say(&user, &sentence, json!({ "removed": true }));
        Ok(())
    } else {
        Err(user.not_enrolled())
    }
}

//! `countersign totp status` and `list`: what is known, never a key.
#![forbid(unsafe_code)]

use countersign::audit::escape;
use countersign::local::offline::record::{Record, Stage};
use countersign::local::offline::{
    moment::Moment,
    rules::{CodeRefusal, Purpose, blocked},
};
use serde_json::json;

use super::{User, store, unusable};
use crate::configuration::context::Context;
use crate::ui::output::{Done, Problem, complain, counted, line, spoken};

#[derive(clap::Args)]
pub struct StatusArguments {
    /// A user of this machine, or the uid of one who is gone; the user who has logged in, if it is
    /// left out
    #[arg(value_name = "USER", value_hint = clap::ValueHint::Username)]
    user: Option<String>,
    /// One JSON object, for programs
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
pub struct ListArguments {
    /// One JSON array, for programs
    #[arg(long)]
    json: bool,
}

pub fn status(context: &Context, arguments: &StatusArguments) -> Done {
    let store = store(context)?;
    let user = User::known(arguments.user.as_deref())?;
    let record = user.record(&store)?;
    if arguments.json {
        line(object(&record, store.now()))
    } else {
        line(sentence(&record, store.now()))
    }
    Ok(())
}

/// One that can't be read does not hide the others.
pub fn list(context: &Context, arguments: &ListArguments) -> Done {
    let store = store(context)?;
    let mut damaged = 0;
    let mut objects = Vec::new();
    for uid in store.uids().map_err(unusable)? {
        match store.load(uid) {
            Ok(Some(record)) if arguments.json => objects.push(object(&record, store.now())),
            Ok(Some(record)) => line(sentence(&record, store.now())),
            Ok(None) => {}
            Err(problem) => {
                damaged += 1;
                complain(&Problem::new(problem));
            }
        }
    }
    if arguments.json {
        line(json!(objects));
    }
    match damaged {
        0 => Ok(()),
        _ => Err(Problem::new(format!("{} can't be read", counted(damaged, "record")))),
    }
}

pub fn sentence(record: &Record, now: &Moment) -> String {
    let stage = match record.stage {
        Stage::Pending => "enrolled, waits for its first code",
        Stage::Active => "enrolled",
    };
    let ago = spoken(now.wall.saturating_sub(record.online));
    let blocked = match blocked(record, Purpose::Check, now) {
        Some(no) => format!("; {no}"),
        None => String::new(),
    };
    format!(
        "{} (uid {}): {stage}; {} offline logins, {} recovery codes left, last online {ago} ago{blocked}",
        escape(&record.user),
        record.uid,
        record.logins,
        record.recovery.left(),
    )
}

pub fn object(record: &Record, now: &Moment) -> serde_json::Value {
    let shape = record.key.shape();
    let locked = match blocked(record, Purpose::Check, now) {
        Some(CodeRefusal::Locked(seconds)) => seconds,
        Some(_) | None => 0,
    };
    let refused = record.refused.as_ref().map_or(0, |pause| pause.left(now));
    json!({
        "user": record.user,
        "uid": record.uid,
        "stage": record.stage,
        "algorithm": shape.algorithm.as_str(),
        "digits": shape.digits,
        "period": shape.period,
        "offline_logins": record.logins,
        "online_seconds_ago": now.wall.saturating_sub(record.online),
        "failures": record.failures,
        "locked_seconds": locked,
        "refused_seconds": refused,
        "recovery_codes": record.recovery.left(),
    })
}

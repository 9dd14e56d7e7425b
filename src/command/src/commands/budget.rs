//! `countersign budget`: how often phones were rung.
#![forbid(unsafe_code)]

use countersign::audit::escape;
use countersign::local::budget::Spent;
use serde_json::json;

use crate::configuration::context::Context;
use crate::ui::output::{Done, Problem, counted, line, spoken};

/// Shows how often phones were rung, and lets them ring again
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  countersign budget\n  countersign budget --reset alice@example.com"
)]
pub struct Arguments {
    /// Lets the phone of this user of the tenant ring again
    #[arg(long, value_name = "TENANT_USER")]
    reset: Option<String>,
    /// One JSON array, for programs
    #[arg(long, conflicts_with = "reset")]
    json: bool,
}

pub fn run(context: &Context, arguments: &Arguments) -> Done {
    let state = context.state()?;
    if let Some(user) = &arguments.reset {
        return if state.refill(user, &[]).map_err(Problem::new)? {
            line(format!("The phone of {} may ring again.", escape(user)));
            Ok(())
        } else {
            Err(Problem::new(format!("nothing was sent to {}", escape(user)))
                .hint("countersign budget lists the names, which are the tenant's"))
        };
    }
    let all = state.all_spent().map_err(Problem::new)?;
    let now = state.now();
    if arguments.json {
        let all: Vec<_> = all.iter().map(|spent| object(spent, now)).collect();
        line(json!(all));
    } else if all.is_empty() {
        line("No push, message or call was sent without a success after it.");
    } else {
        all.iter().for_each(|spent| line(sentence(spent, now)));
    }
    Ok(())
}

pub fn sentence(spent: &Spent, now: u64) -> String {
    let last = spent.sent.last().map(|at| spoken(now.saturating_sub(*at)));
    let last = last.map_or_else(String::new, |ago| format!(", the last {ago} ago"));
    let pause = match spent.paused_until.saturating_sub(now) {
        0 => String::new(),
        left => format!("; paused for another {} after a refusal", spoken(left)),
    };
    format!("{}: rung {}{last}{pause}", escape(&spent.user), counted(spent.sent.len(), "time"))
}

fn object(spent: &Spent, now: u64) -> serde_json::Value {
    let ago: Vec<_> = spent.sent.iter().map(|at| now.saturating_sub(*at)).collect();
    json!({
        "tenant_user": spent.user,
        "rung_seconds_ago": ago,
        "paused_seconds": spent.paused_until.saturating_sub(now),
    })
}

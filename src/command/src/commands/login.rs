//! `countersign login`: a login by the protocol alone, at the terminal.
#![forbid(unsafe_code)]

use countersign::audit::{Event, escape};
use countersign::host::{self, Caller, Program, Verdict};
use countersign::os;
use serde_json::{Value, json};

use crate::configuration::context::Context;
use crate::ui::dialogue::{Dialogue, uninterrupted};
use crate::ui::output::{Done, Problem, line};
use crate::ui::reasons;

/// Logs a user in at the tenant, without PAM, and prints the verdict
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  countersign login alice\n  countersign login alice --service sshd --json"
)]
pub struct Arguments {
    /// A user of this machine
    #[arg(value_name = "USER", value_hint = clap::ValueHint::Username)]
    user: String,
    /// The PAM service whose settings count
    #[arg(long, value_name = "SERVICE", default_value = "login")]
    service: String,
    /// One JSON object at the end, for programs
    #[arg(long)]
    json: bool,
}

pub fn run(context: &Context, arguments: &Arguments) -> Done {
    // What is wrong with the configuration is told with its lines, which a login leaves to the log.
    context.policy()?;
    let caller = caller(context, arguments)?;
    let mut dialogue = Dialogue::new(&arguments.user)
        .map_err(|problem| problem.hint("a login is asked for at a terminal"))?;
    let outcome = uninterrupted(|| host::authenticate(&caller, &mut dialogue));
    line(if arguments.json {
        object(&outcome.event).to_string()
    } else {
        sentence(&outcome.verdict, &outcome.event)
    });
    match outcome.verdict {
        Verdict::Granted(_) | Verdict::Remembered(_) | Verdict::SecurityKey(_) => Ok(()),
        Verdict::Exempt { rule, .. } => Err(exempt(&rule, arguments)),
        Verdict::Refused(refusal) => Err(reasons::problem(&refusal)),
    }
}

fn caller(context: &Context, arguments: &Arguments) -> Result<Caller, Problem> {
    Ok(Caller {
        user: Ok(arguments.user.clone()),
        service: arguments.service.clone(),
        rhost: None,
        tty: Some("/dev/tty".to_owned()),
        ruser: None,
        real_uid: os::real_uid(),
        ssh_auth_info: None,
        arguments: vec![format!("config={}", context.path()?)],
        program: Program::Own,
    })
}

fn sentence(verdict: &Verdict, event: &Event) -> String {
    let who = escape(match event.tenant_user.as_str() {
        "" => &event.user,
        tenant_user => tenant_user,
    });
    let cost = format!("{} requests, {:.1} s", event.requests, event.duration.as_secs_f64());
    let mechanisms = match event.mechanisms.as_str() {
        "" => "no mechanism",
        some => some,
    };
    match verdict {
        Verdict::Granted(_) => format!("Granted: {who} has met {mechanisms}; {cost}."),
        Verdict::Remembered(_) => {
            format!("Granted: {who} was not asked, {}.", escape(&event.detail))
        }
        Verdict::SecurityKey(_) => format!("Granted: {who} has shown a security key; {cost}."),
        Verdict::Exempt { .. } => format!("Exempt: {who} is not asked; {cost}."),
        Verdict::Refused(refusal) => {
            let code = refusal.reason.code();
            format!("Refused ({code}): {who} has tried {mechanisms}; {cost}.")
        }
    }
}

fn exempt(rule: &str, arguments: &Arguments) -> Problem {
    let (user, service) = (escape(&arguments.user), escape(&arguments.service));
    Problem::new(format!(
        "the rule {} exempts {user} for the service {service}: the tenant was not asked",
        escape(rule)
    ))
    .hint("--service names another service")
}

/// The fields of the line in the log.
fn object(event: &Event) -> Value {
    let mechanisms = event.mechanisms.split(',').filter(|name| !name.is_empty());
    json!({
        "attempt": event.attempt,
        "outcome": event.outcome,
        "reason": event.reason,
        "detail": event.detail,
        "user": event.user,
        "tenant_user": event.tenant_user,
        "service": event.service,
        "mechanisms": mechanisms.collect::<Vec<_>>(),
        "rule": event.rule,
        "transaction": event.transaction,
        "requests": event.requests,
        "duration_ms": u64::try_from(event.duration.as_millis()).unwrap_or(u64::MAX),
    })
}

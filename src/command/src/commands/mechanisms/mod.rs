//! `countersign mechanisms`: what a user could log in with.
#![forbid(unsafe_code)]

mod offered;

use countersign::audit::escape;
use countersign::login::{Kind, offer_name};
use countersign::policy::{Flow, Terms};
use countersign::tenant::reply::Offer;
use countersign::tenant::text::shown;
use serde_json::{Value, json};

use crate::configuration::context::Context;
use crate::tenant::whom;
use crate::ui::output::{Done, line, progress};
use crate::ui::reasons;

pub use offered::{Offered, Worth, offered, worth};

/// Room for the tenant's label of a mechanism, in characters.
const LABEL: usize = 60;

/// Shows what a user could log in with, as the tenant offers it; nothing is sent to the user
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  countersign mechanisms alice\n  countersign mechanisms --tenant-user alice@example.com --service sshd --json"
)]
pub struct Arguments {
    /// A user of this machine
    #[arg(value_name = "USER", value_hint = clap::ValueHint::Username)]
    user: String,
    /// USER is the name of a user of the tenant
    #[arg(long)]
    tenant_user: bool,
    /// The PAM service whose settings count
    #[arg(long, value_name = "SERVICE", default_value = "login")]
    service: String,
    /// One JSON object, for programs
    #[arg(long)]
    json: bool,
}

pub fn run(context: &Context, arguments: &Arguments) -> Done {
    let policy = context.policy()?;
    let terms = if arguments.tenant_user {
        whom::in_tenant(policy.for_service(&arguments.service), &arguments.user)
    } else {
        whom::local(&policy, &arguments.user, &arguments.service, &whom::MECHANISMS)?
    };
    progress("Asking the tenant");
    let offered = offered(&terms).map_err(|refusal| reasons::problem(&refusal))?;
    if arguments.json {
        line(object(arguments, &terms, &offered))
    } else {
        say(arguments, &terms, &offered)
    }
    Ok(())
}

fn say(arguments: &Arguments, terms: &Terms, offered: &Offered) {
    let (user, service) = (escape(&terms.tenant_user), escape(&arguments.service));
    line(format!("{user} at {}, for the service {service}:", terms.tenant.url));
    if offered.is_elsewhere {
        line("  logs in at another identity provider");
    } else if offered.challenges.is_empty() {
        line("  nothing is offered");
    }
    described(terms, offered).iter().for_each(line);
    if offered.wait > 0 {
        let wait = offered.wait;
        line(format!("For {wait} s the tenant refuses this user even the right answers."));
    }
    line(conclusion(terms, offered));
}

/// What is offered and what each of it is worth, line by line.
pub fn described(terms: &Terms, offered: &Offered) -> Vec<String> {
    let mut lines = Vec::new();
    for (number, challenge) in (1..).zip(&offered.challenges) {
        let one_of = if challenge.offers.len() > 1 { ", one of" } else { "" };
        lines.push(format!("Challenge {number}{one_of}"));
        let offers = challenge.offers.iter();
        lines.extend(offers.map(|offer| sentence(terms, offer)));
    }
    lines
}

fn sentence(terms: &Terms, offer: &Offer) -> String {
    let worth = match worth(terms, offer) {
        Worth::Counts(Kind::Knowledge) => "counts as something known".to_owned(),
        Worth::Counts(Kind::Possession) => "counts as something owned".to_owned(),
        Worth::CountsNot => "counts for nothing (login.email_counts)".to_owned(),
        Worth::Useless(why) => format!("no use: {why}"),
    };
    let name = offer_name(offer);
    match label(offer) {
        Some(label) => format!("  {name:<6} {worth} (\"{label}\")"),
        None => format!("  {name:<6} {worth}"),
    }
}

/// The tenant's line for it, harmless.
fn label(offer: &Offer) -> Option<String> {
    let label = offer.label.as_ref()?.shown(LABEL).replace('"', "'");
    (!label.is_empty()).then_some(label)
}

fn conclusion(terms: &Terms, offered: &Offered) -> String {
    let demanded = match (&terms.flow, terms.login.minimum_factors) {
        (Flow::Login, 0 | 1) => "one factor",
        (Flow::Login, _) => "two factors of different kinds",
        (Flow::OnDemand(_), 0 | 1) => "one factor",
        (Flow::OnDemand(_), _) => "something owned",
    };
    match (offered.is_elsewhere, offered.can_be_enough(terms)) {
        (true, true) => "login.federated allows that.".to_owned(),
        (true, false) => "login.federated does not allow that.".to_owned(),
        (false, true) => format!("The policy demands {demanded}: this can be enough."),
        (false, false) => format!("The policy demands {demanded}: this can't be enough."),
    }
}

fn object(arguments: &Arguments, terms: &Terms, offered: &Offered) -> Value {
    let challenges = offered.challenges.iter().map(|challenge| {
        let offers = challenge.offers.iter();
        offers.map(|offer| mechanism(terms, offer)).collect::<Vec<_>>()
    });
    json!({
        "user": (!arguments.tenant_user).then_some(&arguments.user),
        "tenant_user": terms.tenant_user,
        "service": arguments.service,
        "tenant": terms.tenant.url.to_string(),
        "challenges": challenges.collect::<Vec<_>>(),
        "elsewhere": offered.is_elsewhere,
        "wait_seconds": offered.wait,
        "minimum_factors": terms.login.minimum_factors,
        "can_be_enough": offered.can_be_enough(terms),
    })
}

fn mechanism(terms: &Terms, offer: &Offer) -> Value {
    let (usable, counts_as, why_not) = match worth(terms, offer) {
        Worth::Counts(Kind::Knowledge) => (true, Some("knowledge"), None),
        Worth::Counts(Kind::Possession) => (true, Some("possession"), None),
        Worth::CountsNot => (true, None, None),
        Worth::Useless(why) => (false, None, Some(why)),
    };
    json!({
        "name": shown(&offer_name(offer), 20),
        "label": label(offer),
        "usable": usable,
        "why_not": why_not,
        "counts_as": counts_as,
    })
}

//! The configuration and the judgement: what a file may say, what is said about one that is wrong,
//! who must.
#![expect(clippy::expect_used, clippy::panic, reason = "tests")]

use countersign::policy::{Flow, OnDemand, Policy, Settings, parse};

mod a_good_file;
mod a_hostile_file;
mod a_redirect;
mod a_service;
mod addresses;
mod administration;
mod britive;
mod compiled;
mod contradictions;
mod errors;
mod judge;
mod keys;
mod names;
mod offline;
mod pushes;
mod rules;
mod step_up;
mod the_shipped_file;

/// The errors, one line each.
pub fn errors(text: impl AsRef<[u8]>) -> String {
    parse(text.as_ref()).expect_err("this must be refused").to_string()
}

/// What a file that is right says.
pub fn policy(text: impl AsRef<[u8]>) -> Policy {
    parse(text.as_ref()).unwrap_or_else(|errors| panic!("{errors}"))
}

/// Enough of a file.
pub const TENANT: &str = "[tenant]\nurl = 'https://abc1234.id.cyberark.cloud'\n";

/// The settings of a file that begins with a tenant.
pub fn settings(rest: &str) -> Settings {
    policy(format!("{TENANT}{rest}")).for_service("sshd").clone()
}

/// What a service whose flow is "on-demand" needs to know.
pub fn on_demand(settings: &Settings) -> OnDemand {
    match &settings.step_up.flow {
        Flow::OnDemand(on_demand) => on_demand.clone(),
        Flow::Login => panic!("a whole login"),
    }
}

/// The errors of a file that begins with a tenant in its first two lines.
pub fn errors_behind_tenant(rest: &str) -> String {
    errors(format!("{TENANT}{rest}"))
}

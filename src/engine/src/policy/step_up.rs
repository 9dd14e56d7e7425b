//! The keys of `[on_demand]`, and those of `[login]` that need them: which flow, about which
//! person, and how long it counts.
#![forbid(unsafe_code)]

use std::time::Duration;

use super::client::{self, fill};
use super::reader::Table;
use super::value::{choice, duration, flag, policy_name};
use super::{Flow, OnDemand, SecurityKey, StepUp, Whom};

/// Reads these keys of `[login]`, with `[on_demand]` as it is for this service.
pub(super) fn read(table: &mut Table<'_>, base: &StepUp, on_demand: &PartialOnDemand) -> StepUp {
    let mut step_up = base.clone();
    step_up.flow = read_flow(table, "flow", &base.flow, on_demand);
    step_up.after_public_key =
        read_flow(table, "after_public_key", &base.after_public_key, on_demand);
    table.read("security_key", choice(&SECURITY_KEYS), &mut step_up.security_key);
    table.read("person", choice(&PERSONS), &mut step_up.person);
    table.read("remember", duration("0s", "12h"), &mut step_up.remember);
    table.read("ssh_counts", flag, &mut step_up.ssh_counts);
    settle_ssh_counts(table, &mut step_up);
    step_up
}

const PERSONS: [(&str, Whom); 4] =
    [("auto", Whom::Auto), ("user", Whom::User), ("caller", Whom::Caller), ("both", Whom::Both)];

const SECURITY_KEYS: [(&str, SecurityKey); 3] =
    [("off", SecurityKey::Off), ("factor", SecurityKey::Factor), ("enough", SecurityKey::Enough)];

/// Where nothing is remembered, nothing counts: a mistake if the file says that it does; what is
/// inherited gives way.
fn settle_ssh_counts(table: &Table<'_>, step_up: &mut StepUp) {
    if step_up.remember > Duration::ZERO || !step_up.ssh_counts {
        return;
    }
    if table.has("ssh_counts") {
        table.wrong(
            "ssh_counts",
            "nothing is remembered, set remember to the time that a login counts, such as \"10m\"",
        );
    }
    step_up.ssh_counts = false;
}

/// A flow as the file names it.
#[derive(Clone, Copy)]
enum Word {
    Login,
    OnDemand,
}

const WORDS: [(&str, Word); 2] = [("login", Word::Login), ("on-demand", Word::OnDemand)];

/// What `[on_demand]` lacks is said once, where the flow is asked for: what a service inherits is
/// whole.
fn read_flow(
    table: &mut Table<'_>,
    key: &'static str,
    base: &Flow,
    on_demand: &PartialOnDemand,
) -> Flow {
    let mut word = match base {
        Flow::Login => Word::Login,
        Flow::OnDemand(_) => Word::OnDemand,
    };
    table.read(key, choice(&WORDS), &mut word);
    match (word, on_demand.complete()) {
        (Word::Login, Ok(_) | Err(_)) => Flow::Login,
        (Word::OnDemand, Ok(on_demand)) => Flow::OnDemand(on_demand),
        (Word::OnDemand, Err(missing)) => {
            let keys: Vec<_> = missing.iter().map(|key| format!("on_demand.{key}")).collect();
            let problem = format!("missing for \"on-demand\": {}", keys.join(", "));
            table.wrong(key, problem);
            Flow::Login
        }
    }
}

/// `[on_demand]` as far as it has been said: a service's table may complete it.
#[derive(Clone, Default)]
pub(super) struct PartialOnDemand {
    client: client::PartialClient,
    policy: Option<String>,
}

impl PartialOnDemand {
    /// Returns this with what a table says.
    pub(super) fn read(&self, mut table: Table<'_>) -> Self {
        let mut read = self.clone();
        read.client.read(&mut table);
        fill(&mut table, "policy", policy_name, &mut read.policy);
        read
    }

    /// All of it, or the keys that are missing.
    fn complete(&self) -> Result<OnDemand, Vec<&'static str>> {
        match (self.client.complete(), self.policy.clone()) {
            (Ok(client), Some(policy)) => Ok(OnDemand { client, policy }),
            (client, policy) => {
                let mut missing = client.err().unwrap_or_default();
                missing.extend(policy.is_none().then_some("policy"));
                Err(missing)
            }
        }
    }
}

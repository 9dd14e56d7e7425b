//! All that a setup has to write, as parts.
#![forbid(unsafe_code)]

use countersign::host::CONFIG;

use super::arguments::Arguments;
use super::block;
use super::journal::Record;
use super::pam::{self, Placement};
use super::parts::Part;
use super::parts::authselect::{Authselect, Selection};
use super::parts::configuration::Configuration;
use super::parts::debian::{self, Debian, Planned};
use super::parts::service::{self, Service};
use super::parts::sshd::Sshd;
use super::wanted::Wanted;
use crate::machine::pam::stacks;
use crate::machine::root::Root;
use crate::ui::output::{Problem, line};

/// Chooses the parts, in the order in which they are written.
pub fn plan(
    root: &Root,
    config: &str,
    before: Option<String>,
    wanted: &Wanted,
    arguments: &Arguments,
) -> Result<Record, Problem> {
    let configuration = Configuration::plan(config, before, &wanted.configuration);
    let mut parts: Vec<_> = configuration.into_iter().map(Part::Configuration).collect();
    let named = stacks::naming(root);
    let argument = match config {
        CONFIG => String::new(),
        other => format!(" config={other}"),
    };
    parts.extend(stacks_of(root, wanted, arguments, &argument)?);
    if wanted.services().iter().any(|service| service == "sshd") {
        parts.push(Part::Sshd(Sshd::plan(root, wanted.answers.keys)?));
    }
    Ok(Record::new(parts, named))
}

type Services = Vec<(String, Placement)>;

fn names(services: &Services) -> Vec<String> {
    services.iter().map(|(service, _)| service.clone()).collect()
}

/// The stacks of the services: those that they share first.
fn stacks_of(
    root: &Root,
    wanted: &Wanted,
    arguments: &Arguments,
    argument: &str,
) -> Result<Vec<Part>, Problem> {
    let writer = Writer::of(root);
    let services = wanted.services().iter();
    let services =
        services.map(|service| (service.clone(), Placement::of(&wanted.policy, service)));
    let (shared, mut own) = split(root, &writer, services.collect(), arguments)?;
    let mut parts = Vec::new();
    match writer {
        Writer::PamAuthUpdate => match Debian::plan(root, &shared, &names(&own), argument)? {
            Planned::Part(debian) => parts.push(Part::Debian(debian)),
            Planned::Nothing => {}
            Planned::LeftAlone => {
                line(
                    "pam-auth-update leaves /etc/pam.d/common-* alone, since they were edited by hand.",
                );
                own.extend(shared);
            }
        },
        Writer::Authselect(before) => {
            let (shared, own) = (names(&shared), names(&own));
            let authselect = Authselect::plan(root, before, &shared, &own, argument)?;
            parts.extend(authselect.map(Part::Authselect));
        }
        Writer::Administrator => {}
    }
    let all = names(&own);
    for (service, stack) in own {
        let service = Service::plan(root, &service, stack, &all, argument)?;
        parts.extend(service.map(Part::Service));
    }
    Ok(parts)
}

/// What writes the stacks that services share.
enum Writer {
    PamAuthUpdate,
    Authselect(Selection),
    Administrator,
}

impl Writer {
    fn of(root: &Root) -> Self {
        if debian::is_here(root) {
            Self::PamAuthUpdate
        } else {
            Selection::current(root).map_or(Self::Administrator, Self::Authselect)
        }
    }

    /// Whether a service gets the module by a stack that this program writes.
    fn has(&self, root: &Root, text: &str, stack: Placement) -> bool {
        let source = |name: &str| stacks::text(root, name);
        match self {
            Self::PamAuthUpdate => pam::includes_common_auth(&source, text),
            Self::Authselect(_) => {
                stack == Placement::BeforePassword && pam::includes_authselects(&source, text)
            }
            Self::Administrator => false,
        }
    }
}

/// Which services share a stack that another program writes, and which have their own.
fn split(
    root: &Root,
    writer: &Writer,
    services: Services,
    arguments: &Arguments,
) -> Result<(Services, Services), Problem> {
    let (mut shared, mut own) = (Vec::new(), Vec::new());
    for (service, stack) in services {
        let (path, text) = service::file(root, &service)?;
        if pam::is_wired_by_hand(&text) {
            line(format!("{path} names the module already, and stays as it is."));
        } else if block::of(&text).is_some() || arguments.blocks || !writer.has(root, &text, stack)
        {
            own.push((service, stack));
        } else {
            shared.push((service, stack));
        }
    }
    Ok((shared, own))
}

//! What the tenant offers a user, for each service that asks it, and whether that can be enough.
#![forbid(unsafe_code)]

use countersign::audit::escape;
use countersign::login::offer_name;
use countersign::policy::Terms;
use countersign::refusal::Refusal;
use countersign::tenant::reply::Challenge;
use countersign::tenant::text::shown;

use super::finding::Finding;
use super::machine::Machine;
use crate::commands::mechanisms::{Offered, offered};
use crate::tenant::whom;
use crate::ui::reasons;

/// The service whose settings count where none names the module.
const SERVICE: &str = "login";
/// Room for the tenant's name of a mechanism, in characters.
const NAME: usize = 20;

pub fn check(machine: &Machine, user: &str) {
    let mut asked: Vec<Terms> = Vec::new();
    let some = machine.named.iter().map(String::as_str);
    let services: Vec<_> = if machine.named.is_empty() { vec![SERVICE] } else { some.collect() };
    for service in services {
        let Some(policy) = machine.policy_of(service) else {
            continue;
        };
        match whom::local(&policy, user, service, &whom::CHECK) {
            Ok(terms) if asked.contains(&terms) => {}
            Ok(terms) => {
                ask(&terms, service).into_iter().for_each(|finding| machine.report.add(finding));
                asked.push(terms);
            }
            Err(problem) => {
                let (what, hint) = problem.parts();
                let finding = Finding::warning("user", what).of(service).mend(hint);
                machine.report.add(finding.because("the tenant was not asked about this user"));
            }
        }
    }
}

fn ask(terms: &Terms, service: &str) -> Vec<Finding> {
    let offered = offered(terms);
    let together = offered.as_ref().is_ok_and(|o| o.goes_together(terms));
    let mut findings = vec![judged(terms, service, offered)];
    if together {
        findings.push(
            Finding::note(
                "multiple-operations",
                "password and second factor are sent in one request",
            )
            .of(service)
            .because("a tenant that takes one answer in a request refuses every user then")
            .mend("if it does, set tenant.multiple_operations = \"off\""),
        );
    }
    findings
}

fn judged(terms: &Terms, service: &str, offered: Result<Offered, Refusal>) -> Finding {
    let user = escape(&terms.tenant_user);
    match offered {
        Ok(offered) if offered.can_be_enough(terms) => {
            Finding::note("user", format!("{user} is offered {}", listed(&offered)))
                .of(service)
                .because("this can be enough for what the policy demands")
        }
        Ok(offered) => Finding::error("user", format!("{user} is offered {}", listed(&offered)))
            .of(service)
            .because("this can't be enough for what the policy demands")
            .mend(format!(
                "countersign mechanisms {} --service {service}",
                escape(&terms.person.name)
            )),
        Err(refusal) => {
            let problem = reasons::problem(&refusal);
            let (what, hint) = problem.parts();
            Finding::error("user", format!("{user}: {what}"))
                .of(service)
                .because("the user can't log in by this service")
                .mend(hint)
        }
    }
}

fn listed(offered: &Offered) -> String {
    if offered.is_elsewhere {
        return "a login at another identity provider".to_owned();
    }
    let challenges: Vec<_> = offered.challenges.iter().map(alternatives).collect();
    if challenges.is_empty() { "nothing".to_owned() } else { challenges.join(", then ") }
}

fn alternatives(challenge: &Challenge) -> String {
    let offers = challenge.offers.iter();
    let names: Vec<_> = offers.map(|offer| shown(&offer_name(offer), NAME)).collect();
    names.join(" or ")
}

//! What the tenant would ask of a user: their login is opened, looked at and given up. Nothing is
//! sent to them.
#![forbid(unsafe_code)]

use countersign::audit::escape;
use countersign::policy::Policy;

use crate::commands::mechanisms::{Offered, described, offered};
use crate::tenant::whom;
use crate::ui::output::{Done, Problem, line, progress};
use crate::ui::reasons;

/// Asks for each flow that the services have, and says what it would be.
///
/// # Errors
///
/// What is in the way of a login of this user.
pub fn ask_tenant(policy: &Policy, user: &str, services: &[String]) -> Done {
    let mut asked = Vec::new();
    for service in services {
        let terms = whom::local(policy, user, service, &whom::SETUP)?;
        if asked.contains(&terms.flow) {
            continue;
        }
        let name = escape(&terms.tenant_user);
        progress(&format!("Asking {} what {name} would be asked", terms.tenant.url));
        let found = offered(&terms).map_err(|refusal| reasons::problem(&refusal))?;
        if !found.can_be_enough(&terms) {
            let offers = described(&terms, &found).join("\n  ");
            return Err(Problem::new(format!(
                "the tenant asks too little of {name}, or what can't be met in a terminal:\n  {offers}"
            ))
            .hint(format!(
                "where the tenant has another name for {user}: --name {user}=NAME; or change there what {name} is asked for: login.minimum_factors in countersign.toml(5) says how much is demanded",
                user = escape(user)
            )));
        }
        line(format!("The tenant would ask {name} for {}.", challenges(&found)));
        asked.push(terms.flow);
    }
    Ok(())
}

/// `UP, then OTP or OATH`
fn challenges(found: &Offered) -> String {
    if found.is_elsewhere {
        return "a login at another identity provider".to_owned();
    }
    let challenges = found.challenges.iter().map(|challenge| {
        let names = challenge.offers.iter().map(countersign::login::offer_name);
        names.collect::<Vec<_>>().join(" or ")
    });
    escape(&challenges.collect::<Vec<_>>().join(", then "))
}

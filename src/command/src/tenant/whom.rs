//! The user of the tenant that belongs to a user of the command line.
#![forbid(unsafe_code)]

use std::time::Duration;

use countersign::audit::escape;
use countersign::host::{self, LocalUsers, Whence};
use countersign::os;
use countersign::policy::{
    Account, Judgement, NoTerms, Origin, Policy, PublicKey, Required, Settings, Subject, Terms,
    judge,
};

use crate::ui::output::Problem;

/// What to do about a user who can't be asked about, by the options of a command.
pub struct Hints {
    unknown: &'static str,
    exempt: &'static str,
    not_mapped: &'static str,
}

pub const MECHANISMS: Hints = Hints {
    unknown: "name a user of this machine, or one of the tenant with --tenant-user",
    exempt: "name a user of the tenant with --tenant-user: rules exempt users of this machine alone",
    not_mapped: "map the name in [users] of countersign.toml(5), or name a user of the tenant with --tenant-user",
};
pub const CHECK: Hints = Hints {
    unknown: "name a user of this machine with --user",
    exempt: "name a user who is not exempt with --user",
    not_mapped: "map the name in [users] of countersign.toml(5), or name another user with --user",
};
pub const SETUP: Hints = Hints {
    unknown: "name a user of this machine with --test-user",
    exempt: "name a user who is not exempt with --test-user, or give --without-tenant",
    not_mapped: "say what the tenant calls the user with --name USER=NAME, or name another user with --test-user",
};

/// The terms of a login of this user of the machine, as the policy has them for a service.
pub fn local(policy: &Policy, user: &str, service: &str, hints: &Hints) -> Result<Terms, Problem> {
    let account = account(user, hints.unknown)?;
    match judged(policy, account, service, Vec::new()) {
        Ok(Judgement::Require(required)) => {
            let Required { first, second: _ } = *required;
            Ok(first)
        }
        Ok(Judgement::Exempt { rule, .. }) => Err(Problem::new(format!(
            "{} is exempt for the service {} by the rule {}: the tenant is not asked",
            escape(user),
            escape(service),
            escape(&rule)
        ))
        .hint(hints.exempt)),
        Err(refusal) => Err(refused(&refusal, hints)),
    }
}

/// What the policy asks of an account that logs in by a service from nowhere in particular, perhaps
/// behind these keys.
pub fn judged(
    policy: &Policy,
    account: Account,
    service: &str,
    public_keys: Vec<PublicKey>,
) -> Result<Judgement, NoTerms> {
    let subject = Subject {
        caller: Some(account.clone()),
        account,
        public_keys,
        service: service.to_owned(),
        rhost: None,
        has_terminal: false,
        today: os::day(os::wall_clock()),
    };
    let users = LocalUsers::from(Whence::Told(Origin::Unclear));
    judge(policy, &subject, &users).judgement
}

/// The account that a name on the command line leads to.
pub fn account(name: &str, hint: &'static str) -> Result<Account, Problem> {
    let found = host::account(name).map_err(Problem::new)?;
    found.ok_or_else(|| Problem::new(format!("there is no user {}", escape(name))).hint(hint))
}

fn refused(refusal: &NoTerms, hints: &Hints) -> Problem {
    let hint = match refusal {
        NoTerms::RootNotMapped { .. } | NoTerms::NameNotMapped { .. } => hints.not_mapped,
        NoTerms::SeveralOwners { .. } => "give these keys one owner in [users.keys]",
        NoTerms::NoCaller => "name another service with --service",
        NoTerms::Misconfigured(_) => "mend the rule in [[require]], see countersign.toml(5)",
        NoTerms::ListFailed(_) => "mend the file that users.names_file names: countersign check",
        NoTerms::DirectoryFailed(_) => "id(1) shows whether the system can look up users",
    };
    Problem::new(refusal).hint(hint)
}

/// Takes the name of a user of the tenant as it is, without a local account.
pub fn in_tenant(settings: &Settings, tenant_user: &str) -> Terms {
    Terms {
        person: Account {
            uid: u32::MAX,
            name: tenant_user.to_owned(),
            typed: tenant_user.to_owned(),
        },
        is_pam_user: true,
        tenant_user: tenant_user.to_owned(),
        stranger: false,
        tenant: settings.tenant.clone(),
        login: settings.login.clone(),
        flow: settings.step_up.flow.clone(),
        security_key: None,
        remember: Duration::ZERO,
        ssh_counts: false,
        offline: None,
    }
}

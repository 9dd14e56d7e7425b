//! The way to the tenant: where it ends, how long each part takes, and whether both clocks agree.
#![forbid(unsafe_code)]

use std::rc::Rc;
use std::time::{Duration, UNIX_EPOCH};

use countersign::host;
use countersign::os::{self, Trusted};
use countersign::policy::{Policy, Tenant};
use countersign::tenant::http::{Failure, Local, Misbehaviour, Outage};
use countersign::tenant::probe::{Goal, Stage, Step, Way, probe};

use super::finding::{Finding, Report};
use super::machine::Machine;
use crate::ui::output::Waiting;

/// A clock that is wrong by more than this makes offline codes fail, at least now and then.
const SKEW: u64 = 30;
/// And by more than this, certificates seem not to be valid.
const GROSS: u64 = 3600;
/// A way that takes longer than this is felt at every login.
const SLOW: Duration = Duration::from_secs(2);

pub fn check(machine: &Machine, policies: &[Rc<Policy>]) {
    let mut seen: Vec<&Tenant> = Vec::new();
    for tenant in policies.iter().flat_map(|policy| tenants(policy)) {
        let is_known = |known: &&Tenant| {
            (&known.url, &known.proxy, &known.ca_file, known.ip_family)
                == (&tenant.url, &tenant.proxy, &tenant.ca_file, tenant.ip_family)
        };
        if !seen.iter().any(is_known) {
            seen.push(tenant);
            go(tenant, &machine.report);
        }
    }
}

/// What is wrong with the way to a tenant, and the remedy; nothing where a login would get there.
pub fn obstacle(tenant: &Tenant) -> Option<Finding> {
    let report = Report::default();
    go(tenant, &report);
    report.first_error()
}

/// The tenants of every service.
fn tenants(policy: &Policy) -> impl Iterator<Item = &Tenant> {
    let services = std::iter::once("").chain(policy.services());
    services.map(|service| &policy.for_service(service).tenant)
}

fn go(tenant: &Tenant, report: &Report) {
    // What is wrong with its files was said before.
    let Ok(settings) = host::connection(tenant, &Trusted::default()) else {
        return;
    };
    let authority = tenant.url.authority();
    let url = format!("https://{authority}{}/", tenant.url.prefix());
    let goal = Goal { host: tenant.url.host(), port: tenant.url.port(), url: &url };
    let waiting = Waiting::begin(&format!("asking {authority} ..."));
    let way = probe(&settings, &goal);
    let here = os::wall_clock();
    drop(waiting);
    let Ok(way) = way else { return };
    way.steps.iter().for_each(|step| walked(&authority, step, report));
    if let Some((stage, failure)) = &way.end {
        report.add(ended(&authority, tenant, *stage, failure));
    }
    // Without a response there is no time in it, and what is wrong was said.
    if way.end.is_none() {
        clock(&authority, &way, here, report);
    }
}

fn walked(authority: &str, step: &Step, report: &Report) {
    let time = step.time.as_millis();
    let what = format!("{authority}: {} in {time} ms, {}", step.stage, step.detail);
    let mut passed = Finding::passed("network", what);
    passed.ms = u64::try_from(time).ok();
    report.add(passed);
    if step.time > SLOW {
        report.add(
            Finding::warning(
                "network-slow",
                format!("{authority}: the {} takes {time} ms", step.stage),
            )
            .because("every login waits for it")
            .mend(match step.stage {
                Stage::Lookup => "look at /etc/resolv.conf: the first name server may be dead",
                Stage::Connect => {
                    "set tenant.ip_family if one family of addresses does not get through"
                }
                Stage::Tunnel | Stage::Tls | Stage::Response => {
                    "ask those who run the network, or the proxy"
                }
            }),
        );
    }
}

fn ended(authority: &str, tenant: &Tenant, stage: Stage, failure: &Failure) -> Finding {
    Finding::error("network", format!("{authority}: the {stage} fails: {failure}"))
        .because("no login succeeds that asks this tenant")
        .mend(remedy(authority, tenant, failure))
}

fn remedy(authority: &str, tenant: &Tenant, failure: &Failure) -> String {
    let host = tenant.url.host();
    match failure {
        Failure::Outage(Outage::NameNotFound, _) => {
            format!("mend tenant.url, or the name: getent hosts {host}")
        }
        Failure::Outage(Outage::NameService, _) => {
            "mend /etc/resolv.conf: no name server answers".to_owned()
        }
        Failure::Outage(Outage::Refused | Outage::NoRoute | Outage::ConnectTimeout, _) => {
            format!("let this machine connect to {authority}, or set tenant.proxy")
        }
        Failure::Outage(Outage::BehindProxy, _) => {
            format!("let the proxy connect to {authority}")
        }
        Failure::Misbehaved(Misbehaviour::Certificate, detail) => certificate(host, tenant, detail),
        Failure::Misbehaved(Misbehaviour::Proxy, _) => {
            format!(
                "let the proxy CONNECT to {authority}, with the user and password that it wants"
            )
        }
        Failure::Outage(Outage::Silent, _) | Failure::Misbehaved(Misbehaviour::Timeout, _) => {
            "ask those who run the network: it was connected, and nothing came back".to_owned()
        }
        Failure::Misbehaved(
            Misbehaviour::Tls | Misbehaviour::Protocol | Misbehaviour::TooLarge | Misbehaviour::Cut,
            _,
        ) => format!(
            "find out who answers at {authority}: it is not the tenant, or something stands in between"
        ),
        Failure::Local(Local::Permission, _) => {
            "allow the connection: SELinux or a local firewall forbids it".to_owned()
        }
        Failure::Local(Local::Request, _) => "mend tenant.url, or tenant.ip_family".to_owned(),
        Failure::Local(Local::Sandbox, _) => "run this command outside of the sandbox".to_owned(),
        Failure::Local(Local::Resources | Local::NoTime | Local::Resolver | Local::Stopped, _) => {
            "free what this machine is out of, and try again".to_owned()
        }
    }
}

/// What is wrong with a certificate, in words; rustls has names for it.
fn certificate(host: &str, tenant: &Tenant, detail: &str) -> String {
    let has = |word: &str| detail.contains(word);
    if has("UnknownIssuer") {
        let roots = match &tenant.ca_file {
            Some(path) => format!("not those of {}", path.display()),
            None => "none that this system trusts".to_owned(),
        };
        format!(
            "its issuer is {roots}: if a proxy opens TLS here, put its root into a file of tenant.ca_file"
        )
    } else if has("no root of this machine") {
        let roots = match &tenant.ca_file {
            Some(path) => path.display().to_string(),
            None => "this system's store".to_owned(),
        };
        format!(
            "put the certificate of the authority that signed it into {roots}, or find out who answers there"
        )
    } else if has("CaUsedAsEndEntity") {
        "give the server a certificate that is no authority's (basicConstraints=CA:FALSE)"
            .to_owned()
    } else if has("not valid for name") || has("NotValidForName") {
        format!("it is for other names than {host}: mend tenant.url, or find out who answers there")
    } else if has("expired") || has("Expired") {
        "it has expired, unless this machine's clock is wrong: timedatectl".to_owned()
    } else if has("not valid yet") || has("NotValidYet") {
        "it is not valid yet, unless this machine's clock is wrong: timedatectl".to_owned()
    } else {
        format!("find out who answers at {host}")
    }
}

fn clock(authority: &str, way: &Way, here: u64, report: &Report) {
    let there = way.date.as_deref().and_then(|date| httpdate::parse_http_date(date).ok());
    let there = there.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let Some(there) = there.map(|time| time.as_secs()) else {
        report.add(no_time(authority));
        return;
    };
    let skew = here.abs_diff(there);
    if skew <= SKEW {
        report.pass(
            "clock",
            format!("this machine's clock and that of {authority} agree to {skew} s"),
        );
        return;
    }
    let side = if here > there { "ahead of" } else { "behind" };
    let what = format!("this machine's clock is {skew} s {side} that of {authority}");
    let finding =
        if skew > GROSS { Finding::error("clock", what) } else { Finding::warning("clock", what) };
    report.add(
        finding
            .because("codes that this machine checks itself are refused, and certificates may seem not to be valid")
            .mend("timedatectl set-ntp true"),
    );
}

fn no_time(authority: &str) -> Finding {
    Finding::note(
        "clock-unknown",
        format!("{authority} does not say what time it is"),
    )
    .because("its replies have no Date that can be read, so this machine's clock was not compared with another")
    .mend("timedatectl shows whether the clock is synchronized; offline codes need it right to 30 s")
}

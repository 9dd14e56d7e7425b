//! What an outage is under a configuration that has offline codes: what opens them, and what never
//! does.
#![forbid(unsafe_code)]

use std::net::IpAddr;
use std::rc::Rc;

use countersign::policy::{Policy, Proxy, Settings};
use countersign::tenant::probe::name_servers_here;

use super::finding::Finding;
use super::machine::Machine;

/// Adds each finding once, whatever the number of services that it is about.
pub fn check(machine: &Machine, policies: &[Rc<Policy>]) {
    let mut seen: Vec<Finding> = Vec::new();
    for settings in policies.iter().flat_map(|policy| settings_of(policy)) {
        if !settings.offline.enabled {
            continue;
        }
        let proxy = settings.tenant.proxy.as_ref().map(proxied);
        let found = [proxy, hurried(settings), unresolved(machine, settings)];
        for finding in found.into_iter().flatten() {
            if !seen.contains(&finding) {
                seen.push(finding.clone());
                machine.report.add(finding);
            }
        }
    }
}

fn settings_of(policy: &Policy) -> impl Iterator<Item = &Settings> {
    let services = std::iter::once("").chain(policy.services());
    services.map(|service| policy.for_service(service))
}

fn proxied(proxy: &Proxy) -> Finding {
    let place = format!("{}:{}", proxy.host, proxy.port);
    if is_here(&proxy.host) {
        return Finding::warning(
            "offline-proxy-here",
            format!("users of this machine can open offline codes: the proxy {place} is on it"),
        )
        .because("they can fill it, and where its port is 1024 or more they can take its place while it is down")
        .mend("name a proxy on another machine in tenant.proxy, or set offline.enabled = false");
    }
    Finding::note(
        "offline-proxy",
        format!("behind the proxy {place}, offline codes are opened by what the proxy answers"),
    )
    .because("502 and 504 to CONNECT are an outage, and Squid's 503 with ERR_CONNECT_FAIL or ERR_DNS_FAIL; any other 503, 407 and 403 are none")
    .mend("see \"What counts as an outage\" in pam_countersign(8)")
}

fn hurried(settings: &Settings) -> Option<Finding> {
    let (request, deadline) = (settings.tenant.request_timeout, settings.login.deadline);
    let finding = || {
        Finding::warning(
            "offline-hurried",
            "a tenant that takes a connection and stays silent opens no offline code",
        )
        .because("login.deadline ends the login before tenant.request_timeout is over")
        .mend("make tenant.request_timeout shorter than login.deadline")
    };
    (request >= deadline).then(finding)
}

/// Names are looked up by this system, not by an image that is looked at.
fn unresolved(machine: &Machine, settings: &Settings) -> Option<Finding> {
    let tenant = &settings.tenant;
    let host = tenant.proxy.as_ref().map_or(tenant.url.host(), |proxy| &proxy.host);
    if !machine.root.is_live() || host.parse::<IpAddr>().is_ok() {
        return None;
    }
    let server = name_servers_here().into_iter().next()?;
    Some(
        Finding::warning(
            "offline-resolver",
            format!("a look-up that fails opens no offline code: the name server {server} is on this machine"),
        )
        .because("its users can keep it busy, and which servers it asks is not known")
        .mend("name the servers of the network in /etc/resolv.conf, or have systemd-resolved or NetworkManager manage it"),
    )
}

fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

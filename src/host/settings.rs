//! The files that a login depends on: the configuration, the CA file, the proxy's password.
#![forbid(unsafe_code)]

use std::path::Path;

use zeroize::Zeroizing;

use crate::log::{Level, Log};
use crate::os::{self, Secrecy};
use crate::policy::{self, Flow, Policy, Tenant};
use crate::secret::Secret;
use crate::tenant::http::{IpFamily, Proxy, Roots, Settings};
use crate::verdict::{Reason, Refusal};

/// No configuration is longer.
const MAX_CONFIG: u64 = 256 * 1024;
/// The largest bundles of today have a third of this.
const MAX_CA_FILE: u64 = 1024 * 1024;
/// A password fits into this many times over.
const MAX_SECRET: u64 = 4 * 1024;

/// Reads and checks the configuration: the policy and its text. Everything that is wrong with it goes to the log, a line each.
pub(super) fn load(path: &Path, log: &mut Log) -> Result<(Policy, Vec<u8>), Refusal> {
    let bytes = read(path, Secrecy::Public, MAX_CONFIG)?;
    let policy = policy::parse(&bytes).map_err(|errors| {
        for line in errors.to_string().lines() {
            log.line(Level::Alert, &format!("{}: {line}", path.display()));
        }
        misconfigured(format!("{}: see the lines above", path.display()))
    })?;
    Ok((policy, bytes))
}

/// The secret with which this machine itself logs in, where a flow needs it.
///
/// # Errors
///
/// The file that it is in is missing, unsafe or empty.
pub fn client_secret(flow: &Flow) -> Result<Option<Secret>, Refusal> {
    match flow {
        Flow::Login => Ok(None),
        Flow::OnDemand(policy) => {
            let line = secret(&policy.client_secret_file)?;
            match line.is_empty() {
                true => Err(misconfigured(format!(
                    "{}: is empty",
                    policy.client_secret_file.display()
                ))),
                false => Ok(Some(Secret::new(&line))),
            }
        }
    }
}

/// How to reach the tenant.
///
/// # Errors
///
/// A file that it needs is missing or unsafe.
pub fn connection(tenant: &Tenant) -> Result<Settings, Refusal> {
    let roots = match &tenant.ca_file {
        Some(path) => Roots::File(read(path, Secrecy::Public, MAX_CA_FILE)?),
        None => Roots::System,
    };
    Ok(Settings {
        roots,
        proxy: tenant.proxy.as_ref().map(proxy).transpose()?,
        ip_family: match tenant.ip_family {
            policy::IpFamily::Any => IpFamily::Any,
            policy::IpFamily::Ipv4 => IpFamily::V4,
            policy::IpFamily::Ipv6 => IpFamily::V6,
        },
        connect_timeout: tenant.connect_timeout,
        request_timeout: tenant.request_timeout,
    })
}

fn proxy(proxy: &policy::Proxy) -> Result<Proxy, Refusal> {
    let password = proxy.password_file.as_deref().map(secret).transpose()?;
    let user = proxy
        .user
        .as_ref()
        .map(|user| format!("{user}@"))
        .unwrap_or_default();
    let host = if proxy.host.contains(':') {
        format!("[{}]", proxy.host)
    } else {
        proxy.host.clone()
    };
    let url = format!("http://{user}{host}:{}", proxy.port);
    Proxy::parse(&url, password)
        .map_err(|problem| misconfigured(format!("tenant.proxy: {problem}")))
}

/// The first line of a secret file.
fn secret(path: &Path) -> Result<Zeroizing<String>, Refusal> {
    let bytes = Zeroizing::new(read(path, Secrecy::Secret, MAX_SECRET)?);
    let text = std::str::from_utf8(&bytes);
    let text = text.map_err(|_| misconfigured(format!("{}: is not text", path.display())))?;
    Ok(Zeroizing::new(
        text.lines().next().unwrap_or_default().to_owned(),
    ))
}

fn read(path: &Path, secrecy: Secrecy, limit: u64) -> Result<Vec<u8>, Refusal> {
    os::read(path, secrecy, limit).map_err(|problem| misconfigured(problem.to_string()))
}

fn misconfigured(detail: String) -> Refusal {
    Refusal::new(Reason::Misconfigured, detail)
}

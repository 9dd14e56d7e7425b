//! The files that a login depends on, the configuration and those that it names, and what is made
//! of them.
#![forbid(unsafe_code)]

use std::path::Path;

use zeroize::Zeroizing;

use super::compiled::{Compiled, Configuration};
use super::secret_file::login_secret;
use crate::log::{Level, Log};
use crate::os::{Secrecy, Trusted, Unsafe};
use crate::policy::{self, Flow, Policy, Tenant, Terms};
use crate::refusal::{Reason, Refusal};
use crate::secret::Secret;
use crate::tenant::http::{Client, Proxy, Roots, Settings, SetupError};

/// The largest bundles of today have a third of this.
const MAX_CA_FILE: u64 = 1024 * 1024;

/// Reads and checks the configuration: the policy and its text. Everything that is wrong with it
/// goes to the log, a line each.
pub(super) fn load(
    path: &Path,
    trusted: &Trusted,
    log: &Log,
) -> Result<(Policy, Configuration), Refusal> {
    let unsafe_file = |problem: Unsafe| misconfigured(problem.to_string());
    let file = trusted.open(path, Secrecy::Public, policy::LONGEST).map_err(unsafe_file)?;
    let compiled = Compiled::of(path, &file, trusted);
    if let Some(known) = compiled.as_ref().and_then(|compiled| compiled.load(&file)) {
        return Ok(known);
    }
    let bytes = file.read(path, policy::LONGEST).map_err(unsafe_file)?;
    let policy = policy::parse(&bytes).map_err(|errors| {
        for line in errors.to_string().lines() {
            log.line(Level::Alert, &format!("{}: {line}", path.display()));
        }
        misconfigured(format!("{}: see the lines above", path.display()))
    })?;
    if let Some(compiled) = compiled {
        compiled.keep(&policy, &bytes);
    }
    Ok((policy, Configuration::Read(bytes)))
}

/// What a login on these terms needs: a client, and the secret with which this machine itself logs
/// in, if it must.
///
/// # Errors
///
/// A file is missing, unsafe or of no use.
pub fn equip(terms: &Terms, trusted: &Trusted) -> Result<(Client, Option<Secret>), Refusal> {
    let connection = connection(&terms.tenant, trusted)?;
    let secret = client_secret(&terms.flow, trusted)?;
    let client = Client::new(&connection).map_err(|problem| misplaced(&terms.tenant, &problem))?;
    Ok((client, secret))
}

fn client_secret(flow: &Flow, trusted: &Trusted) -> Result<Option<Secret>, Refusal> {
    match flow {
        Flow::Login => Ok(None),
        Flow::OnDemand(policy) => {
            let line = secret("client_secret_file", &policy.client.secret_file, trusted)?;
            Ok(Some(Secret::new(&line)))
        }
    }
}

/// How to reach the tenant.
///
/// # Errors
///
/// A file that it needs is missing or unsafe.
pub fn connection(tenant: &Tenant, trusted: &Trusted) -> Result<Settings, Refusal> {
    let roots = match &tenant.ca_file {
        Some(path) => Roots::File(read(path, trusted, Secrecy::Public, MAX_CA_FILE)?),
        None => Roots::System,
    };
    Ok(Settings {
        roots,
        proxy: match &tenant.proxy {
            Some(by) => Some(proxy(by, trusted)?),
            None => None,
        },
        ip_family: tenant.ip_family,
        connect_timeout: tenant.connect_timeout,
        request_timeout: tenant.request_timeout,
    })
}

/// What is wrong with the file of roots, which is all that a client can find fault with.
fn misplaced(tenant: &Tenant, problem: &SetupError) -> Refusal {
    misconfigured(match &tenant.ca_file {
        Some(path) => format!("tenant.ca_file: {}: {problem}", path.display()),
        None => problem.to_string(),
    })
}

fn proxy(proxy: &policy::Proxy, trusted: &Trusted) -> Result<Proxy, Refusal> {
    let file = proxy.password_file.as_deref();
    let password =
        file.map(|file| secret("tenant.proxy_password_file", file, trusted)).transpose()?;
    let (user, password) = (proxy.user.as_deref(), password.unwrap_or_default());
    Ok(Proxy::new(&proxy.host, proxy.port, user, &password))
}

/// The secret in the file that this key names.
fn secret(key: &str, path: &Path, trusted: &Trusted) -> Result<Zeroizing<String>, Refusal> {
    let line = login_secret(path, trusted);
    line.map_err(|problem| misconfigured(format!("{key}: {problem}")))
}

fn read(path: &Path, trusted: &Trusted, secrecy: Secrecy, limit: u64) -> Result<Vec<u8>, Refusal> {
    let bytes = trusted.read(path, secrecy, limit);
    bytes.map_err(|problem| misconfigured(problem.to_string()))
}

fn misconfigured(detail: String) -> Refusal {
    Refusal::new(Reason::Misconfigured, detail)
}

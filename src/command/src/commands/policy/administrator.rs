//! The token with which the tenant is asked: a client's own, or that of an administrator who logs
//! in.
#![forbid(unsafe_code)]

use crate::tenant::admin::client::grant;
use crate::tenant::admin::{self, Client};
use countersign::host;
use countersign::os::{self, Trusted};
use countersign::policy::{OAuthClient, Policy};
use countersign::secret::Secret;
use countersign::tenant::http;
use countersign::tenant::token::Grant;

use super::Who;
use super::login::{LoggedIn, log_in};
use crate::ui::output::{Problem, progress};

/// An administrator, for the time of one command.
pub struct Session {
    client: Client,
    /// Whose token ends with the command: one that was made for it.
    ends: bool,
    pub tenant: String,
}

impl Session {
    pub fn open(policy: &Policy, who: &Who) -> Result<Session, Problem> {
        let tenant = policy.tenant();
        let settings = host::connection(tenant, &Trusted::default())
            .map_err(|refusal| Problem::new(refusal.detail))?;
        let http = http::Client::new(&settings);
        let mut http = http.map_err(|error| {
            let path = tenant.ca_file.as_deref().unwrap_or(std::path::Path::new(""));
            Problem::new(format!("tenant.ca_file: {}: {error}", path.display()))
        })?;
        let (base, token) = match &who.user {
            Some(user) => {
                let LoggedIn { base, token } = log_in(policy, user)?;
                progress("Asking the tenant");
                (base, token)
            }
            None => {
                let base = tenant.url.to_string();
                let client = client(policy, who)?;
                progress("Asking the tenant");
                let token = token(&client, &mut http, &base)?;
                (base, token)
            }
        };
        Ok(Session {
            client: Client::new(http, base, &token),
            ends: who.user.is_some(),
            tenant: tenant.url.to_string(),
        })
    }

    /// Asks the tenant one thing, unless the administrator wants to stop.
    pub fn ask<T>(
        &mut self,
        call: impl FnOnce(&mut Client) -> Result<T, admin::Problem>,
    ) -> Result<T, Problem> {
        if os::interrupted() {
            Err(Problem::new("interrupted"))
        } else {
            self.try_to(call).map_err(|problem| told(&problem))
        }
    }

    /// Asks the tenant where a refusal may have a reason that can be mended.
    pub fn try_to<T>(
        &mut self,
        call: impl FnOnce(&mut Client) -> Result<T, admin::Problem>,
    ) -> Result<T, admin::Problem> {
        call(&mut self.client)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.ends {
            // It would end by itself before long.
            let _ = self.client.log_out();
        }
    }
}

pub fn told(problem: &admin::Problem) -> Problem {
    Problem::new(problem).hint(problem.hint())
}

/// The client that the options name, and the configuration where there are none.
fn client(policy: &Policy, who: &Who) -> Result<OAuthClient, Problem> {
    let admin = policy.admin();
    let found = (
        who.app.clone().or(admin.map(|a| a.app.clone())),
        who.client_id.clone().or(admin.map(|a| a.id.clone())),
        who.client_secret_file.clone().or(admin.map(|a| a.secret_file.clone())),
        who.scope.clone().or(admin.map(|a| a.scope.clone())),
    );
    let (Some(app), Some(id), Some(secret_file), Some(scope)) = found else {
        return Err(Problem::new("an administrator of the tenant is not named: reading and changing policies needs one").hint(
            "log in with --as, set [admin] in countersign.toml(5), or give --app, --client-id, --client-secret-file and --scope",
        ));
    };
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    if app.is_empty() || !app.bytes().all(fits) {
        return Err(Problem::new("--app: expected letters, digits, - _ and ."));
    }
    let auth = admin.map(|a| a.auth).unwrap_or_default();
    Ok(OAuthClient { app, id, secret_file, scope, auth })
}

fn token(client: &OAuthClient, http: &mut http::Client, base: &str) -> Result<Secret, Problem> {
    let secret = secret(client)?;
    let wanted = Grant { client, secret: &secret };
    grant(http, base, &wanted).map_err(|problem| told(&problem))
}

fn secret(client: &OAuthClient) -> Result<Secret, Problem> {
    let path = std::path::absolute(&client.secret_file).map_err(Problem::new)?;
    let line = host::secret_line(&path, &Trusted::default());
    let line = line.map_err(|problem| Problem::new(problem.told(&path)))?;
    Ok(Secret::new(&line))
}

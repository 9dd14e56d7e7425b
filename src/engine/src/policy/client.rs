//! A client of the tenant's OAuth 2.0 server, as `[on_demand]` and `[admin]` name one.
#![forbid(unsafe_code)]

use std::path::PathBuf;

use toml::de::DeValue;

use super::reader::Table;
use super::value::{Checked, app_id, choice, client_id, path, scopes};

/// A client of the tenant, as which this machine or the command asks for a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthClient {
    /// Id of the OAuth application: part of a path as it stands.
    pub app: String,
    /// The client's name, without a colon: a service user of the tenant's.
    pub id: String,
    /// The file with its secret.
    pub secret_file: PathBuf,
    /// One scope, or several with a space between.
    pub scope: String,
    /// How the client says who it is.
    pub auth: ClientAuth,
}

/// `client_auth`: how the client says who it is (RFC 6749, section 2.3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientAuth {
    /// In the `Authorization` header.
    #[default]
    Basic,
    /// In the body.
    Body,
}

const KEYS: [&str; 5] = ["app", "client_id", "client_secret_file", "scope", "client_auth"];

const CLIENT_AUTHS: [(&str, ClientAuth); 2] =
    [("basic", ClientAuth::Basic), ("body", ClientAuth::Body)];

/// A client as far as tables have named it: a service's table may complete it.
#[derive(Clone, Default)]
pub(super) struct PartialClient {
    app: Option<String>,
    id: Option<String>,
    secret_file: Option<PathBuf>,
    scope: Option<String>,
    auth: ClientAuth,
}

impl PartialClient {
    /// Adds what this table says.
    pub(super) fn read(&mut self, table: &mut Table<'_>) {
        fill(table, "app", app_id, &mut self.app);
        fill(table, "client_id", client_id, &mut self.id);
        fill(table, "client_secret_file", path, &mut self.secret_file);
        fill(table, "scope", scopes, &mut self.scope);
        table.read("client_auth", choice(&CLIENT_AUTHS), &mut self.auth);
    }

    /// The client, or the keys that are missing.
    pub(super) fn complete(&self) -> Result<OAuthClient, Vec<&'static str>> {
        let PartialClient {
            app: Some(app),
            id: Some(id),
            secret_file: Some(secret_file),
            scope: Some(scope),
            auth,
        } = self.clone()
        else {
            return Err(self.missing());
        };
        Ok(OAuthClient { app, id, secret_file, scope, auth })
    }

    fn missing(&self) -> Vec<&'static str> {
        let given = [
            self.app.is_some(),
            self.id.is_some(),
            self.secret_file.is_some(),
            self.scope.is_some(),
        ];
        let missing = KEYS.into_iter().zip(given).filter(|(_, is_given)| !is_given);
        missing.map(|(key, _)| key).collect()
    }
}

/// Reads `[admin]`, which is whole or not there.
pub(super) fn read_admin(mut table: Table<'_>) -> Option<OAuthClient> {
    let mut client = PartialClient::default();
    client.read(&mut table);
    let client = client.complete();
    if let (Err(missing), Some(first)) = (&client, KEYS.into_iter().find(|key| table.has(key))) {
        let missing: Vec<_> = missing.iter().map(|key| format!("admin.{key}")).collect();
        table.wrong(first, format!("of no use without {}", missing.join(", ")));
    }
    client.ok()
}

/// Reads a key that is wrong as one that is there: one error is enough.
pub(super) fn fill<T: Default>(
    table: &mut Table<'_>,
    key: &'static str,
    check: impl Fn(&DeValue<'_>) -> Checked<T>,
    slot: &mut Option<T>,
) {
    let given = table.given(key, check);
    if table.has(key) {
        *slot = Some(given.unwrap_or_default());
    }
}

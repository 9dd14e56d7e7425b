//! `[admin]`: read whole or not at all.
#![forbid(unsafe_code)]

use super::Admin;
use super::reader::Table;
use super::step_up::CLIENT_AUTHS;
use super::value::{app_id, choice, client_id, path, scopes};

/// Without these there is nobody to log in as.
const NEEDED: [&str; 4] = ["app", "client_id", "client_secret_file", "scope"];

pub(super) fn read(mut table: Table<'_>) -> Option<Admin> {
    let app = table.given("app", app_id);
    let id = table.given("client_id", client_id);
    let secret_file = table.given("client_secret_file", path);
    let scope = table.given("scope", scopes);
    let mut client_auth = Default::default();
    table.read("client_auth", choice(&CLIENT_AUTHS), &mut client_auth);
    let (given, missing): (Vec<_>, Vec<_>) = NEEDED.into_iter().partition(|key| table.has(key));
    let first = given.first().copied().or(table.has("client_auth").then_some("client_auth"));
    if let Some(first) = first.filter(|_| !missing.is_empty()) {
        let missing: Vec<_> = missing.iter().map(|key| format!("admin.{key}")).collect();
        table.wrong(first, format!("of no use without {}", missing.join(", ")));
    }
    Some(Admin {
        app: app?,
        client_id: id?,
        client_secret_file: secret_file?,
        scope: scope?,
        client_auth,
    })
}

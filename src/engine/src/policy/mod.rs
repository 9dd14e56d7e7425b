//! What the administrator decided, and what it means for one login.
//!
//! [`parse`] turns the bytes of `countersign.toml` into a [`Policy`] or into every error at once;
//! [`judge()`] says what the policy asks of one [`Subject`]. Nothing here reads a file, a clock or
//! the environment: the caller brings the bytes, the day and a [`Directory`].
//!
//! - `file`, `step_up`, `offline`, `registration`, `administration`, `reader` and `nesting`: from
//!   bytes to settings, each key declared once
//! - `settings`: the plain data that comes out, [`Terms`] among it
//! - `lists`, `name_table`, `packed`: the rules and names among them, which can be thousands
//! - `error`, `spelling`: what is said about a file that is wrong
//! - `value`, `url`, `network`, `mechanism`: what a value may look like
//! - `account`, `subject`, `directory`, `rule`, `names`, `judge`, `no_terms`: who is asked about,
//!   exemptions, requirements, the name in the tenant
//! - `compiled`, `rest`: a policy as bytes, from which it is loaded without parsing rules and names
//! - `remembering`: each name is looked up once for a judgement
//! - `outline`: where in the file something stands
#![forbid(unsafe_code)]

mod account;
mod client;
mod compiled;
mod directory;
mod error;
mod file;
mod judge;
mod listing;
mod lists;
mod mechanism;
mod name_table;
mod names;
mod nesting;
mod network;
mod no_terms;
mod offline;
mod outline;
mod packed;
mod reader;
mod registration;
mod remembering;
mod rest;
mod rule;
mod settings;
mod spelling;
mod step_up;
mod subject;
mod url;
mod value;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use account::Account;
pub use client::{ClientAuth, OAuthClient};
pub use compiled::{compile, load};
pub use directory::{Directory, DirectoryFailed, Groups};
pub use error::{Error, Errors, quoted};
pub use file::LONGEST;
pub use judge::{Judgement, Required, Ruling, judge};
pub use listing::{ListFailed, Search, faults};
pub use lists::{ExemptResult, Exemption, Exemptions, Networks, Requirements, Rule, Texts};
pub use mechanism::Mechanism;
pub use name_table::NameTable;
pub use names::Mapping;
pub use network::{Network, Origin};
pub use no_terms::{NoTerms, Note};
pub use outline::{Setting, key, outline};
pub use packed::Bytes;
pub use remembering::Remembering;
pub use rule::{Case, Doubt};
pub use settings::{
    Batch, Britive, Broker, Flow, IpFamily, Labels, Login, Offline, OfflineLimits, OnDemand, Push,
    SecurityKey, Settings, ShownKey, StepUp, Tenant, Terms, Users, Whom,
};
pub use spelling::nearest;
pub use subject::{Asked, PublicKey, Subject};
pub use time::Date;
pub use url::{Proxy, TenantUrl};
pub use value::parse_duration;

/// Everything that `countersign.toml` says, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    base: Settings,
    services: BTreeMap<String, Settings>,
    push: Push,
    state_folder: PathBuf,
    offline_folder: PathBuf,
    log_socket: Option<PathBuf>,
    broker: Broker,
    britive: Option<Britive>,
    admin: Option<OAuthClient>,
}

impl Policy {
    /// What holds for one PAM service: its own table over the rest of the file.
    ///
    /// Names compare without regard to ASCII case, because libpam lower-cases them.
    #[must_use]
    pub fn for_service(&self, service: &str) -> &Settings {
        self.services.get(&service.to_ascii_lowercase()).unwrap_or(&self.base)
    }

    /// Every user and group that a rule names and the system does not know, of the whole file: for
    /// a check before it is needed, because a login looks up only what it must.
    ///
    /// # Errors
    /// A look-up failed.
    pub fn unknown_accounts(
        &self,
        directory: &dyn Directory,
    ) -> Result<Vec<Note>, DirectoryFailed> {
        let directory = &Remembering::new(directory);
        let mut notes = Vec::new();
        for settings in std::iter::once(&self.base).chain(self.services.values()) {
            let exempting = settings.exempt.iter().map(|exemption| exemption.rule);
            for rule in settings.require.iter().chain(exempting) {
                let unknown = rule.unknown_accounts(directory)?;
                notes.extend(
                    unknown.into_iter().filter(|note| !notes.contains(note)).collect::<Vec<_>>(),
                );
            }
        }
        Ok(notes)
    }

    /// `[push]`: what may be sent to one person.
    #[must_use]
    pub fn push(&self) -> Push {
        self.push
    }

    /// `state.folder`: where is kept what a boot may forget.
    #[must_use]
    pub fn state_folder(&self) -> &Path {
        &self.state_folder
    }

    /// `offline.folder`: where is kept who is enrolled for offline codes.
    #[must_use]
    pub fn offline_folder(&self) -> &Path {
        &self.offline_folder
    }

    /// How long no offline code counts for a user that the tenant has refused, by the longest
    /// time of a service; `None` if codes count for none.
    #[must_use]
    pub fn offline_pause(&self) -> Option<Duration> {
        let all = self.services.values().chain([&self.base]);
        let enabled = all.filter(|settings| settings.offline.enabled);
        enabled.map(|settings| settings.offline.pause).max()
    }

    /// How long a login by ssh counts for other services: the longest time that one of them gives
    /// it.
    #[must_use]
    pub fn ssh_memory(&self) -> Duration {
        let all = self.services.values().chain([&self.base]);
        let times = all.filter(|s| s.step_up.ssh_counts).map(|s| s.step_up.remember);
        times.max().unwrap_or(Duration::ZERO)
    }

    /// Whether a success counts for a while in any service.
    #[must_use]
    pub fn remembers(&self) -> bool {
        let mut all = self.services.values().chain([&self.base]);
        all.any(|settings| !settings.step_up.remember.is_zero())
    }

    /// `log.socket`: where the system's log listens, if not at `/dev/log`.
    #[must_use]
    pub fn log_socket(&self) -> Option<&Path> {
        self.log_socket.as_deref()
    }

    /// `broker.use`: whether logins run in the broker.
    #[must_use]
    pub fn broker(&self) -> Broker {
        self.broker
    }

    /// `[britive]`: where the command registers authenticators, if anywhere.
    #[must_use]
    pub fn britive(&self) -> Option<&Britive> {
        self.britive.as_ref()
    }

    /// `[admin]`: the client as which the command changes challenge policies, if it does.
    #[must_use]
    pub fn admin(&self) -> Option<&OAuthClient> {
        self.admin.as_ref()
    }

    /// `[tenant]` at the top of the file, where no service says otherwise.
    #[must_use]
    pub fn tenant(&self) -> &Tenant {
        &self.base.tenant
    }

    /// The services that have a table of their own, in alphabetical order.
    pub fn services(&self) -> impl Iterator<Item = &str> {
        self.services.keys().map(String::as_str)
    }
}

/// Reads a configuration: a policy, or everything that is wrong with it.
///
/// # Errors
/// All that was found, each with its line and key, in the order of the file.
pub fn parse(bytes: &[u8]) -> Result<Policy, Errors> {
    file::read(bytes)
}

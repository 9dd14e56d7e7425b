//! The scenario file: which tenant this is, who its users are and how they prove themselves.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::britive;
use super::policies;

/// Everything that a scenario can say. Unknown keys are errors that name them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    #[serde(default)]
    pub tenant: Tenant,
    #[serde(default, rename = "user")]
    pub users: Vec<User>,
    #[serde(default, rename = "client")]
    pub clients: Vec<Client>,
    /// The challenges of OnDemandChallenge, by `PolicyModifier`.
    #[serde(default)]
    pub modifiers: BTreeMap<String, Challenges>,
    /// Policy sets besides the default one.
    #[serde(default, rename = "policy_set")]
    pub policy_sets: Vec<policies::Set>,
    /// A Britive tenant at the same address.
    #[serde(default)]
    pub britive: Option<britive::Settings>,
}

/// Alternatives inside a challenge; all challenges in order.
pub type Challenges = Vec<Vec<String>>;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tenant {
    pub id: String,
    /// Further names in the certificate.
    pub names: Vec<String>,
    /// The path that all calls live below, e.g. `/identity`.
    pub prefix: String,
    /// `/Core/Authentication/ContinueFailedSessions`: a wrong answer is revealed at the very end
    /// only.
    pub continue_failed_sessions: bool,
    /// `/Core/Authentication/SkipMechsInFalseAdvance`: after a wrong answer nothing is sent any
    /// more.
    pub skip_mechs_in_false_advance: bool,
    /// Seconds.
    pub session_lifetime: u64,
    /// Seconds that a push, message, mail or call can be answered.
    pub oob_lifetime: u64,
    /// Both native-client headers, or 403.
    pub strict_headers: bool,
    /// The most operations in one request; 0: any number, -1: none.
    pub batch_limit: i64,
    /// An attack: every success is for this user.
    pub identity_in_success: String,
    /// StartAuthentication sends elsewhere until asked under this host. `{port}` is the tenant's
    /// own port.
    pub redirect_to: String,
    /// What unknown users seem to have.
    pub decoy: Challenges,
    pub certificate: Certificate,
    /// A folder with `ca.pem`, `chain.pem` and `key.pem`: the good certificate, instead of one that
    /// is made.
    pub chain: String,
    pub tls: TlsVersion,
    /// Answers in clear on the tenant's port.
    pub plain_http: bool,
    /// Administrators ask below `/api/idadmin` and nowhere else.
    pub shared_services: bool,
    /// Successes carry no `Token`, as plain Centrify's.
    pub no_token: bool,
    /// One of the native-client headers, or 403.
    pub native_header: bool,
    /// Where OAuth tokens are: `/oauth2/token/`, or `/api/oauth2/token/` as on the Delinea
    /// Platform, and nowhere else.
    pub token_below_api: bool,
    /// What the token of an OAuth client is worth to AdvanceAuthentication.
    pub advance_bearer: Bearer,
    /// A wrong code does not end the session: another one may be sent.
    pub wrong_code_leaves_open: bool,
    /// `Summary` (and `State`) of a denied approval, in place of the usual one.
    pub denied_word: String,
    /// The same of an approval that ran out.
    pub expired_word: String,
    /// The least time between two Polls of a session, in milliseconds: sooner ones are answered
    /// 429. 0: no limit.
    pub poll_every: u64,
    /// `Retry-After` is a date, not a number of seconds.
    pub retry_after_as_date: bool,
    /// `State` of a federated user who is not back yet.
    pub pending_word: String,
}

/// Not known publicly: whether AdvanceAuthentication looks at the token that OnDemandChallenge was
/// asked with.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Bearer {
    /// It does not.
    Ignored,
    /// A token whose client may not call it is refused with 403; without one it is answered.
    Checked,
    /// As `Checked`, and without a token a session of OnDemandChallenge is refused with 401.
    Needed,
}

impl Default for Tenant {
    fn default() -> Self {
        Tenant {
            id: "ABC1234".into(),
            names: Vec::new(),
            prefix: String::new(),
            continue_failed_sessions: true,
            skip_mechs_in_false_advance: true,
            session_lifetime: 300,
            oob_lifetime: 300,
            strict_headers: false,
            batch_limit: 0,
            identity_in_success: String::new(),
            redirect_to: String::new(),
            decoy: vec![vec!["UP".into()]],
            certificate: Certificate::Good,
            chain: String::new(),
            tls: TlsVersion::Any,
            plain_http: false,
            shared_services: false,
            no_token: false,
            native_header: false,
            token_below_api: false,
            advance_bearer: Bearer::Ignored,
            wrong_code_leaves_open: false,
            denied_word: "Failure".into(),
            expired_word: "Failure".into(),
            poll_every: 0,
            retry_after_as_date: false,
            pending_word: "Pending".into(),
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Hash)]
#[serde(rename_all = "snake_case")]
pub enum Certificate {
    Good,
    Expired,
    WrongName,
    SelfSigned,
    /// Signed by a CA that no client trusts.
    Untrusted,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub enum TlsVersion {
    #[serde(rename = "any")]
    Any,
    #[serde(rename = "1.2")]
    Tls12,
    #[serde(rename = "1.3")]
    Tls13,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    pub name: String,
    #[serde(default)]
    pub password: String,
    #[serde(default = "password_and_otp")]
    pub challenges: Challenges,
    /// After UP a NewPackage with these comes instead of StartNextChallenge.
    #[serde(default)]
    pub new_package_after_password: Challenges,
    /// Seconds, from the first StartAuthentication on, in which every answer fails.
    #[serde(default)]
    pub retry_waiting_time: u64,
    #[serde(default)]
    pub locked: bool,
    /// StartOOB of OTP answers GeneratedAuthValue.
    #[serde(default)]
    pub number_matching: bool,
    /// After UP a NewPackage with RESET.
    #[serde(default)]
    pub password_change: bool,
    /// The code of SMS, EMAIL and OTP; empty: random.
    #[serde(default)]
    pub code: String,
    /// Base32.
    #[serde(default)]
    pub oath_secret: String,
    #[serde(default)]
    pub oath_code: String,
    #[serde(default)]
    pub radius_code: String,
    /// The Answer that asks a RADIUS server for a push or a call is answered once the person has.
    #[serde(default)]
    pub radius_holds: bool,
    /// QR has an `AnswerType` of its own.
    #[serde(default)]
    pub qr_answer: bool,
    /// OnDemandChallenge answers with a success and no challenge: the user met one a while ago.
    #[serde(default)]
    pub passes_through: bool,
    #[serde(default)]
    pub questions: Vec<Question>,
    #[serde(default = "phone_number")]
    pub phone: String,
    /// May read and change policies.
    #[serde(default)]
    pub admin: bool,
    #[serde(default)]
    pub federated: Option<Federated>,
    #[serde(default)]
    pub success_without_user: bool,
    /// Appended to the last challenge.
    #[serde(default)]
    pub extra_mechanisms: Vec<String>,
    /// Pushes, calls and links approve themselves.
    #[serde(default)]
    pub auto_approve: bool,
    /// Both prompts of a mechanism, by its name.
    #[serde(default)]
    pub mechanism_prompt: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    pub text: String,
    pub answer: String,
}

/// How a user of another identity provider comes back from it.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Federated {
    /// With a PIN that the provider's page shows.
    Pin,
    /// By being approved there.
    Wait,
    /// In a browser only: StartAuthentication gives a `Redirect` and nothing to wait for, as on the
    /// Delinea Platform.
    Redirect,
}

/// A confidential OAuth client, for OnDemandChallenge and the policy calls.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    pub id: String,
    pub secret: String,
    pub app: String,
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Beginnings of paths that it may call, e.g. `Security/OnDemandChallenge`; none: all.
    #[serde(default)]
    pub calls: Vec<String>,
}

fn password_and_otp() -> Challenges {
    vec![vec!["UP".into()], vec!["OTP".into()]]
}

fn phone_number() -> String {
    "1234".into()
}

impl Scenario {
    pub fn parse(text: &str) -> Result<Scenario, String> {
        toml::from_str(text).map_err(|error| format!("scenario: {error}"))
    }

    /// Replaces `{port}`, which a scenario cannot know when the port is a free one.
    pub fn fill_in_port(&mut self, port: u16) {
        let filled = self.tenant.redirect_to.replace("{port}", &port.to_string());
        self.tenant.redirect_to = filled;
    }
}

impl Tenant {
    /// Whether a request under this `Host` is to be sent elsewhere.
    pub fn redirects(&self, host: &str) -> bool {
        let target = self.redirect_to.split('/').next().unwrap_or_default();
        !target.is_empty() && !target.eq_ignore_ascii_case(host)
    }
}

impl User {
    /// The user with some keys replaced.
    pub fn changed(&self, keys: &serde_json::Value) -> Result<User, String> {
        let mut all = serde_json::to_value(self).map_err(|error| error.to_string())?;
        let new = keys.as_object().ok_or("expected a JSON object")?;
        for (key, value) in new {
            all[key.as_str()] = value.clone();
        }
        serde_json::from_value(all).map_err(|error| error.to_string())
    }

    /// All challenges of a fresh login.
    pub fn package(&self) -> Challenges {
        let mut challenges = self.challenges.clone();
        if let Some(last) = challenges.last_mut() {
            last.extend(self.extra_mechanisms.iter().cloned());
        }
        challenges
    }
}

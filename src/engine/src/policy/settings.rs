//! The settings as plain data, with their defaults.
#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::time::Duration;

use super::{
    Account, Exemptions, Mechanism, NameTable, OAuthClient, Proxy, Requirements, TenantUrl,
};

/// Everything that one login needs to know: for the state machine and for the transport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The person that the tenant is asked about.
    pub person: Account,
    /// The person is `PAM_USER`: a password that the stack has is this person's.
    pub is_pam_user: bool,
    /// The person's name in the tenant.
    pub tenant_user: String,
    /// Neither at a terminal of this machine nor with a key: a robot, perhaps, that tries
    /// passwords.
    pub stranger: bool,
    /// Where the tenant is and how it is reached.
    pub tenant: Tenant,
    /// How the login goes.
    pub login: Login,
    /// What the tenant is asked for.
    pub flow: Flow,
    /// The security key that sshd has verified, where it counts for anything.
    pub security_key: Option<ShownKey>,
    /// How long a success counts; zero if it does not outlast its login.
    pub remember: Duration,
    /// For `remember`, a login by ssh counts too; never without it.
    pub ssh_counts: bool,
    /// What lets the person in while the tenant can't be reached; `None` if nothing does.
    pub offline: Option<Offline>,
}

/// What holds for one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `[tenant]`
    pub tenant: Tenant,
    /// `[login]`
    pub login: Login,
    /// `[login]` and `[on_demand]`
    pub step_up: StepUp,
    /// `[offline]`
    pub offline: Offline,
    /// `[users]`
    pub users: Users,
    /// `[[require]]`: with none of them, every user must.
    pub require: Requirements,
    /// `[[exempt]]`
    pub exempt: Exemptions,
}

impl Settings {
    /// The files that a login reads: secrets, and root certificates.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        let flows = [&self.step_up.flow, &self.step_up.after_public_key];
        let secrets = flows.into_iter().filter_map(|flow| match flow {
            Flow::OnDemand(on_demand) => Some(&on_demand.client.secret_file),
            Flow::Login => None,
        });
        let proxy = self.tenant.proxy.as_ref();
        let password = proxy.and_then(|proxy| proxy.password_file.as_ref());
        secrets.chain(password).chain(&self.tenant.ca_file)
    }

    /// The defaults, below which no tenant is named yet.
    pub(super) fn unset() -> Self {
        Settings {
            tenant: Tenant::unset(),
            login: Login::default(),
            step_up: StepUp::default(),
            offline: Offline::default(),
            users: Users::default(),
            require: Requirements::default(),
            exempt: Exemptions::default(),
        }
    }
}

/// `[tenant]`: where the tenant is and how it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// Base of every call.
    pub url: TenantUrl,
    /// The customer id that the tenant must name, when it is given.
    pub id: Option<String>,
    /// Hosts that the tenant may send us to; see [`Tenant::redirect_target`].
    pub redirect_hosts: Vec<TenantUrl>,
    /// Root certificates instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// The only proxy that is ever used.
    pub proxy: Option<Proxy>,
    /// Which addresses are tried.
    pub ip_family: IpFamily,
    /// Limit of one connection, never longer than `request_timeout`.
    pub connect_timeout: Duration,
    /// Limit of one exchange.
    pub request_timeout: Duration,
    /// Which answers travel together.
    pub multiple_operations: Batch,
}

impl Tenant {
    fn unset() -> Self {
        Tenant {
            url: TenantUrl::unset(),
            id: None,
            redirect_hosts: Vec::new(),
            ca_file: None,
            proxy: None,
            ip_family: IpFamily::Any,
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(15),
            multiple_operations: Batch::Start,
        }
    }

    /// Where a `PodFqdn` leads, if the administrator allows it: the tenant itself, or one of
    /// `redirect_hosts`.
    ///
    /// Takes `host`, `host:port` and `host/prefix`, with or without `https://`. Only an exact match
    /// counts.
    #[must_use]
    pub fn redirect_target(&self, pod_fqdn: &str) -> Option<&TenantUrl> {
        let named = TenantUrl::parse_host(pod_fqdn).ok()?;
        let listed = self.redirect_hosts.iter().find(|host| **host == named);
        listed.or_else(|| self.url.same_host(&named).then_some(&self.url))
    }
}

/// `broker.use`: whether logins run in a process of their own, the broker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Broker {
    /// Where its socket is.
    #[default]
    Auto,
    /// Without its socket there is no login.
    Always,
    /// Not even where its socket is.
    Never,
}

/// `tenant.ip_family`: which addresses are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IpFamily {
    /// As the resolver sorts them.
    Any,
    /// IPv4 only.
    Ipv4,
    /// IPv6 only.
    Ipv6,
}

/// `tenant.multiple_operations`: which answers may travel in one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Batch {
    /// Every answer in a request of its own.
    Off,
    /// The password together with the start of a push, message or call.
    Start,
    /// As `Start`, and the password together with a typed code.
    Code,
}

/// `[login]`: how a login goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// Limit of the whole login.
    pub deadline: Duration,
    /// Average time between two polls.
    pub poll_interval: Duration,
    /// How long an approval is awaited before the user is asked whether to wait on.
    pub approval_wait: Duration,
    /// A refusal never comes sooner than this.
    pub failure_delay: Duration,
    /// Mechanisms in the order in which they are proposed; others come behind them.
    pub preferred: Vec<Mechanism>,
    /// How often a question is asked, 1 to 5.
    pub attempts: u8,
    /// How many different kinds of factor must be met, 1 or 2.
    pub minimum_factors: u8,
    /// Mail counts as a factor.
    pub email_counts: bool,
    /// A push without a number to match does not count.
    pub require_number_match: bool,
    /// A push may start before the user has answered any prompt.
    pub push_first: bool,
    /// Typed codes are shown.
    pub echo_codes: bool,
    /// Who reads what the tenant calls phones and addresses.
    pub labels: Labels,
    /// People whose account lives at another identity provider may log in.
    pub federated: bool,
}

impl Default for Login {
    fn default() -> Self {
        use Mechanism::{Email, Oath, Otp, Pf, Radius, Sms, Sq};
        Login {
            deadline: Duration::from_secs(90),
            poll_interval: Duration::from_secs(1),
            approval_wait: Duration::from_secs(30),
            failure_delay: Duration::from_secs(2),
            preferred: vec![Otp, Oath, Sms, Pf, Radius, Email, Sq],
            attempts: 3,
            minimum_factors: 2,
            email_counts: false,
            require_number_match: false,
            push_first: false,
            echo_codes: true,
            labels: Labels::Always,
            federated: false,
        }
    }
}

/// `login.labels`: who reads what the tenant calls phones, addresses and authenticators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Labels {
    /// Each person who begins to log in.
    Always,
    /// A person who is at a terminal of this machine, or has shown a key.
    Known,
}

/// `[login]`, too: about which person the tenant is asked, what it is asked for, and how long a
/// success counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepUp {
    /// What the tenant is asked for.
    pub flow: Flow,
    /// What the tenant is asked for where sshd has verified a public key before.
    pub after_public_key: Flow,
    /// What a security key counts for that sshd has verified before.
    pub security_key: SecurityKey,
    /// The person that the tenant is asked about.
    pub person: Whom,
    /// How long a success counts; zero if it does not outlast its login.
    pub remember: Duration,
    /// For `remember`, a login by ssh counts too; never without it.
    pub ssh_counts: bool,
}

/// `login.security_key`: what a key in a FIDO authenticator counts for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecurityKey {
    /// As much as any other key.
    #[default]
    Off,
    /// A factor that the user has.
    Factor,
    /// A whole login: the tenant is not asked.
    Enough,
}

/// A security key of this login, and what it counts for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownKey {
    /// Its fingerprint.
    pub fingerprint: String,
    /// The tenant is not asked.
    pub is_enough: bool,
}

/// What the tenant is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Flow {
    /// A whole login, by password.
    #[default]
    Login,
    /// The challenges of one policy, for a user that the stack knows by then.
    OnDemand(OnDemand),
}

/// `[on_demand]`, complete: who may ask for a challenge, and for which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnDemand {
    /// The client as which this machine asks.
    pub client: OAuthClient,
    /// Name of the challenge policy (`PolicyModifier`).
    pub policy: String,
}

/// `login.person`: the person that the tenant is asked about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Whom {
    /// The caller if there is one, else the user.
    #[default]
    Auto,
    /// `PAM_USER`.
    User,
    /// The user who runs the program.
    Caller,
    /// The caller, then the user.
    Both,
}

/// `[offline]`: whether a code counts while the tenant can't be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offline {
    /// Codes count at all. Never without `first_factor`.
    pub enabled: bool,
    /// The module that has verified a password before.
    pub first_factor: Option<String>,
    /// How often and how long codes count.
    pub limits: OfflineLimits,
    /// How long no code counts for a user that the tenant has refused.
    pub pause: Duration,
    /// Users may enrol at the end of an online login.
    pub enroll_at_login: bool,
}

/// How often and how long offline codes count without the tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfflineLimits {
    /// `max_logins`: how many offline logins there may be between two online ones, 1 to 100.
    pub logins: u8,
    /// `max_age`: how long ago the last online login, or the enrolment, may be.
    pub age: Duration,
}

impl Default for Offline {
    fn default() -> Self {
        Offline {
            enabled: false,
            first_factor: None,
            limits: OfflineLimits { logins: 10, age: Duration::from_secs(7 * 86_400) },
            pause: Duration::from_secs(3600),
            enroll_at_login: false,
        }
    }
}

/// `[push]`: what may be sent to one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Push {
    /// How many pushes, messages, mails and calls may follow each other without a success, 0 to
    /// 100.
    pub count: u8,
    /// The time in which they are counted.
    pub window: Duration,
    /// How long nothing is sent after an approval was refused.
    pub pause: Duration,
}

impl Default for Push {
    fn default() -> Self {
        Push { count: 3, window: Duration::from_secs(10 * 60), pause: Duration::from_secs(60) }
    }
}

/// `[britive]`: where the command registers authenticators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Britive {
    /// Base of every call, without `/api`.
    pub url: TenantUrl,
    /// Root certificates instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// `action` of the request that verifies the first code.
    pub verify_action: String,
    /// The name under which that request carries the code.
    pub verify_key: String,
}

/// `[users]`: from the local name to the tenant's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Users {
    /// `template`: a name with one `{user}` in it.
    pub template: Option<String>,
    /// `names`: local name to tenant name, exactly.
    pub names: NameTable,
    /// `names_file`: a file with more of them, a line each; see `listing`.
    pub names_file: Option<PathBuf>,
    /// `keys`: fingerprint of a public key to tenant name.
    pub keys: NameTable,
}

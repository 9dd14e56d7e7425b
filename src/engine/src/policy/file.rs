//! The tables and keys of `countersign.toml`: each is declared here, once, with its kind and range.
#![forbid(unsafe_code)]

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::PathBuf;

use toml::de::DeTable;

use super::client;
use super::error::{Errors, Findings, quoted};
use super::judge::OTHERS;
use super::lists::Draft;
use super::name_table;
use super::nesting::too_deep;
use super::offline;
use super::outline::{Setting, outline};
use super::reader::Table;
use super::registration;
use super::step_up::{self, PartialOnDemand};
use super::value::{
    Checked, SET_URL, account, choice, day, duration, fingerprint, flag, mechanism, network,
    number, path, proxy, redirect_host, rule_name, template, tenant_id, tenant_name, tenant_url,
};
use super::{
    Batch, Broker, ExemptResult, Exemptions, IpFamily, Labels, Login, NameTable, Policy, Push,
    Requirements, Settings, Tenant, Users,
};

/// No configuration is longer, in bytes.
pub const LONGEST: u64 = 256 * 1024;
/// Where is kept what a boot may forget.
const STATE_FOLDER: &str = "/run/countersign/state";
/// Where is kept what must outlive a boot.
const OFFLINE_FOLDER: &str = "/var/lib/countersign/offline";
/// Of so many errors it is looked up what they collide with: each costs a reading of the file.
const EXPLAINED: usize = 8;
/// No machine has more services with a table of their own.
const SERVICES: usize = 64;

pub(super) fn read(bytes: &[u8]) -> Result<Policy, Errors> {
    let text = text(bytes)?;
    let findings = Findings::new(text);
    let (tree, errors) = DeTable::parse_recoverable(text);
    for (number, error) in errors.iter().enumerate() {
        let first = (number < EXPLAINED).then(|| first_of(text, error)).flatten();
        findings.syntax(error, first.map(|first| (first.path, first.line)));
    }
    let policy = read_policy(Table::root(tree.get_ref(), &findings));
    findings.verdict(policy)
}

/// Of a key or table that is given twice, the first place. TOML keeps a table in one piece, so it
/// is the nearest one above.
fn first_of(text: &str, error: &toml::de::Error) -> Option<Setting> {
    let span = error.span().filter(|_| error.message() == "duplicate key")?;
    let name = text.get(span.clone())?.trim_matches(['"', '\'']);
    let above = text.get(..span.start)?.rsplit_once('\n')?.0;
    let mut settings = outline(above.as_bytes()).into_iter().rev();
    settings.find(|setting| setting.is_named(name))
}

fn text(bytes: &[u8]) -> Result<&str, Errors> {
    if bytes.len() as u64 > LONGEST {
        let problem = format!("the file is longer than {LONGEST} bytes");
        return Err(Errors::unreadable(None, problem));
    }
    let line = |at: usize| 1 + bytes.iter().take(at).filter(|byte| **byte == b'\n').count();
    let refuse = |at, problem: &str| Errors::unreadable(Some(line(at)), problem.into());
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        return Err(Errors::unreadable(Some(line(at)), "there is a NUL byte".into()));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| refuse(error.valid_up_to(), "not UTF-8 text"))?;
    match too_deep(text) {
        Some(at) => Err(refuse(at, "lists or tables nested too deep")),
        None => Ok(text),
    }
}

fn read_policy(mut root: Table<'_>) -> Policy {
    let base = read_settings(&mut root, &Layer::unset(), Scope::File);
    let services = read_services(root.table("service"), &base);
    let push = read_push(root.table("push"));
    let mut state_folder = PathBuf::from(STATE_FOLDER);
    root.table("state").read("folder", path, &mut state_folder);
    let log_socket = root.table("log").given("socket", path);
    let mut broker = Broker::default();
    root.table("broker").read("use", choice(&BROKERS), &mut broker);
    let offline_folder = base.offline_folder.clone();
    let britive = registration::read(root.table("britive"));
    let admin = client::read_admin(root.table("admin"));
    Policy {
        base: base.settings,
        services,
        push,
        state_folder,
        offline_folder: offline_folder.unwrap_or_else(|| PathBuf::from(OFFLINE_FOLDER)),
        log_socket,
        broker,
        britive,
        admin,
    }
}

/// Settings, with what stands below them and need not be whole.
struct Layer {
    settings: Settings,
    on_demand: PartialOnDemand,
    /// `offline.folder`, which no service has for itself.
    offline_folder: Option<PathBuf>,
}

impl Layer {
    fn unset() -> Self {
        Layer {
            settings: Settings::unset(),
            on_demand: PartialOnDemand::default(),
            offline_folder: None,
        }
    }
}

/// Where settings stand.
#[derive(Clone, Copy)]
enum Scope {
    /// At the top: what must be set is set here.
    File,
    /// In the table of a service.
    Service,
}

fn read_services(table: Table<'_>, base: &Layer) -> BTreeMap<String, Settings> {
    let mut services = BTreeMap::new();
    for (name, entry) in table.entries() {
        if !is_service(name) {
            entry.wrong("expected the name of a PAM service: letters, digits and _ . @ -, 64 of them at most");
            continue;
        }
        if services.len() == SERVICES {
            entry.wrong(format!("more than {SERVICES} services have a table of their own"));
            break;
        }
        let twice = services.contains_key(&name.to_ascii_lowercase());
        if twice {
            entry.wrong("the same service as another table: libpam writes names in lower case");
        }
        let layer = read_settings(&mut entry.into_table(), base, Scope::Service);
        services.insert(name.to_ascii_lowercase(), layer.settings);
    }
    services
}

fn is_service(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.@-".contains(c);
    (1..=64).contains(&name.len()) && name.chars().all(allowed)
}

fn read_settings(table: &mut Table<'_>, layer: &Layer, scope: Scope) -> Layer {
    let base = &layer.settings;
    let tenant = read_tenant(table.table("tenant"), &base.tenant, scope);
    let mut login = table.table("login");
    let on_demand = layer.on_demand.read(table.table("on_demand"));
    let mut offline = table.table("offline");
    let offline_folder = match scope {
        Scope::File => offline.given("folder", path),
        Scope::Service => None,
    };
    let settings = Settings {
        tenant,
        login: read_login(&mut login, &base.login),
        step_up: step_up::read(&mut login, &base.step_up, &on_demand),
        offline: offline::read(&mut offline, &base.offline),
        users: read_users(table.table("users"), &base.users),
        require: read_rules(table, "require", read_requirement)
            .map_or_else(|| base.require.clone(), |rules| Requirements::pack(&rules)),
        exempt: read_rules(table, "exempt", read_exemption)
            .map_or_else(|| base.exempt.clone(), |rules| Exemptions::pack(&rules)),
    };
    Layer { settings, on_demand, offline_folder }
}

fn read_tenant(mut table: Table<'_>, base: &Tenant, scope: Scope) -> Tenant {
    let mut tenant = base.clone();
    match scope {
        Scope::File if !table.has("url") => table.missing("url", SET_URL),
        Scope::File | Scope::Service => {}
    }
    table.read("url", tenant_url, &mut tenant.url);
    table.read("id", |value| tenant_id(value).map(Some), &mut tenant.id);
    if let Some(hosts) = table.list("redirect_hosts", redirect_host) {
        tenant.redirect_hosts = hosts;
    }
    table.read("ca_file", |value| path(value).map(Some), &mut tenant.ca_file);
    read_proxy(&mut table, &mut tenant);
    table.read("ip_family", choice(&IP_FAMILIES), &mut tenant.ip_family);
    check_family(&table, &tenant);
    read_timeouts(&mut table, &mut tenant);
    table.read("multiple_operations", choice(&BATCHES), &mut tenant.multiple_operations);
    tenant
}

const BROKERS: [(&str, Broker); 3] =
    [("auto", Broker::Auto), ("always", Broker::Always), ("never", Broker::Never)];

const IP_FAMILIES: [(&str, IpFamily); 3] =
    [("any", IpFamily::Any), ("ipv4", IpFamily::Ipv4), ("ipv6", IpFamily::Ipv6)];

const BATCHES: [(&str, Batch); 3] =
    [("off", Batch::Off), ("start", Batch::Start), ("code", Batch::Code)];

/// A password without a proxy user, or a user without a password, is a mistake.
fn read_proxy(table: &mut Table<'_>, tenant: &mut Tenant) {
    table.read("proxy", |value| proxy(value).map(Some), &mut tenant.proxy);
    let password_file = table.given("proxy_password_file", path);
    let Some(proxy) = &mut tenant.proxy else {
        if password_file.is_some() && !table.has("proxy") {
            table.wrong("proxy_password_file", "there is no proxy to give the password to");
        }
        return;
    };
    if password_file.is_some() {
        proxy.password_file = password_file;
    }
    match (&proxy.user, &proxy.password_file) {
        (None, Some(_)) => {
            table.wrong(
                "proxy_password_file",
                "proxy names no user, as in \"http://user@proxy.example:3128\"",
            );
        }
        (Some(_), None) if !table.has("proxy_password_file") => {
            table.wrong("proxy", "a proxy with a user needs proxy_password_file");
        }
        (Some(_), Some(_) | None) | (None, None) => {}
    }
}

/// A connection that is given longer than the exchange that it is part of is a mistake, if the
/// file says so; the default only gives way.
fn read_timeouts(table: &mut Table<'_>, tenant: &mut Tenant) {
    table.read("connect_timeout", duration("500ms", "30s"), &mut tenant.connect_timeout);
    table.read("request_timeout", duration("1s", "60s"), &mut tenant.request_timeout);
    if tenant.connect_timeout <= tenant.request_timeout {
        return;
    }
    if table.has("connect_timeout") {
        table.wrong("connect_timeout", "longer than request_timeout, which it is a part of");
    }
    tenant.connect_timeout = tenant.request_timeout;
}

/// A literal address of the other family could never be reached.
fn check_family(table: &Table<'_>, tenant: &Tenant) {
    let peer = tenant.proxy.as_ref().map_or(tenant.url.host(), |proxy| proxy.host.as_str());
    let (address, family) = (peer.parse::<IpAddr>(), tenant.ip_family);
    let other = match (address, family) {
        (Ok(IpAddr::V4(_)), IpFamily::Ipv6) => "an IPv4 address",
        (Ok(IpAddr::V6(_)), IpFamily::Ipv4) => "an IPv6 address",
        (Ok(IpAddr::V4(_)), IpFamily::Any | IpFamily::Ipv4)
        | (Ok(IpAddr::V6(_)), IpFamily::Any | IpFamily::Ipv6)
        | (Err(_), IpFamily::Any | IpFamily::Ipv4 | IpFamily::Ipv6) => return,
    };
    table.wrong("ip_family", format!("{} is {other}", quoted(peer)));
}

const LABELS: &[(&str, Labels)] = &[("always", Labels::Always), ("known", Labels::Known)];

fn read_login(table: &mut Table<'_>, base: &Login) -> Login {
    let mut login = base.clone();
    table.read("deadline", duration("10s", "110s"), &mut login.deadline);
    table.read("poll_interval", duration("1s", "10s"), &mut login.poll_interval);
    table.read("approval_wait", duration("10s", "110s"), &mut login.approval_wait);
    if login.poll_interval >= login.deadline {
        table.wrong("poll_interval", "not shorter than deadline");
    }
    table.read("failure_delay", duration("0s", "10s"), &mut login.failure_delay);
    read_preferred(table, &mut login);
    table.read("attempts", number(1..=5), &mut login.attempts);
    table.read("minimum_factors", number(1..=2), &mut login.minimum_factors);
    table.read("email_counts", flag, &mut login.email_counts);
    table.read("require_number_match", flag, &mut login.require_number_match);
    table.read("push_first", flag, &mut login.push_first);
    table.read("echo_codes", flag, &mut login.echo_codes);
    table.read("labels", choice(LABELS), &mut login.labels);
    table.read("federated", flag, &mut login.federated);
    login
}

fn read_preferred(table: &mut Table<'_>, login: &mut Login) {
    let Some(preferred) = table.list("preferred", mechanism) else {
        return;
    };
    for (position, mechanism) in preferred.iter().enumerate() {
        if preferred.iter().take(position).any(|earlier| earlier == mechanism) {
            table.wrong("preferred", format!("{} is there twice", mechanism.name()));
        }
    }
    login.preferred = preferred;
}

fn read_users(mut table: Table<'_>, base: &Users) -> Users {
    let mut users = base.clone();
    table.read("template", |value| template(value).map(Some), &mut users.template);
    table.read("names_file", |value| path(value).map(Some), &mut users.names_file);
    read_names(table.table("names"), |_| Ok(()), &mut users.names);
    read_names(table.table("keys"), fingerprint, &mut users.keys);
    users
}

/// Puts the entries of a service over those of the whole file.
fn read_names(table: Table<'_>, check_key: impl Fn(&str) -> Checked<()>, names: &mut NameTable) {
    let mut own = BTreeMap::new();
    for (key, entry) in table.entries() {
        if let Err(problem) = check_key(key) {
            entry.wrong(problem);
        }
        if let Some(name) = entry.check(tenant_name) {
            own.insert(key, name);
        }
    }
    if !own.is_empty() {
        *names = names.with(name_table::pack(&own));
    }
}

fn read_push(mut table: Table<'_>) -> Push {
    let mut push = Push::default();
    table.read("count", number(0..=100), &mut push.count);
    table.read("window", duration("1m", "24h"), &mut push.window);
    table.read("pause", duration("0s", "24h"), &mut push.pause);
    push
}

/// The rules of a list; none if there is no such list.
fn read_rules(
    table: &mut Table<'_>,
    key: &'static str,
    read: impl Fn(Table<'_>, String) -> Draft,
) -> Option<Vec<Draft>> {
    let tables = table.tables(key)?;
    let numbered = tables.into_iter().enumerate();
    let rules: Vec<Draft> =
        numbered.map(|(at, table)| read(table, format!("{key}[{}]", at + 1))).collect();
    let mut names = BTreeSet::new();
    for rule in &rules {
        if !names.insert(&rule.name) {
            table.wrong(key, format!("two rules are called {}", quoted(&rule.name)));
        }
    }
    Some(rules)
}

fn read_requirement(mut table: Table<'_>, name: String) -> Draft {
    read_conditions(&mut table, name)
}

fn read_exemption(mut table: Table<'_>, name: String) -> Draft {
    let mut result = ExemptResult::Ignore;
    table.read("result", choice(&RESULTS), &mut result);
    let until = table.given("until", day);
    let rule = read_conditions(&mut table, name);
    if rule.name == OTHERS {
        table
            .wrong("name", "this name stands for the users that no rule of the require list names");
    }
    Draft { until, result, ..rule }
}

const RESULTS: [(&str, ExemptResult); 2] =
    [("ignore", ExemptResult::Ignore), ("success", ExemptResult::Success)];

fn read_conditions(table: &mut Table<'_>, name: String) -> Draft {
    let mut rule = Draft {
        name,
        users: table.list("users", account),
        groups: table.list("groups", account),
        networks: table.list("networks", network),
        until: None,
        result: ExemptResult::Ignore,
    };
    table.read("name", rule_name, &mut rule.name);
    let conditions = ["users", "groups", "networks"];
    if !conditions.iter().any(|key| table.has(key)) {
        table.wrong_altogether("a rule needs users, groups or networks");
    }
    for key in conditions.into_iter().filter(|key| table.is_empty_list(key)) {
        table.wrong(key, "an empty list matches no login: leave the key out");
    }
    rule
}

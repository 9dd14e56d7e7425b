//! What a single value may be: each function checks one kind, and its error says what was expected
//! and found.
#![forbid(unsafe_code)]

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use time::Month;
use toml::de::DeValue;

use super::error::quoted;
use super::{Date, Mechanism, Network, Proxy, TenantUrl};

/// A value, or what is wrong with it.
pub(super) type Checked<T> = Result<T, String>;

/// What stands there, in words: `"fast"`, `the integer 60`, `a list`.
pub(super) fn described(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => quoted(text),
        DeValue::Integer(number) => format!("the integer {}", capped(&number.to_string())),
        DeValue::Float(number) => format!("the number {}", capped(number.as_str())),
        DeValue::Boolean(flag) => format!("the boolean {flag}"),
        DeValue::Datetime(_) => "a date or time".into(),
        DeValue::Array(_) => "a list".into(),
        DeValue::Table(_) => "a table".into(),
    }
}

/// Numbers have no characters to escape, only a length.
fn capped(number: &str) -> &str {
    number.get(..20).unwrap_or(number)
}

/// A string, for a check that says more about it.
fn string<'v>(value: &'v DeValue<'_>, expected: &str) -> Checked<&'v str> {
    match value {
        DeValue::String(text) => Ok(text),
        DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_)
        | DeValue::Table(_) => Err(format!("expected {expected}, found {}", described(value))),
    }
}

/// `true` or `false`.
pub(super) fn flag(value: &DeValue<'_>) -> Checked<bool> {
    let found = || format!("expected true or false, found {}", described(value));
    value.as_bool().ok_or_else(found)
}

/// An integer in a range.
pub(super) fn number(range: RangeInclusive<u8>) -> impl Fn(&DeValue<'_>) -> Checked<u8> {
    move |value| {
        let parsed =
            value.as_integer().and_then(|n| u8::from_str_radix(n.as_str(), n.radix()).ok());
        parsed.filter(|number| range.contains(number)).ok_or_else(|| {
            let (low, high) = (range.start(), range.end());
            format!("expected an integer from {low} to {high}, found {}", described(value))
        })
    }
}

/// A duration in a range: digits and `ms`, `s`, `m`, `h` or `d`.
pub(super) fn duration(
    low: &'static str,
    high: &'static str,
) -> impl Fn(&DeValue<'_>) -> Checked<Duration> {
    move |value| {
        let text = string(value, "a duration such as \"1s\"")?;
        let found = || quoted(text);
        let parsed = parse_duration(text)
            .ok_or_else(|| format!("expected a duration such as \"1s\", found {}", found()))?;
        let inside = parse_duration(low) <= Some(parsed) && Some(parsed) <= parse_duration(high);
        inside
            .then_some(parsed)
            .ok_or_else(|| format!("expected a duration from {low} to {high}, found {}", found()))
    }
}

/// Digits and `ms`, `s`, `m`, `h` or `d`, as everywhere in the configuration; `sec` and `min` are
/// taken too.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
    let (digits, unit) = text.split_at(unit_at);
    let number: u32 = digits.parse().ok()?;
    match unit {
        "ms" => Some(Duration::from_millis(number.into())),
        "s" | "sec" => Some(Duration::from_secs(number.into())),
        "m" | "min" => Some(Duration::from_secs(u64::from(number) * 60)),
        "h" => Some(Duration::from_secs(u64::from(number) * 3600)),
        "d" => Some(Duration::from_secs(u64::from(number) * 86_400)),
        _ => None,
    }
}

/// One of a few words.
pub(super) fn choice<T: Copy>(
    words: &'static [(&'static str, T)],
) -> impl Fn(&DeValue<'_>) -> Checked<T> {
    move |value| {
        let chosen = words.iter().find(|(word, _)| value.as_str() == Some(word));
        chosen.map(|(_, meaning)| *meaning).ok_or_else(|| {
            let known: Vec<_> = words.iter().map(|(word, _)| quoted(word)).collect();
            format!("expected one of {}, found {}", known.join(", "), described(value))
        })
    }
}

/// A module of PAM that is not this one, without folder and `.so`.
pub(super) fn module_name(value: &DeValue<'_>) -> Checked<String> {
    let text = string(value, "a module such as \"pam_unix\"")?;
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c);
    let valid = text.len() <= 64 && text.len() > 4 && text.starts_with("pam_");
    if valid && text.chars().all(allowed) && text != "pam_countersign" {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "expected the name of another module, without \".so\", such as \"pam_unix\", found {}",
            quoted(text)
        ))
    }
}

/// An absolute path without `..` in it.
pub(super) fn path(value: &DeValue<'_>) -> Checked<PathBuf> {
    let expected = "an absolute path";
    let text = string(value, expected)?;
    if text.starts_with('/')
        && text.len() <= 1024
        && is_clean(text)
        && !text.split('/').any(|part| part == "..")
    {
        return Ok(PathBuf::from(text));
    }
    Err(format!("expected {expected} without \"..\", found {}", quoted(text)))
}

/// The tenant's address. An empty one is the shipped file before its first edit.
pub(super) fn tenant_url(value: &DeValue<'_>) -> Checked<TenantUrl> {
    match string(value, "a URL")? {
        "" => Err(format!("still empty, {SET_URL}")),
        text => TenantUrl::parse(text),
    }
}

/// The address of a Britive tenant: what its pages are at, not its API.
pub(super) fn britive_url(value: &DeValue<'_>) -> Checked<TenantUrl> {
    let example = "a URL such as \"https://example.britive-app.com\"";
    let url = TenantUrl::parse(string(value, example)?)?;
    match url.prefix().rsplit('/').next() {
        Some("api") => Err(format!("expected {example}, without /api")),
        Some(_) | None => Ok(url),
    }
}

/// A name of an API: letters, digits and `_`.
pub(super) fn word(value: &DeValue<'_>) -> Checked<String> {
    let expected = "a name of letters, digits and _";
    let text = string(value, expected)?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let valid = (1..=64).contains(&text.len()) && text.chars().all(allowed);
    let found = || format!("expected {expected}, found {}", quoted(text));
    valid.then(|| text.to_owned()).ok_or_else(found)
}

/// What to do about a missing address.
pub(super) const SET_URL: &str =
    "set it to the address of your tenant, such as \"https://abc1234.id.cyberark.cloud\"";

/// A host that the tenant may send us to.
pub(super) fn redirect_host(value: &DeValue<'_>) -> Checked<TenantUrl> {
    let text = string(value, "a host")?;
    if text.contains("://") {
        return Err(
            "expected a host such as \"name\", \"name:port\" or \"name/prefix\", found a URL"
                .into(),
        );
    }
    TenantUrl::parse_host(text)
}

/// The proxy's address.
pub(super) fn proxy(value: &DeValue<'_>) -> Checked<Proxy> {
    Proxy::parse(string(value, "a proxy such as \"http://proxy.example:3128\"")?)
}

/// A customer id: letters, digits, `-` and `_`.
pub(super) fn tenant_id(value: &DeValue<'_>) -> Checked<String> {
    let expected = "a tenant id such as \"ABC1234\"";
    let text = string(value, expected)?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let valid = (1..=64).contains(&text.len()) && text.chars().all(allowed);
    let found = || format!("expected {expected}, found {}", quoted(text));
    valid.then(|| text.to_owned()).ok_or_else(found)
}

/// Id of an OAuth application: one segment of a path as it stands.
pub(super) fn app_id(value: &DeValue<'_>) -> Checked<String> {
    let expected = "the id of an OAuth application, of letters, digits and - _ .";
    let text = string(value, expected)?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let valid = (1..=128).contains(&text.len())
        && text.chars().all(allowed)
        && !text.chars().all(|c| c == '.');
    let found = || format!("expected {expected}, found {}", quoted(text));
    valid.then(|| text.to_owned()).ok_or_else(found)
}

/// Name of an OAuth client. A colon would end it early (RFC 7617).
pub(super) fn client_id(value: &DeValue<'_>) -> Checked<String> {
    let expected = "a name such as \"countersign@example.com\"";
    let text = string(value, expected)?;
    let valid = is_tenant_name(text) && !text.contains(':');
    let found = || format!("expected {expected}, found {}", quoted(text));
    valid.then(|| text.to_owned()).ok_or_else(found)
}

/// OAuth scopes with single spaces between them (RFC 6749, section 3.3).
pub(super) fn scopes(value: &DeValue<'_>) -> Checked<String> {
    let expected = "one scope, or several with a space between";
    let text = string(value, expected)?;
    let allowed = |c: char| c.is_ascii_graphic() && c != '"' && c != '\\';
    let is_scope = |scope: &str| !scope.is_empty() && scope.chars().all(allowed);
    let valid = text.len() <= 256 && text.split(' ').all(is_scope);
    let found = || format!("expected {expected}, found {}", quoted(text));
    valid.then(|| text.to_owned()).ok_or_else(found)
}

/// Name of a challenge policy. The tenant keeps its settings in paths of that name.
pub(super) fn policy_name(value: &DeValue<'_>) -> Checked<String> {
    let expected = "the name of a challenge policy";
    let text = string(value, expected)?;
    let valid = (1..=128).contains(&text.len())
        && is_clean(text)
        && text.trim() == text
        && !text.contains('/');
    let found = || format!("expected {expected}, found {}", quoted(text));
    valid.then(|| text.to_owned()).ok_or_else(found)
}

/// Fingerprint of a public key: 32 bytes in base64 without padding, so that the last character has
/// two spare bits.
pub(super) fn fingerprint(text: &str) -> Checked<()> {
    let base64 = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
    let valid = text.strip_prefix("SHA256:").is_some_and(|hash| {
        hash.len() == 43 && hash.chars().all(base64) && hash.ends_with(|c| LAST.contains(c))
    });
    let found = || {
        format!(
            "expected a fingerprint, \"SHA256:\" and 43 characters, as \"ssh-keygen -lf FILE\" shows it, found {}",
            quoted(text)
        )
    };
    valid.then_some(()).ok_or_else(found)
}

/// The characters of base64 whose last two bits are zero.
const LAST: &str = "AEIMQUYcgkosw048";

/// A mechanism by the API's name.
pub(super) fn mechanism(value: &DeValue<'_>) -> Checked<Mechanism> {
    Mechanism::parse(string(value, "the name of a mechanism")?)
}

/// A numeric network.
pub(super) fn network(value: &DeValue<'_>) -> Checked<Network> {
    Network::parse(string(value, "a network such as \"10.0.0.0/8\"")?)
}

/// The name of a local user or group, in a rule.
pub(super) fn account(value: &DeValue<'_>) -> Checked<String> {
    let text = string(value, "a name")?;
    let found = quoted(text);
    if text.starts_with(['%', '@', '+', '!', '-']) || text.contains(['*', '?', ':', ',', '/']) {
        return Err(format!(
            "expected a plain name, found {found}; there are no patterns, and groups go in \"groups\""
        ));
    }
    let valid = (1..=256).contains(&text.len()) && is_clean(text) && text.trim() == text;
    valid.then(|| text.to_owned()).ok_or_else(|| format!("expected a name, found {found}"))
}

/// The name that a rule has in the log.
pub(super) fn rule_name(value: &DeValue<'_>) -> Checked<String> {
    let text = string(value, "a name")?;
    let valid = (1..=64).contains(&text.len()) && is_clean(text) && text.trim() == text;
    let found = || format!("expected a name of at most 64 bytes, found {}", quoted(text));
    valid.then(|| text.to_owned()).ok_or_else(found)
}

/// A name in the tenant: no spaces, no control characters, at most 256 characters.
pub(super) fn tenant_name(value: &DeValue<'_>) -> Checked<String> {
    let mut text = string(value, "a name in the tenant");
    if value.is_table() {
        text = text.map_err(|error| format!("{error}; a name with a dot in it needs quotes"));
    }
    let text = text?;
    if text.contains(['{', '}']) {
        return Err("a template has its place in users.template, above the table of names".into());
    }
    let valid = is_tenant_name(text);
    let found = || format!("expected a name such as \"alice@example.com\", found {}", quoted(text));
    valid.then(|| text.to_owned()).ok_or_else(found)
}

/// A name in the tenant with `{user}` in it once.
pub(super) fn template(value: &DeValue<'_>) -> Checked<String> {
    let text = string(value, "a template such as \"{user}@example.com\"")?;
    let rest = text.replacen("{user}", "u", 1);
    let valid =
        rest != text && !rest.contains(['{', '}']) && is_tenant_name(&rest) && text.len() <= 224;
    let found = || {
        let found = quoted(text);
        format!(
            "expected a template with {{user}} in it once, such as \"{{user}}@example.com\", found {found}"
        )
    };
    valid.then(|| text.to_owned()).ok_or_else(found)
}

/// A day, as TOML writes it: without quotes, without a time.
pub(super) fn day(value: &DeValue<'_>) -> Checked<Date> {
    let only_date = value.as_datetime().filter(|at| at.time.is_none());
    let date = only_date.and_then(|at| at.date).and_then(|day| {
        let month = Month::try_from(day.month).ok()?;
        Date::from_calendar_date(i32::from(day.year), month, day.day).ok()
    });
    date.ok_or_else(|| {
        format!("expected a day such as 2027-01-31, without quotes, found {}", described(value))
    })
}

pub(super) fn is_tenant_name(text: &str) -> bool {
    (1..=256).contains(&text.chars().count())
        && is_clean(text)
        && !text.contains(char::is_whitespace)
}

/// Nothing that a terminal or a log would obey, and nothing that cannot be seen.
pub(super) fn is_clean(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() || is_invisible(c))
}

/// Zero-width characters, bidi controls and line separators.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{feff}')
        || matches!(c, '\u{200b}'..='\u{200f}')
        || matches!(c, '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}')
}

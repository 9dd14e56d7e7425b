//! One line per login, for people and for machines: `key="value"`, every value escaped, in a fixed
//! order.
#![forbid(unsafe_code)]

use std::time::Duration;

/// The longest value, in characters, so that a line stays below 1 KiB in practice.
const MAX_VALUE: usize = 120;

/// Room for most lines, so that none is moved while it grows.
const USUAL_LINE: usize = 512;

/// What is known at the end of a login. Nothing in here is a secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// Links the lines of one login. Not the tenant's session id, which is worth something.
    pub attempt: String,
    /// `granted`, `denied`, `exempt` or `error`.
    pub outcome: &'static str,
    /// A code from the documented list.
    pub reason: &'static str,
    /// More about the reason.
    pub detail: String,
    /// The account: its canonical name, or the name as it was typed where there is no such account.
    pub user: String,
    /// The name as it was typed, if it is another than the canonical one.
    pub typed: String,
    /// The name in the tenant.
    pub tenant_user: String,
    /// The PAM service.
    pub service: String,
    /// Where the user comes from, as the service says.
    pub rhost: String,
    /// The terminal, as the service says.
    pub tty: String,
    /// The mechanisms that were met, or for a refusal the ones that were tried.
    pub mechanisms: String,
    /// The rule that exempted the user.
    pub rule: String,
    /// The tenant's `X-Cfy-Tx-Id` of the last reply: what its support asks for.
    pub transaction: String,
    /// Requests sent to the tenant.
    pub requests: u32,
    /// From the call of the module to its answer.
    pub duration: Duration,
}

impl Event {
    /// The line, without the prefix that says who writes.
    #[must_use]
    pub fn line(&self) -> String {
        let requests = self.requests.to_string();
        let ms = self.duration.as_millis().to_string();
        let fields = [
            ("attempt", self.attempt.as_str()),
            ("outcome", self.outcome),
            ("reason", self.reason),
            ("user", &self.user),
            ("typed", &self.typed),
            ("tenant_user", &self.tenant_user),
            ("service", &self.service),
            ("rhost", &self.rhost),
            ("tty", &self.tty),
            ("mechanisms", &self.mechanisms),
            ("rule", &self.rule),
            ("tx", &self.transaction),
            ("requests", &requests),
            ("ms", &ms),
            ("detail", &self.detail),
        ];
        let mut line = String::with_capacity(USUAL_LINE);
        line.push_str("login");
        for (key, value) in fields {
            line.extend([" ", key, "=\"", &escape(value), "\""]);
        }
        line
    }
}

impl Event {
    /// Whose login it is, for another line than the one at the end.
    #[must_use]
    pub fn who(&self) -> String {
        let fields = [
            ("attempt", &self.attempt),
            ("user", &self.user),
            ("tenant_user", &self.tenant_user),
            ("rhost", &self.rhost),
        ];
        let field = |(key, value): (&str, &String)| format!("{key}=\"{}\"", escape(value));
        fields.map(field).join(" ")
    }
}

/// The fields of a line, in its order, each value escaped as it stands. Nothing of a line that is
/// none of ours.
#[must_use]
pub fn fields(line: &str) -> Vec<(&str, &str)> {
    let mut fields = Vec::new();
    let mut rest = line.strip_prefix("login").unwrap_or_default();
    while let Some((key, value)) = rest.strip_prefix(' ').and_then(|rest| rest.split_once("=\"")) {
        let Some(end) = end_of_value(value) else {
            break;
        };
        let (value, behind) = value.split_at(end);
        fields.push((key, value));
        rest = behind.strip_prefix('"').unwrap_or_default();
    }
    fields
}

/// Where the quote is that ends a value, and not one that stands in it.
fn end_of_value(value: &str) -> Option<usize> {
    let mut is_escaped = false;
    value.bytes().position(|byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    })
}

/// Printable, on one line, and without anything that ends a value: `\"`, `\\`, `\n`, `\u{1b}`. Cut
/// at a limit.
#[must_use]
pub fn escape(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for (count, c) in value.chars().enumerate() {
        if count == MAX_VALUE {
            escaped.push_str("...");
            break;
        }
        match c {
            '"' | '\\' => escaped.extend(['\\', c]),
            ' '..='~' => escaped.push(c),
            _ => escaped.extend(c.escape_default()),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_come_in_a_fixed_order_and_all_of_them_always() {
        let event = Event {
            attempt: "00c0ffee".into(),
            outcome: "granted",
            reason: "ok",
            user: "alice".into(),
            tenant_user: "alice@example.com".into(),
            service: "sshd".into(),
            rhost: "192.0.2.7".into(),
            tty: "ssh".into(),
            mechanisms: "UP,OTP".into(),
            requests: 3,
            duration: Duration::from_millis(1234),
            ..Event::default()
        };
        assert_eq!(
            event.line(),
            "login attempt=\"00c0ffee\" outcome=\"granted\" reason=\"ok\" user=\"alice\" typed=\"\" \
             tenant_user=\"alice@example.com\" service=\"sshd\" rhost=\"192.0.2.7\" tty=\"ssh\" \
             mechanisms=\"UP,OTP\" rule=\"\" tx=\"\" requests=\"3\" ms=\"1234\" detail=\"\""
        );
    }

    #[test]
    fn a_name_can_not_write_a_log_line_of_its_own() {
        let name = "bob\nFeb 1 host sshd[1]: Accepted password for root\u{1b}[2K\u{2028}\" outcome=\"granted";
        assert_eq!(
            escape(name),
            "bob\\nFeb 1 host sshd[1]: Accepted password for root\\u{1b}[2K\\u{2028}\\\" outcome=\\\"granted"
        );
    }

    #[test]
    fn the_fields_are_read_as_they_were_written() {
        let event = Event { user: "a\" outcome=\"granted\\".into(), ..Event::default() };
        let line = event.line();
        let read = fields(&line);
        assert_eq!(read.len(), 15);
        assert_eq!(read.get(3), Some(&("user", "a\\\" outcome=\\\"granted\\\\")));
        assert_eq!(read.last(), Some(&("detail", "")));
        assert!(fields("offline: 3 logins").is_empty());
        assert_eq!(fields("login a=\"1\" b=\"cut"), [("a", "1")]);
    }

    #[test]
    fn a_long_value_is_cut() {
        assert_eq!(escape(&"x".repeat(64 * 1024)).len(), MAX_VALUE + 3);
    }
}

//! The mechanisms that an administrator can put in order.
#![forbid(unsafe_code)]

use super::error::quoted;

/// A mechanism, under the name that the API has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// Password.
    Up,
    /// Security question.
    Sq,
    /// Push to the phone app.
    Otp,
    /// Text message.
    Sms,
    /// Mail.
    Email,
    /// One-time code of an authenticator.
    Oath,
    /// Phone call.
    Pf,
    /// A RADIUS server behind the tenant.
    Radius,
}

impl Mechanism {
    /// All of them.
    pub const ALL: [Mechanism; 8] = [
        Mechanism::Up,
        Mechanism::Sq,
        Mechanism::Otp,
        Mechanism::Sms,
        Mechanism::Email,
        Mechanism::Oath,
        Mechanism::Pf,
        Mechanism::Radius,
    ];

    /// The API's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Mechanism::Up => "UP",
            Mechanism::Sq => "SQ",
            Mechanism::Otp => "OTP",
            Mechanism::Sms => "SMS",
            Mechanism::Email => "EMAIL",
            Mechanism::Oath => "OATH",
            Mechanism::Pf => "PF",
            Mechanism::Radius => "RADIUS",
        }
    }

    /// Reads the API's name, in any case; the error is what the administrator should know.
    pub(super) fn parse(name: &str) -> Result<Self, String> {
        let upper = name.to_ascii_uppercase();
        if ["U2F", "PASSKEY", "DUO", "QR"].contains(&upper.as_str()) {
            return Err(format!("{upper} does not work in a terminal"));
        }
        let found = Mechanism::ALL.into_iter().find(|m| m.name() == upper);
        found.ok_or_else(|| format!("expected one of {}, found {}", names(), quoted(name)))
    }
}

fn names() -> String {
    Mechanism::ALL.map(Mechanism::name).join(", ")
}

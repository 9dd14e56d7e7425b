//! What can go wrong with an administrator's call, in a sentence, and what to do about it.
#![forbid(unsafe_code)]

use std::fmt;

use countersign::echo::Echoes;
use countersign::tenant::failure::Failure;
use countersign::tenant::text::{ServerText, shown};

/// Room for the tenant's own words, in characters.
const WORDS: usize = 200;

/// Which call, for what is said about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The grant of a token.
    Token,
    /// [`Call::Roles`]
    Roles,
    /// [`Call::OwnPolicies`]
    OwnPolicies,
    /// [`Call::Links`]
    Links,
    /// [`Call::Block`]
    Block,
    /// [`Call::Register`]
    Register,
    /// [`Call::Save`]
    Save,
    /// [`Call::LogOut`]
    LogOut,
}

impl Kind {
    /// The path below the tenant's base.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Kind::Token => "/oauth2/token",
            Kind::Roles => "/RedRock/query",
            Kind::OwnPolicies => "/Policy/GetUsingCloudMobileGP",
            Kind::Links => "/Policy/GetNicePlinks",
            Kind::Block => "/Policy/GetPolicyBlock",
            Kind::Register => "/Policy/AddAuthPolicyModifier",
            Kind::Save => "/Policy/SavePolicyBlock3",
            Kind::LogOut => "/Security/Logout",
        }
    }

    /// What it does, behind "can't".
    #[must_use]
    pub fn does(self) -> &'static str {
        match self {
            Kind::Token => "get a token",
            Kind::Roles => "read the roles",
            Kind::OwnPolicies => "read whether the tenant uses its own policies",
            Kind::Links => "read the policy sets",
            Kind::Block => "read the policy set",
            Kind::Register => "register the challenge policy",
            Kind::Save => "save the policy set",
            Kind::LogOut => "log out",
        }
    }

    /// The right that the call needs, behind "may".
    #[must_use]
    pub fn right(self) -> &'static str {
        match self {
            Kind::Token | Kind::LogOut => "log in",
            Kind::Roles => "read roles",
            Kind::OwnPolicies | Kind::Links | Kind::Block => "read policies",
            Kind::Register | Kind::Save => "change policies",
        }
    }
}

/// Why a call gave nothing.
#[derive(Debug)]
pub enum Problem {
    /// No answer came, or none that can be believed.
    Failed(Kind, Failure),
    /// `success:false`.
    Refused {
        /// What was asked for.
        kind: Kind,
        /// `Message`.
        message: Option<ServerText>,
        /// By which the tenant's support finds it.
        transaction: Option<String>,
    },
    /// 401: the token is not taken.
    NoToken(Kind),
    /// 403: the token is good, but not for this.
    NoRight(Kind),
    /// 429 or 503.
    Busy(Kind),
    /// Another status.
    Status(Kind, u16),
    /// A reply that is no JSON by its own word.
    NotJson(Kind, String),
    /// JSON of another shape.
    Malformed(Kind, String),
    /// The token endpoint's `error`.
    ClientRefused(ServerText),
}

impl Problem {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Problem::Failed(Kind::Save, _) => UNSURE.to_owned(),
            Problem::Failed(..) => "is tenant.url right, and is the network up?".to_owned(),
            Problem::Refused { transaction, .. } => match transaction {
                Some(id) => format!("the tenant's support finds it by the transaction {id}"),
                None => "the tenant's portal may say more".to_owned(),
            },
            Problem::NoToken(_) => {
                "the token has ended or was revoked, or is for another tenant: log in again".to_owned()
            }
            Problem::NoRight(kind) => format!(
                "the scope of the OAuth application must take {}, and its user must be an administrator who may {}",
                kind.path().trim_start_matches('/'),
                kind.right()
            ),
            Problem::Busy(Kind::Save) | Problem::Busy(_) => "try again in a minute".to_owned(),
            Problem::Status(..) | Problem::NotJson(..) => {
                "is tenant.url right? Is there a proxy in between?".to_owned()
            }
            Problem::Malformed(Kind::Save, _) => UNSURE.to_owned(),
            Problem::Malformed(..) => {
                "the tenant may speak a newer version of its API: please report it".to_owned()
            }
            Problem::ClientRefused(_) => {
                "look at the client, its secret, the application and its scope in the tenant's portal".to_owned()
            }
        }
    }

    /// Removes the tenant's words that repeat a secret.
    #[must_use]
    pub fn without(self, echoes: &Echoes) -> Problem {
        match self {
            Problem::Failed(kind, failure) => Problem::Failed(kind, failure.without(echoes)),
            Problem::Refused { kind, message, transaction } => Problem::Refused {
                kind,
                message: message.map(|message| message.without(echoes)),
                transaction: transaction.filter(|id| !echoes.are_in(id)),
            },
            Problem::NotJson(kind, found) => Problem::NotJson(kind, echoes.kept_out_of(found)),
            Problem::Malformed(kind, what) => Problem::Malformed(kind, echoes.kept_out_of(what)),
            Problem::ClientRefused(why) => Problem::ClientRefused(why.without(echoes)),
            Problem::NoToken(_) | Problem::NoRight(_) | Problem::Busy(_) | Problem::Status(..) => {
                self
            }
        }
    }

    /// Whether the tenant looked at it and said no.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self, Problem::Refused { .. })
    }
}

/// A reply that did not come, or that says nothing, to what changes something.
const UNSURE: &str =
    "the change may or may not be saved: countersign policy list shows what the tenant has now";

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Failed(kind, failure) => write!(f, "can't {}: {failure}", kind.does()),
            Problem::Refused { kind, message, .. } => {
                write!(f, "the tenant refuses to {}", kind.does())?;
                let words = message.as_ref().map(|text| text.shown(WORDS));
                match words.filter(|words| !words.is_empty()) {
                    Some(words) => write!(f, ": \"{}\"", words.replace('"', "'")),
                    None => Ok(()),
                }
            }
            Problem::NoToken(kind) => {
                write!(
                    f,
                    "can't {}: the tenant does not take the token (HTTP status 401)",
                    kind.does()
                )
            }
            Problem::NoRight(kind) => {
                write!(f, "can't {}: the right is missing (HTTP status 403)", kind.does())
            }
            Problem::Busy(kind) => write!(f, "can't {}: the tenant is too busy", kind.does()),
            Problem::Status(kind, status) => {
                write!(f, "can't {}: HTTP status {status}", kind.does())
            }
            Problem::NotJson(kind, found) => {
                let found = shown(found, 60);
                write!(f, "can't {}: a reply of type \"{found}\"", kind.does())
            }
            Problem::Malformed(kind, what) => {
                write!(f, "can't {}: the reply is {what}", kind.does())
            }
            Problem::ClientRefused(why) => {
                write!(f, "the tenant refuses the client: {}", why.shown(WORDS))
            }
        }
    }
}

//! What Countersign asks the tenant, and how each request looks on the wire.
//!
//! Source of names and shapes: the StartAuthentication, AdvanceAuthentication and
//! CleanupAuthentication pages of the CyberArk Identity API, and what live tenants have been seen
//! to take.
#![forbid(unsafe_code)]

use std::borrow::Cow;

use serde::{Serialize, Serializer, ser::SerializeMap};
use zeroize::Zeroizing;

use crate::secret::Shared;

/// Headers of every request. Each family of tenants documents another one of the two native-client
/// headers, and neither minds the other's. Without `OobIdPAuth` a federated user's reply has no
/// short URL.
const HEADERS: [(&str, &str); 3] = [
    ("X-CENTRIFY-NATIVE-CLIENT", "true"),
    ("X-IDAP-NATIVE-CLIENT", "true"),
    ("OobIdPAuth", "true"),
];

/// One request to the tenant.
pub enum Request {
    /// Opens a session for `user`.
    Start {
        /// Sent only if the configuration names it.
        tenant_id: Option<String>,
        /// The tenant's name of the user.
        user: String,
    },
    /// Answers, starts or polls mechanisms of an open session.
    Advance {
        /// Which session.
        session: Session,
        /// One operation, or several in one request (`MultipleOperations`).
        operations: Vec<Operation>,
    },
    /// Asks whether a federated user has finished in the browser.
    Status {
        /// The `IdpLoginSessionId`.
        session: String,
    },
    /// Asks who a token was given to.
    Whoami,
    /// Asks for a token for this machine itself (RFC 6749, section 4.4).
    Token {
        /// The OAuth application.
        app: String,
        /// Where the tenant has its tokens.
        below: Below,
        /// The form-encoded grant.
        form: Zeroizing<Vec<u8>>,
    },
    /// Asks for the challenges of a policy, for a user who has logged in already.
    Challenge {
        /// The tenant's name of the user.
        user: String,
        /// `PolicyModifier`: the policy's name.
        policy: String,
    },
    /// Abandons a session. The reply says nothing.
    Cleanup {
        /// Which session.
        session: Session,
    },
}

/// Below what a tenant has its OAuth tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Below {
    /// The address of the tenant, as in the documentation.
    Root,
    /// `/api`, as on the Delinea Platform.
    Api,
}

impl Below {
    fn prefix(self) -> &'static str {
        match self {
            Self::Root => "",
            Self::Api => "/api",
        }
    }
}

/// A session, as the tenant named it. Both parts are opaque.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    /// `SessionId`.
    pub id: String,
    /// `TenantId`, once known.
    pub tenant_id: Option<String>,
}

/// One thing to do with one mechanism.
#[derive(Clone)]
pub struct Operation {
    /// `MechanismId`.
    pub mechanism: String,
    /// What to do with it.
    pub action: Action,
}

/// `Action` of AdvanceAuthentication.
#[derive(Clone)]
pub enum Action {
    /// `Answer`.
    Answer(Answer),
    /// `StartOOB`: send the push, the text, the mail, or call.
    StartOob,
    /// `Poll`.
    Poll,
}

/// `Answer` of AdvanceAuthentication.
#[derive(Clone)]
pub enum Answer {
    /// A password or a code.
    Text(Shared),
    /// Answers to several security questions: `Uuid` and text.
    Parts(Vec<(String, Shared)>),
}

impl Request {
    /// The id of the session that it is about.
    #[must_use]
    pub fn session(&self) -> Option<&str> {
        match self {
            Request::Advance { session, .. } | Request::Cleanup { session } => Some(&session.id),
            Request::Status { session, .. } => Some(session),
            Request::Start { .. }
            | Request::Whoami
            | Request::Token { .. }
            | Request::Challenge { .. } => None,
        }
    }

    /// The path below the tenant's base URL.
    #[must_use]
    pub fn path(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Start { .. } => "/Security/StartAuthentication",
            Self::Advance { .. } => "/Security/AdvanceAuthentication",
            Self::Status { .. } => "/Security/OobAuthStatus",
            Self::Whoami => "/Security/Whoami",
            Self::Token { app, below, .. } => {
                return Cow::Owned(format!("{}/oauth2/token/{app}", below.prefix()));
            }
            Self::Challenge { .. } => "/Security/OnDemandChallenge",
            Self::Cleanup { .. } => "/Security/CleanupAuthentication",
        })
    }

    /// The headers, but for the authorization.
    #[must_use]
    pub fn headers(&self) -> Vec<(&'static str, &'static str)> {
        let kind = match self {
            Self::Token { .. } => "application/x-www-form-urlencoded",
            Self::Start { .. }
            | Self::Advance { .. }
            | Self::Status { .. }
            | Self::Whoami
            | Self::Challenge { .. }
            | Self::Cleanup { .. } => "application/json",
        };
        [("Content-Type", kind)].into_iter().chain(HEADERS).collect()
    }

    /// What the request does, for the log. Holds no secret.
    #[must_use]
    pub fn summary(&self) -> String {
        match self {
            Self::Start { .. } => "StartAuthentication".to_owned(),
            Self::Advance { operations, .. } => {
                let actions: Vec<_> = operations.iter().map(|o| o.action.name()).collect();
                format!("AdvanceAuthentication {}", actions.join("+"))
            }
            Self::Status { .. } => "OobAuthStatus".to_owned(),
            Self::Whoami => "Whoami".to_owned(),
            Self::Token { .. } => "token".to_owned(),
            Self::Challenge { .. } => "OnDemandChallenge".to_owned(),
            Self::Cleanup { .. } => "CleanupAuthentication".to_owned(),
        }
    }

    /// The JSON body. It may hold the password, so it is wiped.
    #[must_use]
    pub fn body(&self) -> Zeroizing<Vec<u8>> {
        if let Self::Token { form, .. } = self {
            return form.clone();
        }
        let mut body = Zeroizing::new(Vec::with_capacity(1024));
        // Strings and maps into a vector: nothing here can fail. If it ever did, an incomplete body
        // is no request.
        if serde_json::to_writer(&mut *body, self).is_err() {
            body.clear();
        }
        body
    }
}

impl Action {
    /// The word that goes over the wire.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Answer(_) => "Answer",
            Self::StartOob => "StartOOB",
            Self::Poll => "Poll",
        }
    }
}

impl Serialize for Request {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self {
            Self::Start { tenant_id, user } => {
                tenant(&mut map, tenant_id.as_deref())?;
                map.serialize_entry("User", user)?;
                map.serialize_entry("Version", "1.0")?;
            }
            Self::Advance { session, operations } => {
                tenant(&mut map, session.tenant_id.as_deref())?;
                map.serialize_entry("SessionId", &session.id)?;
                match operations.as_slice() {
                    [one] => one.entries(&mut map)?,
                    several => map.serialize_entry("MultipleOperations", several)?,
                }
                map.serialize_entry("PersistentLogin", &false)?;
            }
            Self::Status { session } => map.serialize_entry("SessionId", session)?,
            Self::Challenge { user, policy } => {
                map.serialize_entry("User", user)?;
                map.serialize_entry("arguments", &())?;
                map.serialize_entry("PolicyModifier", policy)?;
            }
            Self::Whoami | Self::Token { .. } => {}
            Self::Cleanup { session } => {
                tenant(&mut map, session.tenant_id.as_deref())?;
                map.serialize_entry("SessionId", &session.id)?;
            }
        }
        map.end()
    }
}

fn tenant<M: SerializeMap>(map: &mut M, id: Option<&str>) -> Result<(), M::Error> {
    id.map_or(Ok(()), |id| map.serialize_entry("TenantId", id))
}

impl Operation {
    fn entries<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry("MechanismId", &self.mechanism)?;
        map.serialize_entry("Action", self.action.name())?;
        match &self.action {
            Action::Answer(answer) => map.serialize_entry("Answer", answer),
            Action::StartOob | Action::Poll => Ok(()),
        }
    }
}

impl Serialize for Operation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.entries(&mut map)?;
        map.end()
    }
}

impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text.expose()),
            Self::Parts(parts) => {
                serializer.collect_map(parts.iter().map(|(uuid, text)| (uuid, text.expose())))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn body(request: &Request) -> String {
        String::from_utf8(request.body().to_vec()).unwrap()
    }

    fn session() -> Session {
        Session { id: "S1".into(), tenant_id: Some("ABC1234".into()) }
    }

    fn answer(text: &str) -> Action {
        Action::Answer(Answer::Text(Secret::new(text).into()))
    }

    #[test]
    fn a_start_names_the_user_and_the_version() {
        let request = Request::Start { tenant_id: None, user: "a\",\"User\":\"root".into() };
        assert_eq!(body(&request), r#"{"User":"a\",\"User\":\"root","Version":"1.0"}"#);
        let request = Request::Start { tenant_id: Some("ABC1234".into()), user: "a@b".into() };
        assert_eq!(body(&request), r#"{"TenantId":"ABC1234","User":"a@b","Version":"1.0"}"#);
    }

    #[test]
    fn a_challenge_names_the_user_and_the_policy() {
        let request = Request::Challenge { user: "a@b".into(), policy: "test1".into() };
        let expected = r#"{"User":"a@b","arguments":null,"PolicyModifier":"test1"}"#;
        assert_eq!(body(&request), expected);
        assert_eq!(request.path(), "/Security/OnDemandChallenge");
    }

    #[test]
    fn a_token_is_asked_for_with_a_form() {
        let form = Zeroizing::new(b"grant_type=client_credentials".to_vec());
        let token = |below| Request::Token { app: "_genericmfa".into(), below, form: form.clone() };
        let path = "/api/oauth2/token/_genericmfa";
        assert_eq!(token(Below::Api).path(), path);
        let request = token(Below::Root);
        assert_eq!(request.path(), "/oauth2/token/_genericmfa");
        assert_eq!(body(&request), "grant_type=client_credentials");
        let kind = ("Content-Type", "application/x-www-form-urlencoded");
        assert!(request.headers().contains(&kind));
    }

    #[test]
    fn one_operation_is_written_plainly() {
        let operations = vec![Operation { mechanism: "M1".into(), action: answer("p\"w") }];
        assert_eq!(
            body(&Request::Advance { session: session(), operations }),
            r#"{"TenantId":"ABC1234","SessionId":"S1","MechanismId":"M1","Action":"Answer","Answer":"p\"w","PersistentLogin":false}"#
        );
    }

    #[test]
    fn several_operations_travel_together() {
        let operations = vec![
            Operation { mechanism: "M1".into(), action: answer("pw") },
            Operation { mechanism: "M2".into(), action: Action::StartOob },
        ];
        assert_eq!(
            body(&Request::Advance { session: session(), operations }),
            concat!(
                r#"{"TenantId":"ABC1234","SessionId":"S1","MultipleOperations":["#,
                r#"{"MechanismId":"M1","Action":"Answer","Answer":"pw"},"#,
                r#"{"MechanismId":"M2","Action":"StartOOB"}],"PersistentLogin":false}"#
            )
        );
    }

    #[test]
    fn several_security_answers_are_keyed_by_question() {
        let parts = vec![
            ("id1".to_owned(), Secret::new("Rex").into()),
            ("id2".to_owned(), Secret::new("Rome").into()),
        ];
        let action = Action::Answer(Answer::Parts(parts));
        let operations = vec![Operation { mechanism: "M1".into(), action }];
        let text = body(&Request::Advance { session: session(), operations });
        assert!(text.contains(r#""Answer":{"id1":"Rex","id2":"Rome"}"#), "{text}");
    }

    #[test]
    fn the_log_summary_of_a_request_holds_no_answer() {
        let operations = vec![
            Operation { mechanism: "M1".into(), action: answer("hunter2") },
            Operation { mechanism: "M2".into(), action: Action::StartOob },
        ];
        let request = Request::Advance { session: session(), operations };
        assert_eq!(request.summary(), "AdvanceAuthentication Answer+StartOOB");
    }
}

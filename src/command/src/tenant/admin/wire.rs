//! The calls as they look on the wire, and their replies decoded.
#![forbid(unsafe_code)]

use serde_json::json;

use super::block::Block;
use super::json::Json;
use super::refusal::{Kind, Problem};
use countersign::secret::Secret;
use countersign::tenant::http::Response;
use countersign::tenant::text::ServerText;

/// The query of the documentation.
const ROLES: &str =
    "Select *, COALESCE(Name, ID) AS DisplayName from Role ORDER BY DisplayName COLLATE NOCASE";

/// One call.
pub enum Call<'a> {
    /// All roles.
    Roles,
    /// Whether the tenant uses its own policies at all.
    OwnPolicies,
    /// Which policy sets exist, and to which users each applies.
    Links,
    /// One policy set.
    Block(&'a str),
    /// Makes the name of a challenge policy known.
    Register(&'a str),
    /// Saves a policy set on top of what was read.
    Save {
        /// The block, with the `RevStamp` that was read.
        block: &'a Block,
        /// The links, as they were read.
        links: &'a Links,
    },
    /// Makes the token void.
    LogOut,
}

impl Call<'_> {
    /// Which it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Call::Roles => Kind::Roles,
            Call::OwnPolicies => Kind::OwnPolicies,
            Call::Links => Kind::Links,
            Call::Block(_) => Kind::Block,
            Call::Register(_) => Kind::Register,
            Call::Save { .. } => Kind::Save,
            Call::LogOut => Kind::LogOut,
        }
    }

    /// Whether it changes nothing, so that it can be repeated.
    #[must_use]
    pub fn only_reads(&self) -> bool {
        match self {
            Call::Roles | Call::OwnPolicies | Call::Links | Call::Block(_) => true,
            Call::Register(_) | Call::Save { .. } | Call::LogOut => false,
        }
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> String {
        match self {
            Call::Roles => json!({"Script": ROLES, "Args": everything()}).to_string(),
            Call::Links => json!({"Args": everything()}).to_string(),
            Call::OwnPolicies | Call::LogOut => "{}".to_owned(),
            Call::Block(path) => json!({"name": path}).to_string(),
            Call::Register(name) => json!({"PolicyModifier": name}).to_string(),
            Call::Save { block, links } => Json::object([
                ("policy", block.as_sent()),
                ("plinks", Json::Array(links.rows().cloned().collect())),
            ])
            .compact(),
        }
    }
}

/// The arguments of the documentation: one page that holds all.
fn everything() -> serde_json::Value {
    json!({"PageNumber": 1, "PageSize": 100_000, "Limit": 100_000, "SortBy": "", "direction": "False", "Caching": -1})
}

/// `Result` of a reply.
///
/// # Errors
///
/// Everything but JSON that says `success:true`.
pub fn result(kind: Kind, response: &Response) -> Result<Json, Problem> {
    match response.status {
        200 => {}
        401 => return Err(Problem::NoToken(kind)),
        403 => return Err(Problem::NoRight(kind)),
        429 | 503 => return Err(Problem::Busy(kind)),
        status => return Err(Problem::Status(kind, status)),
    }
    let found = response.content_type.as_deref().unwrap_or_default();
    let essence = found.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(Problem::NotJson(kind, found.to_owned()));
    }
    let reply = Json::parse(&response.body).map_err(|what| Problem::Malformed(kind, what))?;
    match reply.get("success").and_then(Json::as_flag) {
        Some(true) => {
            reply.get("Result").cloned().ok_or_else(|| malformed(kind, "without a result"))
        }
        Some(false) => Err(Problem::Refused {
            kind,
            message: reply.get("Message").and_then(Json::as_text).map(ServerText::new),
            transaction: response.transaction.clone(),
        }),
        None => Err(malformed(kind, "without success")),
    }
}

fn malformed(kind: Kind, what: &str) -> Problem {
    Problem::Malformed(kind, what.to_owned())
}

/// A role of the tenant.
pub struct Role {
    /// `ID`
    pub id: String,
    /// `Name`
    pub name: String,
    /// `Description`
    pub description: String,
}

/// The roles of a result.
///
/// # Errors
///
/// A table of another shape.
pub fn roles(result: &Json) -> Result<Vec<Role>, Problem> {
    let role = |row: &Json| {
        let field = |key| row.get(key).and_then(Json::as_text);
        let id = field("ID")?;
        Some(Role {
            name: field("Name").unwrap_or_else(|| id.clone()),
            id,
            description: field("Description").unwrap_or_default(),
        })
    };
    let read = rows(Kind::Roles, result)?.map(|row| row.and_then(role));
    let read: Option<_> = read.collect();
    read.ok_or_else(|| malformed(Kind::Roles, "a role without an id"))
}

fn rows(kind: Kind, result: &Json) -> Result<impl Iterator<Item = Option<&Json>>, Problem> {
    match result.get("Results") {
        Some(Json::Array(entries)) => Ok(entries.iter().map(|entry| entry.get("Row"))),
        Some(Json::Object(_) | Json::Leaf(_)) | None => Err(malformed(kind, "without a table")),
    }
}

/// `useCloudGP`, if the reply says.
#[must_use]
pub fn own_policies(result: &Json) -> Option<bool> {
    result.get("useCloudGP").and_then(Json::as_flag)
}

/// All policy sets, in their order, as they came.
#[derive(Clone, Debug, PartialEq)]
pub struct Links(Vec<Json>);

/// One policy set, and the users to which it applies.
pub struct Link<'a>(&'a Json);

impl Links {
    /// The links of a result.
    ///
    /// # Errors
    ///
    /// A table of another shape.
    pub fn read(result: &Json) -> Result<Self, Problem> {
        let rows: Option<Vec<_>> = rows(Kind::Links, result)?.map(|row| row.cloned()).collect();
        let links = Links(rows.ok_or_else(|| malformed(Kind::Links, "a table without rows"))?);
        let is_named = links.iter().all(|link| link.path().is_some());
        if is_named {
            Ok(links)
        } else {
            Err(malformed(Kind::Links, "a policy set without a name"))
        }
    }

    /// Each as it came.
    pub fn rows(&self) -> impl Iterator<Item = &Json> {
        self.0.iter()
    }

    /// Each, to be understood.
    pub fn iter(&self) -> impl Iterator<Item = Link<'_>> {
        self.0.iter().map(Link)
    }
}

impl Link<'_> {
    fn field(&self, key: &str) -> Option<String> {
        self.0.get(key).and_then(Json::as_text)
    }

    /// The policy set, such as `/Policy/Default Policy`.
    #[must_use]
    pub fn path(&self) -> Option<String> {
        self.field("PolicySet").or_else(|| self.field("ID"))
    }

    /// `LinkType`: `Global`, `Role`, `Collection`, `Inactive`.
    #[must_use]
    pub fn kind(&self) -> String {
        self.field("LinkType").unwrap_or_default()
    }

    /// `Params`: for a link of this kind, the ids of roles.
    #[must_use]
    pub fn params(&self) -> Vec<String> {
        let params = self.0.get("Params").map(Json::elements).unwrap_or_default();
        params.iter().filter_map(Json::as_text).collect()
    }
}

/// What makes an administrator of the user who has just logged in: by the documentation, any of
/// these is a bearer token.
#[must_use]
pub fn bearer(body: &[u8]) -> Option<Secret> {
    let reply = Json::parse(body).ok()?;
    let result = reply.get("Result")?;
    let tokens = result.get("OAuthTokens").and_then(|tokens| tokens.get("access_token"));
    let found = [result.get("Token"), tokens, result.get("Auth")];
    let mut texts = found.into_iter().flatten().filter_map(Json::as_text);
    texts.find(|text| is_token(text)).map(|text| Secret::new(&text))
}

/// Whether it can stand in a header.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())
}

/// `RevStamp` of what was saved.
///
/// # Errors
///
/// A result without one.
pub fn stamp(result: &Json) -> Result<String, Problem> {
    let stamp = result.get("RevStamp").and_then(Json::as_text);
    stamp.ok_or_else(|| malformed(Kind::Save, "without a RevStamp"))
}

//! The JSON of a reply, before it means anything: the envelope, the keys that matter, and what
//! can't be believed.
#![forbid(unsafe_code)]

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use zeroize::Zeroizing;

use crate::tenant::json;

/// A reply that can't be believed. The text says what was wrong with it and holds none of its
/// content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed(pub String);

/// The deepest nesting that a reply may have. A real package has five levels.
const MAX_DEPTH: usize = 16;

/// `None` is the failure envelope.
pub(super) fn envelope(body: &[u8]) -> Result<Option<Body>, Malformed> {
    let text = json::text(body, MAX_DEPTH).map_err(malformed)?;
    let Object::<Envelope>(envelope) = match serde_json::from_str(text) {
        Ok(envelope) => envelope,
        Err(_) if is_refusal(text) => return Ok(None),
        Err(error) => return Err(describe(&error)),
    };
    match (envelope.success, envelope.result) {
        (false, _) => Ok(None),
        (true, Some(Object(result))) => Ok(Some(result)),
        (true, None) => Err(malformed("a success without a result")),
    }
}

/// Whether a reply says `success:false`, whatever else it holds: a refusal needs no result of any
/// shape.
fn is_refusal(text: &str) -> bool {
    let refusal: Result<Object<Refusal>, _> = serde_json::from_str(text);
    refusal.is_ok_and(|Object(refusal)| !refusal.success)
}

#[derive(Deserialize)]
struct Refusal {
    success: bool,
}

/// serde's own messages quote what they met, so only the place and the kind are told.
fn describe(error: &serde_json::Error) -> Malformed {
    let kind = match error.classify() {
        serde_json::error::Category::Syntax => "not JSON",
        serde_json::error::Category::Data => "JSON of another shape",
        serde_json::error::Category::Eof => "JSON that ends too early",
        serde_json::error::Category::Io => "unreadable",
    };
    Malformed(format!("{kind} (line {}, column {})", error.line(), error.column()))
}

/// A JSON object. serde would take an array too, for the fields in their order.
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

#[derive(Deserialize)]
struct Envelope {
    success: bool,
    #[serde(rename = "Result")]
    result: Option<Object<Body>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Body {
    pub(super) summary: Option<String>,
    pub(super) session_id: Option<String>,
    pub(super) tenant_id: Option<String>,
    pub(super) challenges: Option<Vec<Object<RawChallenge>>>,
    pub(super) retry_waiting_time: Option<u64>,
    pub(super) pod_fqdn: Option<String>,
    pub(super) generated_auth_value: Option<Number>,
    pub(super) result_applies_to: Option<String>,
    pub(super) user: Option<String>,
    pub(super) token: Option<Zeroizing<String>>,
    pub(super) state: Option<String>,
    pub(super) redirect: Option<String>,
    pub(super) idp_redirect_url: Option<String>,
    pub(super) idp_redirect_short_url: Option<String>,
    pub(super) idp_login_session_id: Option<String>,
    pub(super) idp_oob_auth_pin_required: Option<bool>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Number {
    Text(String),
    Integer(u32),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RawChallenge {
    pub(super) mechanisms: Vec<Entry>,
}

/// A mechanism, or what stands in its place: the other mechanisms are offered all the same.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Entry {
    Readable(Box<Object<RawMechanism>>),
    Named(Object<OnlyName>),
    Garbled(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OnlyName {
    pub(super) name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RawMechanism {
    pub(super) name: String,
    pub(super) mechanism_id: String,
    pub(super) answer_type: Option<String>,
    pub(super) prompt_select_mech: Option<String>,
    pub(super) prompt_mech_chosen: Option<String>,
    partial_device_address: Option<TextOrElse>,
    partial_phone_number: Option<TextOrElse>,
    masked_email_address: Option<TextOrElse>,
    partial_address: Option<TextOrElse>,
    ui_prompt: Option<TextOrElse>,
    pub(super) enrolled: Option<bool>,
    pub(super) question: Option<String>,
    pub(super) multipart_mechanism: Option<Object<RawMultipart>>,
}

impl RawMechanism {
    /// Where the message, the call or the mail goes, or the administrator's name for the
    /// authenticator.
    pub(super) fn places(&self) -> Vec<&str> {
        let all = [
            &self.partial_device_address,
            &self.partial_phone_number,
            &self.masked_email_address,
            &self.partial_address,
            &self.ui_prompt,
        ];
        let texts = all.into_iter().flatten().filter_map(TextOrElse::text);
        texts.map(str::trim).filter(|text| !text.is_empty()).collect()
    }
}

/// A text that only helps: a value of another type is no reason to refuse the reply.
#[derive(Deserialize)]
#[serde(untagged)]
enum TextOrElse {
    Text(String),
    Else(serde::de::IgnoredAny),
}

impl TextOrElse {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Else(_) => None,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RawMultipart {
    pub(super) mechanism_parts: Option<Vec<Object<RawPart>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RawPart {
    pub(super) uuid: String,
    pub(super) question_text: String,
}

pub(super) fn malformed(what: &str) -> Malformed {
    Malformed(what.to_owned())
}

//! JSON that is given back as it came: the order of its keys, the spelling of its numbers and
//! strings, and what this version does not know.
#![forbid(unsafe_code)]

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// Deeper than anything that a policy holds.
const MAX_DEPTH: usize = 32;

/// A value.
#[derive(Clone, Debug)]
pub enum Json {
    /// Its members, in the order in which they came.
    Object(Vec<(String, Json)>),
    /// Its elements.
    Array(Vec<Json>),
    /// A string, a number, true, false or null, as it was spelt.
    Leaf(Box<RawValue>),
}

impl Json {
    /// Reads a whole text.
    ///
    /// # Errors
    ///
    /// That it is no JSON, and where; or that it is nested too deeply.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let text = countersign::tenant::json::text(text, MAX_DEPTH)?;
        let raw: &RawValue = serde_json::from_str(text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            format!("not JSON (line {line}, column {column})")
        })?;
        Self::read(raw, 0)
    }

    fn read(raw: &RawValue, depth: usize) -> Result<Self, String> {
        if depth > MAX_DEPTH {
            return Err("nested too deeply".to_owned());
        }
        let text = raw.get();
        let broken = |_| "not JSON".to_owned();
        if text.starts_with('{') {
            let Members(members) = serde_json::from_str(text).map_err(broken)?;
            let read = |(key, raw): (String, &RawValue)| Ok((key, Self::read(raw, depth + 1)?));
            return members.into_iter().map(read).collect::<Result<_, _>>().map(Json::Object);
        }
        if text.starts_with('[') {
            let elements: Vec<&RawValue> = serde_json::from_str(text).map_err(broken)?;
            let read = |raw| Self::read(raw, depth + 1);
            return elements.into_iter().map(read).collect::<Result<_, _>>().map(Json::Array);
        }
        Ok(Json::Leaf(raw.to_owned()))
    }

    /// A string.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::leaf(&text)
    }

    /// True or false.
    #[must_use]
    pub fn flag(flag: bool) -> Self {
        Self::leaf(&flag)
    }

    /// An object of these members.
    #[must_use]
    pub fn object<const N: usize>(members: [(&str, Json); N]) -> Self {
        Json::Object(members.map(|(key, value)| (key.to_owned(), value)).into())
    }

    fn leaf(value: &impl Serialize) -> Self {
        // Strings and flags can't fail; an empty list is what no tenant takes.
        serde_json::value::to_raw_value(value).map_or_else(|_| Json::Array(Vec::new()), Json::Leaf)
    }

    /// A member of an object: the last of this name, as any reader takes it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Json> {
        let found = self.members().iter().rev().find(|(name, _)| name == key);
        found.map(|(_, value)| value)
    }

    /// The members of an object; none for anything else.
    #[must_use]
    pub fn members(&self) -> &[(String, Json)] {
        match self {
            Json::Object(members) => members,
            Json::Array(_) | Json::Leaf(_) => &[],
        }
    }

    /// The members of an object, to be changed.
    pub fn members_mut(&mut self) -> Option<&mut Vec<(String, Json)>> {
        match self {
            Json::Object(members) => Some(members),
            Json::Array(_) | Json::Leaf(_) => None,
        }
    }

    /// The elements of a list; none for anything else.
    #[must_use]
    pub fn elements(&self) -> &[Json] {
        match self {
            Json::Array(elements) => elements,
            Json::Object(_) | Json::Leaf(_) => &[],
        }
    }

    /// Puts a member in its place, or behind the others.
    pub fn set(&mut self, key: &str, value: Json) {
        let Some(members) = self.members_mut() else {
            return;
        };
        match members.iter_mut().rev().find(|(name, _)| name == key) {
            Some((_, old)) => *old = value,
            None => members.push((key.to_owned(), value)),
        }
    }

    /// What a string says; a number as it is spelt.
    #[must_use]
    pub fn as_text(&self) -> Option<String> {
        let Json::Leaf(raw) = self else {
            return None;
        };
        match raw.get() {
            "null" | "true" | "false" => None,
            text if text.starts_with('"') => serde_json::from_str(text).ok(),
            number => Some(number.to_owned()),
        }
    }

    /// True and false, which some clients write as strings.
    #[must_use]
    pub fn as_flag(&self) -> Option<bool> {
        let Json::Leaf(raw) = self else {
            return None;
        };
        match raw.get().trim_matches('"').to_ascii_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// Null.
    #[cfg(test)]
    pub fn is_null(&self) -> bool {
        matches!(self, Json::Leaf(raw) if raw.get() == "null")
    }

    /// Whether another value means what this one means, however each is written.
    #[must_use]
    pub fn means(&self, other: &Json) -> bool {
        match (self.value(), other.value()) {
            (Some(mine), Some(others)) => is_same(&mine, &others),
            (None, _) | (_, None) => false,
        }
    }

    fn value(&self) -> Option<Value> {
        serde_json::from_str(&self.compact()).ok()
    }

    /// The text without white space.
    #[must_use]
    pub fn compact(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The text with a line for each member, for people.
    #[must_use]
    pub fn pretty(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

/// `1.0` is `1` here.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            let is_float = one.is_f64() || other.is_f64();
            one == other || is_float && one.as_f64() == other.as_f64()
        }
        (Value::Array(one), Value::Array(other)) => {
            let mut both = one.iter().zip(other);
            one.len() == other.len() && both.all(|(one, other)| is_same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let is_there = |(key, value)| other.get(key).is_some_and(|other| is_same(value, other));
            one.len() == other.len() && one.iter().all(is_there)
        }
        _ => one == other,
    }
}

/// By what is written, not by what it means: `1.0` is not `1`.
impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.compact() == other.compact()
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Json::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (key, value) in members {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
            Json::Array(elements) => {
                let mut list = serializer.serialize_seq(Some(elements.len()))?;
                for element in elements {
                    list.serialize_element(element)?;
                }
                list.end()
            }
            Json::Leaf(raw) => raw.serialize(serializer),
        }
    }
}

/// The members of an object in their order, each as it is spelt.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InOrder)
    }
}

struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spelt_otherwise_means_the_same() {
        let means = |one: &str, other: &str| {
            let read = |text: &str| Json::parse(text.as_bytes()).unwrap();
            read(one).means(&read(other))
        };
        for (one, other) in [
            (r#"{"a":1.0,"b":[1e3,"\u00fc"]}"#, r#"{ "b": [1000, "ü"], "a": 1 }"#),
            ("18446744073709551615", "18446744073709551615"),
            ("null", "null"),
        ] {
            assert!(means(one, other) && means(other, one), "{one} {other}");
        }
        for (one, other) in [
            ("1", "\"1\""),
            ("18446744073709551615", "18446744073709551614"),
            ("[1]", "[1,2]"),
            (r#"{"a":1}"#, r#"{"a":1,"b":null}"#),
            ("true", "null"),
        ] {
            assert!(!means(one, other) && !means(other, one), "{one} {other}");
        }
    }

    #[test]
    fn what_came_is_given_back_as_it_came() {
        for text in [
            r#"{"b":1.0,"a":1e5,"c":-0,"d":18446744073709551617,"e":"\u00e9\/x","b":null}"#,
            r#"[{},[],"",true,false,{"_Type":"RowSet","_Value":[{"x":0.10}]}]"#,
            "null",
        ] {
            assert_eq!(Json::parse(text.as_bytes()).unwrap().compact(), text);
        }
        let spaced = Json::parse(b" { \"a\" : [ 1 , 2 ] } ").unwrap();
        assert_eq!(spaced.compact(), r#"{"a":[1,2]}"#);
        assert_eq!(spaced.pretty(), "{\n  \"a\": [\n    1,\n    2\n  ]\n}");
    }

    #[test]
    fn what_is_no_json_or_far_too_deep_is_refused() {
        let problem = |text: &str| Json::parse(text.as_bytes()).unwrap_err();
        assert_eq!(problem("{\"a\":1,}"), "not JSON (line 1, column 8)");
        assert_eq!(problem(""), "not JSON (line 1, column 0)");
        assert_eq!(problem(&"[".repeat(100_000)), "nested too deeply");
        let deep = format!("{}{}", "[".repeat(40), "]".repeat(40));
        assert_eq!(problem(&deep), "nested too deeply");
    }

    #[test]
    fn members_are_found_replaced_and_added() {
        let mut json = Json::parse(br#"{"a":"1","f":"True","n":7,"a":"2"}"#).unwrap();
        assert_eq!(json.get("a").and_then(Json::as_text).as_deref(), Some("2"));
        assert_eq!(json.get("n").and_then(Json::as_text).as_deref(), Some("7"));
        assert_eq!(json.get("f").and_then(Json::as_flag), Some(true));
        json.set("n", Json::flag(false));
        json.set("z", Json::text("\"<\u{7}"));
        assert_eq!(json.compact(), r#"{"a":"1","f":"True","n":false,"a":"2","z":"\"<\u0007"}"#);
    }

    #[test]
    fn two_are_the_same_where_they_are_spelt_alike() {
        let json = |text: &str| Json::parse(text.as_bytes()).unwrap();
        assert_eq!(json(r#"{"a": 1}"#), json(r#"{"a":1}"#));
        assert_ne!(json(r#"{"a":1}"#), json(r#"{"a":1.0}"#));
        assert_ne!(json(r#"{"a":1,"b":2}"#), json(r#"{"b":2,"a":1}"#));
    }
}

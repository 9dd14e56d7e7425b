//! A rule of a challenge policy, as it is typed and as it is sent: conditions, and the profile
//! where they hold.
#![forbid(unsafe_code)]

use super::json::Json;

/// Between the conditions and the profile.
const THEN: &str = " then ";
/// Between two conditions.
const AND: &str = " and ";

/// `DateRange OpBetween L,02/23/2018,02/28/2018 then Second Factor Only`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// All must hold.
    pub conditions: Vec<Condition>,
    /// Name or id of the profile.
    pub profile: String,
}

/// `Prop`, `Op` and `Val` of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// What is looked at, such as `DateRange`.
    pub prop: String,
    /// How, such as `OpBetween`.
    pub op: String,
    /// With what, where it takes something.
    pub val: Option<String>,
}

impl Rule {
    /// Reads a rule as it is typed.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (conditions, profile) =
            text.rsplit_once(THEN).ok_or("expected conditions, \"then\" and a profile")?;
        let profile = profile.trim();
        if profile.is_empty() {
            return Err("no profile behind \"then\"".to_owned());
        }
        let conditions = conditions.split(AND).map(Condition::parse);
        Ok(Rule { conditions: conditions.collect::<Result<_, _>>()?, profile: profile.to_owned() })
    }

    /// The rule as it is sent; `profile` is an id.
    #[must_use]
    pub fn json(&self, profile: &str) -> Json {
        let conditions = self.conditions.iter().map(Condition::json).collect();
        Json::object([("Conditions", Json::Array(conditions)), ("ProfileId", Json::text(profile))])
    }
}

impl Condition {
    fn parse(text: &str) -> Result<Self, String> {
        let mut words = text.trim().splitn(3, ' ');
        let (prop, op) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let val = words.next().map(|val| val.trim().to_owned());
        if !is_word(prop) || !is_word(op) || !op.starts_with("Op") {
            return Err(format!(
                "expected a condition such as \"DateRange OpBetween L,02/23/2018,02/28/2018\", found {text:?}"
            ));
        }
        if prop == "DateRange" {
            date_range(val.as_deref().unwrap_or_default())?;
        }
        Ok(Condition { prop: prop.to_owned(), op: op.to_owned(), val })
    }

    fn json(&self) -> Json {
        let mut condition =
            Json::object([("Prop", Json::text(&self.prop)), ("Op", Json::text(&self.op))]);
        if let Some(val) = &self.val {
            condition.set("Val", Json::text(val));
        }
        condition
    }
}

fn is_word(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The one value whose form is known: a day of the wrong form would hold at no time, or at all
/// times.
fn date_range(val: &str) -> Result<(), String> {
    let wrong = || format!("expected a DateRange such as L,02/23/2018,02/28/2018, found {val:?}");
    let fields: Vec<_> = val.split(',').collect();
    let [kind, from, to] = fields.as_slice() else {
        return Err(wrong());
    };
    let is_kind = kind.len() == 1 && kind.bytes().all(|b| b.is_ascii_uppercase());
    match (day(from), day(to)) {
        (Some(from), Some(to)) if is_kind && from <= to => Ok(()),
        (Some(from), Some(to)) if is_kind && from > to => {
            Err(format!("a DateRange that ends before it begins: {val}"))
        }
        _ => Err(wrong()),
    }
}

/// Year, month and day of `MM/DD/YYYY`.
fn day(text: &str) -> Option<(u16, u8, u8)> {
    let fields: Vec<_> = text.split('/').collect();
    let [month, day, year] = fields.as_slice() else {
        return None;
    };
    let is_number =
        |text: &str, length| text.len() == length && text.bytes().all(|b| b.is_ascii_digit());
    if !is_number(month, 2) || !is_number(day, 2) || !is_number(year, 4) {
        return None;
    }
    let (year, month, day) = (year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
    let is_day = (1..=12).contains(&month) && (1..=31).contains(&day);
    is_day.then_some((year, month, day))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_sent_as_the_documentation_has_it() {
        let rule =
            Rule::parse("DateRange OpBetween L,02/23/2018,02/28/2018 then Second Factor").unwrap();
        assert_eq!(rule.profile, "Second Factor");
        assert_eq!(
            rule.json("cfea9de5-9bf7-4569-895d-9dfbb3a9e8d7").compact(),
            r#"{"Conditions":[{"Prop":"DateRange","Op":"OpBetween","Val":"L,02/23/2018,02/28/2018"}],"ProfileId":"cfea9de5-9bf7-4569-895d-9dfbb3a9e8d7"}"#
        );
    }

    #[test]
    fn conditions_may_be_several_and_without_a_value() {
        let rule =
            Rule::parse("IdentityCookie OpExists and IpAddress OpIn 10.0.0.0/8 then P").unwrap();
        assert_eq!(
            rule.json("id").compact(),
            r#"{"Conditions":[{"Prop":"IdentityCookie","Op":"OpExists"},{"Prop":"IpAddress","Op":"OpIn","Val":"10.0.0.0/8"}],"ProfileId":"id"}"#
        );
    }

    #[test]
    fn what_is_no_rule_is_told() {
        for (text, problem) in [
            ("IdentityCookie OpExists", "expected conditions, \"then\" and a profile"),
            ("IdentityCookie OpExists then  ", "no profile behind \"then\""),
            (
                "IdentityCookie then P",
                "expected a condition such as \"DateRange OpBetween L,02/23/2018,02/28/2018\", found \"IdentityCookie\"",
            ),
            (
                "IdentityCookie Exists then P",
                "expected a condition such as \"DateRange OpBetween L,02/23/2018,02/28/2018\", found \"IdentityCookie Exists\"",
            ),
            (
                "DateRange OpBetween 23.02.2018 then P",
                "expected a DateRange such as L,02/23/2018,02/28/2018, found \"23.02.2018\"",
            ),
            (
                "DateRange OpBetween L,23/02/2018,28/02/2018 then P",
                "expected a DateRange such as L,02/23/2018,02/28/2018, found \"L,23/02/2018,28/02/2018\"",
            ),
            (
                "DateRange OpBetween L,02/28/2018,02/23/2018 then P",
                "a DateRange that ends before it begins: L,02/28/2018,02/23/2018",
            ),
        ] {
            assert_eq!(Rule::parse(text), Err(problem.to_owned()), "{text}");
        }
    }
}

//! What one person would have to meet.
#![forbid(unsafe_code)]

use std::slice;

use countersign::host::{LocalUsers, Whence};
use countersign::policy::{self, Flow, Mapping, Mechanism, Origin, ShownKey, Terms};
use serde_json::{Value, json};

use super::kept::{self, Kept};
use super::{Case, fact, rules};

/// One of those who are asked about.
pub struct Person<'a> {
    terms: &'a Terms,
    required_by: rules::Deciding,
    mapping: Option<(String, usize)>,
    kept: Vec<Kept>,
}

impl<'a> Person<'a> {
    pub fn new(case: &Case<'_>, terms: &'a Terms) -> Self {
        Self {
            terms,
            required_by: rules::requiring(case, terms),
            mapping: mapping(case, terms),
            kept: vec![
                kept::remembered(case, terms),
                kept::pushes(case, terms),
                kept::offline(case, terms),
            ],
        }
    }

    pub fn lines(&self) -> Vec<String> {
        let terms = self.terms;
        let mut lines = vec![
            fact("by", &self.required_by.sentence),
            fact("person", &self.person()),
            fact("flow", &self.flow()),
            fact("factors", &self.factors()),
            fact("preferred", &names(&terms.login.preferred).join(", ")),
        ];
        lines.extend(terms.security_key.as_ref().map(|key| fact("key", &worth(key))));
        lines.extend(self.kept.iter().map(|kept| fact(kept.label, &kept.sentence)));
        lines
    }

    fn person(&self) -> String {
        let Terms { person, tenant_user, .. } = self.terms;
        let by = self.mapping.as_ref();
        let by = by.map_or_else(String::new, |(path, line)| format!(", by {path} (line {line})"));
        format!("{} (uid {}) as {tenant_user}{by}", person.name, person.uid)
    }

    fn factors(&self) -> String {
        let count = self.terms.login.minimum_factors;
        match &self.terms.flow {
            Flow::Login => format!("{count} at least"),
            Flow::OnDemand(_) => format!("{count} at least, with what was verified before"),
        }
    }

    fn flow(&self) -> String {
        let url = &self.terms.tenant.url;
        match &self.terms.flow {
            Flow::Login => format!("login: password and other factors, at {url}"),
            Flow::OnDemand(on_demand) => {
                let policy = &on_demand.policy;
                format!("on-demand: the challenges of policy {policy:?} and no password, at {url}")
            }
        }
    }

    pub fn object(&self) -> Value {
        let terms = self.terms;
        let (flow, policy) = match &terms.flow {
            Flow::Login => ("login", None),
            Flow::OnDemand(on_demand) => ("on-demand", Some(&on_demand.policy)),
        };
        let mut object = json!({
            "user": terms.person.name,
            "uid": terms.person.uid,
            "tenant_user": terms.tenant_user,
            "mapped_by": self.mapping.as_ref().map(|(path, line)| json!({"key": path, "line": line})),
            "required_by": self.required_by.object,
            "tenant": terms.tenant.url.to_string(),
            "flow": flow,
            "policy": policy,
            "minimum_factors": terms.login.minimum_factors,
            "security_key": terms.security_key.as_ref().map(|key| if key.is_enough { "enough" } else { "factor" }),
            "preferred": names(&terms.login.preferred),
        });
        if let Some(fields) = object.as_object_mut() {
            let kept = self.kept.iter();
            fields.extend(kept.map(|kept| (kept.label.to_owned(), kept.object.clone())));
        }
        object
    }
}

/// What a security key counts for here.
fn worth(key: &ShownKey) -> String {
    let worth =
        if key.is_enough { "enough: the tenant is not asked" } else { "one of the factors" };
    format!("a security key, {worth}, by login.security_key")
}

fn names(mechanisms: &[Mechanism]) -> Vec<&'static str> {
    mechanisms.iter().map(|mechanism| mechanism.name()).collect()
}

/// The key that gives the name in the tenant, and its line.
fn mapping(case: &Case<'_>, terms: &Terms) -> Option<(String, usize)> {
    let users = &case.policy.for_service(&case.arguments.login.service).users;
    let public_key = case.arguments.key.as_ref().filter(|_| terms.is_pam_user);
    let directory = LocalUsers::from(Whence::Told(Origin::Unclear));
    let path = match users
        .mapped(&terms.person, public_key.map_or(&[], slice::from_ref), &directory)
        .ok()?
        .1
    {
        Mapping::Name => policy::key("users.names", &terms.person.name),
        Mapping::File => "users.names_file".to_owned(),
        Mapping::Key => policy::key("users.keys", &public_key?.fingerprint),
        Mapping::Template => "users.template".to_owned(),
    };
    let (mut path, line) = case.places.of(&path)?;
    // The fingerprint was given, and is long.
    if let Some(end) = path.find("users.keys.") {
        path.truncate(end + "users.keys".len());
    }
    Some((path, line))
}

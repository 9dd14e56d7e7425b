//! Names of people, hosts and addresses, each with a pseudonym that stands for it wherever it is
//! found.
#![forbid(unsafe_code)]

use countersign::os;
use countersign::policy::Setting;

/// What a name is of.
#[derive(Clone, Copy)]
pub enum Kind {
    Person,
    Host,
    Address,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::Person => "person",
            Kind::Host => "host",
            Kind::Address => "address",
        }
    }
}

/// Names, each with its pseudonym.
pub struct Pseudonyms(Vec<(String, String)>);

impl Pseudonyms {
    /// Those that this machine and its configuration have.
    pub fn new(settings: &[Setting]) -> Self {
        let mut names = Self(Vec::new());
        names.add(Kind::Host, &os::host_name());
        for setting in settings {
            names.of(setting);
        }
        names
    }

    /// Skips root and loopback addresses: they identify no user and no machine.
    pub fn add(&mut self, kind: Kind, name: &str) {
        let is_common = ["", "root", "localhost", "127.0.0.1", "::1"].contains(&name);
        let is_known = self.0.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        if !is_common && !is_known {
            let word = kind.word();
            let same = self.0.iter().filter(|(_, other)| other.starts_with(word));
            let other = format!("{word}-{}", same.count() + 1);
            self.0.push((name.to_owned(), other));
        }
    }

    fn of(&mut self, setting: &Setting) {
        let Some(value) = &setting.value else {
            return;
        };
        let (table, key) = setting.path.rsplit_once('.').unwrap_or(("", &setting.path));
        let strings = || value.split('"').skip(1).step_by(2);
        if let Some((_, local)) = setting.path.split_once("users.names.") {
            self.add(Kind::Person, local.trim_matches('"'));
            strings().for_each(|name| self.add(Kind::Person, name));
        } else if table.ends_with("users.keys") || key == "users" || key == "client_id" {
            strings().for_each(|name| self.add(Kind::Person, name));
        } else if key == "template" {
            let domains = strings().filter_map(|template| template.split_once('@'));
            domains.for_each(|(_, domain)| self.add(Kind::Host, domain));
        } else if ["url", "redirect_hosts", "proxy"].contains(&key) {
            strings().for_each(|url| self.add(Kind::Host, host(url)));
        }
    }

    /// The text with the other names, the longest first: a name may be part of another.
    pub fn replaced(&self, text: &str) -> String {
        let mut names: Vec<_> = self.0.iter().collect();
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        let mut text = text.to_owned();
        for (name, other) in names {
            text = replace_whole(&text, name, other);
        }
        text
    }
}

/// The host of an address, with or without `https://`.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    rest.split([':', '/']).next().unwrap_or_default()
}

/// Replaces a name where it is no part of a longer word, in whatever case.
fn replace_whole(text: &str, name: &str, other: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let name = name.to_ascii_lowercase();
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let mut replaced = String::with_capacity(text.len());
    let mut done = 0;
    for (at, _) in lower.match_indices(&name) {
        let end = at + name.len();
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let behind = text.get(end..).and_then(|behind| behind.chars().next());
        if at >= done && !is_part(before) && !is_part(behind) {
            replaced.push_str(text.get(done..at).unwrap_or_default());
            replaced.push_str(other);
            done = end;
        }
    }
    replaced.push_str(text.get(done..).unwrap_or_default());
    replaced
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_replaced_everywhere_but_in_other_words() {
        let mut names = Pseudonyms(Vec::new());
        names.add(Kind::Person, "al");
        names.add(Kind::Person, "al@example.com");
        names.add(Kind::Host, "example.com");
        names.add(Kind::Person, "root");
        assert_eq!(
            names.replaced("al AL local al@Example.com al. root@tenant.example.com alx"),
            "person-1 person-1 local person-2 person-1. root@tenant.host-1 alx"
        );
    }
}

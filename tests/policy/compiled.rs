//! A policy that was compiled is the policy that the text says.

use std::collections::BTreeMap;

use countersign::policy::{Bytes, compile, load};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

use super::the_shipped_file::{everything, examples};
use super::*;

fn compiled(text: &str) -> Vec<u8> {
    compile(&policy(text), text.as_bytes()).unwrap_or_else(|| panic!("not compiled: {text}"))
}

fn loaded(compiled: Vec<u8>) -> Option<Policy> {
    load(&Bytes::from(compiled), 0)
}

#[track_caller]
fn assert_is_kept(text: &str) {
    assert_eq!(loaded(compiled(text)), Some(policy(text)), "{text}");
}

#[test]
fn has_every_key_there_is() {
    assert_is_kept(&everything());
    examples().iter().for_each(|example| assert_is_kept(example));
}

#[test]
fn has_what_a_service_leaves_as_it_is_and_what_it_takes_away() {
    let lists =
        "[[require]]\nusers = ['a']\n[[exempt]]\ngroups = ['b']\n[users.names]\nc = 'c@x'\n";
    for own in [
        "[service.sudo]\n",
        "[service.sudo.login]\nattempts = 1\n",
        "[service.sudo]\nrequire = []\nexempt = []\n",
        "[service.sudo]\nexempt = []\n[[service.sudo.require]]\nusers = ['a']\n",
        "[service.sudo.users.names]\n",
        "[service.sudo.users.names]\nc = 'other@x'\nd = 'd@x'\n[service.su]\n",
        "[service]\n",
    ] {
        assert_is_kept(&format!("{TENANT}{lists}{own}"));
        assert_is_kept(&format!("{TENANT}{own}"));
    }
}

#[test]
fn has_numbers_and_texts_in_every_spelling() {
    for rest in [
        "[login]\nattempts = 0x3\nminimum_factors = 0b10\n",
        "[push]\ncount = 0o7\n",
        "[push]\ncount = 1_0\n",
        "[service]\nsudo = { login = { attempts = 2 }, exempt = [{ users = ['a'] }] }\n",
        "[login]\npreferred = [\n  'OTP', # first\n  \"\\u0053MS\",\n]\n",
        "[offline]\nfolder = '/a \"b\" \\c'\n",
        "[state]\nfolder = \"/\u{e4}/e\u{301}/\\u00e4\"\n",
        "[service.\"sudo-i\".login]\nattempts = 2\n[service.'a.b']\n",
        "[users]\nnames.\"a b\" = 'c'\nnames.'\\' = 'd'\nnames.\"\\u0001\" = 'e'\n",
    ] {
        assert_is_kept(&format!("{TENANT}{rest}"));
    }
    assert_is_kept(&format!("\u{feff}{TENANT}[login]\nattempts = 5\n").replace('\n', "\r\n"));
}

#[test]
fn parses_no_rule_and_no_name() {
    let rules: String = (0..100).map(|n| format!("[[exempt]]\nusers = ['user{n}']\n")).collect();
    let names: String = (0..100).map(|n| format!("name{n} = 'n{n}@x'\n")).collect();
    let text = format!("{TENANT}{rules}# a comment\n[users.names]\n{names}");
    let compiled = compiled(&text);
    let length = u32::from_le_bytes(*compiled.first_chunk().expect("a length"));
    let rest = &compiled[4..][..length as usize];
    assert!(length < 100, "{}", String::from_utf8_lossy(rest));
}

#[test]
fn that_is_cut_anywhere_or_has_more_behind_it_is_none() {
    let text =
        format!("{TENANT}[[exempt]]\nusers = ['a']\n[users.names]\nb = 'b@x'\n[service.su]\n");
    let whole = compiled(&text);
    for length in 0..whole.len() {
        assert_eq!(loaded(whole[..length].to_vec()), None, "{length}");
    }
    assert_eq!(loaded([whole.as_slice(), &[0]].concat()), None);
    assert_eq!(load(&Bytes::from(whole.clone()), whole.len() + 1), None);
}

#[test]
fn whose_bytes_are_others_is_walked_to_some_end() {
    let text = format!(
        "{TENANT}[[require]]\nusers = ['a']\ngroups = ['g']\nnetworks = ['10.0.0.0/8', '::1']\n\
         [[exempt]]\nusers = ['a']\nuntil = 2027-01-01\n[users.names]\nb = 'b@x'\nc = 'c@x'\n\
         [service.su.users.keys]\n"
    );
    let whole = compiled(&text);
    for (at, byte) in whole.iter().enumerate() {
        for other in [0, 1, 0x7f, 0xff, byte ^ 1, byte ^ 0x80] {
            let mut changed = whole.clone();
            changed[at] = other;
            if let Some(policy) = loaded(changed) {
                let settings = policy.for_service("su");
                let _ = (format!("{policy:?}"), settings.users.names.get("b"));
            }
        }
    }
}

/// A configuration of a few lists, each written in one of several ways.
fn text() -> impl Strategy<Value = String> {
    let services = btree_map("[a-z]{1,3}", lists(), 0..3);
    (lists(), services).prop_map(|(file, services)| {
        let mut text = file.written("");
        for (service, lists) in services {
            text.push_str(&format!("[service.{service}]\n"));
            text.push_str(&lists.written(&format!("service.{service}.")));
        }
        format!("{TENANT}{text}")
    })
}

/// The rules and names of the file or of a service.
#[derive(Clone, Debug)]
struct Lists {
    require: Vec<String>,
    exempt: Vec<String>,
    names: Option<BTreeMap<String, String>>,
    deadline: Option<u8>,
    is_dotted: bool,
}

prop_compose! {
    fn lists()(
        require in vec(rule(), 0..4),
        exempt in vec((rule(), "|until = 20[0-9]{2}-0[1-9]-1[0-9]\n", "|result = 'success'\n"), 0..4),
        names in option::of(btree_map("[a-zä\"\\\\. ]{0,4}", "[a-z]{1,5}@x", 0..6)),
        deadline in option::of(10..100_u8),
        is_dotted in any::<bool>(),
    ) -> Lists {
        let exempt = exempt.into_iter().map(|(rule, until, result)| rule + &until + &result);
        Lists { require, exempt: exempt.collect(), names, deadline, is_dotted }
    }
}

fn rule() -> impl Strategy<Value = String> {
    let names = || option::of(vec("[a-zé]{1,6}", 1..4));
    let networks = option::of(vec("10[.][0-9][.][0-9][.][0-9]|fd00::[1-9]", 1..4));
    let list = |key: &str, items: Option<Vec<String>>| {
        items.map_or_else(String::new, |items| format!("{key} = {items:?}\n"))
    };
    (names(), names(), networks).prop_map(move |(users, groups, networks)| {
        let rule = list("users", users) + &list("groups", groups) + &list("networks", networks);
        if rule.is_empty() { "users = ['somebody']\n".to_owned() } else { rule }
    })
}

impl Lists {
    fn written(&self, prefix: &str) -> String {
        let mut text = String::new();
        if let Some(deadline) = self.deadline {
            text.push_str(&format!("[{prefix}login] # how long\ndeadline = '{deadline}s'\n"));
        }
        for (key, rules) in [("require", &self.require), ("exempt", &self.exempt)] {
            for rule in rules {
                text.push_str(&format!("[[{prefix}{key}]]\n{rule}\n"));
            }
        }
        let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
        let names = self.names.iter().flatten();
        let names = names.map(|(key, name)| (quoted(key), name));
        if self.is_dotted {
            text.push_str(&format!("[{prefix}users]\n"));
            names.for_each(|(key, name)| text.push_str(&format!("names.\"{key}\" = '{name}'\n")));
        } else {
            text.push_str(&format!("[{prefix}users.names]\n"));
            names.for_each(|(key, name)| text.push_str(&format!("\"{key}\" = '{name}'\n")));
        }
        text
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn is_what_the_text_says(text in text()) {
        let parsed = parse(text.as_bytes()).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
        let compiled = compile(&parsed, text.as_bytes());
        prop_assert!(compiled.is_some(), "not compiled: {}", text);
        prop_assert_eq!(compiled.and_then(loaded), Some(parsed));
    }
}

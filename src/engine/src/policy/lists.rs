//! The lists of rules. Each list is one run of bytes, and a rule is a view of a part of it: a login
//! that a thousand rules are not about walks over them without a copy.
#![forbid(unsafe_code)]

use std::fmt;

use super::packed::{Packed, piece, put_number, put_piece, text};
use super::{Date, Network};

/// `[[require]]`
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Requirements(pub(super) Packed);

/// `[[exempt]]`
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Exemptions(pub(super) Packed);

/// A rule of `[[require]]`, and the conditions of an exemption. All conditions that are given must
/// hold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Rule<'l> {
    /// What its record has.
    has: u8,
    until: &'l [u8; DAY],
    /// The lists that it has, and its name behind them.
    lists: &'l [u8],
}

/// A rule of `[[exempt]]`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Exemption<'l> {
    /// Its conditions.
    pub rule: Rule<'l>,
}

/// What PAM hears about an exempt user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum ExemptResult {
    /// `PAM_IGNORE`: as if the module were not in the stack.
    Ignore,
    /// `PAM_SUCCESS`.
    Success,
}

/// The users or the groups of a rule.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Texts<'l>(&'l [u8]);

/// The networks of a rule.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Networks<'l>(&'l [u8]);

/// A rule as the file says it, of either list, before it is packed.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) name: String,
    pub(super) users: Option<Vec<String>>,
    pub(super) groups: Option<Vec<String>>,
    pub(super) networks: Option<Vec<Network>>,
    pub(super) until: Option<Date>,
    pub(super) result: ExemptResult,
}

impl Requirements {
    pub(super) fn pack(drafts: &[Draft]) -> Self {
        Self(pack(drafts))
    }

    /// The rules, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = Rule<'_>> {
        rules(&self.0)
    }

    /// Returns whether the list has no rule.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.bytes().is_empty()
    }
}

impl Exemptions {
    pub(super) fn pack(drafts: &[Draft]) -> Self {
        Self(pack(drafts))
    }

    /// The exemptions, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = Exemption<'_>> {
        rules(&self.0).map(|rule| Exemption { rule })
    }

    /// Returns whether the list has no rule.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.bytes().is_empty()
    }
}

impl<'l> Rule<'l> {
    /// Its name in the log.
    #[must_use]
    pub fn name(&self) -> &'l str {
        text(self.behind(HAS_NETWORKS | HAS_USERS | HAS_GROUPS))
    }

    /// From one of these networks.
    #[must_use]
    #[inline]
    pub fn networks(&self) -> Option<Networks<'l>> {
        self.list(HAS_NETWORKS, 0).map(Networks)
    }

    /// One of these users.
    #[must_use]
    #[inline]
    pub fn users(&self) -> Option<Texts<'l>> {
        self.list(HAS_USERS, HAS_NETWORKS).map(Texts)
    }

    /// In one of these groups.
    #[must_use]
    #[inline]
    pub fn groups(&self) -> Option<Texts<'l>> {
        self.list(HAS_GROUPS, HAS_NETWORKS | HAS_USERS).map(Texts)
    }

    /// A list that the rule may have, which stands behind others.
    #[inline]
    fn list(&self, which: u8, others: u8) -> Option<&'l [u8]> {
        let has_it = self.has & which != 0;
        has_it.then(|| piece(&mut self.behind(others)).unwrap_or_default())
    }

    /// What stands behind these lists.
    #[inline]
    fn behind(&self, lists: u8) -> &'l [u8] {
        let mut rest = self.lists;
        for _ in 0..(self.has & lists).count_ones() {
            piece(&mut rest);
        }
        rest
    }
}

impl Exemption<'_> {
    /// Its last day, in UTC.
    #[must_use]
    #[inline]
    pub fn until(&self) -> Option<Date> {
        (self.rule.has & HAS_LAST_DAY != 0).then(|| unpacked(*self.rule.until))
    }

    /// What PAM hears.
    #[must_use]
    pub fn result(&self) -> ExemptResult {
        match self.rule.has & IS_SUCCESS {
            0 => ExemptResult::Ignore,
            _ => ExemptResult::Success,
        }
    }
}

impl<'l> Texts<'l> {
    /// The names, in the order of the file.
    pub fn iter(self) -> impl Iterator<Item = &'l str> {
        self.pieces().map(text)
    }

    /// Returns whether the name is one of them.
    #[must_use]
    pub fn contains(self, name: &str) -> bool {
        self.pieces().any(|piece| piece == name.as_bytes())
    }

    fn pieces(self) -> impl Iterator<Item = &'l [u8]> {
        let mut rest = self.0;
        std::iter::from_fn(move || piece(&mut rest))
    }
}

impl<'l> Networks<'l> {
    /// The networks, in the order of the file.
    pub fn iter(self) -> impl Iterator<Item = Network> + use<'l> {
        let mut rest = self.0;
        std::iter::from_fn(move || Network::unpack(&mut rest))
    }
}

impl fmt::Debug for Requirements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl fmt::Debug for Exemptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl fmt::Debug for Rule<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule")
            .field("name", &self.name())
            .field("users", &self.users())
            .field("groups", &self.groups())
            .field("networks", &self.networks())
            .finish()
    }
}

impl fmt::Debug for Exemption<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exemption")
            .field("rule", &self.rule)
            .field("until", &self.until())
            .field("result", &self.result())
            .finish()
    }
}

impl fmt::Debug for Texts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl fmt::Debug for Networks<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// What a record has: its first byte says it. The last day follows, then the lists in this order,
/// and then the name.
const HAS_LAST_DAY: u8 = 1;
const IS_SUCCESS: u8 = 2;
const HAS_NETWORKS: u8 = 4;
const HAS_USERS: u8 = 8;
const HAS_GROUPS: u8 = 16;
/// Bytes of a last day, which stand there although the rule has none.
const DAY: usize = 4;

/// The day that these bytes stand for. Bytes that stand for no day count as one long past.
fn unpacked(day: [u8; DAY]) -> Date {
    Date::from_julian_day(i32::from_le_bytes(day)).unwrap_or(Date::MIN)
}

fn pack(drafts: &[Draft]) -> Packed {
    let mut list = Vec::new();
    for draft in drafts {
        put_piece(&mut list, &draft.packed());
    }
    Packed::new(list)
}

impl Draft {
    fn packed(&self) -> Vec<u8> {
        let has = [
            (self.until.is_some(), HAS_LAST_DAY),
            (self.result == ExemptResult::Success, IS_SUCCESS),
            (self.networks.is_some(), HAS_NETWORKS),
            (self.users.is_some(), HAS_USERS),
            (self.groups.is_some(), HAS_GROUPS),
        ];
        let bits = has.into_iter().filter(|(has, _)| *has).map(|(_, bit)| bit);
        let mut record = vec![bits.sum()];
        record.extend(self.until.map_or([0; DAY], |day| day.to_julian_day().to_le_bytes()));
        if let Some(networks) = &self.networks {
            let networks: Vec<u8> = networks.iter().flat_map(Network::packed).collect();
            put_piece(&mut record, &networks);
        }
        for names in [&self.users, &self.groups].into_iter().flatten() {
            let size = names.iter().map(|name| 4 + name.len()).sum();
            put_number(&mut record, size);
            names.iter().for_each(|name| put_piece(&mut record, name.as_bytes()));
        }
        record.extend_from_slice(self.name.as_bytes());
        record
    }
}

fn rules(list: &Packed) -> impl Iterator<Item = Rule<'_>> {
    let mut rest = list.bytes();
    std::iter::from_fn(move || {
        let (has, record) = piece(&mut rest)?.split_first()?;
        let (until, lists) = record.split_first_chunk()?;
        Some(Rule { has: *has, until, lists })
    })
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;

    use super::*;
    use crate::os;

    fn names() -> impl Strategy<Value = Option<Vec<String>>> {
        option::of(vec("[a-zé]{1,9}", 0..5))
    }

    fn network() -> impl Strategy<Value = Network> {
        let v4 = any::<[u8; 4]>().prop_map(|octets| std::net::IpAddr::from(octets).to_string());
        let v6 = any::<[u8; 14]>().prop_map(|tail| {
            let mut octets = [0xfd; 16];
            octets[2..].copy_from_slice(&tail);
            format!("{}/128", std::net::IpAddr::from(octets))
        });
        let whole = Just("fd00::/8".to_owned());
        prop_oneof![v4, v6, whole].prop_map(|text| Network::parse(&text).unwrap())
    }

    prop_compose! {
        fn draft()(
            name in "[a-zé ]{1,20}",
            users in names(),
            groups in names(),
            networks in option::of(vec(network(), 0..5)),
            day in option::of(0..4_000_000_000_u64),
            is_success in any::<bool>(),
        ) -> Draft {
            let result = if is_success { ExemptResult::Success } else { ExemptResult::Ignore };
            Draft { name, users, groups, networks, until: day.map(os::day), result }
        }
    }

    fn said(texts: Option<Texts<'_>>) -> Option<Vec<String>> {
        texts.map(|texts| texts.iter().map(str::to_owned).collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_list_keeps_what_its_rules_say(drafts in vec(draft(), 0..12)) {
            let exemptions = Exemptions::pack(&drafts);
            let requirements = Requirements::pack(&drafts);
            prop_assert_eq!(exemptions.is_empty(), drafts.is_empty());
            prop_assert_eq!(exemptions.iter().count(), drafts.len());
            prop_assert!(requirements.iter().eq(exemptions.iter().map(|one| one.rule)));
            for (one, draft) in exemptions.iter().zip(drafts) {
                prop_assert_eq!((one.until(), one.result()), (draft.until, draft.result));
                prop_assert_eq!(one.rule.name(), draft.name);
                for user in draft.users.iter().flatten() {
                    prop_assert!(one.rule.users().unwrap().contains(user));
                }
                prop_assert!(!one.rule.users().is_some_and(|users| users.contains("X")));
                prop_assert_eq!(said(one.rule.users()), draft.users);
                prop_assert_eq!(said(one.rule.groups()), draft.groups);
                let networks = one.rule.networks().map(|networks| networks.iter().collect());
                prop_assert_eq!(networks, draft.networks);
            }
        }

        #[test]
        fn bytes_that_are_no_list_are_walked_to_some_end(bytes in vec(0..40_u8, 0..200)) {
            let list = Exemptions(Packed::new(bytes));
            for one in list.iter() {
                let _ = (one.rule.name(), said(one.rule.users()), said(one.rule.groups()));
                let _ = one.rule.networks().map(|networks| networks.iter().count());
            }
        }
    }
}

//! A policy as bytes, for a configuration that is long: its text without rules and names, which is
//! parsed again, and then the rules and names, which are walked where they lie.
#![forbid(unsafe_code)]

use super::lists::{Exemptions, Requirements};
use super::packed::{Bytes, Packed, number, piece, put_number, put_piece};
use super::rest::without_lists;
use super::{Policy, Settings, file};

/// A service has the list of the whole file.
const SHARED: usize = 0;
/// A service has a list of its own, which follows.
const OWN: usize = 1;

/// Compiles the policy of this text. `None` if [`load`] would not make the same policy of it.
#[must_use]
pub fn compile(policy: &Policy, text: &[u8]) -> Option<Vec<u8>> {
    let rest = without_lists(std::str::from_utf8(text).ok()?)?;
    let mut compiled = Vec::new();
    put_piece(&mut compiled, rest.as_bytes());
    let of_the_file = lists(&policy.base);
    of_the_file.iter().for_each(|list| put_piece(&mut compiled, list.bytes()));
    for settings in policy.services.values() {
        for (list, of_the_file) in lists(settings).into_iter().zip(of_the_file) {
            if list == of_the_file {
                put_number(&mut compiled, SHARED);
            } else {
                put_number(&mut compiled, OWN);
                put_piece(&mut compiled, list.bytes());
            }
        }
    }
    let loaded = load(&Bytes::from(compiled.clone()), 0);
    (loaded.as_ref() == Some(policy)).then_some(compiled)
}

/// Loads a policy from what [`compile`] has made, which stands in `bytes` from `start` to their
/// end. `None` if it can't be that.
#[must_use]
pub fn load(bytes: &Bytes, start: usize) -> Option<Policy> {
    let mut reader = Reader { bytes, at: start };
    let mut policy = file::read(reader.list()?.bytes()).ok()?;
    let Policy { base, services, .. } = &mut policy;
    base.require = Requirements(reader.list()?);
    base.exempt = Exemptions(reader.list()?);
    base.users.names = base.users.names.with(reader.list()?);
    base.users.keys = base.users.keys.with(reader.list()?);
    for settings in services.values_mut() {
        let users = &mut settings.users;
        settings.require = reader.own()?.map_or_else(|| base.require.clone(), Requirements);
        settings.exempt = reader.own()?.map_or_else(|| base.exempt.clone(), Exemptions);
        let names = &base.users.names;
        users.names = reader.own()?.map_or_else(|| names.clone(), |own| names.with(own));
        let keys = &base.users.keys;
        users.keys = reader.own()?.map_or_else(|| keys.clone(), |own| keys.with(own));
    }
    (reader.at == bytes.all().len()).then_some(policy)
}

/// The lists of the whole file, or of a service alone.
fn lists(settings: &Settings) -> [&Packed; 4] {
    let users = &settings.users;
    [&settings.require.0, &settings.exempt.0, users.names.own(), users.keys.own()]
}

struct Reader<'b> {
    bytes: &'b Bytes,
    at: usize,
}

impl Reader<'_> {
    fn list(&mut self) -> Option<Packed> {
        let mut rest = self.bytes.all().get(self.at..)?;
        let length = piece(&mut rest)?.len();
        self.at = self.bytes.all().len() - rest.len();
        self.bytes.part(self.at - length..self.at)
    }

    /// A service's own list, if it has one.
    fn own(&mut self) -> Option<Option<Packed>> {
        let mut rest = self.bytes.all().get(self.at..)?;
        let kind = number(&mut rest)?;
        self.at = self.bytes.all().len() - rest.len();
        match kind {
            SHARED => Some(None),
            OWN => self.list().map(Some),
            _ => None,
        }
    }
}

//! Rules: who is exempt and who must. In doubt an exemption does not hold, and a requirement does.
#![forbid(unsafe_code)]

use std::cell::{OnceCell, RefCell};

use super::subject::Asked;
use super::{
    Date, Directory, DirectoryFailed, Exemption, Groups, Networks, NoTerms, Note, Origin, Rule,
    Subject, Texts,
};

/// One person in front of the rules, with what was looked up.
pub struct Case<'c> {
    asked: &'c Asked<'c>,
    today: Date,
    origin: Origin,
    /// Where the login session came from, where the program names no remote host.
    origins: OnceCell<Vec<Origin>>,
    has_terminal: bool,
    directory: &'c dyn Directory,
    groups: OnceCell<Groups>,
    notes: RefCell<Vec<Note>>,
}

impl<'c> Case<'c> {
    /// Nothing is looked up yet.
    #[must_use]
    pub fn new(asked: &'c Asked<'c>, subject: &Subject, directory: &'c dyn Directory) -> Self {
        Case {
            asked,
            today: subject.today,
            origin: Origin::of(subject.rhost.as_deref()),
            origins: OnceCell::new(),
            has_terminal: subject.has_terminal,
            directory,
            groups: OnceCell::new(),
            notes: RefCell::default(),
        }
    }

    /// The person.
    #[must_use]
    pub fn asked(&self) -> &Asked<'c> {
        self.asked
    }

    /// The day of the login.
    #[must_use]
    pub fn today(&self) -> Date {
        self.today
    }

    /// The day that lies behind us, where the clock shows one before it.
    pub(super) fn clock_is_before(&self) -> Option<Date> {
        Some(self.directory.behind()).filter(|behind| self.today < *behind)
    }

    /// Of this machine. sshd and other servers call theirs so too, but say where a user comes
    /// from.
    pub(super) fn is_at_terminal(&self) -> bool {
        self.has_terminal && self.origin == Origin::Local
    }

    /// Where the person comes from: now, or to the session that asks now.
    #[must_use]
    pub fn origins(&self) -> &[Origin] {
        self.origins.get_or_init(|| match self.origin {
            Origin::Local => self.directory.origins(),
            Origin::Address(_) | Origin::Unclear => vec![self.origin],
        })
    }

    pub(super) fn directory(&self) -> &'c dyn Directory {
        self.directory
    }

    pub(super) fn note(&self, note: Note) {
        self.notes.borrow_mut().push(note);
    }

    /// How many notes there are, to ask later what came behind them.
    pub(super) fn noted(&self) -> usize {
        self.notes.borrow().len()
    }

    /// The first note behind so many others.
    pub(super) fn note_after(&self, noted: usize) -> Option<Note> {
        self.notes.borrow().get(noted).cloned()
    }

    pub(super) fn notes(self) -> Vec<Note> {
        self.notes.into_inner()
    }

    fn is_in(&self, networks: Networks<'_>) -> bool {
        let origins = self.origins();
        !origins.is_empty() && origins.iter().all(|origin| origin.is_in(networks.iter()))
    }

    fn may_be_in(&self, networks: Networks<'_>) -> bool {
        self.origins().iter().any(|origin| origin.may_be_in(networks.iter()))
    }

    fn groups(&self) -> Result<&Groups, NoTerms> {
        if let Some(groups) = self.groups.get() {
            return Ok(groups);
        }
        let groups = self.directory.groups_of(self.asked.account)?;
        Ok(self.groups.get_or_init(|| groups))
    }

    fn uid_of(&self, user: &str) -> Result<Option<u32>, NoTerms> {
        Ok(self.directory.uid_of(user)?)
    }

    fn gid_of(&self, group: &str) -> Result<Option<u32>, NoTerms> {
        Ok(self.directory.gid_of(group)?)
    }
}

impl Exemption<'_> {
    /// The exemption certainly holds.
    #[inline]
    pub(super) fn holds(&self, case: &Case<'_>) -> Result<bool, NoTerms> {
        let rule = &self.rule;
        Ok(rule.is_from(case, Doubt::No) && rule.is_listed(case)? && rule.is_grouped(case)?)
    }

    /// It has an end, and the clock is wrong: the day that shows it.
    #[must_use]
    pub fn doubtful_until(&self, case: &Case<'_>) -> Option<Date> {
        self.until().and_then(|_| case.clock_is_before())
    }

    /// Its last day has passed.
    #[must_use]
    pub fn is_over(&self, today: Date) -> bool {
        self.until().is_some_and(|last| last < today)
    }
}

/// What counts if the origin of a login cannot be told.
#[derive(Clone, Copy)]
pub enum Doubt {
    /// As a match.
    Yes,
    /// As no match.
    No,
}

impl Rule<'_> {
    /// The login comes from one of the networks.
    #[must_use]
    #[inline]
    pub fn is_from(&self, case: &Case<'_>, doubt: Doubt) -> bool {
        self.networks().is_none_or(|networks| match doubt {
            Doubt::Yes => case.may_be_in(networks),
            Doubt::No => case.is_in(networks),
        })
    }

    /// For an exemption: the canonical name is listed, and the uid is still the one behind that
    /// name.
    ///
    /// # Errors
    /// A look-up failed.
    #[inline]
    pub fn is_listed(&self, case: &Case<'_>) -> Result<bool, NoTerms> {
        let Some(users) = self.users() else {
            return Ok(true);
        };
        let account = case.asked.account;
        Ok(users.contains(&account.name) && case.uid_of(&account.name)? == Some(account.uid))
    }

    /// For an exemption: a member of one of the groups that exist, whichever name is used.
    ///
    /// # Errors
    /// A look-up failed.
    pub fn is_grouped(&self, case: &Case<'_>) -> Result<bool, NoTerms> {
        let Some(groups) = self.groups() else {
            return Ok(true);
        };
        for group in groups.iter() {
            match case.gid_of(group)? {
                Some(gid) if case.groups()?.every.contains(&gid) => return Ok(true),
                Some(_) => {}
                None => case.note(self.unknown_group(group)),
            }
        }
        Ok(false)
    }

    /// For a requirement: the rule may hold. Names that do not exist are noted.
    pub(super) fn may_hold(&self, case: &Case<'_>) -> Result<bool, NoTerms> {
        // Both lists are looked through, so that a typo in either is seen.
        let listed = self.may_be_listed(case)?;
        let grouped = self.may_be_grouped(case)?;
        Ok(listed && grouped && self.is_from(case, Doubt::Yes))
    }

    /// A name of the account or its uid: another name for the account does not lead around the
    /// rule.
    ///
    /// # Errors
    /// A look-up failed.
    pub fn may_be_listed(&self, case: &Case<'_>) -> Result<bool, NoTerms> {
        let Some(users) = self.users() else {
            return Ok(true);
        };
        let mut listed = false;
        for user in users.iter() {
            let uid = case.uid_of(user)?;
            if uid.is_none() {
                case.note(self.unknown_user(user));
            }
            let account = case.asked.account;
            listed |= account.is_called(user) || uid == Some(account.uid);
        }
        Ok(listed)
    }

    /// For a requirement: a member of one of the groups that exist, by whichever name.
    ///
    /// # Errors
    /// A look-up failed.
    pub fn may_be_grouped(&self, case: &Case<'_>) -> Result<bool, NoTerms> {
        let Some(groups) = self.groups() else {
            return Ok(true);
        };
        let mut grouped = false;
        for group in groups.iter() {
            match case.gid_of(group)? {
                Some(gid) => grouped |= case.groups()?.any.contains(&gid),
                None => case.note(self.unknown_group(group)),
            }
        }
        Ok(grouped)
    }

    /// The accounts of this rule that the system does not know.
    pub(super) fn unknown_accounts(
        &self,
        directory: &dyn Directory,
    ) -> Result<Vec<Note>, DirectoryFailed> {
        let mut notes = Vec::new();
        for user in self.users().into_iter().flat_map(Texts::iter) {
            if directory.uid_of(user)?.is_none() {
                notes.push(self.unknown_user(user));
            }
        }
        for group in self.groups().into_iter().flat_map(Texts::iter) {
            if directory.gid_of(group)?.is_none() {
                notes.push(self.unknown_group(group));
            }
        }
        Ok(notes)
    }

    fn unknown_user(&self, user: &str) -> Note {
        let (rule, user) = (self.name().to_owned(), user.to_owned());
        Note::UnknownUser { rule, user }
    }

    fn unknown_group(&self, group: &str) -> Note {
        let (rule, group) = (self.name().to_owned(), group.to_owned());
        Note::UnknownGroup { rule, group }
    }
}

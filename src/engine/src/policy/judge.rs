//! The judge: from a policy and a subject to exempt, required or refused.
#![forbid(unsafe_code)]

use std::fmt;

use super::account::Asked;
use super::error::quoted;
use super::remembering::Remembering;
use super::rule::Case;
use super::{
    Account, Date, Directory, DirectoryFailed, ExemptResult, ListFailed, Offline, Policy,
    Requirements, Settings, Terms,
};
use crate::refusal::{self, Reason};

/// The rule that exempts those whom no rule of `[[require]]` names.
pub(super) const OTHERS: &str = "require";

/// Who wants in, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The account that `PAM_USER` leads to.
    pub account: Account,
    /// Who runs the program, if that is known for certain: a `PAM_RUSER` that names the user of the
    /// real uid.
    pub caller: Option<Account>,
    /// Fingerprint (`SHA256:...`) of the public key with which sshd has let the user this far.
    pub public_key: Option<String>,
    /// The PAM service.
    pub service: String,
    /// `PAM_RHOST`.
    pub rhost: Option<String>,
    /// There is a `PAM_TTY`.
    pub has_terminal: bool,
    /// The day of this login, in UTC.
    pub today: Date,
}

/// What the policy asks of a subject that it does not refuse.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Nothing, because of a rule.
    Exempt {
        /// The rule's name; `require` for those whom no `[[require]]` rule names.
        rule: String,
        /// What PAM hears.
        result: ExemptResult,
    },
    /// Logins on these terms.
    Require(Box<Required>),
}

/// What must be met: by one person, or by one after the other.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Required {
    /// The first person, or the only one.
    pub first: Terms,
    /// Another, who must meet the terms as well.
    pub second: Option<Terms>,
}

/// A judgement, and what the log should say besides.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// What the policy asks, or why there is no login for this subject.
    pub judgement: Result<Judgement, Refusal>,
    /// What an administrator should look at.
    pub notes: Vec<Note>,
}

/// Something that an administrator should look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// An exemption would have held, but its last day has passed.
    Expired {
        /// The exemption.
        rule: String,
        /// Its last day.
        until: Date,
    },
    /// An exemption with an end would have held, but the clock shows a day before one that
    /// certainly lies behind us.
    ClockWrong {
        /// The exemption.
        rule: String,
        /// What the clock shows.
        today: Date,
        /// The day that lies behind us.
        behind: Date,
    },
    /// A rule exempts one of two people; the other's lot does not depend on it.
    OneExempt {
        /// The rule.
        rule: String,
        /// Whom it exempts.
        user: String,
    },
    /// A rule names a user whom the system does not know.
    UnknownUser {
        /// The rule.
        rule: String,
        /// The user.
        user: String,
    },
    /// A rule names a group that the system does not know.
    UnknownGroup {
        /// The rule.
        rule: String,
        /// The group.
        group: String,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::Expired { rule, until } => write!(f, "exemption {rule:?} ended with {until}"),
            Note::ClockWrong { rule, today, behind } => write!(
                f,
                "the clock is wrong: it shows {today}, and {behind} lies behind us; exemption {rule:?}, which has an end, does not hold"
            ),
            Note::OneExempt { rule, user } => {
                write!(f, "rule {rule:?} exempts {user:?}, one of two people")
            }
            Note::UnknownUser { rule, user } => {
                write!(f, "rule {rule:?} names an unknown user {user:?}")
            }
            Note::UnknownGroup { rule, group } => {
                write!(f, "rule {rule:?} names an unknown group {group:?}")
            }
        }
    }
}

/// Why there is no login for a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Uid 0 without an entry in `users.names` or `users.keys`.
    RootNotMapped {
        /// The name with this uid.
        user: String,
    },
    /// No entry, and no template that would take the name.
    NameNotMapped {
        /// The name.
        user: String,
    },
    /// The tenant is to be asked about the caller, and there is none.
    NoCaller,
    /// Nobody is required, but a requirement names somebody whom the system does not know.
    Misconfigured(Note),
    /// The file of names can't be used for this name.
    ListFailed(ListFailed),
    /// The users and groups could not be looked up.
    DirectoryFailed(DirectoryFailed),
}

impl Refusal {
    /// What the log says, and libpam is told.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Refusal::RootNotMapped { .. } => Reason::RootNotMapped,
            Refusal::NameNotMapped { .. } => Reason::NameNotMapped,
            Refusal::NoCaller => Reason::NoCaller,
            Refusal::Misconfigured(_) | Refusal::ListFailed(_) => Reason::Misconfigured,
            Refusal::DirectoryFailed(_) => Reason::DirectoryFailed,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::RootNotMapped { user } => {
                let user = quoted(user);
                write!(f, "{user} has uid 0 and no entry in users.names or users.keys")
            }
            Refusal::NameNotMapped { user } => {
                let user = quoted(user);
                write!(
                    f,
                    "{user} has no entry in users.names or users.keys, and no template takes the name"
                )
            }
            Refusal::NoCaller => {
                f.write_str("login.person asks about the caller, and there is none")
            }
            Refusal::Misconfigured(note) => write!(f, "{note}"),
            Refusal::ListFailed(failure) => write!(f, "{failure}"),
            Refusal::DirectoryFailed(failure) => write!(f, "{failure}"),
        }
    }
}

impl From<Refusal> for refusal::Refusal {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.reason(), refusal.to_string())
    }
}

impl From<ListFailed> for Refusal {
    fn from(failure: ListFailed) -> Self {
        Refusal::ListFailed(failure)
    }
}

impl From<DirectoryFailed> for Refusal {
    fn from(failure: DirectoryFailed) -> Self {
        Refusal::DirectoryFailed(failure)
    }
}

/// Says what the policy asks of a subject. For each person exemptions come first, then
/// requirements, then the name.
pub fn judge(policy: &Policy, subject: &Subject, directory: &dyn Directory) -> Ruling {
    let settings = policy.for_service(&subject.service);
    let mut notes = Vec::new();
    let judgement = weigh_all(settings, subject, &Remembering::new(directory), &mut notes);
    Ruling { judgement, notes }
}

fn weigh_all(
    settings: &Settings,
    subject: &Subject,
    directory: &dyn Directory,
    notes: &mut Vec<Note>,
) -> Result<Judgement, Refusal> {
    let account = subject.as_user();
    let mut weigh_one = |asked: Asked<'_>, is_alone: bool| {
        let case = Case::new(&asked, subject, directory);
        let account = Case::new(&account, subject, directory);
        let instead_of = (is_alone && !asked.is_pam_user).then_some(&account);
        let weighed = weigh(settings, &case, instead_of);
        add(notes, case.notes());
        add(notes, account.notes());
        weighed
    };
    match subject.asked(settings.step_up.person)? {
        (only, None) => Ok(weigh_one(only, true)?.alone()),
        (first, Some(second)) => {
            // An exemption of the first says nothing about the second.
            let (first, second) = (weigh_one(first, false)?, weigh_one(second, false)?);
            add(notes, [&first, &second].into_iter().filter_map(Weighed::note));
            Ok(first.and(second))
        }
    }
}

/// What two people have in common is noted once.
fn add(notes: &mut Vec<Note>, more: impl IntoIterator<Item = Note>) {
    for note in more {
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
}

/// What the policy asks of one person.
enum Weighed {
    Exempt { user: String, rule: String, result: ExemptResult },
    Required(Box<Terms>),
}

impl Weighed {
    fn alone(self) -> Judgement {
        match self {
            Weighed::Exempt { rule, result, .. } => Judgement::Exempt { rule, result },
            Weighed::Required(first) => require(*first, None),
        }
    }

    /// Both must be exempt for an exemption, and both for a success.
    fn and(self, other: Self) -> Judgement {
        match (self, other) {
            (Weighed::Required(first), Weighed::Required(second)) => require(*first, Some(*second)),
            (Weighed::Required(only), Weighed::Exempt { .. })
            | (Weighed::Exempt { .. }, Weighed::Required(only)) => require(*only, None),
            (
                Weighed::Exempt { result: ExemptResult::Success, .. },
                second @ Weighed::Exempt { .. },
            ) => second.alone(),
            (first @ Weighed::Exempt { .. }, Weighed::Exempt { .. }) => first.alone(),
        }
    }

    fn note(&self) -> Option<Note> {
        match self {
            Weighed::Exempt { user, rule, .. } => {
                Some(Note::OneExempt { rule: rule.clone(), user: user.clone() })
            }
            Weighed::Required(_) => None,
        }
    }
}

fn require(first: Terms, second: Option<Terms>) -> Judgement {
    Judgement::Require(Box::new(Required { first, second }))
}

fn weigh(
    settings: &Settings,
    case: &Case<'_>,
    instead_of: Option<&Case<'_>>,
) -> Result<Weighed, Refusal> {
    let user = case.asked().account.name.clone();
    if let Some((rule, result)) = exempting(settings, case)? {
        return Ok(Weighed::Exempt { user, rule, result });
    }
    // A requirement that names the account holds for whoever is asked in its place: becoming root
    // is not easier for somebody whom no requirement names.
    let must = match instead_of {
        Some(account) if is_required(&settings.require, account)? => true,
        Some(_) | None => is_required(&settings.require, case)?,
    };
    if !must {
        return Ok(Weighed::Exempt { user, rule: OTHERS.into(), result: ExemptResult::Ignore });
    }
    let terms = terms(settings, case)?;
    Ok(Weighed::Required(Box::new(terms)))
}

fn terms(settings: &Settings, case: &Case<'_>) -> Result<Terms, Refusal> {
    let asked = case.asked();
    let step_up = &settings.step_up;
    let flow = match asked.public_key {
        Some(_) => &step_up.after_public_key,
        None => &step_up.flow,
    };
    let users = &settings.users;
    let tenant_user = users.tenant_user(asked.account, asked.public_key, case.directory())?;
    // An account that several people share has one key for all of them: that is for the
    // administrator to hand out.
    let is_own_account = asked.public_key.is_none() || {
        let name = users.tenant_user(asked.account, None, case.directory());
        name.is_ok_and(|name| name == tenant_user)
    };
    let offline = Offline {
        enroll_at_login: settings.offline.enroll_at_login && is_own_account,
        ..settings.offline.clone()
    };
    Ok(Terms {
        person: asked.account.clone(),
        is_pam_user: asked.is_pam_user,
        tenant_user,
        stranger: !case.is_at_terminal() && asked.public_key.is_none(),
        tenant: settings.tenant.clone(),
        login: settings.login.clone(),
        flow: flow.clone(),
        remember: step_up.remember,
        ssh_counts: step_up.ssh_counts,
        // What the stack has verified before is the password of `PAM_USER`, and nobody else's.
        offline: (offline.enabled && asked.is_pam_user).then_some(offline),
    })
}

/// The first exemption that holds and is not over.
fn exempting(
    settings: &Settings,
    case: &Case<'_>,
) -> Result<Option<(String, ExemptResult)>, Refusal> {
    for exemption in settings.exempt.iter() {
        let over = || exemption.until().filter(|_| exemption.is_over(case.today()));
        match exemption.holds(case) {
            Ok(true) => {}
            Ok(false) => continue,
            // A look-up that fails for a rule that no longer counts is no trouble.
            Err(_) if over().is_some() => continue,
            Err(refusal) => return Err(refusal),
        }
        let rule = exemption.rule.name().to_owned();
        if let Some(until) = over() {
            case.note(Note::Expired { rule, until });
        } else if let Some(behind) = exemption.doubtful_until(case) {
            let today = case.today();
            case.note(Note::ClockWrong { rule, today, behind });
        } else {
            return Ok(Some((rule, exemption.result())));
        }
    }
    Ok(None)
}

/// Everybody, if there is no rule. Else whoever one of them may mean; and if that is nobody, all
/// that they name must exist, or a typing error would exempt everybody.
fn is_required(rules: &Requirements, case: &Case<'_>) -> Result<bool, Refusal> {
    if rules.is_empty() {
        return Ok(true);
    }
    let noted = case.noted();
    for rule in rules.iter() {
        if rule.may_hold(case)? {
            return Ok(true);
        }
    }
    let unknown = case.note_after(noted);
    unknown.map_or(Ok(false), |note| Err(Refusal::Misconfigured(note)))
}

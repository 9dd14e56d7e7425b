//! The judge: from a policy and a subject to exempt, required or refused.
#![forbid(unsafe_code)]

use super::remembering::Remembering;
use super::rule::Case;
use super::subject::Asked;
use super::{
    Directory, ExemptResult, NoTerms, Note, Offline, Policy, PublicKey, Requirements, SecurityKey,
    Settings, ShownKey, Subject, Terms,
};

/// The rule that exempts users that no rule of `[[require]]` names.
pub(super) const OTHERS: &str = "require";

/// What the policy asks of a subject that it does not refuse.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Nothing, because of a rule.
    Exempt {
        /// The rule's name; `require` for users that no `[[require]]` rule names.
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

impl Required {
    /// The security key by which the terms are met already.
    #[must_use]
    pub fn met_by_key(&self) -> Option<&ShownKey> {
        let key = self.first.security_key.as_ref().filter(|key| key.is_enough);
        key.filter(|_| self.second.is_none())
    }
}

/// A judgement, and what the log should say besides.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// What the policy asks, or why there is no login for this subject.
    pub judgement: Result<Judgement, NoTerms>,
    /// What an administrator should look at.
    pub notes: Vec<Note>,
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
) -> Result<Judgement, NoTerms> {
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
            add(notes, [&first, &second].into_iter().filter_map(PersonJudgement::note));
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
enum PersonJudgement {
    Exempt { user: String, rule: String, result: ExemptResult },
    Required(Box<Terms>),
}

impl PersonJudgement {
    fn alone(self) -> Judgement {
        match self {
            PersonJudgement::Exempt { rule, result, .. } => Judgement::Exempt { rule, result },
            PersonJudgement::Required(first) => require(*first, None),
        }
    }

    /// Both must be exempt for an exemption, and both for a success.
    fn and(self, other: Self) -> Judgement {
        match (self, other) {
            (PersonJudgement::Required(first), PersonJudgement::Required(second)) => {
                require(*first, Some(*second))
            }
            (PersonJudgement::Required(only), PersonJudgement::Exempt { .. })
            | (PersonJudgement::Exempt { .. }, PersonJudgement::Required(only)) => {
                require(*only, None)
            }
            (
                PersonJudgement::Exempt { result: ExemptResult::Success, .. },
                second @ PersonJudgement::Exempt { .. },
            ) => second.alone(),
            (first @ PersonJudgement::Exempt { .. }, PersonJudgement::Exempt { .. }) => {
                first.alone()
            }
        }
    }

    fn note(&self) -> Option<Note> {
        match self {
            PersonJudgement::Exempt { user, rule, .. } => {
                Some(Note::OneExempt { rule: rule.clone(), user: user.clone() })
            }
            PersonJudgement::Required(_) => None,
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
) -> Result<PersonJudgement, NoTerms> {
    let user = case.asked().account.name.clone();
    if let Some((rule, result)) = exempting(settings, case)? {
        return Ok(PersonJudgement::Exempt { user, rule, result });
    }
    // A requirement that names the account holds for the person who is asked in its place: becoming
    // root is not easier for a user that no requirement names.
    let must = match instead_of {
        Some(account) if is_required(&settings.require, account)? => true,
        Some(_) | None => is_required(&settings.require, case)?,
    };
    if !must {
        return Ok(PersonJudgement::Exempt {
            user,
            rule: OTHERS.into(),
            result: ExemptResult::Ignore,
        });
    }
    let terms = terms(settings, case)?;
    Ok(PersonJudgement::Required(Box::new(terms)))
}

fn terms(settings: &Settings, case: &Case<'_>) -> Result<Terms, NoTerms> {
    let asked = case.asked();
    let step_up = &settings.step_up;
    let keys = asked.public_keys;
    let flow = if keys.is_empty() { &step_up.flow } else { &step_up.after_public_key };
    let users = &settings.users;
    let tenant_user = users.tenant_user(asked.account, keys, case.directory())?;
    // An account that several people share has one key for all of them: that is for the
    // administrator to hand out.
    let is_own_account = keys.is_empty() || {
        let name = users.tenant_user(asked.account, &[], case.directory());
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
        stranger: !case.is_at_terminal() && keys.is_empty(),
        tenant: settings.tenant.clone(),
        login: settings.login.clone(),
        flow: flow.clone(),
        security_key: shown(step_up.security_key, keys),
        remember: step_up.remember,
        ssh_counts: step_up.ssh_counts,
        // What the stack has verified before is the password of `PAM_USER`, and of no other user.
        offline: (offline.enabled && asked.is_pam_user).then_some(offline),
    })
}

/// The first security key, and what the administrator lets it count for.
fn shown(counts: SecurityKey, keys: &[PublicKey]) -> Option<ShownKey> {
    let is_enough = match counts {
        SecurityKey::Off => return None,
        SecurityKey::Factor => false,
        SecurityKey::Enough => true,
    };
    let key = keys.iter().find(|key| key.is_security_key)?;
    Some(ShownKey { fingerprint: key.fingerprint.clone(), is_enough })
}

/// The first exemption that holds and is not over.
fn exempting(
    settings: &Settings,
    case: &Case<'_>,
) -> Result<Option<(String, ExemptResult)>, NoTerms> {
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

/// Every user, if there is no rule. Else the users that one may mean. If that is no user, all
/// that they name must exist, or a typing error would exempt every user.
fn is_required(rules: &Requirements, case: &Case<'_>) -> Result<bool, NoTerms> {
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
    unknown.map_or(Ok(false), |note| Err(NoTerms::Misconfigured(note)))
}

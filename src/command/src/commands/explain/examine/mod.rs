//! Why a rule holds for a person or not, condition by condition. Decides nothing: the judge of the
//! policy does, with the same conditions.
#![forbid(unsafe_code)]

use std::fmt;

use countersign::policy::{
    Asked, Case, Date, Directory, Doubt, Exemption, Networks, NoTerms, Origin, Policy, Remembering,
    Rule, Settings, Subject, Texts, quoted,
};

use crate::configuration::places::List;

/// One rule that was looked at for one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examined {
    /// The user that it is about.
    pub user: String,
    /// The rule's list.
    pub list: List,
    /// The rule's place in it, counted from 1.
    pub position: usize,
    /// The rule's name.
    pub rule: String,
    /// Whether it holds.
    pub found: Match,
}

/// Whether a rule holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// It does; an exemption until the end of this day.
    Holds(Option<Date>),
    /// It does not, for these reasons.
    Misses(Vec<Miss>),
}

/// A condition that is not met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Miss {
    /// The last day has passed.
    Over(Date),
    /// It has a last day, and the clock is wrong.
    Clock {
        /// What the clock shows.
        today: Date,
        /// A day that lies behind us.
        behind: Date,
    },
    /// The address is in none of the networks.
    Network {
        /// The networks.
        networks: Vec<String>,
        /// `PAM_RHOST`.
        rhost: Option<String>,
        /// Without one: where the session came from that asks.
        origins: Vec<Origin>,
    },
    /// The user is not among those who are listed.
    User(String),
    /// The user is in none of the groups.
    Group {
        /// The user.
        user: String,
        /// The groups.
        groups: Vec<String>,
    },
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Miss::Over(until) => write!(f, "ended with {until}"),
            Miss::Clock { today, behind } => {
                write!(
                    f,
                    "has an end, and the clock is wrong: it shows {today}, and {behind} lies behind us"
                )
            }
            Miss::Network { networks, rhost, origins } => {
                let (noun, verb) = match networks.as_slice() {
                    [_] => ("network", "does"),
                    [] | [_, ..] => ("networks", "do"),
                };
                let networks = networks.join(", ");
                match rhost {
                    Some(rhost) => write!(f, "{noun} {networks} {verb} not hold {}", plain(rhost)),
                    None => {
                        let places: Vec<_> = origins.iter().map(ToString::to_string).collect();
                        let places = places.join(" and ");
                        write!(f, "{noun} {networks} {verb} not hold a session from {places}")
                    }
                }
            }
            Miss::User(user) => write!(f, "does not name {}", quoted(user)),
            Miss::Group { user, groups } => {
                let user = quoted(user);
                write!(f, "{user} is not in {}", groups.join(", "))
            }
        }
    }
}

/// An address as it is, anything else in quotes.
fn plain(rhost: &str) -> String {
    match Origin::of(Some(rhost)) {
        Origin::Address(address) => address.to_string(),
        Origin::Local | Origin::Unclear => format!("{}, which is no address", quoted(rhost)),
    }
}

/// Every rule that the judge looks at for this subject, in its order, up to the one that decides.
///
/// Where the users and groups can't be looked up it ends, as the judge does.
#[must_use]
pub fn examine(policy: &Policy, subject: &Subject, directory: &dyn Directory) -> Vec<Examined> {
    let settings = policy.for_service(&subject.service);
    let directory = &Remembering::new(directory);
    let mut seen = Seen { settings, subject, directory, examined: Vec::new() };
    let looked_up = match subject.asked(settings.step_up.person) {
        Ok((only, None)) => seen.person(&only, true),
        Ok((first, Some(second))) => {
            seen.person(&first, false).and_then(|()| seen.person(&second, false))
        }
        Err(refusal) => Err(refusal),
    };
    // The judge agrees, and its word is what counts.
    let _ = looked_up;
    seen.examined
}

struct Seen<'a> {
    settings: &'a Settings,
    subject: &'a Subject,
    directory: &'a dyn Directory,
    examined: Vec<Examined>,
}

impl Seen<'_> {
    fn person(&mut self, asked: &Asked<'_>, is_alone: bool) -> Result<(), NoTerms> {
        let case = Case::new(asked, self.subject, self.directory);
        for (at, exemption) in self.settings.exempt.iter().enumerate() {
            if self.exemption(at, &exemption, &case)? {
                return Ok(());
            }
        }
        let account = self.subject.as_user();
        let account = Case::new(&account, self.subject, self.directory);
        let instead_of = (is_alone && !asked.is_pam_user).then_some(&account);
        for case in instead_of.into_iter().chain([&case]) {
            for (at, rule) in self.settings.require.iter().enumerate() {
                if self.requirement(at, &rule, case)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn exemption(
        &mut self,
        at: usize,
        exemption: &Exemption<'_>,
        case: &Case<'_>,
    ) -> Result<bool, NoTerms> {
        let rule = &exemption.rule;
        let mut misses = Vec::new();
        if !rule.is_from(case, Doubt::No) {
            misses.push(self.network(rule, case));
        }
        if !rule.is_listed(case)? {
            misses.push(Miss::User(case.asked().account.name.clone()));
        }
        if !rule.is_grouped(case)? {
            misses.push(group(rule, case));
        }
        let over = exemption.until().filter(|_| exemption.is_over(case.today()));
        misses.extend(over.map(Miss::Over));
        let today = case.today();
        let doubtful = exemption.doubtful_until(case).filter(|_| over.is_none());
        misses.extend(doubtful.map(|behind| Miss::Clock { today, behind }));
        Ok(self.add(List::Exempt, at, rule, case, exemption.until(), misses))
    }

    fn requirement(
        &mut self,
        at: usize,
        rule: &Rule<'_>,
        case: &Case<'_>,
    ) -> Result<bool, NoTerms> {
        let mut misses = Vec::new();
        if !rule.is_from(case, Doubt::Yes) {
            misses.push(self.network(rule, case));
        }
        if !rule.may_be_listed(case)? {
            misses.push(Miss::User(case.asked().account.name.clone()));
        }
        if !rule.may_be_grouped(case)? {
            misses.push(group(rule, case));
        }
        Ok(self.add(List::Require, at, rule, case, None, misses))
    }

    fn network(&self, rule: &Rule<'_>, case: &Case<'_>) -> Miss {
        let networks = rule.networks().into_iter().flat_map(Networks::iter);
        let rhost = self.subject.rhost.clone();
        Miss::Network {
            networks: networks.map(|network| network.to_string()).collect(),
            rhost: rhost.filter(|rhost| !rhost.is_empty()),
            origins: case.origins().to_vec(),
        }
    }

    /// Whether the rule holds.
    fn add(
        &mut self,
        list: List,
        at: usize,
        rule: &Rule<'_>,
        case: &Case<'_>,
        until: Option<Date>,
        misses: Vec<Miss>,
    ) -> bool {
        let holds = misses.is_empty();
        self.examined.push(Examined {
            user: case.asked().account.name.clone(),
            list,
            position: at + 1,
            rule: rule.name().to_owned(),
            found: if holds { Match::Holds(until) } else { Match::Misses(misses) },
        });
        holds
    }
}

fn group(rule: &Rule<'_>, case: &Case<'_>) -> Miss {
    Miss::Group {
        user: case.asked().account.name.clone(),
        groups: rule.groups().into_iter().flat_map(Texts::iter).map(str::to_owned).collect(),
    }
}

#[cfg(test)]
mod tests;

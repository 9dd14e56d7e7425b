//! Who gets in by a stack: every way through it is tried, and each that should not be there is
//! shown.
#![forbid(unsafe_code)]

use countersign::policy::{ExemptResult, Flow, Settings};
use pam_stack::code::Code;
use pam_stack::control::Action;
use pam_stack::module::World;
use pam_stack::search::{Answer, End, Open, Step, ends};
use pam_stack::stack::{Handler, Kind};

use super::advice::{SAFE, SAFE_EXEMPTING, consequence, meaning, module_of, name};
use super::{ProvenBefore, ServiceStack, place_of};
use crate::commands::check::finding::{Finding, Severity};
use crate::machine::pam::modules;
use crate::machine::pam::our_module::{self, is_ours, refusals};

/// What the configuration says that matters to a stack.
struct Expectation<'a> {
    exempts: bool,
    /// Some rule exempts with `success`.
    grants_exempt: bool,
    is_on_demand: bool,
    first_factor: Option<&'a str>,
}

impl<'a> Expectation<'a> {
    fn new(settings: Option<&'a Settings>, before: ProvenBefore) -> Self {
        let exempts_with = |result| {
            let mut rules = settings.into_iter().flat_map(|settings| settings.exempt.iter());
            rules.any(|rule| rule.result() == result)
        };
        let flow = settings.map(|settings| match before {
            ProvenBefore::Nothing => &settings.step_up.flow,
            ProvenBefore::Key => &settings.step_up.after_public_key,
        });
        let offline = settings.map(|settings| &settings.offline);
        let offline = offline.filter(|offline| offline.enabled);
        Self {
            exempts: settings.is_some_and(|settings| !settings.require.is_empty())
                || exempts_with(ExemptResult::Ignore),
            grants_exempt: exempts_with(ExemptResult::Success),
            is_on_demand: matches!(flow, Some(Flow::OnDemand(_))),
            first_factor: offline.and_then(|offline| offline.first_factor.as_deref()),
        }
    }
}

/// What is wrong with a stack. With `is_readable` off, an earlier finding explains why no user gets
/// in.
pub(super) fn of(
    subject: &ServiceStack<'_>,
    settings: Option<&Settings>,
    is_readable: bool,
) -> Vec<Finding> {
    let terms = Expectation::new(settings, subject.before);
    let exists = |path: &str| modules::exists(subject.root, path);
    let world = World {
        kind: subject.kind,
        service: subject.service,
        sought: &our_module::NAMES,
        answers: &our_module::answers(subject.kind, terms.exempts),
        exists: &exists,
        first_factor: terms.first_factor,
    };
    if subject.stack.broken.is_some() {
        return Vec::new();
    }
    let Some(ends) = ends(&subject.stack.handlers, &world) else {
        return vec![too_large(subject)];
    };
    let judge = StackReview { subject, terms, ends: &ends };
    match subject.kind {
        Kind::Auth => judge.auth(is_readable),
        Kind::Account | Kind::Password | Kind::Session => judge.others().into_iter().collect(),
    }
}

struct StackReview<'a> {
    subject: &'a ServiceStack<'a>,
    terms: Expectation<'a>,
    ends: &'a [End],
}

impl StackReview<'_> {
    fn auth(&self, is_readable: bool) -> Vec<Finding> {
        let locked_out = self.locked_out().filter(|_| is_readable);
        let all = [
            self.bypassed(),
            self.conditional(),
            self.refusals_ignored(),
            locked_out,
            self.exempt_with_nothing(),
            self.exempt_refused(),
            self.offline_alone(),
            self.on_demand_alone(),
            self.rings_in_vain(),
            self.asks_twice().filter(|_| is_readable),
        ];
        all.into_iter().flatten().collect()
    }

    /// In the other types the module grants nothing; it must not be in the way.
    fn others(&self) -> Option<Finding> {
        if self.ends.iter().any(End::is_in) {
            return None;
        }
        let (line, place) = self.ours()?;
        let kind = self.subject.kind.word();
        let finding = Finding::error(
            "pam-lockout",
            format!("no user gets through the {kind} stack"),
        )
        .because(match self.subject.kind {
            Kind::Account => {
                "in account the module says ignore, which is no success: something else must be one"
            }
            Kind::Auth | Kind::Password | Kind::Session => {
                "the module has no function for this type"
            }
        })
        .mend(format!("remove the line \"{}\"", line.text));
        Some(self.subject.placed(finding, place))
    }

    fn ins(&self) -> impl Iterator<Item = &End> {
        self.ends.iter().filter(|end| end.is_in())
    }

    fn ours(&self) -> Option<(&Handler, &pam_stack::stack::Place)> {
        let line = self.subject.stack.handlers.iter().find(|line| is_ours(line))?;
        Some((line, &line.place))
    }

    /// A user gets in that no module has asked.
    fn bypassed(&self) -> Option<Finding> {
        let end = self.ins().find(|end| {
            end.facts.answer == Answer::NotAsked && end.facts.open == Open::ToAnybody
        })?;
        let by = self.decisive(end)?;
        let finding = Finding::error(
            "pam-bypass",
            format!("{} lets users in that Countersign has not asked", name(by)),
        )
        .by(self.story(end))
        .because("the line ends the stack, or skips pam_countersign.so, where it succeeds")
        .mend(self.ask_before(by));
        Some(self.subject.placed(finding, &by.place))
    }

    /// A user gets in unasked where a condition of the stack holds: the administrator may want
    /// that.
    fn conditional(&self) -> Option<Finding> {
        let end = self.ins().find(|end| {
            end.facts.answer == Answer::NotAsked && end.facts.open == Open::OnCondition
        })?;
        if self.bypassed().is_some() {
            return None;
        }
        let by = self.decisive(end)?;
        let finding =
            Finding::warning("pam-condition", format!("{} lets some users in unasked", name(by)))
                .by(self.story(end))
                .because("the log does not say who was left out")
                .mend("an [[exempt]] rule in countersign.toml says who, until when, and is logged");
        Some(self.subject.placed(finding, &by.place))
    }

    /// A user gets in that Countersign has refused.
    fn refusals_ignored(&self) -> Option<Finding> {
        let refused =
            |code: Code| self.ins().find(move |end| end.facts.answer == Answer::Refused(code));
        let all = refusals();
        let ignored: Vec<_> = all.iter().copied().filter(|code| refused(*code).is_some()).collect();
        let first = *ignored.first()?;
        let end = refused(first)?;
        let (line, place) = self.ours()?;
        let words: Vec<_> = ignored.iter().map(|code| code.word()).collect();
        let what = if ignored.len() == all.len() {
            "a refusal of pam_countersign.so lets people in".to_owned()
        } else {
            format!("pam_countersign.so says {}, and people are let in", words.join(", "))
        };
        let finding = Finding::error("pam-refusal-ignored", what)
            .by(self.story(end))
            .because(meaning(first))
            .mend(self.safe_line(line));
        Some(self.subject.placed(finding, place))
    }

    /// No user gets in, whatever the tenant says.
    fn locked_out(&self) -> Option<Finding> {
        if self.ins().any(|end| end.facts.answer == Answer::Granted) {
            return None;
        }
        let (line, place) = self.ours()?;
        let failing = self.failing().filter(|failing| !is_ours(failing));
        let (cause, remedy) = match failing {
            Some(failing) => (
                format!("{} ({}) fails all the same", name(failing), self.place(failing)),
                format!("mend that line, or remove it: \"{}\"", failing.text),
            ),
            None => (
                "pam_countersign.so is not believed, or not reached".to_owned(),
                self.safe_line(line),
            ),
        };
        let finding =
            Finding::error("pam-lockout", "the stack refuses users that Countersign lets in")
                .because(format!("no way through the stack is a success: {cause}"))
                .mend(remedy);
        Some(self.subject.placed(finding, place))
    }

    /// The line that fails although Countersign has let the user in.
    fn failing(&self) -> Option<&Handler> {
        let granted = self.ends.iter().find(|end| end.facts.answer == Answer::Granted)?;
        let mut steps = granted.steps.iter();
        let failing = steps.find(|step| matches!(step.action, Action::Bad | Action::Die))?;
        self.line(failing)
    }

    /// A user who is exempt proves nothing to any module.
    fn exempt_with_nothing(&self) -> Option<Finding> {
        let end = self.ins().find(|end| {
            let is_exempt = match end.facts.answer {
                Answer::Exempt => true,
                Answer::Granted => self.terms.grants_exempt,
                Answer::NotAsked | Answer::Refused(_) => false,
            };
            is_exempt && !end.facts.verified
        })?;
        if self.subject.before == ProvenBefore::Key {
            return None;
        }
        let (_, place) = self.ours()?;
        let finding = Finding::error("pam-exempt-unverified", "exempt users get in without any authentication")
            .by(self.story(end))
            .because("no other module of the stack has to find out who it is")
            .mend("write: auth [success=done ignore=ignore default=die] pam_countersign.so, with the local password behind it; and no result = \"success\"");
        Some(self.subject.placed(finding, place))
    }

    fn exempt_refused(&self) -> Option<Finding> {
        let is_in = self.ins().any(|end| end.facts.answer == Answer::Exempt);
        if !self.terms.exempts || is_in || self.locked_out().is_some() {
            return None;
        }
        let (line, place) = self.ours()?;
        let finding = Finding::warning("pam-exempt-refused", "exempt users are refused")
            .because("the configuration has [[exempt]] or [[require]] rules, and this control takes the module's ignore for a failure, or nothing else says success")
            .mend(format!("write: auth {SAFE_EXEMPTING} {}", module_of(line)));
        Some(self.subject.placed(finding, place))
    }

    /// While the tenant is down, a code alone lets people in.
    fn offline_alone(&self) -> Option<Finding> {
        let first = self.terms.first_factor?;
        let end = self
            .ins()
            .find(|end| end.facts.answer == Answer::Granted && !end.facts.first_factor)?;
        let (_, place) = self.ours()?;
        let is_there = self.subject.stack.handlers.iter().any(|line| line.module() == Some(first));
        let what = if is_there {
            format!("an offline code counts although {first} has verified nothing")
        } else {
            format!("an offline code counts without {first}, which is not in this stack")
        };
        let finding = Finding::error("pam-offline-alone", what)
            .by(self.story(end))
            .because("offline.first_factor promises that it has verified a password before: without it the code is the only factor")
            .mend(format!("write before it: auth requisite {first}.so (countersign setup does it); or set offline.enabled = false for this service"));
        Some(self.subject.placed(finding, place))
    }

    /// One more factor, behind none.
    fn on_demand_alone(&self) -> Option<Finding> {
        if !self.terms.is_on_demand || self.subject.before == ProvenBefore::Key {
            return None;
        }
        let end =
            self.ins().find(|end| end.facts.answer == Answer::Granted && !end.facts.verified)?;
        let (_, place) = self.ours()?;
        let finding = Finding::error("pam-on-demand-alone", "the challenges of a policy are the only factor")
            .by(self.story(end))
            .because("with flow = \"on-demand\" no password goes to the tenant, and no other module asks for one")
            .mend("write before it: auth requisite pam_unix.so (countersign setup does it); or set flow = \"login\" for this service");
        Some(self.subject.placed(finding, place))
    }

    /// A wrong password makes the phone ring.
    fn rings_in_vain(&self) -> Option<Finding> {
        let end = self.ends.iter().find(|end| end.facts.asked_in_vain)?;
        if !self.terms.is_on_demand {
            return None;
        }
        let failed = end.steps.iter().find(|step| matches!(step.action, Action::Bad))?;
        let line = self.line(failed)?;
        let finding = Finding::warning(
            "pam-rings-in-vain",
            format!("the phone rings although {} has failed", name(line)),
        )
        .because("the stack goes on behind it, and fails at its end whatever the user does")
        .mend(format!("write: auth requisite {}", module_of(line)));
        Some(self.subject.placed(finding, &line.place))
    }

    /// Two lines ask on one way: the user logs in twice, and the phone rings twice.
    fn asks_twice(&self) -> Option<Finding> {
        let mut ways = self.ends.iter().filter(|end| end.facts.asked_again);
        let end = ways.clone().find(|end| end.is_in()).or(ways.next())?;
        let asked = end.steps.iter().filter_map(|step| self.line(step));
        let mut asked = asked.filter(|line| is_ours(line));
        let (first, second) = (asked.next()?, asked.next()?);
        let what = format!("{} asks for two logins, one after the other", self.subject.service);
        let finding = Finding::warning("pam-twice", what)
            .by(self.story(end))
            .because("two lines of the stack name pam_countersign.so: each is a login of its own, with its own password, code or push")
            .mend(format!("remove the line \"{}\", or the one at {}", second.text, self.place(first)));
        Some(self.subject.placed(finding, &second.place))
    }

    /// The line that took the way past us: the last one that skipped or ended something.
    fn decisive(&self, end: &End) -> Option<&Handler> {
        let is_decisive = |step: &&Step| matches!(step.action, Action::Done | Action::Jump(_));
        let step = end.steps.iter().rfind(is_decisive);
        self.line(step.or(end.steps.last())?)
    }

    fn line(&self, step: &Step) -> Option<&Handler> {
        self.subject.stack.handlers.get(step.line)
    }

    /// The lines that matter on a way, one after the other.
    fn story(&self, end: &End) -> Vec<String> {
        let told = end.steps.iter().filter_map(|step| {
            let line = self.line(step)?;
            let matters = step.action != Action::Ignore || is_ours(line);
            matters.then(|| {
                let does = consequence(step.action);
                format!("{} ({}) says {}: {does}", name(line), self.place(line), step.code)
            })
        });
        told.collect()
    }

    fn place(&self, line: &Handler) -> String {
        let file = place_of(self.subject.root, &line.place.file);
        format!("{}:{}", file.display(), line.place.line)
    }

    fn safe_line(&self, line: &Handler) -> String {
        let control = if self.terms.exempts { SAFE_EXEMPTING } else { SAFE };
        format!("write: auth {control} {}", module_of(line))
    }

    fn ask_before(&self, by: &Handler) -> String {
        let Some((ours, place)) = self.ours() else {
            return String::new();
        };
        let file = place_of(self.subject.root, &place.file);
        let file = file.display();
        format!(
            "move line {} of {file}, \"{}\", before {}; or write there: auth requisite {}",
            place.line,
            ours.text,
            self.place(by),
            module_of(by),
        )
    }
}

fn too_large(subject: &ServiceStack<'_>) -> Finding {
    Finding::new(
        Severity::Warning,
        "pam-too-large",
        "the stack has more ways through it than can be tried",
    )
    .of(subject.service)
    .because("nothing is said about who gets in by it")
    .mend("make it shorter")
}

//! Every way through a stack, whatever its modules say, and who has been asked on it.
//!
//! Ways that libpam and we can't tell apart are one: what is kept is the shortest of them, to show
//! it.
#![forbid(unsafe_code)]

use std::collections::HashSet;
use std::collections::VecDeque;
use std::rc::Rc;

use crate::code::Code;
use crate::control::Action;
use crate::dispatch::{Impression, State};
use crate::module::{Role, World, about_service, codes, role};
use crate::stack::{Handler, Job};

/// The search gives up beyond this many states. Real stacks have far fewer.
const STATES: usize = 200_000;
/// It gives up beyond this many lines, too.
const LINES: usize = 1000;

/// What the sought module said on a way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// It was not asked.
    NotAsked,
    /// It said `success`.
    Granted,
    /// It said `ignore`.
    Exempt,
    /// It said something else.
    Refused(Code),
}

/// The users to which a way is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Open {
    /// To every caller.
    ToAnybody,
    /// To users that meet a condition of the stack.
    OnCondition,
    /// To programs of root's.
    ToRoot,
}

/// What is known of a way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Facts {
    /// The word of the sought module.
    pub answer: Answer,
    /// The users to which it is open.
    pub open: Open,
    /// A module has told who it is.
    pub verified: bool,
    /// The module of the first factor has, before we were asked.
    pub first_factor: bool,
    /// The module was asked although an earlier one had failed.
    pub asked_in_vain: bool,
    /// We were asked again after a login had ended.
    pub asked_again: bool,
}

/// What one line said, and what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The position among the handlers.
    pub line: usize,
    /// What the module said.
    pub code: Code,
    /// What the control made of it.
    pub action: Action,
}

/// The end of a way, and the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// What is known of the way.
    pub facts: Facts,
    /// What the application is told.
    pub verdict: Code,
    /// The lines that were asked.
    pub steps: Vec<Step>,
}

impl End {
    /// Whether the application is told `success`.
    pub fn is_in(&self) -> bool {
        self.verdict == Code::SUCCESS
    }
}

struct Way {
    state: State,
    facts: Facts,
    trail: Trail,
}

/// The steps so far, the last one first; ways share what they have in common.
type Trail = Option<Rc<Link>>;

struct Link {
    step: Step,
    before: Trail,
}

/// The ends of all ways, one of each kind. `None` where there are too many to look at.
pub fn ends(handlers: &[Handler], world: &World<'_>) -> Option<Vec<End>> {
    if handlers.len() > LINES {
        return None;
    }
    let mut seen = HashSet::new();
    let mut ways = VecDeque::from([Way::begin()]);
    let mut ends: Vec<End> = Vec::new();
    while let Some(way) = ways.pop_front() {
        let Some((_, handler)) = way.state.turn(handlers) else {
            let end = way.end();
            let is_known = |known: &End| known.facts == end.facts && known.is_in() == end.is_in();
            if !ends.iter().any(is_known) {
                ends.push(end);
            }
            continue;
        };
        for code in distinct(handler, world) {
            let next = way.after(handlers, code, world);
            if seen.insert((next.state.clone(), next.facts)) {
                ways.push_back(next);
            }
        }
        if seen.len() > STATES {
            return None;
        }
    }
    Some(ends)
}

/// The codes that make a difference: of those that the control treats alike, the first. All of
/// the sought module: each is a reason.
fn distinct(handler: &Handler, world: &World<'_>) -> Vec<Code> {
    let all = codes(handler, world);
    if role(handler, world.sought) == Role::Sought {
        return all;
    }
    let mut kinds = HashSet::new();
    let kind =
        |code: Code| (handler.control.action(code), code == Code::SUCCESS, code == Code::IGNORE);
    all.into_iter().filter(|code| kinds.insert(kind(*code))).collect()
}

impl Way {
    fn begin() -> Self {
        Way {
            state: State::new(),
            facts: Facts {
                answer: Answer::NotAsked,
                open: Open::ToAnybody,
                verified: false,
                first_factor: false,
                asked_in_vain: false,
                asked_again: false,
            },
            trail: None,
        }
    }

    fn after(&self, handlers: &[Handler], code: Code, world: &World<'_>) -> Self {
        let (state, action) = self.state.clone().after(handlers, code);
        let mut next = Way { state, facts: self.facts, trail: self.trail.clone() };
        if let Some((line, handler)) = self.state.turn(handlers)
            && handler.job != Job::Substack
        {
            let is_lost = self.state.impression() == Impression::Negative;
            next.facts.learn(handler, code, action, world, is_lost);
            next.trail =
                Some(Rc::new(Link { step: Step { line, code, action }, before: next.trail }));
        }
        next
    }

    fn end(self) -> End {
        let links = std::iter::successors(self.trail.as_deref(), |link| link.before.as_deref());
        let mut steps: Vec<_> = links.map(|link| link.step).collect();
        steps.reverse();
        End { facts: self.facts, verdict: self.state.verdict(), steps }
    }
}

impl Facts {
    fn learn(
        &mut self,
        handler: &Handler,
        code: Code,
        action: Action,
        world: &World<'_>,
        is_lost: bool,
    ) {
        let is_decisive = matches!(action, Action::Done | Action::Jump(_));
        match role(handler, world.sought) {
            Role::Sought => {
                self.asked_in_vain |= is_lost;
                self.asked_again |= matches!(self.answer, Answer::Granted | Answer::Refused(_));
                self.answer = self.answer.and(code);
            }
            Role::Verifies if code == Code::SUCCESS => {
                self.verified = true;
                let is_first = handler.module() == world.first_factor;
                self.first_factor |= is_first && self.answer == Answer::NotAsked;
            }
            Role::Root if code == Code::SUCCESS => self.open = Open::ToRoot,
            Role::Condition if is_decisive && about_service(handler, world.service).is_none() => {
                self.open = self.open.max(Open::OnCondition);
            }
            Role::Verifies | Role::Root | Role::Condition | Role::Nothing => {}
        }
    }
}

impl Answer {
    /// A refusal stays one; a success is more than an exemption.
    fn and(self, code: Code) -> Self {
        match (self, code) {
            (Answer::Refused(first), _) => Answer::Refused(first),
            (_, Code::SUCCESS) | (Answer::Granted, Code::IGNORE) => Answer::Granted,
            (Answer::NotAsked | Answer::Exempt, Code::IGNORE) => Answer::Exempt,
            (_, code) => Answer::Refused(code),
        }
    }
}

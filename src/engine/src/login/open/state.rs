//! Everything that is known in a login with a session, and what can be decided in it.
#![forbid(unsafe_code)]

use std::borrow::Cow;
use std::rc::Rc;
use std::time::Duration;

use super::super::bearer::Bearer;
use super::super::carried::Notice;
use super::super::known::{Known, UnusableAnswers};
use super::super::pace::Waited;
use super::choice::{Choice, Menu};
use crate::local::budget::Allowance;
use crate::policy::{Mechanism, TenantUrl};
use crate::refusal::{Reason, Refusal};
use crate::secret::Shared;
use crate::tenant::reply::{Identity, Offer};
use crate::tenant::request::{Action, Session};
use crate::tenant::text::ServerText;

/// More packages and challenges than any honest tenant puts into one login.
const MAX_ROUNDS: u8 = 8;

/// A login with a session.
pub(in crate::login) struct Open {
    pub(super) known: Box<Known>,
    pub(super) to: TenantUrl,
    pub(super) session: Session,
    /// What speaks for this machine, in a step-up.
    pub(super) bearer: Option<Bearer>,
    /// The password of the stack, or what the user has typed in its place.
    pub(super) password: Option<Shared>,
    /// Whether the phone may ring.
    pub(super) allowance: Allowance,
    pub(super) unusable: UnusableAnswers,
    /// The challenges of the package, all to be met in this order.
    pub(super) challenges: Vec<Vec<Rc<Offer>>>,
    /// How many packages and challenges there were.
    pub(super) rounds: u8,
    /// Operations that are decided and not sent yet.
    pub(super) queue: Vec<Planned>,
    /// Mechanisms that the tenant has taken an answer or an approval for. Worth something at
    /// `LoginSuccess` only.
    pub(super) met: Vec<Mechanism>,
    /// What the user chose, for a package that replaces the one it was chosen from.
    pub(super) chosen: Option<Chosen>,
    /// Whether that has happened.
    pub(super) choice_reused: bool,
    /// The authenticator that was started with the password, as long as its code has not been asked
    /// for.
    pub(super) started_early: Option<Choice>,
    /// How often the password has gone out.
    pub(super) passwords: u8,
    /// The number to match of the push that is on its way, once it was shown.
    pub(super) number: Option<ServerText>,
    /// How often the approval that is waited for has been asked for.
    pub(super) polls: u16,
    pub(super) waited: Waited,
    /// What is said before the next step.
    pub(super) notices: Vec<Notice>,
}

/// A choice of the user's.
pub(super) struct Chosen {
    pub(super) mechanism: Mechanism,
    /// The tenant's line for it: there may be two phones.
    pub(super) label: Option<ServerText>,
    /// The code that came with it.
    pub(super) typed: Option<Shared>,
}

/// An operation with the mechanism that it is part of.
#[derive(Clone)]
pub(super) struct Planned {
    pub(super) choice: Choice,
    pub(super) action: Action,
}

/// The question whether a mechanism was approved.
pub(super) struct Poll {
    pub(super) choice: Choice,
    /// How often in a row there was no reply to it.
    pub(super) outages: u8,
    /// A code that was typed in place of the approval, which may have been denied since. The tenant
    /// would not tell a denial from a wrong code, so the code goes out once it is known that there
    /// was none.
    pub(super) typed: Option<Shared>,
}

impl Poll {
    pub(super) fn new(choice: Choice) -> Self {
        Self { choice, outages: 0, typed: None }
    }
}

/// What was asked, and all that is needed to make sense of the answer.
pub(super) enum Asked {
    /// One of several mechanisms, or the code of one of them.
    Menu(Menu),
    /// Whether to begin with the only mechanism.
    Begin(Choice),
    /// What a `Text` mechanism wants to know. For several security questions: the answers so far.
    Text(Choice, Answers),
    /// The password, which the stack does not have.
    Password(Choice),
    /// What is to be done about a mechanism that was started.
    Started(Choice, Expects),
}

impl Asked {
    /// What may be approved while this question stands.
    pub(super) fn awaited(self) -> Option<Choice> {
        match self {
            Self::Started(started, expects) => expects.approval_of(started),
            Self::Menu(_) | Self::Begin(_) | Self::Text(..) | Self::Password(_) => None,
        }
    }
}

/// Answers to security questions, by `Uuid`.
pub(super) type Answers = Vec<(String, Shared)>;

/// What may be typed once a mechanism was started.
pub(super) enum Expects {
    /// Its code.
    Code,
    /// Its code, or Enter for "I have approved it".
    CodeOrEnter,
    /// Enter, after choosing this number on the phone, or its code where it has one.
    Match(ServerText),
    /// Enter, to wait on for an approval that has not come yet, or its code where it has one.
    Patience,
}

impl Expects {
    /// What was started, if the user may approve it.
    pub(super) fn approval_of(&self, started: Choice) -> Option<Choice> {
        match self {
            // There is nothing to approve about an authenticator's code.
            Self::Code => None,
            Self::CodeOrEnter | Self::Match(_) | Self::Patience => Some(started),
        }
    }
}

/// What makes a phone ring, and what it takes to go on where it may not.
pub(super) enum PhoneAction {
    /// A choice, and the code that came with it.
    Start(Choice, Option<Shared>),
    /// An answer that is no code, to something that was started.
    Word(Choice, Expects, Shared),
}

/// What was decided.
pub(super) enum Next {
    /// Send these in one request.
    Send(Vec<Planned>),
    /// Ask the tenant whether it was approved.
    Poll(Poll),
    /// Ask the user, after a word on the last answer.
    Ask(Cow<'static, str>, Asked),
    /// Do this if the phone may ring.
    Spend(PhoneAction),
    /// Let time pass, as the tenant has asked or at least so long, then poll.
    Wait { asked: Option<Duration>, least: Duration, then: Poll },
    /// The tenant lets this user in.
    Succeed(Identity),
    /// Ask for the code of this authenticator, although the tenant has refused the user.
    Decoy(Choice, Refusal),
    /// Ask the tenant for the last time whether this was approved: the login is over.
    Last(Choice, Refusal),
    /// Tell the tenant that the login is over.
    Abandon(Refusal),
    /// The session is over on the tenant's side.
    End(Refusal),
}

impl Next {
    pub(super) fn ask(asked: Asked) -> Self {
        Self::Ask(Cow::Borrowed(""), asked)
    }

    pub(super) fn abandon(refusal: impl Into<Refusal>) -> Self {
        Self::Abandon(refusal.into())
    }

    /// Ends the login. Where an approval is on its way, the tenant is asked about it once more: a
    /// denial leaves the same traces, whether the login has waited for it or not.
    pub(super) fn leave(awaited: Option<Choice>, refusal: Refusal) -> Self {
        match awaited {
            Some(choice) => Self::Last(choice, refusal),
            None => Self::Abandon(refusal),
        }
    }
}

impl Open {
    pub(super) fn new(
        known: Box<Known>,
        to: TenantUrl,
        session: Session,
        bearer: Option<Bearer>,
    ) -> Self {
        Self {
            to,
            session,
            bearer,
            password: known.password.clone(),
            allowance: known.allowance,
            known,
            unusable: UnusableAnswers::default(),
            challenges: Vec::new(),
            rounds: 0,
            queue: Vec::new(),
            met: Vec::new(),
            chosen: None,
            choice_reused: false,
            started_early: None,
            passwords: 0,
            number: None,
            polls: 0,
            waited: Waited::default(),
            notices: Vec::new(),
        }
    }

    /// Counts packages and challenges, so that a tenant can't keep a login turning.
    pub(super) fn round(&mut self) -> Result<(), Refusal> {
        self.rounds += 1;
        if self.rounds > MAX_ROUNDS {
            return Err(Refusal::new(Reason::Misbehaved, "too many challenges in one login"));
        }
        Ok(())
    }

    /// Asks once more, and says first what was wrong with the answer, unless the user has had
    /// enough tries.
    pub(super) fn ask_again(&mut self, word: impl Into<Cow<'static, str>>, asked: Asked) -> Next {
        match self.unusable.count(&self.known.terms) {
            Ok(()) => Next::Ask(word.into(), asked),
            Err(refusal) => Next::leave(asked.awaited(), refusal),
        }
    }
}

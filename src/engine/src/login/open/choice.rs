//! A mechanism as it was offered: whether it works in a terminal, and what it does.
#![forbid(unsafe_code)]

use std::rc::Rc;

use super::super::codes::is_number;
use crate::policy::Mechanism;
use crate::secret::Secret;
use crate::tenant::reply::{AnswerType, Name, Offer};
use crate::tenant::text::ServerText;

/// A menu that no longer fits into a prompt helps no user.
const MAX_MENU: usize = 8;

/// A mechanism that works here, with what it was offered as.
#[derive(Clone)]
pub(in crate::login) struct Choice {
    /// The place of the challenge in its package.
    pub(super) challenge: usize,
    pub(super) mechanism: Mechanism,
    pub(super) offer: Rc<Offer>,
}

/// What the user may choose from, the preferred first.
pub(super) struct Menu {
    pub(super) first: Choice,
    pub(super) others: Vec<Choice>,
}

impl Menu {
    /// `None` without a choice.
    pub(super) fn new(choices: Vec<Choice>) -> Option<Self> {
        let mut choices = choices.into_iter();
        let first = choices.next()?;
        Some(Self { first, others: choices.collect() })
    }

    /// As much of it as fits into a prompt.
    pub(super) fn shortened(mut self) -> Self {
        self.others.truncate(MAX_MENU - 1);
        self
    }

    pub(super) fn choices(&self) -> impl Iterator<Item = &Choice> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// Whose code may be typed right at the menu, by its place there: one that the user can have
    /// before anything was started, and if possible one whose start sends nothing.
    pub(super) fn code_taker(&self) -> Option<usize> {
        let order = [Mechanism::Oath, Mechanism::Radius, Mechanism::Otp];
        let place = |m| self.choices().position(|c| c.mechanism == m && c.takes_code_at_once());
        order.into_iter().find_map(place)
    }
}

impl Choice {
    /// An offer that can be met in a terminal.
    pub(super) fn usable(challenge: usize, offer: &Rc<Offer>) -> Option<Self> {
        let mechanism = usable(offer)?;
        Some(Self { challenge, mechanism, offer: Rc::clone(offer) })
    }

    /// Whether starting it makes the phone ring or fills the mailbox.
    pub(super) fn rings(&self) -> bool {
        let sends = match self.mechanism {
            Mechanism::Otp
            | Mechanism::Sms
            | Mechanism::Email
            | Mechanism::Pf
            | Mechanism::Radius => true,
            Mechanism::Up | Mechanism::Sq | Mechanism::Oath => false,
        };
        sends && self.is_oob()
    }

    pub(super) fn is_oob(&self) -> bool {
        matches!(self.offer.answer, AnswerType::StartTextOob | AnswerType::StartOob)
    }

    pub(super) fn is_push(&self) -> bool {
        self.mechanism == Mechanism::Otp
    }

    /// Whether its code may be typed before it was started.
    pub(super) fn takes_code_at_once(&self) -> bool {
        let has_code = match self.mechanism {
            Mechanism::Oath | Mechanism::Radius | Mechanism::Otp => true,
            Mechanism::Up | Mechanism::Sq | Mechanism::Sms | Mechanism::Email | Mechanism::Pf => {
                false
            }
        };
        has_code && self.offer.takes_text()
    }

    /// Whether this text may be sent with the choice. Where the choice is started, no other text than
    /// a code may: a word would ring besides the start, and only one of the two was counted.
    pub(super) fn may_come_with(&self, text: &Secret) -> bool {
        !self.is_oob() || self.takes_code_at_once() && !self.rings_by(text)
    }

    /// Whether an answer makes the phone ring: a RADIUS server takes words such as `push`, or the
    /// number of a line in a menu of its own.
    pub(super) fn rings_by(&self, text: &Secret) -> bool {
        self.mechanism == Mechanism::Radius && !is_number(text)
    }
}

fn usable(offer: &Offer) -> Option<Mechanism> {
    let Name::Known(mechanism) = offer.name else {
        return None;
    };
    let answerable = match mechanism {
        Mechanism::Up | Mechanism::Sq => offer.answer == AnswerType::Text,
        // An authenticator has nothing but its code.
        Mechanism::Oath => offer.takes_text(),
        Mechanism::Otp | Mechanism::Sms | Mechanism::Email | Mechanism::Pf | Mechanism::Radius => {
            offer.answer != AnswerType::Unknown
        }
    };
    let there = offer.enrolled && !offer.id.is_empty();
    (answerable && there).then_some(mechanism)
}

/// Why an offer can't be met in a terminal; `None` if it can.
#[must_use]
pub fn obstacle(offer: &Offer) -> Option<&'static str> {
    usable(offer).is_none().then(|| why_not(offer))
}

fn why_not(offer: &Offer) -> &'static str {
    match offer.name {
        Name::Reset => "a new password can't be set here",
        Name::Other(_) => "it can't work in a terminal",
        Name::Garbled(_) => "the tenant's description of it can't be read",
        Name::Known(_) if !offer.enrolled => "the user is not enrolled",
        Name::Known(_) => "it is offered in a way that can't be answered",
    }
}

/// The API's name of what is offered, harmless.
#[must_use]
pub fn offer_name(offer: &Offer) -> String {
    match &offer.name {
        Name::Known(mechanism) => mechanism.name().to_owned(),
        Name::Reset => "RESET".to_owned(),
        Name::Other(name) => plain(name),
        Name::Garbled(name) => Some(plain(name))
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| "a mechanism".to_owned()),
    }
}

fn plain(name: &ServerText) -> String {
    name.shown(20).replace(|c: char| !c.is_ascii(), "?")
}

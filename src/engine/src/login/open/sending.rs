//! Operations: what travels together, and what each of them is.
#![forbid(unsafe_code)]

use super::state::{Next, Open, Planned};
use crate::policy::{Batch, Mechanism};
use crate::tenant::request::{Action, Answer, Operation};

impl Open {
    /// Sends the next operation, or all that may travel together.
    pub(super) fn flush(&mut self) -> Next {
        let rest = self.queue.split_off(self.together());
        let next = std::mem::replace(&mut self.queue, rest);
        Next::Send(next)
    }

    /// How many of the queued operations travel in the next request.
    fn together(&self) -> usize {
        let is_start = |p: &&Planned| matches!(p.action, Action::StartOob);
        let count = match self.known.terms.tenant.multiple_operations {
            Batch::Off => 1,
            Batch::Start => 1 + self.queue.iter().skip(1).take_while(is_start).count(),
            Batch::Code => self.queue.len(),
        };
        count.min(self.queue.len())
    }
}

impl Planned {
    pub(super) fn operation(&self) -> Operation {
        Operation { mechanism: self.choice.offer.id.clone(), action: self.action.clone() }
    }

    pub(super) fn is_of(&self, mechanism_id: &str) -> bool {
        self.choice.offer.id == mechanism_id
    }

    pub(super) fn is_answer(&self) -> bool {
        matches!(self.action, Action::Answer(_))
    }

    /// Whether the tenant may answer it only once the user has approved something elsewhere. A
    /// RADIUS server may hold its answer: some ask for an approval by themselves.
    pub(super) fn may_be_held(&self) -> bool {
        self.is_answer() && self.choice.mechanism == Mechanism::Radius
    }

    /// Whether this is an answer to a RADIUS server that is no code.
    pub(super) fn is_word(&self) -> bool {
        match &self.action {
            Action::Answer(Answer::Text(text)) => self.choice.rings_by(text),
            Action::Answer(Answer::Parts(_)) | Action::StartOob | Action::Poll => false,
        }
    }

    /// Whether this is one of the words by which RADIUS servers are asked for an approval, such as
    /// `push`, or the number of a line in a menu of theirs. The tenant may hold its reply until the
    /// user has approved.
    pub(super) fn asks_for_approval(&self) -> bool {
        let Action::Answer(Answer::Text(text)) = &self.action else {
            return false;
        };
        let word = text.expose().to_ascii_lowercase();
        let known = ["push", "phone", "call"].iter().any(|known| word.starts_with(known));
        self.is_word() && (known || word.bytes().all(|b| b.is_ascii_digit()))
    }
}

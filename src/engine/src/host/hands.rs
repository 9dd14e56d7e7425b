//! The hands that turn a login of the module: the conversation, the memory, the log.
#![forbid(unsafe_code)]

use std::time::Duration;

use super::effects::Effects;
use super::{Answer, Attempt, names};
use crate::local::budget::Allowance;
use crate::local::offline::Receipt;
use crate::local::offline::rules::CodeRefusal;
use crate::log::Level;
use crate::login::{Echo, Keep, Notice, Outgoing, Question};
use crate::os;
use crate::policy::{Mechanism, Terms};
use crate::refusal::Refusal;
use crate::secret::Secret;
use crate::tenant::failure::Failure;
use crate::tenant::http::Response;
use crate::tenant::request::Request;
use crate::words;

/// One person's part of an attempt.
pub(super) struct Own<'a, 'b> {
    pub(super) attempt: &'a mut Attempt<'b>,
    pub(super) terms: &'a Terms,
}

impl Effects for Own<'_, '_> {
    fn may_send(&mut self, request: &Request) -> Result<(), Refusal> {
        match request {
            Request::Advance { .. } | Request::Status { .. } => self.attempt.mark_asked(self.terms),
            Request::Start { .. }
            | Request::Whoami
            | Request::Token { .. }
            | Request::Challenge { .. }
            | Request::Cleanup { .. } => Ok(()),
        }
    }

    fn heard(&mut self, outgoing: &Outgoing, reply: &Result<Response, Failure>, time: Duration) {
        self.attempt.event.requests += 1;
        self.attempt.note_exchange(outgoing, reply, time);
        if matches!(outgoing.request, Request::Advance { .. } | Request::Status { .. }) {
            let is_lost = reply.as_ref().map_or(true, |reply| reply.status >= 500);
            self.attempt.doubt(is_lost);
        }
    }

    fn secretly_refused(&mut self) {
        self.attempt.doubt(true);
    }

    fn ask(&mut self, question: &Question) -> Answer {
        self.attempt.log.line(Level::Debug, "asking the user");
        let answer = self.attempt.put(question);
        let is_answered = question.echo == Echo::On && !matches!(answer, Answer::Failed);
        self.attempt.has_answered |= is_answered;
        answer
    }

    fn unasked(&self) -> Refusal {
        self.attempt.unheard()
    }

    fn tell(&mut self, notice: &Notice) {
        self.attempt.notice(notice);
    }

    fn keep(&mut self, keep: &Keep) {
        self.attempt.keep(self.terms, keep);
    }

    fn redeem(&mut self, code: &Secret) -> Result<Receipt, CodeRefusal> {
        self.attempt.redeem(self.terms, code)
    }

    fn spend(&mut self) -> Allowance {
        self.attempt.spend(&self.terms.tenant_user)
    }
}

impl Attempt<'_> {
    fn note_exchange(
        &mut self,
        outgoing: &Outgoing,
        reply: &Result<Response, Failure>,
        time: Duration,
    ) {
        self.note_mechanisms(&outgoing.about);
        let outcome = match reply {
            Ok(response) => response.status.to_string(),
            Err(failure) => failure.to_string(),
        };
        if let Ok(Response { transaction: Some(transaction), .. }) = reply {
            self.event.transaction.clone_from(transaction);
        }
        let (what, about) = (outgoing.request.summary(), names(&outgoing.about));
        let line = format!("{what} {about}: {outcome} in {} ms", time.as_millis());
        self.log.line(Level::Debug, &line);
    }

    /// What was tried is what a refusal's line tells; a success names what was met.
    fn note_mechanisms(&mut self, mechanisms: &[Mechanism]) {
        for name in mechanisms.iter().map(|m| m.name()) {
            let tried = &mut self.event.mechanisms;
            if !tried.split(',').any(|earlier| earlier == name) {
                let comma = if tried.is_empty() { "" } else { "," };
                tried.push_str(&format!("{comma}{name}"));
            }
        }
    }

    /// A picture, or why there is none. Where there is no terminal, the question alone has to do.
    pub(super) fn show_picture(&mut self, text: &str, below: usize) {
        if !words::is_terminal(self.caller.tty.as_deref(), &self.caller.service) {
            return;
        }
        match words::picture(text, words::Ground::Dark, self.screen(), below) {
            Ok(picture) => self.conversation.tell(&picture),
            Err(why_not) => self.conversation.tell(why_not),
        }
    }

    /// sshd has neither a terminal nor the environment of the user.
    fn screen(&self) -> words::Screen {
        if self.is_ssh() {
            return words::Screen::UNKNOWN;
        }
        let (rows, columns) = os::own_size().unwrap_or((24, 80));
        let has_blocks = os::shows_unicode();
        words::Screen { rows, columns, has_blocks }
    }

    fn notice(&mut self, notice: &Notice) {
        match notice {
            // sshd keeps a message back until the next prompt or the end: the prompt after a while
            // says more.
            Notice::Waiting(_) if self.is_ssh() => {}
            Notice::Waiting(text) => self.conversation.tell(text),
            Notice::Page(url) => self.show_picture(url, words::PAGE_ROWS),
            Notice::Log(line) => self.log.line(Level::Warning, line),
            Notice::Debug(line) => self.log.line(Level::Debug, line),
            Notice::Note(line) => {
                let line = format!("{line}: {}", self.event.who());
                self.log.line(Level::Notice, &line);
            }
        }
    }
}

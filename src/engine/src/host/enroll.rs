//! An offer at the end of an online login: a key for offline codes.
#![forbid(unsafe_code)]

use zeroize::Zeroize;

use super::conversation::{Answer, is_junk};
use super::{Attempt, Proof};
use crate::local::offline::record::Enrolment;
use crate::local::offline::{Enrolled, moment::Moment, new_key, rules};
use crate::log::Level;
use crate::login::{Echo, Question};
use crate::os;
use crate::otpauth;
use crate::policy::{Flow, Terms};
use crate::refusal::{Reason, Refusal};
use crate::secret::{Secret, Unfit};
use crate::words;

/// How often the first code is asked for.
const TRIES: u8 = 3;

impl Attempt<'_> {
    /// Offers a key to somebody who has just been let in, and was never asked before.
    ///
    /// Whoever says no, or does not finish, is let in all the same. Whoever ends the conversation
    /// ends the login, as at any other question; one that can't be asked anything has not got here.
    pub(super) fn offer_key(&mut self, terms: &Terms, proof: &Proof) -> Result<(), Refusal> {
        let uid = terms.person.uid;
        let offline = terms.offline.as_ref();
        let is_asked = offline.is_some_and(|offline| offline.enroll_at_login)
            && self.has_answered
            && terms.flow == Flow::Login
            && proof.offline().is_none()
            && self.with_records(|store, _| store.offer(uid)) == Some(true);
        if !is_asked {
            return Ok(());
        }
        match self.ask_plainly(words::OFFER.to_owned())? {
            Some(answer) if words::is_yes(answer.expose()) => self.enroll(terms),
            Some(_) | None => Ok(()),
        }
    }

    fn enroll(&mut self, terms: &Terms) -> Result<(), Refusal> {
        let Some(mut enrolment) = self.new_enrolment(terms) else {
            return Ok(());
        };
        self.show_key(&enrolment);
        let secret = enrolment.record.key.base32();
        for tries in 0..TRIES {
            let again = tries > 0;
            let Some(typed) = self.ask_plainly(words::first_code(&secret, again))? else {
                break;
            };
            let Ok(now) = Moment::now() else {
                break;
            };
            let code = typed.expose().trim();
            if rules::activate(&mut enrolment.record, code, &now) {
                return self.keep_key(&enrolment);
            }
        }
        self.conversation.tell(words::NOT_ENROLLED);
        Ok(())
    }

    fn new_enrolment(&mut self, terms: &Terms) -> Option<Enrolment> {
        let made = Moment::now().map_err(|problem| problem.to_string());
        let made = made.and_then(|now| {
            let key = new_key()?;
            let enrolment = Enrolment::new(terms.person.uid, &terms.person.name, key, &now);
            enrolment.map_err(|error| error.to_string())
        });
        made.map_err(|problem| self.log.line(Level::Warning, &format!("offline: {problem}"))).ok()
    }

    fn show_key(&mut self, enrolment: &Enrolment) {
        let record = &enrolment.record;
        let uri = otpauth::write(&record.key, "Countersign", &record.user, &os::host_name());
        self.conversation.tell(&uri);
        self.show_picture(&uri, words::FIRST_CODE_ROWS);
    }

    /// The codes are in a prompt: an application may show what it is told too late, or never.
    fn keep_key(&mut self, enrolment: &Enrolment) -> Result<(), Refusal> {
        let uid = enrolment.record.uid;
        match self.with_records(|store, _| store.enroll(&enrolment.record)) {
            Some(Enrolled::Now) => {
                let line = format!("offline: uid {uid} has enrolled at this login");
                self.log.line(Level::Warning, &line);
                let codes = words::recovery_codes(&enrolment.codes);
                self.ask_plainly(words::written_down(&codes)).map(|_| ())
            }
            Some(Enrolled::Before) | None => {
                self.conversation.tell(words::NOT_ENROLLED);
                Ok(())
            }
        }
    }

    /// `None` for what is no answer. The question may hold secrets.
    fn ask_plainly(&mut self, text: String) -> Result<Option<Secret>, Refusal> {
        let echo = Echo::On;
        let mut question = Question { text, echo };
        let answer = self.put(&question);
        question.text.zeroize();
        if os::interrupted() {
            return Err(Reason::Interrupted.into());
        }
        self.same_user()?;
        match answer {
            Answer::Typed(typed) if is_junk(&typed) => Err(Reason::PasswordJunk.into()),
            Answer::Typed(typed) => Ok(Some(typed)),
            Answer::Unfit(Unfit::Empty | Unfit::TooLong | Unfit::NotUtf8) => Ok(None),
            Answer::Failed => Err(self.unheard()),
        }
    }
}

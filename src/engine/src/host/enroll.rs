//! An offer at the end of an online login: a key for offline codes.
#![forbid(unsafe_code)]

use super::conversation::Talk;
use super::offline::Records;
use crate::local::offline::record::Enrolment;
use crate::local::offline::{Enrolled, moment::Moment, new_key, rules};
use crate::log::{Level, Log};
use crate::login::Proof;
use crate::os;
use crate::otpauth;
use crate::policy::{Account, Flow, Terms};
use crate::refusal::Refusal;
use crate::words;

/// How often the first code is asked for.
const TRIES: u8 = 3;

/// Offers a key to a user who has just been let in, and was never asked before.
///
/// A user who says no, or does not finish, is let in all the same. A user who ends the conversation
/// ends the login, as at any other question; one that can't be asked anything has not got here.
pub(super) fn offer_key(
    terms: &Terms,
    proof: &Proof,
    talk: &mut Talk<'_>,
    records: &Records<'_>,
    log: &Log,
) -> Result<(), Refusal> {
    let is_asked = terms.offline.as_ref().is_some_and(|offline| offline.enroll_at_login)
        && talk.has_answered()
        && terms.flow == Flow::Login
        && proof.offline().is_none()
        && records.offer(terms.person.uid);
    if !is_asked {
        return Ok(());
    }
    match talk.offer(words::OFFER.to_owned())? {
        Some(answer) if words::is_yes(answer.expose()) => {
            Offer { person: &terms.person, talk, records, log }.enroll()
        }
        Some(_) | None => Ok(()),
    }
}

/// An offer that the user has taken.
struct Offer<'a, 'b> {
    person: &'a Account,
    talk: &'a mut Talk<'b>,
    records: &'a Records<'a>,
    log: &'a Log,
}

impl Offer<'_, '_> {
    fn enroll(mut self) -> Result<(), Refusal> {
        let Some(mut enrolment) = self.new_enrolment() else {
            return Ok(());
        };
        self.show_key(&enrolment);
        let secret = enrolment.record.key.base32();
        for tries in 0..TRIES {
            let again = tries > 0;
            let Some(typed) = self.talk.offer(words::first_code(&secret, again))? else {
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
        self.talk.tell(words::NOT_ENROLLED);
        Ok(())
    }

    fn new_enrolment(&self) -> Option<Enrolment> {
        let made = Moment::now().map_err(|problem| problem.to_string());
        let made = made.and_then(|now| {
            let key = new_key()?;
            let enrolment = Enrolment::new(self.person.uid, &self.person.name, key, &now);
            enrolment.map_err(|error| error.to_string())
        });
        made.map_err(|problem| self.log.line(Level::Warning, &format!("offline: {problem}"))).ok()
    }

    fn show_key(&mut self, enrolment: &Enrolment) {
        let record = &enrolment.record;
        let uri = otpauth::write(&record.key, "Countersign", &record.user, &os::host_name());
        self.talk.tell(&uri);
        self.talk.show_picture(&uri, words::FIRST_CODE_ROWS);
    }

    /// The codes are in a prompt: an application may show what it is told too late, or never.
    fn keep_key(&mut self, enrolment: &Enrolment) -> Result<(), Refusal> {
        let uid = enrolment.record.uid;
        match self.records.enroll(&enrolment.record) {
            Some(Enrolled::Now) => {
                let line = format!("offline: uid {uid} has enrolled at this login");
                self.log.line(Level::Warning, &line);
                let codes = words::recovery_codes(&enrolment.codes);
                self.talk.offer(words::written_down(&codes)).map(|_| ())
            }
            Some(Enrolled::Before) | None => {
                self.talk.tell(words::NOT_ENROLLED);
                Ok(())
            }
        }
    }
}

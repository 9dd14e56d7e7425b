//! One login from the call to the verdict: load the policy, judge, drive the login, report.
//!
//! An attempt consists of the talk with the user (`conversation`), the report (`report`) and what is
//! kept between logins (`state`, `offline`). A person (`person`) is one of at most two who log in;
//! the loop (`drive`) carries out each step of a login by a person's effects (`effects`).
#![forbid(unsafe_code)]

mod accounts;
mod arguments;
mod caller;
mod compiled;
mod conversation;
mod credentials;
mod drive;
mod effects;
mod enroll;
mod listing;
mod offline;
mod origin;
mod panic;
mod person;
mod program;
mod prompts;
mod report;
mod secret_file;
mod settings;
mod state;
mod verdict;

use std::path::Path;
use std::time::Duration;

pub use accounts::{LocalUsers, account};
pub use arguments::{Arguments, CONFIG};
pub use caller::{Caller, Nameless};
pub use conversation::{Answer, Conversation};
pub use credentials::public_key;
pub use drive::drive;
pub use effects::Effects;
pub use listing::LONGEST_LIST;
pub use origin::Whence;
pub use panic::{caught, silence};
pub use program::{OtherProgram, Program};
pub use secret_file::{MAX_SECRET, NoSecret, credential_name, secret_line, use_credentials};
pub use settings::{connection, equip};
pub use verdict::{Decision, Outcome, Verdict};

use conversation::Talk;
use person::{Person, Traces};
use report::Report;
use state::Kept;

use crate::log::{Level, Log};
use crate::os::Trusted;
use crate::policy::{self, Broker, Flow, Judgement, Policy, Required, Settings, Subject, Terms};
use crate::refusal::{Reason, Refusal};
use crate::words;

/// Runs one login.
pub fn authenticate(caller: &Caller, conversation: &mut dyn Conversation) -> Outcome {
    authenticate_by(Way::Here, caller, conversation)
}

/// Why a login runs here, and not in the broker.
pub enum Way {
    /// It is to run here.
    Here,
    /// This machine has no broker.
    NoBroker(Refusal),
    /// The broker could not be used.
    Failed(Refusal),
}

/// Runs one login, or refuses it where the configuration wants the broker to run it.
pub fn authenticate_by(way: Way, caller: &Caller, conversation: &mut dyn Conversation) -> Outcome {
    let (log, trusted) = (Log::new(&caller.service), Trusted::default());
    if let Some(sender) = caller.program.other() {
        log.for_program(sender);
    }
    let talk = Talk::new(caller, conversation);
    let report = Report::new(caller, &log);
    let mut attempt =
        Attempt { way: Some(way), caller, log: &log, trusted: &trusted, talk, report };
    let verdict = caught(|| attempt.run())
        .unwrap_or_else(|defect| Err(Refusal::new(Reason::Panic, defect)))
        .unwrap_or_else(Verdict::Refused);
    attempt.close(verdict)
}

impl Way {
    fn refused(self, wanted: Broker) -> Option<Refusal> {
        match (self, wanted) {
            (Way::NoBroker(refusal), Broker::Always)
            | (Way::Failed(refusal), Broker::Always | Broker::Auto) => Some(refusal),
            (Way::NoBroker(_), Broker::Auto | Broker::Never)
            | (Way::Failed(_), Broker::Never)
            | (Way::Here, _) => None,
        }
    }
}

/// Returns whether the configuration leaves a login to the broker. One that can't be read does: the
/// broker refuses by it.
#[must_use]
pub fn is_for_broker(caller: &Caller) -> bool {
    let (log, trusted) = (Log::silent(), Trusted::default());
    let Ok(arguments) = Arguments::parse(&caller.arguments) else {
        return true;
    };
    let loaded = settings::load(&arguments.config, &trusted, &log);
    loaded.map_or(true, |(policy, _)| policy.broker() != Broker::Never)
}

/// A login while it goes on.
struct Attempt<'a> {
    way: Option<Way>,
    caller: &'a Caller,
    log: &'a Log,
    trusted: &'a Trusted,
    talk: Talk<'a>,
    report: Report<'a>,
}

impl<'a> Attempt<'a> {
    fn run(&mut self) -> Result<Verdict, Refusal> {
        let arguments = Arguments::parse(&self.caller.arguments)?;
        if arguments.debug {
            self.log.with_debug();
        }
        let (policy, configuration) = settings::load(&arguments.config, self.trusted, self.log)?;
        let settings = policy.for_service(&self.caller.service);
        self.report.delay_failures(settings.login.failure_delay);
        if let Some(socket) = policy.log_socket() {
            self.log.move_to(socket);
        }
        if let Some(refusal) = self.way.take().and_then(|way| way.refused(policy.broker())) {
            return Err(refusal);
        }
        match self.judge(&policy, &arguments.config) {
            Ok((Judgement::Exempt { rule, result }, _)) => Ok(Verdict::Exempt { rule, result }),
            Ok((Judgement::Require(required), subject)) => {
                let caller = (self.caller, subject.account);
                let policy = (&policy, configuration);
                let kept = Kept::new(self.log, self.trusted, caller, policy);
                self.log_in(kept, *required)
            }
            Err(refusal) => self.turn_away(settings, refusal),
        }
    }

    fn judge(
        &mut self,
        policy: &Policy,
        configuration: &Path,
    ) -> Result<(Judgement, Subject), Refusal> {
        let subject = self.caller.subject(self.caller.public_keys(), policy)?;
        self.report.name_account(&subject.account);
        let users = LocalUsers::from(self.caller.whence()).behind(configuration, policy);
        let ruling = policy::judge(policy, &subject, &users);
        for note in &ruling.notes {
            self.log.line(Level::Warning, &note.to_string());
        }
        Ok((ruling.judgement?, subject))
    }

    /// Each user gets this prompt: a user who is refused learns nothing from its absence.
    fn turn_away(&mut self, settings: &Settings, refusal: Refusal) -> Result<Verdict, Refusal> {
        let step_up = &settings.step_up;
        let has_key = !self.caller.public_keys().is_empty();
        let flow = if has_key { &step_up.after_public_key } else { &step_up.flow };
        match flow {
            Flow::Login => {
                let password = self.talk.password();
                self.report.restart();
                password.and(Err(refusal))
            }
            Flow::OnDemand(_) => Err(refusal),
        }
    }

    /// One person, or one after the other: then both must be let in, and nothing that one of them
    /// did before counts.
    fn log_in(&mut self, mut kept: Kept<'a>, required: Required) -> Result<Verdict, Refusal> {
        self.report.name_person(&required.first);
        if let Some(key) = required.met_by_key() {
            return Ok(Verdict::SecurityKey(key.clone()));
        }
        let Required { first, second } = required;
        let Some(second) = second else {
            if let Some(confirmation) = kept.recall(&first) {
                return Ok(Verdict::Remembered(confirmation));
            }
            let mut person = self.person(&first, &mut kept);
            let proof = person.log_in()?;
            person.offer_key(&proof)?;
            return Ok(Verdict::Granted(proof));
        };
        let proof = self.person(&first, &mut kept).log_in()?;
        self.report.name_second(&first, &proof, &second);
        self.person(&second, &mut kept).log_in().map(Verdict::Granted)
    }

    fn person<'b>(&'b mut self, terms: &'b Terms, kept: &'b mut Kept<'a>) -> Person<'b, 'a> {
        let Self { log, trusted, talk, report, .. } = self;
        Person { terms, log, trusted, talk, report, kept, traces: Traces::default() }
    }

    fn close(mut self, verdict: Verdict) -> Outcome {
        let mut failure_delay = Duration::ZERO;
        if let Verdict::Refused(refusal) = &verdict {
            let hint = || self.talk.hint(refusal.reason).map(str::to_owned);
            if let Some(text) = words::farewell(refusal).or_else(hint) {
                self.talk.complain(&text);
            }
            failure_delay = self.report.delay(refusal.reason);
        }
        let event = self.report.finish(&verdict);
        Outcome { verdict, failure_delay, event }
    }
}

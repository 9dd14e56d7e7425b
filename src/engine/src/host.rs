//! One login from the call to the verdict: load the policy, judge, drive the login, audit.
#![forbid(unsafe_code)]

mod accounts;
mod arguments;
mod caller;
mod compiled;
mod conversation;
mod drive;
mod effects;
mod enroll;
mod hands;
mod judgement;
mod listing;
mod memory;
mod offline;
mod origin;
mod outcome;
mod panic;
mod prompts;
mod secret_file;
mod settings;
mod ssh;
mod verdict;

use std::time::{Duration, Instant};

pub use accounts::{LocalUsers, account};
pub use arguments::{Arguments, CONFIG};
pub use caller::{Caller, Nameless};
pub use conversation::{Answer, Conversation};
pub use drive::drive;
pub use effects::Effects;

use crate::audit::Event;
use crate::log::Log;
use crate::login::{Machine, Proof, Start};
use crate::os::{self, Trusted};
use crate::policy::{self, Account, Flow, Judgement, Mechanism, Required, Settings, Terms};
use crate::refusal::{Reason, Refusal};

use hands::Own;
pub use listing::LONGEST_LIST;
use memory::Memory;
pub use origin::Whence;
pub use panic::{caught, silence};
pub use secret_file::{MAX_SECRET, NoSecret, secret_line};
pub use settings::{connection, equip};
pub use verdict::Verdict;

/// A verdict, and how long libpam should let a refused user wait.
pub struct Outcome {
    /// The verdict.
    pub verdict: Verdict,
    /// For pam_fail_delay(3).
    pub failure_delay: Duration,
    /// What the log's line says of it.
    pub event: Event,
}

/// What is known of a login while it goes on.
struct Attempt<'a> {
    caller: &'a Caller,
    conversation: &'a mut dyn Conversation,
    log: Log,
    trusted: Trusted,
    event: Event,
    /// The account that `PAM_USER` leads to, once that is known.
    account: Option<Account>,
    begun: Instant,
    failure_delay: Duration,
    memory: Option<Memory>,
    /// A user is at the other end: a question whose answer is shown has been answered.
    has_answered: bool,
}

/// Runs one login.
pub fn authenticate(caller: &Caller, conversation: &mut dyn Conversation) -> Outcome {
    let mut attempt = Attempt::new(caller, conversation);
    let verdict = caught(|| attempt.run())
        .unwrap_or_else(|defect| Err(Refusal::new(Reason::Panic, defect)))
        .unwrap_or_else(Verdict::Refused);
    attempt.close(verdict)
}

impl<'a> Attempt<'a> {
    fn new(caller: &'a Caller, conversation: &'a mut dyn Conversation) -> Self {
        let event = Event {
            attempt: os::random().map_or_else(|_| String::new(), |id| format!("{id:016x}")),
            user: caller.user.clone().unwrap_or_default(),
            service: caller.service.clone(),
            rhost: caller.rhost.clone().unwrap_or_default(),
            tty: caller.tty.clone().unwrap_or_default(),
            ..Event::default()
        };
        Self {
            caller,
            conversation,
            log: Log::new(&caller.service),
            trusted: Trusted::default(),
            event,
            account: None,
            begun: Instant::now(),
            failure_delay: policy::Login::default().failure_delay,
            memory: None,
            has_answered: false,
        }
    }

    fn run(&mut self) -> Result<Verdict, Refusal> {
        let arguments = Arguments::parse(&self.caller.arguments)?;
        if arguments.debug {
            self.log.with_debug();
        }
        let (policy, configuration) =
            settings::load(&arguments.config, &self.trusted, &mut self.log)?;
        let settings = policy.for_service(&self.caller.service);
        self.failure_delay = settings.login.failure_delay;
        if let Some(socket) = policy.log_socket() {
            self.log.move_to(socket);
        }
        match self.judge(&policy, &arguments.config) {
            Ok(Judgement::Exempt { rule, result }) => Ok(Verdict::Exempt { rule, result }),
            Ok(Judgement::Require(required)) => {
                self.memory = Some(Memory::new(&policy, configuration, &self.trusted));
                self.log_in(*required)
            }
            Err(refusal) => self.turn_away(settings, refusal),
        }
    }

    /// Each user gets this prompt: a user who is refused learns nothing from its absence.
    fn turn_away(&mut self, settings: &Settings, refusal: Refusal) -> Result<Verdict, Refusal> {
        let step_up = &settings.step_up;
        let flow = match self.public_key() {
            Some(_) => &step_up.after_public_key,
            None => &step_up.flow,
        };
        match flow {
            Flow::Login => self.password().and(Err(refusal)),
            Flow::OnDemand(_) => Err(refusal),
        }
    }

    /// One person, or one after the other: then both must be let in, and nothing that one of them
    /// did before counts.
    fn log_in(&mut self, required: Required) -> Result<Verdict, Refusal> {
        let Required { first, second } = required;
        self.event.tenant_user.clone_from(&first.tenant_user);
        let Some(second) = second else {
            return match self.recall(&first) {
                Some(confirmation) => Ok(Verdict::Remembered(confirmation)),
                None => {
                    let proof = self.person(&first)?;
                    // A login that ends there has not succeeded.
                    let offered = self.offer_key(&first, &proof);
                    offered.inspect_err(|no| self.settle(&first, &Err(no.clone())))?;
                    Ok(Verdict::Granted(proof))
                }
            };
        };
        let proof = self.person(&first)?;
        let met = format!("{} has met {}", first.tenant_user, names(proof.met()));
        self.event.detail = met;
        self.event.tenant_user = format!("{},{}", self.event.tenant_user, second.tenant_user);
        self.person(&second).map(Verdict::Granted)
    }

    fn person(&mut self, terms: &Terms) -> Result<Proof, Refusal> {
        self.begin();
        let proof = self.ask_tenant(terms);
        let proof = proof.and_then(|proof| self.same_user().map(|()| proof));
        self.settle(terms, &proof);
        proof
    }

    /// The account that was judged is still the one that the application lets in.
    fn same_user(&mut self) -> Result<(), Refusal> {
        match self.conversation.user().as_ref() == self.caller.user.as_ref().ok() {
            true => Ok(()),
            false => Err(Reason::UserChanged.into()),
        }
    }

    fn ask_tenant(&mut self, terms: &Terms) -> Result<Proof, Refusal> {
        let (client, secret) = settings::equip(terms, &self.trusted)?;
        let before = self.before(terms);
        let password = self.password_for(terms)?;
        let machine = secret.map(|secret| Machine { secret, token: self.kept_token(terms) });
        let start = Start {
            terms: terms.clone(),
            password,
            machine,
            allowance: self.allowance(&terms.tenant_user),
            before,
        };
        let deadline = Instant::now() + terms.login.deadline;
        let attempt = self;
        drive(&mut Own { attempt, terms }, client, deadline, start)
    }
}

/// The tenant's names of mechanisms, for the log.
fn names(mechanisms: &[Mechanism]) -> String {
    let names: Vec<_> = mechanisms.iter().map(|m| m.name()).collect();
    names.join(",")
}

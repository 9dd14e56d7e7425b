//! What is kept between logins: the push budget, confirmations that count for a while, the
//! machine's token.
#![forbid(unsafe_code)]

use std::time::Duration;

use super::Attempt;
use super::compiled::Configuration;
use super::offline::Records;
use crate::local::budget::{Allowance, Ringing};
use crate::local::memory::{Circumstances, Now, Remembered, Scope, Suspended};
use crate::local::offline::Asked;
use crate::local::{State, Unmarked, Unusable};
use crate::log::Level;
use crate::login::{Keep, Proof};
use crate::os::{Process, Session, Trusted};
use crate::policy::{Flow, OAuthClient, OnDemand, Policy, Push, Terms};
use crate::refusal::{Reason, Refusal};
use crate::secret::Secret;

/// The state, as far as this login may use it.
pub(super) struct Memory {
    state: Result<State, Unusable>,
    push: Push,
    configuration: Configuration,
    /// How long a login by ssh counts for other services.
    ssh: Duration,
    /// Whether a success counts for a while in any service.
    remembers: bool,
    /// What has made this person's phone ring in this login.
    rang: Vec<Ringing>,
    /// That what this person has confirmed does not count until this login has ended.
    suspended: Option<Suspended>,
    /// Who is enrolled for offline codes.
    pub(super) offline: Option<Records>,
    /// That the tenant was asked about a person who is, and has not said no yet.
    pub(super) asked: Option<Asked>,
    /// Whether the tenant may have refused this person, and the login does not end with that
    /// reason: the last reply to something that could be refused was lost, or was a refusal that
    /// the user is not to know of yet.
    pub(super) in_doubt: bool,
    /// What was last said to be wrong with the state.
    said: Option<Unusable>,
}

impl Memory {
    pub(super) fn new(policy: &Policy, configuration: Configuration, trusted: &Trusted) -> Self {
        Self {
            state: State::open_knowing(trusted, policy.state_folder()),
            push: policy.push(),
            configuration,
            ssh: policy.ssh_memory(),
            remembers: policy.remembers(),
            rang: Vec::new(),
            suspended: None,
            offline: Records::new(policy),
            asked: None,
            in_doubt: false,
            said: None,
        }
    }
}

impl Attempt<'_> {
    /// One of two people begins: what the other did is no matter of this one's.
    pub(super) fn begin(&mut self) {
        if let Some(memory) = &mut self.memory {
            memory.rang.clear();
            memory.in_doubt = false;
        }
    }

    /// Notes whether the tenant may have refused this person.
    pub(super) fn doubt(&mut self, in_doubt: bool) {
        if let Some(memory) = &mut self.memory {
            memory.in_doubt = in_doubt;
        }
    }

    /// A state that can't be used is said once, and costs what it would have allowed.
    fn with_state<T>(&mut self, f: impl FnOnce(&State, Push) -> Result<T, Unusable>) -> Option<T> {
        let memory = self.memory.as_mut()?;
        let result = match &memory.state {
            Ok(state) => f(state, memory.push),
            Err(unusable) => Err(unusable.clone()),
        };
        result
            .inspect_err(|problem| {
                if memory.said.as_ref() != Some(problem) {
                    self.log.line(Level::Warning, &format!("state: {problem}"));
                    memory.said = Some(problem.clone());
                }
            })
            .ok()
    }

    /// Whether this person's phone may ring, without letting it.
    pub(super) fn allowance(&mut self, tenant_user: &str) -> Allowance {
        let allowance = self.with_state(|state, push| state.allowance(tenant_user, push));
        allowance.unwrap_or(Allowance::Never)
    }

    /// Counts one more, if this person's phone may ring.
    pub(super) fn spend(&mut self, tenant_user: &str) -> Allowance {
        match self.with_state(|state, push| state.spend(tenant_user, push)) {
            Some(Ok(ringing)) => {
                if let Some(memory) = &mut self.memory {
                    memory.rang.push(ringing);
                }
                Allowance::Free
            }
            Some(Err(allowance)) => allowance,
            None => Allowance::Never,
        }
    }

    /// Marks the login before the tenant is told anything that it could refuse. Nothing is sent
    /// where that can't be kept.
    pub(super) fn mark_asked(&mut self, terms: &Terms) -> Result<(), Refusal> {
        self.suspend(terms)?;
        self.mark_offline(terms)
    }

    /// From now on nothing counts that this person has confirmed, until it is known that nothing
    /// was refused.
    pub(super) fn suspend(&mut self, terms: &Terms) -> Result<(), Refusal> {
        let Some(memory) = &mut self.memory else {
            return Ok(());
        };
        let (true, None, Ok(state)) = (memory.remembers, &memory.suspended, &memory.state) else {
            return Ok(());
        };
        match state.suspend(terms.person.uid) {
            Ok(suspended) => memory.suspended = suspended,
            Err(unmarked) => self.unmarked("state", unmarked)?,
        }
        Ok(())
    }

    pub(super) fn unmarked(&mut self, what: &str, unmarked: Unmarked) -> Result<(), Refusal> {
        match unmarked {
            Unmarked::NoMatter(problem) => {
                self.log.line(Level::Warning, &format!("{what}: {problem}"));
                Ok(())
            }
            Unmarked::Refused(problem) => {
                let detail = format!("a refusal could not be kept: {what}: {problem}");
                Err(Refusal::new(Reason::Local, detail))
            }
        }
    }

    pub(super) fn kept_token(&mut self, terms: &Terms) -> Option<Secret> {
        let client = client(terms)?;
        self.with_state(|state, _| state.token(&client)).flatten()
    }

    pub(super) fn keep(&mut self, terms: &Terms, keep: &Keep) {
        let Some(client) = client(terms) else {
            return;
        };
        self.with_state(|state, _| match keep {
            Keep::Token(token, lifetime) => state.keep_token(&client, token, *lifetime),
            Keep::NoToken => state.drop_token(&client),
        });
    }

    /// Whether this person has confirmed it already, in this session.
    pub(super) fn recall(&mut self, terms: &Terms) -> Option<Remembered> {
        if terms.remember.is_zero() {
            return None;
        }
        let session = self.session_of_whoever_asks(terms)?;
        let circumstances = self.circumstances(terms)?;
        let now = Now {
            circumstances: &circumstances,
            service: &self.caller.service,
            session: &session,
            within: terms.remember,
            ssh_counts: terms.ssh_counts,
        };
        self.with_state(|state, _| state.recall(&now)).flatten()
    }

    /// Draws the consequences: a success refills the budget and is remembered, a refusal ends both.
    ///
    /// An offline code does neither: the tenant has not been asked, and is to be asked again.
    pub(super) fn settle(&mut self, terms: &Terms, verdict: &Result<Proof, Refusal>) {
        let rang = self.memory.as_mut().map(|memory| std::mem::take(&mut memory.rang));
        let rang = rang.unwrap_or_default();
        let suspended = self.memory.as_mut().and_then(|memory| memory.suspended.take());
        match verdict {
            Ok(proof) if proof.offline().is_some() => {
                self.note_no_answer();
                self.take_back(&rang, suspended.as_ref());
            }
            Ok(_) => {
                self.note_online(terms);
                self.with_state(|state, _| {
                    suspended.iter().try_for_each(|own| state.resume(own))?;
                    state.refill(&terms.tenant_user, &rang)
                });
                self.remember(terms);
            }
            Err(refusal) => self.settle_refusal(terms, refusal.reason, &rang, suspended.as_ref()),
        }
    }

    fn settle_refusal(
        &mut self,
        terms: &Terms,
        reason: Reason,
        rang: &[Ringing],
        suspended: Option<&Suspended>,
    ) {
        let in_doubt = self.memory.as_ref().is_some_and(|memory| memory.in_doubt);
        self.note_refused(terms, reason);
        if (reason == Reason::ApprovalRefused || in_doubt) && !rang.is_empty() {
            self.with_state(|state, push| state.deny(&terms.tenant_user, rang, push));
        } else {
            self.take_back(rang, None);
        }
        if reason.is_denial() || in_doubt {
            self.with_state(|state, _| state.refuse(terms.person.uid, suspended));
        } else {
            self.take_back(&[], suspended);
        }
    }

    /// Nothing was refused: what was sent is counted, and no more.
    fn take_back(&mut self, rang: &[Ringing], suspended: Option<&Suspended>) {
        if !rang.is_empty() || suspended.is_some() {
            self.with_state(|_, _| {
                rang.iter().try_for_each(Ringing::answered)?;
                suspended.map_or(Ok(()), Suspended::taken_back)
            });
        }
    }

    /// Looks at the processes only where something is remembered of them.
    fn remember(&mut self, terms: &Terms) {
        let ssh = self.memory.as_ref().map(|memory| memory.ssh);
        let ssh = ssh.filter(|_| self.is_ssh()).unwrap_or_default();
        if !ssh.is_zero() {
            self.remember_connection(terms, ssh);
        }
        if terms.remember.is_zero() {
            return;
        }
        if let Some(session) = self.session_of_whoever_asks(terms) {
            let service = self.caller.service.clone();
            let scope = Scope::StepUp { service, session };
            self.keep_in_mind(terms, scope, terms.remember);
        }
    }

    fn remember_connection(&mut self, terms: &Terms, time: Duration) {
        if let Ok(Some(monitor)) = Process::of_connection() {
            self.keep_in_mind(terms, Scope::Ssh { monitor }, time);
        }
    }

    /// The session of this process, if it is that of the person who started it. A server's is that
    /// of everybody whom it works for.
    fn session_of_whoever_asks(&self, terms: &Terms) -> Option<Session> {
        let is_theirs =
            self.caller.real_uid == terms.person.uid || matches!(self.caller.person(), Ok(Some(_)));
        is_theirs.then(Session::own)?.ok()
    }

    fn keep_in_mind(&mut self, terms: &Terms, scope: Scope, time: Duration) {
        if let Some(circumstances) = self.circumstances(terms) {
            self.with_state(|state, _| state.remember(circumstances, scope, time));
        }
    }

    fn circumstances(&self, terms: &Terms) -> Option<Circumstances> {
        Some(Circumstances {
            uid: terms.person.uid,
            tenant_user: terms.tenant_user.clone(),
            tty: self.caller.tty.clone().unwrap_or_default(),
            rhost: self.caller.rhost.clone().unwrap_or_default(),
            real_uid: self.caller.real_uid,
            account: self.account.as_ref()?.name.clone(),
            configuration: self.memory.as_ref()?.configuration.fingerprint(),
        })
    }
}

/// Another tenant, application or client has another token.
fn client(terms: &Terms) -> Option<String> {
    match &terms.flow {
        Flow::OnDemand(OnDemand { client: OAuthClient { app, id, scope, .. }, .. }) => {
            Some(format!("{}\n{app}\n{id}\n{scope}", terms.tenant.url))
        }
        Flow::Login => None,
    }
}

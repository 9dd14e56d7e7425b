//! What is kept between logins: the push budget, confirmations that count for a while, the
//! machine's token.
#![forbid(unsafe_code)]

use std::time::Duration;

use super::caller::Caller;
use super::compiled::Configuration;
use super::offline::Records;
use crate::local::budget::{Allowance, Ringing};
use crate::local::memory::{Circumstances, Now, Remembered, Scope, Suspended};
use crate::local::{State, Unmarked, Unusable};
use crate::log::{Level, Log};
use crate::login::Keep;
use crate::os::{Session, Trusted};
use crate::policy::{Account, Flow, OAuthClient, OnDemand, Policy, Push, Terms};
use crate::secret::Secret;

/// What is kept between logins, as far as this login may use it.
pub(super) struct Kept<'a> {
    log: &'a Log,
    caller: &'a Caller,
    /// The account that `PAM_USER` leads to.
    account: Account,
    configuration: Configuration,
    state: Result<State, Unusable>,
    push: Push,
    /// How long a login by ssh counts for other services.
    ssh: Duration,
    /// Whether a success counts for a while in any service.
    remembers: bool,
    /// What was last said to be wrong with the state.
    said: Option<Unusable>,
    /// Who is enrolled for offline codes.
    pub(super) records: Records<'a>,
}

impl<'a> Kept<'a> {
    pub(super) fn new(
        log: &'a Log,
        trusted: &'a Trusted,
        (caller, account): (&'a Caller, Account),
        (policy, configuration): (&Policy, Configuration),
    ) -> Self {
        Self {
            log,
            caller,
            account,
            configuration,
            state: State::open_knowing(trusted, policy.state_folder()),
            push: policy.push(),
            ssh: policy.ssh_memory(),
            remembers: policy.remembers(),
            said: None,
            records: Records::new(log, trusted, policy),
        }
    }

    /// Uses the state. One that can't be used is said once, and costs what it would have allowed.
    fn with_state<T>(&mut self, f: impl FnOnce(&State, Push) -> Result<T, Unusable>) -> Option<T> {
        let result = match &self.state {
            Ok(state) => f(state, self.push),
            Err(unusable) => Err(unusable.clone()),
        };
        result
            .inspect_err(|problem| {
                if self.said.as_ref() != Some(problem) {
                    self.log.line(Level::Warning, &format!("state: {problem}"));
                    self.said = Some(problem.clone());
                }
            })
            .ok()
    }

    /// Returns whether this person's phone may ring, without letting it.
    pub(super) fn allowance(&mut self, tenant_user: &str) -> Allowance {
        let allowance = self.with_state(|state, push| state.allowance(tenant_user, push));
        allowance.unwrap_or(Allowance::Never)
    }

    /// Counts one more, if this person's phone may ring.
    pub(super) fn spend(&mut self, tenant_user: &str) -> Result<Ringing, Allowance> {
        let spent = self.with_state(|state, push| state.spend(tenant_user, push));
        spent.unwrap_or(Err(Allowance::Never))
    }

    /// Keeps what became of what has rung: an approval, after which the count begins anew.
    pub(super) fn approved(
        &mut self,
        terms: &Terms,
        rang: &[Ringing],
        suspended: Option<&Suspended>,
    ) {
        self.with_state(|state, _| {
            suspended.map_or(Ok(()), |own| state.resume(own))?;
            state.refill(&terms.tenant_user, rang)
        });
    }

    /// Keeps that the last approval was denied: nothing rings for a while.
    pub(super) fn denied(&mut self, terms: &Terms, rang: &[Ringing]) {
        self.with_state(|state, push| state.deny(&terms.tenant_user, rang, push));
    }

    /// Keeps that this person was refused: nothing that was confirmed before counts any more.
    pub(super) fn refused(&mut self, terms: &Terms, suspended: Option<&Suspended>) {
        self.with_state(|state, _| state.refuse(terms.person.uid, suspended));
    }

    /// Takes back what was marked, for nothing was refused. What has rung is counted, and no more.
    pub(super) fn take_back(&mut self, rang: &[Ringing], suspended: Option<&Suspended>) {
        if !rang.is_empty() || suspended.is_some() {
            self.with_state(|_, _| {
                rang.iter().try_for_each(Ringing::answered)?;
                suspended.map_or(Ok(()), Suspended::taken_back)
            });
        }
    }

    /// From now on nothing counts that this person has confirmed, until it is known that nothing
    /// was refused.
    pub(super) fn suspend(&self, uid: u32) -> Result<Option<Suspended>, Unmarked> {
        match &self.state {
            Ok(state) if self.remembers => state.suspend(uid),
            Ok(_) | Err(_) => Ok(None),
        }
    }

    /// Returns this machine's token of an earlier login.
    pub(super) fn token(&mut self, terms: &Terms) -> Option<Secret> {
        let client = client(terms)?;
        self.with_state(|state, _| state.token(&client)).flatten()
    }

    /// Keeps a token, or drops the one that is kept.
    pub(super) fn keep(&mut self, terms: &Terms, keep: &Keep) {
        let Some(client) = client(terms) else {
            return;
        };
        self.with_state(|state, _| match keep {
            Keep::Token(token, lifetime) => state.keep_token(&client, token, *lifetime),
            Keep::NoToken => state.drop_token(&client),
        });
    }

    /// Returns what this person has confirmed already, in this session.
    pub(super) fn recall(&mut self, terms: &Terms) -> Option<Remembered> {
        if terms.remember.is_zero() {
            return None;
        }
        let session = self.own_session(terms)?;
        let circumstances = self.circumstances(terms);
        let now = Now {
            circumstances: &circumstances,
            service: &self.caller.service,
            session: &session,
            within: terms.remember,
            ssh_counts: terms.ssh_counts,
        };
        self.with_state(|state, _| state.recall(&now)).flatten()
    }

    /// Keeps that this person has confirmed it. Looks at the processes only where something is
    /// remembered of them.
    pub(super) fn remember(&mut self, terms: &Terms) {
        if self.caller.is_ssh()
            && !self.ssh.is_zero()
            && let Ok(Some(monitor)) = self.caller.program.connection()
        {
            self.keep_in_mind(terms, Scope::Ssh { monitor }, self.ssh);
        }
        if terms.remember.is_zero() {
            return;
        }
        if let Some(session) = self.own_session(terms) {
            let service = self.caller.service.clone();
            self.keep_in_mind(terms, Scope::StepUp { service, session }, terms.remember);
        }
    }

    fn keep_in_mind(&mut self, terms: &Terms, scope: Scope, time: Duration) {
        let circumstances = self.circumstances(terms);
        self.with_state(|state, _| state.remember(circumstances, scope, time));
    }

    /// The session of this process, if it is that of the person who started it. A server's is that
    /// of all users that it serves.
    fn own_session(&self, terms: &Terms) -> Option<Session> {
        let is_theirs =
            self.caller.real_uid == terms.person.uid || matches!(self.caller.person(), Ok(Some(_)));
        is_theirs.then(|| self.caller.program.session())?.ok()
    }

    fn circumstances(&self, terms: &Terms) -> Circumstances {
        Circumstances {
            uid: terms.person.uid,
            tenant_user: terms.tenant_user.clone(),
            tty: self.caller.tty.clone().unwrap_or_default(),
            rhost: self.caller.rhost.clone().unwrap_or_default(),
            real_uid: self.caller.real_uid,
            account: self.account.name.clone(),
            configuration: self.configuration.fingerprint(),
        }
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

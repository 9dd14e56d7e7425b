//! The person's side: what the tenant sent to each, and what they do about it.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::dice;
use super::world::{Clock, PATIENCE, World};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Push,
    Sms,
    Email,
    Call,
    /// The page of another identity provider.
    Idp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Pending,
    Approved,
    Denied,
    Expired,
}

/// Something that reached a person. Texts that do not apply are empty.
#[derive(Clone, Debug, Serialize)]
pub struct Message {
    /// From 1, rising.
    pub id: u64,
    pub user: String,
    pub kind: Kind,
    /// The number to match.
    pub number: String,
    pub code: String,
    /// Opening it approves.
    pub link: String,
    pub pin: String,
    pub state: State,
    #[serde(skip)]
    expires: Instant,
    #[serde(skip)]
    session: String,
}

/// What is to be sent.
pub struct Draft {
    pub user: String,
    pub kind: Kind,
    pub number: String,
    pub code: String,
    pub pin: String,
    pub session: String,
    pub lifetime: Duration,
    pub state: State,
}

/// All messages ever sent, and how often anything about them changed.
pub struct Inbox {
    messages: Vec<Message>,
    /// The places of those that were pending when they were looked at last.
    pending: Vec<usize>,
    revision: u64,
    phone_url: String,
}

impl Inbox {
    pub fn new(phone_url: String) -> Inbox {
        Inbox { messages: Vec::new(), pending: Vec::new(), revision: 0, phone_url }
    }

    pub fn phone_url(&self) -> &str {
        &self.phone_url
    }

    /// Delivers a message; its id.
    pub fn send(&mut self, draft: Draft, clock: &Clock) -> u64 {
        let id = self.messages.len() as u64 + 1;
        self.pending.push(self.messages.len());
        let link = match draft.kind {
            Kind::Sms | Kind::Email | Kind::Idp => {
                format!("{}/link/{id}-{}", self.phone_url, dice::id())
            }
            Kind::Push | Kind::Call => String::new(),
        };
        self.messages.push(Message {
            id,
            user: draft.user,
            kind: draft.kind,
            number: draft.number,
            code: draft.code,
            link,
            pin: draft.pin,
            state: draft.state,
            expires: clock.now() + draft.lifetime,
            session: draft.session,
        });
        self.revision += 1;
        id
    }

    pub fn get(&mut self, id: u64, clock: &Clock) -> Option<&Message> {
        self.expire(clock);
        self.messages.iter().find(|message| message.id == id)
    }

    pub fn with_link(&self, path: &str) -> Option<u64> {
        let link = format!("{}{path}", self.phone_url);
        self.messages.iter().find(|message| message.link == link).map(|message| message.id)
    }

    /// Messages later than `after`, for one user or, with an empty name, for all.
    pub fn list(&mut self, user: &str, after: u64, clock: &Clock) -> Vec<Message> {
        self.expire(clock);
        let wanted = |message: &&Message| {
            message.id > after && (user.is_empty() || message.user.eq_ignore_ascii_case(user))
        };
        self.messages.iter().filter(wanted).cloned().collect()
    }

    /// Changes with every message and every change of one.
    pub fn revision(&mut self, clock: &Clock) -> u64 {
        self.expire(clock);
        self.revision
    }

    /// Settles a pending message; an error says why it cannot be.
    pub fn settle(&mut self, id: u64, state: State, clock: &Clock) -> Result<(), String> {
        self.expire(clock);
        let message = self.messages.iter_mut().find(|message| message.id == id);
        let message = message.ok_or_else(|| format!("no message {id}"))?;
        if message.state != State::Pending {
            return Err(format!("message {id} is {:?} already", message.state));
        }
        message.state = state;
        self.revision += 1;
        Ok(())
    }

    /// What a session sent can no longer be answered once the session is over.
    pub fn withdraw(&mut self, session: &str) {
        self.expire_where(|message| message.session == session);
    }

    pub fn withdraw_one(&mut self, id: u64) {
        self.expire_where(|message| message.id == id);
    }

    fn expire(&mut self, clock: &Clock) {
        let now = clock.now();
        self.expire_where(|message| message.expires <= now);
    }

    fn expire_where(&mut self, ends: impl Fn(&Message) -> bool) {
        self.pending.retain(|&place| {
            let message = &mut self.messages[place];
            if message.state == State::Pending && ends(message) {
                message.state = State::Expired;
                self.revision += 1;
            }
            message.state == State::Pending
        });
    }
}

/// The phone as tests in this process use it.
pub struct Phone<'a> {
    world: &'a World,
}

impl<'a> Phone<'a> {
    pub fn new(world: &'a World) -> Phone<'a> {
        Phone { world }
    }

    /// The first message for a user with an id above `after`; panics after half a minute without
    /// one.
    pub fn wait(&self, user: &str, after: u64) -> Message {
        let found = self
            .world
            .wait(PATIENCE, |state| state.inbox.list(user, after, &state.clock).into_iter().next());
        found.unwrap_or_else(|| panic!("no message after {after} reached {user:?}"))
    }

    /// Everything that was sent to a user, in order.
    pub fn messages(&self, user: &str) -> Vec<Message> {
        self.world.with(|state| state.inbox.list(user, 0, &state.clock))
    }

    /// Panics when the message is not pending.
    pub fn approve(&self, id: u64) {
        self.settle(id, State::Approved);
    }

    /// Panics when the message is not pending.
    pub fn deny(&self, id: u64) {
        self.settle(id, State::Denied);
    }

    fn settle(&self, id: u64, to: State) {
        let settled = self.world.with(|state| state.inbox.settle(id, to, &state.clock));
        settled.unwrap_or_else(|error| panic!("{error}"));
    }
}

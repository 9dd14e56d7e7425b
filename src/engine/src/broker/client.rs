//! The module's side: finds the broker, says who calls, and carries what is asked and answered.
//!
//! Nothing is decided here. Where the broker's socket is, a login runs there or is refused.
#![forbid(unsafe_code)]

use std::path::Path;
use std::time::Duration;

use zeroize::Zeroizing;

use super::channel::{Channel, Trouble};
use super::frames::{Ask, Asked, Hello, Nameless, Seen, Told, VERSION};
use crate::host::{self, Answer, Caller, Conversation, Decision, Outcome, Way};
use crate::login::{Echo, Question};
use crate::os;
use crate::refusal::{Reason, Refusal};
use crate::secret::Unfit;

/// Where the broker is found.
pub const SOCKET: &str = "/run/countersign/login.sock";
/// For so long a connection, or a packet, may wait for the broker to take it.
const PATIENCE: Duration = Duration::from_secs(10);
/// The broker has something to say sooner than this, where no login may take longer than 110
/// seconds.
const SILENCE: Duration = Duration::from_secs(150);
/// Once the user has stopped a login, the broker ends it sooner than this.
const END: Duration = Duration::from_secs(20);

/// How a login ended, wherever it ran.
pub struct Ending {
    /// What libpam is told.
    pub decision: Decision,
    /// For pam_fail_delay(3).
    pub failure_delay: Duration,
    /// The audit line, where it may be known.
    pub line: Option<String>,
}

impl From<Outcome> for Ending {
    fn from(outcome: Outcome) -> Self {
        Self {
            decision: Decision::from(&outcome.verdict),
            failure_delay: outcome.failure_delay,
            line: Some(outcome.event.line()),
        }
    }
}

/// Runs one login: in the broker where there is one, else here.
pub fn authenticate(caller: &Caller, conversation: &mut dyn Conversation) -> Ending {
    authenticate_at(Path::new(SOCKET), caller, conversation)
}

fn authenticate_at(socket: &Path, caller: &Caller, conversation: &mut dyn Conversation) -> Ending {
    let failed = |problem: String| {
        Way::Failed(Refusal::new(Reason::Local, format!("countersignd: {problem}")))
    };
    let way = match os::connect_packets(socket, PATIENCE) {
        Ok(None) => {
            let detail = format!("broker.use is always, and there is no {}", socket.display());
            Way::NoBroker(Refusal::new(Reason::Local, detail))
        }
        Ok(Some(connected)) => {
            let mut login =
                Login { channel: Channel::new(connected), conversation, stopped: false };
            match login.run(caller) {
                Ok(Some(ending)) => return ending,
                Ok(None) => Way::Here,
                Err(trouble) => failed(trouble.to_string()),
            }
        }
        Err(error) => failed(error.to_string()),
    };
    host::authenticate_by(way, caller, conversation).into()
}

/// Returns whether a broker listens here; `None` where there is no socket.
///
/// # Errors
///
/// Why it could not be asked.
pub fn is_alive(socket: &Path) -> Result<Option<()>, Trouble> {
    let Some(connected) = os::connect_packets(socket, PATIENCE)? else {
        return Ok(None);
    };
    let channel = Channel::new(connected);
    channel.say(&Told::Check)?;
    match channel.hear(Some(PATIENCE), || true)? {
        Ask::Here => Ok(Some(())),
        _ => Err(Trouble::Odd),
    }
}

/// A login while the broker runs it.
struct Login<'a> {
    channel: Channel,
    conversation: &'a mut dyn Conversation,
    /// The broker knows that the user wants to stop.
    stopped: bool,
}

impl Login<'_> {
    /// `None` where the broker leaves it to this process.
    fn run(&mut self, caller: &Caller) -> Result<Option<Ending>, Trouble> {
        self.channel.say(&Told::Hello(Box::new(hello(caller))))?;
        loop {
            match self.hear()? {
                Ask::NotHere => return Ok(None),
                Ask::End { decision, delay, line } => {
                    let failure_delay = Duration::from_micros(delay);
                    return Ok(Some(Ending { decision, failure_delay, line }));
                }
                Ask::Tell(text) => self.conversation.tell(&text),
                Ask::Complain(text) => self.conversation.complain(&text),
                ask => {
                    let answer = self.answer(ask, caller)?;
                    self.say_unless_stopped(&answer)?;
                }
            }
        }
    }

    /// Waits for the broker, and tells it once that the user wants to stop.
    fn hear(&mut self) -> Result<Ask, Trouble> {
        if !self.stopped {
            match self.channel.hear(Some(SILENCE), || !os::interrupted()) {
                Err(Trouble::Stopped) => self.stop()?,
                heard => return heard,
            }
        }
        self.channel.hear(Some(END), || true)
    }

    fn stop(&mut self) -> Result<(), Trouble> {
        self.stopped = true;
        self.channel.say(&Told::Stop)
    }

    /// An answer that a Ctrl-C has ended is none.
    fn say_unless_stopped(&mut self, answer: &Told) -> Result<(), Trouble> {
        match (self.stopped, os::interrupted()) {
            (true, _) => Ok(()),
            (false, true) => self.stop(),
            (false, false) => self.channel.say(answer),
        }
    }

    fn answer(&mut self, ask: Ask, caller: &Caller) -> Result<Told, Trouble> {
        let program = &caller.program;
        Ok(match ask {
            // A user who wants to stop is asked nothing more.
            Ask::Password | Ask::StackedPassword | Ask::Question { .. } if self.stopped => {
                Told::Answer(Asked::Failed)
            }
            Ask::Password => Told::Answer(asked(self.conversation.password())),
            Ask::StackedPassword => {
                Told::Answer(self.conversation.stacked_password().map_or(Asked::None, asked))
            }
            Ask::Question { text, echo } => {
                let echo = if echo { Echo::On } else { Echo::Off };
                let mut question = Question { text: text.to_string(), echo };
                let answer = self.conversation.ask(&question);
                zeroize::Zeroize::zeroize(&mut question.text);
                Told::Answer(asked(answer))
            }
            Ask::User => Told::User(self.conversation.user()),
            Ask::Login => Told::Seen(Seen::Login(program.login())),
            Ask::Session => {
                let session = program.session().ok();
                let above = |session: &os::Session| session.ancestors().to_vec();
                Told::Seen(Seen::Session(session.map(|session| {
                    let above = above(&session);
                    (session, above)
                })))
            }
            Ask::Connection => Told::Seen(Seen::Connection(program.connection().ok().flatten())),
            Ask::Screen => {
                let screen = program.screen();
                Told::Seen(Seen::Screen(screen.rows, screen.columns, screen.has_blocks))
            }
            Ask::Tell(_) | Ask::Complain(_) | Ask::Here | Ask::NotHere | Ask::End { .. } => {
                return Err(Trouble::Odd);
            }
        })
    }
}

fn hello(caller: &Caller) -> Hello {
    let program = caller.program.name();
    Hello {
        version: VERSION,
        user: caller.user.clone().map_err(|nameless| match nameless {
            host::Nameless::Untold => Nameless::Untold,
            host::Nameless::NotText => Nameless::NotText,
        }),
        service: caller.service.clone(),
        rhost: caller.rhost.clone(),
        tty: caller.tty.clone(),
        ruser: caller.ruser.clone(),
        real_uid: caller.real_uid,
        ssh_auth_info: caller.ssh_auth_info.clone(),
        arguments: caller.arguments.clone(),
        // Of interest for sudo alone.
        window: program.starts_with("sudo") && caller.program.asks_in_a_window(),
        program,
        pid: std::process::id(),
    }
}

fn asked(answer: Answer) -> Asked {
    match answer {
        Answer::Typed(secret) => Asked::Typed(Zeroizing::new(secret.expose().to_owned())),
        Answer::Unfit(Unfit::Empty) => Asked::Empty,
        Answer::Unfit(Unfit::TooLong) => Asked::TooLong,
        Answer::Unfit(Unfit::NotUtf8) => Asked::NotUtf8,
        Answer::Failed => Asked::Failed,
    }
}

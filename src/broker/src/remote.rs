//! The module at the other end of a connection: the user behind it, and the process that it is in.
#![forbid(unsafe_code)]

use std::io;
use std::os::fd::BorrowedFd;
use std::rc::Rc;

use countersign::broker::{Ask, Asked, Channel, Hello, Seen, Told};
use countersign::host::{Answer, Conversation, OtherProgram};
use countersign::login::{Echo, Question};
use countersign::os::{self, Login, Peer, Process, Session};
use countersign::secret::{Secret, Unfit};
use countersign::words::Screen;
use zeroize::Zeroizing;

/// What is made of what a program says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// It has root's rights, and is believed.
    Taken,
    /// It could say anything.
    Doubted,
}

/// The other end of a connection.
pub struct Remote {
    channel: Channel,
    word: Word,
    name: String,
    pid: u32,
    window: bool,
}

impl Remote {
    pub fn new(channel: Channel, word: Word, hello: &Hello, peer: Peer) -> Self {
        let (name, pid, window) = match word {
            Word::Taken => (hello.program.clone(), hello.pid, hello.window),
            Word::Doubted => ("countersignd".to_owned(), peer.pid, false),
        };
        Self { channel, word, name, pid, window }
    }

    pub fn socket(&self) -> BorrowedFd<'_> {
        self.channel.socket()
    }

    /// Says what wants no answer. One who is gone hears nothing.
    pub fn say(&self, what: &Ask) {
        let _ = self.channel.say(what);
    }

    /// Asks, and waits for the answer: a user may take any time.
    fn ask(&self, what: &Ask) -> Option<Told> {
        self.channel.say(what).ok()?;
        self.channel.hear(None, || !os::is_stopping()).ok()
    }

    fn answer(&self, what: &Ask) -> Option<Answer> {
        match self.ask(what) {
            Some(Told::Answer(Asked::Typed(typed))) => {
                // The module has looked at it; a program without root's rights may have no module.
                let secret = Secret::from_bytes(typed.as_bytes());
                Some(secret.map_or_else(Answer::Unfit, Answer::Typed))
            }
            Some(Told::Answer(Asked::Empty)) => Some(Answer::Unfit(Unfit::Empty)),
            Some(Told::Answer(Asked::TooLong)) => Some(Answer::Unfit(Unfit::TooLong)),
            Some(Told::Answer(Asked::NotUtf8)) => Some(Answer::Unfit(Unfit::NotUtf8)),
            Some(Told::Answer(Asked::None)) => None,
            Some(Told::Answer(Asked::Failed) | _) | None => Some(Answer::Failed),
        }
    }

    /// What the module sees of its process, where it is believed.
    fn look(&self, what: &Ask) -> Option<Seen> {
        match self.word {
            Word::Taken => match self.ask(what) {
                Some(Told::Seen(seen)) => Some(seen),
                Some(_) | None => None,
            },
            Word::Doubted => None,
        }
    }
}

/// The talk with the user behind the module.
pub struct Talk(pub Rc<Remote>);

impl Conversation for Talk {
    fn password(&mut self) -> Answer {
        self.0.answer(&Ask::Password).unwrap_or(Answer::Failed)
    }

    fn stacked_password(&mut self) -> Option<Answer> {
        self.0.answer(&Ask::StackedPassword)
    }

    fn ask(&mut self, question: &Question) -> Answer {
        let text = Zeroizing::new(question.text.clone());
        let ask = Ask::Question { text, echo: question.echo == Echo::On };
        self.0.answer(&ask).unwrap_or(Answer::Failed)
    }

    fn tell(&mut self, text: &str) {
        self.0.say(&Ask::Tell(Zeroizing::new(text.to_owned())));
    }

    fn complain(&mut self, text: &str) {
        self.0.say(&Ask::Complain(text.to_owned()));
    }

    fn user(&mut self) -> Option<String> {
        match self.0.ask(&Ask::User) {
            Some(Told::User(user)) => user,
            Some(_) | None => None,
        }
    }
}

impl OtherProgram for Remote {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn pid(&self) -> u32 {
        self.pid
    }

    fn asks_in_a_window(&self) -> bool {
        self.window
    }

    fn login(&self) -> Login {
        match self.look(&Ask::Login) {
            Some(Seen::Login(login)) => login,
            Some(_) | None => Login::default(),
        }
    }

    fn session(&self) -> io::Result<Session> {
        match self.look(&Ask::Session) {
            Some(Seen::Session(Some((session, above)))) => Ok(session.below(above)),
            Some(_) | None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn connection(&self) -> io::Result<Option<Process>> {
        match self.look(&Ask::Connection) {
            Some(Seen::Connection(connection)) => Ok(connection),
            Some(_) | None => Ok(None),
        }
    }

    fn screen(&self) -> Screen {
        match self.look(&Ask::Screen) {
            Some(Seen::Screen(rows, columns, has_blocks)) => Screen { rows, columns, has_blocks },
            Some(_) | None => Screen::UNKNOWN,
        }
    }
}

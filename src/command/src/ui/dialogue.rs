//! The conversation of a login with the user at the terminal.
#![forbid(unsafe_code)]

use countersign::audit::escape;
use countersign::host::{Answer, Conversation};
use countersign::login::{Echo, Question};
use countersign::os;
use countersign::secret::Secret;
use countersign::words::Screen;
use zeroize::Zeroizing;

use super::output::Problem;
use super::terminal::Terminal;

/// A person at a terminal, who wants in as this user.
pub struct Dialogue {
    terminal: Terminal,
    user: String,
}

impl Dialogue {
    pub fn new(user: &str) -> Result<Self, Problem> {
        Ok(Self { terminal: Terminal::open()?, user: user.to_owned() })
    }
}

impl Dialogue {
    /// What the terminal can show.
    pub fn screen(&self) -> Screen {
        self.terminal.screen()
    }
}

/// Runs a login that looks for Ctrl-C itself, so that the tenant can be told.
pub fn uninterrupted<T>(login: impl FnOnce() -> T) -> T {
    os::with_signals_blocked(|| {
        let ended = login();
        os::take_interruption();
        ended
    })
}

impl Conversation for Dialogue {
    fn password(&mut self) -> Answer {
        let prompt = format!("Password of {}: ", escape(&self.user));
        answer(self.terminal.ask_hidden(&prompt))
    }

    fn stacked_password(&mut self) -> Option<Answer> {
        None
    }

    fn ask(&mut self, question: &Question) -> Answer {
        answer(match question.echo {
            Echo::On => self.terminal.ask(&question.text),
            Echo::Off => self.terminal.ask_hidden(&question.text),
        })
    }

    fn tell(&mut self, text: &str) {
        // A question is asked even where the text before it could not be shown.
        let _ = self.terminal.show(text);
    }

    fn complain(&mut self, text: &str) {
        self.tell(text);
    }

    fn user(&mut self) -> Option<String> {
        Some(self.user.clone())
    }
}

fn answer(typed: Result<Zeroizing<String>, Problem>) -> Answer {
    match typed {
        Ok(text) => Secret::from_bytes(text.as_bytes()).map_or_else(Answer::Unfit, Answer::Typed),
        Err(_) => Answer::Failed,
    }
}

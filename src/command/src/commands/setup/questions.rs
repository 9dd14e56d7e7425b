//! The questions of a setup. Each answer is judged when it is given; on the terminal, one that will
//! not do is asked for again.
#![forbid(unsafe_code)]

use crate::ui::output::Problem;
use crate::ui::terminal::Terminal;

/// One question.
pub struct Question<'a> {
    /// What it says, without its end.
    pub text: &'a str,
    /// The option that answers it.
    pub option: &'a str,
    /// What the last setup was told: proposed, and taken where no question is to be asked.
    pub last: Option<String>,
    /// What is proposed where nothing is known.
    pub usual: Option<String>,
}

/// Whether questions may be asked, or what the last setup was told is taken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Asks,
    TakesLast,
}

impl Question<'_> {
    /// The first answer that will do: what was said already, what is proposed, or what is typed.
    ///
    /// # Errors
    ///
    /// What is wrong with what was said already, or that no terminal is there to ask on.
    pub fn answer<T>(
        &self,
        said: Option<String>,
        mode: Mode,
        judge: impl Fn(&str) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let last = self.last.as_ref().filter(|_| mode == Mode::TakesLast);
        if let Some(text) = said.as_ref().or(last) {
            return judge(text);
        }
        let option = || format!("say it on the command line: {}", self.option);
        let mut terminal = Terminal::open().map_err(|problem| problem.hint(option()))?;
        loop {
            let typed = terminal.ask(&self.prompt())?;
            let proposed = self.proposed().unwrap_or_default();
            let text = if typed.trim().is_empty() { proposed } else { typed.trim() };
            match judge(text) {
                Ok(answer) => return Ok(answer),
                Err(problem) => terminal.show(said_again(&problem))?,
            }
        }
    }

    fn proposed(&self) -> Option<&str> {
        self.last.as_deref().or(self.usual.as_deref())
    }

    fn prompt(&self) -> String {
        match self.proposed() {
            Some(proposed) => format!("{} [{proposed}]: ", self.text),
            None => format!("{}: ", self.text),
        }
    }
}

fn said_again(problem: &Problem) -> String {
    match problem.parts() {
        (what, "") => format!("  {what}"),
        (what, hint) => format!("  {what}\n  hint: {hint}"),
    }
}

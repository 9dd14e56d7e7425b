//! An administrator who logs in at the terminal, by the machine of a login.
#![forbid(unsafe_code)]

use std::time::Duration;

use crate::tenant::admin::wire;
use countersign::host::{Answer, Conversation, Effects};
use countersign::login::{Notice, Outgoing, Question};
use countersign::policy::{Flow, Policy, Terms};
use countersign::refusal::{Reason, Refusal};
use countersign::secret::Secret;
use countersign::tenant::failure::Failure;
use countersign::tenant::http::Response;
use countersign::tenant::request::Request;
use countersign::words;

use crate::tenant::drive::drive;
use crate::tenant::whom;
use crate::ui::dialogue::{Dialogue, uninterrupted};
use crate::ui::output::Problem;
use crate::ui::reasons;

/// The tenant at which an administrator has logged in, and the token of that login.
pub struct LoggedIn {
    pub base: String,
    pub token: Secret,
}

/// Logs a user of the tenant in. How strong a login an administrator needs is the tenant's to say,
/// not this machine's.
pub fn log_in(policy: &Policy, user: &str) -> Result<LoggedIn, Problem> {
    let mut terms = whom::in_tenant(policy.for_service("countersign"), user);
    terms.flow = Flow::Login;
    terms.login.minimum_factors = 1;
    terms.login.federated = true;
    let dialogue = Dialogue::new(user)
        .map_err(|problem| problem.hint("without --as, a client's credentials are used"))?;
    uninterrupted(|| ask(terms, dialogue)).map_err(|refusal| reasons::problem(&refusal))
}

fn ask(terms: Terms, mut dialogue: Dialogue) -> Result<LoggedIn, Refusal> {
    let password = match dialogue.password() {
        Answer::Typed(password) => password,
        Answer::Unfit(_) => return Err(Reason::PasswordEmpty.into()),
        Answer::Failed => return Err(Reason::Conversation.into()),
    };
    let mut way = Way { dialogue, found: None };
    drive(terms, Some(password), &mut way)?;
    way.found.ok_or_else(|| Refusal::new(Reason::Misbehaved, "a success without a token"))
}

struct Way {
    dialogue: Dialogue,
    found: Option<LoggedIn>,
}

impl Effects for Way {
    /// The token counts once the machine has said that the login is one.
    fn heard(&mut self, outgoing: &Outgoing, reply: &Result<Response, Failure>, _: Duration) {
        let Ok(response) = reply else {
            return;
        };
        match &outgoing.request {
            Request::Advance { .. } | Request::Status { .. } => {
                let base = outgoing.to.to_string();
                self.found = wire::bearer(&response.body).map(|token| LoggedIn { base, token });
            }
            Request::Start { .. }
            | Request::Whoami
            | Request::Token { .. }
            | Request::Challenge { .. }
            | Request::Cleanup { .. } => {}
        }
    }

    fn ask(&mut self, question: &Question) -> Answer {
        self.dialogue.ask(question)
    }

    fn tell(&mut self, notice: &Notice) {
        match notice {
            Notice::Waiting(text) => self.dialogue.tell(text),
            Notice::Page(url) => {
                let screen = self.dialogue.screen();
                match words::picture(url, words::Ground::Dark, screen, words::PAGE_ROWS) {
                    Ok(picture) => self.dialogue.tell(&picture),
                    Err(why_not) => self.dialogue.tell(why_not),
                }
            }
            Notice::Log(_) | Notice::Debug(_) | Notice::Note(_) => {}
        }
    }
}

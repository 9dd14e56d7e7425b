//! Talking to the user through the application's conversation function.
#![forbid(unsafe_code)]

use ::pam::constants::{
    PAM_ERROR_MSG, PAM_PROMPT_ECHO_OFF, PAM_PROMPT_ECHO_ON, PAM_TEXT_INFO, PamMessageStyle,
};
use ::pam::conv::Conv;
use ::pam::items::AuthTok;
use ::pam::module::PamHandle;

use super::handle;
use crate::host::{Answer, Conversation};
use crate::login::{Echo, Question};
use crate::secret::Secret;

/// The conversation of one PAM transaction.
pub(super) struct PamConversation<'a> {
    handle: &'a mut PamHandle,
}

impl<'a> PamConversation<'a> {
    pub(super) fn new(handle: &'a mut PamHandle) -> Self {
        Self { handle }
    }

    /// An application that loses a message, or says so, has still the prompts.
    fn say(&self, style: PamMessageStyle, text: &str) {
        if let Ok(Some(conversation)) = self.handle.get_item::<Conv>() {
            let _ = conversation.send(style, text);
        }
    }
}

impl Conversation for PamConversation<'_> {
    fn password(&mut self) -> Answer {
        handle::authtok(self.handle).map_or(Answer::Failed, |token| answer(token.to_bytes()))
    }

    fn stacked_password(&mut self) -> Option<Answer> {
        let token = self.handle.get_item::<AuthTok>().ok().flatten()?;
        Some(answer(token.as_bytes()))
    }

    fn ask(&mut self, question: &Question) -> Answer {
        let style = match question.echo {
            Echo::On => PAM_PROMPT_ECHO_ON,
            Echo::Off => PAM_PROMPT_ECHO_OFF,
        };
        let Ok(Some(conversation)) = self.handle.get_item::<Conv>() else {
            return Answer::Failed;
        };
        match conversation.send(style, &question.text) {
            Ok(Some(typed)) => answer(typed.as_bytes()),
            Ok(None) | Err(_) => Answer::Failed,
        }
    }

    /// `PAM_SILENT` is for chatter; what is said here a user needs to know (sudo always sets it).
    fn tell(&mut self, text: &str) {
        self.say(PAM_TEXT_INFO, text);
    }

    fn complain(&mut self, text: &str) {
        self.say(PAM_ERROR_MSG, text);
    }

    fn user(&mut self) -> Option<String> {
        handle::user(self.handle)
    }
}

fn answer(bytes: &[u8]) -> Answer {
    Secret::from_bytes(bytes).map_or_else(Answer::Unfit, Answer::Typed)
}

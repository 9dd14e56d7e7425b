//! One login: who asks, what is believed of that, and the verdict.
#![forbid(unsafe_code)]

use std::rc::Rc;
use std::time::Duration;

use countersign::broker::{Ask, Channel, Hello, Nameless, Told, VERSION};
use countersign::host::{self, Caller, Decision, Outcome, Program};
use countersign::os::{self, Peer};
use countersign::refusal::Reason;

use crate::remote::{Remote, Talk, Word};

/// How long a module may take to say who calls.
const PATIENCE: Duration = Duration::from_secs(5);
/// The service of programs without root's rights, whatever they say.
const UNPRIVILEGED: &str = "unprivileged";
/// How long a program waits that is refused before its login begins.
const DELAY: Duration = Duration::from_secs(2);

/// Runs one login. What is malformed ends its connection, and nothing else.
pub fn run(channel: Channel, peer: Peer) {
    let hello = match channel.hear(Some(PATIENCE), || !os::is_stopping()) {
        Ok(Told::Hello(hello)) if hello.version == VERSION => *hello,
        Ok(Told::Check) => {
            let _ = channel.say(&Ask::Here);
            return;
        }
        Ok(_) | Err(_) => return,
    };
    let word = if peer.uid == 0 { Word::Taken } else { Word::Doubted };
    let user = hello.user.as_ref().ok().cloned();
    let remote = Rc::new(Remote::new(channel, word, &hello, peer));
    let end = match word {
        Word::Doubted if !is_own(user.as_deref(), peer.uid) => refused(Reason::CallerMismatch),
        Word::Taken | Word::Doubted => {
            let caller = caller(hello, word, peer, Rc::clone(&remote));
            if !host::is_for_broker(&caller) {
                remote.say(&Ask::NotHere);
                return;
            }
            let mut talk = Talk(Rc::clone(&remote));
            let socket = remote.socket();
            os::with_caller_heeded(socket, || ended(host::authenticate(&caller, &mut talk), word))
        }
    };
    remote.say(&end);
}

/// Whether the name leads to the account that asks. Another one is no business of that program's.
fn is_own(name: Option<&str>, uid: u32) -> bool {
    let account = name.map(host::account);
    matches!(account, Some(Ok(Some(account))) if account.uid == uid)
}

/// Who calls. Of what a program without root's rights says, its user's name counts: it is checked.
/// Neither host nor terminal nor service are believed, and none of its arguments.
fn caller(hello: Hello, word: Word, peer: Peer, remote: Rc<Remote>) -> Caller {
    let program = Program::Other(remote);
    let user = hello.user.map_err(|nameless| match nameless {
        Nameless::Untold => host::Nameless::Untold,
        Nameless::NotText => host::Nameless::NotText,
    });
    match word {
        Word::Taken => Caller {
            user,
            service: hello.service,
            rhost: hello.rhost,
            tty: hello.tty,
            ruser: hello.ruser,
            real_uid: hello.real_uid,
            ssh_auth_info: hello.ssh_auth_info,
            arguments: hello.arguments,
            program,
        },
        Word::Doubted => Caller {
            user,
            service: UNPRIVILEGED.to_owned(),
            rhost: None,
            tty: None,
            ruser: None,
            real_uid: peer.uid,
            ssh_auth_info: None,
            arguments: Vec::new(),
            program,
        },
    }
}

fn ended(outcome: Outcome, word: Word) -> Ask {
    let delay = u64::try_from(outcome.failure_delay.as_micros()).unwrap_or(u64::MAX);
    // The log's line is for the administrator.
    let line = (word == Word::Taken).then(|| outcome.event.line());
    Ask::End { decision: Decision::from(&outcome.verdict), delay, line }
}

fn refused(reason: Reason) -> Ask {
    let delay = u64::try_from(DELAY.as_micros()).unwrap_or(u64::MAX);
    Ask::End { decision: Decision::Refused(reason), delay, line: None }
}

//! One act of a login, on the state below FOLDER: `limits_act FOLDER ACT [CODE]`. It says what it
//! was told before it ends, and never says how a login that it began has ended, unless the act
//! does.

#![expect(clippy::print_stdout, clippy::panic, reason = "test equipment")]

use std::path::PathBuf;
use std::time::Duration;

use countersign::host::{Answer, Caller, Conversation, Program, Verdict, authenticate};
use countersign::local::offline::{Asked, Store, rules};
use countersign::local::{State, Unmarked};
use countersign::login::Question;
use countersign::os::Trusted;
use countersign::policy::{OfflineLimits, Push};

const UID: u32 = 1000;
const NAME: &str = "alice@example.com";
const LIMITS: Push =
    Push { count: 3, window: Duration::from_secs(600), pause: Duration::from_secs(600) };

struct Machine(PathBuf);

fn main() {
    let words: Vec<_> = std::env::args().skip(1).collect();
    let [folder, act, rest @ ..] = words.as_slice() else {
        panic!("limits_act FOLDER ACT [CODE]");
    };
    let machine = Machine(folder.into());
    let code = rest.first().map_or("nonsense", String::as_str);
    match act.as_str() {
        "redeem" => machine.redeem(code),
        "ask" | "refused" | "taken_back" | "online" | "overtaken" => machine.ask(act),
        "push" | "denied" => machine.push(act == "denied"),
        "suspend" | "void" => machine.suspend(act == "void"),
        "offer" => machine.offer(),
        "log_in" => machine.log_in(),
        _ => panic!("{act}"),
    }
}

impl Machine {
    fn store(&self) -> Option<Store> {
        Store::open(&self.0.join("kept")).ok()
    }

    fn state(&self) -> Option<State> {
        State::open(&self.0.join("state")).ok()
    }

    fn redeem(&self, code: &str) {
        let limits = OfflineLimits { logins: 10, age: Duration::from_secs(86_400) };
        match self.store().map(|store| store.redeem(UID, code, limits)) {
            Some(Ok(_)) => println!("accepted"),
            Some(Err(rules::CodeRefusal::Wrong)) => println!("judged"),
            Some(Err(_)) | None => {}
        }
    }

    /// The request goes out where the login is marked, and no user is enrolled where there is
    /// nothing to mark.
    fn ask(&self, act: &str) {
        let asked = self.asked();
        if let Err(Unmarked::Refused(_)) = asked {
            return;
        }
        println!("sent");
        let Ok(Some(asked)) = asked else {
            return;
        };
        let _ = match act {
            "refused" => asked.refused(),
            "taken_back" => asked.taken_back(),
            "online" => asked.online().map(drop),
            // Another login begins, and is killed, before this one is let in.
            "overtaken" => {
                drop(self.asked());
                asked.online().map(drop)
            }
            _ => Ok(()),
        };
    }

    fn asked(&self) -> Result<Option<Asked>, Unmarked> {
        let store = Store::find(&Trusted::default(), &self.0.join("kept"));
        store.and_then(|store| match store {
            Some(store) => store.ask(UID, LIMITS.pause),
            None => Ok(None),
        })
    }

    fn push(&self, is_denied: bool) {
        let Some(state) = self.state() else {
            return;
        };
        if let Ok(Ok(ringing)) = state.spend(NAME, LIMITS) {
            println!("sent");
            if is_denied {
                let _ = state.deny(NAME, &[ringing], LIMITS);
            }
        }
    }

    fn suspend(&self, is_refused: bool) {
        let Some(state) = self.state() else {
            return;
        };
        let suspended = state.suspend(UID);
        if let Err(Unmarked::Refused(_)) = suspended {
            return;
        }
        println!("sent");
        if let (Ok(Some(suspended)), true) = (suspended, is_refused) {
            let _ = state.refuse(UID, Some(&suspended));
        }
    }

    fn offer(&self) {
        if self.store().map(|store| store.offer(UID + 1)) == Some(Ok(true)) {
            println!("offered");
        }
    }

    /// A login of root's that is asked nothing, by the configuration in the folder.
    fn log_in(&self) {
        let caller = Caller {
            user: Ok("root".into()),
            service: "sudo".into(),
            rhost: None,
            tty: None,
            ruser: None,
            real_uid: 0,
            ssh_auth_info: None,
            arguments: vec![format!("config={}/countersign.toml", self.0.display())],
            program: Program::Own,
        };
        match authenticate(&caller, &mut Mute).verdict {
            Verdict::Exempt { rule, .. } => println!("exempt by {rule}"),
            Verdict::Granted(_)
            | Verdict::Remembered(_)
            | Verdict::SecurityKey(_)
            | Verdict::Refused(_) => {
                println!("not exempt");
            }
        }
    }
}

/// A terminal that answers nothing.
struct Mute;

impl Conversation for Mute {
    fn password(&mut self) -> Answer {
        Answer::Failed
    }

    fn stacked_password(&mut self) -> Option<Answer> {
        None
    }

    fn ask(&mut self, _: &Question) -> Answer {
        Answer::Failed
    }

    fn tell(&mut self, _: &str) {}

    fn complain(&mut self, _: &str) {}

    fn user(&mut self) -> Option<String> {
        None
    }
}

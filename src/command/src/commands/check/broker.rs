//! The broker: whether it answers where its socket is, and whether it is where the configuration
//! demands it.
#![forbid(unsafe_code)]

use std::path::Path;
use std::rc::Rc;

use countersign::broker::{self, SOCKET};
use countersign::policy::{Broker, Policy};

use super::finding::Finding;
use super::machine::Machine;

const REMEDY: &str = "systemctl status countersignd.socket countersignd.service; until it works, \
                      use = \"never\" in [broker]";

/// Connects, as a login does: the module itself would then be refused or served.
pub fn check(machine: &Machine, policies: &[Rc<Policy>]) {
    let wants = |wanted| policies.iter().any(|policy| policy.broker() == wanted);
    let is_used = wants(Broker::Auto) || wants(Broker::Always);
    match broker::is_alive(Path::new(SOCKET)) {
        Ok(Some(())) => machine.report.pass("broker", format!("{SOCKET} leads to countersignd")),
        Ok(None) if wants(Broker::Always) => machine.report.add(missing()),
        Ok(None) => {}
        Err(trouble) if is_used => {
            machine.report.add(silent(&trouble.to_string()));
        }
        Err(_) => {}
    }
}

fn missing() -> Finding {
    Finding::error("broker-missing", "broker.use is always, and there is no broker")
        .at(SOCKET, None)
        .because("every login is refused, with the reason local")
        .mend("systemctl enable --now countersignd.socket")
}

fn silent(problem: &str) -> Finding {
    Finding::error("broker-silent", format!("countersignd can't be used: {problem}"))
        .at(SOCKET, None)
        .because("where the socket is, logins run there or are refused")
        .mend(REMEDY)
}

//! polkit: from version 127 on, its helper runs PAM in a systemd service of its own, without a
//! network and without its caller.
#![forbid(unsafe_code)]

use std::path::Path;

use countersign::policy::Whom;

use super::finding::Finding;
use super::machine::Machine;
use crate::machine::root::Root;

const SERVICE: &str = "polkit-1";
const UNIT: &str = "polkit-agent-helper@.service";
/// Where systemd looks for units, the most important last.
const FOLDERS: [&str; 4] = [
    "/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/run/systemd/system",
    "/etc/systemd/system",
];
const DROP_IN: &str = "/etc/systemd/system/polkit-agent-helper@.service.d/countersign.conf";

pub fn check(machine: &Machine) {
    let units = FOLDERS.map(|folder| Path::new(folder).join(UNIT));
    let Some(unit) = units.iter().rfind(|unit| machine.root.exists(unit)) else {
        return;
    };
    if !machine.named.contains(SERVICE) {
        return;
    }
    let place = unit.display().to_string();
    let sandbox = Sandbox::read(&machine.root, unit);
    if !sandbox.can_connect() {
        machine.report.add(closed(&sandbox).at(&place, None));
    }
    let settings = machine.settings_of(SERVICE);
    let person = settings.map(|settings| settings.step_up.person);
    if matches!(person, Some(Whom::Caller | Whom::Both)) {
        machine.report.add(no_caller().at(place, None));
    }
}

/// What the unit and its drop-ins leave of the network.
#[derive(Default)]
struct Sandbox {
    is_private: bool,
    /// None where all families are allowed.
    families: Option<Vec<String>>,
}

impl Sandbox {
    fn read(root: &Root, unit: &Path) -> Self {
        let mut drop_ins: Vec<_> = FOLDERS
            .iter()
            .map(|folder| Path::new(folder).join(format!("{UNIT}.d")))
            .flat_map(|folder| {
                root.names(&folder).into_iter().map(move |name| (name, folder.clone()))
            })
            .filter(|(name, _)| name.ends_with(".conf"))
            .collect();
        drop_ins.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut sandbox = Self::default();
        let drop_ins = drop_ins.into_iter().map(|(name, folder)| folder.join(name));
        for file in [unit.to_owned()].into_iter().chain(drop_ins) {
            let text = root.text(&file).unwrap_or_default();
            text.lines().filter_map(|line| line.split_once('=')).for_each(|(key, value)| {
                sandbox.set(key.trim(), value.trim());
            });
        }
        sandbox
    }

    fn set(&mut self, key: &str, value: &str) {
        match key {
            "PrivateNetwork" => self.is_private = ["yes", "true", "on", "1"].contains(&value),
            "RestrictAddressFamilies" if value.is_empty() => self.families = None,
            "RestrictAddressFamilies" => {
                let more = value.split_whitespace().map(str::to_owned);
                self.families.get_or_insert_default().extend(more);
            }
            _ => {}
        }
    }

    fn can_connect(&self) -> bool {
        let allows =
            |families: &Vec<String>| families.iter().any(|family| family.starts_with("AF_INET"));
        !self.is_private && self.families.as_ref().is_none_or(allows)
    }
}

fn closed(sandbox: &Sandbox) -> Finding {
    let private = sandbox.is_private.then(|| "PrivateNetwork=yes".to_owned());
    let families = sandbox.families.as_ref();
    let families =
        families.map(|families| format!("RestrictAddressFamilies={}", families.join(" ")));
    let why: Vec<_> = private.into_iter().chain(families).collect();
    Finding::error("polkit-network", format!("the helper of polkit has no network: {}", why.join(", ")))
        .of(SERVICE)
        .because("the module can't reach the tenant from there, and refuses every login by polkit-1")
        .mend(format!(
            "copy conf/polkit-agent-helper@.service.d/countersign.conf of the sources to {DROP_IN}, and: systemctl daemon-reload"
        ))
}

fn no_caller() -> Finding {
    Finding::error("polkit-caller", "login.person asks about the caller, which the helper of polkit does not know")
        .of(SERVICE)
        .because("it is a service of systemd, and no child of its caller: every login is refused with the reason caller_mismatch")
        .mend("write: [service.polkit-1.login] with person = \"user\"")
}

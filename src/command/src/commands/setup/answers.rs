//! What was answered to the questions of the last setup: proposed at the next one, whatever became
//! of that setup.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::parts::sshd::Keys;
use crate::machine::root::Root;
use crate::ui::output::{Done, Problem};

const FILE: &str = "/var/lib/countersign/setup/answers.json";

/// The answers; `None` where a question was not answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Answers {
    pub tenant: Option<String>,
    pub template: Option<String>,
    /// Local names and those of the tenant, as the configuration had them then.
    pub names: BTreeMap<String, String>,
    pub ca_file: Option<String>,
    pub services: Vec<String>,
    pub keys: Option<Keys>,
    pub test_user: Option<String>,
}

impl Answers {
    /// Those of the last setup; none where there was no setup, or they can't be read.
    pub fn last(root: &Root) -> Self {
        let text = root.read(FILE).ok().flatten().unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Keeps them, in a folder that is root's alone.
    pub fn keep(&self, root: &Root) -> Done {
        let text = serde_json::to_string_pretty(self).map_err(Problem::new)?;
        root.write(FILE, Some(&format!("{text}\n")))
    }
}

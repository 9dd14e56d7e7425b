//! Which line of the service's stack asks the module, or that none does.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};

use pam_stack::stack::{Handler, Kind, Stack};
use serde_json::{Value, json};

use crate::machine::pam::asked::{config_of, left_out_by};
use crate::machine::pam::our_module::is_ours;
use crate::machine::pam::stacks;
use crate::machine::root::Root;

/// The authentication of a service, as libpam would read it.
pub struct Asking {
    stack: Stack,
    service: String,
    /// The folder of stacks, where one was named in place of the system's.
    folder: Option<PathBuf>,
}

impl Asking {
    pub fn new(folder: Option<&Path>, service: &str) -> Self {
        // As libpam writes it.
        let service = service.to_ascii_lowercase();
        let stack = match folder {
            Some(folder) => stacks::stack_in(folder, &service, Kind::Auth),
            None => stacks::stack(&Root::live(), &service, Kind::Auth),
        };
        Self { stack, service, folder: folder.map(Path::to_owned) }
    }

    /// The configuration that the stack names.
    pub fn config(&self) -> Option<PathBuf> {
        config_of(&self.stack)
    }

    /// Whether a login by this service may reach the module.
    pub fn is_asked(&self) -> bool {
        self.ours().next().is_some() && left_out_by(&self.stack, &self.service).is_none()
    }

    pub fn sentence(&self) -> String {
        if !self.is_asked() {
            return self.why_not();
        }
        let lines: Vec<_> = self.ours().map(|line| self.place(line)).collect();
        let config =
            self.config().map_or_else(String::new, |path| format!(", by {}", path.display()));
        match lines.as_slice() {
            [line] => format!("{line} asks{config}"),
            lines => format!("{} ask{config}", lines.join(" and ")),
        }
    }

    fn why_not(&self) -> String {
        if let Some(line) = left_out_by(&self.stack, &self.service) {
            return format!("{} leaves this service out: {}", self.place(line), line.text);
        }
        let file = self.stack.files.first().map_or(&self.service, |name| name);
        let file = self.file(file);
        if self.stack.files.is_empty() {
            format!(
                "there is no {}, and no stack of \"other\" that names pam_countersign.so",
                file.display()
            )
        } else {
            format!(
                "no line of {} names pam_countersign.so, and none that it includes",
                file.display()
            )
        }
    }

    pub fn object(&self) -> Value {
        let lines = self
            .ours()
            .map(|line| json!({"file": self.file(&line.place.file), "line": line.place.line}));
        let asks = self.is_asked();
        json!({
            "asks": asks,
            "lines": lines.collect::<Vec<_>>(),
            "config": self.config(),
            "why": if asks { None } else { Some(self.why_not()) },
        })
    }

    fn ours(&self) -> impl Iterator<Item = &Handler> {
        self.stack.handlers.iter().filter(|line| is_ours(line))
    }

    fn place(&self, line: &Handler) -> String {
        format!("{}:{}", self.file(&line.place.file).display(), line.place.line)
    }

    fn file(&self, name: &str) -> PathBuf {
        match &self.folder {
            Some(folder) => folder.join(name),
            None => stacks::place_of(&Root::live(), name),
        }
    }
}

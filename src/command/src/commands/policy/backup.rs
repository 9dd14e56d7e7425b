//! What a change has replaced, in a file that its owner alone can read, and read back.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};

use crate::tenant::admin::{Block, Json, Links};
use countersign::os::{self, Folder, Secrecy};
use countersign::policy::Tenant;

use super::policy_sets::harmless;
use crate::ui::output::Problem;

/// Where they are kept, unless an option says otherwise.
const FOLDER: &str = "/var/lib/countersign/policies";
/// Larger than any reply can be.
const LONGEST: u64 = 4 * 1024 * 1024;

/// The folder for what is replaced.
pub struct Backups(Folder);

/// One file that is being kept.
pub struct Backup<'a> {
    folder: &'a Folder,
    name: String,
    content: Json,
}

impl Backups {
    pub fn open(folder: Option<&Path>) -> Result<Self, Problem> {
        let place = match folder {
            Some(folder) => std::path::absolute(folder).map_err(Problem::new)?,
            None => PathBuf::from(FOLDER),
        };
        let opened = Folder::open(&place);
        opened.map(Backups).map_err(|problem| {
            Problem::new(problem)
                .hint("--backup-folder names a folder of your own to keep what is replaced in")
        })
    }

    /// Keeps a policy set, before it is replaced.
    pub fn keep(&self, tenant: &str, block: &Block, links: &Links) -> Result<Backup<'_>, Problem> {
        let random = os::random().map_err(Problem::new)?;
        let content = Json::object([
            ("tenant", Json::text(tenant)),
            ("replaced_by", Json::text("")),
            ("policy", block.json().clone()),
            ("plinks", Json::Array(links.rows().cloned().collect())),
        ]);
        let backup = Backup {
            folder: &self.0,
            name: format!("policy-{}-{:08x}.json", os::wall_clock(), random >> 32),
            content,
        };
        backup.write().map(|()| backup)
    }
}

impl Backup<'_> {
    fn write(&self) -> Result<(), Problem> {
        let bytes = self.content.pretty();
        let locked = self.folder.lock().map_err(Problem::new)?;
        let written = locked.replace(&self.name, bytes.as_bytes());
        written.map_err(|error| Problem::new(format!("{}: {error}", self.path().display())))
    }

    pub fn path(&self) -> PathBuf {
        self.folder.place().join(&self.name)
    }

    /// What it was replaced by, so that a change since can be told.
    pub fn replaced_by(&mut self, stamp: &str) -> Result<(), Problem> {
        self.content.set("replaced_by", Json::text(stamp));
        self.write()
    }

    /// It was not replaced.
    pub fn forget(self) {
        if let Ok(locked) = self.folder.lock() {
            // One file too many does no harm.
            let _ = locked.remove(&self.name);
        }
    }
}

/// What was kept, read back.
pub struct Kept {
    pub block: Block,
    /// The `RevStamp` of what replaced it; empty if it is not known.
    pub replaced_by: String,
}

impl Kept {
    pub fn read(file: &Path, tenant: &Tenant) -> Result<Self, Problem> {
        let path = std::path::absolute(file).map_err(Problem::new)?;
        let bytes = os::read(&path, Secrecy::Secret, LONGEST).map_err(Problem::new)?;
        let wrong = |why: String| {
            Problem::new(format!("{}: {why}", path.display()))
                .hint("restore takes a file that create, remove or restore has kept")
        };
        let json = Json::parse(&bytes).map_err(&wrong)?;
        let text = |key| json.get(key).and_then(Json::as_text);
        let (Some(from), Some(replaced_by), Some(block)) =
            (text("tenant"), text("replaced_by"), json.get("policy"))
        else {
            return Err(wrong("is no policy set that was kept".to_owned()));
        };
        if from != tenant.url.to_string() {
            let from = harmless(&from);
            return Err(wrong(format!("is from another tenant, {from}")));
        }
        let set = block.get("Path").and_then(Json::as_text).unwrap_or_default();
        let block = Block::read(block.clone(), &set)
            .map_err(|_| wrong("is no policy set that was kept".to_owned()))?;
        Ok(Kept { block, replaced_by })
    }
}

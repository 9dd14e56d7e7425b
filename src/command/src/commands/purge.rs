//! `countersign purge`: removes what stays behind when the module is no longer asked:
//! configuration, secrets, records, state.
//!
//! Only the folders that are Countersign's by their name are emptied. What the configuration names
//! elsewhere is said, and stays.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use countersign::policy::Settings;
use countersign::words;

use crate::configuration::context::Context;
use crate::machine::pam::stacks;
use crate::machine::root::Root;
use crate::ui::output::{Done, Problem, counted, line};
use crate::ui::terminal::Terminal;

/// The folders that hold nothing else.
const FOLDERS: [&str; 3] = ["/etc/countersign", "/run/countersign", "/var/lib/countersign"];
/// Where setups are written down that were not taken back.
const SETUPS: &str = "/var/lib/countersign/setup";

/// Removes what unsetup leaves: the configuration, secrets, records of offline codes and
/// confirmations
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  sudo countersign purge --dry-run\n  sudo countersign unsetup && sudo countersign purge"
)]
pub struct Arguments {
    /// The image below this folder
    #[arg(long, value_name = "FOLDER")]
    root: Option<PathBuf>,
    /// Does not ask before it removes
    #[arg(long, short)]
    yes: bool,
    /// Shows what it would remove, and removes nothing
    #[arg(long)]
    dry_run: bool,
}

pub fn run(context: &Context, arguments: &Arguments) -> Done {
    let root = match &arguments.root {
        Some(folder) => Root::below(folder)?,
        None => Root::live(),
    };
    is_unused(&root)?;
    let mut files = Vec::new();
    for folder in FOLDERS {
        let found = files_below(&root.place(folder), &mut files);
        found.map_err(|error| failed(&root, &root.place(folder), &error))?;
    }
    if files.is_empty() && FOLDERS.iter().all(|folder| !root.exists(folder)) {
        line("Nothing is left.");
        return Ok(());
    }
    let elsewhere = elsewhere(context, &root);
    show(&root, &files, &elsewhere);
    if arguments.dry_run || !(arguments.yes || is_agreed()?) {
        line("Nothing was removed.");
        return Ok(());
    }
    remove(&root, &files)?;
    line(format!("{} removed.", counted(files.len(), "file")));
    Ok(())
}

/// A stack that names the module must find its configuration; a setup that was not taken back needs
/// its record.
fn is_unused(root: &Root) -> Done {
    let naming = stacks::paths_naming(root);
    let hint = "run sudo countersign unsetup first, and remove lines that you wrote by hand";
    if !naming.is_empty() {
        let naming = naming.join(", ");
        return Err(Problem::new(format!("a stack still names the module: {naming}")).hint(hint));
    }
    // The answers of the last setup lie there too, and are no setup.
    let is_setup = |name: &String| {
        name.strip_suffix(".json").is_some_and(|number| number.parse::<u64>().is_ok())
    };
    if root.names(SETUPS).iter().any(is_setup) {
        return Err(Problem::new("a setup was not put back").hint(hint));
    }
    Ok(())
}

/// Every file and link, whatever it is of; a link is not followed.
fn files_below(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let found = match fs::symlink_metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    if !found.is_dir() {
        files.push(folder.to_owned());
        return Ok(());
    }
    let entries: io::Result<BTreeSet<_>> =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect();
    entries?.iter().try_for_each(|entry| files_below(entry, files))
}

/// What the configuration names in other folders.
fn elsewhere(context: &Context, root: &Root) -> Vec<PathBuf> {
    if !root.is_live() {
        return Vec::new();
    }
    let mut named = vec![context.place().to_owned()];
    if let Ok(policy) = context.policy() {
        named.extend([policy.state_folder().to_owned(), policy.offline_folder().to_owned()]);
        let services = std::iter::once("").chain(policy.services());
        let settings = services.map(|service| policy.for_service(service));
        named.extend(settings.flat_map(Settings::files).cloned());
    }
    let is_other =
        |path: &PathBuf| path.exists() && !FOLDERS.iter().any(|folder| path.starts_with(folder));
    named.into_iter().filter(is_other).collect()
}

fn show(root: &Root, files: &[PathBuf], elsewhere: &[PathBuf]) {
    for file in files {
        line(format!("to be removed: {}", root.without(&file.display().to_string())));
    }
    for path in elsewhere {
        line(format!("stays, remove it by hand: {}", path.display()));
    }
}

fn is_agreed() -> Result<bool, Problem> {
    let mut terminal =
        Terminal::open().map_err(|problem| problem.hint("with --yes, it is not asked"))?;
    let question = "Remove all of it? Users who are enrolled for offline codes have to be enrolled anew then. [y/N] ";
    Ok(words::is_yes(&terminal.ask(question)?))
}

fn remove(root: &Root, files: &[PathBuf]) -> Done {
    for file in files {
        fs::remove_file(file).map_err(|error| failed(root, file, &error))?;
    }
    for folder in FOLDERS {
        let place = root.place(folder);
        match fs::remove_dir_all(&place) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed(root, &place, &error));
            }
            _ => {}
        }
    }
    Ok(())
}

fn failed(root: &Root, place: &Path, error: &io::Error) -> Problem {
    let place = root.without(&place.display().to_string());
    let problem = Problem::new(format!("{place}: {error}"));
    match error.kind() {
        io::ErrorKind::PermissionDenied => problem.hint("this is root's: try sudo"),
        _ => problem,
    }
}

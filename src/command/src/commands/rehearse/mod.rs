//! `countersign rehearse`: one login through the real stack of a service, in this terminal.
#![forbid(unsafe_code)]

mod told;

use std::path::{Path, PathBuf};

use countersign::audit::escape;
use countersign::login::Echo;
use countersign::os::{self, Secrecy};
use countersign::tenant::text::shown_line;
use zeroize::Zeroizing;

use crate::machine::pam::application::{Flags, Item, Rehearsal, Talk};
use crate::machine::pam::stacks::{self, Stack};
use crate::machine::root::Root;
use crate::tenant::guise::{Login, Program};
use crate::ui::output::{Done, Problem, line};
use crate::ui::terminal::Terminal;
use told::{Ended, Told, folders};

/// No stack is longer.
const MAX_STACK: u64 = 256 * 1024;
/// The stack from which libpam takes what a service's own says nothing of.
const OTHER: &str = "other";
/// Room for one line of a module's, in characters.
const LINE: usize = 2000;
/// Room for the line in the log, whose values are cut already.
const AUDIT: usize = 16 * 1024;

/// Makes one login through the real stack of a service, in this terminal
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  countersign rehearse alice\n  countersign rehearse alice --rhost 198.51.100.7\n  countersign rehearse alice --service sudo"
)]
pub struct Arguments {
    #[command(flatten)]
    login: Login,
    /// A folder of stacks in place of /etc/pam.d, to rehearse a change before it is made
    #[arg(long, value_name = "FOLDER")]
    stacks: Option<PathBuf>,
    /// One JSON object, for programs
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Done {
    let folder = folder(arguments)?;
    let mut terminal = Terminal::open()?;
    let name = terminal_name();
    terminal.show(format!(
        "A login of {} by {}, as real as any other; it ends before a session begins.",
        escape(&arguments.login.user),
        escape(&arguments.login.service),
    ))?;
    // What Ctrl-C does, it does behind the result.
    os::with_interrupts_held(|| {
        let ended = log_in(&arguments.login, folder.as_deref(), name, &mut terminal)?;
        let told = Told::new(&arguments.login, folder.as_deref(), &ended);
        if arguments.json {
            line(told.object())
        } else {
            told.lines().iter().for_each(line)
        }
        told.done()
    })
}

/// The folder of the stacks, if it is not the system's. That one needs root, as sshd and sudo have
/// it.
fn folder(arguments: &Arguments) -> Result<Option<PathBuf>, Problem> {
    let service = &arguments.login.service;
    let folder = arguments.stacks.as_ref().map(std::path::absolute);
    let folder = folder.transpose().map_err(Problem::new)?;
    if folder.is_none() && os::effective_uid() != 0 {
        return Err(Problem::new(
            "a stack is rehearsed with root's rights, as sshd and sudo run it",
        )
        .hint(format!("sudo countersign rehearse {}", escape(&arguments.login.user))));
    }
    let is_name = !service.is_empty() && !service.contains('/');
    let stacks = stacks::of_service(&folders(folder.as_deref()), service);
    let is_there = match &folder {
        Some(_) => !stacks.is_empty(),
        None => stacks::services(&Root::live()).contains(&service.to_ascii_lowercase()),
    };
    if !is_name || !is_there {
        return Err(Problem::new(format!("there is no stack {}", escape(service)))
            .hint("name a file of /etc/pam.d or /usr/lib/pam.d, such as sshd, sudo or login"));
    }
    if folder.is_some() {
        let others = stacks::of_service(&folders(folder.as_deref()), OTHER);
        stacks.iter().chain(&others).try_for_each(is_in_good_hands)?;
    }
    Ok(folder)
}

/// A user who can write a stack runs programs of their choice with the rights of the user who
/// rehearses it.
fn is_in_good_hands(stack: &Stack) -> Done {
    match os::read(&stack.path, Secrecy::Public, MAX_STACK) {
        Ok(_) => Ok(()),
        Err(problem) => {
            Err(Problem::new(problem).hint("a stack must be yours, and yours alone to write"))
        }
    }
}

fn log_in(
    login: &Login,
    folder: Option<&Path>,
    terminal_name: Option<String>,
    terminal: &mut Terminal,
) -> Result<Ended, Problem> {
    let program = login.program();
    let (ruser, uid) = login.caller()?;
    if ruser.is_some() {
        run_for(uid)?;
    }
    let mut talk = Person(terminal);
    let begun = Rehearsal::start(&login.service, &login.user, folder, &mut talk);
    let mut rehearsal = begun.map_err(Problem::new)?;
    let items = [
        (Item::Tty, program.tty(None).or(terminal_name)),
        (Item::Rhost, login.rhost.clone()),
        (Item::Ruser, ruser),
    ];
    for (item, value) in items {
        let set = value.map(|value| rehearsal.set(item, &value));
        set.transpose().map_err(Problem::new)?;
    }
    let authenticated = rehearsal.authenticate(flags(program));
    let is_asked = authenticated.is_success();
    Ok(Ended {
        authenticated,
        account: is_asked.then(|| rehearsal.account(flags(program))),
        audit: rehearsal.audit().map(|line| shown_line(&line, AUDIT)),
    })
}

fn flags(program: Program) -> Flags {
    match program {
        Program::Sshd => Flags::NoEmptyPassword,
        Program::Sudo => Flags::Silent,
        Program::Other => Flags::None,
    }
}

/// The kernel, too, is told who runs sudo: the module believes the kernel alone.
fn run_for(uid: u32) -> Done {
    if os::real_uid() == uid {
        return Ok(());
    }
    os::run_for(uid).map_err(|error| {
        Problem::new(format!("this program can't be run for uid {uid}: {error}")).hint("try sudo")
    })
}

/// The name of the terminal that this program was started from.
fn terminal_name() -> Option<String> {
    let descriptors = ["/proc/self/fd/0", "/proc/self/fd/1", "/proc/self/fd/2"];
    let names = descriptors.iter().filter_map(|path| std::fs::read_link(path).ok());
    let mut names = names.filter_map(|name| name.into_os_string().into_string().ok());
    names.find(|name| name.starts_with("/dev/pts/") || name.starts_with("/dev/tty"))
}

/// What any module may say, without what a terminal would obey: its lines, their spaces, and a
/// picture made of them stay.
fn harmless(text: &str) -> String {
    let lines = text.split('\n').map(|line| shown_line(&line.replace('\t', "    "), LINE));
    lines.collect::<Vec<_>>().join("\n")
}

/// The user at the terminal.
struct Person<'a>(&'a mut Terminal);

impl Talk for Person<'_> {
    fn ask(&mut self, prompt: &str, echo: Echo) -> Option<Zeroizing<String>> {
        let prompt = harmless(prompt);
        let answer = match echo {
            Echo::On => self.0.ask(&prompt),
            Echo::Off => self.0.ask_hidden(&prompt),
        };
        // Whatever ended it, what comes next begins on a line of its own.
        answer.inspect_err(|_| drop(self.0.show(""))).ok()
    }

    fn tell(&mut self, text: &str) {
        let _ = self.0.show(harmless(text));
    }
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn prompts_and_pictures_keep_all_but_what_steers() {
        assert_eq!(harmless("Password: "), "Password: ");
        assert_eq!(
            harmless("\u{2588}\u{2580}\n \u{2584}\n\nCode:\t"),
            "\u{2588}\u{2580}\n \u{2584}\n\nCode:    "
        );
        assert_eq!(harmless("\u{1b}]0;x\u{7}Code: \r"), "]0;xCode: ");
    }
}

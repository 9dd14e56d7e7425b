//! `countersign completions`: scripts with which shells complete this command.
#![forbid(unsafe_code)]

use clap::ValueEnum;
use clap_complete::Shell as Generator;

use crate::ui::output::{Done, whole};

/// Prints a script with which a shell completes this command
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  countersign completions bash >~/.local/share/bash-completion/completions/countersign\n  countersign completions fish >~/.config/fish/completions/countersign.fish"
)]
pub struct Arguments {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

#[derive(Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

pub fn run(command: &mut clap::Command, arguments: &Arguments) -> Done {
    let generator = match arguments.shell {
        Shell::Bash => Generator::Bash,
        Shell::Zsh => Generator::Zsh,
        Shell::Fish => Generator::Fish,
    };
    let mut script = Vec::new();
    let name = command.get_name().to_owned();
    clap_complete::generate(generator, command, name, &mut script);
    let script = with_names(arguments.shell, &String::from_utf8_lossy(&script));
    whole(&script)
}

/// The script, and behind it the names of users and services, which the generator does not know for
/// every shell.
fn with_names(shell: Shell, script: &str) -> String {
    let mut lines: Vec<_> = script.lines().map(|line| named(shell, line)).collect();
    match shell {
        Shell::Bash => lines.push(BASH.to_owned()),
        Shell::Zsh => {}
        Shell::Fish => lines.push(FISH.to_owned()),
    }
    lines.join("\n") + "\n"
}

/// A line of the script, with what a user or a service is completed from.
fn named(shell: Shell, line: &str) -> String {
    match shell {
        Shell::Bash => line.to_owned(),
        Shell::Zsh => {
            line.replace(":SERVICE:_default", ":SERVICE:_files -W \"(/etc/pam.d /usr/lib/pam.d)\"")
        }
        Shell::Fish if line.contains(" -l service ") => {
            format!("{line} -f -a \"(ls /etc/pam.d /usr/lib/pam.d 2>/dev/null)\"")
        }
        Shell::Fish => line.to_owned(),
    }
}

/// bash's generator knows words alone.
const BASH: &str = include_str!("completions.bash");
/// fish's knows options alone.
const FISH: &str = "complete -c countersign -n \"__fish_seen_subcommand_from explain forget login mechanisms rehearse\" -f -a \"(__fish_complete_users)\"";

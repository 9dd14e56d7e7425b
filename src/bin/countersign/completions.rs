//! `countersign completions`: scripts with which shells complete this command.
#![forbid(unsafe_code)]

use clap::ValueEnum;
use clap_complete::Shell as Generator;

use super::output::{Done, Problem};

#[derive(clap::Args)]
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
    let written = std::io::Write::write_all(&mut std::io::stdout(), &script);
    written.map_err(Problem::new)
}

//! What the command prints, as text files that an administrator can read: one scene a file, in a
//! folder for each subcommand. README.md beside this file says what the marks mean.
//!
//! `COUNTERSIGN_REWRITE=1 cargo test --test it transcripts::` writes what is printed now into the
//! files: read the difference, then commit it.
//!
//! An interpreter of our own, because the known ones (trycmd, snapbox) type at no terminal and start
//! no tenant.

use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use simulator::Simulator;

use crate::rig::{Folder, module};
use crate::support::terminal::Terminal;

const REWRITE: &str = "COUNTERSIGN_REWRITE";

/// The files of a scene begin here: `-- NAME --`, or `-- NAME 0600 --`.
const FILE: &str = "-- ";
/// The file of a scene that a simulated tenant plays.
const SCENARIO: &str = "scenario.toml";

/// A text that stands for one that differs from run to run.
type Placeholder = (&'static str, String);

/// What a scene says about itself, its commands, and the files that are there before.
struct Scene {
    about: String,
    commands: Vec<Typed>,
    files: String,
}

/// A command line, and what is typed at its prompts.
struct Typed {
    line: String,
    answers: Vec<Answer>,
}

/// What is typed where the screen ends with `prompt`.
struct Answer {
    prompt: String,
    text: String,
    is_shown: bool,
}

impl Scene {
    fn read(text: &str) -> Scene {
        let files = text.find("\n-- ").map_or(text.len(), |at| at + 1);
        let (played, files) = text.split_at(files);
        let begin = played.find("$ ").unwrap();
        let (about, played) = played.split_at(begin);
        let mut commands: Vec<Typed> = Vec::new();
        for line in played.lines() {
            if let Some(line) = line.strip_prefix("$ ") {
                commands.push(Typed { line: line.to_owned(), answers: Vec::new() });
            } else if let Some(answer) = line.strip_prefix("| ").and_then(Answer::read) {
                commands.last_mut().unwrap().answers.push(answer);
            }
        }
        Scene { about: about.to_owned(), commands, files: files.to_owned() }
    }
}

impl Answer {
    /// The answer in a line of the screen: `«shown»` or `‹not shown›` at its end.
    fn read(line: &str) -> Option<Answer> {
        let (is_shown, open, close) = match line.chars().last()? {
            '»' => (true, '«', '»'),
            '›' => (false, '‹', '›'),
            _ => return None,
        };
        let (prompt, text) = line.trim_end_matches(close).split_once(open)?;
        Some(Answer { prompt: prompt.to_owned(), text: text.to_owned(), is_shown })
    }

    fn written(&self) -> String {
        let (open, close) = if self.is_shown { ('«', '»') } else { ('‹', '›') };
        format!("{open}{}{close}", self.text)
    }
}

/// The machine of a scene: its folder, and its tenant if it has one.
struct Stage {
    folder: Folder,
    placeholders: Vec<Placeholder>,
    _tenant: Option<Simulator>,
}

impl Stage {
    fn set(files: &str) -> Stage {
        let folder = Folder::new();
        let mut placeholders = vec![
            ("DIR", folder.path().display().to_string()),
            ("MODULE", module().display().to_string()),
        ];
        let files: Vec<_> = files.split(FILE).skip(1).map(parts).collect();
        let scenario = files.iter().find(|(name, _, _)| *name == SCENARIO);
        let tenant = scenario.map(|(_, _, text)| Simulator::start(text));
        if let Some(tenant) = &tenant {
            folder.write("ca.pem", tenant.ca_pem());
            placeholders.push(("TENANT", tenant.url()));
        }
        let stage = Stage { folder, placeholders, _tenant: tenant };
        for (name, mode, text) in files {
            let path = stage.folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, stage.filled(text)).unwrap();
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        }
        stage
    }

    /// The text with values in place of names.
    fn filled(&self, text: &str) -> String {
        self.placeholders
            .iter()
            .fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    }

    /// The text with names in place of values, and N in place of times.
    fn steady(&self, text: &str) -> String {
        let places = self.placeholders.iter();
        let text = places.fold(text.to_owned(), |text, (name, value)| text.replace(value, name));
        untimed(&text)
    }

    fn play(&self, typed: &Typed) -> String {
        let mut words = words(&self.filled(&typed.line)).into_iter();
        assert_eq!(words.next().as_deref(), Some("countersign"), "{}", typed.line);
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command.current_dir(self.folder.path()).env_remove("SUDO_USER");
        let mut input = Stdio::null();
        for word in words {
            match word.strip_prefix('<') {
                Some(file) => input = File::open(self.folder.path().join(file)).unwrap().into(),
                None => _ = command.arg(word),
            }
        }
        let mut terminal = Terminal::start_with(&mut command, input);
        let mut screen = String::new();
        let mut seen = 0;
        for answer in &typed.answers {
            let prompt = self.filled(&answer.prompt);
            if answer.is_shown {
                terminal.wait_for(&prompt);
            } else {
                terminal.wait_for_unseen(&prompt);
            }
            let shown = terminal.screen();
            screen.push_str(&shown[seen..]);
            screen.push_str(&answer.written());
            seen = shown.len() + if answer.is_shown { answer.text.len() } else { 0 };
            terminal.type_line(&answer.text);
        }
        let end = terminal.end();
        screen.push_str(&end.screen[seen..]);
        let code = end.code.unwrap();
        format!(
            "$ {}\n{}{}{}exit {code}\n",
            typed.line,
            prefixed("| ", &self.steady(&screen)),
            self.steady(&end.stdout),
            prefixed("! ", &self.steady(&end.stderr)),
        )
    }
}

/// Name, mode and content of a file behind its mark.
fn parts(text: &str) -> (&str, u32, &str) {
    let (head, content) = text.split_once(" --\n").unwrap();
    let (name, mode) = head.split_once(' ').unwrap_or((head, "0644"));
    (name, u32::from_str_radix(mode, 8).unwrap(), content)
}

/// The words of a command line; `'...'` holds some together.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (at, part) in line.split('\'').enumerate() {
        if at % 2 == 0 {
            words.extend(part.split_whitespace().map(str::to_owned));
        } else {
            words.push(part.to_owned());
        }
    }
    words
}

fn prefixed(prefix: &str, text: &str) -> String {
    text.lines().map(|line| format!("{prefix}{line}\n")).collect()
}

/// Writes N for a number of milliseconds, of seconds that have passed, and for what is random.
fn untimed(text: &str) -> String {
    let marks = [("attempt=\"", "\""), (" tx=\"", "\""), (" ms=\"", "\""), ("/policy-", ".json")];
    let text = marks.iter().fold(text.to_owned(), |text, (before, after)| {
        let mut parts = text.split(before);
        let first = parts.next().unwrap().to_owned();
        parts.fold(first, |text, part| match part.split_once(after) {
            Some((value, rest)) if !value.is_empty() => format!("{text}{before}N{after}{rest}"),
            _ => format!("{text}{before}{part}"),
        })
    });
    let mut out = String::new();
    for line in text.split_inclusive('\n') {
        let mut line = line.to_owned();
        for unit in [" ms", " s.\n", " s ago"] {
            if let Some(end) = line.find(unit).filter(|end| !line[*end..].starts_with(" ms=")) {
                let number = |c: char| c.is_ascii_digit() || c == '.';
                let start = line[..end].trim_end_matches(number).len();
                line.replace_range(start..end, "N");
            }
        }
        out.push_str(&line);
    }
    out
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/it/transcripts")
}

/// Every scene: its subcommand and its file.
fn scenes() -> Vec<(String, PathBuf)> {
    let folders = fs::read_dir(here()).unwrap().map(|entry| entry.unwrap().path());
    let mut scenes = Vec::new();
    for folder in folders.filter(|path| path.is_dir()) {
        let subcommand = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        scenes.extend(files.map(|file| (subcommand.clone(), file)));
    }
    scenes.sort();
    scenes
}

#[test]
fn each_scene_goes_as_it_is_written() {
    let mut different = Vec::new();
    for (_, file) in scenes() {
        let written = fs::read_to_string(&file).unwrap();
        let scene = Scene::read(&written);
        let stage = Stage::set(&scene.files);
        let played: Vec<_> = scene.commands.iter().map(|typed| stage.play(typed)).collect();
        let space = if scene.files.is_empty() { "" } else { "\n" };
        let played = format!("{}{}{space}{}", scene.about, played.join("\n"), scene.files);
        if played == written {
            continue;
        }
        if std::env::var_os(REWRITE).is_some() {
            fs::write(&file, played).unwrap();
        } else {
            different.push(format!("{}:\n{played}", file.display()));
        }
    }
    assert!(different.is_empty(), "{REWRITE}=1 writes these:\n{}", different.join("\n"));
}

#[test]
fn each_subcommand_has_a_scene_that_goes_well_and_one_that_does_not() {
    let help = Command::new(env!("CARGO_BIN_EXE_countersign")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let (_, commands) = help.split_once("\nCommands:\n").unwrap();
    let names = commands.lines().map_while(|line| line.split_whitespace().next());
    let known: BTreeSet<_> = names.map(str::to_owned).collect();
    let ending = |good: bool| -> BTreeSet<String> {
        let scenes = scenes().into_iter().filter(|(_, file)| {
            let text = fs::read_to_string(file).unwrap();
            let last = text.lines().rfind(|line| line.starts_with("exit ")).unwrap();
            (last == "exit 0") == good
        });
        scenes.map(|(subcommand, _)| subcommand).collect()
    };
    assert_eq!(ending(true), known);
    assert_eq!(ending(false), known);
}

#[test]
fn a_typed_line_and_a_time_are_read() {
    let answer = Answer::read("Password: ‹correct horse›").unwrap();
    assert_eq!((answer.prompt.as_str(), answer.is_shown), ("Password: ", false));
    assert_eq!(answer.written(), "‹correct horse›");
    assert!(Answer::read("Nothing is typed here.").is_none());
    assert_eq!(
        untimed("3 requests, 1.2 s.\nin 17 ms\nafter 120 s\n"),
        "3 requests, N s.\nin N ms\nafter 120 s\n"
    );
    assert_eq!(words("a --b 'c d' e"), ["a", "--b", "c d", "e"]);
}

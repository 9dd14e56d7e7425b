//! `countersign britive register`: a secret, shown once on the terminal, and its first code.
#![forbid(unsafe_code)]

use crate::tenant::britive::wire::{Begun, FACTOR};
use crate::tenant::britive::{self, Client, Code, Status};
use countersign::local::offline::moment::Moment;
use countersign::otpauth::{Key, Shape};
use countersign::policy::Britive;
use countersign::tenant::text::shown;
use countersign::words;
use serde_json::json;
use zeroize::Zeroizing;

use super::{Said, told};
use crate::commands::totp::Vacancy;
use crate::ui::output::{Done, Problem};
use crate::ui::terminal::Terminal;

/// How many codes may be typed before the registration is left as it is.
const TRIES: usize = 3;
/// A tenant's URI is shorter, in characters.
const URI: usize = 2048;

/// The secret goes to the vacancy too, if there is one.
pub fn run(
    client: &mut Client,
    britive: &Britive,
    vacancy: Option<Vacancy>,
) -> Result<Said, Problem> {
    // Asked before the tenant makes a secret that no user could see.
    let mut terminal = Terminal::open()?;
    let begun = client.generate().map_err(told)?;
    show(&mut terminal, &begun)?;
    let (code, then) = verify(&mut terminal, client, britive, begun.key.shape())?;
    match client.status().map_err(told)? {
        Status::Registered => {}
        Status::NotRegistered | Status::Challenge | Status::ChallengeFailed => {
            return Err(unfinished(
                "the tenant took the code, and says that nothing is registered",
            ));
        }
    }
    let is_kept = vacancy.is_some();
    if let Some(vacancy) = vacancy {
        let codes = keep(&vacancy, &begun.key, &code, &then)?;
        terminal.show(codes.trim_end())?;
    }
    Ok(said(begun.key.shape(), is_kept))
}

/// The code that the tenant took is used up here as well, and shows that this machine's clock can
/// be trusted.
fn keep(
    vacancy: &Vacancy,
    key: &Key,
    code: &Code,
    then: &Moment,
) -> Result<Zeroizing<String>, Problem> {
    let kept = vacancy.enrolment(key.clone()).and_then(|mut enrolment| {
        let codes = vacancy.activate(&mut enrolment, code.as_str(), then)?;
        codes.ok_or_else(|| {
            Problem::new("by this machine's clock, the code that the tenant took is wrong")
        })
    });
    kept.map_err(|problem| {
        problem.within("your authenticator is registered, but not kept here").hint(
            "countersign totp enroll makes another key; countersign britive remove begins again",
        )
    })
}

fn show(terminal: &mut Terminal, begun: &Begun) -> Done {
    // Below it: the address, which may take two lines, the sentence, which takes two, and the
    // question.
    let picture = words::picture(&begun.uri, words::Ground::Dark, terminal.screen(), 5);
    terminal.show(picture.as_ref().map_or_else(|why_not| *why_not, |drawn| drawn.as_str()))?;
    terminal.show(shown(&begun.uri, URI))?;
    terminal.show(match picture {
        Ok(_) => "Scan the picture with an authenticator, or give it the secret in the line below it. Both are shown once.",
        Err(_) => "Give the secret in this line to an authenticator. It is shown once.",
    })?;
    let shape = begun.key.shape();
    if shape != Shape::default() {
        let Shape { algorithm, digits, period } = shape;
        terminal.show(format!(
            "Its codes have {digits} digits, by {algorithm}, for {period} s: \
             not every authenticator can do that."
        ))?;
    }
    Ok(())
}

fn verify(
    terminal: &mut Terminal,
    client: &mut Client,
    britive: &Britive,
    codes: Shape,
) -> Result<(Code, Moment), Problem> {
    let (action, key) = (&britive.verify_action, &britive.verify_key);
    for _ in 0..TRIES {
        let typed = terminal.ask("First code: ")?;
        let Some(code) = Code::parse(&typed).filter(|code| code.has(codes.digits)) else {
            terminal.show(format!("A code has {} digits.", codes.digits))?;
            continue;
        };
        // The tenant may take its time.
        let then = Moment::now().map_err(Problem::new)?;
        match client.verify(action, key, &code) {
            Ok(Status::Registered) => return Ok((code, then)),
            Err(britive::Problem::Refused(refusal)) if !refusal.is_wrong_code() => {
                return Err(told(britive::Problem::Refused(refusal)));
            }
            Ok(Status::NotRegistered | Status::Challenge | Status::ChallengeFailed)
            | Err(britive::Problem::Refused(_)) => {
                terminal.show("The tenant does not take that code. Wait for the next one.")?;
            }
            Err(problem @ (britive::Problem::Failed(_) | britive::Problem::Malformed(_))) => {
                return Err(told(problem));
            }
        }
    }
    Err(unfinished("no code was right: the registration is not finished"))
}

fn unfinished(what: &str) -> Problem {
    Problem::new(what).hint("an administrator can remove it: countersign britive admin-remove")
}

fn said(codes: Shape, is_kept: bool) -> Said {
    let kept = if is_kept { " Its secret is kept for offline codes on this machine." } else { "" };
    Said {
        sentence: format!("Your authenticator is registered.{kept}"),
        object: json!({
            "factor": FACTOR,
            "status": Status::Registered.name(),
            "algorithm": codes.algorithm.as_str(),
            "digits": codes.digits,
            "period_seconds": codes.period,
            "kept_offline": is_kept,
        }),
    }
}

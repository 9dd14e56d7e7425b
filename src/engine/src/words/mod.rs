//! Every sentence that a user can read, but for the last one of a refusal that names no time: that is
//! in the row of its reason (see [`crate::refusal`]).
//!
//! What must be seen is in a prompt. Prompts stay below libpam's 512 bytes, whatever the tenant
//! says, and the words `Verification code:` end every prompt that takes a code, because editors and
//! terminals look for them. Nothing but these words, and what to type in their place, is in the
//! last line: sudo can replace it (see `host::prompts`).
#![forbid(unsafe_code)]

use std::time::Duration;

use zeroize::Zeroizing;

use crate::local::budget::Allowance;
use crate::policy::Mechanism;
use crate::refusal::{Reason, Refusal};
use crate::tenant::reply::AnswerType;
use crate::tenant::text::ServerText;

/// Room for the tenant's texts in a whole menu, in bytes.
const IN_MENU: usize = 128;
/// Room for one text of the tenant's in a prompt of its own, in bytes.
const IN_PROMPT: usize = 100;

/// The prompt's last line wherever a code may be typed.
const CODE: &str = "Verification code: ";
/// The last line of a menu where one of the codes may be typed right there.
const CHOICE_OR_CODE: &str = "Choice or Verification code: ";
/// A wrong password is not revealed: the tenant goes on and then sends nothing.
const NOTHING_COMES: &str = "Nothing arrives? Start again and check the password.";

/// What libpam takes in one prompt, with the byte that ends it (`PAM_MAX_MSG_SIZE`).
const MAX_PROMPT: usize = 512;

/// Before a question that is asked again: an empty line is no answer to it.
pub const NOTHING_TYPED: &str = "Nothing was typed.\n";
/// Before a question that is asked again: Enter is the only answer to it.
pub const JUST_ENTER: &str = "Just press Enter.\n";
/// Before a question that is asked again: no code looks like this.
pub const NO_CODE: &str = "That is not a code.\n";
/// Before a question that is asked again: no PIN looks like this.
pub const NO_PIN: &str = "That is not a PIN.\n";
/// Before a question that is asked again: a code of this machine's own that has let the user in.
pub const USED_BEFORE: &str = "That code was used before. Wait for the next one.\n";
/// Behind a refusal of the tenant's, where a code was typed. It says nothing of what was wrong.
pub const WORKS_ONCE: &str = "A code works once. If yours was used before, wait for the next one.";
/// Before a question that is asked again, after what no question takes.
pub const UNFIT: &str = "That is too long, or not text.\n";

/// Before a menu that is shown again. Only a short number is repeated: anything else could be a
/// secret.
#[must_use]
pub fn not_in_menu(typed: &str) -> String {
    let typed = typed.trim();
    let is_choice = typed.len() < 4 && typed.bytes().all(|b| b.is_ascii_digit());
    let what = if is_choice { typed } else { "That" };
    format!("{what} is not in the list.\n")
}

/// A question with a word on the last answer to it, and on what is not sent. These sentences give
/// way where a long menu leaves no room for them, the second one first.
#[must_use]
pub fn joined(word: &str, quiet: &str, question: &str) -> String {
    let mut all = [[word, quiet, question].concat(), [word, question].concat()].into_iter();
    all.find(|text| text.len() < MAX_PROMPT).unwrap_or_else(|| question.to_owned())
}

/// Several mechanisms to choose from; Enter takes the first. The place of the one whose code may be
/// typed right here counts from 0.
#[must_use]
pub fn menu(offers: &[(Mechanism, Option<ServerText>)], code_taker: Option<usize>) -> String {
    let count = offers.len();
    let room = (IN_MENU / count.max(1)).min(40);
    let mut text = String::new();
    for (number, (mechanism, label)) in (1..).zip(offers) {
        text.push_str(&format!("{number}. {}{}\n", name(*mechanism), quoted(label.as_ref(), room)));
    }
    text.push_str(&match code_taker {
        Some(at) => format!(
            "Choose 1-{count} (Enter: 1), or type the code for {}.\n{CHOICE_OR_CODE}",
            at + 1
        ),
        None => format!("Choose 1-{count} (Enter: 1): "),
    });
    text
}

/// The only mechanism: nothing is sent before the user says so.
#[must_use]
pub fn begin(mechanism: Mechanism, label: Option<&ServerText>, answer: AnswerType) -> String {
    let to = quoted(label, IN_PROMPT);
    match (mechanism, answer) {
        (Mechanism::Oath, _) => format!("{}{to}.\n{CODE}", source(mechanism)),
        (Mechanism::Otp, AnswerType::StartTextOob) => {
            format!(
                "Press Enter for a push to approve on your phone{to}, or type its code.\n{CODE}"
            )
        }
        (Mechanism::Otp, _) => format!("Press Enter for a push to approve on your phone{to}: "),
        (Mechanism::Sms, AnswerType::StartOob) => {
            format!("Press Enter for a text message{to}, then follow its link: ")
        }
        (Mechanism::Email, AnswerType::StartOob) => {
            format!("Press Enter for a mail{to}, then follow its link: ")
        }
        (Mechanism::Pf, AnswerType::StartOob) => {
            format!("Press Enter for a phone call{to}, then confirm it there: ")
        }
        (Mechanism::Radius, AnswerType::StartOob) => {
            format!("Press Enter to begin with RADIUS{to}, then approve on your phone: ")
        }
        (Mechanism::Sms, _) => format!("Press Enter for a text message{to}: "),
        (Mechanism::Email, _) => format!("Press Enter for a mail{to}: "),
        (Mechanism::Pf, _) => format!("Press Enter for a phone call{to}: "),
        (Mechanism::Radius, AnswerType::StartTextOob) => {
            format!("Press Enter to begin with RADIUS{to}, or type its code.\n{CODE}")
        }
        (Mechanism::Radius, _) => format!("Press Enter to begin with RADIUS{to}: "),
        (Mechanism::Up | Mechanism::Sq, _) => format!("Press Enter for {}{to}: ", name(mechanism)),
    }
}

/// After a mechanism was started that has a code.
#[must_use]
pub fn code(mechanism: Mechanism, label: Option<&ServerText>) -> String {
    let to = quoted(label, IN_PROMPT);
    match mechanism {
        Mechanism::Sms => sent("Text message sent", &to),
        Mechanism::Email => sent("Mail sent", &to),
        Mechanism::Pf => format!(
            "Calling your phone{to}. Type the code that you hear, or press Enter once you have confirmed.\n\
             {NOTHING_COMES}\n{CODE}"
        ),
        Mechanism::Radius => {
            format!("RADIUS{to}: type its code, or approve it and press Enter.\n{CODE}")
        }
        Mechanism::Up | Mechanism::Sq | Mechanism::Otp | Mechanism::Oath => {
            format!("{}{to}.\n{CODE}", source(mechanism))
        }
    }
}

fn sent(what: &str, to: &str) -> String {
    format!(
        "{what}{to}. Type its code, or follow its link and press Enter.\n{NOTHING_COMES}\n{CODE}"
    )
}

/// Where a code comes from.
fn source(mechanism: Mechanism) -> &'static str {
    match mechanism {
        Mechanism::Up => "Password",
        Mechanism::Sq => "Security question",
        Mechanism::Otp => "Code from the app on your phone",
        Mechanism::Sms => "Code from the text message",
        Mechanism::Email => "Code from the mail",
        Mechanism::Oath => "Code from an authenticator",
        Mechanism::Pf => "Code from the phone call",
        Mechanism::Radius => "RADIUS code",
    }
}

/// What a mechanism without a start wants to know.
#[must_use]
pub fn text(mechanism: Mechanism, prompt: Option<&ServerText>) -> String {
    format!("{}{}.\n{CODE}", source(mechanism), quoted(prompt, IN_PROMPT))
}

/// A security question, in the words in which the user once answered it.
#[must_use]
pub fn security_question(question: Option<&ServerText>) -> String {
    format!("Security question{}: ", quoted(question, 2 * IN_PROMPT))
}

/// A number to match.
#[must_use]
pub fn number(number: &ServerText, takes_code: bool) -> String {
    let shown = number.shown(12);
    if takes_code {
        format!(
            "Choose {shown} on your phone, then press Enter, or type its code.\n{NOTHING_COMES}\n{CODE}"
        )
    } else {
        format!("Choose {shown} on your phone. {NOTHING_COMES}\nThen press Enter: ")
    }
}

/// An approval is awaited, and did not come for a while.
#[must_use]
pub fn not_yet(number: Option<&ServerText>, takes_code: bool) -> String {
    let number = number
        .map_or_else(String::new, |number| format!(" Choose {} on your phone.", number.shown(12)));
    let state = format!("Not approved yet.{number} {NOTHING_COMES}\n");
    if takes_code {
        format!("{state}Press Enter to wait on, type a code, or stop with Ctrl-C.\n{CODE}")
    } else {
        format!("{state}Press Enter to wait on, or stop with Ctrl-C: ")
    }
}

/// Before the page of another identity provider is shown again.
pub const NOT_THERE_YET: &str = "You are not logged in there yet.\n";

/// While an approval is awaited.
#[must_use]
pub fn waiting(mechanism: Mechanism) -> String {
    let what = match mechanism {
        Mechanism::Pf => {
            return "Calling your phone; Ctrl-C stops. No call? Start again and check the password."
                .to_owned();
        }
        Mechanism::Sms => "Waiting until you follow the link in the text message",
        Mechanism::Email => "Waiting until you follow the link in the mail",
        Mechanism::Up | Mechanism::Sq | Mechanism::Otp | Mechanism::Oath | Mechanism::Radius => {
            "Waiting for your approval on the phone"
        }
    };
    format!("{what}; Ctrl-C stops. {NOTHING_COMES}")
}

/// Where a policy asks for the password and the stack has none of this person's.
#[must_use]
pub fn password(tenant_user: &str) -> String {
    format!("Password of {}: ", super::tenant::text::shown(tenant_user, 100))
}

/// Before a prompt, where the phone may not ring any more. `for_code`: what is asked for is a code.
#[must_use]
pub fn quiet(allowance: Allowance, for_code: bool) -> String {
    let (time, why) = match allowance {
        Allowance::Free => return String::new(),
        Allowance::Never => return "Nothing can be sent to your phone from here.\n".to_owned(),
        Allowance::Over(time) => (time, "too many requests went unapproved"),
        Allowance::Paused(time) => (time, "the last request was not approved"),
    };
    let codes = if for_code { " Codes still work." } else { "" };
    let time = spoken(time);
    format!("Nothing is sent to your phone for another {time}: {why}.{codes}\n")
}

/// Where the tenant can't be reached, and this machine can check a code itself.
#[must_use]
pub fn offline() -> String {
    "Tenant unreachable. Offline verification code: ".to_owned()
}

/// What the user is told at the end of a login that was refused, with the time that it holds for.
#[must_use]
pub fn farewell(refusal: &Refusal) -> Option<String> {
    let time = refusal.wait.filter(|wait| *wait <= LONGEST_WAIT).map(spoken);
    Some(match (refusal.reason, time) {
        (Reason::PushBudget, Some(time)) => {
            format!("Nothing can be sent to your phone for another {time}.")
        }
        (Reason::TenantThrottle, Some(time)) => {
            format!("The identity service asks to wait. Please start again in {time}.")
        }
        (Reason::OfflineLocked, Some(time)) => format!(
            "No offline login: too many codes were wrong, so none counts for another {time}. The \
             last one was not used up."
        ),
        (reason, _) => reason.farewell()?.to_owned(),
    })
}

/// No user waits longer, and no time of the tenant's beyond it is repeated.
const LONGEST_WAIT: Duration = Duration::from_secs(7 * 86_400);

/// A time as people say it, rounded up.
fn spoken(time: Duration) -> String {
    match time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0)) {
        seconds @ 0..=90 => format!("{seconds} s"),
        seconds @ 91..=7200 => format!("{} min", seconds.div_ceil(60)),
        seconds => format!("{} h", seconds.div_ceil(3600)),
    }
}

/// The page of another identity provider that ends with a PIN.
#[must_use]
pub fn pin(url: &str) -> String {
    format!("Log in at {url}\nand type the PIN that it shows.\n{CODE}")
}

/// The page of another identity provider, awaited.
#[must_use]
pub fn browser(url: &str) -> String {
    format!("Log in at {url}\nthen press Enter: ")
}

/// What a terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// Lines.
    pub rows: u16,
    /// Columns.
    pub columns: u16,
    /// Half blocks, which are no ASCII.
    pub has_blocks: bool,
}

impl Screen {
    /// A terminal of which nothing is known, as behind sshd: the smallest that is usual.
    pub const UNKNOWN: Self = Self { rows: 24, columns: 80, has_blocks: true };
}

/// Whether an application may be in front of a terminal.
#[must_use]
pub fn is_terminal(tty: Option<&str>, service: &str) -> bool {
    let terminal = tty.is_some_and(|tty| !tty.starts_with(':'));
    terminal && !service.starts_with("polkit") && !service.starts_with("gdm")
}

/// A text as a picture for a phone's camera, with room for as many rows of a question below it.
///
/// # Errors
///
/// A sentence that tells the user why the picture is missing.
pub fn picture(
    text: &str,
    ground: Ground,
    screen: Screen,
    below: usize,
) -> Result<Zeroizing<String>, &'static str> {
    if !screen.has_blocks {
        return Err("No picture: LANG or TERM says that this terminal can't show one.");
    }
    let code = qr_code(text).ok_or("No picture: the text is too long for one.")?;
    let side = code.width() + 2 * MARGIN;
    let fits =
        side.div_ceil(2) + below <= usize::from(screen.rows) && side <= usize::from(screen.columns);
    if !fits {
        return Err("No picture: this terminal is too small for it.");
    }
    Ok(painted(&code, ground))
}

/// What a terminal prints on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// The colours are unknown: the picture brings its own.
    Coloured,
    /// Dark, with light text.
    Dark,
    /// Light, with dark text.
    Light,
}

/// The frame around a QR code, in modules. Cameras need less than the standard's four, and each
/// costs a line.
const MARGIN: usize = 2;

fn qr_code(text: &str) -> Option<qrcode::QrCode> {
    let text = compact(text);
    qrcode::QrCode::with_error_correction_level(text.as_str(), qrcode::EcLevel::L).ok()
}

/// An otpauth URI without what an authenticator takes for granted: a shorter text is a smaller
/// picture.
fn compact(text: &str) -> Zeroizing<String> {
    let Some((label, query)) = text.split_once('?').filter(|_| text.starts_with("otpauth://totp/"))
    else {
        return Zeroizing::new(text.to_owned());
    };
    let issuer = label.trim_start_matches("otpauth://totp/").split_once(':');
    let is_needed = |pair: &&str| match pair.split_once('=') {
        Some(("issuer", name)) => issuer.is_none_or(|(prefix, _)| prefix != name),
        Some(_) | None => !["algorithm=SHA1", "digits=6", "period=30"].contains(pair),
    };
    let needed = query.split('&').filter(is_needed).collect::<Vec<_>>();
    Zeroizing::new(format!("{}?{}", label.replace("%40", "@"), needed.join("&")))
}

/// In half blocks, two rows of the code to a line.
fn painted(code: &qrcode::QrCode, ground: Ground) -> Zeroizing<String> {
    let (width, colors) = (code.width(), code.to_colors());
    let is_dark = |x: usize, y: usize| {
        let at = x.checked_sub(MARGIN).zip(y.checked_sub(MARGIN));
        let inside = at.filter(|(x, y)| *x < width && *y < width);
        let color = inside.and_then(|(x, y)| colors.get(y * width + x));
        color == Some(&qrcode::Color::Dark)
    };
    let side = width + 2 * MARGIN;
    // What is printed is the light part, but on a light ground. Below the last row there is nothing
    // to print.
    let is_inked = |x, y| y < side && is_dark(x, y) == (ground == Ground::Light);
    let block = |x, y| match (is_inked(x, y), is_inked(x, y + 1)) {
        (true, true) => '\u{2588}',
        (true, false) => '\u{2580}',
        (false, true) => '\u{2584}',
        (false, false) => ' ',
    };
    let lines = (0..side).step_by(2).map(|y| {
        let line: String = (0..side).map(|x| block(x, y)).collect();
        if ground == Ground::Coloured { format!("\u{1b}[97;40m{line}\u{1b}[0m") } else { line }
    });
    Zeroizing::new(lines.collect::<Vec<_>>().join("\n"))
}

/// A new key, as its owner sees it once: a picture, or why it is missing, is what stands above the
/// question.
#[must_use]
pub fn key(user: &str, picture: Option<&str>, uri: &str, secret: &str) -> Zeroizing<String> {
    let (scan, picture) = match picture {
        Some(picture) => (", or let it scan the picture", format!("{picture}\n")),
        None => ("", String::new()),
    };
    Zeroizing::new(format!(
        "Give the authenticator of {user} this address or this key{scan}:\n{uri}\n{secret}\n{picture}"
    ))
}

/// The question with which an enrolment ends.
pub const FIRST_CODE: &str = "Verification code that it shows now: ";

/// What is said before it is asked again.
pub const NOT_THE_CODE: &str = "That is not the code that it shows now.";

/// The offer at the end of a login.
pub const OFFER: &str =
    "Set up codes for when the identity service can't be reached? Asked once. [y/N] ";

/// Where an enrolment at a login was not finished.
pub const NOT_ENROLLED: &str =
    "No offline codes were set up. An administrator can do it: countersign totp enroll";

/// Whether an answer is a yes.
#[must_use]
pub fn is_yes(answer: &str) -> bool {
    matches!(answer.trim(), "y" | "Y" | "yes")
}

/// The rows of that question at a login, and of the one below the page of another identity
/// provider.
pub const FIRST_CODE_ROWS: usize = 4;
/// See [`FIRST_CODE_ROWS`].
pub const PAGE_ROWS: usize = 3;

/// The question at a login. The key is in it, for a user who can't see the picture.
#[must_use]
pub fn first_code(secret: &str, is_again: bool) -> String {
    let wrong = if is_again { format!("{NOT_THE_CODE}\n") } else { String::new() };
    format!(
        "{wrong}Scan the picture with an authenticator, or type this key there:\n{secret}\n\
         Then type the code that it shows, or press Enter to leave it.\n{CODE}"
    )
}

/// What ends an enrolment at a login: these codes are seen.
#[must_use]
pub fn written_down(codes: &str) -> String {
    format!("{codes}Press Enter when you have written them down: ")
}

/// The recovery codes, as their owner sees them once.
#[must_use]
pub fn recovery_codes(codes: &[Zeroizing<String>]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(
        "Recovery codes, each good once, in place of a code. Keep them where the phone is not:\n"
            .to_owned(),
    );
    for pair in codes.chunks(2) {
        let pair: Vec<_> = pair.iter().map(|code| code.as_str()).collect();
        text.push_str(&format!("  {}\n", pair.join("    ")));
    }
    text
}

fn name(mechanism: Mechanism) -> &'static str {
    match mechanism {
        Mechanism::Up => "password",
        Mechanism::Sq => "security question",
        Mechanism::Otp => "push to approve on your phone",
        Mechanism::Sms => "text message",
        Mechanism::Email => "mail",
        Mechanism::Oath => "code from an authenticator",
        Mechanism::Pf => "phone call",
        Mechanism::Radius => "RADIUS code",
    }
}

/// The tenant's words, marked as such, or nothing.
fn quoted(label: Option<&ServerText>, max: usize) -> String {
    let shown = label.map(|text| fitted(text, max)).unwrap_or_default();
    if shown.is_empty() { shown } else { format!(" (\"{}\")", shown.replace('"', "'")) }
}

/// As much of a text as fits into `max` bytes.
fn fitted(text: &ServerText, max: usize) -> String {
    let mut chars = max;
    loop {
        let shown = text.shown(chars);
        if shown.len() <= max {
            return shown;
        }
        chars = chars.saturating_sub((shown.len() - max).div_ceil(4).max(1));
    }
}

#[cfg(test)]
mod tests;

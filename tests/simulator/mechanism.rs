//! The mechanisms: how each looks in a package, what starting it sends, and how it judges an
//! answer.

use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use totp_rs::{Builder, Secret};

use super::dice;
use super::phone::{self, Draft, Kind};
use super::scenario::User;
use super::world::State;

/// One way to meet a challenge, in one session.
pub struct Mechanism {
    pub id: String,
    /// In upper case.
    pub name: String,
    started: Option<Started>,
}

/// An out-of-band exchange under way.
struct Started {
    at: Instant,
    code: String,
    /// `None`: nothing was really sent.
    message: Option<u64>,
}

/// Whether StartOOB really reaches a person.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    Real,
    Pretended,
}

/// What an operation on a mechanism comes to.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    Met,
    /// A wrong answer, which the policies may hide.
    Missed,
    /// No such operation, or not now: never hidden.
    Refused,
    Denied,
    Expired,
    /// With the number to match.
    Pending(Option<String>),
}

impl Mechanism {
    pub fn new(name: &str) -> Mechanism {
        Mechanism { id: dice::id(), name: name.to_uppercase(), started: None }
    }

    pub fn start(
        &mut self,
        user: &User,
        session: &str,
        delivery: Delivery,
        state: &mut State,
    ) -> Verdict {
        let Some(kind) = message_kind(&self.name) else {
            return self.start_silently(&state.clock.now());
        };
        self.send(kind, user, session, delivery, state)
    }

    fn send(
        &mut self,
        kind: Kind,
        user: &User,
        session: &str,
        delivery: Delivery,
        state: &mut State,
    ) -> Verdict {
        if let Some(message) = self.started.as_ref().and_then(|started| started.message) {
            state.inbox.withdraw_one(message);
        }
        let number = (self.name == "OTP" && user.number_matching).then(dice::number);
        let code = code_for(&self.name, user);
        let draft = Draft {
            user: user.name.clone(),
            kind,
            number: number.clone().unwrap_or_default(),
            code: code.clone(),
            pin: String::new(),
            session: session.into(),
            lifetime: Duration::from_secs(state.tenant.oob_lifetime),
            state: if user.auto_approve { phone::State::Approved } else { phone::State::Pending },
        };
        let real = delivery == Delivery::Real;
        let message = real.then(|| state.inbox.send(draft, &state.clock));
        self.started = Some(Started { at: state.clock.now(), code, message });
        Verdict::Pending(number)
    }

    /// OATH must be started, though nothing is sent; text mechanisms cannot be.
    fn start_silently(&mut self, now: &Instant) -> Verdict {
        if self.name != "OATH" {
            return Verdict::Refused;
        }
        self.started = Some(Started { at: *now, code: String::new(), message: None });
        Verdict::Pending(None)
    }

    /// A code to scan needs no start: to ask whether it was scanned is to show it.
    pub fn polled(
        &mut self,
        user: &User,
        session: &str,
        delivery: Delivery,
        state: &mut State,
    ) -> Verdict {
        if self.name == "QR" && self.started.is_none() {
            self.start(user, session, delivery, state);
        }
        self.poll(state)
    }

    pub fn poll(&self, state: &mut State) -> Verdict {
        let Some(started) = self.live(state) else {
            return match self.started {
                Some(_) => Verdict::Expired,
                None => Verdict::Refused,
            };
        };
        let Some(message) = started.message else {
            return Verdict::Pending(None);
        };
        match state.inbox.get(message, &state.clock).map(|message| message.state) {
            Some(phone::State::Pending) => Verdict::Pending(None),
            Some(phone::State::Approved) => Verdict::Met,
            Some(phone::State::Denied) => Verdict::Denied,
            Some(phone::State::Expired) | None => Verdict::Expired,
        }
    }

    pub fn answer(
        &mut self,
        answer: &Value,
        user: &User,
        session: &str,
        delivery: Delivery,
        state: &mut State,
    ) -> Verdict {
        let text = answer.as_str().unwrap_or_default();
        match self.name.as_str() {
            "UP" => judged(text == user.password),
            "SQ" => judged(answers_questions(answer, user)),
            "RADIUS" if asks_a_person(text).is_some() => {
                self.call_a_person(text, user, session, delivery, state)
            }
            "RADIUS" => judged(!user.radius_code.is_empty() && text == user.radius_code),
            "RESET" => set_password(text, user, delivery, state),
            "OATH" if self.live(state).is_some() => judged(is_oath_code(text, user)),
            "OTP" | "SMS" | "EMAIL" => self.typed(text, state),
            _ => Verdict::Refused,
        }
    }

    /// The reply to this comes at once, or once the person has decided.
    fn call_a_person(
        &mut self,
        text: &str,
        user: &User,
        session: &str,
        delivery: Delivery,
        state: &mut State,
    ) -> Verdict {
        let kind = asks_a_person(text).unwrap_or(Kind::Push);
        let verdict = self.send(kind, user, session, delivery, state);
        if user.radius_holds {
            state.held = self.started.as_ref().and_then(|started| started.message);
        }
        verdict
    }

    /// A code typed instead of an approval.
    fn typed(&self, text: &str, state: &mut State) -> Verdict {
        let verdict = self.poll(state);
        if [Verdict::Refused, Verdict::Denied, Verdict::Expired].contains(&verdict) {
            return verdict;
        }
        let Some(Started { code, message: Some(message), .. }) = &self.started else {
            return Verdict::Missed;
        };
        if text != code {
            return Verdict::Missed;
        }
        let _ = state.inbox.settle(*message, phone::State::Approved, &state.clock);
        Verdict::Met
    }

    fn live(&self, state: &State) -> Option<&Started> {
        let lifetime = Duration::from_secs(state.tenant.oob_lifetime);
        let now = state.clock.now();
        self.started.as_ref().filter(|started| now < started.at + lifetime)
    }

    /// Its entry in a package.
    pub fn to_json(&self, user: &User) -> Value {
        let Some(looks) = looks(&self.name, user) else {
            return json!({"Name": self.name, "MechanismId": self.id});
        };
        let mut entry = looks.extra;
        entry.insert("AnswerType".into(), looks.answer_type.into());
        entry.insert("Name".into(), self.name.clone().into());
        entry.insert("MechanismId".into(), self.id.clone().into());
        entry.insert("Enrolled".into(), true.into());
        let own = user.mechanism_prompt.get(&self.name);
        entry.insert("PromptMechChosen".into(), own.cloned().unwrap_or(looks.chosen).into());
        if self.name != "U2FONDEVICE" {
            entry.insert("PromptSelectMech".into(), own.cloned().unwrap_or(looks.menu).into());
        }
        Value::Object(entry)
    }
}

/// The words that RADIUS servers take for an approval.
fn asks_a_person(text: &str) -> Option<Kind> {
    match text.to_lowercase().as_str() {
        "push" => Some(Kind::Push),
        "phone" => Some(Kind::Call),
        _ => None,
    }
}

fn judged(right: bool) -> Verdict {
    if right { Verdict::Met } else { Verdict::Missed }
}

/// How StartOOB reaches a person; `None` where it does not.
fn message_kind(name: &str) -> Option<Kind> {
    match name {
        "OTP" | "RADIUS" | "QR" | "U2F" | "U2FONDEVICE" | "PASSKEY" | "DUO" => Some(Kind::Push),
        "SMS" => Some(Kind::Sms),
        "EMAIL" => Some(Kind::Email),
        "PF" => Some(Kind::Call),
        _ => None,
    }
}

fn code_for(name: &str, user: &User) -> String {
    match name {
        "OTP" | "SMS" | "EMAIL" if !user.code.is_empty() => user.code.clone(),
        "OTP" | "SMS" => dice::digits(6),
        "EMAIL" => dice::digits(8),
        _ => String::new(),
    }
}

fn is_oath_code(text: &str, user: &User) -> bool {
    if !user.oath_code.is_empty() {
        return text == user.oath_code;
    }
    let Ok(secret) = Secret::try_from_base32(&user.oath_secret) else {
        return false;
    };
    let totp = Builder::new().with_secret(secret).with_skew(1).build_noncompliant();
    !user.oath_secret.is_empty() && totp.check(text, dice::unix_time()).is_some()
}

/// One question takes a text, several an object by `Uuid`.
fn answers_questions(answer: &Value, user: &User) -> bool {
    match user.questions.as_slice() {
        [] => false,
        [one] => answer.as_str() == Some(one.answer.as_str()),
        several => {
            several.iter().all(|question| answer[question_id(&question.text)] == question.answer)
        }
    }
}

fn question_id(text: &str) -> String {
    dice::guid_of(text)
}

/// A new password has to be there and to be new.
fn set_password(new: &str, user: &User, delivery: Delivery, state: &mut State) -> Verdict {
    if new.is_empty() || new == user.password {
        return Verdict::Missed;
    }
    if delivery == Delivery::Real
        && let Some(user) = state.user_mut(&user.name)
    {
        user.password = new.into();
        user.password_change = false;
    }
    Verdict::Met
}

/// What a client is told about a mechanism.
struct Looks {
    answer_type: &'static str,
    menu: String,
    chosen: String,
    extra: Map<String, Value>,
}

fn looks(name: &str, user: &User) -> Option<Looks> {
    let (answer_type, menu, chosen) = texts(name, user)?;
    Some(Looks { answer_type, menu, chosen, extra: extra(name, user) })
}

fn texts(name: &str, user: &User) -> Option<(&'static str, String, String)> {
    let (domain, phone) = (domain(user), user.phone.as_str());
    let texts: (&str, &str, &str) = match name {
        "UP" => ("Text", "Password", "Enter Password"),
        "OTP" => (
            "StartTextOob",
            "Mobile Authenticator",
            "Approve the request in the mobile app, or enter its code.",
        ),
        "OATH" => ("StartTextOob", "OATH OTP Client", "Enter the code of your OATH OTP client."),
        "SMS" => (
            "StartTextOob",
            &format!("SMS... XXX-{phone}"),
            &format!(
                "Text message sent to the mobile phone ending in {phone}. Click the link or enter the code."
            ),
        ),
        "EMAIL" => (
            "StartTextOob",
            &format!("Email... @{domain}"),
            &format!("Email sent to xxxx@{domain}. Click the link or enter the code."),
        ),
        "PF" => (
            "StartOob",
            &format!("Phone Call... XXX-{phone}"),
            &format!("Calling the phone ending in {phone}. Follow the spoken instructions."),
        ),
        "SQ" => return Some(("Text", "Security Question".into(), asked(user))),
        "RADIUS" => ("Text", "RADIUS", "Enter the code of your token, or push."),
        "RESET" => ("Text", "New Password", "Your password has expired. Enter a new password"),
        "QR" if user.qr_answer => ("QR", "QR Code", "Scan the code with the mobile app."),
        "QR" => ("StartOob", "QR Code", "Scan the code with the mobile app."),
        "U2F" => ("StartOob", "FIDO2 Security Key", "Touch your security key."),
        "U2FONDEVICE" => ("StartOob", "", "Use the authenticator of this device."),
        "PASSKEY" => ("StartOob", "Passkey", "Use your passkey."),
        "DUO" => ("StartOob", "Duo", "Continue with Duo."),
        _ => return None,
    };
    Some((texts.0, texts.1.into(), texts.2.into()))
}

fn asked(user: &User) -> String {
    let first = user.questions.first().map_or("", |question| question.text.as_str());
    format!("Answer security question '{first}':")
}

fn extra(name: &str, user: &User) -> Map<String, Value> {
    let domain = domain(user);
    let extra = match name {
        "SMS" => json!({"PartialDeviceAddress": user.phone}),
        "PF" => json!({"PartialPhoneNumber": user.phone}),
        "EMAIL" => json!({"PartialAddress": domain, "MaskedEmailAddress": format!("***@{domain}")}),
        "OATH" | "RADIUS" => json!({"UiPrompt": texts(name, user).map(|texts| texts.1)}),
        "RESET" => {
            json!({"PasswordComplexityHint": "At least one character, and not the old password."})
        }
        "DUO" => json!({"ThirdPartyMfaRequest": "TX|simulated:APP|simulated"}),
        "QR" => json!({"Image": format!("data:image/png;base64,{PIXEL}")}),
        "SQ" => questions(user),
        _ => json!({}),
    };
    match extra {
        Value::Object(extra) => extra,
        _ => Map::new(),
    }
}

/// A PNG of one white pixel, in base64.
const PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAG7buVgAAAABJRU5ErkJggg==";

fn questions(user: &User) -> Value {
    let part = |question: &super::scenario::Question| {
        json!({
            "Uuid": question_id(&question.text),
            "QuestionText": question.text,
            "PromptMechChosen": format!("Answer security question '{}':", question.text),
        })
    };
    let parts: Vec<Value> = user.questions.iter().map(part).collect();
    json!({
        "Question": user.questions.first().map(|question| &question.text),
        "MultipartMechanism": {"PromptSelectMech": "Security Questions", "MechanismParts": parts},
    })
}

fn domain(user: &User) -> &str {
    user.name.rsplit_once('@').map_or("example.com", |(_, domain)| domain)
}

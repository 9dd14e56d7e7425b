//! The calls, one function each, over one connection.
#![forbid(unsafe_code)]

use std::time::Duration;

use zeroize::Zeroizing;

use super::block::{Block, Name};
use super::refusal::{Kind, Problem};
use super::wire::{self, Call, Links, Role};
use countersign::echo::Echoes;
use countersign::os;
use countersign::secret::Secret;
use countersign::tenant::http::{self, Response};
use countersign::tenant::reply::Malformed;
use countersign::tenant::request::{Below, Request};
use countersign::tenant::token::{Answer, Grant, answer};

/// How long is waited before a look is repeated where the tenant is busy.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(1)];
/// A tenant that asks for more time than this gets it from the user who runs the command.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// Where tenants of the shared services have their administration.
const SHARED: &str = "/api/idadmin";

/// An administrator, at the time of one command.
pub struct Client {
    http: http::Client,
    base: String,
    prefix: &'static str,
    authorization: Zeroizing<String>,
    echoes: Echoes,
}

/// Asks for a token of a client's own (RFC 6749, section 4.4).
///
/// # Errors
///
/// Any [`Problem`].
pub fn grant(http: &mut http::Client, base: &str, grant: &Grant<'_>) -> Result<Secret, Problem> {
    let mut echoes = Echoes::default();
    echoes.know(grant.secret.expose());
    if let Some(header) = grant.authorization() {
        echoes.know(header.trim_start_matches("Basic "));
    }
    let granted = granted(http, base, grant);
    granted.map_err(|problem| problem.without(&echoes))
}

fn granted(http: &mut http::Client, base: &str, grant: &Grant<'_>) -> Result<Secret, Problem> {
    let response = match ask_token(http, base, grant, Below::Root)? {
        response if response.status == 404 => ask_token(http, base, grant, Below::Api)?,
        response => response,
    };
    if matches!(response.status, 429 | 503) {
        return Err(Problem::Busy(Kind::Token));
    }
    match answer(response.status, &response.body) {
        Ok(Answer::Granted(granted)) => Ok(granted.token),
        Ok(Answer::Refused(why)) => Err(Problem::ClientRefused(why)),
        Err(Malformed(_)) if response.status != 200 => {
            Err(Problem::Status(Kind::Token, response.status))
        }
        Err(Malformed(what)) => Err(Problem::Malformed(Kind::Token, what)),
    }
}

fn ask_token(
    http: &mut http::Client,
    base: &str,
    grant: &Grant<'_>,
    below: Below,
) -> Result<Response, Problem> {
    let request = Request::Token { app: grant.client.app.clone(), below, form: grant.body() };
    let authorization = grant.authorization();
    let mut headers = request.headers();
    if let Some(authorization) = &authorization {
        headers.push(("Authorization", authorization));
    }
    let url = format!("{base}{}", request.path());
    let response = http.post(&url, &headers, &request.body(), Duration::MAX);
    response.map_err(|failure| Problem::Failed(Kind::Token, failure))
}

impl Client {
    /// An administrator who has this token, at the tenant at `base`.
    #[must_use]
    pub fn new(http: http::Client, base: String, token: &Secret) -> Client {
        let mut echoes = Echoes::default();
        echoes.know(token.expose());
        Client {
            http,
            base,
            prefix: "",
            authorization: Zeroizing::new(format!("Bearer {}", token.expose())),
            echoes,
        }
    }

    /// All roles.
    ///
    /// # Errors
    ///
    /// Any [`Problem`].
    pub fn roles(&mut self) -> Result<Vec<Role>, Problem> {
        wire::roles(&self.ask(&Call::Roles)?)
    }

    /// Whether the tenant uses its own policies; `None` if it does not say.
    ///
    /// # Errors
    ///
    /// Any [`Problem`].
    pub fn own_policies(&mut self) -> Result<Option<bool>, Problem> {
        Ok(wire::own_policies(&self.ask(&Call::OwnPolicies)?))
    }

    /// All policy sets.
    ///
    /// # Errors
    ///
    /// Any [`Problem`].
    pub fn links(&mut self) -> Result<Links, Problem> {
        Links::read(&self.ask(&Call::Links)?)
    }

    /// One policy set.
    ///
    /// # Errors
    ///
    /// Any [`Problem`].
    pub fn block(&mut self, path: &str) -> Result<Block, Problem> {
        Block::read(self.ask(&Call::Block(path))?, path)
    }

    /// Makes the name of a challenge policy known. One that is known already stays so.
    ///
    /// # Errors
    ///
    /// Any [`Problem`].
    pub fn register(&mut self, name: &Name) -> Result<(), Problem> {
        self.ask(&Call::Register(name.as_str())).map(|_| ())
    }

    /// Saves a policy set on top of the one that has its `RevStamp`; the new one's.
    ///
    /// # Errors
    ///
    /// Any [`Problem`]; one that is a refusal may mean that there is another block by now.
    pub fn save(&mut self, block: &Block, links: &Links) -> Result<String, Problem> {
        wire::stamp(&self.ask(&Call::Save { block, links })?)
    }

    /// Makes the token void.
    ///
    /// # Errors
    ///
    /// Any [`Problem`].
    pub fn log_out(&mut self) -> Result<(), Problem> {
        self.ask(&Call::LogOut).map(|_| ())
    }

    fn ask(&mut self, call: &Call<'_>) -> Result<super::Json, Problem> {
        let answer = self.try_to_ask(call);
        answer.map_err(|problem| problem.without(&self.echoes))
    }

    /// What only reads is repeated, twice at most, where the trouble may be over soon.
    fn try_to_ask(&mut self, call: &Call<'_>) -> Result<super::Json, Problem> {
        let mut pauses = PAUSES.into_iter();
        loop {
            let response = self.send(call)?;
            let pause = pauses.next().filter(|_| call.only_reads());
            let pause = pause.filter(|_| matches!(response.status, 429 | 503));
            let pause = pause.map(|pause| response.retry_after.unwrap_or(pause));
            match pause.filter(|pause| *pause <= LONGEST_PAUSE) {
                Some(pause) => os::pause(pause),
                None => return wire::result(call.kind(), &response),
            };
        }
    }

    /// Where nothing is found, it may be in the other place.
    fn send(&mut self, call: &Call<'_>) -> Result<Response, Problem> {
        let is_security = call.kind() == Kind::LogOut;
        let prefix = if is_security { "" } else { self.prefix };
        let response = self.send_below(prefix, call)?;
        if response.status != 404 || is_security || self.prefix == SHARED {
            return Ok(response);
        }
        let elsewhere = self.send_below(SHARED, call)?;
        if elsewhere.status == 404 {
            return Ok(response);
        }
        self.prefix = SHARED;
        Ok(elsewhere)
    }

    fn send_below(&mut self, prefix: &str, call: &Call<'_>) -> Result<Response, Problem> {
        let url = format!("{}{prefix}{}", self.base, call.kind().path());
        let headers = [
            ("Content-Type", "application/json"),
            ("X-CENTRIFY-NATIVE-CLIENT", "true"),
            ("X-IDAP-NATIVE-CLIENT", "true"),
            ("Authorization", self.authorization.as_str()),
        ];
        let body = call.body();
        let response = self.http.post(&url, &headers, body.as_bytes(), Duration::MAX);
        response.map_err(|failure| Problem::Failed(call.kind(), failure))
    }
}

//! The calls, one function each, over one connection.
#![forbid(unsafe_code)]

use std::time::Duration;

use zeroize::Zeroizing;

use super::refusal::{Kind, Problem};
use super::token::Token;
use super::wire::{self, Begun, Call, Code, Method, Status, StepUp, UserId};
use countersign::echo::Echoes;
use countersign::os;
use countersign::tenant::http::{self, Response, Settings, SetupError};

/// How long is waited before a look is repeated. Not 63 s, as in Britive's SDK: a user sits
/// there.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(1)];
/// A tenant that asks for more time than this gets it from the user who runs the command.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// A user of the tenant, at the time of one command.
pub struct Client {
    http: http::Client,
    base: String,
    authorization: Zeroizing<String>,
    echoes: Echoes,
}

impl Client {
    /// Prepares a connection to the tenant at `base`, which is `https://host` without `/api`.
    ///
    /// # Errors
    ///
    /// Roots that are none.
    pub fn new(settings: &Settings, base: String, token: &Token) -> Result<Client, SetupError> {
        let mut echoes = Echoes::default();
        echoes.know(token.expose());
        Ok(Client {
            http: http::Client::new(settings)?,
            echoes,
            base,
            authorization: token.authorization(),
        })
    }

    /// Begins a registration: the tenant makes a secret.
    ///
    /// # Errors
    ///
    /// Any [`Problem`]; a registration that is there already, begun or finished, is one.
    pub fn generate(&mut self) -> Result<Begun, Problem> {
        self.call(&Call::Generate, wire::begun)
    }

    /// Finishes a registration with its first code.
    ///
    /// # Errors
    ///
    /// Any [`Problem`]. A wrong code can be one, or a status that is not [`Status::Registered`].
    pub fn verify(&mut self, action: &str, key: &str, code: &Code) -> Result<Status, Problem> {
        let call = Call::Verify { action, key, code };
        self.call(&call, |reply| wire::status(reply, call.kind()))
    }

    /// What the token's own user has.
    ///
    /// # Errors
    ///
    /// Any [`Problem`].
    pub fn status(&mut self) -> Result<Status, Problem> {
        self.call(&Call::Status, |reply| wire::status(reply, Kind::Own))
    }

    /// Removes the authenticator of a user who has a current code.
    ///
    /// # Errors
    ///
    /// Any [`Problem`]; that there is nothing to remove is one.
    pub fn remove(&mut self, code: &Code) -> Result<(), Problem> {
        self.call(&Call::Remove(code), |reply| wire::removed(reply, Kind::Code))
    }

    /// Reads what another user has, for an administrator.
    ///
    /// # Errors
    ///
    /// Any [`Problem`].
    pub fn status_of(&mut self, user: &UserId) -> Result<Status, Problem> {
        self.call(&Call::StatusOf(user), |reply| wire::status(reply, Kind::Other))
    }

    /// Removes it, for an administrator.
    ///
    /// # Errors
    ///
    /// Any [`Problem`]; that there is nothing to remove is one.
    pub fn remove_of(&mut self, user: &UserId) -> Result<(), Problem> {
        self.call(&Call::RemoveOf(user), |reply| wire::removed(reply, Kind::Other))
    }

    /// Checks a code of the token's own user.
    ///
    /// # Errors
    ///
    /// Any [`Problem`]. A wrong code can be one, or a result that is not [`StepUp::Succeeded`].
    pub fn step_up(&mut self, code: &Code) -> Result<StepUp, Problem> {
        self.call(&Call::StepUp(code), wire::stepped_up)
    }

    /// One call. What the tenant says of it is kept free of the token.
    fn call<T>(
        &mut self,
        call: &Call<'_>,
        read: impl FnOnce(&Response) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let answer = self.ask(call).and_then(|response| read(&response));
        answer.map_err(|problem| problem.without(&self.echoes))
    }

    /// A look is repeated, twice at most, where the trouble may be over soon.
    fn ask(&mut self, call: &Call<'_>) -> Result<Response, Problem> {
        let mut pauses = PAUSES.into_iter();
        loop {
            let response = self.send(call)?;
            let pause = pauses.next().filter(|_| call.method() == Method::Get);
            let pause = pause.filter(|_| wire::may_pass(&response));
            let pause = pause.map(|pause| response.retry_after.unwrap_or(pause));
            match pause.filter(|pause| *pause <= LONGEST_PAUSE) {
                Some(pause) => os::pause(pause),
                None => return Ok(response),
            };
        }
    }

    fn send(&mut self, call: &Call<'_>) -> Result<Response, Problem> {
        let url = Zeroizing::new(format!("{}{}", self.base, *call.path()));
        let authorization = ("Authorization", self.authorization.as_str());
        let headers =
            [authorization, ("Accept", "application/json"), ("Content-Type", "application/json")];
        let bare = headers.get(..2).unwrap_or_default();
        let result = match call.method() {
            Method::Get => self.http.get(&url, bare, Duration::MAX),
            Method::Delete => self.http.delete(&url, bare, Duration::MAX),
            Method::Post => self.http.post(&url, &headers, &call.body(), Duration::MAX),
        };
        result.map_err(Problem::Failed)
    }
}

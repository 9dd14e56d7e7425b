//! The phone's HTTP side: its page, the calls that tests make, and the levers of the process that runs the
//! simulator.
//!
//! | call | does |
//! |---|---|
//! | `GET /` | the page |
//! | `GET /messages?user=NAME&after=ID&wait=SECONDS` | messages later than ID; waits until there is one |
//! | `GET /changes?after=REVISION&wait=SECONDS` | all messages; waits until anything about them changed |
//! | `POST /messages/ID/approve`, `/deny` | settles a pending message |
//! | `GET /link/...` | the link of a message |
//! | `GET /requests?count=N&wait=SECONDS` | what the tenant was asked; waits until that was so often |
//! | `GET /connections` | counts of TCP connections and handshakes |
//! | `POST /faults` `{"fault":"slow","millis":5,"path":"","action":"Poll","times":1}` | one more fault |
//! | `DELETE /faults` | forgets them |
//! | `DELETE /tokens` | no token that a client was given is taken any more |
//! | `POST /clock` `{"seconds":N}` | the tenant's clock jumps ahead |
//! | `POST /users/NAME` `{...}` | sets keys of a user as in the scenario |

use std::time::Duration;

use serde_json::json;

use super::http::{Request, Response, decoded};
use super::phone;
use super::world::{State, World};

const PAGE: &str = include_str!("page.html");
const LONGEST_WAIT: u64 = 60;

pub fn answer(world: &World, request: &Request) -> Response {
    if !is_from_here(request) {
        return problem(403, "this phone answers its own page only");
    }
    let path = request.path().to_string();
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    match (request.method.as_str(), parts.as_slice()) {
        ("GET", [""]) => page(PAGE),
        ("GET", ["messages"]) => messages(world, request),
        ("GET", ["changes"]) => changes(world, request),
        ("POST", ["messages", id, "approve"]) => settle(world, id, phone::State::Approved),
        ("POST", ["messages", id, "deny"]) => settle(world, id, phone::State::Denied),
        ("GET", ["link", _]) => follow(world, &path),
        ("GET", ["requests"]) => requests(world, request),
        ("GET", ["connections"]) => Response::json(&json!(world.with(|state| state.connections))),
        ("POST", ["faults"]) => add_fault(world, request),
        ("DELETE", ["faults"]) => clear_faults(world),
        ("DELETE", ["tokens"]) => revoke_tokens(world),
        ("POST", ["clock"]) => pass_time(world, request),
        ("POST", ["users", name]) => change_user(world, &decoded(name), request),
        _ => problem(404, "no such call"),
    }
}

/// A page of another site must not press our buttons.
fn is_from_here(request: &Request) -> bool {
    let origin = request.header("origin");
    origin.is_empty() || origin == format!("http://{}", request.header("host"))
}

fn page(html: &str) -> Response {
    let policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:";
    Response::html(200, html)
        .with("Content-Security-Policy", policy)
        .with("Cache-Control", "no-store")
}

fn problem(status: u16, why: &str) -> Response {
    Response { status, ..Response::json(&json!({"error": why})) }
}

/// Does something to the world; an error is the caller's.
fn pull(world: &World, lever: impl FnOnce(&mut State) -> Result<(), String>) -> Response {
    match world.with(lever) {
        Ok(()) => Response::json(&json!({})),
        Err(why) => problem(400, &why),
    }
}

/// Waits until there is one.
fn messages(world: &World, request: &Request) -> Response {
    let (user, after) = (request.query("user"), number(&request.query("after")));
    let look = |state: &mut State| {
        let found = state.inbox.list(&user, after, &state.clock);
        (!found.is_empty()).then_some(found)
    };
    let found = world.wait(patience(request), look).unwrap_or_default();
    Response::json(&json!(found))
}

/// Waits until anything is other than at the given revision; then says all.
fn changes(world: &World, request: &Request) -> Response {
    let after = number(&request.query("after"));
    let look = |state: &mut State| {
        let revision = state.inbox.revision(&state.clock);
        (revision > after).then_some(())
    };
    let _ = world.wait(patience(request), look);
    let all = world.with(|state| {
        let revision = state.inbox.revision(&state.clock);
        json!({"revision": revision, "messages": state.inbox.list("", 0, &state.clock)})
    });
    Response::json(&all)
}

/// The log; waits until it holds `count` requests.
fn requests(world: &World, request: &Request) -> Response {
    let count = number(&request.query("count"));
    let look = |state: &mut State| (state.log.len() as u64 >= count).then_some(());
    let _ = world.wait(patience(request), look);
    Response::json(&json!(world.with(|state| state.log.clone())))
}

fn patience(request: &Request) -> Duration {
    Duration::from_secs(number(&request.query("wait")).min(LONGEST_WAIT))
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or(0)
}

fn settle(world: &World, id: &str, to: phone::State) -> Response {
    pull(world, |state| state.inbox.settle(number(id), to, &state.clock))
}

/// The link of a message was opened: that approves, but a provider's page that ends in a PIN only
/// shows it.
fn follow(world: &World, path: &str) -> Response {
    let outcome = world.with(|state| {
        let id = state.inbox.with_link(path).ok_or("no such link")?;
        let message = state.inbox.get(id, &state.clock).cloned().ok_or("no such message")?;
        if message.pin.is_empty() {
            state.inbox.settle(id, phone::State::Approved, &state.clock)?;
            return Ok("Approved. You can close this page.".to_string());
        }
        Ok(format!("You are signed in here. Type this PIN where you came from: {}", message.pin))
    });
    match outcome {
        Ok(text) => page(&small_page(&text)),
        Err::<_, String>(why) => {
            let over = small_page(&format!("This link is no longer good: {why}."));
            Response { status: 410, ..page(&over) }
        }
    }
}

fn small_page(text: &str) -> String {
    format!(
        "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><title>Phone</title><p>{text}</p></html>"
    )
}

fn add_fault(world: &World, request: &Request) -> Response {
    pull(world, |state| {
        let fault = serde_json::from_slice(&request.body).map_err(|error| error.to_string())?;
        state.faults.push(fault);
        Ok(())
    })
}

fn clear_faults(world: &World) -> Response {
    pull(world, |state| {
        state.faults.clear();
        Ok(())
    })
}

fn revoke_tokens(world: &World) -> Response {
    pull(world, |state| {
        state.bearers.clear();
        Ok(())
    })
}

fn pass_time(world: &World, request: &Request) -> Response {
    pull(world, |state| {
        let seconds = request.json()["seconds"].as_u64().ok_or("expected {\"seconds\": number}")?;
        state.clock.jump(Duration::from_secs(seconds));
        Ok(())
    })
}

fn change_user(world: &World, name: &str, request: &Request) -> Response {
    pull(world, |state| state.change_user(name, &request.json()))
}

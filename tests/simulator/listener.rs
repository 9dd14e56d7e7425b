//! Accepts connections, gives each a thread, and carries requests to the tenant or to the phone.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use super::faults::{self, What};
use super::http::{Request, Requests, Response};
use super::log::Logged;
use super::operator;
use super::scenario::Certificate;
use super::tenant;
use super::tls::Certificates;
use super::wire::Wire;
use super::world::World;

pub struct Listener {
    address: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

/// The tenant, on HTTPS.
pub fn tenant(listener: TcpListener, world: &Arc<World>, certificates: Certificates) -> Listener {
    let certificates = Arc::new(certificates);
    serve(listener, world, move |stream, world| serve_tenant(stream, world, &certificates))
}

/// The phone, on plain HTTP.
pub fn phone(listener: TcpListener, world: &Arc<World>) -> Listener {
    serve(listener, world, |stream, world| serve_phone(Wire::clear(stream), world))
}

impl Listener {
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Wakes the accepting thread, which then sees that the world is stopping.
    pub fn stop(&mut self) {
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve<F>(listener: TcpListener, world: &Arc<World>, work: F) -> Listener
where
    F: Fn(TcpStream, &World) + Clone + Send + 'static,
{
    let address = listener.local_addr().expect("a bound listener has an address");
    let world = world.clone();
    let thread = thread::spawn(move || accept(&listener, &world, &work));
    Listener { address, thread: Some(thread) }
}

fn accept<F>(listener: &TcpListener, world: &Arc<World>, work: &F)
where
    F: Fn(TcpStream, &World) + Clone + Send + 'static,
{
    for stream in listener.incoming() {
        if world.with(|state| state.stopping) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let Some(key) = world.with(|state| state.opened(&stream)) else {
            continue;
        };
        let (world, work) = (world.clone(), work.clone());
        thread::spawn(move || {
            let _open = Open { world: &world, key };
            let _ = stream.set_nodelay(true);
            work(stream, &world);
        });
    }
}

/// Takes the connection off the books when its thread ends, however it ends.
struct Open<'a> {
    world: &'a World,
    key: u64,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.world.with(|state| state.closed(self.key));
    }
}

fn serve_phone(mut wire: Wire, world: &World) {
    let mut requests = Requests::default();
    while let Ok(Some(request)) = requests.next(&mut wire) {
        let reply = operator::answer(world, &request);
        if wire.send(&reply.bytes(request.keep_alive)).is_err() || !request.keep_alive {
            return;
        }
    }
}

fn serve_tenant(stream: TcpStream, world: &World, certificates: &Certificates) {
    let (number, certificate) = world.with(|state| {
        state.connections.accepted += 1;
        state.connections.open += 1;
        (state.connections.accepted, faults::certificate(state))
    });
    if let Some(mut wire) = handshake(stream, world, certificates, certificate) {
        converse(&mut wire, world, number);
    }
    world.with(|state| state.connections.open -= 1);
}

fn handshake(
    stream: TcpStream,
    world: &World,
    certificates: &Certificates,
    certificate: Certificate,
) -> Option<Wire> {
    if world.with(|state| state.tenant.plain_http) {
        return Some(Wire::clear(stream));
    }
    let wire = Wire::tls(stream, certificates.config(certificate));
    world.with(|state| match &wire {
        Ok(Wire::Tls(tls)) if tls.handshake_full() => state.connections.handshakes_full += 1,
        Ok(_) => state.connections.handshakes_resumed += 1,
        Err(_) => state.connections.handshakes_failed += 1,
    });
    wire.ok()
}

fn converse(wire: &mut Wire, world: &World, number: u64) {
    let mut requests = Requests::default();
    loop {
        let request = match requests.next(wire) {
            Ok(Some(request)) => request,
            Ok(None) => return,
            Err(error) => return complain(wire, &error),
        };
        let logged = Logged::new(&request, wire.carriage(number));
        let fault = world.with(|state| {
            let fault = faults::take(state, &logged);
            state.log.push(logged);
            fault
        });
        let kept = match fault {
            None => reply(wire, world, &request),
            Some(fault) => meet(fault, wire, world, &request),
        };
        if kept.is_none() {
            return;
        }
        if !request.keep_alive {
            return wire.close();
        }
    }
}

/// What was sent is no HTTP, or ends early.
fn complain(wire: &mut Wire, error: &std::io::Error) {
    if error.kind() == std::io::ErrorKind::InvalidData {
        let page = "<html><body><h1>400 - Bad Request</h1></body></html>";
        let _ = wire.send(&Response::html(400, page).bytes(false));
        wire.close();
    }
}

fn reply(wire: &mut Wire, world: &World, request: &Request) -> Option<()> {
    let reply = tenant::answer(world, request);
    wire.send(&reply.bytes(request.keep_alive)).ok()
}

/// Answers as the fault says; `None` closes the connection.
fn meet(fault: What, wire: &mut Wire, world: &World, request: &Request) -> Option<()> {
    let before = faults::before(&fault, world);
    let reply = match before {
        faults::Before::Reply(reply) => reply,
        faults::Before::Bytes(bytes) => {
            let _ = wire.send(&bytes);
            return None;
        }
        faults::Before::Ask => faults::after(&fault, tenant::answer(world, request), request),
        faults::Before::Close => return None,
    };
    let bytes = reply.bytes(request.keep_alive);
    faults::deliver(&fault, &bytes, wire, world)
}

//! What the process around us must not do to us, nor we to it. Most of it needs a process of its
//! own.

use std::env;
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use countersign::policy::IpFamily;
use countersign::tenant::http::{Client, Failure, Local, Misbehaviour, Roots, Settings};

use crate::server::{Authority, Server, config};
use crate::{BUDGET, assert_fails, post, settings, with_peer};

/// Runs one ignored test of this file in a process of its own, told where the server is and which host to
/// trust.
#[expect(clippy::disallowed_methods, reason = "a test starts itself")]
fn child(test: &str, authority: &Authority, urls: &str) -> Command {
    let file = scratch(&format!("{test}.pem"));
    fs::write(&file, authority.pem()).unwrap();
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", &format!("host::{test}"), "--ignored", "--test-threads=1"]);
    command.env("TEST_URLS", urls).env("TEST_ROOTS", file);
    command
}

fn passes(command: &mut Command) {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{} {text} {error}",
        output.status
    );
}

fn scratch(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

#[expect(clippy::disallowed_methods, reason = "the other end of `child`")]
fn told() -> (Settings, Vec<String>) {
    let roots = fs::read(env::var("TEST_ROOTS").unwrap()).unwrap();
    let urls = env::var("TEST_URLS").unwrap().split(' ').map(str::to_owned).collect();
    (Settings { ip_family: IpFamily::Ipv4, ..settings(Roots::File(roots)) }, urls)
}

/// Answers `posts` posts of one client, which asks for `localhost`.
fn answering(authority: &Authority, posts: usize) -> Server {
    let config = config(authority.identity(&["localhost"], |_| {}));
    Server::play(move |listener| {
        let mut peer = listener.tls(&config);
        for _ in 0..posts {
            peer.request();
            peer.reply("{}");
        }
        peer.drain();
    })
}

fn named(server: &Server) -> String {
    format!("https://localhost:{}/", server.address().port())
}

/// CVE-2014-9680 and its kin: the user who runs `su` owns its environment.
#[test]
fn the_environment_changes_nothing() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let good = answering(&ours, 1);
    let config = config(theirs.identity(&["localhost"], |_| {}));
    let evil = Server::play(move |listener| {
        for _ in 0..2 {
            assert!(listener.tls(&config).try_request().is_none());
        }
    });
    let trap = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = format!("http://{}", trap.local_addr().unwrap());
    let (roots, keys) = (scratch("their.pem"), scratch("keys.log"));
    fs::write(&roots, theirs.pem()).unwrap();
    let _ = fs::remove_file(&keys);
    let mut command =
        child("in_a_hostile_environment", &ours, &format!("{} {}", named(&good), named(&evil)));
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"]
    {
        command.env(name, &proxy);
    }
    command
        .env("SSL_CERT_FILE", &roots)
        .env("SSL_CERT_DIR", roots.parent().unwrap())
        .env("SSLKEYLOGFILE", &keys);
    passes(&mut command);
    trap.set_nonblocking(true).unwrap();
    assert!(trap.accept().is_err(), "the proxy of the environment was used");
    assert!(!keys.exists(), "keys were written where the environment says");
    good.done();
    evil.done();
}

#[test]
#[ignore = "run by the_environment_changes_nothing"]
fn in_a_hostile_environment() {
    let (pinned, urls) = told();
    assert_eq!(post(&mut Client::new(&pinned).unwrap(), &urls[0]).unwrap().status, 200);
    for roots in [pinned.roots, Roots::System] {
        let mut client =
            Client::new(&Settings { ip_family: IpFamily::Ipv4, ..settings(roots) }).unwrap();
        assert_fails!(
            post(&mut client, &urls[1]),
            Failure::Misbehaved(Misbehaviour::Certificate, _)
        );
    }
}

#[test]
fn nothing_is_left_behind() {
    let authority = Authority::new("ours");
    let server = answering(&authority, 3);
    passes(&mut child("counting_what_is_left", &authority, &named(&server)));
    server.done();
}

fn open_files() -> Vec<PathBuf> {
    fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
        .collect()
}

fn threads() -> usize {
    fs::read_dir("/proc/self/task").unwrap().count()
}

#[test]
#[ignore = "run by nothing_is_left_behind"]
fn counting_what_is_left() {
    let (settings, urls) = told();
    let before = (open_files().len(), threads());
    let mut client = Client::new(&settings).unwrap();
    for _ in 0..3 {
        post(&mut client, &urls[0]).unwrap();
    }
    assert_eq!(client.connections(), 1);
    assert_eq!(threads(), before.1, "the thread of the lookup is still there");
    let mut sockets = 0;
    for entry in fs::read_dir("/proc/self/fdinfo").unwrap() {
        let name = entry.unwrap().file_name();
        let target = fs::read_link(PathBuf::from("/proc/self/fd").join(&name));
        if target.is_ok_and(|target| target.to_string_lossy().starts_with("socket:")) {
            let info = fs::read_to_string(PathBuf::from("/proc/self/fdinfo").join(&name)).unwrap();
            let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
            let flags = i32::from_str_radix(flags.trim(), 8).unwrap();
            assert_ne!(
                flags & libc::O_CLOEXEC,
                0,
                "a program started now would inherit the socket"
            );
            sockets += 1;
        }
    }
    assert_eq!(sockets, 1);
    drop(client);
    assert_eq!((open_files().len(), threads()), before);
}

/// sshd does not ignore SIGPIPE in every process, and Rust does so only in its own programs.
#[test]
fn a_server_that_resets_while_we_write_does_not_kill_us() {
    let authority = Authority::new("ours");
    let config = config(authority.identity(&["localhost"], |_| {}));
    let server = Server::play(move |listener| {
        let mut peer = listener.tls(&config);
        peer.request_head();
        // First the end, then, because bytes are unread, the reset: what makes a pipe broken.
        peer.stream.sock.stream.shutdown(Shutdown::Write).unwrap();
    });
    passes(&mut child("with_sigpipe_as_it_was", &authority, &named(&server)));
    server.done();
}

#[test]
#[ignore = "run by a_server_that_resets_while_we_write_does_not_kill_us"]
fn with_sigpipe_as_it_was() {
    let (settings, urls) = told();
    // SAFETY: SIG_DFL is a disposition that every process has begun with.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    let mut client = Client::new(&settings).unwrap();
    let result = client.post(&urls[0], &[], &vec![b'x'; 32 << 20], BUDGET);
    assert_fails!(result, Failure::Misbehaved(Misbehaviour::Cut, _));
}

#[test]
fn a_process_without_free_descriptors_is_no_outage() {
    let authority = Authority::new("ours");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    for host in ["127.0.0.1", "localhost", "tenant.invalid"] {
        let url = format!("https://{host}:{}/", address.port());
        passes(&mut child("without_free_descriptors", &authority, &url));
    }
}

#[test]
#[ignore = "run by a_process_without_free_descriptors_is_no_outage"]
fn without_free_descriptors() {
    let (settings, urls) = told();
    let mut client = Client::new(&settings).unwrap();
    let limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer outlives the call.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) }, 0);
    assert_fails!(post(&mut client, &urls[0]), Failure::Local(Local::Resources, _));
}

static HANDLED: AtomicU32 = AtomicU32::new(0);

extern "C" fn handler(_: libc::c_int) {
    HANDLED.fetch_add(1, Ordering::Relaxed);
}

/// A host may have timers and children; their signals interrupt calls, and Linux does not restart
/// those with a timeout.
#[test]
fn signals_do_not_disturb_a_post() {
    const ENOUGH: u32 = 200;
    // SAFETY: a sigaction of zeros has an empty mask and no flags, so that calls are interrupted.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as *const () as usize;
        assert_eq!(libc::sigaction(libc::SIGUSR1, &action, std::ptr::null_mut()), 0);
    }
    let wait_for = |count| {
        let goal = HANDLED.load(Ordering::Relaxed) + count;
        while HANDLED.load(Ordering::Relaxed) < goal {
            thread::yield_now();
        }
    };
    let (mut client, server) = with_peer(move |mut peer| {
        peer.request_head();
        wait_for(ENOUGH);
        let mut body = vec![0; 4 << 20];
        peer.stream.read_exact(&mut body).unwrap();
        wait_for(ENOUGH);
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n").unwrap();
        wait_for(ENOUGH);
        peer.stream.write_all(b"{}").unwrap();
    });
    // SAFETY: asks for the own thread, which outlives the scope below.
    let target = unsafe { libc::pthread_self() };
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                // SAFETY: the thread is alive until the scope ends.
                unsafe { libc::pthread_kill(target, libc::SIGUSR1) };
                thread::yield_now();
            }
        });
        let result = client.post(&server.url(), &[], &vec![b'x'; 4 << 20], BUDGET);
        over.store(true, Ordering::Relaxed);
        assert_eq!(result.unwrap().body, b"{}");
    });
    server.done();
}

//! Name servers that answer, refuse, are silent or are not there.

use std::thread::{self, JoinHandle};

use super::*;

const HOST: &str = "tenant.test";
const A: u16 = 1;

/// A server on loopback that answers one question so, after `before` others.
fn server(
    before: usize,
    answers: impl Fn(&[u8]) -> Vec<u8> + Send + 'static,
) -> (SocketAddr, JoinHandle<Vec<u8>>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let thread = thread::Builder::new().spawn(move || {
        let mut buffer = [0; ANSWER];
        for _ in 0..before {
            socket.recv(&mut buffer).unwrap();
        }
        let (length, from) = socket.recv_from(&mut buffer).unwrap();
        let question = buffer[..length].to_vec();
        socket.send_to(&answers(&question), from).unwrap();
        question
    });
    (address, thread.unwrap())
}

/// The question as an answer with this code.
fn code(question: &[u8], code: u8) -> Vec<u8> {
    let mut message = question.to_vec();
    message[2] |= 0x80;
    message[3] = 0x80 | code;
    message
}

/// As a server of the network would be looked at: these are on loopback.
fn elsewhere(mut inquiry: Inquiry) -> Inquiry {
    inquiry.asked.iter_mut().for_each(|asked| asked.is_here = false);
    inquiry
}

fn inquiry(server: SocketAddr) -> Inquiry {
    Inquiry::begin(&Servers::from([server]), HOST, A)
}

const LONG: Duration = Duration::from_secs(60);

#[test]
fn a_question_is_what_rfc_1035_says() {
    let wanted =
        b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x06tenant\x04test\x00\x00\x1c\x00\x01";
    assert_eq!(question(0x1234, "tenant.test", 28).unwrap(), wanted);
    assert_eq!(question(0x1234, "tenant.test.", 28).unwrap(), wanted);
    for host in ["", "a..b", &"x".repeat(64)] {
        assert_eq!(question(1, host, A), None, "{host}");
    }
}

#[test]
fn a_server_that_resolves_the_name_shows_that_names_are_alive() {
    let (address, thread) = server(0, |question| code(question, 0));
    let mut inquiry = inquiry(address);
    inquiry.listen(LONG);
    assert_eq!(inquiry.names(), Names::Alive);
    assert_eq!(thread.join().unwrap()[HEADER..], inquiry.question[HEADER..]);
}

#[test]
fn a_server_of_the_network_says_no_only_where_there_is_no_such_name() {
    let codes = [(1, Names::Unsure), (2, Names::Unsure), (3, Names::Dead), (5, Names::Unsure)];
    for (told, names) in codes {
        let (address, thread) = server(0, move |question| code(question, told));
        let mut inquiry = elsewhere(inquiry(address));
        inquiry.listen(LONG);
        assert_eq!(inquiry.names(), names, "{told}");
        thread.join().unwrap();
    }
}

/// Every user of this machine can ask it as much as it can bear.
#[test]
fn a_server_on_this_machine_that_says_no_or_nothing_proves_nothing() {
    let (address, thread) = server(0, |question| code(question, 2));
    let mut inquiry = inquiry(address);
    inquiry.listen(LONG);
    assert_eq!(inquiry.names(), Names::Unknown);
    thread.join().unwrap();
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut inquiry = Inquiry::begin(&Servers::from([silent.local_addr().unwrap()]), HOST, A);
    inquiry.listen(Duration::ZERO);
    assert_eq!(inquiry.names(), Names::Unknown);
}

#[test]
fn a_server_that_is_silent_or_not_there_is_dead_and_one_on_this_machine_proves_nothing() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let mut inquiry = elsewhere(Inquiry::begin(&Servers::from([address]), HOST, A));
    inquiry.listen(Duration::ZERO);
    assert_eq!(inquiry.names(), Names::Dead);
    drop(silent);
    let mut there = elsewhere(Inquiry::begin(&Servers::from([address]), HOST, A));
    there.listen(LONG);
    assert_eq!(there.names(), Names::Dead);
    let mut here = Inquiry::begin(&Servers::from([address]), HOST, A);
    here.listen(LONG);
    assert_eq!(here.names(), Names::Unknown);
}

#[test]
fn a_question_that_got_lost_is_asked_again() {
    let (address, thread) = server(1, |question| code(question, 0));
    let mut inquiry = inquiry(address);
    inquiry.listen(Duration::ZERO);
    inquiry.listen(LONG);
    assert_eq!(inquiry.names(), Names::Alive);
    thread.join().unwrap();
}

#[test]
fn one_server_that_is_alive_is_enough_and_the_others_are_not_waited_for() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (address, thread) = server(0, |question| code(question, 0));
    let both = Servers::from([silent.local_addr().unwrap(), address]);
    let mut inquiry = Inquiry::begin(&both, HOST, A);
    inquiry.listen(LONG);
    assert_eq!(inquiry.names(), Names::Alive);
    thread.join().unwrap();
}

/// The C library looks it up in the domains of this system, which we don't know.
#[test]
fn a_no_to_a_name_without_a_dot_means_that_the_server_is_alive() {
    let (address, thread) = server(0, |question| code(question, 3));
    let mut inquiry = elsewhere(Inquiry::begin(&Servers::from([address]), "proxy", A));
    inquiry.listen(LONG);
    assert_eq!(inquiry.names(), Names::Alive);
    thread.join().unwrap();
}

#[test]
fn what_is_no_answer_to_the_question_is_not_heard() {
    let question = question(7, HOST, A).unwrap();
    let mut other_id = code(&question, 0);
    other_id[0] ^= 1;
    let mut other_name = code(&question, 0);
    other_name[HEADER + 1] = b'x';
    for message in [vec![], question.clone(), other_id, other_name, vec![0, 7, 0x80]] {
        assert!(answer(&message, &question).is_none(), "{message:?}");
    }
    let mut capitals = code(&question, 0);
    capitals[HEADER + 1] = b'T';
    assert!(answer(&capitals, &question) == Some(Answer::Resolves));
    assert!(answer(&code(&question, 5)[..HEADER], &question) == Some(Answer::Unsure));
}

#[test]
fn a_server_that_we_can_not_ask_leaves_the_rest_without_proof() {
    let servers = Servers::of("nameserver fe80::1%not-there\n");
    assert_eq!(servers, Servers { addresses: vec![], is_partial: true });
    assert_eq!(Inquiry::begin(&servers, HOST, A).names(), Names::Unknown);
    let nobody = Servers::default();
    assert_eq!(Inquiry::begin(&nobody, HOST, A).names(), Names::Dead, "none to ask");
    assert_eq!(Inquiry::begin(&nobody, "a..b", A).names(), Names::Unknown);
}

#[test]
fn the_servers_of_a_file_are_read() {
    let text = "# nameserver 192.0.2.9\nsearch test\nnameserver 192.0.2.1\nnameserver\t2001:db8::1 # x\nnameserver fe80::1%1\n";
    let wanted = ["192.0.2.1:53", "[2001:db8::1]:53", "[fe80::1%1]:53"];
    let servers = Servers::of(text);
    assert!(!servers.is_partial);
    assert_eq!(servers.addresses.iter().map(ToString::to_string).collect::<Vec<_>>(), wanted);
}

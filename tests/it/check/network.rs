//! The way to a tenant, real TLS and all, from this very system.

use std::io::Write;
use std::time::{Duration, SystemTime};

use super::image::plain;
use crate::rig::Folder;
use crate::support::server::{Authority, Listener, Peer, Server, config, head_of};

/// What is said of the network and the clock, with a configuration for this server.
fn said(address: &str, authority: &Authority) -> Vec<(String, String, String)> {
    said_with(address, authority, "")
}

/// The findings with this in `[tenant]` too.
fn said_with(address: &str, authority: &Authority, more: &str) -> Vec<(String, String, String)> {
    let folder = Folder::new();
    let ca = folder.write("ca.pem", &authority.pem());
    let (ca, place) = (ca.display(), folder.path().display());
    let text = format!(
        "[tenant]\nurl = \"https://{address}\"\nca_file = \"{ca}\"\n{more}\n[state]\nfolder = \"{place}/state\"\n"
    );
    let file = folder.write("countersign.toml", &text);
    let file = file.to_str().unwrap();
    let (out, _, _) = plain(&["--config", file, "check", "--json"]);
    let (offline, _, _) = plain(&["--config", file, "check", "--json", "--offline"]);
    assert!(!offline.contains("\"id\":\"network\""), "{offline}");
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    let about = findings.filter(|finding| {
        ["network", "clock", "clock-unknown"].contains(&finding["id"].as_str().unwrap())
    });
    about
        .map(|finding| {
            let word = |key: &str| finding[key].as_str().unwrap().replace(address, "HOST");
            (word("severity"), untimed(&word("what")), word("remedy"))
        })
        .collect()
}

/// Numbers of milliseconds are written as N.
fn untimed(text: &str) -> String {
    let words: Vec<_> = text.split(' ').collect();
    let words = words.iter().enumerate().map(|(at, word)| match words.get(at + 1) {
        Some(next) if next.starts_with("ms") => "N",
        _ => word,
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Shakes hands twice, as the check does, and answers with this date.
fn answering(authority: &Authority, date: Option<SystemTime>) -> Server {
    let config = config(authority.identity(&["127.0.0.1"], |_| {}));
    Server::play(move |listener: &Listener| {
        assert!(listener.tls(&config).try_request().is_none());
        let mut peer = listener.tls(&config);
        assert!(peer.request().head.starts_with("GET / HTTP/1.1\r\n"));
        let date = date.map(|date| format!("Date: {}\r\n", httpdate::fmt_http_date(date)));
        let head = format!(
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n{}\r\n",
            date.unwrap_or_default()
        );
        peer.send(head).unwrap();
        peer.drain();
    })
}

/// What is said of a tenant that sends no date.
fn timeless() -> (String, String, String) {
    (
        "note".into(),
        "HOST does not say what time it is".into(),
        "timedatectl shows whether the clock is synchronized; offline codes need it right to 30 s"
            .into(),
    )
}

fn passed(what: &str) -> (String, String, String) {
    ("passed".into(), what.into(), String::new())
}

#[test]
fn each_part_of_the_way_is_named_with_its_time() {
    let authority = Authority::new("ours");
    let server = answering(&authority, None);
    let address = server.address().to_string();
    assert_eq!(
        said(&address, &authority),
        [
            timeless(),
            passed("HOST: lookup in N ms, 127.0.0.1 is 127.0.0.1"),
            passed("HOST: connect in N ms, HOST"),
            passed("HOST: tls in N ms, the certificate is believed"),
            passed("HOST: response in N ms, status 404"),
        ]
    );
    server.done();
}

#[test]
fn the_tunnel_of_a_proxy_is_a_part_of_the_way() {
    let authority = Authority::new("ours");
    let config = config(authority.identity(&["tenant.test"], |_| {}));
    let server = Server::play(move |listener: &Listener| {
        for answers in [false, true] {
            let mut stream = listener.tcp();
            assert!(head_of(&mut stream).starts_with("CONNECT tenant.test:443 HTTP/1.1\r\n"));
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            let mut peer = Peer::over(stream, &config);
            let request = peer.try_request();
            assert_eq!(request.is_some(), answers);
            if answers {
                peer.reply("{}");
                peer.drain();
            }
        }
        let mut stream = listener.tcp();
        head_of(&mut stream);
        stream.write_all(b"HTTP/1.1 407 No\r\n\r\n").unwrap();
    });
    let proxy = format!("proxy = \"http://{}\"", server.address());
    let all = said_with("tenant.test", &authority, &proxy);
    let whats: Vec<_> = all.iter().map(|(_, what, _)| what.as_str()).collect();
    assert_eq!(
        whats,
        [
            "HOST does not say what time it is",
            "HOST: lookup in N ms, 127.0.0.1 is 127.0.0.1",
            "HOST: connect in N ms, PROXY",
            "HOST: tunnel in N ms, through 127.0.0.1",
            "HOST: tls in N ms, the certificate is believed",
            "HOST: response in N ms, status 200",
        ]
        .map(|what| what.replace("PROXY", &server.address().to_string()))
    );
    let all = said_with("tenant.test", &authority, &proxy);
    let (severity, what, remedy) = all.first().unwrap();
    assert_eq!(severity, "error");
    assert!(what.starts_with("HOST: the tunnel fails: proxy refused: "), "{what}");
    assert_eq!(remedy, "let the proxy CONNECT to HOST, with the user and password that it wants");
    server.done();
}

#[test]
fn a_clock_that_is_wrong_is_found_by_the_tenants() {
    let authority = Authority::new("ours");
    for (seconds, severity) in [(600, "warning"), (100_000, "error")] {
        let server = answering(&authority, Some(SystemTime::now() + Duration::from_secs(seconds)));
        let address = server.address().to_string();
        let all = said(&address, &authority);
        let (found, what, remedy) = all.iter().find(|(_, what, _)| what.contains("clock")).unwrap();
        assert_eq!((found.as_str(), remedy.as_str()), (severity, "timedatectl set-ntp true"));
        let about: u64 = what.split(' ').find_map(|word| word.parse().ok()).unwrap();
        assert!(about.abs_diff(seconds) < 60 && what.ends_with(" s behind that of HOST"), "{what}");
        server.done();
    }
    let server = answering(&authority, Some(SystemTime::now()));
    let address = server.address().to_string();
    let all = said(&address, &authority);
    let agrees =
        all.iter().any(|(severity, what, _)| severity == "passed" && what.contains("agree"));
    assert!(agrees, "{all:?}");
    server.done();
}

#[test]
fn where_the_way_ends_is_said_in_words() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let identity = theirs.identity(&["127.0.0.1"], |_| {});
    let config = config(identity);
    let server =
        Server::play(move |listener| assert!(listener.tls(&config).try_request().is_none()));
    let address = server.address().to_string();
    let all = said(&address, &ours);
    let (severity, what, remedy) = all.first().unwrap();
    assert_eq!(
        (severity.as_str(), what.as_str()),
        (
            "error",
            "HOST: the tls fails: certificate refused: invalid peer certificate: UnknownIssuer"
        )
    );
    assert!(remedy.starts_with("its issuer is not those of /tmp/"), "{remedy}");
    server.done();
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };
    let all = said(&closed, &ours);
    let (severity, what, remedy) = all.first().unwrap();
    assert_eq!(
        (severity.as_str(), what.as_str(), remedy.as_str()),
        (
            "error",
            "HOST: the connect fails: connection refused: HOST: Connection refused (os error 111)",
            "let this machine connect to HOST, or set tenant.proxy"
        )
    );
}

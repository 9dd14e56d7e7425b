//! URLs, proxies and paths.

use countersign::policy::Tenant;

use super::*;

fn tenant(url: &str) -> Tenant {
    policy(format!("[tenant]\nurl = '{url}'\n")).for_service("sshd").tenant.clone()
}

#[test]
fn are_shown_without_what_says_nothing() {
    for (url, shown) in [
        ("https://Abc1234.id.CyberArk.cloud/", "https://abc1234.id.cyberark.cloud"),
        ("https://tenant.test:443", "https://tenant.test"),
        ("HTTPS://tenant.test", "https://tenant.test"),
        ("https://tenant.test:8443/Identity/", "https://tenant.test:8443/Identity"),
        ("https://127.0.0.1:1", "https://127.0.0.1:1"),
        ("https://[2001:DB8::1]/a/b", "https://[2001:db8::1]/a/b"),
        ("https://localhost", "https://localhost"),
    ] {
        assert_eq!(tenant(url).url.to_string(), shown);
    }
}

#[test]
fn have_parts() {
    let url = tenant("https://[::1]:8443/identity").url;
    assert_eq!((url.host(), url.port(), url.prefix()), ("::1", 8443, "/identity"));
    assert_eq!(url.authority(), "[::1]:8443");
}

#[test]
fn are_refused_with_what_is_wrong() {
    let example = "expected a URL such as \"https://abc1234.id.cyberark.cloud\"";
    let path = "the path can only be plain segments, such as \"/identity\"";
    let port = "the port must be a number from 1 to 65535";
    for (url, problem) in [
        ("abc1234.id.cyberark.cloud", example),
        ("ftp://abc", example),
        ("https://", example),
        ("https:///x", example),
        ("http://abc", "expected an https URL, found http"),
        ("HTTP://abc", "expected an https URL, found http"),
        ("https://user@abc", "a user name has no place in this address"),
        ("https://abc/?q", "a query has no place in this address"),
        ("https://abc/#f", "a fragment has no place in this address"),
        ("https://abc/../x", path),
        ("https://abc/./x", path),
        ("https://abc//x", path),
        ("https://abc/x//", path),
        ("https://abc/%2e%2e", path),
        ("https://abc/a b", path),
        ("https://abc\\x", "not a host name"),
        ("https://a..b", "not a host name"),
        ("https://abc.", "not a host name"),
        ("https://-abc", "not a host name"),
        ("https://a b", "not a host name"),
        ("https://{user}", "not a host name"),
        ("https://127.1", "not a host name"),
        ("https://2130706433", "not a host name"),
        ("https://0127.0.0.1", "not a host name"),
        (
            "https://tenänt",
            "the host must be in ASCII; a name in another script is written in its xn-- form",
        ),
        ("https://abc:", port),
        ("https://abc:0", port),
        ("https://abc:+1", port),
        ("https://abc:65536", port),
        ("https://abc:x", port),
        ("https://[::1]x", port),
        ("https://::1", "an IPv6 address must be in brackets"),
        ("https://[::1", "a bracket is not closed"),
        ("https://[::1%eth0]", "not an IPv6 address in brackets"),
        ("https://[127.0.0.1]", "not an IPv6 address in brackets"),
    ] {
        assert_eq!(
            errors(format!("[tenant]\nurl = '{url}'\n")),
            format!("line 2: tenant.url: {problem}"),
            "{url}"
        );
    }
}

#[test]
fn of_a_proxy_have_a_port_and_perhaps_a_user() {
    let tenant =
        settings("proxy = 'HTTP://Me@Proxy.Test:3128/'\nproxy_password_file = '/etc/p'\n").tenant;
    let proxy = tenant.proxy.expect("a proxy");
    assert_eq!(proxy.user.as_deref(), Some("Me"));
    assert_eq!((proxy.host.as_str(), proxy.port), ("proxy.test", 3128));
    assert_eq!(proxy.password_file.as_deref(), Some("/etc/p".as_ref()));
    assert_eq!(proxy.to_string(), "http://proxy.test:3128");
    for (proxy, problem) in [
        ("proxy:3128", "expected a proxy such as \"http://proxy.example:3128\""),
        ("socks5://proxy:1080", "expected a proxy such as \"http://proxy.example:3128\""),
        ("http://proxy", "expected a port, as in \"http://proxy.example:3128\""),
        ("http://proxy:3128/x", "the port must be a number from 1 to 65535"),
        (
            "http://@proxy:3128",
            "the user name can have letters, digits and . _ ~ + - in it, 64 of them at most",
        ),
    ] {
        assert_eq!(
            errors_behind_tenant(&format!("proxy = '{proxy}'\n")),
            format!("line 3: tenant.proxy: {problem}")
        );
    }
}

#[test]
fn of_files_are_absolute() {
    for path in ["ca.pem", "", "/etc/../x", "/etc/\\u0007", "~/x"] {
        let text = errors_behind_tenant(&format!("ca_file = \"{path}\"\n"));
        assert!(
            text.starts_with(
                "line 3: tenant.ca_file: expected an absolute path without \"..\", found "
            ),
            "{text}"
        );
    }
}

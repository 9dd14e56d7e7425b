//! Settings that cannot both hold.

use super::*;

#[test]
fn are_errors() {
    for (rest, error) in [
        (
            "connect_timeout = '10s'\nrequest_timeout = '5s'\n",
            "line 3: tenant.connect_timeout: longer than request_timeout, which it is a part of",
        ),
        (
            "proxy_password_file = '/etc/x'\n",
            "line 3: tenant.proxy_password_file: there is no proxy to give the password to",
        ),
        (
            "proxy = 'http://proxy:3128'\nproxy_password_file = '/etc/x'\n",
            "line 4: tenant.proxy_password_file: proxy names no user, as in \"http://user@proxy.example:3128\"",
        ),
        (
            "proxy = 'http://me@proxy:3128'\n",
            "line 3: tenant.proxy: a proxy with a user needs proxy_password_file",
        ),
        (
            "ip_family = 'ipv6'\nproxy = 'http://192.0.2.1:3128'\n",
            "line 3: tenant.ip_family: \"192.0.2.1\" is an IPv4 address",
        ),
        (
            "[login]\ndeadline = '10s'\npoll_interval = '10s'\n",
            "line 5: login.poll_interval: not shorter than deadline",
        ),
        (
            "[[exempt]]\nname = 'a'\nusers = ['x']\n[[exempt]]\nname = 'a'\nusers = ['y']\n",
            "line 3: exempt: two rules are called \"a\"",
        ),
        (
            "[[exempt]]\nname = 'exempt[2]'\nusers = ['x']\n[[exempt]]\nusers = ['y']\n",
            "line 3: exempt: two rules are called \"exempt[2]\"",
        ),
    ] {
        assert_eq!(errors_behind_tenant(rest), error);
    }
}

#[test]
fn of_a_service_with_the_rest_are_errors_there() {
    let rest = "[login]\npoll_interval = '10s'\n[service.sudo.login]\ndeadline = '10s'\n";
    assert_eq!(
        errors_behind_tenant(rest),
        "line 5: service.sudo.login.poll_interval: not shorter than deadline"
    );
}

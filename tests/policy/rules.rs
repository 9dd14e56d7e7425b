//! Rules that are wrong.

use super::*;

#[test]
fn are_refused_with_what_is_wrong() {
    for (rule, error) in [
        ("name = 'x'", "[1]: a rule needs users, groups or networks"),
        ("users = []", "[1].users: an empty list matches no login: leave the key out"),
        ("users = ['']", "[1].users[1]: expected a name, found \"\""),
        ("users = ['a', \"b\\n\"]", "[1].users[2]: expected a name, found \"b\\n\""),
        (
            "users = ['%wheel']",
            "[1].users[1]: expected a plain name, found \"%wheel\"; there are no patterns, and groups go in \"groups\"",
        ),
        (
            "groups = ['adm*']",
            "[1].groups[1]: expected a plain name, found \"adm*\"; there are no patterns, and groups go in \"groups\"",
        ),
        (
            "networks = ['10.1.2.3/8']",
            "[1].networks[1]: \"10.1.2.3/8\" has bits set behind the prefix, did you mean \"10.0.0.0/8\"",
        ),
        (
            "networks = ['fd00::1/8']",
            "[1].networks[1]: \"fd00::1/8\" has bits set behind the prefix, did you mean \"fd00::/8\"",
        ),
        (
            "networks = ['::ffff:10.0.0.0/104']",
            "[1].networks[1]: IPv4 addresses are written as such, did you mean \"10.0.0.0/8\"",
        ),
        (
            "networks = ['trusted.example']",
            "[1].networks[1]: expected a numeric network such as \"10.0.0.0/8\" or \"fd00::/8\", found \"trusted.example\"",
        ),
        ("name = ''\nusers = ['a']", "[1].name: expected a name of at most 64 bytes, found \"\""),
        ("users = ['a']\nuser = ['b']", "[1].user: unknown key, did you mean \"users\""),
    ] {
        let text = errors_behind_tenant(&format!("[[require]]\n{rule}\n"));
        let (_line, text) = text.split_once(": ").expect("a line");
        assert_eq!(text, format!("require{error}"));
    }
}

#[test]
fn take_only_sound_networks() {
    for network in [
        "10.0.0.0/33",
        "10.0.0.0/+8",
        "10.0.0.0/08",
        "10.0.0/8",
        "010.0.0.0/8",
        "::/129",
        "fe80::1%eth0",
        "10.0.0.0/",
        "/8",
        "10.0.0.0/8/8",
        "[::1]",
        "*",
        "",
    ] {
        let text = errors_behind_tenant(&format!("[[exempt]]\nnetworks = ['{network}']\n"));
        assert!(text.contains("expected a numeric network"), "{network}: {text}");
    }
    for network in
        ["0.0.0.0/0", "::/0", "10.0.0.0/8", "192.0.2.1/32", "2001:db8::1/128", "128.0.0.0/1"]
    {
        settings(&format!("[[exempt]]\nnetworks = ['{network}']\n"));
    }
}

#[test]
fn end_on_a_day() {
    for (until, found) in [
        ("'2027-01-31'", "\"2027-01-31\""),
        ("2027-01-31T10:00:00", "a date or time"),
        ("10:00:00", "a date or time"),
        ("20270131", "the integer 20270131"),
    ] {
        assert_eq!(
            errors_behind_tenant(&format!("[[exempt]]\nusers = ['a']\nuntil = {until}\n")),
            format!(
                "line 5: exempt[1].until: expected a day such as 2027-01-31, without quotes, found {found}"
            )
        );
    }
    assert!(
        errors_behind_tenant("[[exempt]]\nusers = ['a']\nuntil = 2027-02-30\n")
            .starts_with("line 5: not valid TOML")
    );
    assert_eq!(
        errors_behind_tenant("[[require]]\nusers = ['a']\nuntil = 2027-01-31\n"),
        "line 5: require[1].until: unknown key, expected one of users, groups, networks, name"
    );
}

#[test]
fn ignore_or_succeed() {
    assert_eq!(
        errors_behind_tenant("[[exempt]]\nusers = ['a']\nresult = 'allow'\n"),
        "line 5: exempt[1].result: expected one of \"ignore\", \"success\", found \"allow\""
    );
}

#[test]
fn are_tables() {
    assert_eq!(
        errors_behind_tenant("[require]\nusers = ['a']\n"),
        "line 3: require: expected a list, found a table"
    );
    assert_eq!(
        errors(format!("exempt = ['a']\n{TENANT}")),
        "line 1: exempt[1]: expected a table, found \"a\""
    );
}

#[test]
fn do_not_take_the_name_of_the_rule_for_all_others() {
    assert_eq!(
        errors_behind_tenant("[[exempt]]\nusers = ['a']\nname = 'require'\n"),
        "line 5: exempt[1].name: this name stands for the users that no rule of the require list names"
    );
}

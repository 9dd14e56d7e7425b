//! What is said about a file that is wrong.

use super::*;

#[test]
fn are_listed_all_at_once_with_line_and_key() {
    let text = "[tenant]\n\
                ulr = 'https://abc1234.id.cyberark.cloud'\n\
                connect_timeout = 5\n\
                [login]\n\
                poll_interval = 'fast'\n\
                deadline = '5m'\n\
                attempts = 9\n\
                echo_codes = 'yes'\n\
                colour = 'blue'\n\
                preferred = ['OTP', 'U2F', 'fax', 'otp']\n";
    assert_eq!(
        errors(text),
        "line 1: tenant.url: missing, set it to the address of your tenant, such as \"https://abc1234.id.cyberark.cloud\"\n\
         line 2: tenant.ulr: unknown key, did you mean \"url\"\n\
         line 3: tenant.connect_timeout: expected a duration such as \"1s\", found the integer 5\n\
         line 5: login.poll_interval: expected a duration such as \"1s\", found \"fast\"\n\
         line 6: login.deadline: expected a duration from 10s to 110s, found \"5m\"\n\
         line 7: login.attempts: expected an integer from 1 to 5, found the integer 9\n\
         line 8: login.echo_codes: expected true or false, found \"yes\"\n\
         line 9: login.colour: unknown key, expected one of deadline, poll_interval, approval_wait, failure_delay, preferred, \
         attempts, minimum_factors, email_counts, require_number_match, push_first, echo_codes, labels, federated, \
         flow, after_public_key, security_key, person, remember, ssh_counts\n\
         line 10: login.preferred[2]: U2F does not work in a terminal\n\
         line 10: login.preferred[3]: expected one of UP, SQ, OTP, SMS, EMAIL, OATH, PF, RADIUS, found \"fax\"\n\
         line 10: login.preferred: OTP is there twice"
    );
}

#[test]
fn say_what_was_expected_and_what_is_there() {
    for (line, error) in [
        ("deadline = 60", "deadline: expected a duration such as \"1s\", found the integer 60"),
        ("deadline = 60.5", "deadline: expected a duration such as \"1s\", found the number 60.5"),
        (
            "deadline = 1979-05-27",
            "deadline: expected a duration such as \"1s\", found a date or time",
        ),
        ("deadline = '60'", "deadline: expected a duration such as \"1s\", found \"60\""),
        (
            "deadline = '99999999999s'",
            "deadline: expected a duration such as \"1s\", found \"99999999999s\"",
        ),
        ("deadline = '-5s'", "deadline: expected a duration such as \"1s\", found \"-5s\""),
        ("deadline = '٣s'", "deadline: expected a duration such as \"1s\", found \"\\u{663}s\""),
        ("deadline = '111s'", "deadline: expected a duration from 10s to 110s, found \"111s\""),
        (
            "poll_interval = '999ms'",
            "poll_interval: expected a duration from 1s to 10s, found \"999ms\"",
        ),
        (
            "failure_delay = '11s'",
            "failure_delay: expected a duration from 0s to 10s, found \"11s\"",
        ),
        ("attempts = 0", "attempts: expected an integer from 1 to 5, found the integer 0"),
        ("attempts = '3'", "attempts: expected an integer from 1 to 5, found \"3\""),
        (
            "attempts = 99999999999999999999",
            "attempts: expected an integer from 1 to 5, found the integer 99999999999999999999",
        ),
        (
            "minimum_factors = 3",
            "minimum_factors: expected an integer from 1 to 2, found the integer 3",
        ),
        ("push_first = 1", "push_first: expected true or false, found the integer 1"),
        ("preferred = 'OTP'", "preferred: expected a list, found \"OTP\""),
        ("preferred = [1]", "preferred[1]: expected the name of a mechanism, found the integer 1"),
        ("federated = { on = true }", "federated: expected true or false, found a table"),
        ("federated = []", "federated: expected true or false, found a list"),
    ] {
        let expected = format!("line 4: login.{error}");
        assert_eq!(errors_behind_tenant(&format!("[login]\n{line}\n")), expected);
    }
}

#[test]
fn guess_what_an_unknown_key_should_have_been() {
    for (key, said) in [
        ("dedline", "did you mean \"deadline\""),
        ("DEADLINE", "did you mean \"deadline\""),
        ("poll-interval", "did you mean \"poll_interval\""),
        ("echo_code", "did you mean \"echo_codes\""),
        ("atempst", "did you mean \"attempts\""),
    ] {
        let expected = format!("line 4: login.{key}: unknown key, {said}");
        assert_eq!(errors_behind_tenant(&format!("[login]\n{key} = 1\n")), expected);
    }
}

#[test]
fn never_repeat_what_could_be_a_secret() {
    let text = errors_behind_tenant(
        "client_secret = 'hunter2'\n\
         proxy_password = 'hunter2'\n\
         proxy = 'http://me:hunter2@proxy:3128'\n\
         [login]\n\
         token = { a = 'hunter2' }\n\
         deadline = 'hunter\n\
         [service.sudo.tenant]\n\
         url = 'https://me:hunter2@tenant.test'\n\
         redirect_hosts = ['hunter2@tenant.test']\n",
    );
    assert_eq!(
        text,
        "line 3: tenant.client_secret: unknown key, expected one of url, id, redirect_hosts, ca_file, proxy, \
         proxy_password_file, ip_family, connect_timeout, request_timeout, multiple_operations; \
         secrets belong in a file of their own that the configuration names\n\
         line 4: tenant.proxy_password: unknown key, did you mean \"proxy_password_file\"; \
         secrets belong in a file of their own that the configuration names\n\
         line 5: tenant.proxy: a password does not belong here but in the file that proxy_password_file names\n\
         line 7: login.token: unknown key, expected one of deadline, poll_interval, approval_wait, failure_delay, preferred, \
         attempts, minimum_factors, email_counts, require_number_match, push_first, echo_codes, labels, federated, \
         flow, after_public_key, security_key, person, remember, ssh_counts; \
         secrets belong in a file of their own that the configuration names\n\
         line 8: not valid TOML: invalid literal string, expected `'`\n\
         line 10: service.sudo.tenant.url: a user name has no place in this address\n\
         line 11: service.sudo.tenant.redirect_hosts[1]: a user name has no place in this address"
    );
}

#[test]
fn are_short_and_printable_whatever_the_file_holds() {
    let long = "x".repeat(5000);
    for value in
        [long.as_str(), "\\u001b[31m\\nroot", "\\u202e\\u2028\\u0000", "\\u00ff", "'\\\"`$(id)"]
    {
        let text =
            errors_behind_tenant(&format!("[login]\ndeadline = \"{value}\"\n\"{value}\" = 1\n"));
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.lines().all(|line| line.len() < 400), "{text}");
        assert!(text.bytes().all(|b| b == b'\n' || (b' '..=b'~').contains(&b)), "{text}");
    }
}

#[test]
fn beyond_64_are_counted() {
    let keys: String = (0..100).map(|n| format!("k{n} = 1\n")).collect();
    let errors = parse(format!("{TENANT}{keys}").as_bytes()).expect_err("100 unknown keys");
    assert_eq!((errors.iter().count(), errors.unlisted()), (64, 36));
    assert!(errors.to_string().ends_with("\nand 36 more errors"));
    let first = errors.iter().next().expect("the first");
    assert_eq!((first.line(), first.key()), (Some(3), "tenant.k0"));
}

#[test]
fn say_where_a_key_belongs() {
    assert_eq!(
        errors(format!(
            "deadline = '60s'\n{TENANT}attempts = 3\n[login]\nid = 'A'\n[[exempt]]\nusers = ['a']\ntemplate = '{{user}}'\n"
        )),
        "line 1: deadline: unknown key here, did you mean \"login.deadline\"\n\
         line 4: tenant.attempts: unknown key here, did you mean \"login.attempts\"\n\
         line 6: login.id: unknown key here, did you mean \"tenant.id\"\n\
         line 9: exempt[1].template: unknown key here, did you mean \"users.template\""
    );
}

#[test]
fn of_a_text_that_is_no_toml_come_with_those_of_the_rest() {
    assert_eq!(
        errors("[tenant]\nid = \n[login]\nattempts = 9\n"),
        "line 2: not valid TOML: string values must be quoted, expected literal string\n\
         line 4: login.attempts: expected an integer from 1 to 5, found the integer 9"
    );
}

//! What a file that is right comes to.

use std::time::Duration;

use countersign::os;
use countersign::policy::{
    Batch, ExemptResult, IpFamily, Labels, Mechanism, Networks, Offline, StepUp,
};

use super::*;

#[test]
fn an_address_is_enough_and_the_rest_has_its_defaults() {
    let Settings { tenant, login, step_up, offline, users, require, exempt } = settings("");
    assert_eq!(tenant.url.to_string(), "https://abc1234.id.cyberark.cloud");
    assert_eq!(tenant.id, None);
    assert_eq!(tenant.redirect_hosts, []);
    assert_eq!(tenant.ca_file, None);
    assert_eq!(tenant.proxy, None);
    assert_eq!(tenant.ip_family, IpFamily::Any);
    assert_eq!(tenant.connect_timeout, Duration::from_secs(5));
    assert_eq!(tenant.request_timeout, Duration::from_secs(15));
    assert_eq!(tenant.multiple_operations, Batch::Start);
    assert_eq!(login.deadline, Duration::from_secs(90));
    assert_eq!(login.poll_interval, Duration::from_secs(1));
    assert_eq!(login.failure_delay, Duration::from_secs(2));
    assert_eq!(
        login.preferred.iter().map(|m| m.name()).collect::<Vec<_>>(),
        ["OTP", "OATH", "SMS", "PF", "RADIUS", "EMAIL", "SQ"]
    );
    assert_eq!((login.attempts, login.minimum_factors), (3, 2));
    assert!(login.echo_codes);
    assert_eq!(login.labels, Labels::Always);
    assert!(
        !login.email_counts && !login.require_number_match && !login.push_first && !login.federated
    );
    assert_eq!(step_up, StepUp::default());
    assert_eq!(offline, Offline::default());
    assert!(
        users.template.is_none()
            && users.names.is_empty()
            && users.keys.is_empty()
            && require.is_empty()
            && exempt.is_empty()
    );
}

#[test]
fn a_byte_order_mark_and_dos_line_ends_change_nothing() {
    let text = format!("\u{feff}{TENANT}[login]\nattempts = 5\n").replace('\n', "\r\n");
    assert_eq!(policy(text).for_service("sshd").login.attempts, 5);
}

#[test]
fn line_numbers_hold_behind_a_byte_order_mark_and_dos_line_ends() {
    let text = format!("\u{feff}{TENANT}[login]\nattempts = 9\n").replace('\n', "\r\n");
    assert_eq!(
        errors(text),
        "line 4: login.attempts: expected an integer from 1 to 5, found the integer 9"
    );
}

#[test]
fn a_rule_keeps_what_it_says() {
    let settings = settings(
        "[[exempt]]\nusers = ['backup']\nuntil = 2027-01-31\nresult = 'success'\n\
         [[exempt]]\nname = 'lab'\nnetworks = ['10.0.0.0/8', '192.0.2.7', 'fd00::/8']\n",
    );
    let exempt: Vec<_> = settings.exempt.iter().collect();
    let [robots, lab] = exempt.as_slice() else { panic!("two rules") };
    assert_eq!(robots.rule.name(), "exempt[1]");
    assert_eq!(robots.until(), Some(os::day(1_801_353_600)));
    assert_eq!(robots.result(), ExemptResult::Success);
    assert_eq!((lab.rule.name(), lab.result()), ("lab", ExemptResult::Ignore));
    let networks =
        lab.rule.networks().into_iter().flat_map(Networks::iter).map(|network| network.to_string());
    assert_eq!(networks.collect::<Vec<_>>(), ["10.0.0.0/8", "192.0.2.7/32", "fd00::/8"]);
}

#[test]
fn mechanisms_are_read_in_any_case() {
    let preferred = settings("[login]\npreferred = ['oath', 'Sms']\n").login.preferred;
    assert_eq!(preferred, [Mechanism::Oath, Mechanism::Sms]);
}

#[test]
fn durations_come_in_four_units() {
    let settings = settings(
        "request_timeout = '1m'\nconnect_timeout = '500ms'\n[login]\ndeadline = '10s'\nremember = '12h'\n",
    );
    assert_eq!(settings.step_up.remember.as_secs(), 43_200);
    assert_eq!(settings.tenant.request_timeout, Duration::from_secs(60));
    assert_eq!(settings.tenant.connect_timeout, Duration::from_millis(500));
    assert_eq!(settings.login.deadline, Duration::from_secs(10));
    for (text, seconds) in [("90sec", 90), ("5min", 300)] {
        assert_eq!(countersign::policy::parse_duration(text), Some(Duration::from_secs(seconds)));
    }
}

#[test]
fn a_connection_is_never_given_longer_than_its_exchange() {
    let tenant = settings("request_timeout = '2s'\n").tenant;
    assert_eq!(tenant.connect_timeout, Duration::from_secs(2));
    let policy = policy(format!(
        "{TENANT}connect_timeout = '10s'\n[service.sudo.tenant]\nrequest_timeout = '3s'\n"
    ));
    let tenant = &policy.for_service("sudo").tenant;
    assert_eq!(tenant.connect_timeout, Duration::from_secs(3));
}

#[test]
fn the_log_can_be_elsewhere() {
    let log = |rest: &str| policy(format!("{TENANT}{rest}")).log_socket().map(ToOwned::to_owned);
    assert_eq!(log(""), None);
    assert_eq!(log("[log]\nsocket = '/run/log'\n"), Some("/run/log".into()));
    assert_eq!(
        errors_behind_tenant("[service.sudo.log]\nsocket = '/run/log'\n"),
        "line 3: service.sudo.log: unknown key here, did you mean \"log\""
    );
}

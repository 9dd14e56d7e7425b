//! Tables of single services.

use super::*;

#[test]
fn overrides_a_key_and_leaves_the_rest() {
    let policy = policy(format!(
        "{TENANT}[login]\nattempts = 5\ndeadline = '60s'\n[[exempt]]\nusers = ['backup']\n[service.sudo.login]\ndeadline = '30s'\n"
    ));
    let (sshd, sudo) = (policy.for_service("sshd"), policy.for_service("sudo"));
    assert_eq!((sshd.login.deadline.as_secs(), sshd.login.attempts), (60, 5));
    assert_eq!((sudo.login.deadline.as_secs(), sudo.login.attempts), (30, 5));
    assert_eq!((&sudo.tenant, &sudo.exempt), (&sshd.tenant, &sshd.exempt));
    assert_eq!(sudo.exempt.iter().count(), 1);
}

#[test]
fn replaces_a_list_even_by_none() {
    let policy = policy(format!(
        "{TENANT}[[require]]\nusers = ['alice']\n[[exempt]]\nusers = ['backup']\n\
         [service.sudo]\nexempt = []\n[[service.su.exempt]]\nname = 'x'\nusers = ['y']\n"
    ));
    assert!(policy.for_service("sudo").exempt.is_empty());
    assert_eq!(policy.for_service("sudo").require.iter().count(), 1);
    assert_eq!(policy.for_service("su").require.iter().count(), 1);
    assert_eq!(policy.for_service("sshd").exempt.iter().count(), 1);
    assert_eq!(policy.for_service("su").exempt.iter().next().map(|e| e.rule.name()), Some("x"));
}

#[test]
fn overrides_names_one_by_one() {
    let policy = policy(format!(
        "{TENANT}[users.names]\na = 'a@x'\nb = 'b@x'\n[service.sudo.users.names]\nb = 'admin-b@x'\n"
    ));
    let names = &policy.for_service("sudo").users.names;
    assert_eq!(names.get("a"), Some("a@x"));
    assert_eq!(names.get("b"), Some("admin-b@x"));
}

#[test]
fn can_have_a_tenant_of_its_own() {
    let policy = policy(format!("{TENANT}[service.sudo.tenant]\nurl = 'https://[::1]:8443/id/'\n"));
    assert_eq!(policy.for_service("sudo").tenant.url.to_string(), "https://[::1]:8443/id");
    assert_eq!(policy.for_service("sshd").tenant.url.host(), "abc1234.id.cyberark.cloud");
}

#[test]
fn is_found_without_regard_to_case_because_libpam_lowers_it() {
    let policy = policy(format!("{TENANT}[service.SSHD.login]\nattempts = 1\n"));
    assert_eq!(policy.for_service("sshd").login.attempts, 1);
    assert_eq!(policy.services().collect::<Vec<_>>(), ["sshd"]);
}

#[test]
fn is_checked_as_strictly_as_the_rest() {
    assert_eq!(
        errors_behind_tenant(
            "[service.sudo.login]\nattempts = 0\n[service.sudo.tenant]\nurl = 'http://x'\n\
             [service.sudo]\ndeadline = '5s'\n[service.'a b'.login]\n[service.SUDO.login]\n[[service.su.require]]\n"
        ),
        "line 4: service.sudo.login.attempts: expected an integer from 1 to 5, found the integer 0\n\
         line 6: service.sudo.tenant.url: expected an https URL, found http\n\
         line 8: service.sudo.deadline: unknown key here, did you mean \"login.deadline\"\n\
         line 9: service.\"a b\": expected the name of a PAM service: letters, digits and _ . @ -, 64 of them at most\n\
         line 10: service.SUDO: the same service as another table: libpam writes names in lower case\n\
         line 11: service.su.require[1]: a rule needs users, groups or networks"
    );
}

#[test]
fn stands_in_a_table_with_at_most_63_others() {
    let services: String = (0..70).map(|n| format!("[service.s{n:02}.login]\n")).collect();
    assert_eq!(
        errors_behind_tenant(&services),
        "line 67: service.s64: more than 64 services have a table of their own"
    );
}

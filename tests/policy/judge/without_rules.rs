//! No rules: every user must.

use super::*;

#[test]
fn everybody_must_and_nothing_is_looked_up() {
    let system = System { broken: true, ..System::default() };
    let ruling = ruling_by(&system, "[login]\nattempts = 5\n", &alice());
    let terms = only(ruling.judgement);
    assert_eq!(terms.tenant_user, "alice@example.com");
    assert_eq!(terms.tenant.url.host(), "abc1234.id.cyberark.cloud");
    assert_eq!(terms.login.attempts, 5);
    assert_eq!((ruling.notes, system.asked.into_inner()), (vec![], vec![]));
}

#[test]
fn a_service_has_its_own_terms() {
    let rest = "[service.sudo.login]\nattempts = 1\n[service.sudo.users]\ntemplate = 'adm-{user}@example.com'\n";
    let sudo = Subject { service: "SUDO".into(), ..alice() };
    let terms = only(judged(rest, &sudo));
    assert_eq!((terms.tenant_user.as_str(), terms.login.attempts), ("adm-alice@example.com", 1));
    assert_eq!(required(rest, &alice()), "alice@example.com");
}

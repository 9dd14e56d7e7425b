//! Where a tenant may send us.

use countersign::policy::Tenant;

use super::*;

fn target(tenant: &Tenant, pod_fqdn: &str) -> Option<String> {
    tenant.redirect_target(pod_fqdn).map(ToString::to_string)
}

#[test]
fn leads_to_the_tenant_itself_or_a_listed_host() {
    let tenant =
        settings("redirect_hosts = ['pod2.test', 'pod3.test:8443', 'pod4.test/identity']\n").tenant;
    for (pod_fqdn, url) in [
        ("abc1234.id.cyberark.cloud", "https://abc1234.id.cyberark.cloud"),
        ("ABC1234.ID.CyberArk.Cloud", "https://abc1234.id.cyberark.cloud"),
        ("abc1234.id.cyberark.cloud/elsewhere", "https://abc1234.id.cyberark.cloud"),
        ("POD2.test", "https://pod2.test"),
        ("https://pod2.test/", "https://pod2.test"),
        ("pod2.test:443", "https://pod2.test"),
        ("pod3.test:8443", "https://pod3.test:8443"),
        ("pod4.test/identity", "https://pod4.test/identity"),
    ] {
        assert_eq!(target(&tenant, pod_fqdn).as_deref(), Some(url), "{pod_fqdn}");
    }
}

#[test]
fn leads_nowhere_else() {
    let tenant =
        settings("redirect_hosts = ['pod2.test', 'pod3.test:8443', 'pod4.test/identity']\n").tenant;
    for pod_fqdn in [
        "",
        "evil.test",
        "pod2.test.evil.test",
        "evil.test/pod2.test",
        "evilpod2.test",
        "pod2.test@evil.test",
        "evil.test#pod2.test",
        "evil.test?pod2.test",
        "http://pod2.test",
        "pod2.test:8443",
        "pod2.test/x",
        "pod3.test",
        "pod4.test",
        "pod4.test/Identity",
        "pod4.test/identity/../x",
        "pod2.test.",
        "pod2.test\\",
        " pod2.test",
        "pod2.test\r\nX: y",
        "pod2.te\u{17f}t",
        "abc1234.id.cyberark.cloud:8443",
        "tenant.invalid",
    ] {
        assert_eq!(target(&tenant, pod_fqdn), None, "{pod_fqdn}");
    }
}

#[test]
fn is_listed_by_host_and_not_by_url() {
    assert_eq!(
        errors_behind_tenant("redirect_hosts = ['https://pod2.test', 'a b']\n"),
        "line 3: tenant.redirect_hosts[1]: expected a host such as \"name\", \"name:port\" or \"name/prefix\", found a URL\n\
         line 3: tenant.redirect_hosts[2]: not a host name"
    );
}

//! `[britive]`: an address makes it, and nothing stands without one.

use super::*;

const URL: &str = "[britive]\nurl = 'https://example.britive-app.com'\n";

#[test]
fn is_not_there_unless_it_has_an_address() {
    assert_eq!(policy(TENANT).britive(), None);
    assert_eq!(policy(format!("{TENANT}[britive]\n")).britive(), None);
}

#[test]
fn has_defaults_for_what_is_not_documented() {
    let policy = policy(format!("{TENANT}{URL}"));
    let britive = policy.britive().expect("britive");
    assert_eq!(britive.url.to_string(), "https://example.britive-app.com");
    assert_eq!(britive.ca_file, None);
    assert_eq!(
        (britive.verify_action.as_str(), britive.verify_key.as_str()),
        ("VERIFY_OTP", "otp")
    );
}

#[test]
fn can_be_elsewhere_and_speak_otherwise() {
    let text = "[britive]\nurl = 'https://127.0.0.1:8443/front'\nca_file = '/etc/ca.pem'\n\
                verify_action = 'VALIDATE'\nverify_key = 'code'\n";
    let policy = policy(format!("{TENANT}{text}"));
    let britive = policy.britive().expect("britive");
    assert_eq!(britive.url.to_string(), "https://127.0.0.1:8443/front");
    assert_eq!(britive.ca_file.as_deref(), Some(std::path::Path::new("/etc/ca.pem")));
    assert_eq!((britive.verify_action.as_str(), britive.verify_key.as_str()), ("VALIDATE", "code"));
}

#[test]
fn is_refused_where_it_makes_no_sense() {
    for (text, said) in [
        (
            "[britive]\nverify_key = 'code'\nca_file = '/ca'\nverify_action = 'A'\n",
            "line 4: britive.verify_key: needs url, the address of the Britive tenant\n\
             line 5: britive.ca_file: needs url, the address of the Britive tenant\n\
             line 6: britive.verify_action: needs url, the address of the Britive tenant",
        ),
        (
            "[britive]\nurl = 'http://example.britive-app.com'\n",
            "line 4: britive.url: expected an https URL, found http",
        ),
        (
            "[britive]\nurl = 'https://example.britive-app.com/api'\n",
            "line 4: britive.url: expected a URL such as \"https://example.britive-app.com\", without /api",
        ),
        (
            "[britive]\nurl = 'https://x'\nverify_action = 'a b'\nverify_key = ''\n",
            "line 5: britive.verify_action: expected a name of letters, digits and _, found \"a b\"\n\
             line 6: britive.verify_key: expected a name of letters, digits and _, found \"\"",
        ),
        (
            "[britive]\nurl = 'https://x'\nverify_key = 'action'\n",
            "line 5: britive.verify_key: the request has an \"action\" already",
        ),
        (
            "[service.sudo.britive]\nurl = 'https://x'\n",
            "line 3: service.sudo.britive: unknown key here, did you mean \"britive\"",
        ),
    ] {
        assert_eq!(errors_behind_tenant(text), said);
    }
}

//! `[admin]`: a client that is whole, or none.

use countersign::policy::ClientAuth;

use super::*;

const WHOLE: &str =
    "[admin]\napp = 'adm'\nclient_id = 'a@b'\nclient_secret_file = '/s'\nscope = 'policies'\n";

#[test]
fn is_not_there_unless_it_is_whole() {
    assert_eq!(policy(TENANT).admin(), None);
    assert_eq!(policy(format!("{TENANT}[admin]\n")).admin(), None);
    let whole = policy(format!("{TENANT}{WHOLE}"));
    let admin = whole.admin().expect("an administrator");
    assert_eq!((admin.app.as_str(), admin.id.as_str()), ("adm", "a@b"));
    assert_eq!(admin.secret_file, std::path::Path::new("/s"));
    assert_eq!((admin.scope.as_str(), admin.auth), ("policies", ClientAuth::Basic));
    let body = policy(format!("{TENANT}{WHOLE}client_auth = 'body'\n"));
    assert_eq!(body.admin().expect("an administrator").auth, ClientAuth::Body);
}

#[test]
fn is_refused_where_it_is_half_there() {
    for (text, said) in [
        (
            "[admin]\nclient_id = 'a@b'\nscope = 'policies'\n",
            "line 4: admin.client_id: of no use without admin.app, admin.client_secret_file",
        ),
        (
            "[admin]\nclient_auth = 'body'\n",
            "line 4: admin.client_auth: of no use without admin.app, admin.client_id, admin.client_secret_file, admin.scope",
        ),
        (
            "[service.sudo.admin]\napp = 'adm'\n",
            "line 3: service.sudo.admin: unknown key here, did you mean \"admin\"",
        ),
    ] {
        assert_eq!(errors_behind_tenant(text), said);
    }
}

//! The SELinux policy module compiles, with the types that a policy has and without. That the
//! reference policy takes it, and that logins work under it, is seen by `tests/vm/run`.

use std::fs;
use std::path::Path;
use std::process::Command;

/// The least that is a policy, with the types that every policy has which the module is for.
const BASE: &str = "
(class process (transition)) (class dir (add_name create getattr lock open read remove_name rmdir search setattr write))
(class lnk_file (getattr read))
(class file (create getattr link lock map open read rename setattr unlink write))
(class tcp_socket (connect create getattr getopt name_connect read setopt shutdown write))
(classorder (process dir file lnk_file tcp_socket))
(sid kernel) (sidorder (kernel)) (sensitivity s0) (sensitivityorder (s0)) (category c0) (categoryorder (c0)) (sensitivitycategory s0 (c0))
(user system_u) (role system_r) (role object_r) (type kernel_t) (roletype system_r kernel_t)
(userrole system_u system_r) (userrole system_u object_r) (userlevel system_u (s0)) (userrange system_u ((s0) (s0)))
(sidcontext kernel (system_u system_r kernel_t ((s0) (s0))))
(typeattribute file_type) (typeattribute port_type) (typeattribute domain) (typeattributeset domain (kernel_t))
(type var_run_t) (type var_lib_t) (type http_port_t)
(typeattributeset file_type (var_run_t var_lib_t))
";

/// Whether the module compiles together with a policy that has this in it as well; none where
/// there is no compiler.
fn compiles(more: &str) -> Option<bool> {
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let module = module.join("packaging/selinux/countersign.cil");
    let test = std::thread::current().id();
    let base =
        std::env::temp_dir().join(format!("countersign-{}-{test:?}.cil", std::process::id()));
    fs::write(&base, format!("{BASE}{more}")).unwrap();
    let compiled = Command::new("secilc")
        .args(["-M", "1", "-o", "/dev/null", "-f", "/dev/null"])
        .args([&base, &module])
        .output();
    fs::remove_file(&base).unwrap();
    compiled.ok().map(|done| done.status.success())
}

/// Whether a domain with this declaration may connect to the ports of http.
fn may_connect(declaration: &str, domain: &str) -> bool {
    let forbidden = format!("(neverallow {domain} http_port_t (tcp_socket (name_connect)))");
    assert_eq!(compiles(declaration), Some(true), "{declaration}");
    compiles(&format!("{declaration}{forbidden}")) == Some(false)
}

#[test]
fn the_policy_module_compiles_whichever_domains_a_policy_has() {
    if compiles("").is_none() {
        println!("left out: there is no secilc (apt install secilc)");
        return;
    }
    for domain in ["sshd_t", "sshd_session_t", "local_login_t", "xdm_t", "staff_su_t"] {
        assert!(may_connect(&format!("(type {domain})"), domain), "{domain}");
    }
    for attribute in ["sudodomain", "su_domain_type"] {
        let declaration = format!(
            "(type some_t) (typeattribute {attribute}) (typeattributeset {attribute} (some_t))"
        );
        assert!(may_connect(&declaration, "some_t"), "{attribute}");
    }
    assert!(!may_connect("(type httpd_t)", "httpd_t"));
}

#[test]
fn the_other_ports_of_proxies_are_open_where_a_policy_has_them() {
    if compiles("").is_none() {
        return;
    }
    // A port that is no `port_type` here is not what the switch opens.
    for port in ["http_cache_port_t", "squid_port_t"] {
        let declared = format!("(type sshd_t) (type {port})");
        let forbidden = format!("(neverallow sshd_t {port} (tcp_socket (name_connect)))");
        assert_eq!(compiles(&format!("{declared}{forbidden}")), Some(false), "{port}");
    }
    let any = "(type sshd_t) (type some_port_t) (typeattributeset port_type (some_port_t))";
    let forbidden = "(neverallow sshd_t some_port_t (tcp_socket (name_connect)))";
    assert_eq!(compiles(&format!("{any}{forbidden}")), Some(false), "the switch");
}

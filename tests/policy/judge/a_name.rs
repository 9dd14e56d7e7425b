//! Under which name a person goes to the tenant.

use super::*;

const NAMES: &str = "[users.names]\nroot = 'admin@example.com'\nALICE = 'alice@example.org'\n\
                     'bob@corp.example' = 'bob@example.com'\nbob = 'robert@example.com'\n";

#[test]
fn in_the_table_is_taken_as_it_stands() {
    for (user, uid, name) in [
        ("root", 0, "admin@example.com"),
        ("ALICE", 1000, "alice@example.org"),
        ("bob@corp.example", 1001, "bob@example.com"),
        ("bob", 1001, "robert@example.com"),
        ("alice", 1000, "alice@example.com"),
    ] {
        assert_eq!(required(NAMES, &subject(user, uid, "")), name);
    }
}

#[test]
fn that_is_plain_goes_through_the_template() {
    for user in ["a", "_apt", "systemd-network", "bob.b", "x0-9._-", "nobody", &"a".repeat(32)] {
        assert_eq!(required("", &subject(user, 1002, "")), format!("{user}@example.com"));
    }
}

#[test]
fn that_is_anything_else_is_refused() {
    for user in [
        "",
        "bob@corp.example",
        "../x",
        "a/b",
        "-f",
        ".x",
        "0day",
        "a b",
        "a:b",
        "a\nb",
        "ALICE",
        "aLice",
        "alice.",
        "a\0",
        &"a".repeat(33),
        &"a".repeat(256),
        &"a".repeat(4096),
        "ａｌｉｃｅ",
        "jürgen",
        "user%40tenant",
        "a\",\"User\":\"root",
        "{user}",
        "alice$",
        "alice\u{200b}",
        "alice\\",
    ] {
        assert_eq!(
            judged("", &subject(user, 1002, "")),
            Err(NoTerms::NameNotMapped { user: user.into() }),
            "{user:?}"
        );
    }
}

#[test]
fn of_root_is_never_made_by_the_template() {
    for user in ["root", "toor", "admin"] {
        assert_eq!(judged("", &subject(user, 0, "")), root_not_mapped(user));
    }
    let Err(refusal) = judged(NAMES, &subject("toor", 0, "")) else { panic!("refused") };
    assert_eq!(refusal.reason().code(), "root_not_mapped");
    assert_eq!(refusal.to_string(), "\"toor\" has uid 0 and no entry in users.names or users.keys");
}

#[test]
fn without_a_template_is_only_in_the_table() {
    let text = "[tenant]\nurl = 'https://abc1234.id.cyberark.cloud'\n[users.names]\nbob = 'robert@example.com'\n";
    let policy = parse(text.as_bytes()).expect("a policy");
    let judgement = judge(&policy, &alice(), &System::default()).judgement;
    let Err(refusal) = judgement else { panic!("{judgement:?}") };
    assert_eq!(refusal.reason().code(), "name_not_mapped");
    assert_eq!(
        refusal.to_string(),
        "\"alice\" has no entry in users.names or users.keys, and no template takes the name"
    );
    assert!(matches!(
        judge(&policy, &bob(), &System::default()).judgement,
        Ok(Judgement::Require(_))
    ));
}

#[test]
fn in_the_file_of_names_counts_behind_the_table_and_before_the_template() {
    let file = "names_file = '/names'\n[users.names]\nalice = 'a@example.org'\n";
    assert_eq!(required(file, &bob()), "robert@example.org");
    assert_eq!(required(file, &alice()), "a@example.org");
    assert_eq!(required(file, &subject("root", 0, "")), "admin@example.org");
    assert_eq!(required(file, &subject("carl", 1003, "")), "carl@example.com");
    let Err(refusal) = judged(file, &subject("backup", 34, "")) else { panic!("refused") };
    assert_eq!(refusal.reason().code(), "misconfigured");
    assert_eq!(refusal.to_string(), "/names: \"backup\" is there twice");
}

#[test]
fn in_the_file_of_names_is_looked_for_only_where_the_tenant_is_asked() {
    let system = System::default();
    let rest = "names_file = '/names'\n[[exempt]]\nnetworks = ['192.0.2.0/24']\n";
    let _ = ruling_by(&system, rest, &bob());
    assert_eq!(system.asked.take(), [""; 0]);
    let _ = ruling_by(&system, "names_file = '/names'\n", &bob());
    assert_eq!(system.asked.take(), ["bob in /names"]);
}

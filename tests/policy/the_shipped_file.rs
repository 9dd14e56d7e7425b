//! conf/countersign.toml and the manual page: both complete, and neither opens a door.

use countersign::policy::{Flow, Offline};

use super::*;

const SHIPPED: &str = include_str!("../../conf/countersign.toml");
const MANUAL: &str = include_str!("../../packaging/man/countersign.toml.5");
const ADDRESS: &str = "url = \"https://abc1234.id.cyberark.cloud\"\n";

/// With its address set, and every setting that is shown in a comment.
pub fn everything() -> String {
    let setting = |line: &'static str| match line.strip_prefix('#') {
        Some(setting) if !setting.starts_with(' ') => setting,
        Some(_) | None => line,
    };
    let text: Vec<_> = SHIPPED.lines().map(setting).collect();
    text.join("\n").replace("url = \"\"\n", ADDRESS)
}

#[test]
fn is_refused_until_somebody_edits_it() {
    assert_eq!(
        errors(SHIPPED),
        "line 12: tenant.url: still empty, set it to the address of your tenant, such as \"https://abc1234.id.cyberark.cloud\""
    );
}

#[test]
fn has_the_defaults_once_its_address_is_set() {
    let edited = SHIPPED.replace("url = \"\"\n", ADDRESS);
    assert_eq!(policy(edited), policy(TENANT));
}

#[test]
fn shows_the_defaults_of_the_login_and_of_the_pushes() {
    let (shown, unsaid) = (policy(everything()), policy(TENANT));
    let [shown_sshd, unsaid_sshd] = [&shown, &unsaid].map(|policy| policy.for_service("sshd"));
    assert_eq!(shown_sshd.login, unsaid_sshd.login);
    assert_eq!(shown_sshd.step_up, unsaid_sshd.step_up);
    assert_eq!(shown.push(), unsaid.push());
    let first_factor = Some("pam_unix".to_owned());
    let unsaid_offline = unsaid_sshd.offline.clone();
    assert_eq!(shown_sshd.offline, Offline { first_factor, ..unsaid_offline });
    assert_eq!(shown.offline_folder(), unsaid.offline_folder());
    assert_eq!(shown.state_folder(), unsaid.state_folder());
}

#[test]
fn shows_the_defaults_of_the_registration() {
    let least = format!(
        "{TENANT}[britive]\nurl = 'https://example.britive-app.com'\nca_file = '/etc/countersign/ca.pem'\n"
    );
    assert_eq!(policy(everything()).britive(), policy(least).britive());
}

#[test]
fn shows_an_administrator_that_is_whole_but_for_its_default() {
    let text = everything();
    let (before, admin) = text.split_once("[admin]\n").expect("the table");
    let without =
        format!("{before}[admin]\n{}", admin.replacen("client_auth = \"basic\"\n", "", 1));
    assert_ne!(text, without);
    let shown = policy(&text).admin().expect("an administrator").clone();
    assert_eq!(policy(without).admin(), Some(&shown));
}

#[test]
fn shows_an_on_demand_table_that_is_whole_but_for_its_default() {
    let text = everything().replace("flow = \"login\"", "flow = \"on-demand\"");
    let shown = on_demand(policy(text.clone()).for_service("sshd"));
    let without = text.replace("client_auth = \"basic\"\n", "");
    assert_ne!(text, without);
    assert_eq!(on_demand(policy(without).for_service("sshd")), shown);
}

#[test]
fn can_have_everything_set_at_once() {
    let policy = policy(everything());
    let settings = policy.for_service("sshd");
    assert_eq!((settings.require.iter().count(), settings.exempt.iter().count()), (1, 1));
    assert_eq!(policy.services().collect::<Vec<_>>(), ["sudo"]);
}

#[test]
fn shows_every_key_there_is() {
    let shown: toml::Table = everything().parse().expect("TOML");
    for (table, inside) in [
        ("[tenant]\n", "tenant"),
        ("[login]\n", "login"),
        ("[on_demand]\n", "on_demand"),
        ("[push]\n", "push"),
        ("[offline]\n", "offline"),
        ("[state]\n", "state"),
        ("[users]\n", "users"),
        ("[[require]]\nusers = ['a']\n", "require"),
        ("[[exempt]]\nusers = ['a']\n", "exempt"),
        ("[log]\n", "log"),
        ("[britive]\n", "britive"),
        ("[admin]\n", "admin"),
        ("", ""),
    ] {
        let known = errors(format!("{table}zzzzzzzzzzzz = 1\n"));
        let (_, known) = known.split_once("unknown key, expected one of ").expect("what is known");
        let known = known.lines().next().expect("a line");
        for key in known.split(", ") {
            let place = match shown.get(inside) {
                Some(toml::Value::Array(tables)) => tables.first().and_then(|table| table.get(key)),
                Some(table) => table.get(key),
                None => shown.get(key),
            };
            assert!(place.is_some(), "{inside}.{key} is not in conf/countersign.toml");
            let described = [
                format!(".It Va {key}\n"),
                format!(" Va {key} ,"),
                format!(", Va {key}\n"),
                format!(".Ss [{key}]\\&\n"),
            ];
            assert!(
                described.iter().any(|item| MANUAL.contains(item)),
                "{inside}.{key} is not in the manual"
            );
        }
    }
}

/// The examples of the manual.
pub fn examples() -> Vec<String> {
    let (_, examples) = MANUAL.split_once(".Sh EXAMPLES").expect("examples");
    let (examples, _) = examples.split_once(".Sh ").expect("their end");
    let examples = examples.split(".Bd -literal -offset indent\n").skip(1);
    examples.map(|example| example.split_once(".Ed").expect("its end").0.to_owned()).collect()
}

#[test]
fn has_a_manual_with_examples_that_are_right() {
    let examples: Vec<Policy> = examples().into_iter().map(policy).collect();
    let [rules, keys] = examples.as_slice() else { panic!("two examples") };
    assert_eq!(rules.for_service("sshd").require.iter().count(), 2);
    assert_eq!(rules.for_service("sudo").login.preferred.len(), 2);
    let (sshd, sudo) = (keys.for_service("sshd"), keys.for_service("sudo"));
    assert_eq!(sshd.step_up.flow, Flow::Login);
    assert_eq!(sshd.step_up.after_public_key, sudo.step_up.flow);
    assert_eq!((sshd.users.keys.iter().count(), sudo.step_up.remember.as_secs()), (1, 600));
}

#[test]
fn has_a_manual_with_errors_that_are_real() {
    let text = "[tenant]\nulr = 'https://tenant.test'\nurl = 'https://tenant.test'\n[login]\npoll_interval = 'fast'\n";
    assert!(MANUAL.contains(&format!("\n{}\n", errors(text))));
}

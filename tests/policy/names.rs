//! Names and templates that are wrong.

use super::*;

#[test]
fn in_the_tenant_have_no_spaces_and_an_end() {
    let long = "a".repeat(257);
    for name in ["", "alice example", "alice\u{202e}@x", "\u{1b}[31m", long.as_str()] {
        let name = name.escape_unicode();
        let name = name.to_string().replace("\\u{", "\\U{").replace("\\U{", "\\U");
        let name: String = name
            .split("\\U")
            .filter(|hex| !hex.is_empty())
            .map(|hex| format!("\\U{:0>8}", hex.trim_end_matches('}')))
            .collect();
        let text = errors_behind_tenant(&format!("[users.names]\nalice = \"{name}\"\n"));
        assert!(
            text.starts_with(
                "line 4: users.names.alice: expected a name such as \"alice@example.com\", found "
            ),
            "{text}"
        );
    }
    settings(&format!("[users.names]\na = '{}'\nb = 'jürgen@example.com'\n", "a".repeat(256)));
}

#[test]
fn with_a_dot_need_quotes() {
    assert_eq!(
        errors_behind_tenant("[users.names]\nbob.b = 'bob@example.com'\n"),
        "line 4: users.names.bob: expected a name in the tenant, found a table; a name with a dot in it needs quotes"
    );
}

#[test]
fn come_from_a_template_with_one_place_for_the_user() {
    for template in [
        "alice@example.com",
        "{user}.{user}@example.com",
        "{usr}@x",
        "{user}{}",
        "{user} @x",
        "",
        "{USER}@x",
    ] {
        let text = errors_behind_tenant(&format!("[users]\ntemplate = '{template}'\n"));
        assert_eq!(
            text,
            format!(
                "line 4: users.template: expected a template with {{user}} in it once, such as \
                 \"{{user}}@example.com\", found \"{template}\""
            )
        );
    }
    assert_eq!(
        settings("[users]\ntemplate = 'x-{user}'\n").users.template.as_deref(),
        Some("x-{user}")
    );
}

#[test]
fn are_no_templates() {
    assert_eq!(
        errors_behind_tenant("[users.names]\ntemplate = '{user}@example.com'\n"),
        "line 4: users.names.template: a template has its place in users.template, above the table of names"
    );
}

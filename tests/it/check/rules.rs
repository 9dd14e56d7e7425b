//! Rules that say less than they seem to.

use super::image::Image;

/// The findings of a configuration with this behind its first lines.
fn findings(more: &str) -> Vec<String> {
    let image = Image::new();
    image.stack("sshd", "auth required pam_countersign.so\n");
    image.configure(more);
    let (out, ..) = image.run(&["check"]);
    let whats = out
        .lines()
        .filter(|line| ["warning: ", "note: "].iter().any(|word| line.starts_with(word)));
    // What stacks have to do with exemptions is another matter.
    let whats = whats.filter(|line| !line.contains("exempt users"));
    whats.map(str::to_owned).collect()
}

#[test]
fn a_table_of_a_service_that_nothing_is_called_is_named_with_the_nearest() {
    assert_eq!(
        findings("[service.ssh.login]\nattempts = 1\n"),
        [
            "warning: [service.ssh]: this machine has no PAM service of that name, did you mean [service.sshd]"
        ]
    );
    assert_eq!(
        findings("[service.frobnicate.login]\nattempts = 1\n"),
        ["warning: [service.frobnicate]: this machine has no PAM service of that name"]
    );
    assert!(findings("[service.SSHD.login]\nattempts = 1\n").is_empty());
}

#[test]
fn a_rule_that_can_never_hold_is_named() {
    assert_eq!(
        findings("[[exempt]]\nname = 'move'\nusers = ['root']\nuntil = 2020-01-31\n"),
        ["warning: exemption \"move\" ended with 2020-01-31"]
    );
    for network in ["224.0.0.0/4", "ff00::/8", "0.0.0.0/8", "255.255.255.255", "::"] {
        let found = findings(&format!("[[exempt]]\nname = 'x'\nnetworks = ['{network}']\n"));
        assert_eq!(found.len(), 1, "{network}: {found:?}");
        assert!(found[0].ends_with(" is the address of no host"), "{found:?}");
    }
    assert!(findings("[[exempt]]\nnetworks = ['fe80::/10', '0.0.0.0/0', '::1']\n").is_empty());
}

#[test]
fn a_family_that_a_requirement_leaves_out_is_named() {
    for networks in ["'0.0.0.0/0'", "'0.0.0.0/1', '128.0.0.0/1'"] {
        let found = findings(&format!("[[require]]\nname = 'remote'\nnetworks = [{networks}]\n"));
        assert_eq!(found, ["warning: rule \"remote\" leaves out IPv6"], "{networks}");
    }
    let found = findings("[[service.sshd.require]]\nname = 'remote'\nnetworks = ['::/0']\n");
    assert_eq!(found, ["warning: rule \"remote\" leaves out IPv4"]);
    for networks in ["'0.0.0.0/0', '::/0'", "'192.0.2.0/24'", "'0.0.0.0/0', 'fd00::/8'"] {
        let found = findings(&format!("[[require]]\nnetworks = [{networks}]\n"));
        assert!(found.is_empty(), "{networks}: {found:?}");
    }
}

#[test]
fn every_line_of_the_file_of_names_is_looked_at() {
    let image = Image::new();
    image.configure("names_file = \"/etc/countersign/names\"\n");
    image.finds(&[
        "error names-unreadable /etc/countersign/names /etc/countersign/names does not exist",
    ]);
    image.write(
        "etc/countersign/names",
        "# people\nalice\ta@x.test\nbob b@x.test\nalice\ta@y.test\n",
    );
    image.finds(&[
        "error names-wrong /etc/countersign/names:3 expected a local name, a tab and a name in the tenant, found \"bob b@x.test\"",
        "error names-wrong /etc/countersign/names:4 \"alice\" is in line 2 already",
    ]);
    image.write("etc/countersign/names", "alice\ta@x.test\n");
    image.finds(&[]);
}

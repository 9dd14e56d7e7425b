//! sshd by its files, as in an image.

use super::image::Image;

const GOOD: &str = "UsePAM yes\nKbdInteractiveAuthentication yes\nPasswordAuthentication no\n\
    AuthenticationMethods publickey,keyboard-interactive:pam\n";

fn image(config: &str) -> Image {
    let image = Image::new();
    image.remove("etc/pam.d/rig");
    image.stack("sshd", "auth required pam_countersign.so\n");
    image.write("etc/ssh/sshd_config", config);
    image
}

#[test]
fn settings_that_let_people_in_unasked_or_nobody_are_errors() {
    image(GOOD).finds(&[]);
    for (line, expected) in [
        ("UsePAM no", "error sshd-usepam /etc/ssh/sshd_config:1 sshd does not use PAM"),
        (
            "KbdInteractiveAuthentication no",
            "error sshd-kbdinteractive /etc/ssh/sshd_config:1 sshd can't ask for a second factor",
        ),
        (
            "ChallengeResponseAuthentication no",
            "error sshd-kbdinteractive /etc/ssh/sshd_config:1 sshd can't ask for a second factor",
        ),
        (
            "AuthenticationMethods any",
            "error sshd-unasked /etc/ssh/sshd_config a public key alone lets people in",
        ),
        (
            "AuthenticationMethods publickey keyboard-interactive:pam",
            "warning sshd-unasked-by-choice /etc/ssh/sshd_config:1 a public key alone lets people in",
        ),
        (
            "AuthenticationMethods hostbased keyboard-interactive\nHostbasedAuthentication yes",
            "warning sshd-unasked-by-choice /etc/ssh/sshd_config:1 another host's word alone lets people in",
        ),
        (
            "LoginGraceTime 1m",
            "warning sshd-grace /etc/ssh/sshd_config:1 sshd ends a login after 60 s, before the module does after 90 s",
        ),
        (
            "PAMServiceName login",
            "error sshd-service /etc/ssh/sshd_config:1 sshd asks the PAM service login",
        ),
    ] {
        image(&format!("{line}\n{GOOD}")).finds(&[expected]);
    }
    let methods =
        "AuthenticationMethods any\nPubkeyAuthentication no\nPasswordAuthentication yes\n";
    image(&format!("{methods}{GOOD}"))
        .finds(&["warning sshd-password /etc/ssh/sshd_config:3 sshd offers the password method"]);
    image("").finds(&[
        "error sshd-usepam /etc/ssh/sshd_config sshd does not use PAM",
        "error sshd-unasked /etc/ssh/sshd_config a public key alone lets people in",
        "warning sshd-password /etc/ssh/sshd_config sshd offers the password method",
    ]);
}

#[test]
fn the_drop_in_that_wins_is_the_one_to_mend() {
    let image = image(&format!("Include /etc/ssh/sshd_config.d/*.conf\n{GOOD}"));
    image.write(
        "etc/ssh/sshd_config.d/50-redhat.conf",
        "# distribution\nKbdInteractiveAuthentication no\n",
    );
    image.write("etc/ssh/sshd_config.d/README", "UsePAM no\n");
    image.finds_with_remedies(&[(
        "error sshd-kbdinteractive /etc/ssh/sshd_config.d/50-redhat.conf:2 sshd can't ask for a second factor",
        "write \"KbdInteractiveAuthentication yes\" into /etc/ssh/sshd_config.d/10-countersign.conf: the first value wins",
    )]);
    image.write("etc/ssh/sshd_config.d/00-first.conf", "KbdInteractiveAuthentication no\n");
    image.write("etc/ssh/sshd_config.d/10-countersign.conf", "KbdInteractiveAuthentication yes\n");
    image.finds_with_remedies(&[(
        "error sshd-kbdinteractive /etc/ssh/sshd_config.d/00-first.conf:1 sshd can't ask for a second factor",
        "write \"KbdInteractiveAuthentication yes\" in place of line 1 of /etc/ssh/sshd_config.d/00-first.conf: the first value wins",
    )]);
    image.remove("etc/ssh/sshd_config.d/00-first.conf");
    image.finds(&[]);
}

#[test]
fn a_match_block_in_a_drop_in_ends_with_it() {
    let image = image(&format!("Include sshd_config.d/*.conf\nUsePAM no\n{GOOD}"));
    image.write("etc/ssh/sshd_config.d/10-robots.conf", "Match Group robots\nPermitRootLogin no\n");
    image.finds(&[
        "error sshd-usepam /etc/ssh/sshd_config:2 sshd does not use PAM",
        "note sshd-match /etc/ssh/sshd_config.d/10-robots.conf:2 for \"Match Group robots\" another setting holds: permitrootlogin no",
    ]);
}

#[test]
fn whoever_is_exempt_behind_a_key_has_shown_who_it_is() {
    let image = image(GOOD);
    image.configure("[[exempt]]\nname = \"robots\"\nusers = [\"robot\"]\nresult = \"success\"\n");
    image.finds(&[]);
    image.write(
        "etc/ssh/sshd_config",
        &format!("AuthenticationMethods keyboard-interactive:pam\n{GOOD}"),
    );
    image.finds(&[
        "error pam-exempt-unverified /etc/pam.d/sshd:1 exempt users get in without any authentication",
    ]);
    let either = "AuthenticationMethods publickey,keyboard-interactive keyboard-interactive:pam\n";
    image.write("etc/ssh/sshd_config", &format!("{either}{GOOD}"));
    assert_eq!(image.ids(), ["pam-exempt-unverified"]);
}

#[test]
fn a_match_block_is_named_and_does_not_count_for_all() {
    let image = image(&format!(
        "{GOOD}Match Group robots Address 192.0.2.0/24\n    AuthenticationMethods publickey\n    PermitTTY no\nMatch all\nUsePAM no\n"
    ));
    image.finds(&["note sshd-match /etc/ssh/sshd_config:6 for \"Match Group robots Address 192.0.2.0/24\" another setting holds: authenticationmethods publickey"]);
    assert_eq!(image.run(&["check"]).2, 0);
}

#[test]
fn root_at_the_tenant_needs_an_sshd_that_lets_root_in() {
    let image = image(GOOD);
    image.configure("[users.names]\nroot = \"admin@example.com\"\n");
    image.finds(&["warning sshd-root /etc/ssh/sshd_config root has a name at the tenant, and sshd does not let root in by PAM"]);
    image.write("etc/ssh/sshd_config", &format!("PermitRootLogin yes\n{GOOD}"));
    image.finds(&[]);
}

#[test]
fn sshd_is_judged_by_the_configuration_that_its_stack_names() {
    let image = image(&format!("LoginGraceTime 1m\n{GOOD}"));
    image.stack("sshd", "auth required pam_countersign.so config=/etc/x.toml\n");
    let tenant = "[tenant]\nurl = \"https://tenant.example\"\n[users.names]\nalice = \"alice@example.com\"\n";
    image.write("etc/x.toml", &format!("{tenant}[login]\ndeadline = \"30s\"\n"));
    image.configure("[users.names]\nroot = \"admin@example.com\"\n");
    image.finds(&[]);
    image.write("etc/x.toml", tenant);
    image.finds(&["warning sshd-grace /etc/ssh/sshd_config:1 sshd ends a login after 60 s, before the module does after 90 s"]);
}

#[test]
fn a_key_before_pam_is_what_a_step_up_steps_up_from() {
    let on_demand = "[login]\nafter_public_key = \"on-demand\"\n[on_demand]\napp = \"a\"\nclient_id = \"c\"\nscope = \"s\"\n\
        policy = \"p\"\nclient_secret_file = \"/etc/countersign/secret\"\n";
    let image = image(GOOD);
    image.write("etc/countersign/secret", "s\n");
    image.mode("etc/countersign/secret", 0o600);
    image.configure(on_demand);
    image.finds(&[]);
    image.configure(&on_demand.replace("after_public_key", "flow"));
    image.write(
        "etc/ssh/sshd_config",
        &format!("AuthenticationMethods keyboard-interactive:pam\n{GOOD}"),
    );
    image.finds(&["error pam-on-demand-alone /etc/pam.d/sshd:1 the challenges of a policy are the only factor"]);
}

#[test]
fn a_security_key_is_enough_only_where_sshd_demands_that_its_user_is_verified() {
    let finds = |setting: &str, lines: &str, expected: &[&str]| {
        let image = image(&format!("{lines}{GOOD}"));
        image.configure(&format!("[service.sshd.login]\nsecurity_key = \"{setting}\"\n"));
        image.finds(expected);
    };
    let verified = "PubkeyAuthOptions verify-required\n";
    let unverified = "error sshd-key-unverified /etc/ssh/sshd_config sshd need not demand a PIN of a security key";
    for setting in ["off", "factor"] {
        finds(setting, "", &[]);
    }
    finds("enough", "", &[unverified]);
    finds("enough", verified, &[]);
    finds("enough", "PubkeyAuthOptions touch-required,verify-required\n", &[]);
    finds(
        "enough",
        "PubkeyAuthOptions touch-required\n",
        &[
            "error sshd-key-unverified /etc/ssh/sshd_config:1 sshd need not demand a PIN of a security key",
        ],
    );
    finds(
        "enough",
        "TrustedUserCAKeys /etc/ssh/ca.pub\n",
        &[
            "error sshd-key-unverified /etc/ssh/sshd_config sshd takes keys from TrustedUserCAKeys, and need not demand a PIN of a security key",
        ],
    );
    let image = image(&format!("{verified}{GOOD}Match User bob\n  PubkeyAuthOptions none\n"));
    image.configure("[service.sshd.login]\nsecurity_key = \"enough\"\n");
    image.finds(&["error sshd-key-unverified /etc/ssh/sshd_config:1 for \"Match User bob\" sshd need not demand a PIN of a security key"]);
}

#[test]
fn where_sshd_does_not_use_the_module_nothing_is_asked_of_it() {
    let image = Image::new();
    image.write("etc/ssh/sshd_config", "UsePAM no\n");
    image.finds(&[
        "note sshd-unused /etc/pam.d/sshd the PAM stack of sshd does not name the module",
    ]);
}

#[test]
fn a_match_block_without_a_key_counts_for_whoever_shows_nothing_else() {
    let exempting = "[[exempt]]\nname = \"robots\"\nusers = [\"robot\"]\nresult = \"success\"\n";
    let nothing = "error pam-exempt-unverified /etc/pam.d/sshd:1 exempt users get in without any authentication";
    for (methods, expected) in [
        ("keyboard-interactive:pam", Some(nothing)),
        ("password", Some(nothing)),
        ("any", Some(nothing)),
        ("publickey", None),
        ("hostbased", None),
        ("publickey,keyboard-interactive:pam", None),
    ] {
        let image =
            image(&format!("{GOOD}Match Address 192.0.2.0/24\nAuthenticationMethods {methods}\n"));
        image.configure(exempting);
        let note = format!(
            "note sshd-match /etc/ssh/sshd_config:6 for \"Match Address 192.0.2.0/24\" another setting holds: authenticationmethods {methods}"
        );
        let expected: Vec<_> = expected.into_iter().chain([note.as_str()]).collect();
        image.finds(&expected);
    }
}

#[test]
fn a_match_block_may_open_a_way_that_asks_nobody() {
    for line in ["GSSAPIAuthentication yes", "HostbasedAuthentication yes", "PAMServiceName login"]
    {
        let found = line.split_once(' ').unwrap();
        let found = format!("{} {}", found.0.to_ascii_lowercase(), found.1);
        image(&format!("{GOOD}Match Address 192.0.2.0/24\n{line}\n")).finds(&[&format!(
            "note sshd-match /etc/ssh/sshd_config:6 for \"Match Address 192.0.2.0/24\" another setting holds: {found}"
        )]);
    }
}

#[test]
fn setup_reads_the_files_of_sshd_as_check_does() {
    let image = Image::new();
    image.remove("etc/pam.d/rig");
    let set_up = || {
        image.stack("sshd", "@include common-auth\n");
        let arguments = ["setup", "--service", "sshd", "--without-tenant", "--blocks", "--yes"];
        image.run(&arguments)
    };
    let unsaid = "countersign: there is no terminal to ask on\n\
        hint: say it on the command line: --keys followed, --keys verified, --keys alone or --keys refused\n";
    // The words of a line may stand in quotes: no block is written where drop-ins count.
    image.write("etc/ssh/sshd_config", "Include \"/etc/ssh/sshd_config.d/*.conf\"\n");
    assert_eq!(set_up().1, unsaid);
    image.write(
        "etc/ssh/sshd_config.d/50-site.conf",
        "AuthenticationMethods publickey,keyboard-interactive:pam\n",
    );
    let (out, err, code) = set_up();
    assert_eq!((err.as_str(), code), ("", 0));
    assert!(out.contains("+++ /etc/ssh/sshd_config.d/10-countersign.conf\n"), "{out}");
    // It counts for some alone.
    image.write(
        "etc/ssh/sshd_config.d/50-site.conf",
        "Match Group robots\nAuthenticationMethods publickey\n",
    );
    image.remove("var/lib/countersign/setup/answers.json");
    assert_eq!(set_up().1, unsaid);
}

#[test]
fn refusals_without_a_delay_are_a_warning_where_sshd_penalises_them() {
    let warning = "warning sshd-penalties /etc/ssh/sshd_config sshd cuts an address off after a few refusals, and the module refuses without a delay";
    let image = image(GOOD);
    image.configure("[login]\nfailure_delay = \"0s\"\n");
    image.finds(&[]);
    image.write("usr/lib/openssh/sshd-session", "");
    image.finds(&[warning]);
    image.configure("[login]\nfailure_delay = \"1s\"\n");
    image.finds(&[]);
    image.configure("[service.sshd.login]\nfailure_delay = \"0s\"\n");
    image.finds(&[warning]);
    image.write("etc/ssh/sshd_config", &format!("PerSourcePenalties no\n{GOOD}"));
    image.finds(&[]);
}

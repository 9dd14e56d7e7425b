//! PAM stacks, good and bad, and what is said of each.

use super::image::Image;

#[track_caller]
fn ids(stack: &str) -> Vec<String> {
    let image = Image::new();
    image.stack("rig", stack);
    image.ids()
}

const EXEMPTING: &str = "[[exempt]]\nname = \"robots\"\nusers = [\"robot\"]\n";
const OFFLINE: &str = "[offline]\nenabled = true\nfirst_factor = \"pam_unix\"\n";
const ON_DEMAND: &str = "[login]\nflow = \"on-demand\"\n[on_demand]\napp = \"a\"\nclient_id = \"c\"\nscope = \"s\"\n\
    policy = \"p\"\nclient_secret_file = \"/etc/countersign/secret\"\n";

/// The three stacks of a file in conf/pam.d.
fn documented(file: &str) -> Vec<String> {
    let path = format!("{}/../../conf/pam.d/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let stacks = text.split("\n\n").skip(1).map(|part| {
        let lines = part.lines().filter_map(|line| match line.strip_prefix('#') {
            Some(rest) if rest.starts_with(' ') => None,
            Some(rest) => Some(rest),
            None => Some(line),
        });
        lines.map(|line| format!("{line}\n")).collect()
    });
    stacks.collect()
}

#[test]
fn the_documented_stacks_have_nothing_to_mend() {
    for file in ["sshd-countersign", "sudo-countersign"] {
        let [tenant, exempting, behind] = documented(file).try_into().unwrap();
        for (stack, configuration) in [
            (&tenant, ""),
            (&exempting, ""),
            (&exempting, EXEMPTING),
            (&behind, ""),
            (&behind, EXEMPTING),
            (&behind, ON_DEMAND),
            (&behind, OFFLINE),
        ] {
            let image = Image::new();
            image.write("etc/countersign/secret", "s\n");
            image.mode("etc/countersign/secret", 0o600);
            image.configure(configuration);
            image.stack("rig", stack);
            if configuration == OFFLINE {
                image.finds(&["note offline-first - the local password is asked for first"])
            } else {
                image.finds(&[])
            }
        }
    }
}

#[test]
fn what_setup_writes_has_nothing_to_mend() {
    let image = Image::new();
    image.remove("etc/pam.d/rig");
    for service in ["sudo", "sudo-i", "su", "su-l"] {
        image.stack(service, "auth sufficient pam_rootok.so\n@include common-auth\n");
    }
    let services = "sudo,sudo-i,su,su-l";
    let (_, err, code) =
        image.run(&["setup", "--service", services, "--without-tenant", "--blocks", "--yes"]);
    assert_eq!(code, 0, "{err}");
    image.finds(&[]);
    assert!(image.run(&["check", "-v"]).0.contains("the auth stack of su-l holds"));
}

#[test]
fn what_makes_the_module_worthless_or_fatal_is_one_error_each() {
    for (stack, id) in [
        ("auth sufficient pam_unix.so\nauth required pam_countersign.so\n", "pam-bypass"),
        (
            "auth [success=1 default=ignore] pam_unix.so\nauth required pam_countersign.so\nauth required pam_permit.so\n",
            "pam-bypass",
        ),
        (
            "auth [success=done default=ignore] pam_sss.so\nauth required pam_countersign.so\n",
            "pam-bypass",
        ),
        (
            "auth required pam_env.so\nauth required pam_faildelay.so\nauth sufficient pam_unix.so\nauth required pam_sss.so\nauth required pam_countersign.so\n",
            "pam-bypass",
        ),
        ("auth substack inner\nauth required pam_countersign.so\n", ""),
        ("auth include inner\nauth required pam_countersign.so\n", "pam-bypass pam-lockout"),
        ("auth optional pam_countersign.so\nauth required pam_permit.so\n", "pam-refusal-ignored"),
        ("auth sufficient pam_countersign.so\nauth required pam_unix.so\n", "pam-refusal-ignored"),
        ("auth [default=ignore] pam_countersign.so\n@include common-auth\n", "pam-refusal-ignored"),
        (
            "auth [success=ok authinfo_unavail=ignore default=bad] pam_countersign.so\nauth required pam_permit.so\n",
            "pam-refusal-ignored",
        ),
        (
            "auth [success=ok module_unknown=ignore default=bad] pam_countersign.so\nauth required pam_permit.so\n",
            "pam-refusal-ignored",
        ),
        (
            "auth [success=ok default=bad] pam_countersign.so\nauth [default=reset] pam_env.so\nauth required pam_permit.so\n",
            "pam-refusal-ignored",
        ),
        (
            "auth [success=ok user_unknown=1 default=bad] pam_countersign.so\nauth required pam_sss.so\nauth required pam_permit.so\n",
            "pam-refusal-ignored",
        ),
        (
            "auth [success=ok default=ignore] pam_countersign.so\nauth required pam_countersign.so\n",
            "pam-refusal-ignored pam-twice",
        ),
        ("auth [success=end default=die] pam_countersign.so\n", "pam-unreadable"),
        (
            "auth [success=end default=ignore] pam_unix.so\nauth required pam_countersign.so\n",
            "pam-unreadable",
        ),
        ("auth requird pam_countersign.so\n", "pam-unreadable"),
        ("auht required pam_unix.so\nauth required pam_countersign.so\n", "pam-unreadable"),
        ("@include gone\n@include gone too\nauth required pam_countersign.so\n", "pam-unreadable"),
        ("auth required pam_countersign.so\n@include gone\n", "pam-unreadable"),
        ("auth required pam_countersign.so\nauth include gone\n", "pam-unreadable"),
        ("auth required pam_countersign.so\nauth include rig\n", "pam-unreadable"),
        ("auth required pam_countersign.so\nauth required pam_unix.so \\\n", "pam-unreadable"),
        ("auth required pam_countersign.so nullok\n", "pam-argument"),
        ("auth required pam_countersign.so config=relative.toml\n", "pam-argument"),
        ("auth required pam_countersign.so\nauth requisite pam_deny.so\n", "pam-lockout"),
        ("auth [success=bad default=bad] pam_countersign.so\n", "pam-lockout"),
        (
            "auth [success=7 default=bad] pam_countersign.so\nauth required pam_unix.so\n",
            "pam-lockout",
        ),
        ("account required pam_countersign.so\n", "pam-type"),
        ("session optional pam_countersign.so\n", "pam-type"),
        ("auth required pam_countersign.so\naccount required pam_countersign.so\n", "pam-lockout"),
        ("auth required pam_countersign.so\nsession required pam_countersign.so\n", "pam-lockout"),
        (
            "auth required pam_countersign.so\naccount required pam_countersign.so\naccount required pam_permit.so\n",
            "",
        ),
        (
            "auth required pam_countersign.so\nsession optional pam_countersign.so\nsession required pam_permit.so\n",
            "",
        ),
        ("auth required pam_countersign.so\nauth required pam_permit.so\n", ""),
        ("auth requisite pam_countersign.so\n@include common-auth\n", ""),
        ("auth [success=ok default=die] pam_countersign.so debug\n", ""),
        ("auth sufficient pam_countersign.so\n", ""),
        ("auth sufficient pam_rootok.so\nauth required pam_countersign.so\n", ""),
        (
            "auth requisite pam_nologin.so\nauth required pam_faillock.so preauth\nauth required pam_countersign.so\nauth required pam_env.so\n",
            "",
        ),
        ("AUTH\tRequired \\\n  pam_countersign.so # the module\n", ""),
        ("auth required /usr/lib/x86_64-linux-gnu/security/pam_countersign.so\n", ""),
    ] {
        let image = Image::new();
        image.stack("inner", "auth sufficient pam_unix.so\nauth required pam_deny.so\n");
        image.stack("rig", stack);
        let expected: Vec<&str> = id.split_whitespace().collect();
        assert_eq!(image.ids(), expected, "{stack}");
    }
}

#[test]
fn a_module_that_is_not_there_is_said_and_what_comes_of_it() {
    let image = Image::new();
    image.remove("usr/lib/x86_64-linux-gnu/security/pam_countersign.so");
    image.finds(&[
        "error pam-module-missing /etc/pam.d/rig:1 pam_countersign.so is not there",
        "error pam-lockout /etc/pam.d/rig:1 the stack refuses users that Countersign lets in",
    ]);
    image.stack("rig", "auth optional pam_countersign.so\nauth required pam_unix.so\n");
    image.finds(&[
        "error pam-module-missing /etc/pam.d/rig:1 pam_countersign.so is not there",
        "error pam-refusal-ignored /etc/pam.d/rig:1 pam_countersign.so says module_unknown, and people are let in",
        "error pam-lockout /etc/pam.d/rig:1 the stack refuses users that Countersign lets in",
    ]);
    let image = Image::new();
    image.stack("rig", "auth required pam_countersign.so\nauth required pam_gone.so\n");
    image.finds_with_remedies(&[
        (
            "error pam-lockout /etc/pam.d/rig:1 the stack refuses users that Countersign lets in",
            "mend that line, or remove it: \"auth required pam_gone.so\"",
        ),
        (
            "warning pam-module-missing /etc/pam.d/rig:2 pam_gone.so is not there",
            "install the package that it is part of, or remove the line",
        ),
    ]);
    image.stack("rig", "auth required pam_countersign.so\n-auth optional pam_gone.so\n");
    image.finds(&[]);
}

#[test]
fn a_condition_that_leaves_people_out_is_a_warning() {
    for stack in [
        "auth [success=1 default=ignore] pam_succeed_if.so user ingroup robots\nauth required pam_countersign.so\nauth required pam_unix.so\n",
        "auth [default=1 success=ignore] pam_localuser.so\nauth required pam_countersign.so\nauth required pam_unix.so\n",
    ] {
        assert_eq!(ids(stack), ["pam-condition"], "{stack}");
    }
}

#[test]
fn a_condition_on_the_service_is_about_that_service_alone() {
    let image = Image::new();
    let unless = |services: &str| {
        format!("[success=1 default=ignore] pam_succeed_if.so quiet service notin {services}")
    };
    let shared = |services: &str| {
        let ours = "[success=done ignore=ignore default=die] pam_countersign.so";
        format!(
            "auth {}\nauth {ours}\nauth [success=1 default=ignore] pam_unix.so\nauth requisite pam_deny.so\nauth required pam_permit.so\n",
            unless(services)
        )
    };
    image.stack("common-auth", &shared("sudo:sudo-i:rig"));
    for service in ["rig", "login", "sudo", "sudo-i"] {
        image.stack(service, "@include common-auth\n");
    }
    image.finds(&[]);
    let (out, _, _) = image.run(&["check", "--verbose"]);
    for expected in ["login is left out by a condition on its name", "the auth stack of rig holds"]
    {
        assert!(out.contains(&format!("passed: {expected}\n")), "{out}");
    }
    image.stack("common-auth", &shared("rig:sudo").replace("default=die", "default=ignore"));
    image.finds(&[
        "error pam-refusal-ignored /etc/pam.d/common-auth:2 a refusal of pam_countersign.so lets people in",
        "warning pam-twin /etc/pam.d/sudo-i \"sudo -i\" does not ask for a second factor",
    ]);
}

#[test]
fn an_offline_code_needs_the_first_factor_that_was_declared() {
    for (stack, ids) in [
        ("auth requisite pam_unix.so\nauth required pam_countersign.so\n", &["offline-first"][..]),
        ("auth required pam_unix.so\nauth required pam_countersign.so\n", &["offline-first"]),
        ("@include common-auth\nauth required pam_countersign.so\n", &["offline-first"]),
        ("auth required pam_countersign.so\n", &["pam-offline-alone"]),
        ("auth required pam_countersign.so\nauth required pam_unix.so\n", &["pam-offline-alone"]),
        ("auth optional pam_unix.so\nauth required pam_countersign.so\n", &["pam-offline-alone"]),
        ("auth required pam_sss.so\nauth required pam_countersign.so\n", &["pam-offline-alone"]),
    ] {
        let image = Image::new();
        image.configure(OFFLINE);
        image.stack("rig", stack);
        assert_eq!(image.ids(), ids, "{stack}");
    }
    let image = Image::new();
    image.configure(&OFFLINE.replace("pam_unix", "pam_sss"));
    image
        .stack("rig", "auth requisite pam_sss.so forward_pass\nauth required pam_countersign.so\n");
    image.finds(&["note offline-first - the local password is asked for first"]);
    // A step-up sends no password.
    let step_up = format!("{}{ON_DEMAND}", OFFLINE.replace("pam_unix", "pam_sss"));
    image.write("etc/countersign/secret", "s\n");
    image.mode("etc/countersign/secret", 0o600);
    image.configure(&step_up);
    image.finds(&[]);
    image.configure(&OFFLINE.replace("pam_unix", "pam_sss"));
    image.stack("rig", "auth requisite pam_sss.so forward_pass ignore_unknown_user\nauth required pam_countersign.so\n");
    image.finds(&["error pam-offline-alone /etc/pam.d/rig:2 an offline code counts although pam_sss has verified nothing"]);
    image.configure("[service.rig.offline]\nenabled = true\nfirst_factor = \"pam_unix\"\n");
    image.stack("rig", "auth required pam_countersign.so\n");
    image.finds_with_remedies(&[(
        "error pam-offline-alone /etc/pam.d/rig:1 an offline code counts without pam_unix, which is not in this stack",
        "write before it: auth requisite pam_unix.so (countersign setup does it); or set offline.enabled = false for this service",
    )]);
    image.configure("[service.another.offline]\nenabled = true\nfirst_factor = \"pam_unix\"\n");
    image.finds(&["warning config-service /etc/countersign/countersign.toml [service.another]: this machine has no PAM service of that name"]);
}

#[test]
fn a_step_up_needs_something_to_step_up_from() {
    for (stack, ids) in [
        (
            "auth required pam_countersign.so\nauth required pam_permit.so\n",
            &["pam-on-demand-alone"][..],
        ),
        ("auth requisite pam_unix.so\nauth required pam_countersign.so\n", &[]),
        ("auth required pam_countersign.so\nauth required pam_unix.so\n", &[]),
        ("auth required pam_unix.so\nauth required pam_countersign.so\n", &["pam-rings-in-vain"]),
    ] {
        let image = Image::new();
        image.write("etc/countersign/secret", "s\n");
        image.mode("etc/countersign/secret", 0o600);
        image.configure(ON_DEMAND);
        image.stack("rig", stack);
        assert_eq!(image.ids(), ids, "{stack}");
    }
}

#[test]
fn whoever_is_exempt_is_let_in_by_something_and_only_by_that() {
    let success = format!("{EXEMPTING}result = \"success\"\n");
    for (configuration, stack, ids) in [
        (
            EXEMPTING,
            "auth required pam_countersign.so\nauth required pam_permit.so\n",
            &["pam-exempt-unverified"][..],
        ),
        (EXEMPTING, "auth required pam_countersign.so\nauth required pam_unix.so\n", &[]),
        (
            EXEMPTING,
            "auth [success=ok default=bad] pam_countersign.so\nauth required pam_unix.so\n",
            &["pam-exempt-refused"],
        ),
        (EXEMPTING, "auth required pam_countersign.so\n", &["pam-exempt-refused"]),
        (
            "[[require]]\ngroups = [\"admins\"]\n",
            "auth required pam_countersign.so\nauth required pam_permit.so\n",
            &["pam-exempt-unverified"],
        ),
        ("", "auth required pam_countersign.so\nauth required pam_permit.so\n", &[]),
        (&success, "auth required pam_countersign.so\n", &["pam-exempt-unverified"]),
        (&success, "auth requisite pam_unix.so\nauth required pam_countersign.so\n", &[]),
    ] {
        let image = Image::new();
        image.configure(configuration);
        image.stack("rig", stack);
        assert_eq!(image.ids(), ids, "{configuration} {stack}");
    }
}

#[test]
fn what_services_share_is_found_once_and_names_them_all() {
    let image = Image::new();
    image.stack("common-auth", "auth sufficient pam_unix.so\nauth required pam_countersign.so\n");
    image.stack("rig", "@include common-auth\n");
    image.stack("login", "auth include common-auth\n");
    image.stack("login.dpkg-old", "auth include common-auth\n");
    let (out, _, _) = image.run(&["check"]);
    assert!(out.contains("  at /etc/pam.d/common-auth:1\n  services: login, rig\n"), "{out}");
    assert_eq!(image.ids(), ["pam-bypass"]);
}

#[test]
fn a_stack_may_name_a_configuration_of_its_own() {
    let image = Image::new();
    image.stack("rig", "auth required pam_countersign.so config=/etc/countersign/rig.toml\n");
    image.finds(&["error config-unreadable /etc/countersign/rig.toml /etc/countersign/rig.toml does not exist"]);
    image.write(
        "etc/countersign/rig.toml",
        &format!("[tenant]\nurl = \"https://tenant.example\"\n{OFFLINE}"),
    );
    assert_eq!(image.ids(), ["pam-offline-alone"]);
}

#[test]
fn a_system_is_judged_by_the_configurations_that_its_stacks_name() {
    let image = Image::new();
    let usual = "etc/countersign/countersign.toml";
    image.remove(usual);
    image.stack("rig", "auth required pam_countersign.so config=/etc/x.toml\n");
    let text = "[tenant]\nurl = \"https://tenant.example:444\"\n[users]\ntemplate = \"{user}@example.com\"\n\
        [state]\nfolder = \"/run/x\"\n";
    image.write("etc/x.toml", text);
    image.prints(
        &["check", "--verbose"],
        "passed: /etc/x.toml can be read\n\
         passed: sshd is not installed\n\
         passed: the auth stack of rig holds\n\
         passed: SELinux is not enabled\n\
         passed: /run/x will be made when it is needed\n\
         0 errors, 0 warnings, 0 notes, 5 passed\n",
    );
    image.folder("run/x", 0o755);
    image.finds(&[
        "error state-unusable /run/x /run/x: is open to others than its owner (mode 0755)",
    ]);
    // Another stack asks by the usual one.
    image.stack("login", "auth required pam_countersign.so\n");
    assert_eq!(image.ids(), ["config-unreadable", "state-unusable"]);
    image.configure("");
    assert_eq!(image.ids(), ["state-unusable"]);
    image.folder("run/countersign/state", 0o755);
    assert_eq!(image.ids(), ["state-unusable", "state-unusable"]);
}

#[test]
fn a_configuration_that_is_named_is_looked_at_although_no_stack_names_it() {
    let image = Image::new();
    image.stack(
        "rig",
        "auth required pam_countersign.so config=/etc/countersign/countersign.toml\n",
    );
    image.finds(&[]);
    let (out, _, code) = image.run(&["--config", "/etc/new.toml", "check"]);
    assert!(out.contains("error: /etc/new.toml does not exist\n"), "{out}");
    assert_eq!(code, 1);
}

#[test]
fn the_second_name_of_sudo_and_su_is_not_forgotten() {
    let image = Image::new();
    image.stack("sudo", "auth required pam_countersign.so\n");
    image.stack("su", "auth required pam_countersign.so\n");
    image.stack("su-l", "auth include su\n");
    image.finds_with_remedies(&[(
        "warning pam-twin /etc/pam.d/sudo-i \"sudo -i\" does not ask for a second factor",
        "cp /etc/pam.d/sudo /etc/pam.d/sudo-i",
    )]);
    // Its own session lines stay.
    image.stack("sudo-i", "@include common-auth\nsession required pam_env.so\n");
    assert_eq!(remedy(&image), "countersign setup --service sudo-i");
    image.write("etc/x.toml", "[tenant]\nurl = \"https://tenant.example\"\n");
    image.stack("sudo", "auth required pam_countersign.so config=/etc/x.toml\n");
    assert_eq!(remedy(&image), "countersign --config /etc/x.toml setup --service sudo-i");
    image.stack(
        "common-auth",
        "auth [success=1 default=ignore] pam_succeed_if.so service notin sudo\nauth required pam_countersign.so\n\
         auth requisite pam_unix.so\n",
    );
    image.stack("sudo", "@include common-auth\n");
    assert_eq!(remedy(&image), "countersign setup --service sudo-i");
    let setup = ["setup", "--service", "sudo-i", "--without-tenant", "--yes"];
    assert_eq!(image.run(&setup).2, 0);
    assert!(!image.ids().contains(&"pam-twin".to_owned()));
    image.remove("etc/pam.d/sudo-i");
    assert_eq!(
        remedy(&image),
        "cp /etc/pam.d/sudo /etc/pam.d/sudo-i && countersign setup --service sudo-i"
    );
}

/// What to do about the second name of sudo.
fn remedy(image: &Image) -> String {
    let (out, _, _) = image.run(&["check"]);
    let (_, twin) = out.split_once("/etc/pam.d/sudo-i\n").expect(&out);
    let (_, remedy) = twin.split_once("  do: ").unwrap();
    remedy.lines().next().unwrap().to_owned()
}

#[test]
fn a_system_where_nothing_names_the_module_asks_nobody() {
    let image = Image::new();
    image.remove("etc/pam.d/rig");
    image.write("etc/pam.conf", "# old\nlogin auth required pam_countersign.so\n");
    image.finds(&[
        "warning pam-conf /etc/pam.conf:2 /etc/pam.conf is not read",
        "warning pam-unused /etc/pam.d no PAM stack names pam_countersign.so",
    ]);
    image.remove("etc/pam.d/common-auth");
    image.finds(&["error pam-none /etc/pam.d there is no PAM service"]);
}

#[test]
fn services_of_the_vendor_and_links_are_followed() {
    let image = Image::new();
    image.remove("etc/pam.d/rig");
    image.write("usr/lib/pam.d/rig", "auth include system-auth\n");
    image.write(
        "etc/authselect/system-auth",
        "auth sufficient pam_unix.so\nauth required pam_countersign.so\n",
    );
    image.link("etc/pam.d/system-auth", "/etc/authselect/system-auth");
    image.finds(&["error pam-bypass /etc/pam.d/system-auth:1 pam_unix.so lets users in that Countersign has not asked"]);
    image.stack("rig", "auth required pam_countersign.so\n");
    image.remove("etc/pam.d/system-auth");
    image.finds(&[]);
}

#[test]
fn names_of_others_can_not_speak_to_the_terminal() {
    let image = Image::new();
    image.stack(
        "rig",
        "auth required pam_countersign.so\u{1b}[2J\nauth required pam_countersign.so \u{1b}]0;x\n",
    );
    let (out, _, _) = image.run(&["check"]);
    assert!(!out.contains('\u{1b}') && out.contains("u{1b}]0;x"), "{out}");
}

#[test]
fn a_stack_that_asks_twice_is_two_logins() {
    let ours = "auth required pam_countersign.so\n";
    for (stack, is_twice) in [
        (format!("{ours}auth required pam_unix.so\n{ours}"), true),
        (format!("{ours}auth include inner\n"), true),
        (format!("@include inner\n{ours}"), true),
        (format!("auth substack inner\n{ours}"), true),
        // One of them, by the service.
        (
            format!("auth [success=1 default=ignore] pam_succeed_if.so service in other\n{ours}"),
            false,
        ),
        (
            format!("auth [success=done ignore=ignore default=die] pam_countersign.so\n{ours}"),
            false,
        ),
    ] {
        let image = Image::new();
        image.stack("inner", ours);
        image.stack("rig", &stack);
        assert_eq!(image.ids().contains(&"pam-twice".to_owned()), is_twice, "{stack}");
    }
    let image = Image::new();
    image.stack("inner", ours);
    image.stack("rig", &format!("{ours}auth include inner\n"));
    image.finds_with_remedies(&[(
        "warning pam-twice /etc/pam.d/inner:1 rig asks for two logins, one after the other",
        "remove the line \"auth required pam_countersign.so\", or the one at /etc/pam.d/rig:1",
    )]);
}

const BYPASSED: &str = "auth sufficient pam_unix.so\nauth required pam_countersign.so\n";

#[test]
fn a_stack_of_a_package_is_read_where_etc_has_none() {
    let image = Image::new();
    image.remove("etc/pam.d/rig");
    image.write("usr/lib/pam.d/rig", "auth required pam_countersign.so\n");
    image.finds_with_remedies(&[(
        "warning pam-of-package /usr/lib/pam.d/rig:1 the file of a package names pam_countersign.so",
        "cp /usr/lib/pam.d/rig /etc/pam.d/, which libpam reads in its place",
    )]);
    image.write("usr/lib/pam.d/rig", BYPASSED);
    assert_eq!(image.ids(), ["pam-bypass", "pam-of-package"]);
    // What an administrator has in /etc stands in its place, includes too.
    image.stack("rig", "auth include shared\n");
    image.write("usr/lib/pam.d/shared", BYPASSED);
    assert_eq!(image.ids(), ["pam-bypass", "pam-of-package"]);
    image.stack("shared", "auth required pam_countersign.so\n");
    image.finds(&[]);
}

#[test]
fn other_folders_of_packages_are_read_where_this_libpam_does() {
    let image = Image::new();
    image.remove("etc/pam.d/rig");
    image.write("usr/etc/pam.d/rig", BYPASSED);
    image.write("usr/share/pam.d/second", BYPASSED);
    assert_eq!(image.ids(), ["pam-bypass", "pam-bypass", "pam-of-package", "pam-of-package"]);
    let libpam = "usr/lib/x86_64-linux-gnu/libpam.so.0";
    image.write(libpam, "/etc/pam.d/%s\0/usr/lib/pam.d/%s\0/usr/etc/pam.d/%s\0");
    assert_eq!(image.ids(), ["pam-bypass", "pam-of-package"]);
    image.write(libpam, "/etc/pam.d/%s\0/usr/lib/pam.d/%s\0");
    assert_eq!(image.ids(), ["pam-unused"]);
}

#[test]
fn pam_conf_counts_where_there_is_no_folder_of_services() {
    let image = Image::new();
    image.remove_folder("etc/pam.d");
    image.write(
        "etc/pam.conf",
        "# services\nrig auth sufficient pam_unix.so\n\nother auth required pam_deny.so\nRIG auth \\\n  required pam_countersign.so\n",
    );
    image.finds(&[
        "error pam-bypass /etc/pam.conf:2 pam_unix.so lets users in that Countersign has not asked",
    ]);
    image.write("usr/lib/pam.d/other", "auth required pam_deny.so\n");
    assert!(image.ids().contains(&"pam-conf".to_owned()));
}

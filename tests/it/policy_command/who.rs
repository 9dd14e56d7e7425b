//! The client or the administrator that the tenant is asked as.

use std::time::{Duration, Instant};

use super::*;

fn begin(world: &World, arguments: &str, lines: &[(&str, &str)]) -> Terminal {
    let mut terminal = Terminal::start(&mut world.command(arguments));
    for (prompt, line) in lines {
        if prompt.starts_with("Password") {
            terminal.wait_for_unseen(prompt)
        } else {
            terminal.wait_for(prompt)
        }
        terminal.type_line(line);
    }
    terminal
}

fn type_in(world: &World, arguments: &str, lines: &[(&str, &str)]) -> Seen {
    let seen = begin(world, arguments, lines).end();
    Seen { stderr: world.harmless(seen.stderr.as_bytes()), ..seen }
}

const ADMIN: &str = "Password of admin@example.com: ";
const BOB: &str = "Password of bob@example.com: ";
const OFF: &str = "/Policy/Off (Inactive)\n";

#[test]
fn a_client_asks_with_a_token_of_its_own() {
    let world = World::new();
    world.prints("list --policy Off", OFF);
    let requests = world.rig.simulator.requests();
    assert_eq!(requests[0].text, "grant_type=client_credentials&scope=policies");
    assert!(requests[0].headers["authorization"].starts_with("Basic "));
    assert!(requests[1].headers["authorization"].starts_with("Bearer eyJ"));
}

#[test]
fn an_administrator_logs_in_at_the_terminal_and_out_at_the_end() {
    for (tenant, token) in [("", "Bearer eyJ"), ("[tenant]\nno_token = true\n", "Bearer ")] {
        let world = World::of(&format!("{tenant}{SCENARIO}"));
        let seen = type_in(
            &world,
            "list --policy Off --as admin@example.com",
            &[(ADMIN, "correct horse"), ("Verification code: ", "287082")],
        );
        assert_eq!((seen.stdout.as_str(), seen.stderr.as_str(), seen.code), (OFF, "", Some(0)));
        let requests = world.rig.simulator.requests();
        let last = requests.last().unwrap();
        assert!(last.path.ends_with("/Logout"), "{}", last.path);
        assert!(last.headers["authorization"].starts_with(token));
    }
}

/// The answers of an administrator who logs in.
const LOGIN: [(&str, &str); 2] = [(ADMIN, "correct horse"), ("Verification code: ", "287082")];

#[test]
fn an_administrator_who_stops_at_a_question_is_logged_out_before() {
    let stops: [fn(&mut Terminal); 3] = [
        |terminal| terminal.press("\u{3}"),
        |terminal| terminal.press("\u{1c}"),
        |terminal| terminal.hang_up(),
    ];
    for stop in stops {
        let world = World::new();
        let create = "create test1 --profile 'Second Factor Only' --backup-folder kept --as admin@example.com";
        let mut terminal = begin(&world, create, &LOGIN);
        terminal.wait_for("Save this? [y/N] ");
        stop(&mut terminal);
        // A signal ended it.
        assert_eq!(terminal.end().code, None);
        assert_eq!(world.asked().last().unwrap(), "Logout");
        assert_eq!(world.count("SavePolicyBlock3"), 0);
    }
}

#[test]
fn an_administrator_who_stops_is_asked_for_nothing_more() {
    let world = World::new();
    let slow = What::Slow { millis: 1500 };
    world.rig.simulator.fault(slow.once().on_path("GetNicePlinks"));
    let mut terminal = begin(&world, "list --as admin@example.com", &LOGIN);
    let end = Instant::now() + Duration::from_secs(30);
    while world.count("GetNicePlinks") == 0 {
        assert!(Instant::now() < end);
        std::thread::sleep(Duration::from_millis(5));
    }
    terminal.press("\u{3}");
    assert_eq!(terminal.end().code, None);
    assert_eq!(world.asked().last().unwrap(), "Logout");
    assert_eq!(world.count("GetPolicyBlock"), 0);
}

#[test]
fn whoever_is_no_administrator_is_told_which_right_is_missing() {
    let world = World::new();
    let seen = type_in(&world, "list --as bob@example.com", &[(BOB, "battery staple")]);
    assert_eq!(
        (seen.stdout.as_str(), seen.stderr.as_str(), seen.code),
        (
            "",
            "countersign: can't read the policy sets: the right is missing (HTTP status 403)\n\
             hint: the scope of the OAuth application must take Policy/GetNicePlinks, and its user must be an \
             administrator who may read policies\n",
            Some(1)
        )
    );
    assert_eq!(world.asked().last().unwrap(), "Logout");
}

#[test]
fn a_login_that_fails_ends_there() {
    let world = World::new();
    let seen = type_in(
        &world,
        "roles --as admin@example.com",
        &[(ADMIN, "correct horse"), ("Verification code: ", "000000")],
    );
    assert_eq!(
        (seen.stderr.as_str(), seen.code),
        (
            "countersign: the tenant refused this answer or an earlier one: Answer OATH\n\
             hint: try again; the tenant tells its administrators more, in its own log\n",
            Some(1)
        )
    );
    assert_eq!(world.count("query"), 0);
}

#[test]
fn somebody_must_be_named_who_may() {
    let world = World::new();
    world.rig.configure("");
    let nobody = "countersign: an administrator of the tenant is not named: reading and changing policies needs one\n\
         hint: log in with --as, set [admin] in countersign.toml(5), or give --app, --client-id, --client-secret-file and --scope\n";
    world.fails("roles", nobody);
    world.fails("roles --app adm --client-id x --scope y", nobody);
    assert!(world.asked().is_empty());
    world.prints(
        "list --policy Off --app adm --client-id machine@example.com --client-secret-file secret --scope policies",
        OFF,
    );
    world.fails(
        "roles --app 'a/b' --client-id x --client-secret-file secret --scope y",
        "countersign: --app: expected letters, digits, - _ and .\n",
    );
}

#[test]
fn a_client_that_is_refused_and_a_secret_that_is_none_are_told() {
    let world = World::new();
    world.fails(
        "roles --scope everything",
        "countersign: the tenant refuses the client: invalid_scope the application has no such scope\n\
         hint: look at the client, its secret, the application and its scope in the tenant's portal\n",
    );
    world.write("secret", "", 0o600);
    world.fails("roles", "countersign: DIR/secret: line 1: there is no secret in the first line\n");
    world.write("secret", "s3cret words\n", 0o644);
    world.fails(
        "roles",
        "countersign: DIR/secret: is a secret that others than its owner can open (mode 0644): chmod go=\n",
    );
    assert_eq!(world.count("query"), 0);
}

#[test]
fn a_token_that_is_no_longer_taken_is_told() {
    let world = World::new();
    world.rig.simulator.fault(status(401).once().on_path("RedRock"));
    world.fails(
        "roles",
        "countersign: can't read the roles: the tenant does not take the token (HTTP status 401)\n\
         hint: the token has ended or was revoked, or is for another tenant: log in again\n",
    );
}

#[test]
fn tenants_of_the_shared_services_are_asked_in_their_own_place() {
    let world = World::of(&format!("[tenant]\nshared_services = true\n{SCENARIO}"));
    world.prints("list --policy Off", OFF);
    let paths: Vec<_> = world.rig.simulator.requests().iter().map(|one| one.path.clone()).collect();
    assert_eq!(&paths[1..3], ["/Policy/GetNicePlinks", "/api/idadmin/Policy/GetNicePlinks"]);
    assert!(paths[3..].iter().all(|path| path.starts_with("/api/idadmin/")), "{paths:?}");
}

#[test]
fn a_tenant_that_repeats_the_secret_is_not_quoted() {
    for spelling in Spelling::ALL {
        let world = World::new();
        world.write("secret", "wr0ng-s3cret-77\n", 0o600);
        world.rig.simulator.fault(What::Echo { spelling }.once().on_path("token"));
        world.fails(
            "roles",
            "countersign: the tenant refuses the client: (withheld: it repeats a secret of this login)\n\
             hint: look at the client, its secret, the application and its scope in the tenant's portal\n",
        );
    }
}

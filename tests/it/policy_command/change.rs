//! `create`, `remove` and `restore`.

use serde_json::{Value, json};

use super::*;

const CREATE: &str = "create test1 --profile 'Second Factor Only' --backup-folder kept";
/// What making it changes.
const DIFFERENCE: &str = "\
--- /Policy/Default Policy as it is
+++ /Policy/Default Policy as it would be
@@ -58,7 +58,16 @@
     \"/Core/Authentication/ContinueFailedSessions\": true,
     \"/Core/Authentication/SkipMechsInFalseAdvance\": true,
     \"/Core/Security/CDS/LockoutPolicy/Threshold\": 5,
-    \"AuthenticationEnabled\": true
+    \"AuthenticationEnabled\": true,
+    \"/Core/test1/AuthenticationEnabled\": true,
+    \"/Core/test1/Authentication/AuthenticationRules\": {
+      \"_Type\": \"RowSet\",
+      \"Enabled\": true,
+      \"_UniqueKey\": \"Condition\",
+      \"_Value\": []
+    },
+    \"/Core/test1/Authentication/AuthenticationRulesDefaultProfileId\": \"22222222-2222-4222-8222-222222222222\",
+    \"/Core/test1/Authentication/NoMfaMechLogin\": false
   },
   \"Version\": 6
 }
";
const SAVED: &str = "\
The challenge policy test1 is in /Policy/Default Policy.
What it replaced is in DIR/kept/FILE; countersign policy restore puts it back.
";
const LATE: &str = "countersign: /Policy/Default Policy was changed meanwhile: it was read again\n";
const NO_TEST1: &str =
    "countersign: there is no challenge policy test1\nhint: countersign policy list shows them\n";

/// Whether the tenant has test1.
fn is_there(world: &World) -> bool {
    world.run("show test1").2 == 0
}

#[test]
fn a_dry_run_shows_the_difference_and_saves_nothing() {
    let world = World::new();
    world.prints(
        &format!("{CREATE} --dry-run"),
        &format!("{DIFFERENCE}Nothing was saved: this was a dry run.\n"),
    );
    let (out, _, _) = world.run(&format!("{CREATE} --dry-run --json"));
    let object: Value = serde_json::from_str(&out).unwrap();
    let expected = json!({
        "policy": "/Policy/Default Policy", "saved": false, "rev_stamp": null, "backup": null,
        "difference": DIFFERENCE.trim_end_matches('\n'),
    });
    assert_eq!(object, expected);
    assert_eq!(world.count("SavePolicyBlock3") + world.count("AddAuthPolicyModifier"), 0);
    assert!(world.kept().is_empty());
}

#[test]
fn one_is_made_in_the_six_steps_and_asked_for_by_a_login() {
    let world = World::new();
    world.prints(&format!("{CREATE} --yes"), &format!("{DIFFERENCE}{SAVED}"));
    let steps = [
        "adm",
        "GetUsingCloudMobileGP",
        "GetNicePlinks",
        "GetNicePlinks",
        "GetPolicyBlock",
        "AddAuthPolicyModifier",
        "SavePolicyBlock3",
        "GetPolicyBlock",
    ];
    assert_eq!(world.asked(), steps);
    let save = &world.rig.simulator.requests()[6].body;
    assert_eq!(save["policy"]["Newpolicy"], false);
    assert_eq!(save["plinks"].as_array().unwrap().len(), 3);
    let folder = world.rig.folder.path().display();
    world.rig.configure(&format!(
        "[login]\nflow = \"on-demand\"\n\n[on_demand]\napp = \"adm\"\nclient_id = \"machine@example.com\"\n\
         client_secret_file = \"{folder}/secret\"\nscope = \"policies\"\npolicy = \"test1\""
    ));
    let output = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .arg("--config")
        .arg(world.rig.config())
        .args(["mechanisms", "--tenant-user", "admin@example.com"])
        .output()
        .unwrap();
    let out = world.harmless(&output.stdout);
    assert!(out.contains("\nChallenge 1, one of\n  OTP    counts as something owned"), "{out}");
}

#[test]
fn programs_are_told_what_was_saved() {
    let world = World::new();
    let (out, err, code) = world.run(&format!("{CREATE} --yes --json"));
    assert_eq!((err.as_str(), code), ("", 0));
    let object: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&object["saved"], &object["backup"]), (&json!(true), &json!("DIR/kept/FILE")));
    assert_eq!(object["rev_stamp"], "636486318320000000");
}

#[test]
fn it_is_asked_before_anything_is_saved() {
    for (answer, there) in [("y", true), ("n", false), ("", false)] {
        let world = World::new();
        let mut terminal = Terminal::start(&mut world.command(CREATE));
        terminal.wait_for("Save this? [y/N] ");
        assert_eq!(world.count("SavePolicyBlock3") + world.count("AddAuthPolicyModifier"), 0);
        terminal.type_line(answer);
        let seen = terminal.end();
        assert_eq!(seen.screen, format!("{DIFFERENCE}Save this? [y/N] {answer}\n"));
        let said = (world.harmless(seen.stdout.as_bytes()), seen.stderr, seen.code);
        if there {
            assert_eq!(said, (SAVED.to_owned(), String::new(), Some(0)))
        } else {
            let no = "countersign: nothing was saved\n".to_owned();
            assert_eq!(said, (String::new(), no, Some(1)));
        }
        assert_eq!(is_there(&world), there);
        assert_eq!(world.kept().len(), usize::from(there));
    }
}

#[test]
fn without_a_terminal_the_tenant_is_not_asked() {
    let world = World::new();
    let command = world.command(CREATE);
    let mut alone = Command::new("setsid");
    alone.arg("--wait").arg(command.get_program()).args(command.get_args());
    let output = alone.current_dir(world.rig.folder.path()).output().unwrap();
    let said = "countersign: there is no terminal to ask on\nhint: with --yes, it is not asked\n";
    assert_eq!((world.harmless(&output.stderr), output.status.code()), (said.to_owned(), Some(1)));
    assert!(world.asked().is_empty());
}

#[test]
fn a_change_in_between_is_read_and_the_change_made_on_top_of_it() {
    let world = World::new();
    world.rig.simulator.rival(2);
    let (out, err, code) = world.run(&format!("{CREATE} --yes"));
    assert_eq!((err, code), (LATE.repeat(2), 0));
    assert!(out.ends_with(SAVED), "{out}");
    assert_eq!(world.count("AddAuthPolicyModifier"), 1);
    // What the rival has changed is in what was saved.
    let requests = world.rig.simulator.requests();
    let saves: Vec<_> =
        requests.iter().filter(|one| one.path.ends_with("SavePolicyBlock3")).collect();
    let prompt = |at: usize| &saves[at].body["policy"]["Settings"]["/Core/Security/CDS/ExternalMFA/UiPrompt"];
    assert_eq!((saves.len(), prompt(0)), (3, &Value::Null));
    assert_eq!(prompt(2), "636486318330000000");
    // What did not come to be has left no file.
    assert_eq!(world.kept().len(), 1);
}

#[test]
fn somebody_who_is_always_faster_is_not_fought_for_ever() {
    let world = World::new();
    world.rig.simulator.rival(u32::MAX);
    world.fails(
        &format!("{CREATE} --yes"),
        &format!(
            "{}countersign: /Policy/Default Policy changes all the time: given up after 3 tries, nothing was saved\n\
             hint: find out who else is changing it, and try again\n",
            LATE.repeat(3)
        ),
    );
    assert!(world.kept().is_empty());
}

#[test]
fn what_changes_while_somebody_thinks_is_shown_and_asked_about_again() {
    let world = World::new();
    let mut terminal = Terminal::start(&mut world.command(CREATE));
    terminal.wait_for("Save this? [y/N] ");
    world.rig.simulator.meddle();
    terminal.type_line("y");
    terminal.wait_for("Save this? [y/N] ");
    assert_eq!(world.count("SavePolicyBlock3"), 0);
    terminal.type_line("y");
    let seen = terminal.end();
    assert_eq!((seen.stderr.as_str(), seen.code), (LATE, Some(0)));
    assert!(is_there(&world));
}

#[test]
fn a_name_that_is_taken_and_a_profile_that_is_none_are_told() {
    let world = World::new();
    world.make_test1();
    world.fails(
        &format!("{CREATE} --yes"),
        "countersign: /Policy/Default Policy has settings called test1 already\n\
         hint: countersign policy show test1, or choose another name\n",
    );
    world.fails(
        "create authentication --profile Password --dry-run",
        "countersign: /Policy/Default Policy has settings called authentication already\nhint: choose another name\n",
    );
    let no_profile =
        "countersign: there is no profile Strong\nhint: countersign policy profiles lists them\n";
    world.fails("create b --profile Strong --dry-run", no_profile);
    world.fails(
        "create b --profile Password --rule 'RiskLevel OpIn High then Strong' --dry-run",
        no_profile,
    );
    assert_eq!(world.count("SavePolicyBlock3"), 1);
}

#[test]
fn two_profiles_of_one_name_are_told_apart_by_their_ids() {
    let world = World::new();
    let profile = |id: &str| json!({"Uuid": id, "Name": "Twin", "Challenges": ["UP"]});
    let block = json!({"success": true, "Result": {
        "Path": "/Policy/Default Policy", "RevStamp": "1", "Settings": {}, "AuthProfiles": [profile("a"), profile("b")],
    }});
    world.answers_once("GetPolicyBlock", &block);
    world.fails(
        "create b --profile twin --dry-run",
        "countersign: more than one profile is called twin\n\
         hint: name it by its id, which countersign policy profiles shows\n",
    );
    world.answers_once("GetPolicyBlock", &block);
    assert_eq!(world.run("create b --profile b --dry-run").2, 0);
}

#[test]
fn a_policy_set_is_found_by_its_role() {
    let world = World::new();
    let (out, err, code) =
        world.run("create a --profile Password --role 'system administrator' --dry-run");
    assert_eq!((err.as_str(), code), ("", 0));
    assert!(out.starts_with("--- /Policy/Linux as it is\n"), "{out}");
    world.fails(
        "create a --profile Password --role Everybody --dry-run",
        "countersign: no policy set is for the role Everybody\n\
         hint: name one with --policy; countersign policy list shows them\n",
    );
    let twice = "[[policy_set]]\npath = \"/Policy/Two\"\nlink = \"Role\"\nroles = [\"System Administrator\"]";
    let world = World::of(&format!("{SCENARIO}{twice}"));
    world.fails(
        "create a --profile Password --role 'System Administrator' --dry-run",
        "countersign: more than one policy set is for the role System Administrator\n\
         hint: name one with --policy; countersign policy list shows them\n",
    );
}

#[test]
fn one_is_removed_and_nothing_else() {
    let world = World::new();
    world.fails("remove test1 --yes --backup-folder kept", NO_TEST1);
    world.make_test1();
    let (out, err, code) = world.run("remove test1 --yes --backup-folder kept");
    assert_eq!((err.as_str(), code), ("", 0));
    assert!(out.contains("\n-    \"/Core/test1/AuthenticationEnabled\": true,\n"), "{out}");
    assert!(
        out.ends_with(
            "\nThe challenge policy test1 is no longer in /Policy/Default Policy.\n\
             What it replaced is in DIR/kept/FILE; countersign policy restore puts it back.\n"
        ),
        "{out}"
    );
    world.fails("show test1", NO_TEST1);
    // It could be made again, so everything else is as it was.
    let (out, _, _) = world.run(&format!("{CREATE} --dry-run"));
    assert!(out.starts_with(DIFFERENCE), "{out}");
}

#[test]
fn one_that_is_in_two_policy_sets_needs_to_be_told_from_the_other() {
    let world = World::new();
    world.make_test1();
    let (_, _, code) = world.run(&format!("{CREATE} --policy Linux --yes"));
    assert_eq!(code, 0);
    let both = "countersign: test1 is in more than one policy set\n\
                hint: --policy names one of: /Policy/Default Policy, /Policy/Linux\n";
    world.fails("remove test1 --dry-run", both);
    world.fails("show test1", both);
    assert_eq!(world.run("remove test1 --policy Linux --yes --backup-folder kept").2, 0);
    assert!(is_there(&world));
}

#[test]
fn what_was_replaced_is_kept_for_its_owner_alone_and_put_back() {
    let world = World::new();
    let file = world.make_test1();
    let mode = |path: &str| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode(&file), mode(file.rsplit_once('/').unwrap().0)), (0o600, 0o700));
    let kept: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert_eq!(kept["policy"]["RevStamp"], "636486318310000000");
    assert_eq!(kept["replaced_by"], "636486318320000000");
    assert_eq!(kept["plinks"].as_array().unwrap().len(), 3);
    let (out, err, code) = world.run(&format!("restore {file} --yes --backup-folder kept"));
    assert_eq!((err.as_str(), code), ("", 0));
    assert!(out.contains("\n-    \"/Core/test1/AuthenticationEnabled\": true,\n"), "{out}");
    assert!(out.contains("\n/Policy/Default Policy is as it was.\n"), "{out}");
    world.fails("show test1", NO_TEST1);
    // Once more would undo what was done since, if there were anything.
    world.fails(
        &format!("restore {file} --force --yes --backup-folder kept"),
        "countersign: /Policy/Default Policy is like that already: nothing was saved\n",
    );
}

#[test]
fn a_file_that_is_stale_is_not_put_back_unless_it_is_wanted() {
    let world = World::new();
    let file = world.make_test1();
    world.rig.simulator.meddle();
    world.fails(
        &format!("restore {file} --yes --backup-folder kept"),
        "countersign: /Policy/Default Policy was changed since it was kept: restoring it would undo that too\n\
         hint: --force --dry-run shows what would be undone, and --force does it\n",
    );
    assert!(is_there(&world));
    let (out, _, code) = world.run(&format!("restore {file} --force --dry-run"));
    assert_eq!(code, 0);
    assert!(
        out.contains("\n-    \"/Core/Security/CDS/ExternalMFA/UiPrompt\": \"636486318330000000\","),
        "{out}"
    );
    assert_eq!(world.run(&format!("restore {file} --force --yes --backup-folder kept")).2, 0);
    assert!(!is_there(&world));
}

#[test]
fn a_file_that_holds_no_policy_set_of_this_tenant_is_not_put_back() {
    let world = World::new();
    let file = world.make_test1();
    let text = fs::read_to_string(&file).unwrap();
    let hint = "hint: restore takes a file that create, remove or restore has kept\n";
    let requests = world.asked().len();
    for (content, why) in [
        ("{".to_owned(), "not JSON (line 1, column 1)"),
        ("{}".to_owned(), "is no policy set that was kept"),
        (text.replace("\"Settings\"", "\"Set\""), "is no policy set that was kept"),
        (
            text.replace(&world.rig.simulator.url(), "https://other.example"),
            "is from another tenant, https://other.example",
        ),
    ] {
        world.write("odd.json", &content, 0o600);
        world.fails(
            "restore odd.json --dry-run",
            &format!("countersign: DIR/odd.json: {why}\n{hint}"),
        );
    }
    world.write("odd.json", &text, 0o644);
    world.fails(
        "restore odd.json --dry-run",
        "countersign: DIR/odd.json: is a secret that others than its owner can open (mode 0644): chmod go=\n",
    );
    world
        .fails("restore nowhere.json --dry-run", "countersign: DIR/nowhere.json: does not exist\n");
    assert_eq!(world.asked().len(), requests);
}

#[test]
fn a_folder_that_others_can_open_keeps_nothing() {
    let world = World::new();
    let folder = world.rig.folder.path().join("kept");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
    world.fails(
        &format!("{CREATE} --yes"),
        "countersign: DIR/kept: is open to others than its owner (mode 0755): chmod go=\n\
         hint: --backup-folder names a folder of your own to keep what is replaced in\n",
    );
    assert!(world.asked().is_empty());
}

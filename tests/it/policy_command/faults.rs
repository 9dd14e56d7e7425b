//! A tenant that does not answer as it should.

use serde_json::{Value, json};

use super::*;

const CREATE: &str = "create test1 --profile Password --yes --backup-folder kept";
const UNSURE: &str = "hint: the change may or may not be saved: countersign policy list shows what the tenant has now\n";
const BEFORE: &str = "countersign: what was there before is in DIR/kept/FILE\n";

#[test]
fn what_is_no_reply_is_told_with_a_hint() {
    let world = World::new();
    let proxy = "hint: is tenant.url right? Is there a proxy in between?\n";
    for (fault, said) in [
        (
            What::Html,
            format!(
                "countersign: can't read the roles: a reply of type \"text/html; charset=utf-8\"\n{proxy}"
            ),
        ),
        (status(404), format!("countersign: can't read the roles: HTTP status 404\n{proxy}")),
        (
            What::BadJson,
            "countersign: can't read the roles: the reply is not JSON (line 1, column 26)\n\
             hint: the tenant may speak a newer version of its API: please report it\n"
                .to_owned(),
        ),
        (
            What::Body { json: json!({"success": true, "Result": {"Results": {}}}) },
            "countersign: can't read the roles: the reply is without a table\n\
             hint: the tenant may speak a newer version of its API: please report it\n"
                .to_owned(),
        ),
    ] {
        world.rig.simulator.fault(fault.once().on_path("RedRock"));
        if said.contains("404") {
            world.rig.simulator.fault(status(404).once().on_path("idadmin/RedRock"));
        }
        world.fails("roles", &said);
    }
}

#[test]
fn a_refusal_says_what_the_tenant_says() {
    let world = World::new();
    let no = json!({"success": false, "Result": null, "Message": "You are \u{1b}[31mnot \"authorized\"."});
    world.answers_once("GetNicePlinks", &no);
    let (out, err, code) = world.run("list");
    assert_eq!((out.as_str(), code), ("", 1));
    let (said, hint) = err.split_once('\n').unwrap();
    assert_eq!(
        said,
        "countersign: the tenant refuses to read the policy sets: \"You are [31mnot 'authorized'.\""
    );
    assert!(hint.starts_with("hint: the tenant"), "{hint}");
}

#[test]
fn a_busy_tenant_is_asked_again_to_read_and_never_to_save() {
    let busy = |times| simulator::Fault {
        times,
        ..What::Status { code: 503, retry_after: Some(0), body: None }.once()
    };
    let world = World::new();
    world.rig.simulator.fault(busy(2).on_path("RedRock"));
    assert_eq!(world.run("roles").2, 0);
    world.rig.simulator.fault(busy(3).on_path("RedRock"));
    world.fails(
        "roles",
        "countersign: can't read the roles: the tenant is too busy\nhint: try again in a minute\n",
    );
    world.rig.simulator.fault(busy(1).on_path("SavePolicyBlock3"));
    world.fails(
        CREATE,
        &format!("{BEFORE}countersign: can't save the policy set: the tenant is too busy\nhint: try again in a minute\n"),
    );
    assert_eq!(world.count("SavePolicyBlock3"), 1);
}

#[test]
fn nobody_knows_what_became_of_a_save_without_a_reply() {
    let world = World::new();
    world.rig.simulator.fault(What::CutBeforeReply.once().on_path("SavePolicyBlock3"));
    let (out, err, code) = world.run(CREATE);
    assert_eq!((out.as_str(), code), ("", 1));
    let start = format!("{BEFORE}countersign: can't save the policy set: connection cut: ");
    assert!(err.starts_with(&start) && err.ends_with(UNSURE), "{err}");
    assert_eq!(world.run("show test1").2, 0);
    assert_eq!(world.kept().len(), 1);
    // What replaced it is not known, so it is stale until the administrator says otherwise.
    let file = world.kept().pop().unwrap();
    assert_eq!(world.run(&format!("restore {file} --yes --backup-folder kept")).2, 1);
    assert_eq!(world.run(&format!("restore {file} --yes --force --backup-folder kept")).2, 0);
    assert_eq!(world.run("show test1").2, 1);
}

#[test]
fn a_refused_save_that_is_no_conflict_is_told() {
    let world = World::new();
    let no = json!({"success": false, "Result": null, "Message": "No."});
    world.answers_once("SavePolicyBlock3", &no);
    let (out, err, code) = world.run(CREATE);
    assert_eq!((out.as_str(), code), ("", 1));
    assert!(
        err.starts_with("countersign: the tenant refuses to save the policy set: \"No.\"\nhint: "),
        "{err}"
    );
    assert_eq!(world.count("SavePolicyBlock3"), 1);
    assert!(world.kept().is_empty());
}

#[test]
fn a_right_that_is_missing_to_save_is_told() {
    let world =
        World::of(&SCENARIO.replace("app = \"adm\"", "app = \"adm\"\ncalls = [\"Policy/Get\"]"));
    world.fails(
        CREATE,
        "countersign: can't register the challenge policy: the right is missing (HTTP status 403)\n\
         hint: the scope of the OAuth application must take Policy/AddAuthPolicyModifier, and its user must be an \
         administrator who may change policies\n",
    );
}

#[test]
fn a_name_that_the_tenant_knows_from_before_is_no_obstacle() {
    let world = World::new();
    let no = json!({"success": false, "Result": null, "Message": "It exists."});
    world.answers_once("AddAuthPolicyModifier", &no);
    let (_, err, code) = world.run(CREATE);
    assert_eq!(
        (err.as_str(), code),
        (
            "countersign: the tenant refuses to register the challenge policy: \"It exists.\"\n\
             hint: it may know the name from before: going on\n",
            0
        )
    );
}

#[test]
fn a_save_that_was_none_is_found_out() {
    let world = World::new();
    let yes = json!({"success": true, "Result": {"RevStamp": "1"}});
    world.answers_once("SavePolicyBlock3", &yes);
    let (out, err, code) = world.run(CREATE);
    assert_eq!(out, "", "one thing is said");
    assert_eq!(
        (err.as_str(), code),
        (
            "countersign: what was there before is in DIR/kept/FILE\n\
             countersign: the tenant said that it has saved the change, and does not have it\n\
             hint: look at the policy set in the tenant's portal; it may have been changed since\n",
            1
        )
    );
}

/// A file that may not grow by the stamp, as where the disk is full.
#[test]
fn a_stamp_that_can_not_be_kept_does_not_hide_that_the_change_was_saved() {
    let world = World::new();
    let first = world.make_test1();
    let longest = fs::metadata(&first).unwrap().len() - 1;
    assert_eq!(world.run("remove test1 --yes --backup-folder other").2, 0);
    fs::remove_file(first).unwrap();
    let create =
        world.command("create test1 --profile 'second factor only' --yes --backup-folder kept");
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec prlimit --fsize=$0 -- \"$@\""])
        .arg(longest.to_string())
        .arg(create.get_program())
        .args(create.get_args())
        .current_dir(world.rig.folder.path())
        .output()
        .unwrap();
    assert_eq!(
        (world.harmless(&output.stderr).as_str(), output.status.code()),
        (
            "countersign: the change was saved, but its stamp was not added to what it replaced: DIR/kept/FILE: \
             File too large (os error 27)\n\
             hint: countersign policy restore of that file will need --force\n",
            Some(0)
        )
    );
    let out = world.harmless(&output.stdout);
    let saved = "The challenge policy test1 is in /Policy/Default Policy.\n\
        What it replaced is in DIR/kept/FILE; countersign policy restore puts it back.\n";
    assert!(out.ends_with(saved), "{out}");
    let file = world.kept().pop().unwrap();
    let restore = format!("restore {file} --yes --backup-folder other");
    assert_eq!(world.run(&restore).2, 1);
    assert_eq!(world.run(&format!("{restore} --force")).2, 0);
    assert_eq!(world.run("show test1").2, 1);
}

/// Of what is read back behind a restore, the settings count, and what they mean.
#[test]
fn a_restore_is_one_however_the_tenant_spells_it() {
    for (threshold, code) in [("5.0", 0), ("6", 1)] {
        let world = World::new();
        let file = world.make_test1();
        let kept = fs::read_to_string(&file).unwrap();
        let kept: Value = serde_json::from_str(&kept).unwrap();
        let reply = |stamp: &Value, threshold: &str| {
            let mut block = kept["policy"].clone();
            block["Settings"]["/Core/Security/CDS/LockoutPolicy/Threshold"] =
                serde_json::from_str(threshold).unwrap();
            block["RevStamp"] = stamp.clone();
            block["Description"] = json!("new");
            let json = json!({"success": true, "Result": block});
            What::Body { json }.once().on_path("GetPolicyBlock")
        };
        let before = reply(&kept["replaced_by"], "7");
        world.rig.simulator.fault(before);
        world.rig.simulator.fault(reply(&json!("9"), threshold));
        let (_, err, seen) = world.run(&format!("restore {file} --yes --backup-folder other"));
        let said = match code {
            0 => "",
            _ => {
                "countersign: the tenant said that it has saved the change, and does not have it\n\
                 hint: look at the policy set in the tenant's portal; it may have been changed since\n"
            }
        };
        assert!(err.ends_with(said), "{err}");
        assert_eq!((err.is_empty(), seen), (code == 0, code));
    }
}

#[test]
fn a_tenant_without_policies_of_its_own_is_remarked_on() {
    let world = World::new();
    let no = json!({"success": true, "Result": {"useCloudGP": false}});
    world.answers_once("GetUsingCloudMobileGP", &no);
    let (_, err, code) = world.run("create test1 --profile Password --dry-run");
    assert_eq!(
        (err.as_str(), code),
        (
            "countersign: the tenant does not use policies of its own (useCloudGP is false)\n\
             hint: the challenge policy may be of no effect\n",
            0
        )
    );
}

/// A block of another year, as the tenant spells it.
#[test]
fn what_nobody_here_has_heard_of_goes_back_as_it_came() {
    let world = World::new();
    let odd = r#""Zeta":{"b":1.50,"a":1e3,"big":123456789012345678901234567890},"Version":6.0"#;
    let block = format!(
        r#"{{"success":true,"Result":{{{odd},"Settings":{{"z":"\u00fc","a":-0}},"Path":"/Policy/Default Policy","RevStamp":"636486318310000000","AuthProfiles":[{{"Uuid":"id","Name":"Password","Challenges":["UP"],"New":[0.10]}}]}}}}"#
    );
    let reply = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{block}",
        block.len()
    );
    world.rig.simulator.fault(What::Raw { bytes: reply }.once().on_path("GetPolicyBlock"));
    world.run(CREATE);
    let requests = world.rig.simulator.requests();
    let save = requests.iter().find(|one| one.path.ends_with("SavePolicyBlock3")).unwrap();
    let expected = format!(
        r#"{{"policy":{{{odd},"Settings":{{"z":"\u00fc","a":-0,"/Core/test1/AuthenticationEnabled":true,"#
    );
    assert!(save.text.starts_with(&expected), "{}", save.text);
    let end = r#""AuthProfiles":[{"Uuid":"id","Name":"Password","Challenges":["UP"],"New":[0.10]}],"Newpolicy":false},"plinks":["#;
    assert!(save.text.contains(end), "{}", save.text);
    let _: Value = serde_json::from_str(&save.text).unwrap();
}

#[test]
fn a_difference_shows_nothing_that_hides() {
    let world = World::new();
    let block = json!({"success": true, "Result": {
        "Path": "/Policy/Default Policy", "RevStamp": "1", "Settings": {"z": "no\u{202e}th\u{9b}ing"},
        "AuthProfiles": [{"Uuid": "id", "Name": "Password", "Challenges": ["UP"]}],
    }});
    world.answers_once("GetPolicyBlock", &block);
    let (out, _, code) = world.run("create test1 --profile Password --dry-run");
    assert!(out.contains("\n-    \"z\": \"nothing\"\n+    \"z\": \"nothing\",\n"), "{out}");
    assert_eq!(code, 0);
}

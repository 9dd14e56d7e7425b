//! `countersign totp`, as it is typed: on a terminal, in a pipe, by many at once, and killed at
//! every step.

mod faults;
mod machine;

use std::fs;

use countersign::local::offline::record::Stage;
use countersign::otpauth;
use serde_json::Value;

use machine::{Machine, SECRET, code, wrong};

#[test]
fn enrolment_shows_the_key_on_the_terminal_alone_and_asks_for_a_code() {
    let machine = Machine::new();
    let mut session = machine.on_a_terminal(&["totp", "enroll", "root"]);
    let shown = session.until("Verification code that it shows now: ");
    assert!(shown.contains('\u{2588}') && shown.contains("\u{1b}[97;40m"), "a picture");
    let picture = shown.lines().filter(|line| line.contains("\u{1b}[97;40m"));
    assert!(picture.count() <= 23, "it fits above its question: {shown}");
    let line = shown.lines().find(|line| line.starts_with("otpauth://"));
    let key = otpauth::read(line.unwrap().trim()).unwrap();
    assert!(line.unwrap().starts_with("otpauth://totp/Countersign:root%40"));
    let secret = key.base32();
    assert_eq!(secret.len(), 32, "160 bits");
    assert!(shown.contains(&format!("\n{}", *secret)));
    assert!(machine.store().load(0).unwrap().is_none(), "nothing is kept before the code");
    session.type_line("nonsense");
    session.until("Verification code that it shows now: ");
    session.type_line(&code(&key));
    let codes = session.until("Keep them where the phone is not:");
    assert!(!codes.contains(secret.as_str()));
    let (rest, out, status) = session.end();
    assert_eq!(status, 0, "{rest}");
    assert_eq!(rest.matches('-').count(), 30, "ten codes: {rest}");
    assert_eq!(
        out,
        "root (uid 0): enrolled; 0 offline logins, 10 recovery codes left, last online 0 s ago\n"
    );
    let record = machine.store().load(0).unwrap().unwrap();
    assert_eq!(record.stage, Stage::Active);
    assert!(!machine.verify(&code(&key)).0, "that code was used up");
    let recovery = rest.split_whitespace().find(|word| word.len() == 19);
    assert!(machine.verify(recovery.unwrap()).0);
}

#[test]
fn where_the_locale_has_no_blocks_a_word_stands_in_the_place_of_the_picture() {
    let machine = Machine::new();
    let mut session = machine.on_a_terminal_in("C", &["totp", "enroll", "root"]);
    let shown = session.until("Verification code that it shows now: ");
    assert!(shown.is_ascii(), "{shown}");
    let why_not = "No picture: LANG or TERM says that this terminal can't show one.";
    assert!(shown.contains(why_not), "{shown}");
    for _ in 0..2 {
        session.type_line("12345");
        session.until("Verification code that it shows now: ");
    }
    session.type_line("12345");
    assert_eq!(session.end().2, 1);
}

#[test]
fn an_enrolment_without_the_right_code_leaves_nothing() {
    let machine = Machine::new();
    let mut session = machine.on_a_terminal(&["totp", "enroll", "root", "--qr", "none"]);
    for tries in 0..3 {
        let shown = session.until("Verification code that it shows now: ");
        assert!(!shown.contains('\u{2588}'));
        let said = shown.contains("That is not the code that it shows now.");
        assert_eq!(said, tries > 0, "{shown}");
        session.type_line("12345");
    }
    let (rest, out, status) = session.end();
    assert_eq!((out.as_str(), status), ("", 1));
    assert!(rest.contains("countersign: that was not the code: nothing was changed"), "{rest}");
    assert!(machine.files().is_empty());
}

#[test]
fn a_key_is_shown_nowhere_without_a_terminal() {
    let machine = Machine::new();
    let (out, err, status) = machine.run(&["totp", "enroll", "root"], "");
    assert_eq!((out.as_str(), status), ("", 1));
    assert!(
        err.starts_with("countersign: there is no terminal to ask on\n")
            && err.ends_with("--batch is for programs\n"),
        "{err}"
    );
    assert!(machine.files().is_empty());
}

#[test]
fn a_key_from_elsewhere_is_typed_unseen_and_works() {
    let machine = Machine::new();
    let mut session = machine.on_a_terminal(&["totp", "import", "root", "--json"]);
    session.until_unseen("otpauth URI or base32 secret: ");
    session.type_line(SECRET);
    let shown = session.until("Verification code that it shows now: ");
    assert!(!shown.contains("GEZD"), "{shown}");
    session.type_line(&machine::code_of_secret(0));
    session.until("Recovery codes");
    let (_, out, status) = session.end();
    assert_eq!(status, 0);
    let object: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(object["stage"], "active");
    assert_eq!(object["recovery_codes"], 10);
    assert!(!out.contains("GEZD"), "{out}");
}

#[test]
fn an_import_from_a_pipe_waits_for_its_first_code() {
    let machine = Machine::new();
    let uri = format!("otpauth://totp/x?secret={SECRET}&algorithm=SHA256&digits=8&period=60");
    machine.prints(
        &["totp", "import", "root"],
        &uri,
        "root (uid 0): enrolled, waits for its first code; 0 offline logins, 0 recovery codes left, last online 0 s ago\n",
    );
    let key = otpauth::read(&uri).unwrap();
    assert_eq!(machine.verify(&code(&key)), (true, "The code is right, and used up.\n".into()));
    let (out, _, _) = machine.run(&["totp", "status", "root", "--json"], "");
    let object: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(object["stage"], "active");
    assert_eq!(object["algorithm"], "SHA256");
    assert_eq!((&object["digits"], &object["period"]), (&8.into(), &60.into()));
    for (text, problem) in [
        ("", "countersign: unexpected end of file\n"),
        ("GEZDGNBV", "countersign: the secret has 40 bits: only 112 to 1024 are accepted\n"),
        ("https://x", "countersign: expected otpauth://totp/...\n"),
    ] {
        let machine = Machine::new();
        machine.fails(&["totp", "import", "root"], text, problem);
        assert!(machine.files().is_empty());
    }
}

#[test]
fn a_fleet_is_enrolled_from_a_list_and_each_key_counts_from_its_first_code() {
    let machine = Machine::new();
    let (out, err, status) =
        machine.run(&["totp", "enroll", "--batch"], "root\n\nno such user\ndaemon\n");
    assert_eq!(status, 1);
    assert_eq!(
        err,
        "countersign: there is no user no such user\n\
         hint: name a user of this machine, not of the tenant\n\
         countersign: 1 user was not enrolled\n"
    );
    let objects: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: Vec<_> = objects.iter().map(|object| &object["user"]).collect();
    assert_eq!(names, ["root", "daemon"]);
    let key = otpauth::read(objects[0]["uri"].as_str().unwrap()).unwrap();
    let codes = objects[0]["recovery_codes"].as_array().unwrap();
    assert_eq!(codes.len(), 10);
    assert_eq!(machine.store().load(0).unwrap().unwrap().stage, Stage::Pending);
    assert!(machine.verify(&code(&key)).0);
    assert_eq!(machine.store().load(0).unwrap().unwrap().stage, Stage::Active);
    let (list, _, _) = machine.run(&["totp", "list", "--json"], "");
    let list: Value = serde_json::from_str(&list).unwrap();
    assert_eq!((&list[0]["user"], &list[1]["user"]), (&"root".into(), &"daemon".into()));
    let again = machine.run(&["totp", "enroll", "--batch"], "root\n");
    assert!(
        again.1.starts_with(
            "countersign: root is enrolled already\nhint: countersign totp remove root\n"
        ),
        "{}",
        again.1
    );
}

#[test]
fn wrong_codes_lock_and_an_administrator_unlocks() {
    let machine = Machine::enrolled();
    for _ in 0..5 {
        let (right, said) = machine.verify(wrong());
        assert!(!right && said.starts_with("countersign: a wrong code\n"), "{said}");
    }
    let (_, said) = machine.verify(&machine::code_of_secret(0));
    assert!(
        said.starts_with("countersign: locked for another ")
            && said.ends_with("hint: countersign totp unlock root\n"),
        "{said}"
    );
    let (status, _, _) = machine.run(&["totp", "status", "root"], "");
    assert!(status.contains("; locked for another "), "{status}");
    machine.prints(&["totp", "unlock", "root"], "", "Codes of root count again.\n");
    assert!(machine.verify(&machine::code_of_secret(1)).0);
}

#[test]
fn recovery_codes_are_made_anew_and_a_key_is_removed() {
    let machine = Machine::enrolled();
    let (out, _, status) = machine.run(&["totp", "recovery-codes", "root", "--json"], "");
    assert_eq!(status, 0);
    let object: Value = serde_json::from_str(&out).unwrap();
    let first = object["recovery_codes"][0].as_str().unwrap().to_owned();
    let session = machine.on_a_terminal(&["totp", "recovery-codes", "root"]);
    let (shown, out, _) = session.end();
    assert_eq!(out, "");
    assert_eq!(shown.split_whitespace().filter(|word| word.len() == 19).count(), 10);
    assert!(!machine.verify(&first).0, "the old ones are void");
    machine.prints(
        &["totp", "remove", "root", "--json"],
        "",
        "{\"removed\":true,\"uid\":0,\"user\":\"root\"}\n",
    );
    machine.fails(
        &["totp", "remove", "root"],
        "",
        "countersign: root is not enrolled\nhint: countersign totp enroll root\n",
    );
    assert!(machine.files().is_empty());
}

#[test]
fn a_damaged_record_is_said_and_left_until_it_is_removed() {
    let machine = Machine::enrolled();
    fs::write(machine.file(), "nonsense").unwrap();
    let damaged = "countersign: DIR/kept/totp-0: is damaged: remove it and enrol the user again\nhint: nothing was changed\n";
    for action in ["status", "recovery-codes", "unlock"] {
        machine.fails(&["totp", action, "root", "--json"], "", damaged);
    }
    machine.fails(&["totp", "import", "root"], SECRET, damaged);
    assert_eq!(fs::read(machine.file()).unwrap(), b"nonsense");
    machine.prints(&["totp", "remove", "0"], "", "uid 0 is no longer enrolled.\n");
}

#[test]
fn of_many_processes_with_one_code_one_succeeds() {
    let machine = Machine::enrolled();
    let code = machine::code_of_secret(0);
    let children: Vec<_> = (0..24).map(|_| machine.spawn_verify(&code)).collect();
    let ended = children.into_iter().map(|child| child.wait_with_output().unwrap());
    let (good, bad): (Vec<_>, Vec<_>) = ended.partition(|output| output.status.success());
    assert_eq!((good.len(), bad.len()), (1, 23));
    for output in bad {
        let said = String::from_utf8(output.stderr).unwrap();
        // Until the first has finished, the others count as failures; a second may have passed
        // since.
        let locked = ["30", "29", "28"].iter().any(|left| {
            said.starts_with(&format!("countersign: locked for another {left} s by wrong codes\n"))
        });
        assert!(locked || said == "countersign: a code that was used before\n", "{said}");
    }
}

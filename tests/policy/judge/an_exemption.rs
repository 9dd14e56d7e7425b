//! Who is exempt.

use super::*;

#[test]
fn by_name_needs_the_name_and_its_uid() {
    let rest = "[[exempt]]\nname = 'ops'\nusers = ['backup', 'alice']\n";
    assert_eq!(judged(rest, &alice()), exempt("ops"));
    assert_eq!(required(rest, &bob()), "bob@example.com");
    // The uid belongs to alice, the name does not; and the other way round.
    assert_eq!(required(rest, &subject("alice2", 1000, "")), "alice2@example.com");
    assert_eq!(required(rest, &subject("alice", 1002, "")), "alice@example.com");
}

#[test]
fn by_group_needs_a_membership() {
    let rest = "[[exempt]]\ngroups = ['robots', 'sudo']\n";
    assert_eq!(judged(rest, &alice()), exempt("exempt[1]"));
    assert_eq!(required(rest, &bob()), "bob@example.com");
}

#[test]
fn needs_all_its_conditions() {
    let rest = "[[exempt]]\nusers = ['alice']\ngroups = ['sudo']\nnetworks = ['192.0.2.0/24']\n";
    assert_eq!(judged(rest, &alice()), exempt("exempt[1]"));
    assert_eq!(
        required(rest, &Subject { rhost: Some("198.51.100.1".into()), ..alice() }),
        "alice@example.com"
    );
    let rest = "[[exempt]]\nusers = ['alice']\ngroups = ['robots']\n";
    assert_eq!(required(rest, &alice()), "alice@example.com");
}

#[test]
fn is_one_of_several() {
    let rest = "[[exempt]]\nusers = ['bob']\n[[exempt]]\nname = 'second'\ngroups = ['sudo']\nresult = 'success'\n";
    let (rule, result) = ("second".into(), ExemptResult::Success);
    assert_eq!(judged(rest, &alice()), Ok(Judgement::Exempt { rule, result }));
}

#[test]
fn comes_before_a_requirement() {
    let rest = "[[require]]\nusers = ['alice']\n[[exempt]]\nusers = ['alice']\n";
    assert_eq!(judged(rest, &alice()), exempt("exempt[1]"));
}

#[test]
fn can_name_root_who_is_not_mapped() {
    let rest = "[[exempt]]\nusers = ['root']\n";
    assert_eq!(judged(rest, &subject("root", 0, "")), exempt("exempt[1]"));
    assert_eq!(judged(rest, &subject("toor", 0, "")), root_not_mapped("toor"));
}

#[test]
fn by_network_takes_numbers_only() {
    let rest = "[[exempt]]\nnetworks = ['127.0.0.0/8', '10.0.0.0/8', '::1', 'fd00::/8']\n";
    for rhost in [
        "127.0.0.1",
        "10.0.0.1",
        "10.255.255.255",
        "::ffff:10.0.0.1",
        "::FFFF:10.0.0.1",
        "::1",
        "fd00::1",
        "fdff::",
    ] {
        assert_eq!(judged(rest, &subject("alice", 1000, rhost)), exempt("exempt[1]"), "{rhost}");
    }
    let long = "1".repeat(4096);
    for rhost in [
        "",
        "localhost",
        "trusted.example",
        "10.0.0.1.evil.test",
        "11.0.0.1",
        "9.255.255.255",
        "fe80::1",
        "fe80::1%eth0",
        "::1%lo",
        "fd00::1%eth0",
        "10.0.0.1%eth0",
        "[::1]",
        "10.0.0.1:22",
        " 10.0.0.1",
        "10.0.0.1\n",
        "10.0.0.1\0",
        "010.0.0.1",
        "10.1",
        "0x0a000001",
        "167772161",
        "10.0.0.0/8",
        "::10.0.0.1",
        "１０.0.0.1",
        "\u{1b}[31m",
        long.as_str(),
    ] {
        assert_eq!(
            required(rest, &subject("alice", 1000, rhost)),
            "alice@example.com",
            "{rhost:?}"
        );
    }
    assert_eq!(required(rest, &Subject { rhost: None, ..alice() }), "alice@example.com");
}

#[test]
fn lasts_to_the_end_of_its_day() {
    let rest = "[[exempt]]\nname = 'move'\nusers = ['alice']\nuntil = 2026-12-31\n";
    let late = Subject { today: os::day(TODAY + DAY - 1), ..alice() };
    assert_eq!(judged(rest, &late), exempt("move"));
    let later = Subject { today: os::day(TODAY + DAY), ..alice() };
    let ruling = ruling_by(&System::default(), rest, &later);
    assert!(matches!(ruling.judgement, Ok(Judgement::Require(_))));
    let until = os::day(TODAY);
    assert_eq!(ruling.notes, [Note::Expired { rule: "move".into(), until }]);
    assert_eq!(
        ruling.notes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["exemption \"move\" ended with 2026-12-31"]
    );
    let other = Subject { today: os::day(TODAY + DAY), ..bob() };
    assert_eq!(ruling_by(&System::default(), rest, &other).notes, []);
}

#[test]
fn that_is_over_needs_no_directory() {
    let rest = "[[exempt]]\ngroups = ['sudo']\nuntil = 2020-01-01\n";
    let broken = System { broken: true, ..System::default() };
    assert!(matches!(ruling_by(&broken, rest, &alice()).judgement, Ok(Judgement::Require(_))));
}

#[test]
fn for_an_unknown_group_is_none_and_is_noted() {
    let ruling =
        ruling_by(&System::default(), "[[exempt]]\ngroups = ['sdo', 'robots']\n", &alice());
    assert!(matches!(ruling.judgement, Ok(Judgement::Require(_))));
    let (rule, group) = ("exempt[1]".into(), "sdo".into());
    assert_eq!(ruling.notes, [Note::UnknownGroup { rule, group }]);
    assert_eq!(
        ruling.notes.first().map(ToString::to_string).as_deref(),
        Some("rule \"exempt[1]\" names an unknown group \"sdo\"")
    );
}

#[test]
fn never_comes_from_a_directory_that_fails() {
    let broken = System { broken: true, ..System::default() };
    for rule in ["users = ['alice']", "groups = ['sudo']", "groups = ['nobody-here']"] {
        let judgement = ruling_by(&broken, &format!("[[exempt]]\n{rule}\n"), &alice()).judgement;
        let Err(refusal) = judgement else { panic!("{rule}: {judgement:?}") };
        assert_eq!(refusal.reason().code(), "directory_failed");
        assert_eq!(refusal.to_string(), "the directory does not answer");
    }
}

#[test]
fn is_looked_up_only_as_far_as_it_could_hold() {
    let rest = "[[exempt]]\nnetworks = ['10.0.0.0/8']\ngroups = ['sudo']\n\
                [[exempt]]\nusers = ['backup']\ngroups = ['sudo']\n";
    let system = System::default();
    let _ = ruling_by(&system, rest, &alice());
    assert_eq!(system.asked.into_inner(), Vec::<String>::new());
    let rest = "[[exempt]]\ngroups = ['robots', 'root']\n[[exempt]]\ngroups = ['sudo']\n";
    let system = System::default();
    let _ = ruling_by(&system, rest, &alice());
    assert_eq!(
        system.asked.into_inner(),
        ["gid of robots", "groups of alice", "gid of root", "gid of sudo"]
    );
}

#[test]
fn with_an_end_does_not_hold_where_the_clock_shows_a_day_before_one_that_lies_behind_us() {
    let ended = "[[exempt]]\nname = 'move'\nusers = ['alice']\nuntil = 2020-01-31\n";
    let in_1970 = Subject { today: os::day(0), ..alice() };
    let behind = |time| System { behind: time, ..System::default() };
    let ruling = ruling_by(&behind(TODAY), ended, &in_1970);
    assert!(matches!(ruling.judgement, Ok(Judgement::Require(_))));
    let said: Vec<_> = ruling.notes.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        ["the clock is wrong: it shows 1970-01-01, and 2026-12-31 lies behind us; \
          exemption \"move\", which has an end, does not hold"]
    );
    // One without an end, and one by a clock that may be right.
    let endless = "[[exempt]]\nname = 'ops'\nusers = ['alice']\n";
    assert_eq!(ruling_by(&behind(TODAY), endless, &in_1970).judgement, exempt("ops"));
    let until = "[[exempt]]\nname = 'move'\nusers = ['alice']\nuntil = 2027-01-31\n";
    assert_eq!(ruling_by(&behind(TODAY), until, &alice()).judgement, exempt("move"));
    let later = behind(TODAY + DAY);
    assert!(matches!(ruling_by(&later, until, &alice()).judgement, Ok(Judgement::Require(_))));
    // The log does not mention a rule that exempts no one here.
    let other = Subject { today: os::day(0), ..bob() };
    assert_eq!(ruling_by(&behind(TODAY), ended, &other).notes, []);
}

//! What counts as an outage, over every class of failures and everything that may be missing on
//! this machine.

use super::*;

fn all() -> Proven {
    Proven { ran: true, had_time: true, listened: true, lack: None, names: Names::Dead }
}

/// Everything that a caller can do to the proof.
fn spoilt() -> Vec<Proven> {
    let lacks = [Local::Permission, Local::Resources, Local::Sandbox, Local::Resolver];
    let lacks = lacks.map(|kind| Proven { lack: Some((kind, "x".to_owned())), ..all() });
    let stopped = Proven { ran: false, ..all() };
    let mut spoilt = vec![stopped];
    spoilt.extend(lacks);
    spoilt
}

#[test]
fn a_user_of_this_machine_can_cause_no_class_that_is_an_outage() {
    for class in classes() {
        let is_outage = class.counts_as() == "outage";
        assert!(!is_outage || !class.causes.contains(&Cause::User), "{class:?}");
        assert!(!class.causes.is_empty(), "{class:?}");
    }
}

#[test]
fn silence_counts_where_the_machine_has_proven_everything() {
    for kind in Outage::ALL {
        assert_eq!(counts(kind, &all()), Ok(()), "{kind}");
    }
}

#[test]
fn silence_of_no_kind_counts_where_anything_is_not_proven() {
    for kind in Outage::ALL {
        for proven in spoilt() {
            let failure = judged(Failure::outage(kind, "y"), || proven.clone());
            assert!(matches!(failure, Failure::Local(..)), "{kind}, {proven:?}: {failure:?}");
        }
    }
}

#[test]
fn a_lookup_that_fails_counts_only_if_the_name_servers_of_the_network_are_dead() {
    for kind in Outage::ALL {
        let is_of_a_lookup = matches!(kind, Outage::NameNotFound | Outage::NameService);
        for names in [Names::Alive, Names::Unsure, Names::Unknown] {
            let proven = Proven { names, ..all() };
            assert_eq!(counts(kind, &proven).is_err(), is_of_a_lookup, "{kind}");
        }
    }
}

#[test]
fn silence_that_the_login_itself_cut_short_does_not_count_and_an_answer_does() {
    let cut = Proven { had_time: false, ..all() };
    for (kind, counted) in [
        (Outage::NameNotFound, true),
        (Outage::NameService, false),
        (Outage::Refused, true),
        (Outage::NoRoute, true),
        (Outage::ConnectTimeout, false),
        (Outage::Silent, false),
        (Outage::BehindProxy, true),
    ] {
        assert_eq!(counts(kind, &cut).is_ok(), counted, "{kind}");
    }
}

/// A stop has eaten the rest of the time.
#[test]
fn silence_counts_only_where_it_lasted_by_itself() {
    let rest = Proven { listened: false, ..all() };
    for kind in Outage::ALL {
        let is_silence = matches!(kind, Outage::ConnectTimeout | Outage::Silent);
        assert_eq!(counts(kind, &rest).is_err(), is_silence, "{kind}");
    }
}

#[test]
fn nothing_becomes_an_outage_that_was_none() {
    for class in classes() {
        for proven in spoilt().into_iter().chain([all()]) {
            let before = class.counts_as();
            let failure = judged(class.failure.clone(), || proven.clone());
            let is_outage = matches!(failure, Failure::Outage(..));
            assert!(!is_outage || before == "outage", "{class:?}, {proven:?}: {failure:?}");
        }
    }
}

#[test]
fn a_process_that_was_stopped_does_not_blame_the_tenant() {
    let stopped = Proven { ran: false, ..all() };
    let timeout = Failure::misbehaved(Misbehaviour::Timeout, "the time is up");
    let failure = judged(timeout, || stopped);
    assert_eq!(failure.to_string(), "this process was stopped or starved: the time is up");
}

#[test]
fn the_log_says_what_was_missing_and_what_was_met() {
    let proven =
        Proven { lack: Some((Local::Resources, "no port for datagrams".to_owned())), ..all() };
    let silent = Failure::outage(Outage::NameService, "tenant.test: temporary failure");
    assert_eq!(
        judged(silent, || proven).to_string(),
        "out of resources: no port for datagrams; no answer from the name service: tenant.test: temporary failure"
    );
}

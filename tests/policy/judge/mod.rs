//! Who is exempt, who must, who is refused, and under which name a person goes to the tenant.

use std::cell::RefCell;
use std::path::Path;

use countersign::os;
use countersign::policy::{
    Account, Date, Directory, DirectoryFailed, ExemptResult, Groups, Judgement, ListFailed,
    NoTerms, Note, Origin, PublicKey, Ruling, Subject, Terms, judge, parse,
};

mod a_flow;
mod a_key;
mod a_name;
mod a_person;
mod a_requirement;
mod a_second_name;
mod a_security_key;
mod a_session;
mod a_stranger;
mod an_exemption;
mod without_rules;

/// A system with a few accounts; it remembers what it was asked.
#[derive(Default)]
struct System {
    broken: bool,
    /// Where the session came from; not known, if none is named.
    origins: Vec<Origin>,
    /// A time that lies behind us.
    behind: u64,
    asked: RefCell<Vec<String>>,
}

const USERS: [(&str, u32, &[u32]); 8] = [
    ("root", 0, &[0]),
    ("toor", 0, &[0]),
    ("alice", 1000, &[100, 27]),
    ("alice2", 1000, &[100, 27]),
    ("bob", 1001, &[100]),
    ("backup", 34, &[34]),
    ("carl", 1003, &[100, 34]),
    ("carl-admin", 1003, &[100, 27]),
];
const GROUPS: [(&str, u32); 4] = [("root", 0), ("users", 100), ("sudo", 27), ("robots", 34)];

impl System {
    fn answer<T>(&self, question: String, answer: T) -> Result<T, DirectoryFailed> {
        self.asked.borrow_mut().push(question);
        if self.broken {
            return Err(DirectoryFailed { problem: "the directory does not answer".into() });
        }
        Ok(answer)
    }
}

impl Directory for System {
    fn uid_of(&self, user: &str) -> Result<Option<u32>, DirectoryFailed> {
        let found = USERS.iter().find(|(name, _, _)| *name == user);
        self.answer(format!("uid of {user}"), found.map(|(_, uid, _)| *uid))
    }

    fn gid_of(&self, group: &str) -> Result<Option<u32>, DirectoryFailed> {
        let found = GROUPS.iter().find(|(name, _)| *name == group);
        self.answer(format!("gid of {group}"), found.map(|(_, gid)| *gid))
    }

    fn listed(&self, file: &Path, name: &str) -> Result<Option<String>, ListFailed> {
        self.asked.borrow_mut().push(format!("{name} in {}", file.display()));
        match name {
            "bob" => Ok(Some("robert@example.org".into())),
            "root" => Ok(Some("admin@example.org".into())),
            "backup" => Err(ListFailed { problem: "/names: \"backup\" is there twice".into() }),
            _ => Ok(None),
        }
    }

    fn behind(&self) -> Date {
        self.asked.borrow_mut().push("behind".into());
        os::day(self.behind)
    }

    fn origins(&self) -> Vec<Origin> {
        self.asked.borrow_mut().push("origins".into());
        match self.origins.as_slice() {
            [] => vec![Origin::Unclear],
            origins => origins.to_vec(),
        }
    }

    fn groups_of(&self, account: &Account) -> Result<Groups, DirectoryFailed> {
        let names = USERS.iter().filter(|(_, uid, _)| *uid == account.uid);
        let lists: Vec<&[u32]> = names.map(|(_, _, gids)| *gids).collect();
        let any = lists.concat();
        let is_in_each = |gid: &u32| lists.iter().all(|gids| gids.contains(gid));
        let every = any.iter().copied().filter(is_in_each).collect();
        self.answer(format!("groups of {}", account.name), Groups { any, every })
    }
}

/// 2026-12-31.
const TODAY: u64 = 1_798_675_200;
const DAY: u64 = 86_400;

fn subject(user: &str, uid: u32, rhost: &str) -> Subject {
    Subject {
        account: account(user, uid),
        caller: None,
        public_keys: Vec::new(),
        service: "sshd".into(),
        rhost: Some(rhost.into()),
        has_terminal: false,
        today: os::day(TODAY),
    }
}

/// A key that is in no FIDO authenticator.
fn a_key(fingerprint: &str) -> PublicKey {
    PublicKey { fingerprint: fingerprint.into(), is_security_key: false }
}

fn alice() -> Subject {
    subject("alice", 1000, "192.0.2.7")
}

fn bob() -> Subject {
    subject("bob", 1001, "192.0.2.7")
}

const BASE: &str = "[tenant]\nurl = 'https://abc1234.id.cyberark.cloud'\n[users]\ntemplate = '{user}@example.com'\n";

fn ruling_by(system: &System, rest: &str, subject: &Subject) -> Ruling {
    let policy =
        parse(format!("{BASE}{rest}").as_bytes()).unwrap_or_else(|errors| panic!("{errors}"));
    judge(&policy, subject, system)
}

/// What the policy asks, or its refusal.
type Judged = Result<Judgement, NoTerms>;

fn judged(rest: &str, subject: &Subject) -> Judged {
    ruling_by(&System::default(), rest, subject).judgement
}

fn exempt(rule: &str) -> Judged {
    Ok(Judgement::Exempt { rule: rule.into(), result: ExemptResult::Ignore })
}

/// The name under which the subject must log in.
fn required(rest: &str, subject: &Subject) -> String {
    only(judged(rest, subject)).tenant_user
}

/// The terms of the one person who is asked about.
fn only(judgement: Judged) -> Terms {
    match judgement {
        Ok(Judgement::Require(required)) => {
            assert_eq!(required.second, None);
            required.first
        }
        other @ (Ok(Judgement::Exempt { .. }) | Err(_)) => panic!("{other:?}"),
    }
}

/// `su` to root by alice.
fn alice_to_root() -> Subject {
    Subject { caller: Some(account("alice", 1000)), rhost: None, ..subject("root", 0, "") }
}

fn account(name: &str, uid: u32) -> Account {
    Account { uid, name: name.into(), typed: name.into() }
}

/// The account of one name, where another led to it.
fn typed(typed: &str, name: &str, uid: u32) -> Subject {
    Subject {
        account: Account { typed: typed.into(), ..account(name, uid) },
        ..subject(name, uid, "192.0.2.7")
    }
}

fn root_not_mapped(user: &str) -> Judged {
    Err(NoTerms::RootNotMapped { user: user.into() })
}

#[test]
fn a_check_finds_every_unknown_account() {
    let text = format!(
        "{BASE}[[require]]\nusers = ['alice', 'carol']\n[[exempt]]\nusers = ['dave']\ngroups = ['sudo', 'gone']\n\
         [service.sudo.login]\n[[service.su.require]]\nname = 'su'\ngroups = ['wheel']\n"
    );
    let policy = parse(text.as_bytes()).expect("a policy");
    let notes = policy.unknown_accounts(&System::default()).expect("an answer");
    assert_eq!(
        notes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "rule \"require[1]\" names an unknown user \"carol\"",
            "rule \"exempt[1]\" names an unknown user \"dave\"",
            "rule \"exempt[1]\" names an unknown group \"gone\"",
            "rule \"su\" names an unknown group \"wheel\"",
        ]
    );
    let broken = System { broken: true, ..System::default() };
    assert!(policy.unknown_accounts(&broken).is_err());
}

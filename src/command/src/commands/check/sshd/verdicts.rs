//! What sshd's settings mean for people who are to be asked by Countersign.
#![forbid(unsafe_code)]

use countersign::policy::Settings;

use super::{Sshd, Value, security_keys, write};
use crate::commands::check::finding::Finding;
use crate::commands::check::machine::Machine;

/// From here on sshd shows at once what a module says.
const AT_ONCE: (u32, u32) = (10, 3);
/// Keywords of a Match block that decide who is asked.
const DECISIVE: [&str; 8] = [
    "authenticationmethods",
    "gssapiauthentication",
    "hostbasedauthentication",
    "kbdinteractiveauthentication",
    "pamservicename",
    "passwordauthentication",
    "permitrootlogin",
    "pubkeyauthentication",
];

pub fn check(sshd: &Sshd, settings: Option<&Settings>, machine: &Machine) {
    let found = [
        use_pam(sshd),
        keyboard_interactive(sshd),
        password(sshd),
        grace(sshd, settings),
        root_login(sshd, settings),
        penalties(sshd, settings),
        version(sshd),
    ];
    let keys =
        settings.map_or_else(Vec::new, |settings| security_keys::check(sshd, settings, machine));
    let found: Vec<_> =
        found.into_iter().flatten().chain(unasked(sshd)).chain(matched(sshd)).chain(keys).collect();
    if found.is_empty() {
        machine.report.pass("sshd", "sshd asks every user through PAM");
    }
    found.into_iter().for_each(|finding| machine.report.add(finding));
}

fn is(value: &Value<'_>, word: &str) -> bool {
    value.text.eq_ignore_ascii_case(word)
}

fn use_pam(sshd: &Sshd) -> Option<Finding> {
    let value = sshd.value("usepam");
    if is(&value, "yes") {
        return None;
    }
    let finding = Finding::error("sshd-usepam", "sshd does not use PAM")
        .because("sshd then asks no PAM stack, and the module is not called")
        .mend(write("UsePAM yes", &value));
    Some(sshd.placed(finding, &value))
}

fn keyboard_interactive(sshd: &Sshd) -> Option<Finding> {
    let value = sshd.value("kbdinteractiveauthentication");
    if is(&value, "yes") {
        return None;
    }
    let finding = Finding::error("sshd-kbdinteractive", "sshd can't ask for a second factor")
        .because("PAM's questions need keyboard-interactive; the password method answers each of them with the password")
        .mend(write("KbdInteractiveAuthentication yes", &value));
    Some(sshd.placed(finding, &value))
}

fn password(sshd: &Sshd) -> Option<Finding> {
    let value = sshd.value("passwordauthentication");
    let lists = sshd.methods();
    let is_left_out =
        !lists.is_empty() && !lists.iter().flatten().any(|method| method == "password");
    if is(&value, "no") || is_left_out {
        return None;
    }
    let finding = Finding::warning("sshd-password", "sshd offers the password method")
        .because("it answers every question with the password: such a login is refused, and costs the user a try")
        .mend(write("PasswordAuthentication no", &value));
    Some(sshd.placed(finding, &value))
}

/// Methods that do not ask PAM: open to all users by default, or because an administrator wrote so.
fn unasked(sshd: &Sshd) -> Vec<Finding> {
    let lists = sshd.methods();
    let value = sshd.value("authenticationmethods");
    let methods = [
        ("publickey", "pubkeyauthentication", "a public key"),
        ("gssapi-with-mic", "gssapiauthentication", "a Kerberos ticket"),
        ("hostbased", "hostbasedauthentication", "another host's word"),
    ];
    let alone = methods.into_iter().filter(|(method, keyword, _)| {
        let is_alone = lists.is_empty()
            || lists.iter().any(|list| {
                let mut methods = list.iter();
                let asks_pam = methods.any(|one| one.starts_with("keyboard-interactive"));
                !asks_pam && list.iter().any(|one| one.starts_with(method))
            });
        is_alone && is(&sshd.value(keyword), "yes")
    });
    alone
        .map(|(method, keyword, words)| {
            let what = format!("{words} alone lets people in");
            let why = "sshd does not call PAM then, and the user is not asked for a second factor";
            if lists.is_empty() {
                let value = sshd.value(keyword);
                let both = format!("AuthenticationMethods {method},keyboard-interactive:pam keyboard-interactive:pam");
                let by_setup = match method {
                    "publickey" => "sudo countersign setup --keys followed, --keys verified, --keys alone or --keys refused; or ",
                    _ => "",
                };
                let finding = Finding::error("sshd-unasked", what).because(why).mend(format!(
                    "{by_setup}{}; if {words} is to be enough, say so: AuthenticationMethods {method} keyboard-interactive:pam",
                    write(&both, &sshd.value("authenticationmethods"))
                ));
                sshd.placed(finding, &value)
            } else {
                let finding = Finding::warning("sshd-unasked-by-choice", what)
                    .because(format!("{why}, and the line says that this is wanted"))
                    .mend(format!("write {method},keyboard-interactive:pam in its place if it is not"));
                sshd.placed(finding, &value)
            }
        })
        .collect()
}

/// sshd ends a login that takes longer, in the middle of a question.
fn grace(sshd: &Sshd, settings: Option<&Settings>) -> Option<Finding> {
    let value = sshd.value("logingracetime");
    let grace = seconds(value.text)?;
    let deadline = settings?.login.deadline.as_secs();
    if grace == 0 || grace > deadline {
        return None;
    }
    let finding = Finding::warning(
        "sshd-grace",
        format!("sshd ends a login after {grace} s, before the module does after {deadline} s"),
    )
    .because("the user sees a connection cut, and the log no reason")
    .mend(format!(
        "{}; or lower login.deadline in countersign.toml",
        write("LoginGraceTime 120", &value)
    ));
    Some(sshd.placed(finding, &value))
}

/// A time of sshd's: digits with `s`, `m`, `h`, `d`, `w`, added up.
fn seconds(text: &str) -> Option<u64> {
    let mut sum = 0_u64;
    let mut number = String::new();
    for letter in text.chars() {
        let unit = match letter.to_ascii_lowercase() {
            '0'..='9' => {
                number.push(letter);
                continue;
            }
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return None,
        };
        sum = sum.checked_add(number.parse::<u64>().ok()?.checked_mul(unit)?)?;
        number.clear();
    }
    if number.is_empty() { Some(sum) } else { sum.checked_add(number.parse().ok()?) }
}

/// Root has a name at the tenant, and sshd never lets root in by PAM.
fn root_login(sshd: &Sshd, settings: Option<&Settings>) -> Option<Finding> {
    let value = sshd.value("permitrootlogin");
    let users = &settings?.users;
    if users.names.get("root").is_none() || is(&value, "yes") {
        return None;
    }
    let finding = Finding::warning(
        "sshd-root",
        "root has a name at the tenant, and sshd does not let root in by PAM",
    )
    .because(format!("with PermitRootLogin {} sshd cuts off whatever PAM has let in", value.text))
    .mend(format!("{}; or take root out of [users.names]", write("PermitRootLogin yes", &value)));
    Some(sshd.placed(finding, &value))
}

/// sshd counts refusals of an address; each costs it 5 s, which pass while the module waits.
fn penalties(sshd: &Sshd, settings: Option<&Settings>) -> Option<Finding> {
    let value = sshd.value("persourcepenalties");
    let is_delayed = !settings?.login.failure_delay.is_zero();
    if !sshd.is_split || is(&value, "no") || is_delayed {
        return None;
    }
    let finding = Finding::warning(
        "sshd-penalties",
        "sshd cuts an address off after a few refusals, and the module refuses without a delay",
    )
    .because("since OpenSSH 9.8 sshd penalises the address of a failed login; behind one address may be many users")
    .mend("set login.failure_delay = \"2s\" in countersign.toml; or exempt addresses with PerSourcePenaltyExemptList");
    Some(sshd.placed(finding, &value))
}

fn version(sshd: &Sshd) -> Option<Finding> {
    let (major, minor) = sshd.version.filter(|version| *version < AT_ONCE)?;
    Some(
        Finding::note("sshd-version", format!("sshd {major}.{minor} holds messages back until the next question"))
            .because("before 10.3, what the module says is seen together with the next prompt, and a wait without a prompt takes up to twice as long")
            .mend("nothing has to be done: everything that a user must see is in a prompt"),
    )
}

/// Settings in Match blocks, which `sshd -T` shows only with `-C`.
fn matched(sshd: &Sshd) -> Vec<Finding> {
    let decisive = sshd.config.matched.iter();
    let decisive = decisive.filter(|matched| DECISIVE.contains(&matched.keyword.as_str()));
    decisive
        .map(|matched| {
            let what = format!(
                "for \"Match {}\" another setting holds: {} {}",
                matched.criteria, matched.keyword, matched.setting.value
            );
            let place = matched.setting.file.display().to_string();
            Finding::note("sshd-match", what)
                .at(place, Some(matched.setting.line))
                .because("users who match may be asked in another way, or not at all")
                .mend("sshd -T -C user=NAME,addr=ADDRESS shows the settings for one user")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn times_are_read_as_sshd_writes_them() {
        for (text, time) in [
            ("120", Some(120)),
            ("2m", Some(120)),
            ("1m30s", Some(90)),
            ("1h", Some(3600)),
            ("0", Some(0)),
            ("2x", None),
            ("m", None),
        ] {
            assert_eq!(seconds(text), time, "{text}");
        }
    }
}

//! Every sentence, as a user reads it.
#![forbid(unsafe_code)]

use super::*;

fn server(text: &str) -> ServerText {
    ServerText::new(text.to_owned())
}

#[test]
fn a_menu_names_every_choice_and_takes_a_code() {
    let sms = server("SMS... XXX-1234");
    let offers = [(Mechanism::Otp, None), (Mechanism::Sms, Some(sms)), (Mechanism::Oath, None)];
    assert_eq!(
        menu(&offers, Some(2)),
        "1. push to approve on your phone\n\
         2. text message (\"SMS... XXX-1234\")\n\
         3. code from an authenticator\n\
         Choose 1-3 (Enter: 1), or type the code for 3.\n\
         Choice or Verification code: "
    );
    assert!(menu(&offers[..2], None).ends_with("Choose 1-2 (Enter: 1): "));
}

/// An address as it is made for a user of a machine.
const URI: &str = "otpauth://totp/Countersign:alice%40web-1?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
                   &issuer=Countersign&algorithm=SHA1&digits=6&period=30";

#[test]
fn a_picture_of_a_key_fits_its_ground() {
    let [coloured, dark, light] = [Ground::Coloured, Ground::Dark, Ground::Light]
        .map(|ground| picture(URI, ground, Screen::UNKNOWN, 5).unwrap());
    let begin = "\u{1b}[97;40m";
    assert!(coloured.lines().all(|line| line.starts_with(begin)));
    let plain = coloured.replace(begin, "").replace("\u{1b}[0m", "");
    assert_eq!(plain, *dark);
    // The margin is light: printed on dark, left out on light.
    assert!(dark.starts_with('\u{2588}') && light.starts_with(' '));
    let turn = |c| match c {
        '\u{2588}' => ' ',
        ' ' => '\u{2588}',
        '\u{2580}' => '\u{2584}',
        '\u{2584}' => '\u{2580}',
        other => other,
    };
    // The last line is half a line, whose other half is no part of the picture.
    let turned: String = dark.chars().map(turn).collect();
    let whole = |text: &str| text.lines().count() - 1;
    let lines = turned.lines().zip(light.lines()).take(whole(&turned));
    lines.for_each(|(turned, light)| assert_eq!(turned, light));
    assert_eq!((whole(&turned), whole(&light)), (18, 18));
}

#[test]
fn a_picture_and_its_question_fit_the_terminal_or_a_word_says_why_not() {
    let small = "No picture: this terminal is too small for it.";
    let on = |rows, columns| Screen { rows, columns, has_blocks: true };
    for (rows, columns, below) in [(24, 80, 5), (20, 37, 1), (23, 80, FIRST_CODE_ROWS)] {
        let drawn = picture(URI, Ground::Dark, on(rows, columns), below).unwrap();
        assert!(drawn.lines().count() + below <= usize::from(rows));
        assert!(drawn.lines().all(|line| line.chars().count() == 37));
    }
    for (rows, columns, below) in [(24, 80, 6), (24, 36, 1), (10, 80, 1)] {
        let drawn = picture(URI, Ground::Dark, on(rows, columns), below);
        assert_eq!(drawn, Err(small), "{rows}x{columns}");
    }
    let plain = Screen { has_blocks: false, ..Screen::UNKNOWN };
    let why_not = "No picture: LANG or TERM says that this terminal can't show one.";
    assert_eq!(picture(URI, Ground::Dark, plain, 1), Err(why_not));
    let long = picture(&"x".repeat(5000), Ground::Dark, Screen::UNKNOWN, 1);
    assert_eq!(long, Err("No picture: the text is too long for one."));
}

#[test]
fn a_picture_holds_what_an_authenticator_does_not_take_for_granted() {
    let short = "otpauth://totp/Countersign:alice@web-1?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    assert_eq!(*compact(URI), short);
    let other =
        "otpauth://totp/Britive:a?secret=AB&issuer=Corp&algorithm=SHA512&digits=8&period=60";
    assert_eq!(*compact(other), other);
    assert_eq!(*compact("https://tenant.test/s/x?digits=6"), "https://tenant.test/s/x?digits=6");
}

#[test]
fn an_enrolment_says_what_to_do_with_a_key_and_with_codes() {
    assert_eq!(
        *key("alice", Some("PICTURE"), "URI", "SECRET"),
        "Give the authenticator of alice this address or this key, or let it scan the picture:\nURI\nSECRET\nPICTURE\n"
    );
    let codes = ["a-1", "b-2", "c-3"].map(|code| zeroize::Zeroizing::new(code.to_owned()));
    assert_eq!(
        *recovery_codes(&codes),
        "Recovery codes, each good once, in place of a code. Keep them where the phone is not:\n  a-1    b-2\n  c-3\n"
    );
    assert_eq!(offline(), "Tenant unreachable. Offline verification code: ");
}

#[test]
fn each_mechanism_begins_in_its_own_words() {
    use AnswerType::{StartOob, StartTextOob};
    let phone = server("XXX-1234");
    let begins = [
        (
            Mechanism::Oath,
            StartTextOob,
            "Code from an authenticator (\"XXX-1234\").\nVerification code: ",
        ),
        (
            Mechanism::Otp,
            StartTextOob,
            "Press Enter for a push to approve on your phone (\"XXX-1234\"), or type its code.\nVerification code: ",
        ),
        (
            Mechanism::Otp,
            StartOob,
            "Press Enter for a push to approve on your phone (\"XXX-1234\"): ",
        ),
        (Mechanism::Sms, StartTextOob, "Press Enter for a text message (\"XXX-1234\"): "),
        (
            Mechanism::Sms,
            StartOob,
            "Press Enter for a text message (\"XXX-1234\"), then follow its link: ",
        ),
        (
            Mechanism::Email,
            StartOob,
            "Press Enter for a mail (\"XXX-1234\"), then follow its link: ",
        ),
        (Mechanism::Email, StartTextOob, "Press Enter for a mail (\"XXX-1234\"): "),
        (
            Mechanism::Pf,
            StartOob,
            "Press Enter for a phone call (\"XXX-1234\"), then confirm it there: ",
        ),
        (
            Mechanism::Radius,
            StartTextOob,
            "Press Enter to begin with RADIUS (\"XXX-1234\"), or type its code.\nVerification code: ",
        ),
        (
            Mechanism::Radius,
            StartOob,
            "Press Enter to begin with RADIUS (\"XXX-1234\"), then approve on your phone: ",
        ),
    ];
    for (mechanism, answer, text) in begins {
        assert_eq!(begin(mechanism, Some(&phone), answer), text);
    }
}

#[test]
fn each_mechanism_asks_for_its_code_in_its_own_words() {
    let phone = server("XXX-1234");
    let started = [
        (
            Mechanism::Sms,
            "Text message sent (\"XXX-1234\"). Type its code, or follow its link and press Enter.\nNothing arrives? Start again and check the password.\nVerification code: ",
        ),
        (
            Mechanism::Email,
            "Mail sent (\"XXX-1234\"). Type its code, or follow its link and press Enter.\nNothing arrives? Start again and check the password.\nVerification code: ",
        ),
        (
            Mechanism::Pf,
            "Calling your phone (\"XXX-1234\"). Type the code that you hear, or press Enter once you have confirmed.\nNothing arrives? Start again and check the password.\nVerification code: ",
        ),
        (
            Mechanism::Radius,
            "RADIUS (\"XXX-1234\"): type its code, or approve it and press Enter.\nVerification code: ",
        ),
        (Mechanism::Oath, "Code from an authenticator (\"XXX-1234\").\nVerification code: "),
        (Mechanism::Otp, "Code from the app on your phone (\"XXX-1234\").\nVerification code: "),
    ];
    for (mechanism, text) in started {
        assert_eq!(code(mechanism, Some(&phone)), text);
    }
    let texts = [
        (Mechanism::Sms, "Code from the text message"),
        (Mechanism::Email, "Code from the mail"),
        (Mechanism::Pf, "Code from the phone call"),
        (Mechanism::Radius, "RADIUS code"),
        (Mechanism::Oath, "Code from an authenticator"),
        (Mechanism::Otp, "Code from the app on your phone"),
    ];
    for (mechanism, begin) in texts {
        let prompt = format!("{begin} (\"XXX-1234\").\nVerification code: ");
        assert_eq!(text(mechanism, Some(&phone)), prompt);
        assert_eq!(text(mechanism, None), format!("{begin}.\nVerification code: "));
    }
}

#[test]
fn waiting_says_what_to_do_when_nothing_arrives() {
    for mechanism in Mechanism::ALL {
        let text = waiting(mechanism);
        assert!(
            text.ends_with("Start again and check the password.")
                && text.contains("; Ctrl-C stops. "),
            "{text}"
        );
        let place = match mechanism {
            Mechanism::Pf => "Calling your phone;",
            Mechanism::Sms => "the link in the text message;",
            Mechanism::Email => "the link in the mail;",
            Mechanism::Up
            | Mechanism::Sq
            | Mechanism::Otp
            | Mechanism::Oath
            | Mechanism::Radius => "your approval on the phone;",
        };
        assert!(text.contains(place), "{text}");
    }
}

#[test]
fn an_approval_that_does_not_come_is_told_with_all_that_can_be_done() {
    assert_eq!(
        not_yet(None, false),
        "Not approved yet. Nothing arrives? Start again and check the password.\n\
         Press Enter to wait on, or stop with Ctrl-C: "
    );
    assert_eq!(
        not_yet(Some(&server("42")), true),
        "Not approved yet. Choose 42 on your phone. Nothing arrives? Start again and check the password.\n\
         Press Enter to wait on, type a code, or stop with Ctrl-C.\nVerification code: "
    );
}

#[test]
fn a_number_is_said_once_and_never_in_the_last_line() {
    assert_eq!(
        number(&server(" 4\u{1b}2\n"), false),
        "Choose 4 2 on your phone. Nothing arrives? Start again and check the password.\nThen press Enter: "
    );
    assert_eq!(
        number(&server("42"), true),
        "Choose 42 on your phone, then press Enter, or type its code.\nNothing arrives? Start again and check the password.\nVerification code: "
    );
}

#[test]
fn a_question_that_is_asked_again_says_what_was_wrong() {
    assert_eq!(not_in_menu(" 9 "), "9 is not in the list.\n");
    assert_eq!(not_in_menu("correct horse"), "That is not in the list.\n");
    assert_eq!(not_in_menu("1234"), "That is not in the list.\n");
    assert_eq!(joined("Word.\n", "Quiet.\n", "Code: "), "Word.\nQuiet.\nCode: ");
    let long = "x".repeat(500);
    assert_eq!(joined("Word.\n", "Quiet.\n", &long), format!("Word.\n{long}"));
    assert_eq!(joined("Too long a word.\n", "Quiet.\n", &long), long);
}

#[test]
fn a_phone_that_stays_silent_has_a_reason_that_is_true() {
    let minute = Duration::from_secs(60);
    assert_eq!(quiet(Allowance::Free, true), "");
    assert_eq!(
        quiet(Allowance::Over(minute), true),
        "Nothing is sent to your phone for another 60 s: too many requests went unapproved. Codes still work.\n"
    );
    assert_eq!(
        quiet(Allowance::Paused(minute), true),
        "Nothing is sent to your phone for another 60 s: the last request was not approved. Codes still work.\n"
    );
    assert_eq!(
        quiet(Allowance::Paused(minute), false),
        "Nothing is sent to your phone for another 60 s: the last request was not approved.\n"
    );
    assert_eq!(quiet(Allowance::Never, true), "Nothing can be sent to your phone from here.\n");
}

#[test]
fn a_refusal_says_for_how_long_where_that_is_known() {
    let said = |reason, seconds| {
        let wait = Some(Duration::from_secs(seconds));
        farewell(&Refusal::from(reason).lasting(wait)).unwrap_or_default()
    };
    for (seconds, time) in [
        (1, "1 s"),
        (90, "90 s"),
        (91, "2 min"),
        (7200, "120 min"),
        (7201, "3 h"),
        (604_800, "168 h"),
    ] {
        let text = format!("Nothing can be sent to your phone for another {time}.");
        assert_eq!(said(Reason::PushBudget, seconds), text);
    }
    assert_eq!(
        said(Reason::TenantThrottle, 30),
        "The identity service asks to wait. Please start again in 30 s."
    );
    assert_eq!(
        said(Reason::OfflineLocked, 30),
        "No offline login: too many codes were wrong, so none counts for another 30 s. The last one was not used up."
    );
    // An absurd time of the tenant's, none, and a reason that has none.
    for reason in Reason::ALL {
        let own = reason.farewell().unwrap_or_default();
        assert_eq!(said(reason, u64::MAX), own, "{reason:?}");
        assert_eq!(farewell(&Refusal::from(reason)).unwrap_or_default(), own, "{reason:?}");
    }
    assert_eq!(said(Reason::AnswerRefused, 30), "");
}

#[test]
fn another_providers_page_is_named_in_the_prompt() {
    let url = "https://tenant.test/s/x1";
    assert_eq!(
        pin(url),
        "Log in at https://tenant.test/s/x1\nand type the PIN that it shows.\nVerification code: "
    );
    assert_eq!(browser(url), "Log in at https://tenant.test/s/x1\nthen press Enter: ");
}

#[test]
fn a_page_is_drawn_where_there_is_a_terminal() {
    assert!(is_terminal(Some("ssh"), "sshd") && is_terminal(Some("pts/0"), "sudo"));
    for (tty, service) in [
        (None, "sudo"),
        (Some(":0"), "lightdm"),
        (Some("tty1"), "gdm-password"),
        (Some("pts/0"), "polkit-1"),
    ] {
        assert!(!is_terminal(tty, service), "{service}");
    }
}

#[test]
fn no_prompt_outgrows_libpam_whatever_the_tenant_calls_things() {
    let names = ["\u{1d54f}".repeat(5000), "x".repeat(5000), "\"".repeat(5000)];
    for long in names.map(|name| server(&name)) {
        let mut texts = vec![
            security_question(Some(&long)),
            number(&long, true),
            number(&long, false),
            not_yet(Some(&long), true),
            pin(&"x".repeat(200)),
            browser(&"x".repeat(200)),
        ];
        for mechanism in Mechanism::ALL {
            texts.push(menu(&vec![(mechanism, Some(long.clone())); 8], Some(7)));
            texts.push(code(mechanism, Some(&long)));
            texts.push(text(mechanism, Some(&long)));
            for answer in [AnswerType::StartTextOob, AnswerType::StartOob] {
                texts.push(begin(mechanism, Some(&long), answer));
            }
        }
        for text in texts {
            assert!(text.len() < 512, "{} bytes: {text}", text.len());
        }
    }
}

#[test]
fn a_label_can_not_pass_for_our_own_words() {
    let evil = server("phone\")\nPassword for root: \u{1b}[2J");
    assert_eq!(
        begin(Mechanism::Sms, Some(&evil), AnswerType::StartTextOob),
        "Press Enter for a text message (\"phone') Password for root: [2J\"): "
    );
    assert_eq!(
        begin(Mechanism::Sms, Some(&server(" \u{200b}\n")), AnswerType::StartTextOob),
        "Press Enter for a text message: "
    );
}

#[test]
fn no_prompt_looks_like_a_password_prompt() {
    // sudo would replace it by its own.
    for mechanism in Mechanism::ALL {
        for text in [
            begin(mechanism, None, AnswerType::StartTextOob),
            code(mechanism, None),
            text(mechanism, None),
        ] {
            assert!(!text.starts_with("Password:"), "{text}");
        }
    }
}

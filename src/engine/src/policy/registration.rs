//! `[britive]`: read whole or not at all, and told from a table that only stands there.
#![forbid(unsafe_code)]

use super::Britive;
use super::reader::Table;
use super::value::{britive_url, path, word};

/// The `action` that verifies a code. Britive documents only GENERATE_SECRET; this one is formed
/// like it.
const VERIFY_ACTION: &str = "VERIFY_OTP";
/// The code's name, as in the request of a step-up, the one request of that API that is documented
/// to carry one.
const VERIFY_KEY: &str = "otp";
/// The request has this name taken.
const ACTION: &str = "action";

pub(super) fn read(mut table: Table<'_>) -> Option<Britive> {
    let url = table.given("url", britive_url);
    let ca_file = table.given("ca_file", path);
    let (mut verify_action, mut verify_key) = (VERIFY_ACTION.to_owned(), VERIFY_KEY.to_owned());
    table.read("verify_action", word, &mut verify_action);
    table.read("verify_key", word, &mut verify_key);
    if verify_key == ACTION {
        table.wrong("verify_key", "the request has an \"action\" already");
    }
    for key in ["ca_file", "verify_action", "verify_key"] {
        if table.has(key) && !table.has("url") {
            table.wrong(key, "needs url, the address of the Britive tenant");
        }
    }
    Some(Britive { url: url?, ca_file, verify_action, verify_key })
}

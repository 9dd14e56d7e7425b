//! The key that the administrator probably meant by one that does not exist.
#![forbid(unsafe_code)]

use strsim::osa_distance;

/// What to say about a key that its table does not know; `elsewhere` is where another table knows
/// it.
pub(super) fn unknown(key: &str, known: &[&str], elsewhere: Option<&str>) -> String {
    let mut said = match (nearest(key, known), elsewhere) {
        (Some(near), Some(_) | None) => format!("unknown key, did you mean \"{near}\""),
        (None, Some(place)) => format!("unknown key here, did you mean \"{place}\""),
        (None, None) => format!("unknown key, expected one of {}", known.join(", ")),
    };
    if sounds_secret(key) {
        said.push_str("; secrets belong in a file of their own that the configuration names");
    }
    said
}

fn sounds_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["password", "passwd", "secret", "token", "credential", "api_key", "apikey"]
        .iter()
        .any(|word| key.contains(word))
}

/// The known key that is nearest, if it is near: a third of its letters may differ.
#[must_use]
pub fn nearest<'k>(key: &str, known: &[&'k str]) -> Option<&'k str> {
    let key: String = key.chars().take(64).flat_map(char::to_lowercase).collect();
    let far = known.iter().map(|name| (osa_distance(&key, name), *name));
    let (distance, name) = far.min_by_key(|(distance, _)| *distance)?;
    (distance <= (name.len() / 3).max(1)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_letter_that_is_missing_changed_or_swapped_is_one_step() {
        for (typed, meant) in
            [("dedline", "deadline"), ("ulr", "url"), ("fial", "fail"), ("erl", "url")]
        {
            assert_eq!(nearest(typed, &["ca_file", meant]), Some(meant), "{typed}");
        }
    }

    #[test]
    fn what_is_too_far_is_not_proposed() {
        assert_eq!(nearest("id", &["url", "ca_file"]), None);
        assert_eq!(nearest("timeout", &["request_timeout"]), None);
        assert_eq!(nearest("Url", &["id", "url"]), Some("url"));
        assert_eq!(nearest(&"x".repeat(100_000), &["url"]), None);
        assert_eq!(nearest("url", &[]), None);
    }
}

//! What somebody probably meant by a key that does not exist.
#![forbid(unsafe_code)]

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
    let far = known.iter().map(|name| (distance(&key, name), *name));
    let (distance, name) = far.min_by_key(|(distance, _)| *distance)?;
    (distance <= (name.len() / 3).max(1)).then_some(name)
}

/// Letters to insert, drop, change or swap with their neighbour: the optimal string alignment
/// distance, by rows.
fn distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let cell = |row: &[usize], at: usize| row.get(at).copied().unwrap_or(usize::MAX / 2);
    let mut two_above: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in right.iter().enumerate() {
            let changed = cell(&above, j) + usize::from(a != b);
            let inserted = cell(&above, j + 1).min(cell(&row, j)) + 1;
            let crossed =
                i > 0 && j > 0 && left.get(i - 1) == Some(b) && right.get(j - 1) == Some(a);
            let swapped = if crossed { cell(&two_above, j - 1) + 1 } else { usize::MAX };
            row.push(changed.min(inserted).min(swapped));
        }
        two_above = std::mem::replace(&mut above, row);
    }
    cell(&above, right.len())
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn a_distance_counts_letters() {
        for (left, right, letters) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("deadline", "deadline", 0),
            ("dedline", "deadline", 1),
            ("ulr", "url", 1),
            ("fial", "fail", 1),
            ("ca", "abc", 3),
            ("kitten", "sitting", 3),
            ("é", "e", 1),
        ] {
            assert_eq!(distance(left, right), letters, "{left} {right}");
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

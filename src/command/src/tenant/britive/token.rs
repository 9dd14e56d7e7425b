//! The token of a user of the Britive tenant, and how it is presented.
#![forbid(unsafe_code)]

use countersign::secret::Secret;
use zeroize::Zeroizing;

/// Longer than any token, in bytes.
pub const LONGEST: usize = 8 * 1024;
/// API tokens are shorter than this, everything else is longer: so Britive's SDK tells them apart.
const API_TOKEN: usize = 50;

/// A token. It goes into one header, and nowhere else.
pub struct Token(Secret);

impl Token {
    /// Takes a token as it was typed or read, white space around it aside.
    ///
    /// # Errors
    ///
    /// What is wrong with it, without repeating it.
    pub fn parse(text: &str) -> Result<Token, &'static str> {
        let text = text.trim();
        if text.is_empty() {
            return Err("there is no token");
        }
        if text.len() > LONGEST {
            return Err("longer than any token");
        }
        if !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(
                "not a token: there is a space or another character in it that no token has",
            );
        }
        Ok(Token(Secret::new(text)))
    }

    /// Its kind, in the words of the API.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        match self.0.expose() {
            short if short.len() < API_TOKEN => "TOKEN",
            workload if workload.contains("::") => "WorkloadToken",
            _ => "Bearer",
        }
    }

    /// The token itself.
    pub(super) fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The value of the `Authorization` header.
    pub(super) fn authorization(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{} {}", self.scheme(), self.0.expose()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_of_a_token_is_told_as_the_sdk_tells_it() {
        for (token, authorization) in [
            ("short".to_owned(), "TOKEN short".to_owned()),
            ("x".repeat(49), format!("TOKEN {}", "x".repeat(49))),
            ("a::b".to_owned(), "TOKEN a::b".to_owned()),
            ("x".repeat(50), format!("Bearer {}", "x".repeat(50))),
            (
                format!("OIDC::{}", "x".repeat(44)),
                format!("WorkloadToken OIDC::{}", "x".repeat(44)),
            ),
            (" padded\n".to_owned(), "TOKEN padded".to_owned()),
        ] {
            let token = Token::parse(&token).ok().unwrap();
            assert_eq!(*token.authorization(), authorization);
        }
    }

    #[test]
    fn what_is_no_token_is_not_sent() {
        let problem = |text: &str| Token::parse(text).err();
        assert_eq!(problem(" \n"), Some("there is no token"));
        let odd = "not a token: there is a space or another character in it that no token has";
        for text in ["a b", "a\r\nX-Header: b", "caf\u{e9}"] {
            assert_eq!(problem(text), Some(odd));
        }
        assert_eq!(problem(&"x".repeat(LONGEST)), None);
        let long = "x".repeat(LONGEST + 1);
        assert_eq!(problem(&long), Some("longer than any token"));
    }
}

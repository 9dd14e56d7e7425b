//! The OAuth 2.0 client credentials grant (RFC 6749, section 4.4): how this machine itself logs in.
#![forbid(unsafe_code)]

use data_encoding::BASE64;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::json;
use super::reply::Malformed;
use super::text::ServerText;
use crate::policy::{ClientAuth, OAuthClient};
use crate::secret::Secret;

/// The longest life that is believed: ten years. Vendors' own samples have one.
const MAX_LIFETIME: u64 = 10 * 365 * 24 * 3600;
/// The life of a token whose reply does not tell it as a number, in seconds: asking again costs one
/// request.
const UNTOLD_LIFETIME: u64 = 300;
/// The deepest nesting that a reply may have. One of an honest tenant has one level.
const MAX_DEPTH: usize = 16;
/// Longer than any token.
const MAX_TOKEN: usize = 16 * 1024;

/// Who asks, for what.
pub struct Grant<'a> {
    /// The client.
    pub client: &'a OAuthClient,
    /// Its secret.
    pub secret: &'a Secret,
}

/// A token, and how many seconds it lives.
pub struct Granted {
    /// `access_token`.
    pub token: Secret,
    /// `expires_in`.
    pub lifetime: u64,
}

/// The answer to a request for a token.
pub enum Answer {
    /// A token.
    Granted(Granted),
    /// `error`: the client, its secret or its scope is wrong.
    Refused(ServerText),
}

impl Grant<'_> {
    /// The `Authorization` header, if there is one.
    #[must_use]
    pub fn authorization(&self) -> Option<Zeroizing<String>> {
        match self.client.auth {
            ClientAuth::Basic => {
                let pair = Zeroizing::new(format!("{}:{}", self.client.id, self.secret.expose()));
                let mut header = Zeroizing::new("Basic ".to_owned());
                BASE64.encode_append(pair.as_bytes(), &mut header);
                Some(header)
            }
            ClientAuth::Body => None,
        }
    }

    /// The body, form-encoded.
    #[must_use]
    pub fn body(&self) -> Zeroizing<Vec<u8>> {
        let (id, scope) = (self.client.id.as_str(), self.client.scope.as_str());
        let mut fields = vec![("grant_type", "client_credentials"), ("scope", scope)];
        if self.client.auth == ClientAuth::Body {
            fields.extend([("client_id", id), ("client_secret", self.secret.expose())]);
        }
        let mut body = Zeroizing::new(Vec::with_capacity(4096));
        for (name, value) in fields {
            if !body.is_empty() {
                body.push(b'&');
            }
            body.extend_from_slice(name.as_bytes());
            body.push(b'=');
            body.extend(form_urlencoded::byte_serialize(value.as_bytes()).flat_map(str::bytes));
        }
        body
    }
}

#[derive(Deserialize)]
struct Raw {
    access_token: Option<Zeroizing<String>>,
    token_type: Option<String>,
    expires_in: Option<Lifetime>,
    error: Option<String>,
    error_description: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Lifetime {
    Seconds(u64),
    Text(#[expect(dead_code, reason = "a text tells no life")] String),
}

/// Decodes a reply, which has no envelope. An error may come with any status.
///
/// # Errors
///
/// [`Malformed`] for what is neither a bearer token nor an error.
pub fn answer(status: u16, body: &[u8]) -> Result<Answer, Malformed> {
    let text =
        json::text(body, MAX_DEPTH).map_err(|what| Malformed(format!("no token: {what}")))?;
    let raw: Raw = serde_json::from_str(text).map_err(|error| {
        Malformed(format!("no token: not JSON of its shape (line {})", error.line()))
    })?;
    if let Some(error) = raw.error {
        let why = raw.error_description.unwrap_or_default();
        // Cut where it is shown, after secrets have been taken out.
        return Ok(Answer::Refused(ServerText::new(format!("{error} {why}"))));
    }
    if status != 200 {
        return Err(Malformed(format!("no token: HTTP status {status}")));
    }
    granted(raw).map(Answer::Granted)
}

fn granted(raw: Raw) -> Result<Granted, Malformed> {
    let no = |what: &str| Malformed(format!("no token: {what}"));
    let token = raw.access_token.ok_or_else(|| no("access_token is missing"))?;
    let plain = !token.is_empty()
        && token.len() <= MAX_TOKEN
        && token.bytes().all(|b| b.is_ascii_graphic());
    if !plain {
        return Err(no("access_token is no token"));
    }
    // RFC 6749 demands the type and not the life; tenants leave both out.
    let kind = raw.token_type.as_deref().unwrap_or("Bearer");
    if !kind.eq_ignore_ascii_case("bearer") {
        return Err(no("token_type is not Bearer"));
    }
    let lifetime = match raw.expires_in {
        Some(Lifetime::Seconds(seconds @ 1..=MAX_LIFETIME)) => seconds,
        Some(Lifetime::Seconds(_)) => return Err(no("expires_in is absurd")),
        Some(Lifetime::Text(_)) | None => UNTOLD_LIFETIME,
    };
    Ok(Granted { token: Secret::new(&token), lifetime })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(auth: ClientAuth) -> (String, Option<String>) {
        let secret = Secret::new("s3cr&t+ %");
        let client = OAuthClient {
            app: "mfa".into(),
            id: "svc@example.com".into(),
            secret_file: "/none".into(),
            scope: "a b".into(),
            auth,
        };
        let grant = Grant { client: &client, secret: &secret };
        let body = String::from_utf8(grant.body().to_vec()).unwrap();
        (body, grant.authorization().map(|header| header.to_string()))
    }

    #[test]
    fn credentials_go_into_the_header_or_into_the_body() {
        let (body, header) = grant(ClientAuth::Basic);
        assert_eq!(body, "grant_type=client_credentials&scope=a+b");
        assert_eq!(header.unwrap(), "Basic c3ZjQGV4YW1wbGUuY29tOnMzY3ImdCsgJQ==");
        let (body, header) = grant(ClientAuth::Body);
        let expected = "grant_type=client_credentials&scope=a+b&client_id=svc%40example.com&client_secret=s3cr%26t%2B+%25";
        assert_eq!((body.as_str(), header), (expected, None));
    }

    fn outcome(status: u16, body: &str) -> Result<(String, u64), String> {
        match answer(status, body.as_bytes()) {
            Ok(Answer::Granted(granted)) => {
                Ok((granted.token.expose().to_owned(), granted.lifetime))
            }
            Ok(Answer::Refused(text)) => Err(text.shown(200)),
            Err(Malformed(what)) => Err(what),
        }
    }

    #[test]
    fn a_bearer_token_with_a_life_is_taken() {
        let body = r#"{"access_token":"eyJ.a-b_c","token_type":"bearer","expires_in":31536000,"scope":"x"}"#;
        assert_eq!(outcome(200, body), Ok(("eyJ.a-b_c".into(), 31_536_000)));
    }

    #[test]
    fn a_token_whose_type_or_life_is_not_told_is_a_bearer_for_a_short_time() {
        for body in [
            r#"{"access_token":"a"}"#,
            r#"{"access_token":"a","token_type":null,"expires_in":null}"#,
            r#"{"access_token":"a","token_type":"Bearer"}"#,
            r#"{"access_token":"a","token_type":"bearer","expires_in":"3600"}"#,
            r#"{"access_token":"a","expires_in":"soon"}"#,
        ] {
            assert_eq!(outcome(200, body), Ok(("a".into(), 300)), "{body}");
        }
        let told = r#"{"access_token":"a","expires_in":60}"#;
        assert_eq!(outcome(200, told), Ok(("a".into(), 60)));
    }

    #[test]
    fn nothing_else_is() {
        for (status, body, why) in [
            (
                200,
                r#"{"token_type":"Bearer","expires_in":60}"#,
                "no token: access_token is missing",
            ),
            (
                200,
                r#"{"access_token":"","token_type":"Bearer","expires_in":60}"#,
                "no token: access_token is no token",
            ),
            (
                200,
                r#"{"access_token":"a\nb","token_type":"Bearer","expires_in":60}"#,
                "no token: access_token is no token",
            ),
            (
                200,
                r#"{"access_token":"a","token_type":"mac","expires_in":60}"#,
                "no token: token_type is not Bearer",
            ),
            (
                200,
                r#"{"access_token":"a","token_type":"Bearer","expires_in":0}"#,
                "no token: expires_in is absurd",
            ),
            (
                200,
                r#"{"access_token":"a","token_type":"Bearer","expires_in":1000000000000}"#,
                "no token: expires_in is absurd",
            ),
            (
                200,
                r#"{"access_token":"a","token_type":"","expires_in":60}"#,
                "no token: token_type is not Bearer",
            ),
            (
                200,
                r#"{"access_token":"a","token_type":["Bearer"],"expires_in":60}"#,
                "no token: not JSON of its shape (line 1)",
            ),
            (
                200,
                r#"{"access_token":"a","expires_in":true}"#,
                "no token: not JSON of its shape (line 1)",
            ),
            (
                200,
                r#"{"access_token":"a","token_type":"Bearer","expires_in":-1}"#,
                "no token: not JSON of its shape (line 1)",
            ),
            (
                201,
                r#"{"access_token":"a","token_type":"Bearer","expires_in":60}"#,
                "no token: HTTP status 201",
            ),
            (200, "<html>", "no token: not JSON of its shape (line 1)"),
            (
                401,
                r#"{"error":"invalid_client","error_description":"\u001b[31m wrong\n"}"#,
                "invalid_client [31m wrong",
            ),
            (400, r#"{"error":"invalid_scope"}"#, "invalid_scope"),
        ] {
            assert_eq!(outcome(status, body), Err(why.into()), "{body}");
        }
    }
}

//! Credentials for a server, as an Authorization header says them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http_auth::{ChallengeRef, DigestClient, ParamValue, PasswordParams};

use crate::error::{Error, Kind, Result};
use crate::http::{Challenge, auth_challenge};

/// How often a server is answered that asks for credentials.
pub(crate) const MAX_ATTEMPTS: u32 = 8;

/// A server's question for credentials: an answer with the status 401.
#[derive(Clone)]
pub(crate) struct AuthChallenge {
    /// Without credentials.
    pub(crate) url: String,
    /// Path and query, which a digest covers.
    pub(crate) resource: String,
    /// The values of WWW-Authenticate.
    pub(crate) challenges: Vec<String>,
    /// From 1.
    pub(crate) attempt: u32,
}

/// Who answers.
pub(crate) trait Authenticator: Send + Sync {
    /// The value of Authorization; none gives up.
    fn answer(&self, question: &AuthChallenge) -> Option<String>;
}

/// RFC 7617.
pub(crate) fn basic(user: &str, password: &str) -> Result<String> {
    check(user)?;
    check(password)?;
    if user.contains(':') {
        return Err(invalid("the user name holds a colon, which Basic authentication cannot say"));
    }
    Ok(format!("Basic {}", BASE64.encode(format!("{user}:{password}"))))
}

/// RFC 6750.
pub(crate) fn bearer(token: &str) -> Result<String> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if token.is_empty() || !token.bytes().all(is_token) {
        return Err(invalid("the token is empty or holds a character that no token has"));
    }
    Ok(format!("Bearer {token}"))
}

/// A value as it is.
pub(crate) fn header(value: &str) -> Result<String> {
    if value.chars().any(char::is_control) {
        return Err(invalid("the value of the header holds a control character"));
    }
    Ok(value.to_owned())
}

/// RFC 7616: an answer to the first of the question's challenges that asks for a digest which can be made.
pub(crate) fn digest(question: &AuthChallenge, user: &str, password: &str) -> Result<String> {
    check(user)?;
    check(password)?;
    let challenges = question.challenges.iter().flat_map(|text| auth_challenge::parse(text));
    for challenge in challenges.filter(|challenge| challenge.scheme.eq_ignore_ascii_case("Digest")) {
        let Some(mut client) = digest_client(&challenge) else { continue };
        // Without a body there is only one quality of protection: that of the request.
        let question = PasswordParams { username: user, password, uri: &question.resource, method: "GET", body: None };
        let Ok(mut answer) = client.respond(&question) else { continue };
        let algorithm = challenge.parameters.iter().find(|(name, _)| name.eq_ignore_ascii_case("algorithm"));
        if let Some((_, algorithm)) = algorithm.filter(|_| !answer.contains("algorithm=")) {
            answer.push_str(&format!(", algorithm={}", canonical_algorithm(algorithm)));
        }
        return Ok(answer);
    }
    Err(Error::new(Kind::State, "the server asks for no digest that can be made"))
}

/// What answers a challenge, if it asks for a digest that can be made.
fn digest_client(challenge: &Challenge) -> Option<DigestClient> {
    let escaped: Vec<_> = challenge
        .parameters
        .iter()
        .map(|(name, value)| match name.eq_ignore_ascii_case("algorithm") {
            true => canonical_algorithm(value),
            false => value.replace('\\', "\\\\").replace('"', "\\\""),
        })
        .collect();
    let mut normalized = ChallengeRef::new("Digest");
    for ((name, _), value) in challenge.parameters.iter().zip(&escaped) {
        normalized.params.push((name, ParamValue::try_from_escaped(value).ok()?));
    }
    DigestClient::try_from(&normalized).ok()
}

/// Algorithms compare without regard to case; `http_auth` knows them in one.
fn canonical_algorithm(name: &str) -> String {
    name.to_ascii_uppercase().replace("-SESS", "-sess")
}

fn check(text: &str) -> Result<()> {
    if text.chars().any(char::is_control) {
        return Err(invalid("the user name or the password holds a control character"));
    }
    Ok(())
}

fn invalid(message: &'static str) -> Error {
    Error::new(Kind::InvalidArgument, message)
}

//! Credentials for a server, as values of Authorization.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http_auth::{ChallengeRef, DigestClient, ParamValue, PasswordParams};

use crate::error::{Error, Kind, Result};
use crate::http::{Challenge, auth_challenge};

/// How many challenges are answered while a session is opened.
pub(crate) const MAX_ATTEMPTS: u32 = 8;

/// A response with the status 401, which requires credentials.
#[derive(Clone)]
pub(crate) struct AuthChallenge {
    /// The URL without credentials.
    pub(crate) url: String,
    /// The path and query, which a digest covers.
    pub(crate) resource: String,
    /// The values of WWW-Authenticate.
    pub(crate) challenges: Vec<String>,
    /// The number of the attempt, from 1.
    pub(crate) attempt: u32,
}

/// Supplies credentials.
pub(crate) trait Authenticator: Send + Sync {
    /// Returns the value of Authorization, or None to give up.
    fn answer(&self, challenge: &AuthChallenge) -> Option<String>;
}

/// Returns Basic credentials (RFC 7617).
pub(crate) fn basic(user: &str, password: &str) -> Result<String> {
    check(user)?;
    check(password)?;
    if user.contains(':') {
        return Err(invalid("the user name contains a colon, which Basic authentication does not allow"));
    }
    Ok(format!("Basic {}", BASE64.encode(format!("{user}:{password}"))))
}

/// Returns a Bearer token (RFC 6750).
pub(crate) fn bearer(token: &str) -> Result<String> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if token.is_empty() || !token.bytes().all(is_token) {
        return Err(invalid("the token is empty or contains an invalid character"));
    }
    Ok(format!("Bearer {token}"))
}

/// Returns a value unchanged, if it is valid.
pub(crate) fn header(value: &str) -> Result<String> {
    if value.chars().any(char::is_control) {
        return Err(invalid("the value of the header contains a control character"));
    }
    Ok(value.to_owned())
}

/// Returns a Digest response (RFC 7616) to the first challenge that is supported.
pub(crate) fn digest(challenge: &AuthChallenge, user: &str, password: &str) -> Result<String> {
    check(user)?;
    check(password)?;
    let challenges = challenge.challenges.iter().flat_map(|text| auth_challenge::parse(text));
    for parsed in challenges.filter(|parsed| parsed.scheme.eq_ignore_ascii_case("Digest")) {
        let Some(mut client) = digest_client(&parsed) else { continue };
        // Without a body, the only quality of protection is `auth`.
        let params = PasswordParams { username: user, password, uri: &challenge.resource, method: "GET", body: None };
        let Ok(mut answer) = client.respond(&params) else { continue };
        let algorithm = parsed.parameters.iter().find(|(name, _)| name.eq_ignore_ascii_case("algorithm"));
        if let Some((_, algorithm)) = algorithm.filter(|_| !answer.contains("algorithm=")) {
            answer.push_str(&format!(", algorithm={}", canonical_algorithm(algorithm)));
        }
        return Ok(answer);
    }
    Err(Error::new(Kind::State, "the server sent no supported Digest challenge"))
}

/// Returns the client that answers a challenge, if the challenge is supported.
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

/// Names of algorithms are case-insensitive, but `http_auth` expects this spelling.
fn canonical_algorithm(name: &str) -> String {
    name.to_ascii_uppercase().replace("-SESS", "-sess")
}

fn check(text: &str) -> Result<()> {
    if text.chars().any(char::is_control) {
        return Err(invalid("the user name or the password contains a control character"));
    }
    Ok(())
}

fn invalid(message: &'static str) -> Error {
    Error::new(Kind::InvalidArgument, message)
}

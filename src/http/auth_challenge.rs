//! Parses WWW-Authenticate headers (RFC 9110 section 11.6.1).
//!
//! The parser of http-auth is not used: it rejects token68 challenges, such as those of Negotiate, and a header with any
//! malformed part.

/// A challenge: an authentication scheme with its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The scheme, in the case in which it was sent.
    pub scheme: String,
    /// Names in the case in which they were sent, and values without quotes.
    pub parameters: Vec<(String, String)>,
}

/// Returns the challenges in front of the first syntax error.
pub fn parse(text: &str) -> Vec<Challenge> {
    let mut challenges: Vec<Challenge> = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let Some((word, behind)) = token(rest) else { return challenges };
        let after = behind.trim_start_matches([' ', '\t']);
        if let Some(value) = after.strip_prefix('=') {
            let (Some((value, behind)), Some(challenge)) = (value_of(value.trim_start()), challenges.last_mut()) else {
                return challenges;
            };
            challenge.parameters.push((word.to_owned(), value));
            rest = behind;
        } else {
            challenges.push(Challenge { scheme: word.to_owned(), parameters: Vec::new() });
            rest = token68(after).unwrap_or(after);
        }
    }
}

fn token(text: &str) -> Option<(&str, &str)> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let end = text.bytes().position(|byte| !is_token(byte)).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// Parses a token or a quoted string. Returns the value and the rest of the text.
fn value_of(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        return token(text).map(|(value, behind)| (value.to_owned(), behind));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            _ => value.push(character),
        }
    }
    None
}

/// Skips a token68, which some schemes have in place of parameters. Returns the rest of the text.
fn token68(text: &str) -> Option<&str> {
    let is_68 = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    let end = text.bytes().position(|byte| !is_68(byte)).unwrap_or(text.len());
    let behind = text[end..].trim_start_matches('=').trim_start_matches([' ', '\t']);
    (end > 0 && (behind.is_empty() || behind.starts_with(','))).then_some(behind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_in_all_their_forms() {
        let shown = |text| {
            let challenges = parse(text).into_iter().map(|challenge| {
                let parameters: Vec<_> =
                    challenge.parameters.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
                format!("{}({})", challenge.scheme, parameters.join(";"))
            });
            challenges.collect::<Vec<_>>().join(" ")
        };
        for (text, expected) in [
            ("", ""),
            ("Basic", "Basic()"),
            ("Basic realm=\"a, b=c\"", "Basic(realm=a, b=c)"),
            ("Digest   realm = \"a\\\"b\" ,, qop=auth", "Digest(realm=a\"b;qop=auth)"),
            ("Negotiate YWJjZA==, Digest nonce=1", "Negotiate() Digest(nonce=1)"),
            ("Negotiate, Basic realm=a, New token68/+", "Negotiate() Basic(realm=a) New()"),
            ("realm=a, Basic realm=b", ""),
            ("Basic realm=\"open", "Basic()"),
            ("Basic realm=a; x", "Basic(realm=a)"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }
}

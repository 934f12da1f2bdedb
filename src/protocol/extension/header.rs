//! The grammar of the Sec-WebSocket-Extensions header (RFC 6455 section 9.1).

use crate::http::headers::is_token;

/// The header's name.
pub const NAME: &str = "Sec-WebSocket-Extensions";

/// An extension's parameters in the order of the header. A parameter without `=` has the value `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters(pub Vec<(String, Option<String>)>);

/// One extension in the header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// The extension's name.
    pub name: String,
    /// Its parameters.
    pub parameters: Parameters,
}

impl Parameters {
    /// Parses the parameters after an extension's name. Returns `None` if they are malformed.
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::default());
        }
        match &mut parse(format!("x; {text}").as_bytes())?[..] {
            [element] => Some(std::mem::take(&mut element.parameters)),
            _ => None,
        }
    }
}

impl std::fmt::Display for Parameters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, (name, value)) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            match value {
                None => write!(f, "{separator}{name}")?,
                Some(value) => write!(f, "{separator}{name}={value}")?,
            }
        }
        Ok(())
    }
}

/// Parses a header value: `extension-list` of section 9.1. Returns `None` if it is malformed.
pub fn parse(value: &[u8]) -> Option<Vec<Element>> {
    let mut unread = Unread(std::str::from_utf8(value).ok()?);
    let mut elements = Vec::new();
    loop {
        // RFC 9110 section 5.6.1: a recipient ignores empty list elements.
        while unread.eat(',') {}
        if unread.is_empty() {
            return Some(elements);
        }
        let name = unread.token()?;
        let mut parameters = Parameters::default();
        while unread.eat(';') {
            let name = unread.token()?;
            let value = if unread.eat('=') { Some(unread.value()?) } else { None };
            parameters.0.push((name, value));
        }
        elements.push(Element { name, parameters });
        if !unread.is_empty() && !unread.eat(',') {
            return None;
        }
    }
}

/// The unread text.
struct Unread<'a>(&'a str);

impl Unread<'_> {
    fn skip_whitespace(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t']);
    }

    fn is_empty(&mut self) -> bool {
        self.skip_whitespace();
        self.0.is_empty()
    }

    fn eat(&mut self, separator: char) -> bool {
        self.skip_whitespace();
        let found = self.0.strip_prefix(separator);
        self.0 = found.unwrap_or(self.0);
        found.is_some()
    }

    fn token(&mut self) -> Option<String> {
        self.skip_whitespace();
        let end = self.0.find([' ', '\t', ',', ';', '=', '"']).unwrap_or(self.0.len());
        let (token, rest) = self.0.split_at(end);
        self.0 = rest;
        is_token(token).then(|| token.to_owned())
    }

    /// A token or a quoted string: "the value after quoted-string unescaping MUST conform to the token ABNF".
    fn value(&mut self) -> Option<String> {
        self.skip_whitespace();
        let Some(quoted) = self.0.strip_prefix('"') else { return self.token() };
        let mut value = String::new();
        let mut characters = quoted.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    self.0 = &quoted[at + 1..];
                    return is_token(&value).then_some(value);
                }
                '\\' => value.push(characters.next()?.1),
                other => value.push(other),
            }
        }
        None
    }
}

//! Sec-WebSocket-Extensions (RFC 6455 section 9.1): what is offered, and what a server answers.

use crate::error::Result;
use crate::http::ResponseHead;
use crate::http::headers::is_token;
use crate::protocol::extension::{Extension, Negotiated, Told};
use crate::protocol::handshake::invalid;

/// The header's name.
pub const NAME: &str = "Sec-WebSocket-Extensions";

/// An extension's parameters in the order of the header; the value is none where there is no `=`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters(pub Vec<(String, Option<String>)>);

/// One extension of the header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// The extension's name.
    pub name: String,
    /// Its parameters.
    pub parameters: Parameters,
}

impl Parameters {
    /// Reads what stands behind an extension's name. None where it is malformed.
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

/// The value that offers `extensions`, with their offers.
pub(super) fn offer(extensions: &[&dyn Extension]) -> Result<String> {
    let mut value = String::new();
    for extension in extensions {
        for parameters in [Some(extension.offer()?), extension.fallback()].into_iter().flatten() {
            for piece in [if value.is_empty() { "" } else { ", " }, extension.name()] {
                value.push_str(piece);
            }
            if !parameters.is_empty() {
                value.push_str("; ");
                value.push_str(&parameters);
            }
        }
    }
    Ok(value)
}

/// What the server chose of the extensions that were offered, in its order.
pub(super) fn negotiate(head: &ResponseHead, offered: &[&dyn Extension]) -> Result<Vec<Negotiated>> {
    let mut negotiated: Vec<Negotiated> = Vec::new();
    for value in head.values(NAME) {
        let elements = parse(value)
            .ok_or_else(|| invalid(format!("the {NAME} header is malformed: {:?}", String::from_utf8_lossy(value))))?;
        for Element { name, parameters } in elements {
            let Some(extension) = offered.iter().find(|offered| offered.name() == name) else {
                return Err(invalid(format!(
                    "the server chose the extension {name:?}, which was not offered (RFC 6455 section 4.1, 5)"
                )));
            };
            if negotiated.iter().any(|earlier| earlier.told.name == name) {
                return Err(invalid(format!("the server chose the extension {name:?} twice")));
            }
            let told = Told { name: extension.name().to_owned(), parameters: parameters.to_string(), instance: None };
            negotiated.push(Negotiated { told, rsv: extension.rsv(), agreed: extension.agree(&parameters)? });
        }
    }
    Ok(negotiated)
}

/// Reads a value of the header: `extension-list` of section 9.1. None where it is malformed.
pub fn parse(value: &[u8]) -> Option<Vec<Element>> {
    let mut rest = Rest(std::str::from_utf8(value).ok()?);
    let mut elements = Vec::new();
    loop {
        // RFC 9110 section 5.6.1: empty elements are to be ignored.
        while rest.eat(',') {}
        if rest.is_empty() {
            return Some(elements);
        }
        let name = rest.token()?;
        let mut parameters = Parameters::default();
        while rest.eat(';') {
            let name = rest.token()?;
            let value = if rest.eat('=') { Some(rest.value()?) } else { None };
            parameters.0.push((name, value));
        }
        elements.push(Element { name, parameters });
        if !rest.is_empty() && !rest.eat(',') {
            return None;
        }
    }
}

/// What has not been read, without the white space before it.
struct Rest<'a>(&'a str);

impl Rest<'_> {
    fn skip_white_space(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t']);
    }

    fn is_empty(&mut self) -> bool {
        self.skip_white_space();
        self.0.is_empty()
    }

    fn eat(&mut self, separator: char) -> bool {
        self.skip_white_space();
        let found = self.0.strip_prefix(separator);
        self.0 = found.unwrap_or(self.0);
        found.is_some()
    }

    fn token(&mut self) -> Option<String> {
        self.skip_white_space();
        let end = self.0.find([' ', '\t', ',', ';', '=', '"']).unwrap_or(self.0.len());
        let (token, rest) = self.0.split_at(end);
        self.0 = rest;
        is_token(token).then(|| token.to_owned())
    }

    /// A token, or one in quotes: "the value after quoted-string unescaping MUST conform to the token ABNF".
    fn value(&mut self) -> Option<String> {
        self.skip_white_space();
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

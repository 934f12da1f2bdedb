//! The result of the opening handshake, in one allocation, because a session keeps it until its end.

use std::ffi::CStr;

/// The result of the opening handshake. Each text ends with a NUL, for C.
pub(crate) struct HandshakeInfo {
    pub(crate) response_status: u16,
    /// The URL, the subprotocol, then the names and values of the request's header fields and an empty name, then the same for
    /// the response.
    texts: Box<[u8]>,
}

impl HandshakeInfo {
    pub(crate) fn new<'a>(
        url: &str,
        subprotocol: Option<&str>,
        request_headers: impl Iterator<Item = (&'a str, &'a str)>,
        response_status: u16,
        response_headers: &[(String, Vec<u8>)],
    ) -> Self {
        let mut texts = Vec::with_capacity(1024);
        push(&mut texts, url.as_bytes());
        push(&mut texts, subprotocol.unwrap_or_default().as_bytes());
        for (name, value) in request_headers {
            push(&mut texts, name.as_bytes());
            push(&mut texts, value.as_bytes());
        }
        push(&mut texts, b"");
        for (name, value) in response_headers {
            push(&mut texts, name.as_bytes());
            push(&mut texts, value);
        }
        push(&mut texts, b"");
        Self { response_status, texts: texts.into() }
    }

    pub(crate) fn url(&self) -> &CStr {
        self.texts().next().unwrap_or_default()
    }

    /// Returns the subprotocol, empty if there is none.
    pub(crate) fn subprotocol(&self) -> &CStr {
        self.texts().nth(1).unwrap_or_default()
    }

    /// The names and values of the request's header fields.
    pub(crate) fn request_headers(&self) -> impl Iterator<Item = (&CStr, &CStr)> {
        fields(self.texts().skip(2))
    }

    /// The names and values of the response's header fields.
    pub(crate) fn response_headers(&self) -> impl Iterator<Item = (&CStr, &CStr)> {
        let mut texts = self.texts().skip(2);
        while texts.next().is_some_and(|name| !name.is_empty()) {
            texts.next();
        }
        fields(texts)
    }

    fn texts(&self) -> impl Iterator<Item = &CStr> {
        let mut rest = &*self.texts;
        std::iter::from_fn(move || {
            let text = CStr::from_bytes_until_nul(rest).ok()?;
            rest = &rest[text.count_bytes() + 1..];
            Some(text)
        })
    }
}

/// Appends a text up to its first NUL, where it ends in C.
fn push(texts: &mut Vec<u8>, text: &[u8]) {
    texts.extend(text.iter().take_while(|byte| **byte != 0));
    texts.push(0);
}

fn fields<'a>(mut texts: impl Iterator<Item = &'a CStr>) -> impl Iterator<Item = (&'a CStr, &'a CStr)> {
    std::iter::from_fn(move || Some((texts.next().filter(|name| !name.is_empty())?, texts.next()?)))
}

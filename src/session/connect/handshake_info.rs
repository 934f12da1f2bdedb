//! What the opening handshake agreed on, in one piece of memory: a session has it until the end.

use std::ffi::CStr;

/// The texts of a session's opening, each with a NUL behind it, as C takes them.
pub(crate) struct Opened {
    pub(crate) response_status: u16,
    /// The URL, the subprotocol, then for the request and for the response names and values in turn, and an empty name
    /// at the end.
    texts: Box<[u8]>,
}

impl Opened {
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

    /// Empty if there is none.
    pub(crate) fn subprotocol(&self) -> &CStr {
        self.texts().nth(1).unwrap_or_default()
    }

    /// The value of the `index`-th field of this name.
    pub(crate) fn request_header(&self, name: &str, index: usize) -> Option<&CStr> {
        find(self.texts().skip(2), name, index)
    }

    /// The same of the response.
    pub(crate) fn response_header(&self, name: &str, index: usize) -> Option<&CStr> {
        let mut texts = self.texts().skip(2);
        while texts.next().is_some_and(|name| !name.is_empty()) {
            texts.next();
        }
        find(texts, name, index)
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

/// Up to the first NUL, behind which C sees nothing.
fn push(texts: &mut Vec<u8>, text: &[u8]) {
    texts.extend(text.iter().take_while(|byte| **byte != 0));
    texts.push(0);
}

fn find<'a>(mut fields: impl Iterator<Item = &'a CStr>, name: &str, index: usize) -> Option<&'a CStr> {
    let fields = std::iter::from_fn(|| Some((fields.next()?, fields.next()?)));
    fields
        .take_while(|(present, _)| !present.is_empty())
        .filter(|(present, _)| present.to_bytes().eq_ignore_ascii_case(name.as_bytes()))
        .map(|(_, value)| value)
        .nth(index)
}

//! A request that asks for the connection to become something else, and its answer: a yes, behind which the bytes are no
//! longer HTTP, or a no with a body.

use crate::error::{Error, Refusal, Result};
use crate::http::response_head::{Answerer, HeadReader, ResponseHead};
use crate::http::{RefusalBody, response_head};

/// A request, its answer to come.
pub trait Exchange {
    /// What a yes brings.
    type Accepted;

    /// The request's bytes.
    fn request(&self) -> &[u8];

    /// Takes bytes of the answer. `Ok(None)`: more are needed. A no is an error, which comes once its body is complete.
    fn receive(&mut self, bytes: &[u8]) -> Result<Option<Self::Accepted>>;

    /// Whether the answer is a no and only the rest of its body is awaited.
    fn is_refused(&self) -> bool;

    /// The error when no more bytes come.
    fn interrupted(&mut self) -> Error;
}

/// Reads an answer.
#[derive(Debug)]
pub struct Answer {
    from: Answerer,
    accepts: fn(u16) -> bool,
    reader: HeadReader,
    refused: Option<(ResponseHead, RefusalBody)>,
}

/// What an answer came to.
#[derive(Debug)]
pub enum Answered {
    /// Yes, and the bytes behind it.
    Accepted(ResponseHead, Vec<u8>),
    /// No.
    Refused(Refusal),
}

impl Answer {
    /// The answer of `from`, in which `accepts` are the statuses that mean yes.
    pub fn new(from: Answerer, accepts: fn(u16) -> bool) -> Self {
        Self { from, accepts, reader: HeadReader::new(from), refused: None }
    }

    /// Takes bytes. None while more are needed.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<Option<Answered>> {
        if let Some((_, body)) = &mut self.refused {
            return Ok(if body.push(bytes) { self.take_refusal() } else { None });
        }
        self.reader.push(bytes);
        let Some(head) = self.final_head()? else { return Ok(None) };
        let rest = std::mem::replace(&mut self.reader, HeadReader::new(self.from)).into_rest();
        if (self.accepts)(head.status) {
            return Ok(Some(Answered::Accepted(head, rest)));
        }
        let mut body = RefusalBody::new(&head);
        let complete = body.push(&rest);
        self.refused = Some((head, body));
        Ok(if complete { self.take_refusal() } else { None })
    }

    /// Whether it is a no and only the rest of its body is awaited.
    pub fn is_refused(&self) -> bool {
        self.refused.is_some()
    }

    /// No more bytes come: what there is of a no, else an error.
    pub fn interrupted(&mut self) -> Result<Refusal> {
        match self.take_refusal() {
            Some(Answered::Refused(refusal)) => Ok(refusal),
            _ => Err(response_head::cut_off(self.from, self.reader.received())),
        }
    }

    fn take_refusal(&mut self) -> Option<Answered> {
        let (head, body) = self.refused.take()?;
        Some(Answered::Refused(Refusal { status: head.status, headers: head.headers, body: body.into_bytes() }))
    }

    /// The first head that is not an interim response (RFC 9110 section 15.2).
    fn final_head(&mut self) -> Result<Option<ResponseHead>> {
        const SWITCHING_PROTOCOLS: u16 = 101;
        while let Some(head) = self.reader.poll()? {
            if head.status == SWITCHING_PROTOCOLS || head.status >= 200 {
                return Ok(Some(head));
            }
            if head.status < 100 {
                return Err(self.from.invalid(format_args!(" answered with the status {}", head.status)));
            }
        }
        Ok(None)
    }
}

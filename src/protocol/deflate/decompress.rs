//! Decompression of incoming messages (RFC 7692 sections 6.2 and 7.2.2).

use zlib_rs::{Inflate, InflateError, InflateFlush, Status};

use super::format::TAIL;
use super::negotiate::NegotiatedParameters;
use super::small_stream::{self, Found};
use crate::error::{Error, Kind, Result};
use crate::frame::Opcode;
use crate::protocol::extension::{Decoder, Sink};

/// The expected ratio of a message's size to its compressed size.
const EXPECTED_RATIO: usize = 4;

/// The history is trimmed when it exceeds the window by this fraction of the window.
const HISTORY_SLACK: usize = 4;

pub(super) struct Decompressor {
    window_bits: u8,
    /// Whether messages refer to earlier messages.
    context_takeover: bool,
    /// `None` while it is not needed.
    inflate: Option<Inflate>,
    /// The end of the previous output, up to a window or somewhat more. A stream that follows an ended stream may refer to it.
    history: Vec<u8>,
    /// Whether the last block ended the stream. The inflater does not have the bytes that followed.
    ended: bool,
    /// The first bytes of the next stream.
    head: Head,
    /// A buffer for the output of small streams.
    small: Vec<u8>,
    /// See [`Decoder::work`].
    work: u64,
}

#[derive(Default)]
struct Head {
    bytes: [u8; small_stream::LONGEST],
    size: usize,
}

impl Head {
    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.size]
    }

    /// Adds as many bytes as fit.
    fn fill(&mut self, input: &mut &[u8]) {
        let count = input.len().min(self.bytes.len() - self.size);
        let (taken, rest) = input.split_at(count);
        self.bytes[self.size..self.size + count].copy_from_slice(taken);
        self.size += count;
        *input = rest;
    }

    fn remove(&mut self, count: usize) {
        self.bytes.copy_within(count..self.size, 0);
        self.size -= count;
    }
}

impl Decompressor {
    pub(super) fn new(negotiated: &NegotiatedParameters) -> Self {
        Self {
            window_bits: negotiated.server_window_bits,
            context_takeover: negotiated.server_context_takeover,
            inflate: None,
            history: Vec::new(),
            ended: false,
            head: Head::default(),
            small: Vec::new(),
            work: 0,
        }
    }

    /// Inflates `input`. If a stream ends, the first bytes of the next stream stay in `head`.
    fn inflate(&mut self, mut input: &[u8], output: &mut Sink<'_>) -> Result<()> {
        loop {
            if self.ended {
                if !self.decode_small_streams(&mut input, output)? {
                    return Ok(());
                }
                self.inflate_head(output)?;
                continue;
            }
            let taken = self.inflate_stream(input, output)?;
            input = &input[taken..];
            if !self.ended {
                return Ok(());
            }
        }
    }

    /// Inflates `input` up to the end of the stream. Returns the number of bytes consumed.
    fn inflate_stream(&mut self, input: &[u8], output: &mut Sink<'_>) -> Result<usize> {
        let mut at = 0;
        loop {
            let rest = &input[at..];
            let inflate = self.inflate.get_or_insert_with(|| Inflate::new(false, self.window_bits));
            let space = output.space(rest.len().saturating_mul(EXPECTED_RATIO))?;
            let room = space.len();
            let (total_in, total_out) = (inflate.total_in(), inflate.total_out());
            let status = inflate.decompress(rest, space, InflateFlush::SyncFlush);
            let (taken, made) = (delta(inflate.total_in(), total_in), delta(inflate.total_out(), total_out));
            self.work += (taken + made) as u64;
            output.filled(made)?;
            at += taken;
            self.ended = matches!(status.map_err(|error| broken(&error))?, Status::StreamEnd);
            // Free space in the output means that all output is written.
            if self.ended || (at == input.len() && made < room) {
                return Ok(at);
            }
            if taken == 0 && made == 0 {
                return Err(Error::new(Kind::Compression, "compressed data that does not go on"));
            }
        }
    }

    /// Decodes small streams that follow an ended stream. Returns whether the next stream needs an inflater.
    fn decode_small_streams(&mut self, input: &mut &[u8], output: &mut Sink<'_>) -> Result<bool> {
        loop {
            self.head.fill(input);
            match self.find_small(&[], output) {
                Found::Stream(size) => {
                    output.write(&self.small)?;
                    self.head.remove(size);
                }
                Found::Short if self.head.size < small_stream::LONGEST => return Ok(false),
                _ => return Ok(true),
            }
        }
    }

    /// Classifies the bytes of `head` followed by `tail`. A `tail` that is not empty ends the message.
    fn find_small(&mut self, tail: &[u8], output: &Sink<'_>) -> Found {
        let mut bytes = [0; small_stream::LONGEST + TAIL.len()];
        let size = self.head.size + tail.len();
        bytes[..self.head.size].copy_from_slice(self.head.as_bytes());
        bytes[self.head.size..size].copy_from_slice(tail);
        let (written, history, window) = (output.written(), &self.history, self.window());
        let byte = |bytes: &[u8], back| bytes.len().checked_sub(back).map(|at| bytes[at]);
        let before = |back| match back {
            _ if back > window => None,
            _ if back <= written.len() => byte(written, back),
            _ => byte(history, back - written.len()),
        };
        self.small.clear();
        let found = small_stream::decode(&bytes[..size], !tail.is_empty(), &mut self.small, before);
        self.work += (size + self.small.len()) as u64;
        found
    }

    /// Inflates the bytes of `head`, with the previous output as the dictionary: after a last block (section 7.2.3.4), the next
    /// stream may refer to it. If `head` holds a whole stream, the bytes after that stream stay in it.
    fn inflate_head(&mut self, output: &mut Sink<'_>) -> Result<()> {
        let window = self.window();
        let written = output.written();
        let new = &written[written.len().saturating_sub(window)..];
        let old = &self.history[self.history.len().saturating_sub(window - new.len())..];
        self.work += (old.len() + new.len()) as u64;
        match &mut self.inflate {
            Some(inflate) => inflate.reset(false),
            none => *none = Some(Inflate::new(false, self.window_bits)),
        }
        if let Some(inflate) = &mut self.inflate {
            for part in [old, new] {
                inflate.set_dictionary(part).map_err(|error| broken(&error))?;
            }
        }
        self.ended = false;
        let mut head = std::mem::take(&mut self.head);
        let taken = self.inflate_stream(head.as_bytes(), output)?;
        head.remove(taken);
        self.head = head;
        Ok(())
    }

    fn window(&self) -> usize {
        1 << self.window_bits
    }

    /// Appends the end of a message to the history.
    fn remember(&mut self, message: &[u8]) {
        let window = self.window();
        let new = &message[message.len().saturating_sub(window)..];
        // Trimming after each message would cost a window even for a small message.
        if self.history.len() + new.len() > window + window / HISTORY_SLACK {
            let kept = window - new.len();
            self.work += kept as u64;
            self.history.drain(..self.history.len().saturating_sub(kept));
        }
        self.work += new.len() as u64;
        self.history.extend_from_slice(new);
    }

    /// Ends the message: the tail that the sender removed must end the last block.
    fn finish(&mut self, output: &mut Sink<'_>) -> Result<()> {
        while self.ended {
            match self.find_small(&TAIL, output) {
                Found::Message => {
                    self.head = Head::default();
                    return output.write(&self.small);
                }
                Found::Stream(size) if size <= self.head.size => {
                    output.write(&self.small)?;
                    self.head.remove(size);
                }
                _ if self.head.size == 0 => return Err(truncated()),
                _ => self.inflate_head(output)?,
            }
        }
        let inflate = self.inflate.get_or_insert_with(|| Inflate::new(false, self.window_bits));
        // The input is one byte longer than the tail. With `Block`, the inflater stops after the empty block that the tail ends
        // and must not consume that byte.
        let mut input = [0; TAIL.len() + 1];
        input[..TAIL.len()].copy_from_slice(&TAIL);
        let before = inflate.total_in();
        let total_out = inflate.total_out();
        let mut nothing = [0; 1];
        let status = inflate.decompress(&input, &mut nothing, InflateFlush::Block).map_err(|error| broken(&error))?;
        let taken = delta(inflate.total_in(), before);
        if status != Status::Ok || taken != TAIL.len() || inflate.total_out() != total_out {
            return Err(truncated());
        }
        Ok(())
    }
}

impl Decoder for Decompressor {
    fn begin(&mut self, _opcode: Opcode, _rsv: u8) -> bool {
        true
    }

    fn decode(&mut self, part: &[u8], last: bool, output: &mut Sink<'_>) -> Result<()> {
        if !part.is_empty() {
            self.inflate(part, output)?;
        }
        if last {
            self.finish(output)?;
            if self.context_takeover {
                self.remember(output.written());
            } else {
                self.ended = false;
                if let Some(inflate) = &mut self.inflate {
                    inflate.reset(false);
                }
            }
        }
        Ok(())
    }

    fn release(&mut self) {
        if !self.context_takeover {
            self.inflate = None;
        }
        self.small = Vec::new();
    }

    fn work(&self) -> u64 {
        self.work
    }
}

fn broken(error: &InflateError) -> Error {
    let kind = if matches!(error, InflateError::MemError) { Kind::NoMemory } else { Kind::Compression };
    Error::new(kind, format!("the server sent compressed data that cannot be inflated: {}", error.as_str()))
}

fn truncated() -> Error {
    Error::new(Kind::Compression, "the server sent compressed data that is cut short")
}

fn delta(after: u64, before: u64) -> usize {
    usize::try_from(after - before).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decompressor(server_context_takeover: bool) -> Decompressor {
        let window_bits = 9;
        let (client_window_bits, server_window_bits) = (window_bits, window_bits);
        Decompressor::new(&NegotiatedParameters {
            client_window_bits,
            server_window_bits,
            client_context_takeover: true,
            server_context_takeover,
        })
    }

    #[test]
    fn release_frees_memory_that_no_message_needs() {
        for context_takeover in [true, false] {
            let mut decompressor = decompressor(context_takeover);
            let mut payload = crate::protocol::Payload::default();
            let message = b"\xf3\x48\xcd\xc9\xc9\x07\x00\x4b\x04\x00\x00";
            decompressor.decode(message, true, &mut Sink::new(&mut payload, 100)).expect("two streams");
            assert_eq!(&payload[..], b"Helloa");
            assert!(decompressor.inflate.is_some() && decompressor.small.capacity() > 0);
            decompressor.release();
            assert_eq!((decompressor.inflate.is_some(), decompressor.small.capacity()), (context_takeover, 0));
        }
    }

    #[test]
    fn the_history_exceeds_a_window_by_a_quarter_at_most() {
        let mut decompressor = decompressor(true);
        let mut all = Vec::new();
        // For each message: its size, the size of the history afterwards, and the number of bytes that trimming moved.
        let mut work = 0;
        for (message, expected, moved) in [
            (0, 0, 0),
            (510, 510, 0),
            (2, 512, 0),
            (128, 640, 0),
            (1, 512, 511),
            (0, 512, 0),
            (100, 612, 0),
            (100, 512, 412),
            (2000, 512, 0),
            (512, 512, 0),
        ] {
            let bytes: Vec<u8> = (0..=u8::MAX).cycle().skip(all.len()).take(message).collect();
            all.extend_from_slice(&bytes);
            decompressor.remember(&bytes);
            work += moved + message.min(512);
            assert_eq!((decompressor.history.len(), decompressor.work), (expected, work as u64), "{message}");
            assert!(all.ends_with(&decompressor.history), "{message}");
        }
    }
}

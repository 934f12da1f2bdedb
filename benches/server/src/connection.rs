//! One connection, from the opening handshake to its end.

use std::io;

use crate::compressed;
use crate::deflate::Parameters;
use crate::frame::{self, Header};
use crate::handshake::{Path, Request};
use crate::inbox::Inbox;

/// A connected byte stream.
pub trait Transport: Send + 'static {
    /// Waits for bytes; 0 is the end. There is room for `RECEIVE_SIZE`.
    fn receive(&mut self, space: &mut [u8]) -> io::Result<usize>;

    fn send(&mut self, bytes: &[u8]) -> io::Result<()>;
}

pub fn serve(transport: &mut impl Transport, inbox: &mut Inbox) -> io::Result<()> {
    let mut connection = Connection::default();
    while receive(transport, inbox)? {
        match connection.answer(transport, inbox)? {
            Next::Receive => {}
            Next::Compressed(parameters) => return compressed::serve(transport, inbox, parameters),
            Next::End => break,
        }
    }
    Ok(())
}

/// What follows when all that was received is answered.
pub enum Next {
    Receive,
    /// The messages of this connection are compressed.
    Compressed(Parameters),
    End,
}

/// What is kept of a connection between two receives, besides bytes.
#[derive(Default)]
pub struct Connection {
    /// `None` before the opening handshake.
    replies: Option<Replies>,
}

impl Connection {
    /// Answers what was received, as far as it is whole.
    pub fn answer(&mut self, transport: &mut impl Transport, inbox: &mut Inbox) -> io::Result<Next> {
        let replies = match &mut self.replies {
            Some(replies) => replies,
            None => {
                let Some(request) = Request::parse(inbox.data()) else { return Ok(Next::Receive) };
                inbox.start += request.size;
                transport.send(request.response.as_bytes())?;
                let Some(path) = request.path else { return Ok(Next::End) };
                if let Some(parameters) = request.deflate {
                    return Ok(Next::Compressed(parameters));
                }
                self.replies.insert(Replies { path, counted: 0, closing: false })
            }
        };
        let (start, end) = replies.take_frames(inbox)?;
        if start < end {
            transport.send(&inbox.memory()[start..end])?;
        }
        Ok(if replies.closing { Next::End } else { Next::Receive })
    }
}

pub fn receive(transport: &mut impl Transport, inbox: &mut Inbox) -> io::Result<bool> {
    let space = inbox.space().ok_or_else(|| io::Error::other("a frame is too big"))?;
    let size = transport.receive(space)?;
    inbox.received(size);
    Ok(size > 0)
}

/// Makes the frames that came the frames that go, where they are: a server's frame is never longer
/// than the client's that it answers.
struct Replies {
    path: Path,
    counted: u64,
    closing: bool,
}

impl Replies {
    /// Takes all whole frames; what is to be sent stands between the two positions.
    fn take_frames(&mut self, inbox: &mut Inbox) -> io::Result<(usize, usize)> {
        let mut replies: Option<(usize, usize)> = None;
        while let Some(header) = Header::parse(inbox.data()) {
            let header = header.map_err(io::Error::other)?;
            let payload = inbox.start + header.size;
            let next = payload + header.payload_size;
            if next > inbox.end || self.closing {
                break;
            }
            let reply = match header.opcode() {
                frame::CLOSE => {
                    self.closing = true;
                    Some((header.first, header.payload_size))
                }
                frame::PING => Some((0x80 | frame::PONG, header.payload_size)),
                frame::PONG => None,
                _ => self.reply_to_data(&header),
            };
            if let Some((first, size)) = reply {
                // The first reply stays where the payload is; others go right behind it.
                let at = match replies {
                    None => payload,
                    Some((_, end)) => end + frame::header_size(size),
                };
                let memory = inbox.memory();
                frame::unmask(memory, payload..payload + size, at, header.mask);
                let start = frame::write_header(memory, at, first, size);
                replies = Some((replies.map_or(start, |(first, _)| first), at + size));
            }
            inbox.start = next;
        }
        Ok(replies.unwrap_or((0, 0)))
    }

    fn reply_to_data(&mut self, header: &Header) -> Option<(u8, usize)> {
        match self.path {
            Path::Echo => Some((header.first, header.payload_size)),
            Path::Sink(count) => {
                self.counted += u64::from(header.ends_message());
                if self.counted < count {
                    return None;
                }
                self.counted = 0;
                Some((0x80 | frame::BINARY, header.payload_size.min(1)))
            }
        }
    }
}

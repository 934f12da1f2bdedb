//! A connection with permessage-deflate: messages are inflated, and their echoes deflated anew.

use std::io;

use crate::codec::Codec;
use crate::connection::{Transport, receive};
use crate::deflate::Parameters;
use crate::frame::{self, Header};
use crate::inbox::Inbox;
use crate::totals;

pub fn serve(transport: &mut impl Transport, inbox: &mut Inbox, parameters: Parameters) -> io::Result<()> {
    totals::begin_session(parameters);
    let mut echo = Echo {
        codec: Codec::new(parameters),
        opened: None,
        incoming: Vec::new(),
        message: Vec::new(),
        outgoing: Vec::new(),
        replies: Vec::new(),
        closing: false,
    };
    loop {
        echo.take_frames(inbox)?;
        if !echo.replies.is_empty() {
            transport.send(&echo.replies)?;
        }
        if echo.closing || !receive(transport, inbox)? {
            return Ok(());
        }
    }
}

struct Echo {
    codec: Codec,
    /// The opcode of the message under way, and whether it is compressed.
    opened: Option<(u8, bool)>,
    /// The message under way, as it came.
    incoming: Vec<u8>,
    message: Vec<u8>,
    /// The message, as it goes.
    outgoing: Vec<u8>,
    /// Frames to be sent at once.
    replies: Vec<u8>,
    closing: bool,
}

impl Echo {
    /// Takes all whole frames.
    fn take_frames(&mut self, inbox: &mut Inbox) -> io::Result<()> {
        self.replies.clear();
        while let Some(header) = Header::parse(inbox.data()) {
            let header = header.map_err(io::Error::other)?;
            let payload = inbox.start + header.size..inbox.start + header.size + header.payload_size;
            if payload.end > inbox.end || self.closing {
                break;
            }
            let start = payload.start;
            frame::unmask(inbox.memory(), payload.clone(), start, header.mask);
            inbox.start = payload.end;
            self.take_frame(&header, &inbox.memory()[payload])?;
        }
        Ok(())
    }

    fn take_frame(&mut self, header: &Header, payload: &[u8]) -> io::Result<()> {
        match header.opcode() {
            frame::CLOSE => {
                self.closing = true;
                frame::append(&mut self.replies, header.first, payload);
            }
            frame::PING => frame::append(&mut self.replies, frame::FIN | frame::PONG, payload),
            frame::PONG => {}
            opcode => {
                if opcode != frame::CONTINUATION {
                    self.opened = Some((opcode, header.is_compressed()));
                }
                self.incoming.extend_from_slice(payload);
                if header.ends_message() {
                    self.echo()?;
                }
            }
        }
        Ok(())
    }

    fn echo(&mut self) -> io::Result<()> {
        let (opcode, is_compressed) =
            self.opened.take().ok_or_else(|| io::Error::other("a continuation of no message"))?;
        self.message.clear();
        self.outgoing.clear();
        if is_compressed {
            self.codec.inflate(&self.incoming, &mut self.message)?;
        } else {
            self.message.extend_from_slice(&self.incoming);
        }
        if opcode == frame::TEXT && std::str::from_utf8(&self.message).is_err() {
            return Err(io::Error::other("a message of text is not UTF-8"));
        }
        totals::add_message(is_compressed, self.incoming.len(), self.message.len());
        self.incoming.clear();
        self.codec.deflate(&self.message, &mut self.outgoing)?;
        frame::append(&mut self.replies, frame::FIN | frame::COMPRESSED | opcode, &self.outgoing);
        Ok(())
    }
}

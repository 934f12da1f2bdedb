//! The floor of clients that live in an event loop, over TLS: rustls on a non-blocking socket in a level-triggered epoll,
//! with the bytes of WebSocket frames, but no work on them. The counterpart of benches/c/raw_epoll.c.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use bytes::Bytes;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use rustls::{ClientConnection, HandshakeKind, Stream};

use super::version;
use crate::session::{Blocking, Expected, Result, Session};
use crate::target::Target;

const RECEIVE_SIZE: usize = 256 * 1024;
const MASK: [u8; 4] = [0x12, 0x34, 0x56, 0x78];

pub fn settings() -> String {
    format!(
        "rustls {} with aws-lc-rs on a non-blocking socket, TCP_NODELAY, level-triggered epoll: epoll_wait, one recv for \
     each readiness, send; no masking and no parsing",
        version("rustls")
    )
}

pub struct RawEpollTls {
    tcp: TcpStream,
    tls: ClientConnection,
    epoll: Epoll,
    /// The frame that is sent each time, masked once.
    frame: Vec<u8>,
    received: Vec<u8>,
    filled: usize,
}

impl Session for RawEpollTls {
    type Runtime = Blocking;

    async fn connect(target: &Target) -> Result<Self> {
        let config = target.tls.as_ref().ok_or("this client needs TLS")?.config.clone();
        let mut tcp = TcpStream::connect(target.address)?;
        tcp.set_nodelay(true)?;
        let mut tls = ClientConnection::new(config, target.server_name()?)?;
        shake_hands(&mut Stream::new(&mut tls, &mut tcp), target)?;
        tcp.set_nonblocking(true)?;
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        epoll.add(&tcp, EpollEvent::new(EpollFlags::EPOLLIN, 0))?;
        Ok(Self { tcp, tls, epoll, frame: Vec::new(), received: vec![0; RECEIVE_SIZE], filled: 0 })
    }

    fn resumed(&self) -> bool {
        self.tls.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    async fn send(&mut self, payload: &Bytes) -> Result<()> {
        if self.frame.is_empty() {
            self.frame = client_frame(payload)?;
        }
        self.tls.writer().write_all(&self.frame)?;
        while self.tls.wants_write() {
            self.tls.write_tls(&mut self.tcp)?;
        }
        Ok(())
    }

    async fn receive(&mut self, expected: Expected) -> Result<()> {
        let Expected::Echo { size, .. } = expected else { return Err("receives echoes only".into()) };
        let header = if size < 126 { 2 } else { 4 };
        while self.filled < header + size {
            self.epoll.wait(&mut [EpollEvent::empty()], EpollTimeout::NONE)?;
            if self.tls.read_tls(&mut self.tcp)? == 0 {
                return Err("the end".into());
            }
            self.tls.process_new_packets()?;
            match self.tls.reader().read(&mut self.received[self.filled..]) {
                Ok(more) => self.filled += more,
                // A record without data, such as a session ticket.
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
        expected.check(true, &self.received[header..header + size])?;
        self.received.copy_within(header + size..self.filled, 0);
        self.filled -= header + size;
        Ok(())
    }

    async fn close(mut self) -> Result<()> {
        self.tls.writer().write_all(&[0x88, 0x80, 0, 0, 0, 0])?;
        self.tls.write_tls(&mut self.tcp)?;
        Ok(())
    }
}

/// The server sends nothing behind its response before it is asked to.
fn shake_hands(stream: &mut Stream<'_, ClientConnection, TcpStream>, target: &Target) -> Result<()> {
    write!(
        stream,
        "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        target.path,
        target.authority()
    )?;
    let mut response = Vec::new();
    while !response.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        response.extend_from_slice(&byte);
    }
    if response.starts_with(b"HTTP/1.1 101") { Ok(()) } else { Err("the server refused the opening handshake".into()) }
}

fn client_frame(payload: &[u8]) -> Result<Vec<u8>> {
    let mut frame = vec![0x82];
    match u8::try_from(payload.len()) {
        Ok(size @ 0..126) => frame.push(0x80 | size),
        _ => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&u16::try_from(payload.len())?.to_be_bytes());
        }
    }
    frame.extend_from_slice(&MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    Ok(frame)
}

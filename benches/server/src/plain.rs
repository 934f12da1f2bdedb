//! TCP without TLS.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use crate::connection::Transport;

pub struct Plain(TcpStream);

impl Plain {
    #[allow(clippy::unnecessary_wraps)] // as Tls::new
    pub fn new(tcp: TcpStream) -> io::Result<Self> {
        Ok(Self(tcp))
    }
}

impl Transport for Plain {
    fn receive(&mut self, space: &mut [u8]) -> io::Result<usize> {
        self.0.read(space)
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }
}

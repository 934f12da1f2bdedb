//! A SOCKS 5 client (RFC 1928, RFC 1929) without I/O.

use std::net::{IpAddr, SocketAddr};

use crate::error::{Error, Kind, Phase, Result};

const VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
const USER_AND_PASSWORD: u8 = 2;
const NO_METHOD: u8 = 0xff;
const SUBNEGOTIATION_VERSION: u8 = 1;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// The destination of the tunnel.
#[derive(Clone, Copy, Debug)]
pub(super) enum Destination<'a> {
    Address(SocketAddr),
    Name(&'a str, u16),
}

/// A SOCKS 5 negotiation. Repeats until it is done: send [`request`](Self::request), then receive
/// [`expects`](Self::expects) bytes.
#[derive(Debug)]
pub(super) struct Socks5<'a> {
    destination: Destination<'a>,
    credentials: Option<&'a (String, String)>,
    state: State,
    request: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Method,
    Authentication,
    /// The reply up to the first byte of the bound address, which determines the length of the address.
    Reply,
    /// The rest of the bound address, and the port.
    Address(usize),
    Done,
}

impl<'a> Socks5<'a> {
    pub(super) fn new(destination: Destination<'a>, credentials: Option<&'a (String, String)>) -> Result<Self> {
        if let Destination::Name(name, _) = destination
            && name.len() > usize::from(u8::MAX)
        {
            return Err(failed("SOCKS knows names of at most 255 bytes"));
        }
        let request = match credentials {
            Some(_) => vec![VERSION, 2, NO_AUTHENTICATION, USER_AND_PASSWORD],
            None => vec![VERSION, 1, NO_AUTHENTICATION],
        };
        Ok(Self { destination, credentials, state: State::Method, request })
    }

    /// Returns the bytes to send next. Empty if only more bytes are to be received.
    pub(super) fn request(&self) -> &[u8] {
        &self.request
    }

    /// Returns the number of bytes to receive next.
    pub(super) fn expects(&self) -> usize {
        match self.state {
            State::Method | State::Authentication => 2,
            State::Reply => 5,
            State::Address(size) => size,
            State::Done => 0,
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Processes the expected bytes.
    pub(super) fn receive(&mut self, bytes: &[u8]) -> Result<()> {
        self.request.clear();
        self.state = match (self.state, bytes) {
            (State::Method, &[VERSION, NO_AUTHENTICATION]) => self.connect()?,
            (State::Method, &[VERSION, USER_AND_PASSWORD]) if self.credentials.is_some() => self.authenticate()?,
            (State::Method, &[VERSION, NO_METHOD]) if self.credentials.is_none() => {
                return Err(refused("it wants a user name and a password"));
            }
            (State::Method, &[VERSION, NO_METHOD]) => {
                return Err(refused("it takes neither a user name with a password nor a client without"));
            }
            (State::Method, &[VERSION, method]) => {
                return Err(failed(format!("it chose the method {method}, which was not offered")));
            }
            (State::Method, _) => {
                return Err(failed(format!("it does not speak SOCKS 5: it answered with {bytes:02x?}")));
            }
            (State::Authentication, &[SUBNEGOTIATION_VERSION, 0]) => self.connect()?,
            (State::Authentication, &[SUBNEGOTIATION_VERSION, _]) => {
                return Err(refused("it does not take the user name and password"));
            }
            (State::Authentication, _) => {
                return Err(failed(format!("it answered the password with {bytes:02x?}")));
            }
            (State::Reply, &[VERSION, 0, _, kind, first]) => State::Address(match kind {
                IPV4 => 3 + 2,
                IPV6 => 15 + 2,
                NAME => usize::from(first) + 2,
                _ => return Err(failed(format!("it told an address of the unknown type {kind}"))),
            }),
            (State::Reply, &[VERSION, reply, ..]) => return Err(failed(reply_text(reply))),
            (State::Reply, _) => return Err(failed(format!("it answered the request with {bytes:02x?}"))),
            (State::Address(_) | State::Done, _) => State::Done,
        };
        Ok(())
    }

    fn authenticate(&mut self) -> Result<State> {
        let Some((user, password)) = self.credentials else { return Err(refused("it wants a password")) };
        self.request.push(SUBNEGOTIATION_VERSION);
        for text in [user, password] {
            self.push_text(text)?;
        }
        Ok(State::Authentication)
    }

    fn connect(&mut self) -> Result<State> {
        self.request.extend([VERSION, CONNECT, 0]);
        let port = match self.destination {
            Destination::Address(address) => {
                match address.ip() {
                    IpAddr::V4(ip) => {
                        self.request.push(IPV4);
                        self.request.extend(ip.octets());
                    }
                    IpAddr::V6(ip) => {
                        self.request.push(IPV6);
                        self.request.extend(ip.octets());
                    }
                }
                address.port()
            }
            Destination::Name(name, port) => {
                self.request.push(NAME);
                self.push_text(name)?;
                port
            }
        };
        self.request.extend(port.to_be_bytes());
        Ok(State::Reply)
    }

    fn push_text(&mut self, text: &str) -> Result<()> {
        let length = u8::try_from(text.len()).map_err(|_| failed("SOCKS knows texts of at most 255 bytes"))?;
        self.request.push(length);
        self.request.extend(text.bytes());
        Ok(())
    }
}

/// Describes a reply code (RFC 1928 section 6).
fn reply_text(reply: u8) -> String {
    let text = match reply {
        1 => "general failure",
        2 => "the connection is not allowed",
        3 => "the network cannot be reached",
        4 => "the host cannot be reached",
        5 => "the connection was refused",
        6 => "the time to live expired",
        7 => "it cannot connect",
        8 => "it does not know the type of the address",
        _ => "an unknown reply",
    };
    format!("it opened no tunnel: {text} (reply {reply})")
}

fn failed(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(Kind::Proxy, message).in_phase(Phase::Proxy)
}

fn refused(message: &'static str) -> Error {
    Error::new(Kind::ProxyAuth, message).in_phase(Phase::Proxy)
}

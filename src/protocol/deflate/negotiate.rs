//! The offer of permessage-deflate, and the server's response to it (RFC 7692 section 7.1).

use super::format::WINDOW_BITS;
use super::options::Options;
use crate::error::{Error, Kind, Result};
use crate::protocol::extension::header::Parameters;

const SERVER_NO_CONTEXT_TAKEOVER: &str = "server_no_context_takeover";
const CLIENT_NO_CONTEXT_TAKEOVER: &str = "client_no_context_takeover";
const SERVER_MAX_WINDOW_BITS: &str = "server_max_window_bits";
const CLIENT_MAX_WINDOW_BITS: &str = "client_max_window_bits";

/// The parameters that both sides agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NegotiatedParameters {
    pub(super) client_window_bits: u8,
    pub(super) server_window_bits: u8,
    /// Whether the client's compression refers to earlier messages.
    pub(super) client_context_takeover: bool,
    /// Whether the server's compression refers to earlier messages.
    pub(super) server_context_takeover: bool,
}

/// The parameters of the offer.
pub(super) fn offer(options: &Options) -> String {
    let mut parameters = Parameters::default();
    let mut add = |name: &str, value: Option<u8>| {
        parameters.0.push((name.to_owned(), value.map(|bits| bits.to_string())));
    };
    if options.server_no_context_takeover {
        add(SERVER_NO_CONTEXT_TAKEOVER, None);
    }
    if options.client_no_context_takeover {
        add(CLIENT_NO_CONTEXT_TAKEOVER, None);
    }
    if options.server_max_window_bits.is_some() {
        add(SERVER_MAX_WINDOW_BITS, options.server_max_window_bits);
    }
    if !options.omits_client_max_window_bits {
        // Without a value, the parameter lets the server choose.
        add(CLIENT_MAX_WINDOW_BITS, options.client_max_window_bits);
    }
    parameters.to_string()
}

impl NegotiatedParameters {
    /// Reads the server's response to [`offer`]. A response that does not match the offer fails the handshake (sections 5.1 and
    /// 7.1).
    pub(super) fn read(parameters: &Parameters, options: &Options) -> Result<Self> {
        let largest = *WINDOW_BITS.end();
        let (mut client_bits, mut server_bits) = (None, None);
        let (mut client_resets, mut server_resets) = (None, None);
        for (name, value) in &parameters.0 {
            let value = value.as_deref();
            match name.as_str() {
                SERVER_NO_CONTEXT_TAKEOVER => once(&mut server_resets, name, flag(name, value)?)?,
                CLIENT_NO_CONTEXT_TAKEOVER => once(&mut client_resets, name, flag(name, value)?)?,
                SERVER_MAX_WINDOW_BITS => once(&mut server_bits, name, window_bits(name, value)?)?,
                CLIENT_MAX_WINDOW_BITS => once(&mut client_bits, name, window_bits(name, value)?)?,
                _ => return Err(invalid(format_args!("an unknown parameter {name:?}"))),
            }
        }
        if options.server_no_context_takeover && server_resets.is_none() {
            return Err(invalid(format_args!("no {SERVER_NO_CONTEXT_TAKEOVER}, which was asked for")));
        }
        check_window(SERVER_MAX_WINDOW_BITS, server_bits, options.server_max_window_bits)?;
        if client_bits.is_some() {
            if options.omits_client_max_window_bits {
                return Err(invalid(format_args!(
                    "{CLIENT_MAX_WINDOW_BITS}, which was not offered (RFC 7692 section 7.1.2.2)"
                )));
            }
            check_window(CLIENT_MAX_WINDOW_BITS, client_bits, options.client_max_window_bits)?;
        }
        Ok(Self {
            client_window_bits: client_bits.or(options.client_max_window_bits).unwrap_or(largest),
            server_window_bits: server_bits.unwrap_or(largest),
            client_context_takeover: client_resets.is_none() && !options.client_no_context_takeover,
            server_context_takeover: server_resets.is_none(),
        })
    }
}

/// Stores the value of a parameter. A parameter may occur once.
fn once<T>(slot: &mut Option<T>, name: &str, value: T) -> Result<()> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(invalid(format_args!("the parameter {name:?} twice"))),
    }
}

fn flag(name: &str, value: Option<&str>) -> Result<()> {
    match value {
        None => Ok(()),
        Some(value) => Err(invalid(format_args!("the parameter {name:?} with a value, {value:?}"))),
    }
}

/// "a decimal integer value without leading zeroes between 8 to 15, inclusive" (section 7.1.2).
fn window_bits(name: &str, value: Option<&str>) -> Result<u8> {
    let Some(value) = value else { return Err(invalid(format_args!("the parameter {name:?} without a value"))) };
    let bits = value.parse().ok().filter(|bits| WINDOW_BITS.contains(bits) && *value == bits.to_string());
    bits.ok_or_else(|| invalid(format_args!("the parameter {name:?} with the value {value:?}, which is not 8 to 15")))
}

/// Checks that the server chose a window no larger than the offered one.
fn check_window(name: &str, chosen: Option<u8>, asked: Option<u8>) -> Result<()> {
    match (chosen, asked) {
        (Some(chosen), Some(asked)) if chosen > asked => {
            Err(invalid(format_args!("{name}={chosen}, at most {asked} was offered")))
        }
        (None, Some(asked)) => Err(invalid(format_args!("no {name}, {asked} was asked for"))),
        _ => Ok(()),
    }
}

fn invalid(what: std::fmt::Arguments<'_>) -> Error {
    Error::new(Kind::HandshakeInvalid, format!("the server's answer to permessage-deflate has {what}"))
}

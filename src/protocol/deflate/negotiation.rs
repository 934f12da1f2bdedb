//! What is offered and what an answer means (RFC 7692 section 7.1).

use super::{Options, WINDOW_BITS};
use crate::error::{Error, Result};
use crate::protocol::extension_header::Parameters;
use crate::protocol::handshake::invalid;

const SERVER_NO_CONTEXT_TAKEOVER: &str = "server_no_context_takeover";
const CLIENT_NO_CONTEXT_TAKEOVER: &str = "client_no_context_takeover";
const SERVER_MAX_WINDOW_BITS: &str = "server_max_window_bits";
const CLIENT_MAX_WINDOW_BITS: &str = "client_max_window_bits";

/// What both sides have agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Agreement {
    pub(super) client_window_bits: u8,
    pub(super) server_window_bits: u8,
    pub(super) client_takes_over: bool,
    pub(super) server_takes_over: bool,
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
        // Also without a value: it lets the server choose.
        add(CLIENT_MAX_WINDOW_BITS, options.client_max_window_bits);
    }
    parameters.to_string()
}

impl Agreement {
    /// Reads the server's answer to [`offer`]. What is not an answer to it fails the handshake (sections 5.1 and 7.1).
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
                _ => return Err(wrong(format_args!("an unknown parameter {name:?}"))),
            }
        }
        if options.server_no_context_takeover && server_resets.is_none() {
            return Err(wrong(format_args!("no {SERVER_NO_CONTEXT_TAKEOVER}, which was asked for")));
        }
        check_window(SERVER_MAX_WINDOW_BITS, server_bits, options.server_max_window_bits)?;
        if client_bits.is_some() {
            if options.omits_client_max_window_bits {
                return Err(wrong(format_args!(
                    "{CLIENT_MAX_WINDOW_BITS}, which was not offered (RFC 7692 section 7.1.2.2)"
                )));
            }
            check_window(CLIENT_MAX_WINDOW_BITS, client_bits, options.client_max_window_bits)?;
        }
        Ok(Self {
            client_window_bits: client_bits.or(options.client_max_window_bits).unwrap_or(largest),
            server_window_bits: server_bits.unwrap_or(largest),
            client_takes_over: client_resets.is_none() && !options.client_no_context_takeover,
            server_takes_over: server_resets.is_none(),
        })
    }
}

/// Notes a parameter, which may come once.
fn once<T>(slot: &mut Option<T>, name: &str, value: T) -> Result<()> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(wrong(format_args!("the parameter {name:?} twice"))),
    }
}

fn flag(name: &str, value: Option<&str>) -> Result<()> {
    match value {
        None => Ok(()),
        Some(value) => Err(wrong(format_args!("the parameter {name:?} with a value, {value:?}"))),
    }
}

/// "a decimal integer value without leading zeroes between 8 to 15, inclusive" (section 7.1.2).
fn window_bits(name: &str, value: Option<&str>) -> Result<u8> {
    let Some(value) = value else { return Err(wrong(format_args!("the parameter {name:?} without a value"))) };
    let bits = value.parse().ok().filter(|bits| WINDOW_BITS.contains(bits) && *value == bits.to_string());
    bits.ok_or_else(|| wrong(format_args!("the parameter {name:?} with the value {value:?}, which is not 8 to 15")))
}

/// The server may choose a smaller window than it was asked for, not a larger one.
fn check_window(name: &str, chosen: Option<u8>, asked: Option<u8>) -> Result<()> {
    match (chosen, asked) {
        (Some(chosen), Some(asked)) if chosen > asked => {
            Err(wrong(format_args!("{name}={chosen}, at most {asked} was offered")))
        }
        (None, Some(asked)) => Err(wrong(format_args!("no {name}, {asked} was asked for"))),
        _ => Ok(()),
    }
}

fn wrong(what: std::fmt::Arguments<'_>) -> Error {
    invalid(format!("the server's answer to permessage-deflate has {what}"))
}

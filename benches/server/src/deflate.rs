//! What is agreed on for permessage-deflate (RFC 7692 section 7.1): whatever the client asks for, and
//! no more.

use std::fmt;

/// zlib-rs cannot make streams for smaller windows.
const LEAST_WINDOW_BITS: u8 = 9;

pub const MOST_WINDOW_BITS: u8 = 15;

#[derive(Clone, Copy)]
pub struct Parameters {
    pub server_no_context_takeover: bool,
    pub client_no_context_takeover: bool,
    /// `None` when the client did not ask.
    pub server_max_window_bits: Option<u8>,
}

impl Parameters {
    /// `None` for another extension, or one that is not understood.
    pub fn accept(offer: &str) -> Option<Self> {
        let mut parts = offer.split(';').map(str::trim);
        if parts.next() != Some("permessage-deflate") {
            return None;
        }
        let mut accepted =
            Self { server_no_context_takeover: false, client_no_context_takeover: false, server_max_window_bits: None };
        for part in parts {
            let (name, value) =
                part.split_once('=').map_or((part, None), |(name, value)| (name, Some(value.trim_matches('"'))));
            match (name, value) {
                ("server_no_context_takeover", None) => accepted.server_no_context_takeover = true,
                ("client_no_context_takeover", None) => accepted.client_no_context_takeover = true,
                // Any window of the client's fits ours.
                ("client_max_window_bits", _) => {}
                ("server_max_window_bits", Some(bits)) => {
                    let bits = bits.parse().ok()?;
                    if !(LEAST_WINDOW_BITS..=MOST_WINDOW_BITS).contains(&bits) {
                        return None;
                    }
                    accepted.server_max_window_bits = Some(bits);
                }
                _ => return None,
            }
        }
        Some(accepted)
    }
}

/// The extension of the response.
impl fmt::Display for Parameters {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("permessage-deflate")?;
        if self.server_no_context_takeover {
            formatter.write_str("; server_no_context_takeover")?;
        }
        if self.client_no_context_takeover {
            formatter.write_str("; client_no_context_takeover")?;
        }
        if let Some(bits) = self.server_max_window_bits {
            write!(formatter, "; server_max_window_bits={bits}")?;
        }
        Ok(())
    }
}

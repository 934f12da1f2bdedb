//! permessage-deflate (RFC 7692), an extension like any other.

mod compressor;
mod decompressor;
mod negotiation;
mod small_stream;

use compressor::Compressor;
use decompressor::Decompressor;
use negotiation::Agreement;

use crate::error::Result;
use crate::protocol::extension::{Agreed, Extension};
use crate::protocol::extension_header::Parameters;

/// The extension's name.
pub const NAME: &str = "permessage-deflate";

/// RSV1.
const RSV: u8 = 4;

/// The sizes of LZ77 windows, as exponents of two, that there are (section 7.1.2).
pub const WINDOW_BITS: std::ops::RangeInclusive<u8> = 8..=15;

/// As small as zlib's own default, 6, but for half a percent, and a tenth quicker (benches/peers/codec).
const DEFAULT_LEVEL: u8 = 5;
const DEFAULT_MEMORY_LEVEL: u8 = 8;

/// What every message ends with that was flushed, and no message on the wire (section 7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// How to compress, and what to ask the server for.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// 1 to 9.
    pub level: u8,
    /// 1 to 9: how much memory the compressor has besides its window.
    pub memory_level: u8,
    /// The largest window to compress with; none leaves it to the server.
    pub client_max_window_bits: Option<u8>,
    /// Do not offer the parameter: the server cannot ask for a smaller window.
    pub omits_client_max_window_bits: bool,
    /// The largest window that the server may compress with; none leaves it to the server.
    pub server_max_window_bits: Option<u8>,
    /// Compress each message by itself, whatever the server says.
    pub client_no_context_takeover: bool,
    /// Ask the server to do the same.
    pub server_no_context_takeover: bool,
    /// Smaller messages go out as they are.
    pub min_size: usize,
    /// Add a second offer without parameters.
    pub offers_fallback: bool,
}

impl Options {
    /// The same without parameters.
    fn fallback(&self) -> Self {
        Self {
            omits_client_max_window_bits: true,
            server_max_window_bits: None,
            server_no_context_takeover: false,
            ..*self
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            level: DEFAULT_LEVEL,
            memory_level: DEFAULT_MEMORY_LEVEL,
            client_max_window_bits: None,
            omits_client_max_window_bits: false,
            server_max_window_bits: None,
            client_no_context_takeover: false,
            server_no_context_takeover: false,
            min_size: 0,
            offers_fallback: false,
        }
    }
}

/// The extension, as a configuration has it.
pub struct PermessageDeflate(pub Options);

impl Extension for PermessageDeflate {
    fn name(&self) -> &str {
        NAME
    }

    fn rsv(&self) -> u8 {
        RSV
    }

    fn offer(&self) -> Result<String> {
        Ok(negotiation::offer(&self.0))
    }

    fn fallback(&self) -> Option<String> {
        // Where that is what is offered first, it is offered once.
        (self.0.offers_fallback && !negotiation::offer(&self.0).is_empty()).then(String::new)
    }

    fn agree(&self, parameters: &Parameters) -> Result<Agreed> {
        // An answer does not say which offer it is one to.
        let agreement = Agreement::read(parameters, &self.0).or_else(|error| {
            let fallback = self.fallback().map(|_| Agreement::read(parameters, &self.0.fallback()));
            fallback.and_then(Result::ok).ok_or(error)
        })?;
        Ok(Agreed {
            encoder: Box::new(Compressor::new(&self.0, &agreement)),
            decoder: Box::new(Decompressor::new(&agreement)),
            decodes_unmarked: false,
            instance: None,
        })
    }
}

//! The permessage-deflate extension (RFC 7692).

mod compress;
mod decompress;
mod format;
mod negotiate;
mod options;
mod small_stream;

use compress::Compressor;
use decompress::Decompressor;
use format::RSV;
pub use format::{NAME, WINDOW_BITS};
use negotiate::NegotiatedParameters;
pub use options::Options;

use crate::error::Result;
use crate::protocol::extension::header::Parameters;
use crate::protocol::extension::{Codec, Extension};

/// The extension with its options.
pub struct PermessageDeflate(pub Options);

/// What a session agreed on, and the level of its compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the parameters of RFC 7692 section 7.1")]
pub struct Agreed {
    /// 1 to 9.
    pub level: u8,
    pub client_max_window_bits: u8,
    pub server_max_window_bits: u8,
    pub client_no_context_takeover: bool,
    pub server_no_context_takeover: bool,
}

impl Extension for PermessageDeflate {
    fn name(&self) -> &str {
        NAME
    }

    fn rsv(&self) -> u8 {
        RSV
    }

    fn offer(&self) -> Result<String> {
        Ok(negotiate::offer(&self.0))
    }

    fn fallback(&self) -> Option<String> {
        // An empty first offer needs no second empty offer.
        (self.0.offers_fallback && !negotiate::offer(&self.0).is_empty()).then(String::new)
    }

    fn accept(&self, parameters: &Parameters) -> Result<Codec> {
        // The response does not say which offer it accepts.
        let negotiated = NegotiatedParameters::read(parameters, &self.0).or_else(|error| {
            let fallback = self.fallback().map(|_| NegotiatedParameters::read(parameters, &self.0.fallback()));
            fallback.and_then(Result::ok).ok_or(error)
        })?;
        Ok(Codec {
            encoder: Box::new(Compressor::new(&self.0, &negotiated)),
            decoder: Box::new(Decompressor::new(&negotiated)),
            decodes_unmarked: false,
            instance: Some(Box::new(Agreed {
                level: self.0.level,
                client_max_window_bits: negotiated.client_window_bits,
                server_max_window_bits: negotiated.server_window_bits,
                client_no_context_takeover: !negotiated.client_context_takeover,
                server_no_context_takeover: !negotiated.server_context_takeover,
            })),
        })
    }
}

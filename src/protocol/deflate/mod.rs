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
            instance: None,
        })
    }
}

//! The options of permessage-deflate.

/// The output is half a percent larger than at zlib's default level, 6, and compression is a tenth faster
/// (benches/peers/codec).
const DEFAULT_LEVEL: u8 = 5;
const DEFAULT_MEMORY_LEVEL: u8 = 8;

/// Options for compression and for the offer.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The compression level, 1 to 9.
    pub level: u8,
    /// The memory of the compressor besides its window, 1 to 9.
    pub memory_level: u8,
    /// The maximum window for compression; `None` lets the server choose.
    pub client_max_window_bits: Option<u8>,
    /// Whether to omit the parameter from the offer. The server then cannot request a smaller window.
    pub omits_client_max_window_bits: bool,
    /// The maximum window for the server's compression; `None` lets the server choose.
    pub server_max_window_bits: Option<u8>,
    /// Whether to compress each message independently, regardless of the server's response.
    pub client_no_context_takeover: bool,
    /// Whether to ask the server to compress each message independently.
    pub server_no_context_takeover: bool,
    /// Messages below this size are not compressed.
    pub min_size: usize,
    /// Whether to add a second offer without parameters.
    pub offers_fallback: bool,
}

impl Options {
    /// The options of the second offer, which has no parameters.
    pub(super) fn fallback(&self) -> Self {
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

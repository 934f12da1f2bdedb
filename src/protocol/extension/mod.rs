//! WebSocket extensions (RFC 6455 section 9): how they are offered and accepted, and how they encode and decode messages.
//! permessage-deflate is one implementation of [`Extension`].

pub mod codec;
pub mod header;
pub mod negotiate;
pub mod pipeline;

pub use codec::{Codec, Decoder, Encoder, Encoding, MessageChunk, Sink};
pub use negotiate::{Extension, ExtensionInfo, Negotiated, build_pipelines, check_installation};
pub use pipeline::{CodecStats, Decoders, Encoders};

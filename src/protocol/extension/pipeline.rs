//! The encoders and the decoders of all extensions of a session, each connected in series.

use super::codec::{Decoder, Encoder, Encoding, MessageChunk, Sink};
use crate::error::Result;
use crate::frame::Opcode;
use crate::protocol::Payload;

/// Payload bytes of the messages that an extension encoded or decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CodecStats {
    /// Bytes as the application sees them.
    pub plain: u64,
    /// Bytes on the wire.
    pub encoded: u64,
}

/// The encoders, in the order of the server's response (RFC 6455 section 9.1).
#[derive(Default)]
pub struct Encoders {
    stages: Vec<EncoderStage>,
    /// Two buffers that alternate as a stage's input and output.
    buffers: [Vec<u8>; 2],
    stats: CodecStats,
}

struct EncoderStage {
    encoder: Box<dyn Encoder>,
    rsv: u8,
    /// Whether it encodes the current message.
    active: bool,
}

impl Encoders {
    /// Adds the encoder of the next extension.
    pub(super) fn push(&mut self, rsv: u8, encoder: Box<dyn Encoder>) {
        self.stages.push(EncoderStage { encoder, rsv, active: false });
    }

    /// Whether there are no encoders.
    pub fn is_empty(&self) -> bool {
        self.stages.is_empty()
    }

    /// Bytes encoded so far.
    pub fn stats(&self) -> CodecStats {
        self.stats
    }

    /// Continues the statistics of a previous connection.
    pub fn continue_from(&mut self, stats: CodecStats) {
        self.stats = stats;
    }

    /// Encodes a chunk. Returns the reserved bits for the message's first frame, and the payload to send.
    pub fn encode<'a>(&'a mut self, chunk: MessageChunk<'a>) -> Result<(u8, &'a [u8])> {
        let (mut rsv, mut changed) = (0, false);
        let [input, output] = &mut self.buffers;
        for stage in &mut self.stages {
            if !chunk.first && !stage.active {
                continue;
            }
            output.clear();
            let payload = if changed { &input[..] } else { chunk.payload };
            let encoding = stage.encoder.encode(&MessageChunk { payload, ..chunk }, output)?;
            stage.active = encoding != Encoding::Unchanged;
            if let Encoding::Changed { rsv: bits } = encoding {
                rsv |= bits & stage.rsv;
                changed = true;
                std::mem::swap(input, output);
            }
        }
        let encoded = if changed { &input[..] } else { chunk.payload };
        if changed {
            self.stats.plain += chunk.payload.len() as u64;
            self.stats.encoded += encoded.len() as u64;
        }
        Ok((if chunk.first { rsv } else { 0 }, encoded))
    }

    /// The last encoded message is not sent. Later output does not refer to it.
    pub fn discard(&mut self) {
        for stage in &mut self.stages {
            stage.encoder.discard();
        }
    }

    /// Frees memory that is needed only while messages are sent.
    pub fn release(&mut self) {
        self.buffers = Default::default();
        for stage in &mut self.stages {
            stage.encoder.release();
        }
    }
}

/// The decoders, in the order in which a message passes through them: the reverse of the server's response (RFC 6455
/// section 9.1).
#[derive(Default)]
pub struct Decoders {
    stages: Vec<DecoderStage>,
    stats: CodecStats,
}

struct DecoderStage {
    decoder: Box<dyn Decoder>,
    rsv: u8,
    decodes_unmarked: bool,
    /// Whether it decodes the current message.
    active: bool,
    /// Its output for the next stage.
    output: Payload,
}

impl Decoders {
    /// Adds the decoder of the next extension, in front of the others.
    pub(super) fn push(&mut self, rsv: u8, decodes_unmarked: bool, decoder: Box<dyn Decoder>) {
        let stage = DecoderStage { decoder, rsv, decodes_unmarked, active: false, output: Payload::default() };
        self.stages.insert(0, stage);
    }

    /// Whether there are no decoders.
    pub fn is_empty(&self) -> bool {
        self.stages.is_empty()
    }

    /// The reserved bits that the extensions own.
    pub(in crate::protocol) fn rsv(&self) -> u8 {
        self.stages.iter().fold(0, |bits, stage| bits | stage.rsv)
    }

    /// Whether a decoder also gets messages without reserved bits.
    pub(in crate::protocol) fn decodes_unmarked(&self) -> bool {
        self.stages.iter().any(|stage| stage.decodes_unmarked)
    }

    /// Bytes decoded so far.
    pub fn stats(&self) -> CodecStats {
        self.stats
    }

    /// The cost of decoding so far. See [`Decoder::work`].
    pub fn work(&self) -> u64 {
        self.stages.iter().map(|stage| stage.decoder.work()).sum()
    }

    /// Continues the statistics of a previous connection.
    pub fn continue_from(&mut self, stats: CodecStats) {
        self.stats = stats;
    }

    /// Begins a message. Returns whether to decode it.
    pub(in crate::protocol) fn begin(&mut self, opcode: Opcode, rsv: u8) -> bool {
        let mut decodes = false;
        for stage in &mut self.stages {
            let own = rsv & stage.rsv;
            stage.output = Payload::default();
            stage.active = (own != 0 || stage.decodes_unmarked) && stage.decoder.begin(opcode, own);
            decodes |= stage.active;
        }
        decodes
    }

    /// Decodes the next part of the current message and appends the output to `payload`.
    pub(in crate::protocol) fn decode(
        &mut self,
        part: &[u8],
        last: bool,
        payload: &mut Payload,
        limit: u64,
    ) -> Result<()> {
        let before = payload.len();
        decode_through(&mut self.stages, part, last, payload, limit)?;
        if last {
            // The output of a stage can be as large as the message.
            self.stages.iter_mut().for_each(|stage| stage.output = Payload::default());
        }
        self.stats.encoded += part.len() as u64;
        self.stats.plain += (payload.len() - before) as u64;
        Ok(())
    }

    /// Frees memory that is needed only while messages arrive.
    pub(in crate::protocol) fn release(&mut self) {
        for stage in &mut self.stages {
            stage.decoder.release();
        }
    }
}

fn decode_through(
    stages: &mut [DecoderStage],
    part: &[u8],
    last: bool,
    payload: &mut Payload,
    limit: u64,
) -> Result<()> {
    let Some((stage, rest)) = stages.split_first_mut() else { return Sink::new(payload, limit).write(part) };
    if !stage.active {
        return decode_through(rest, part, last, payload, limit);
    }
    if !rest.iter().any(|stage| stage.active) {
        return stage.decoder.decode(part, last, &mut Sink::new(payload, limit));
    }
    let before = stage.output.len();
    stage.decoder.decode(part, last, &mut Sink::new(&mut stage.output, limit))?;
    decode_through(rest, &stage.output[before..], last, payload, limit)
}

impl std::fmt::Debug for Decoders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} decoders", self.stages.len())
    }
}

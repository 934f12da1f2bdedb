//! The decoders of a session's extensions, one behind the other.

use crate::error::Result;
use crate::frame::Opcode;
use crate::protocol::Payload;
use crate::protocol::encoders::Volume;
use crate::protocol::extension::{Decoder, Sink};

/// The decoders, in the order in which a message goes through them: that of the server's answer from its end (RFC 6455
/// section 9.1).
#[derive(Default)]
pub struct Decoders {
    stages: Vec<Stage>,
    volume: Volume,
}

struct Stage {
    decoder: Box<dyn Decoder>,
    rsv: u8,
    decodes_unmarked: bool,
    /// It decodes the message under way.
    active: bool,
    /// What it has of that message for the next stage.
    output: Payload,
}

impl Decoders {
    /// Adds the decoder of the extension before those that were added.
    pub(super) fn push(&mut self, rsv: u8, decodes_unmarked: bool, decoder: Box<dyn Decoder>) {
        self.stages.insert(0, Stage { decoder, rsv, decodes_unmarked, active: false, output: Payload::default() });
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.stages.is_empty()
    }

    /// The reserved bits that have a meaning.
    pub(super) fn rsv(&self) -> u8 {
        self.stages.iter().fold(0, |bits, stage| bits | stage.rsv)
    }

    /// Whether a message without reserved bits may have to be decoded.
    pub(super) fn decodes_unmarked(&self) -> bool {
        self.stages.iter().any(|stage| stage.decodes_unmarked)
    }

    /// What has been decoded.
    pub fn volume(&self) -> Volume {
        self.volume
    }

    /// The work of decoding so far: see [`Decoder::work`].
    pub fn work(&self) -> u64 {
        self.stages.iter().map(|stage| stage.decoder.work()).sum()
    }

    /// Counts on from those of a connection before this one.
    pub fn carry_on(&mut self, volume: Volume) {
        self.volume = volume;
    }

    /// A message begins. Returns whether it has to be decoded.
    pub(super) fn begin(&mut self, opcode: Opcode, rsv: u8) -> bool {
        let mut decodes = false;
        for stage in &mut self.stages {
            let own = rsv & stage.rsv;
            stage.output = Payload::default();
            stage.active = (own != 0 || stage.decodes_unmarked) && stage.decoder.begin(opcode, own);
            decodes |= stage.active;
        }
        decodes
    }

    /// Decodes a part of the message that began last, at the end of `payload`.
    pub(super) fn decode(&mut self, part: &[u8], last: bool, payload: &mut Payload, limit: u64) -> Result<()> {
        let before = payload.len();
        decode_through(&mut self.stages, part, last, payload, limit)?;
        if last {
            // What went from one stage to the next may be as large as the message.
            self.stages.iter_mut().for_each(|stage| stage.output = Payload::default());
        }
        self.volume.encoded += part.len() as u64;
        self.volume.plain += (payload.len() - before) as u64;
        Ok(())
    }

    /// Gives back memory that is only needed while messages come in.
    pub(super) fn release(&mut self) {
        for stage in &mut self.stages {
            stage.decoder.release();
        }
    }
}

fn decode_through(stages: &mut [Stage], part: &[u8], last: bool, payload: &mut Payload, limit: u64) -> Result<()> {
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

//! The encoders of a session's extensions, one behind the other.

use crate::error::Result;
use crate::protocol::extension::{Encoder, Encoding, Piece};

/// What was encoded, in bytes of payload of messages that an extension changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Volume {
    /// As the application has it.
    pub plain: u64,
    /// As it is on the wire.
    pub encoded: u64,
}

/// The encoders, in the order of the server's answer (RFC 6455 section 9.1).
#[derive(Default)]
pub struct Encoders {
    stages: Vec<Stage>,
    /// Where the stages put their output by turns.
    buffers: [Vec<u8>; 2],
    volume: Volume,
}

struct Stage {
    encoder: Box<dyn Encoder>,
    rsv: u8,
    /// It changes the message under way.
    active: bool,
}

impl Encoders {
    /// Adds an encoder behind those that were added.
    pub(super) fn push(&mut self, rsv: u8, encoder: Box<dyn Encoder>) {
        self.stages.push(Stage { encoder, rsv, active: false });
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.stages.is_empty()
    }

    /// What has been encoded.
    pub fn volume(&self) -> Volume {
        self.volume
    }

    /// Counts on from those of a connection before this one.
    pub fn carry_on(&mut self, volume: Volume) {
        self.volume = volume;
    }

    /// What goes out in place of a piece, and the reserved bits of the message's first frame.
    pub fn encode<'a>(&'a mut self, piece: Piece<'a>) -> Result<(u8, &'a [u8])> {
        let (mut rsv, mut changed) = (0, false);
        let [input, output] = &mut self.buffers;
        for stage in &mut self.stages {
            if !piece.first && !stage.active {
                continue;
            }
            output.clear();
            let payload = if changed { &input[..] } else { piece.payload };
            let encoding = stage.encoder.encode(&Piece { payload, ..piece }, output)?;
            stage.active = encoding != Encoding::Unchanged;
            if let Encoding::Changed { rsv: bits } = encoding {
                rsv |= bits & stage.rsv;
                changed = true;
                std::mem::swap(input, output);
            }
        }
        let encoded = if changed { &input[..] } else { piece.payload };
        if changed {
            self.volume.plain += piece.payload.len() as u64;
            self.volume.encoded += encoded.len() as u64;
        }
        Ok((if piece.first { rsv } else { 0 }, encoded))
    }

    /// What was encoded last does not go out.
    pub fn forget(&mut self) {
        for stage in &mut self.stages {
            stage.encoder.forget();
        }
    }

    /// Gives back memory that is only needed while messages go out.
    pub fn release(&mut self) {
        self.buffers = Default::default();
        for stage in &mut self.stages {
            stage.encoder.release();
        }
    }
}

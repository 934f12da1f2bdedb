//! How a connection is set up and fed, which the first bytes of an input choose.

use ktorws::protocol::deflate::{Options, PermessageDeflate};
use ktorws::protocol::extension::header::Parameters;
use ktorws::protocol::extension::{self, Extension as _, ExtensionInfo, Negotiated};
use ktorws::protocol::{Decoders, Encoders, Limits};

use super::input::Input;

pub const LARGE: u64 = 1 << 20;

/// The first is what most seeds use; those at the edges of what a length field and a read hold are worth a try.
const LIMITS: [u64; 16] =
    [LARGE, 0, 1, 2, 10, 100, 125, 126, 127, 1000, u16::MAX as u64, 1 << 16, 70_000, 100_000, 200_000, u64::MAX];

/// One direction of permessage-deflate.
#[derive(Clone, Copy, Debug)]
pub struct Direction {
    pub window_bits: u8,
    pub takes_over: bool,
}

/// What the application does after so many events.
#[derive(Clone, Copy, Debug)]
pub struct Act {
    pub after: usize,
    pub sends: bool,
    pub closes: bool,
}

/// Everything but the stream.
#[derive(Debug)]
pub struct Setup {
    pub limits: Limits,
    /// Of the server's messages.
    pub deflate: Option<Direction>,
    pub is_raw: bool,
    /// The stream is made of the input, not the input itself.
    pub is_script: bool,
    /// How many bytes come with the handshake.
    pub early: usize,
    /// How many bytes come at a time, over and over.
    pub sizes: [usize; 4],
    /// Memory is given and taken back between them.
    pub keeps_house: bool,
    pub act: Act,
}

impl Setup {
    /// Takes eight bytes.
    pub fn read(input: &mut Input<'_>) -> Self {
        let [flags, limits, early, after, sizes @ ..] = input.array::<8>();
        let limit = |index: u8| LIMITS[usize::from(index & 15)];
        Self {
            limits: Limits { max_frame_size: limit(limits), max_message_size: limit(limits >> 4) },
            deflate: None,
            is_raw: false,
            is_script: flags & 1 != 0,
            keeps_house: flags & 2 != 0,
            act: Act { after: after.into(), sends: flags & 4 != 0, closes: flags & 8 != 0 },
            early: early.into(),
            sizes: sizes.map(size),
        }
    }
}

/// Single bytes and a few, or so many that whole frames and reads fit.
fn size(byte: u8) -> usize {
    let byte = usize::from(byte);
    if byte < 128 { byte + 1 } else { (byte - 127) * 1021 }
}

impl Direction {
    /// The window's size and whether messages share it.
    pub fn read(byte: u8) -> Self {
        Self { window_bits: 15 - byte % 8, takes_over: byte & 8 == 0 }
    }

    fn parameters(self, sender: &str) -> String {
        let resets = if self.takes_over { String::new() } else { format!("; {sender}_no_context_takeover") };
        format!("{sender}_max_window_bits={}{resets}", self.window_bits)
    }
}

/// Both sides of a client that has agreed on permessage-deflate, and compresses with `options`.
pub fn agree(client: Direction, server: Direction, options: Options) -> (Encoders, Decoders) {
    let parameters = format!("{}; {}", client.parameters("client"), server.parameters("server"));
    let parameters = Parameters::parse(&parameters).expect("well-formed parameters");
    let extension = PermessageDeflate(options);
    let codec = extension.accept(&parameters).expect("an answer to what is offered");
    let info = ExtensionInfo { name: extension.name().into(), parameters: parameters.to_string(), instance: None };
    let (encoders, decoders, _) = extension::build_pipelines(vec![Negotiated { info, rsv: extension.rsv(), codec }]);
    (encoders, decoders)
}

//! What the fuzz targets do with their bytes. `tests/fuzz_cases.rs` does the same with those that are committed.

mod answers;
mod blocks;
mod budget;
mod challenges;
mod exchange;
mod extension_header;
mod frame_header;
mod handshake;
mod inflate;
mod input;
mod receive;
mod reference;
mod round_trip;
mod script;
mod sent;
mod setup;
mod tunnel;

pub use challenges::challenges;
pub use extension_header::extension_header;
pub use frame_header::frame_header;
pub use handshake::handshake;
pub use receive::{raw, receive, receive_deflate};
pub use round_trip::round_trip;
pub use tunnel::tunnel;

/// One target's name and body; the body panics where the library is wrong.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 9] = [
    ("frame_header", frame_header),
    ("receive", receive),
    ("receive_deflate", receive_deflate),
    ("raw", raw),
    ("round_trip", round_trip),
    ("handshake", handshake),
    ("extension_header", extension_header),
    ("tunnel", tunnel),
    ("challenges", challenges),
];

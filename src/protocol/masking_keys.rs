//! Masking keys: fresh and unpredictable for every frame (RFC 6455 sections 5.3 and 10.3).

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A stream of masking keys from one secret seed.
#[derive(Clone)]
pub struct MaskingKeys(ChaCha12Rng);

impl MaskingKeys {
    /// The keys of `seed`, which must come from the operating system's random source and be used once.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(ChaCha12Rng::from_seed(seed))
    }

    /// The next frame's key.
    pub fn draw(&mut self) -> [u8; 4] {
        self.0.next_u32().to_ne_bytes()
    }
}

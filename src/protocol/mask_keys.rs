//! Masking keys. Every frame gets a new, unpredictable key (RFC 6455 sections 5.3 and 10.3).

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A generator of masking keys from one secret seed.
#[derive(Clone)]
pub struct MaskKeys {
    /// The seed of the next generator.
    seed: [u8; 32],
    /// A generator buffers many keys. There is none while nothing is sent, to save memory.
    generator: Option<Box<ChaCha12Rng>>,
}

impl MaskKeys {
    /// Creates a generator. `seed` must come from the operating system's random source and must not be used again.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self { seed, generator: None }
    }

    /// The key of the next frame.
    pub fn draw(&mut self) -> [u8; 4] {
        let generator = self.generator.get_or_insert_with(|| Box::new(ChaCha12Rng::from_seed(self.seed)));
        generator.next_u32().to_ne_bytes()
    }

    /// The key of the next frame, `None` if the frame is not masked.
    #[inline]
    pub(super) fn draw_if(&mut self, masked: bool) -> Option<[u8; 4]> {
        masked.then(|| self.draw())
    }

    /// Frees memory that is needed only while frames are sent.
    pub fn release(&mut self) {
        if let Some(mut generator) = self.generator.take() {
            generator.fill_bytes(&mut self.seed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn release_frees_the_generator_and_changes_the_seed() {
        let mut keys = MaskKeys::from_seed([1; 32]);
        keys.release();
        assert_eq!(keys.seed, [1; 32]);
        keys.draw();
        assert!(keys.generator.is_some());
        keys.release();
        assert!(keys.generator.is_none());
        assert_ne!(keys.seed, [1; 32]);
    }
}

//! Masking keys: fresh and unpredictable for every frame (RFC 6455 sections 5.3 and 10.3).

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A stream of masking keys from one secret seed.
#[derive(Clone)]
pub struct MaskingKeys {
    /// For the next generator.
    seed: [u8; 32],
    /// It draws many keys at a time, which takes room: there is none while nothing is sent.
    generator: Option<Box<ChaCha12Rng>>,
}

impl MaskingKeys {
    /// The keys of `seed`, which must come from the operating system's random source and be used once.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self { seed, generator: None }
    }

    /// The next frame's key.
    pub fn draw(&mut self) -> [u8; 4] {
        let generator = self.generator.get_or_insert_with(|| Box::new(ChaCha12Rng::from_seed(self.seed)));
        generator.next_u32().to_ne_bytes()
    }

    /// The next frame's key, none if it is not masked.
    #[inline]
    pub(super) fn draw_if(&mut self, masked: bool) -> Option<[u8; 4]> {
        masked.then(|| self.draw())
    }

    /// Gives back the memory that is only needed while frames are sent.
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
    fn the_generator_is_freed_and_its_seed_is_another() {
        let mut keys = MaskingKeys::from_seed([1; 32]);
        keys.release();
        assert_eq!(keys.seed, [1; 32]);
        keys.draw();
        assert!(keys.generator.is_some());
        keys.release();
        assert!(keys.generator.is_none());
        assert_ne!(keys.seed, [1; 32]);
    }
}

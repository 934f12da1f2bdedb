//! Masking (RFC 6455 section 5.3). Masks a payload while copying it, in one pass.
#![allow(unsafe_code, reason = "SIMD and writing into a vector's spare capacity")]

use std::mem::MaybeUninit;

/// The payload size in bytes from which the AVX2 loop is faster than the portable one.
#[cfg(target_arch = "x86_64")]
const WIDE_FROM: usize = 128;

/// Appends `payload`, masked with `key`, to `out`.
pub fn append_masked(out: &mut Vec<u8>, payload: &[u8], key: [u8; 4]) {
    out.reserve(payload.len());
    let start = out.len();
    copy_masked(&mut out.spare_capacity_mut()[..payload.len()], payload, key);
    // SAFETY: copy_masked initialised the `payload.len()` bytes after `start`, which are within the capacity.
    unsafe { out.set_len(start + payload.len()) };
}

/// Writes `source` masked with `key` into all of `target`. Both have the same length.
fn copy_masked(target: &mut [MaybeUninit<u8>], source: &[u8], key: [u8; 4]) {
    assert_eq!(target.len(), source.len());
    #[cfg(target_arch = "x86_64")]
    if source.len() >= WIDE_FROM && std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2, and the lengths are equal.
        unsafe { copy_masked_avx2(target, source, key) };
        return;
    }
    copy_masked_portable(target, source, key);
}

fn copy_masked_portable(target: &mut [MaybeUninit<u8>], source: &[u8], key: [u8; 4]) {
    let [a, b, c, d] = key;
    let wide_key = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (target_words, target_tail) = target.as_chunks_mut::<8>();
    let (source_words, source_tail) = source.as_chunks::<8>();
    for (target, source) in target_words.iter_mut().zip(source_words) {
        let masked = (u64::from_ne_bytes(*source) ^ wide_key).to_ne_bytes();
        *target = masked.map(MaybeUninit::new);
    }
    for ((target, source), key) in target_tail.iter_mut().zip(source_tail).zip(key.iter().cycle()) {
        target.write(source ^ key);
    }
}

/// # Safety
/// The processor must have AVX2, and `target` must be as long as `source`.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn copy_masked_avx2(target: &mut [MaybeUninit<u8>], source: &[u8], key: [u8; 4]) {
    use std::arch::x86_64::{_mm256_loadu_si256, _mm256_set1_epi32, _mm256_storeu_si256, _mm256_xor_si256};
    const WIDTH: usize = 32;

    let wide_key = _mm256_set1_epi32(i32::from_ne_bytes(key));
    let wide = source.len() - source.len() % WIDTH;
    let mut at = 0;
    while at < wide {
        // SAFETY: at + WIDTH <= wide <= both lengths; the loads and stores need no alignment.
        unsafe {
            let bytes = _mm256_loadu_si256(source.as_ptr().add(at).cast());
            _mm256_storeu_si256(target.as_mut_ptr().add(at).cast(), _mm256_xor_si256(bytes, wide_key));
        }
        at += WIDTH;
    }
    // `wide` is a multiple of four, so the rest starts with the first byte of the key.
    copy_masked_portable(&mut target[wide..], &source[wide..], key);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naive(source: &[u8], key: [u8; 4]) -> Vec<u8> {
        source.iter().enumerate().map(|(i, byte)| byte ^ key[i % 4]).collect()
    }

    #[test]
    fn every_width_masks_alike_at_every_length_and_alignment() {
        let key = [0x37, 0xfa, 0x21, 0x3d];
        let bytes: Vec<u8> = (0..700_u32).map(|i| (i * 37 % 251).to_le_bytes()[0]).collect();
        for length in (0..300).chain([511, 512, 513, 600]) {
            for offset in 0..9 {
                let source = &bytes[offset..offset + length];
                let mut wide = vec![0xee; offset];
                append_masked(&mut wide, source, key);
                assert_eq!(wide[..offset], vec![0xee; offset]);
                assert_eq!(wide[offset..], naive(source, key), "length {length}, offset {offset}");
                let mut portable = vec![MaybeUninit::new(0); length];
                copy_masked_portable(&mut portable, source, key);
                // SAFETY: the vector was initialised when it was made.
                let portable: Vec<u8> = portable.iter().map(|byte| unsafe { byte.assume_init() }).collect();
                assert_eq!(portable, naive(source, key), "portable, length {length}");
            }
        }
    }

    #[test]
    fn the_example_of_rfc_6455_section_5_7() {
        let mut out = Vec::new();
        append_masked(&mut out, b"Hello", [0x37, 0xfa, 0x21, 0x3d]);
        assert_eq!(out, [0x7f, 0x9f, 0x4d, 0x51, 0x58]);
    }
}

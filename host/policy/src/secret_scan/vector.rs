//! The anchors' question for thirty-two places at once, where the processor can look up sixteen nibbles in one
//! instruction. What it says "maybe" of is asked again, one place at a time, so it may err to that side alone.
//!
//! Each anchor belongs to one of eight groups, a bit each. Two tables for each of an anchor's three places say,
//! of a byte's lower and upper half, in which groups it may be; a place remains where all six have a bit in
//! common (the method is that of Hyperscan's "Teddy").

use zeroize::Zeroizing;

use super::anchors::WIDTH;

/// Places that are looked at together.
#[cfg(target_arch = "x86_64")]
const PLACES: usize = 32;

/// Which halves of bytes may stand where.
#[derive(Default)]
pub(super) struct Halves {
    lower: Zeroizing<[[u8; 16]; WIDTH]>,
    upper: Zeroizing<[[u8; 16]; WIDTH]>,
}

impl Halves {
    /// Allows a byte in one place of an anchor of this group.
    pub(super) fn allow(&mut self, group: u32, place: usize, byte: u8) {
        for (halves, half) in [(&mut self.lower, byte & 15), (&mut self.upper, byte >> 4)] {
            if let Some(entry) = halves.get_mut(place).and_then(|table| table.get_mut(usize::from(half))) {
                *entry |= 1 << (group % 8);
            }
        }
    }

    /// Asks `visit` of every place from `at` on that an anchor may be at, until it has an answer; or says how far
    /// it came: the rest is too short for this, or all of it where the processor lacks the instructions.
    pub(super) fn each<T>(&self, text: &[u8], at: usize, visit: impl FnMut(usize) -> Option<T>) -> Result<T, usize> {
        #[cfg(target_arch = "x86_64")]
        if text.len().saturating_sub(at) >= PLACES + WIDTH && std::arch::is_x86_feature_detected!("avx2") {
            #[expect(unsafe_code, reason = "the one condition, that the processor has AVX2, was just looked up")]
            // SAFETY: the processor has AVX2.
            return unsafe { self.each_avx2(text, at, visit) };
        }
        #[cfg(not(target_arch = "x86_64"))]
        drop((text, visit));
        Err(at)
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn each_avx2<T>(&self, text: &[u8], from: usize, mut visit: impl FnMut(usize) -> Option<T>) -> Result<T, usize> {
        use std::arch::x86_64::{
            _mm256_and_si256, _mm256_cmpeq_epi8, _mm256_movemask_epi8, _mm256_set1_epi8, _mm256_setzero_si256,
            _mm256_shuffle_epi8, _mm256_srli_epi16,
        };
        let half = _mm256_set1_epi8(15);
        let lower = self.lower.map(|table| twice(&table));
        let upper = self.upper.map(|table| twice(&table));
        let mut at = from;
        while let Some(window) = text.get(at..).and_then(<[u8]>::first_chunk::<{ PLACES + WIDTH - 1 }>) {
            let mut groups = _mm256_set1_epi8(-1);
            for (place, (lower, upper)) in lower.into_iter().zip(upper).enumerate() {
                let Some(bytes) = window.get(place..).and_then(<[u8]>::first_chunk::<PLACES>) else { break };
                let bytes = vector(bytes);
                let low = _mm256_shuffle_epi8(lower, _mm256_and_si256(bytes, half));
                let high = _mm256_shuffle_epi8(upper, _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), half));
                groups = _mm256_and_si256(groups, _mm256_and_si256(low, high));
            }
            let none = _mm256_cmpeq_epi8(groups, _mm256_setzero_si256());
            let mut maybe = !_mm256_movemask_epi8(none);
            while maybe != 0 {
                if let Some(answer) = visit(at + maybe.trailing_zeros() as usize) {
                    return Ok(answer);
                }
                maybe &= maybe.wrapping_sub(1);
            }
            at += PLACES;
        }
        Err(at)
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn twice(table: &[u8; 16]) -> std::arch::x86_64::__m256i {
    let number = u128::from_le_bytes(*table);
    let half = |number: u128| i64::from_le_bytes((number as u64).to_le_bytes());
    let (low, high) = (half(number), half(number >> 64));
    std::arch::x86_64::_mm256_set_epi64x(high, low, high, low)
}

/// Thirty-two bytes, the first lowest.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn vector(bytes: &[u8; PLACES]) -> std::arch::x86_64::__m256i {
    #[expect(unsafe_code, reason = "an array of as many bytes as are loaded, at any address")]
    // SAFETY: the instruction reads 32 bytes and asks for no alignment; the reference is to 32 bytes.
    unsafe {
        std::arch::x86_64::_mm256_loadu_si256(bytes.as_ptr().cast())
    }
}

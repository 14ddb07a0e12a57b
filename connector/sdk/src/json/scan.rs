//! Finding where a JSON string or container ends, many bytes at a time.
//!
//! Most of an upstream's answer is members that no tool reads. Stepping over them byte by byte is what a
//! sandboxed call would spend most of its time on; here sixty-four bytes become four bit masks, and the
//! brackets among them are counted instead of visited.

/// Bytes looked at together: one bit of a `u64` for each.
const BLOCK_BYTES: usize = 64;
/// Distances, in bits, over which [`inside_strings`] carries a parity, each twice the one before.
const DOUBLINGS: [u32; 6] = [1, 2, 4, 8, 16, 32];

/// Which bytes of a block are what; bit 0 is the first byte.
#[derive(Clone, Copy)]
struct Masks {
    quotes: u64,
    backslashes: u64,
    opens: u64,
    closes: u64,
}

/// The place just past the container whose opening bracket is just before `from`; none if it never closes.
///
/// Strings and their escapes are respected. Beyond that the inside is not judged: `[}` closes, and so may
/// a document that is no JSON. What is stepped over has no influence on what is read.
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
pub(super) fn container_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    let mut depth: u32 = 1;
    let mut carries_string = 0_u64;
    let mut carries_escape = false;
    loop {
        let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
        let masks = match rest.first_chunk::<BLOCK_BYTES>() {
            Some(block) => masks(block),
            None => {
                let mut block = [b' '; BLOCK_BYTES];
                block.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
                masks(&block)
            }
        };
        let quotes = if masks.backslashes == 0 && !carries_escape {
            masks.quotes
        } else {
            masks.quotes & !escaped(masks.backslashes, &mut carries_escape)
        };
        let inside = inside_strings(quotes) ^ carries_string;
        carries_string = if inside >> 63 == 1 { u64::MAX } else { 0 };
        let (opens, closes) = (masks.opens & !inside, masks.closes & !inside);
        if closes.count_ones() >= depth {
            // The end may be in this block: look at each closing bracket in turn.
            let mut left = closes;
            let mut closed = 0;
            while left != 0 {
                let place = left.trailing_zeros();
                let opened = (opens & ((1_u64 << place) - 1)).count_ones();
                closed += 1;
                if depth + opened == closed {
                    return Some(at + place as usize + 1);
                }
                left &= left - 1;
            }
        }
        depth = depth + opens.count_ones() - closes.count_ones();
        at += BLOCK_BYTES;
    }
}

/// The place of the quote that closes the string whose content begins at `from`, and whether there is an
/// escape in it. None if it never closes or holds a control character.
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
pub(super) fn string_end(bytes: &[u8], from: usize) -> Option<(usize, bool)> {
    let mut at = from;
    let mut has_escape = false;
    loop {
        at = special(bytes, at)?;
        match bytes.get(at)? {
            b'"' => return Some((at, has_escape)),
            b'\\' => {
                has_escape = true;
                at += 2;
            }
            _ => return None,
        }
    }
}

/// The first quote, backslash or control character from a place on.
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
#[inline]
fn special(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(lane) = bytes.get(at..)?.first_chunk::<16>() {
        let found = specials(lane);
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize);
        }
        at += 16;
    }
    let rest = bytes.get(at..)?;
    rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20)).map(|place| at + place)
}

/// Bytes that a backslash before them takes the meaning from. Rare, so each backslash is visited.
fn escaped(backslashes: u64, carries: &mut bool) -> u64 {
    let mut escaped = u64::from(*carries);
    let mut left = backslashes & !escaped;
    *carries = false;
    while left != 0 {
        let place = left.trailing_zeros();
        let next = 2_u64.checked_shl(place).unwrap_or(0);
        *carries = place == 63;
        let next = if *carries { 0 } else { next };
        escaped |= next;
        left &= !(1 << place) & !next;
    }
    escaped
}

/// Bits from each opening quote up to its closing one, as if the block began outside of strings: each bit
/// is the parity of the quotes up to it.
#[inline]
fn inside_strings(quotes: u64) -> u64 {
    let mut inside = quotes;
    for shift in DOUBLINGS {
        inside ^= inside << shift;
    }
    inside
}

#[cfg(not(target_arch = "wasm32"))]
fn masks(block: &[u8; BLOCK_BYTES]) -> Masks {
    let mask = |is: fn(u8) -> bool| {
        block.iter().enumerate().fold(0, |mask, (place, byte)| mask | (u64::from(is(*byte)) << place))
    };
    Masks {
        quotes: mask(|byte| byte == b'"'),
        backslashes: mask(|byte| byte == b'\\'),
        opens: mask(|byte| matches!(byte, b'{' | b'[')),
        closes: mask(|byte| matches!(byte, b'}' | b']')),
    }
}

#[cfg(not(target_arch = "wasm32"))]
fn specials(lane: &[u8; 16]) -> u16 {
    lane.iter()
        .enumerate()
        .fold(0, |mask, (place, byte)| mask | (u16::from(matches!(byte, b'"' | b'\\' | 0..0x20)) << place))
}

#[cfg(target_arch = "wasm32")]
use vectors::{masks, specials};

/// The same with WebAssembly's vectors. Every runtime of components has them; the functions above ask for
/// them by attribute, so no build needs a flag.
#[cfg(target_arch = "wasm32")]
mod vectors {
    use super::{BLOCK_BYTES, Masks};
    use core::arch::wasm32::{u8x16_bitmask, u8x16_eq, u8x16_lt, u8x16_splat, v128, v128_load, v128_or};

    #[target_feature(enable = "simd128")]
    #[inline]
    #[expect(unsafe_code, reason = "the one way to load a vector from memory")]
    fn load(lane: &[u8; 16]) -> v128 {
        // SAFETY: the reference covers the sixteen bytes, and the load needs no alignment.
        unsafe { v128_load(lane.as_ptr().cast()) }
    }

    #[target_feature(enable = "simd128")]
    #[inline]
    pub(super) fn masks(block: &[u8; BLOCK_BYTES]) -> Masks {
        let mut masks = Masks { quotes: 0, backslashes: 0, opens: 0, closes: 0 };
        let (lanes, _) = block.as_chunks::<16>();
        for (number, lane) in lanes.iter().enumerate() {
            let bytes = load(lane);
            // Square and curly brackets differ in the bit 0x20 alone.
            let folded = v128_or(bytes, u8x16_splat(0x20));
            let mask = |wanted: u8, bytes: v128| {
                u64::from(u8x16_bitmask(u8x16_eq(bytes, u8x16_splat(wanted)))) << (number * 16)
            };
            masks.quotes |= mask(b'"', bytes);
            masks.backslashes |= mask(b'\\', bytes);
            masks.opens |= mask(b'{', folded);
            masks.closes |= mask(b'}', folded);
        }
        masks
    }

    #[target_feature(enable = "simd128")]
    #[inline]
    pub(super) fn specials(lane: &[u8; 16]) -> u16 {
        let bytes = load(lane);
        let quotes = u8x16_eq(bytes, u8x16_splat(b'"'));
        let backslashes = u8x16_eq(bytes, u8x16_splat(b'\\'));
        let controls = u8x16_lt(bytes, u8x16_splat(0x20));
        u8x16_bitmask(v128_or(v128_or(quotes, backslashes), controls))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The end of a container, by looking at one byte after another.
    fn slow(bytes: &[u8]) -> Option<usize> {
        let (mut depth, mut inside, mut escape) = (1, false, false);
        for (place, byte) in bytes.iter().enumerate() {
            let is_escaped = std::mem::take(&mut escape);
            match (inside, byte) {
                (_, b'\\') => escape = !is_escaped,
                (_, b'"') => inside ^= !is_escaped,
                (false, b'{' | b'[') => depth += 1,
                (false, b'}' | b']') => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Some(place + 1);
            }
        }
        None
    }

    #[test]
    fn blocks_find_the_ends_that_single_bytes_find() {
        // A linear congruential generator (Numerical Recipes): the cases are the same on every run.
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 16
        };
        let mut ended = 0;
        for alphabet in [&b"\"\\[]"[..], b"\"[]{}ab", b"\\\\\\\"]", b"aaaaaaaa\"[]\\,:", b"{[]}aaaaaaaaaaaaaaaaaaaa"] {
            for _ in 0..4_000 {
                let bytes: Vec<u8> =
                    (0..next() % 400).filter_map(|_| alphabet.get(next() as usize % alphabet.len()).copied()).collect();
                let end = slow(&bytes);
                ended += u32::from(end.is_some());
                assert_eq!(container_end(&bytes, 0), end, "{}", String::from_utf8_lossy(&bytes));
            }
        }
        assert!(ended > 1_000, "{ended}");
    }

    #[test]
    fn strings_end_at_the_first_quote_without_a_backslash() {
        for length in 0..70 {
            let text = "x".repeat(length);
            assert_eq!(string_end(format!("{text}\" ").as_bytes(), 0), Some((length, false)));
            assert_eq!(string_end(format!("{text}\\\"\\\\\"{text}").as_bytes(), 0), Some((length + 4, true)));
            assert_eq!(string_end(format!("{text}\n\"").as_bytes(), 0), None);
            assert_eq!(string_end(text.as_bytes(), 0), None);
            assert_eq!(string_end(format!("{text}\\").as_bytes(), 0), None);
        }
    }
}

//! Looking at many bytes of a text at once: sixteen or sixty-four with the SIMD instructions of WebAssembly, eight
//! in a word where a component is compiled without them, or in a test.

const ONES: u64 = u64::from_le_bytes([1; 8]);
const HIGHS: u64 = ONES << 7;

/// Bytes of a [`Block`].
pub(super) const BLOCK_BYTES: usize = 64;

const fn all(byte: u8) -> u64 {
    ONES * byte as u64
}

/// The place, from `at` on, of the first byte that ends a plain stretch of a JSON string: a quote, a backslash or a
/// control character; the text's end if there is none.
#[inline]
pub(super) fn plain_end(text: &[u8], at: usize) -> usize {
    let mut rest = text.get(at..).unwrap_or_default();
    #[cfg(target_feature = "simd128")]
    while let Some((bytes, after)) = rest.split_first_chunk::<16>() {
        match ends(bytes) {
            0 => rest = after,
            ends => return text.len() - rest.len() + ends.trailing_zeros() as usize,
        }
    }
    short_plain_end(text, &mut rest)
}

/// As [`plain_end`], for the last few bytes of a text.
#[cfg_attr(target_feature = "simd128", inline(never))]
fn short_plain_end(text: &[u8], rest: &mut &[u8]) -> usize {
    while let Some((bytes, after)) = rest.split_first_chunk::<8>() {
        // Of these tests only the lowest bit that is set is sure, and it is the one that is asked for.
        match maybe_ends(u64::from_le_bytes(*bytes)) {
            0 => *rest = after,
            ends => return text.len() - rest.len() + (ends.trailing_zeros() / 8) as usize,
        }
    }
    let place = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..b' '));
    text.len() - rest.len() + place.unwrap_or(rest.len())
}

/// The bytes of these that end a plain stretch, a bit for each.
#[cfg(target_feature = "simd128")]
#[inline]
fn ends(bytes: &[u8; 16]) -> u16 {
    use core::arch::wasm32::{i8x16_bitmask, i8x16_eq, u8x16_le, u8x16_splat, v128_or};
    let bytes = vector(bytes);
    let ends = v128_or(i8x16_eq(bytes, u8x16_splat(b'"')), i8x16_eq(bytes, u8x16_splat(b'\\')));
    i8x16_bitmask(v128_or(ends, u8x16_le(bytes, u8x16_splat(b' ' - 1))))
}

/// Nothing if none of these bytes ends a plain stretch. Else the lowest bit that is set is the high one of the first
/// that does; bytes behind it may have theirs set for no reason.
#[inline]
fn maybe_ends(word: u64) -> u64 {
    let zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let controls = word.wrapping_sub(all(b' ')) & !word;
    (zero(word ^ all(b'"')) | zero(word ^ all(b'\\')) | controls) & HIGHS
}

/// Whether a text can stand in a JSON string as it is. The last bytes are looked at twice rather than one by one.
#[inline]
pub(super) fn is_plain(text: &[u8]) -> bool {
    #[cfg(target_feature = "simd128")]
    if let Some(last) = text.last_chunk::<16>() {
        let (chunks, _) = text.as_chunks::<16>();
        return chunks.iter().all(|chunk| ends(chunk) == 0) && ends(last) == 0;
    }
    if let Some(last) = text.last_chunk::<8>() {
        let (words, _) = text.as_chunks::<8>();
        return words.iter().chain([last]).all(|word| maybe_ends(u64::from_le_bytes(*word)) == 0);
    }
    // A word of what is there, its ends overlapping, and of spaces, which are plain.
    let word = match (text.first_chunk::<4>(), text.last_chunk::<4>(), text.first_chunk::<2>(), text.last_chunk::<2>())
    {
        (Some(first), Some(last), ..) => {
            u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32
        }
        (_, _, Some(first), Some(last)) => {
            let (first, last) = (u16::from_le_bytes(*first), u16::from_le_bytes(*last));
            all(b' ') << 32 | u64::from(first) | u64::from(last) << 16
        }
        _ => all(b' ') << 8 | u64::from(text.first().copied().unwrap_or(b' ')),
    };
    maybe_ends(word) == 0
}

/// Copies `from` to the beginning of `to`, which must have room. A short text without a call of the instruction that
/// copies any length: the host does that outside of the compiled code, which takes longer than these loads and stores.
#[inline]
pub(super) fn copy(to: &mut [u8], from: &[u8]) {
    /// The first and the last bytes, which overlap.
    #[inline(always)]
    fn both_ends<const BYTES: usize>(to: &mut [u8], from: &[u8]) {
        if let (Some(first), Some(last)) = (from.first_chunk::<BYTES>(), from.last_chunk::<BYTES>()) {
            let (first, last) = (*first, *last);
            if let Some(to) = to.first_chunk_mut::<BYTES>() {
                *to = first;
            }
            if let Some(to) = to.last_chunk_mut::<BYTES>() {
                *to = last;
            }
        }
    }
    let Some(to) = to.get_mut(..from.len()) else { return };
    if from.len() > 32 {
        to.copy_from_slice(from);
    } else if from.len() >= 16 {
        both_ends::<16>(to, from);
    } else if from.len() >= 8 {
        both_ends::<8>(to, from);
    } else if from.len() >= 4 {
        both_ends::<4>(to, from);
    } else if from.len() >= 2 {
        both_ends::<2>(to, from);
    } else {
        both_ends::<1>(to, from);
    }
}

/// The bytes of a block that end a plain stretch, a bit for each, the first lowest.
#[inline]
pub(super) fn plain_ends(block: &[u8; BLOCK_BYTES]) -> u64 {
    #[cfg(target_feature = "simd128")]
    {
        let (parts, _) = block.as_chunks::<16>();
        parts.iter().zip([0, 16, 32, 48]).fold(0, |all, (part, shift)| all | u64::from(ends(part)) << shift)
    }
    #[cfg(not(target_feature = "simd128"))]
    {
        let (parts, _) = block.as_chunks::<8>();
        parts.iter().zip([0, 8, 16, 24, 32, 40, 48, 56]).fold(0, |found, (part, shift)| {
            let word = u64::from_le_bytes(*part);
            // All control characters are below 32: without their lowest five bits they are zero.
            let ends = equal(word, b'"') | equal(word, b'\\') | equal(word & all(!31), 0);
            found | ends << shift
        })
    }
}

/// Whether two texts are the same. In words: what the language's own comparison calls takes them byte by byte in
/// WebAssembly.
#[inline]
pub(super) fn same(one: &[u8], other: &[u8]) -> bool {
    /// Whether both ends are the same, which may overlap.
    #[inline(always)]
    fn both_ends<const BYTES: usize>(one: &[u8], other: &[u8]) -> bool {
        one.first_chunk::<BYTES>() == other.first_chunk::<BYTES>()
            && one.last_chunk::<BYTES>() == other.last_chunk::<BYTES>()
    }
    if one.len() != other.len() {
        return false;
    }
    if one.len() >= 8 {
        let ((words, _), (others, _)) = (one.as_chunks::<8>(), other.as_chunks::<8>());
        let begin = words.iter().zip(others).all(|(one, other)| u64::from_le_bytes(*one) == u64::from_le_bytes(*other));
        begin && both_ends::<8>(one, other)
    } else if one.len() >= 4 {
        both_ends::<4>(one, other)
    } else if one.len() >= 2 {
        both_ends::<2>(one, other)
    } else {
        one.first() == other.first()
    }
}

/// What matters of sixty-four bytes of JSON: a bit for each byte, the first lowest.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) quotes: u64,
    pub(super) backslashes: u64,
    /// Opening braces and brackets, in strings or not.
    pub(super) opens: u64,
    /// Closing ones.
    pub(super) closes: u64,
}

/// Braces and brackets differ by this bit alone.
const BRACE_BIT: u8 = b'{' ^ b'[';

impl Block {
    #[cfg(target_feature = "simd128")]
    #[inline]
    pub(super) fn of(bytes: &[u8; BLOCK_BYTES]) -> Self {
        use core::arch::wasm32::{i8x16_bitmask, i8x16_eq, u8x16_splat, v128_or};
        let (parts, _) = bytes.as_chunks::<16>();
        let mut block = Self { quotes: 0, backslashes: 0, opens: 0, closes: 0 };
        for (bytes, shift) in parts.iter().zip([0, 16, 32, 48]) {
            let bytes = vector(bytes);
            let braces = v128_or(bytes, u8x16_splat(BRACE_BIT));
            let mask = |bytes, byte| u64::from(i8x16_bitmask(i8x16_eq(bytes, u8x16_splat(byte)))) << shift;
            block.quotes |= mask(bytes, b'"');
            block.backslashes |= mask(bytes, b'\\');
            block.opens |= mask(braces, b'{');
            block.closes |= mask(braces, b'}');
        }
        block
    }

    #[cfg(not(target_feature = "simd128"))]
    #[inline]
    pub(super) fn of(bytes: &[u8; BLOCK_BYTES]) -> Self {
        let (parts, _) = bytes.as_chunks::<8>();
        let mut block = Self { quotes: 0, backslashes: 0, opens: 0, closes: 0 };
        for (bytes, shift) in parts.iter().zip([0, 8, 16, 24, 32, 40, 48, 56]) {
            let word = u64::from_le_bytes(*bytes);
            let braces = word | all(BRACE_BIT);
            block.quotes |= equal(word, b'"') << shift;
            block.backslashes |= equal(word, b'\\') << shift;
            block.opens |= equal(braces, b'{') << shift;
            block.closes |= equal(braces, b'}') << shift;
        }
        block
    }
}

/// A bit for each byte of the word that is this one.
#[cfg(not(target_feature = "simd128"))]
fn equal(word: u64, byte: u8) -> u64 {
    let difference = word ^ all(byte);
    // Without a carry from byte to byte: the high bit of each is set unless the byte is zero.
    let differs = ((difference & !HIGHS) + !HIGHS) | difference;
    // The multiplication gathers the eight bits in the highest byte.
    ((!differs & HIGHS) >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

#[cfg(target_feature = "simd128")]
fn vector(bytes: &[u8; 16]) -> core::arch::wasm32::v128 {
    let number = u128::from_le_bytes(*bytes);
    core::arch::wasm32::u64x2(number as u64, (number >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_told_apart_in_every_place() {
        for byte in 0..=u8::MAX {
            for place in 0..BLOCK_BYTES {
                for background in [b'a', byte.wrapping_add(1), byte.wrapping_sub(1), byte ^ 0x80, byte ^ BRACE_BIT] {
                    let mut bytes = [background; BLOCK_BYTES];
                    bytes[place] = byte;
                    let mask =
                        |set: &[u8]| (0..64).fold(0, |mask, at| mask | u64::from(set.contains(&bytes[at])) << at);
                    let expected = Block {
                        quotes: mask(b"\""),
                        backslashes: mask(b"\\"),
                        opens: mask(b"{["),
                        closes: mask(b"}]"),
                    };
                    assert_eq!(Block::of(&bytes), expected, "{byte} at {place} among {background}");
                    let ends =
                        (0..64).fold(0, |mask, at| mask | u64::from(matches!(bytes[at], b'"' | b'\\' | 0..b' ')) << at);
                    assert_eq!(plain_ends(&bytes), ends, "{byte} at {place} among {background}");
                }
            }
        }
    }

    #[test]
    fn every_length_is_copied() {
        for length in 0..100 {
            let from: Vec<u8> = (1..=length).collect();
            let mut to = [0; 128];
            copy(&mut to, &from);
            assert!(to.starts_with(&from) && to[from.len()..].iter().all(|byte| *byte == 0), "{length}");
        }
    }

    #[test]
    fn a_text_is_plain_if_all_of_it_is() {
        for byte in 0..=u8::MAX {
            for length in 1..40 {
                for place in 0..length {
                    let mut text = vec![b'x'; length];
                    text[place] = byte;
                    let plain = !matches!(byte, b'"' | b'\\' | 0..b' ');
                    assert_eq!(is_plain(&text), plain, "{byte} at {place} of {length}");
                }
            }
        }
        assert!(is_plain(b""));
    }

    #[test]
    fn a_plain_stretch_ends_where_it_should() {
        for byte in 0..=u8::MAX {
            for length in 0..40 {
                for after in [&b""[..], b"\"\\\x00\xff\x80", b"aaaaaaaaaaaaaaaaaaaaaaaaaaaa"] {
                    let text = [&b"\xc3\xa4 ~\x7f\xff!#[]"[..], &vec![b'x'; length], &[byte], after].concat();
                    let naive = text.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..b' '));
                    assert_eq!(plain_end(&text, 0), naive.unwrap_or(text.len()), "{byte} after {length}");
                }
            }
        }
    }
}

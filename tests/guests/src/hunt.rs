//! Looking for a token in one's own memory: what a hostile component would do that hopes for a careless host.

/// What the tokens of the red team begin with, disguised so that the search does not find itself.
const SHAPES: [&[u8]; 2] = [&disguised(b"pdus+_0XBPWQQ_"), &disguised(b"u_CNRY")];
/// The disguise.
const MASK: u8 = 0x5a;

#[allow(clippy::indexing_slicing, reason = "in constant evaluation there is no other way")]
const fn disguised<const N: usize>(text: &[u8; N]) -> [u8; N] {
    let mut out = [0; N];
    let mut at = 0;
    while at < N {
        out[at] = text[at] ^ MASK;
        at += 1;
    }
    out
}

/// How many bytes were looked at, and how many of them begin something in the shape of a token.
#[cfg(target_family = "wasm")]
#[must_use]
#[inline(never)]
pub fn own_memory() -> (usize, usize) {
    let bytes = core::arch::wasm32::memory_size(0) << 16;
    let mut found = 0;
    for at in 0..bytes {
        found += usize::from(SHAPES.iter().any(|shape| begins(at, bytes, shape)));
    }
    (bytes, found)
}

/// Whether the memory at `at` holds the shape: read one byte at a time, from address 0 to the end.
#[cfg(target_family = "wasm")]
#[inline(never)]
fn begins(at: usize, end: usize, shape: &[u8]) -> bool {
    at + shape.len() <= end && shape.iter().enumerate().all(|(offset, byte)| read(at + offset) ^ MASK == *byte)
}

#[cfg(target_family = "wasm")]
fn read(at: usize) -> u8 {
    #[allow(unsafe_code, reason = "reading every byte that there is, is what it is for")]
    // SAFETY: below the size of the memory, every address of a WebAssembly module can be read.
    unsafe {
        std::ptr::read_volatile(std::hint::black_box(at) as *const u8)
    }
}

/// Whether a text holds something in the shape of a token.
#[must_use]
pub fn in_text(text: &str) -> bool {
    let masked: Vec<u8> = text.bytes().map(|byte| byte ^ MASK).collect();
    SHAPES.iter().any(|shape| masked.windows(shape.len()).any(|window| window == *shape))
}

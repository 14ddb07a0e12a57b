//! A place in a component's data where the red team writes what `describe` is to say: `describe` has no arguments.

/// Length of the place, in bytes: a word and a URL.
const SLOT_BYTES: usize = 96;

/// Found by its first word, which tests know, and filled up with spaces.
static SLOT: [u8; SLOT_BYTES] = padded(b"redteam-slot:plain");

#[allow(clippy::indexing_slicing, reason = "in constant evaluation there is no other way")]
const fn padded<const N: usize>(text: &[u8; N]) -> [u8; SLOT_BYTES] {
    let mut out = [b' '; SLOT_BYTES];
    let mut at = 0;
    while at < N {
        out[at] = text[at];
        at += 1;
    }
    out
}

/// What stands there: a word, and behind `=` a value, if there is one.
#[must_use]
#[inline(never)]
pub fn read() -> (String, String) {
    #[allow(unsafe_code, reason = "the bytes were changed after the compiler had seen them")]
    // SAFETY: a static can be read; volatile, so that what was compiled is not taken for what is there.
    let bytes = unsafe { std::ptr::read_volatile(std::hint::black_box(&SLOT)) };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let text = text.trim_end().strip_prefix("redteam-slot:").unwrap_or_default();
    let (word, value) = text.split_once('=').unwrap_or((text, ""));
    (word.to_owned(), value.to_owned())
}

//! Passing over a list or an object with all that is in it.

use super::bytes::{BLOCK_BYTES, Block};
use super::reader::{ENDS_EARLY, Error, Reader, Result};

impl Reader<'_> {
    /// Passes over a list or an object, sixty-four bytes at a time: which of them are in strings follows from the
    /// quotes, and only where its last bracket may be are brackets looked at one by one.
    #[inline(never)]
    pub(super) fn pass_over_nested(&mut self) -> Result<()> {
        let mut state = Nested { depth: 0, in_string: false, escaped: false };
        let mut at = self.at;
        loop {
            let rest = self.text.as_bytes().get(at..).unwrap_or_default();
            let mut last = [b' '; BLOCK_BYTES];
            let block = match rest.first_chunk::<BLOCK_BYTES>() {
                Some(block) => block,
                None if rest.is_empty() => {
                    self.at = self.text.len();
                    return Err(Error::syntax(ENDS_EARLY));
                }
                None => {
                    for (to, from) in last.iter_mut().zip(rest) {
                        *to = *from;
                    }
                    &last
                }
            };
            if let Some(end) = state.advance(&Block::of(block)) {
                self.at = at + end + 1;
                return Ok(());
            }
            at = (at + BLOCK_BYTES).min(self.text.len());
        }
    }
}

/// How deep in a nested value a block begins.
struct Nested {
    depth: u32,
    in_string: bool,
    /// The block's first byte is escaped.
    escaped: bool,
}

impl Nested {
    /// The place in the block at which the value ends, if it does.
    #[inline]
    fn advance(&mut self, block: &Block) -> Option<usize> {
        let mut quotes = block.quotes;
        if block.backslashes != 0 || self.escaped {
            quotes &= !self.escaped_bytes(block.backslashes);
        }
        // Each quote turns all bits from its own on: what is set in the end is within a string.
        let mut inside = quotes;
        for shift in [1, 2, 4, 8, 16, 32] {
            inside ^= inside << shift;
        }
        if self.in_string {
            inside = !inside;
        }
        self.in_string = inside >> 63 == 1;
        let (opens, closes) = (block.opens & !inside, block.closes & !inside);
        if closes.count_ones() < self.depth {
            self.depth = self.depth + opens.count_ones() - closes.count_ones();
            return None;
        }
        let mut brackets = opens | closes;
        while brackets != 0 {
            let place = brackets.trailing_zeros();
            if opens >> place & 1 == 1 {
                self.depth += 1;
            } else {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 {
                    return Some(place as usize);
                }
            }
            brackets &= brackets - 1;
        }
        None
    }

    /// A bit for each byte that a backslash stands before which is not escaped itself.
    fn escaped_bytes(&mut self, mut backslashes: u64) -> u64 {
        let mut escaped = u64::from(self.escaped);
        self.escaped = false;
        while backslashes != 0 {
            let backslash = backslashes & backslashes.wrapping_neg();
            if escaped & backslash == 0 {
                escaped |= backslash << 1;
                self.escaped = backslash >> 63 == 1;
            }
            backslashes &= backslashes - 1;
        }
        escaped
    }
}

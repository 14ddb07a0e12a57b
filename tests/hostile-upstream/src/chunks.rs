//! How a body is cut into pieces on its way out.

use crate::random::Random;

/// How a body is cut. Each piece is a chunk (RFC 9112, section 7.1), and a write of its own unless there are very many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chunks {
    /// Not at all: one write, with its length said.
    Whole,
    /// One byte in each chunk: no piece holds anything.
    OneByte,
    /// Chunks of 1 to 17 bytes, laid by a seed.
    Sizes(u64),
    /// Cut once in the middle of each echo.
    SplitInsideSecret,
}

/// Longest chunk of [`Chunks::Sizes`], in bytes: shorter than any credential.
const MAX_SIZE_BYTES: usize = 17;

impl Chunks {
    /// The part of a behaviour's ID.
    pub(crate) fn id(self) -> String {
        match self {
            Self::Whole => "whole".to_owned(),
            Self::OneByte => "onebyte".to_owned(),
            Self::Sizes(seed) => format!("sizes{seed}"),
            Self::SplitInsideSecret => "split".to_owned(),
        }
    }

    /// The words of a behaviour's description.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Whole => "in one piece",
            Self::OneByte => "a byte at a time",
            Self::Sizes(_) => "in short chunks",
            Self::SplitInsideSecret => "cut in the middle of it",
        }
    }

    /// The pieces of `body`; nothing where it goes out whole. `middles` are the echoes' middles, in order.
    pub(crate) fn cut<'a>(self, body: &'a [u8], middles: &[usize]) -> Option<Vec<&'a [u8]>> {
        match self {
            Self::Whole => None,
            Self::OneByte => Some(body.chunks(1).collect()),
            Self::SplitInsideSecret => {
                let ends = middles.iter().copied().chain(std::iter::once(body.len()));
                let mut from = 0;
                let pieces = ends.filter_map(|end| {
                    let piece = body.get(from..end);
                    from = end;
                    piece.filter(|piece| !piece.is_empty())
                });
                Some(pieces.collect())
            }
            Self::Sizes(seed) => {
                let mut random = Random::new(seed);
                let mut rest = body;
                let mut pieces = Vec::new();
                while !rest.is_empty() {
                    let size = (1 + random.below(MAX_SIZE_BYTES)).min(rest.len());
                    let (piece, after) = rest.split_at_checked(size).unwrap_or((rest, &[]));
                    pieces.push(piece);
                    rest = after;
                }
                Some(pieces)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;

    #[test]
    fn pieces_are_the_whole_and_none_is_empty() {
        for chunks in [Chunks::OneByte, Chunks::Sizes(7), Chunks::SplitInsideSecret] {
            for body in [&b""[..], b"a", b"a body of some length, longer than one chunk"] {
                let pieces = chunks.cut(body, &[body.len() / 2]).unwrap();
                assert_eq!(pieces.concat(), body, "{chunks:?}");
                assert!(pieces.iter().all(|piece| !piece.is_empty()));
            }
        }
        assert_eq!(Chunks::Whole.cut(b"abc", &[1]), None);
        assert_eq!(Chunks::SplitInsideSecret.cut(b"abcd", &[1, 3]).unwrap(), [&b"a"[..], b"bc", b"d"]);
    }
}

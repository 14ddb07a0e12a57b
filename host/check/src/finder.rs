//! Looking for a canary in what came out, by undoing encodings: what might be encoded is decoded, and looked
//! through again. It shares nothing with the host's own scanner, which makes encodings and looks for those: one
//! mistake cannot blind both.

mod decode;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

/// Shortest piece of a canary that counts, in bytes. A piece this long of a random text is there on purpose: by
/// chance it would be once in 62^12 places.
pub const MIN_PIECE_BYTES: usize = 12;
/// Encodings inside each other that are undone: a base64 text in a JSON string in a percent-encoded query.
const MAX_DEPTH: usize = 3;
/// Most bytes that one compressed piece is unpacked to: a whole guest's memory does not fit, an answer does.
const MAX_UNPACKED_BYTES: usize = 1 << 20;
/// Most places in one piece of bytes that are tried as the beginning of compressed data.
const MAX_UNPACKED_PIECES: usize = 64;

/// A canary that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Which canary, by its place in the list.
    pub canary: usize,
    /// All of it, or a piece of [`MIN_PIECE_BYTES`] or more.
    pub is_whole: bool,
    /// What was undone to see it, outermost first: `plain`, `base64`, `percent encoding, hexadecimal`.
    pub form: String,
}

/// Looks for canaries.
pub struct Finder {
    canaries: Vec<Vec<u8>>,
    /// Every piece of every canary, forwards and backwards.
    pieces: Vec<Piece>,
    searcher: Option<AhoCorasick>,
}

struct Piece {
    canary: usize,
    offset: usize,
    is_backwards: bool,
}

impl Finder {
    /// A finder for canaries of at least [`MIN_PIECE_BYTES`] bytes; shorter ones are not found.
    #[must_use]
    pub fn new(canaries: &[String]) -> Self {
        let canaries: Vec<Vec<u8>> = canaries.iter().map(|canary| canary.clone().into_bytes()).collect();
        let (mut pieces, mut patterns) = (Vec::new(), Vec::new());
        for (canary, text) in canaries.iter().enumerate() {
            let backwards: Vec<u8> = text.iter().rev().copied().collect();
            for (text, is_backwards) in [(text, false), (&backwards, true)] {
                for (offset, piece) in text.windows(MIN_PIECE_BYTES).enumerate() {
                    pieces.push(Piece { canary, offset, is_backwards });
                    patterns.push(piece.to_vec());
                }
            }
        }
        // In any case of the letters. A search that cannot be built finds nothing, which every caller's self-test
        // would show; the patterns are far below its limits.
        let searcher =
            AhoCorasick::builder().ascii_case_insensitive(true).kind(Some(AhoCorasickKind::DFA)).build(patterns).ok();
        Self { canaries, pieces, searcher }
    }

    /// Looks for the canaries in `bytes`, in every encoding that is known here: another case, backwards, UTF-16,
    /// percent encoding, backslash escapes (JSON and others), HTML references, quoted-printable, hexadecimal,
    /// base64 and base64url at every alignment and across lines, lists of byte values, gzip and zlib; up to three
    /// of them inside each other. A cipher is not undone.
    #[must_use]
    pub fn find(&self, bytes: &[u8]) -> Option<Hit> {
        self.look(bytes, &mut Vec::new())
    }

    fn look(&self, bytes: &[u8], undone: &mut Vec<&'static str>) -> Option<Hit> {
        if bytes.len() < MIN_PIECE_BYTES {
            return None;
        }
        // A piece that stands there plainly may belong to a whole one that is only partly encoded.
        let piece = match self.search(bytes, undone) {
            Some(hit) if hit.is_whole => return Some(hit),
            piece => piece,
        };
        if undone.len() >= MAX_DEPTH {
            return piece;
        }
        let mut best = piece;
        let mut better = |found: Option<Hit>| {
            if best.is_none() || found.as_ref().is_some_and(|hit| hit.is_whole) {
                best = found.or(best.take());
            }
            best.as_ref().is_some_and(|hit| hit.is_whole)
        };
        for (name, unpacked) in decode::compressed(bytes, MAX_UNPACKED_PIECES, MAX_UNPACKED_BYTES) {
            if better(self.look_further(&unpacked, name, undone)) {
                return best;
            }
        }
        if let Some(text) = decode::without_nuls(bytes)
            && better(self.look_further(&text, "UTF-16", undone))
        {
            return best;
        }
        for text in decode::texts(bytes, MIN_PIECE_BYTES) {
            if better(self.look_into_text(text, undone)) {
                return best;
            }
        }
        best
    }

    fn look_into_text(&self, text: &[u8], undone: &mut Vec<&'static str>) -> Option<Hit> {
        let mut best: Option<Hit> = None;
        let mut take = |name, decoded: &[u8]| {
            let found = self.look_further(decoded, name, undone);
            if best.is_none() || found.as_ref().is_some_and(|hit| hit.is_whole) {
                best = found.or(best.take());
            }
            best.as_ref().is_none_or(|hit| !hit.is_whole)
        };
        for (name, decoded) in decode::whole_text(text) {
            if !take(name, &decoded) {
                return best;
            }
        }
        decode::words(text, MIN_PIECE_BYTES, &mut take);
        best
    }

    fn look_further(&self, decoded: &[u8], name: &'static str, undone: &mut Vec<&'static str>) -> Option<Hit> {
        undone.push(name);
        let found = self.look(decoded, undone);
        undone.pop();
        found
    }

    /// The canaries as they are, in any case and either direction: a whole one if there is one.
    fn search(&self, bytes: &[u8], undone: &[&'static str]) -> Option<Hit> {
        let mut piece = None;
        for found in self.searcher.as_ref()?.find_iter(bytes) {
            let hit = self.hit(bytes, found.pattern().as_usize(), found.start(), undone)?;
            if hit.is_whole {
                return Some(hit);
            }
            piece.get_or_insert(hit);
        }
        piece
    }

    fn hit(&self, bytes: &[u8], pattern: usize, start: usize, undone: &[&'static str]) -> Option<Hit> {
        let piece = self.pieces.get(pattern)?;
        let canary = self.canaries.get(piece.canary)?;
        let there = start.checked_sub(piece.offset).and_then(|at| bytes.get(at..)?.get(..canary.len()));
        let wanted: Vec<u8> = if piece.is_backwards { canary.iter().rev().copied().collect() } else { canary.clone() };
        let is_whole = there.is_some_and(|there| there.eq_ignore_ascii_case(&wanted));
        let mut form: Vec<&str> = undone.to_vec();
        if piece.is_backwards {
            form.push("backwards");
        }
        if is_whole && there != Some(wanted.as_slice()) {
            form.push("another case");
        }
        if form.is_empty() {
            form.push("plain");
        }
        Some(Hit { canary: piece.canary, is_whole, form: form.join(", ") })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what failed by panicking")]
    use super::*;
    use hostile_upstream::Form;

    const CANARY: &str = "Ck_7fQ+x2LmZ9/vRw0TtYb4Hn8KdPs3Ae6=";

    fn finder() -> Finder {
        Finder::new(&["another-canary-of-some-length".to_owned(), CANARY.to_owned()])
    }

    /// What a form may stand in: alone, in text, in JSON, in a memory full of zeros and other words.
    fn places(form: &[u8]) -> Vec<Vec<u8>> {
        let quoted: Vec<u8> =
            form.iter().flat_map(|&b| if matches!(b, b'"' | b'\\') { vec![b'\\', b] } else { vec![b] }).collect();
        vec![
            form.to_vec(),
            [b"said: ", form, b" and more"].concat(),
            [b"{\"a\":[{\"b\":\"", quoted.as_slice(), b"\"}]}"].concat(),
            [vec![0; 5_000], b"core::fmt\0".to_vec(), vec![0xFF, 0x80], form.to_vec(), vec![0; 300]].concat(),
        ]
    }

    #[test]
    fn every_form_is_found_at_every_place() {
        for form in Form::ALL {
            let encoded = form.encode(CANARY.as_bytes());
            for (number, place) in places(&encoded).iter().enumerate() {
                let hit = finder().find(place);
                // A cipher is what no search can know: that it is not found is part of what a pass means.
                if matches!(form, Form::Xor(_)) {
                    assert_eq!(hit, None);
                    continue;
                }
                let hit = hit.unwrap_or_else(|| panic!("{form:?} at place {number}"));
                assert!(hit.is_whole && hit.canary == 1, "{form:?} at place {number}: {hit:?}");
                assert_eq!(hit.form == "plain", encoded == CANARY.as_bytes(), "{form:?}: {hit:?}");
            }
        }
    }

    #[test]
    fn compressed_bytes_are_unpacked() {
        use std::io::Write;
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(format!("{}{CANARY}", "words ".repeat(1_000)).as_bytes()).unwrap();
        let gzip = gzip.finish().unwrap();
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        zlib.write_all(format!("{{\"a\":\"{}{CANARY}\"}}", "words ".repeat(1_000)).as_bytes()).unwrap();
        let zlib = zlib.finish().unwrap();
        for (name, packed) in [("gzip", gzip), ("zlib", zlib)] {
            assert_eq!(finder().find(&packed).unwrap().form, name);
            let in_memory = [vec![0; 100], b"x\x1f\x8b".to_vec(), packed.clone(), vec![7; 100]].concat();
            assert_eq!(finder().find(&in_memory).unwrap().form, name);
            assert_eq!(finder().find(hex::encode(&packed).as_bytes()).unwrap().form, format!("hexadecimal, {name}"));
        }
    }

    #[test]
    fn what_debuggers_and_mail_print_is_found() {
        let list = format!("{:?}", CANARY.as_bytes());
        assert_eq!(finder().find(format!("value: {list}").as_bytes()).unwrap().form, "byte values");
        let escaped: String = CANARY.bytes().map(|byte| format!("\\x{byte:02x}")).collect();
        assert_eq!(finder().find(escaped.as_bytes()).unwrap().form, "backslash escapes");
        let quoted: String = CANARY.bytes().map(|byte| format!("={byte:02X}")).collect();
        assert_eq!(finder().find(quoted.as_bytes()).unwrap().form, "quoted-printable");
        use base64::Engine as _;
        let text = base64::engine::general_purpose::STANDARD.encode(CANARY);
        let lines = format!("{}\r\n{}\r\n{}", &text[..16], &text[16..32], &text[32..]);
        assert_eq!(finder().find(lines.as_bytes()).unwrap().form, "base64");
        let three =
            hex::encode(base64::engine::general_purpose::URL_SAFE.encode(Form::PercentAll.encode(CANARY.as_bytes())));
        assert_eq!(finder().find(three.as_bytes()).unwrap().form, "hexadecimal, base64, percent encoding");
    }

    #[test]
    fn a_piece_counts_and_less_does_not() {
        let hit = finder().find(format!("...{}...", &CANARY[3..17]).as_bytes()).unwrap();
        assert!(!hit.is_whole && hit.form == "plain", "{hit:?}");
        assert_eq!(finder().find(&CANARY.as_bytes()[..MIN_PIECE_BYTES - 1]), None);
        assert_eq!(finder().find(b""), None);
        let other = "Ck_8gR+y3MnA0/wSx1UuZc5Io9LeQt4Bf7=";
        assert_eq!(finder().find(other.as_bytes()), None);
    }
}

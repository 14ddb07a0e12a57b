//! Writing JSON: the bytes of it. Most of what a component writes are texts of a few bytes, so these are looked at and
//! copied in words.

use super::bytes::{copy, is_plain, plain_end};

/// Room that a text begins with, in bytes: a row's worth.
const ROOM_BYTES: usize = 512;

/// JSON in the making.
pub(super) struct Writer {
    /// What is written, and room behind it.
    text: Vec<u8>,
    at: usize,
    /// The next bytes are JSON already.
    bytes_as_they_are: bool,
}

impl Writer {
    pub(super) fn new() -> Self {
        Self { text: vec![0; ROOM_BYTES], at: 0, bytes_as_they_are: false }
    }

    /// What was written.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.text.truncate(self.at);
        self.text
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, bytes: usize) {
        self.text.resize((self.text.len() + bytes).max(self.text.len() * 2), 0);
    }

    /// Writes a piece as it is.
    #[inline]
    pub(super) fn push(&mut self, piece: &[u8]) {
        self.make_room(piece.len());
        if let Some(room) = self.text.get_mut(self.at..) {
            copy(room, piece);
        }
        self.at += piece.len();
    }

    /// Writes a byte as it is.
    #[inline]
    pub(super) fn byte(&mut self, byte: u8) {
        if self.text.len() == self.at {
            self.grow(1);
        }
        if let Some(room) = self.text.get_mut(self.at) {
            *room = byte;
        }
        self.at += 1;
    }

    /// Makes room for a few bytes more.
    #[inline]
    fn make_room(&mut self, bytes: usize) {
        if self.text.len() - self.at < bytes {
            self.grow(bytes);
        }
    }

    /// Writes a string, with its quotes.
    pub(super) fn string(&mut self, text: &str) {
        self.make_room(text.len() + 2);
        self.quoted(text.as_bytes());
    }

    /// Writes a member's name and its colon, and the comma before it if it is not the first.
    pub(super) fn name(&mut self, first: bool, name: &str) {
        self.make_room(name.len() + 4);
        if !first {
            self.byte(b',');
        }
        self.quoted(name.as_bytes());
        self.byte(b':');
    }

    #[inline(always)]
    fn quoted(&mut self, text: &[u8]) {
        if !is_plain(text) {
            self.escaped(text);
        } else if let Some((begin, room)) = self.text.get_mut(self.at..).and_then(<[u8]>::split_first_mut) {
            *begin = b'"';
            copy(room, text);
            if let Some(end) = room.get_mut(text.len()) {
                *end = b'"';
            }
            self.at += text.len() + 2;
        }
    }

    #[inline(never)]
    fn escaped(&mut self, text: &[u8]) {
        self.byte(b'"');
        let mut at = 0;
        loop {
            let end = plain_end(text, at);
            self.push(text.get(at..end).unwrap_or_default());
            let Some(byte) = text.get(end) else { break };
            match byte {
                b'"' => self.push(b"\\\""),
                b'\\' => self.push(b"\\\\"),
                8 => self.push(b"\\b"),
                b'\t' => self.push(b"\\t"),
                b'\n' => self.push(b"\\n"),
                12 => self.push(b"\\f"),
                b'\r' => self.push(b"\\r"),
                other => self.push(format!("\\u{other:04x}").as_bytes()),
            }
            at = end + 1;
        }
        self.byte(b'"');
    }

    /// The next bytes that a type writes are JSON already.
    pub(super) fn next_bytes_as_they_are(&mut self) {
        self.bytes_as_they_are = true;
    }

    /// Whether these are they.
    pub(super) fn takes_bytes_as_they_are(&mut self) -> bool {
        std::mem::take(&mut self.bytes_as_they_are)
    }

    /// How far it is written, in bytes.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Makes a member's name of what was written as a value from that place on: strings are names, numbers and
    /// booleans become ones, and anything else is refused.
    pub(super) fn make_name(&mut self, from: usize) -> bool {
        match self.text.get(from) {
            Some(b'"') => true,
            Some(b'-' | b'0'..=b'9' | b't' | b'f') => {
                let name = self.text.get(from..self.at).unwrap_or_default().to_vec();
                self.at = from;
                self.byte(b'"');
                self.push(&name);
                self.byte(b'"');
                true
            }
            _ => false,
        }
    }

    /// Writes a whole number.
    pub(super) fn number(&mut self, negative: bool, mut magnitude: u64) {
        // 2^64 has twenty digits, and there is a sign.
        let mut digits = [0; 21];
        let mut count = 0;
        for place in digits.iter_mut().rev() {
            *place = b'0' + (magnitude % 10) as u8;
            magnitude /= 10;
            count += 1;
            if magnitude == 0 {
                break;
            }
        }
        if negative {
            self.byte(b'-');
        }
        self.push(digits.get(digits.len() - count..).unwrap_or_default());
    }
}

//! Following one form of the secret through a text, from where it seems to begin.

use super::Form;
use super::escape::{Escape, INTRODUCERS, Notation, escape, hex_value};

/// How the text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// Character by character, each as it is or escaped, in any case.
    Text,
    /// The same, from the secret's end to its beginning.
    Reversed,
    /// Hexadecimal digits.
    Hexadecimal,
    /// 16-bit characters: every second byte is zero. The order of bytes only moves the beginning.
    Utf16,
    /// Base64 of either alphabet; the secret begins so many bytes, modulo three, into what was encoded.
    Base64 { alignment: usize },
}

/// What was met on the way.
#[derive(Debug, Clone, Copy, Default)]
struct Met {
    other_case: bool,
    percent: bool,
    backslash: bool,
    reference: bool,
    url_safe: bool,
}

/// A form that has begun: everything up to here fits the secret.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trail {
    reading: Reading,
    /// Where in the text it goes on.
    at: usize,
    /// What of the secret comes next: a character, a digit, a byte or a base64 character, by its number.
    next: usize,
    met: Met,
}

/// Where following led.
pub(super) enum Step {
    /// It is not the secret.
    Lost,
    /// It is.
    Found(Form),
    /// The text ended first.
    Cut(Trail),
}

/// One character of the text, read.
enum Read {
    /// This one, which ends here; and whether it was escaped.
    One(u8, usize, Option<Notation>),
    /// More text decides.
    Cut,
}

impl Trail {
    pub(super) fn new(reading: Reading, at: usize, next: usize) -> Self {
        Self { reading, at, next, met: Met::default() }
    }

    /// The secret's first character was an escape that ended here.
    pub(super) fn after_escape(at: usize, notation: Notation, other_case: bool) -> Self {
        let mut met = Met { other_case, ..Met::default() };
        met.note(notation);
        Self { reading: Reading::Text, at, next: 1, met }
    }

    /// Goes on until the form ends, differs, or the text ends. Where a character can be read in two ways, one
    /// of them is left to `others`.
    #[inline]
    pub(super) fn follow(mut self, secret: &[u8], text: &[u8], last: bool, others: &mut Vec<Trail>) -> Step {
        let end = match self.reading {
            Reading::Text | Reading::Reversed => secret.len(),
            Reading::Hexadecimal => secret.len() * 2,
            Reading::Utf16 => secret.len() * 2 - 1,
            Reading::Base64 { alignment } => base64_end(secret, alignment),
        };
        while self.next < end {
            let Some(&byte) = text.get(self.at) else { return if last { Step::Lost } else { Step::Cut(self) } };
            let goes_on = match self.reading {
                Reading::Text => self.character(secret.get(self.next), byte, text, last, others),
                Reading::Reversed => self.character(secret.iter().rev().nth(self.next), byte, text, last, others),
                Reading::Hexadecimal => self.plain(is_nibble(secret, self.next, byte)),
                Reading::Utf16 if self.next % 2 == 1 => self.plain(byte == 0),
                Reading::Utf16 => {
                    let wanted = secret.get(self.next / 2);
                    self.plain(wanted.is_some_and(|wanted| wanted.eq_ignore_ascii_case(&byte)))
                }
                Reading::Base64 { alignment } => self.base64(base64_value(secret, alignment, self.next), text, last),
            };
            match goes_on {
                Some(true) => {}
                Some(false) => return Step::Lost,
                None => return Step::Cut(self),
            }
        }
        Step::Found(self.form())
    }

    /// One byte that stands for itself.
    fn plain(&mut self, fits: bool) -> Option<bool> {
        self.at += 1;
        self.next += 1;
        Some(fits)
    }

    /// One character of text; nothing where more text decides.
    fn character(
        &mut self,
        wanted: Option<&u8>,
        byte: u8,
        text: &[u8],
        last: bool,
        others: &mut Vec<Trail>,
    ) -> Option<bool> {
        let Some(&wanted) = wanted else { return Some(false) };
        // Forms write a space as a plus.
        let as_it_is = byte.eq_ignore_ascii_case(&wanted) || (wanted == b' ' && byte == b'+');
        let mut escaped = None;
        if INTRODUCERS.contains(&byte) {
            match read(text, self.at, last) {
                Read::Cut => return None,
                Read::One(read, end, Some(notation)) if read.eq_ignore_ascii_case(&wanted) => {
                    escaped = Some((read, end, notation));
                }
                Read::One(..) => {}
            }
        }
        if as_it_is && escaped.is_some() {
            others.push(Self { at: self.at + 1, next: self.next + 1, ..*self });
        }
        match escaped {
            Some((read, end, notation)) => {
                self.met.note(notation);
                self.met.other_case |= read != wanted;
                self.at = end;
            }
            None => {
                self.met.other_case |= byte != wanted;
                self.at += 1;
            }
        }
        self.next += 1;
        Some(as_it_is || escaped.is_some())
    }

    /// One character of base64, over line ends; nothing where more text decides.
    fn base64(&mut self, wanted: Option<u8>, text: &[u8], last: bool) -> Option<bool> {
        let (byte, end) = match read(text, self.at, last) {
            Read::Cut => return None,
            Read::One(byte, end, _) => (byte, end),
        };
        let line_end = matches!(text.get(self.at..), Some([b'\\', b'n' | b'r', ..]));
        if line_end || matches!(byte, b'\r' | b'\n' | b' ' | b'\t') {
            self.at = if line_end { self.at + 2 } else { end };
            return Some(true);
        }
        self.met.url_safe |= matches!(byte, b'-' | b'_');
        self.at = end;
        self.next += 1;
        Some(wanted.is_some() && base64_digit(byte) == wanted)
    }

    fn form(&self) -> Form {
        let Met { other_case, percent, backslash, reference, url_safe } = self.met;
        match self.reading {
            Reading::Reversed => Form::Reversed,
            Reading::Hexadecimal => Form::Hexadecimal,
            Reading::Utf16 => Form::Utf16,
            Reading::Base64 { .. } if url_safe => Form::Base64Url,
            Reading::Base64 { .. } => Form::Base64,
            Reading::Text => match (percent, backslash, reference) {
                (false, false, false) if other_case => Form::ChangedCase,
                (false, false, false) => Form::Plain,
                (true, false, false) => Form::Percent,
                (false, true, false) => Form::JsonEscapes,
                (false, false, true) => Form::HtmlEntities,
                _ => Form::MixedEscapes,
            },
        }
    }
}

impl Met {
    fn note(&mut self, notation: Notation) {
        match notation {
            Notation::Percent => self.percent = true,
            Notation::Backslash => self.backslash = true,
            Notation::Reference => self.reference = true,
        }
    }
}

/// The character at `at`, which is within the text.
#[inline]
fn read(text: &[u8], at: usize, last: bool) -> Read {
    let rest = text.get(at..).unwrap_or_default();
    match (escape(rest, last), rest) {
        (Escape::Cut, _) | (_, []) => Read::Cut,
        (Escape::Of { byte, length, notation }, _) => Read::One(byte, at + length, Some(notation)),
        (Escape::None, [byte, ..]) => Read::One(*byte, at + 1, None),
    }
}

/// Whether a hexadecimal digit is the one of this number in the secret, in either case of the secret's letters.
fn is_nibble(secret: &[u8], number: usize, digit: u8) -> bool {
    let (Some(byte), Some(value)) = (secret.get(number / 2), hex_value(digit)) else { return false };
    [byte.to_ascii_lowercase(), byte.to_ascii_uppercase()]
        .into_iter()
        .any(|byte| value == if number.is_multiple_of(2) { byte >> 4 } else { byte & 15 })
}

/// The number of the first base64 character that depends on the secret alone.
pub(super) fn base64_start(alignment: usize) -> usize {
    (alignment * 8).div_ceil(6)
}

/// The number after that of the last such character.
pub(super) fn base64_end(secret: &[u8], alignment: usize) -> usize {
    (alignment + secret.len()) * 8 / 6
}

/// The value, 0 to 63, of the base64 character of this number.
pub(super) fn base64_value(secret: &[u8], alignment: usize, number: usize) -> Option<u8> {
    let bit = (number * 6).checked_sub(alignment * 8)?;
    let first = u16::from(*secret.get(bit / 8)?);
    let second = u16::from(secret.get(bit / 8 + 1).copied().unwrap_or(0));
    u8::try_from((first << 8 | second) >> (10 - bit % 8) & 63).ok()
}

/// The characters of a base64 value, in both alphabets.
pub(super) fn base64_characters(value: u8) -> [u8; 2] {
    match value {
        0..=25 => [b'A' + value; 2],
        26..=51 => [b'a' + value - 26; 2],
        52..=61 => [b'0' + value - 52; 2],
        62 => [b'+', b'-'],
        _ => [b'/', b'_'],
    }
}

fn base64_digit(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

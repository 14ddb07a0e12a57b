//! From text to tokens: strings, numbers and words as they are asked for, and values that nobody wants passed over
//! as fast as can be. A component reads answers of which it needs a fraction, so passing over is most of the work.

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;

use super::bytes::{plain_end, same};
use super::members::Names;

/// Deepest nesting of a value that is read: more than any API has, and far less than the stack holds. What is passed
/// over may be nested deeper, because that takes no stack.
const MAX_DEPTH: u8 = 128;
/// Decimal digits that fit into 64 bits, whichever they are: 10^19 is less than 2^64.
const DIGITS_SURE: usize = 19;

/// Why reading stopped. One word, because every step of reading may return it.
#[derive(Debug)]
pub(super) struct Error(Box<Reason>);

/// See [`Error`].
#[derive(Debug)]
enum Reason {
    /// The text is not JSON.
    Syntax(&'static str),
    /// It is, of another form than was asked for.
    Form(String),
}

impl Error {
    #[cold]
    #[inline(never)]
    pub(super) fn syntax(text: &'static str) -> Self {
        Self(Box::new(Reason::Syntax(text)))
    }

    #[cold]
    pub(super) fn form(text: String) -> Self {
        Self(Box::new(Reason::Form(text)))
    }

    /// The text is JSON.
    pub(super) fn is_form(&self) -> bool {
        matches!(*self.0, Reason::Form(_))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Reason::Syntax(text) => f.write_str(text),
            Reason::Form(text) => f.write_str(text),
        }
    }
}

pub(super) type Result<T> = std::result::Result<T, Error>;

pub(super) const ENDS_EARLY: &str = "the text ends early";
pub(super) const NO_VALUE: &str = "this begins no value";
const NO_NUMBER: &str = "this is no number";
const NO_ESCAPE: &str = "this escape does not exist";
const HALF_CHARACTER: &str = "this escape is half of a character";
const NO_COMMA: &str = "a comma is missing";
pub(super) const NO_NAME: &str = "a member's name is missing";
const NOTHING_BEHIND: &str = "a comma with nothing behind it";

/// Stands for the end of the text: no token begins with this byte.
const END: u8 = 0;

/// A number, in the form that holds it exactly, if there is one.
#[derive(Debug, PartialEq)]
pub(super) enum Number {
    Positive(u64),
    Negative(i64),
    Float(f64),
}

/// A text, and how far it was read.
pub(super) struct Reader<'de> {
    pub(super) text: &'de str,
    pub(super) at: usize,
    depth_left: u8,
    /// What is wanted of each type of object that was read.
    pub(super) known: Vec<Rc<Names>>,
}

impl<'de> Reader<'de> {
    pub(super) fn new(text: &'de str) -> Self {
        Self { text, at: 0, depth_left: MAX_DEPTH, known: Vec::new() }
    }

    /// How far it was read, in bytes.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    #[inline]
    fn byte_at(&self, at: usize) -> u8 {
        self.text.as_bytes().get(at).copied().unwrap_or(END)
    }

    #[inline]
    fn byte(&self) -> u8 {
        self.byte_at(self.at)
    }

    /// The first byte of the next token, which stays; [`END`] at the text's end.
    #[inline]
    pub(super) fn peek(&mut self) -> u8 {
        match self.byte() {
            END..=b' ' => self.peek_past_space(),
            byte => byte,
        }
    }

    #[inline(never)]
    fn peek_past_space(&mut self) -> u8 {
        while let b' ' | b'\n' | b'\r' | b'\t' = self.byte() {
            self.at += 1;
        }
        self.byte()
    }

    /// Whether nothing follows but white space.
    pub(super) fn is_at_end(&mut self) -> bool {
        self.peek();
        self.at >= self.text.len()
    }

    /// The next token is not what it must be: it is missing, or something else.
    #[cold]
    #[inline(never)]
    pub(super) fn unexpected(&self, missing: &'static str) -> Error {
        Error::syntax(if self.at >= self.text.len() { ENDS_EARLY } else { missing })
    }

    /// Takes a byte that must come next.
    #[inline]
    pub(super) fn expect(&mut self, byte: u8, missing: &'static str) -> Result<()> {
        if self.peek() != byte {
            return Err(self.unexpected(missing));
        }
        self.at += 1;
        Ok(())
    }

    /// Takes the colon behind a member's name.
    #[inline]
    pub(super) fn colon(&mut self) -> Result<()> {
        self.expect(b':', "a colon is missing")
    }

    /// Takes the beginning of a list or an object.
    #[inline]
    pub(super) fn descend(&mut self) -> Result<()> {
        if self.depth_left == 0 {
            return Err(Error::syntax("the values are nested too deep"));
        }
        self.depth_left -= 1;
        self.at += 1;
        Ok(())
    }

    /// Takes its end.
    #[inline]
    pub(super) fn ascend(&mut self, end: u8) -> Result<()> {
        self.expect(end, "a list or an object goes on where it should end")?;
        self.depth_left += 1;
        Ok(())
    }

    /// Whether a list or an object that ends with `end` goes on; then its comma is taken.
    #[inline]
    pub(super) fn goes_on(&mut self, end: u8, first: bool) -> Result<bool> {
        match self.peek() {
            next if next == end => Ok(false),
            END => Err(self.unexpected(NO_COMMA)),
            _ if first => Ok(true),
            b',' => {
                self.at += 1;
                if self.peek() == end { Err(Error::syntax(NOTHING_BEHIND)) } else { Ok(true) }
            }
            _ => Err(Error::syntax(NO_COMMA)),
        }
    }

    /// Takes `true`, `false` or `null`.
    pub(super) fn word(&mut self, word: &'static str) -> Result<()> {
        let end = self.at + word.len();
        if !self.text.as_bytes().get(self.at..end).is_some_and(|next| same(next, word.as_bytes())) {
            return Err(Error::syntax(NO_VALUE));
        }
        self.at = end;
        Ok(())
    }

    /// Takes a string, the quote of which is next. One without escapes is not copied.
    #[inline]
    pub(super) fn string(&mut self) -> Result<Cow<'de, str>> {
        let start = self.at + 1;
        let end = plain_end(self.text.as_bytes(), start);
        if self.text.as_bytes().get(end) != Some(&b'"') {
            return self.escaped_string(start, end).map(Cow::Owned);
        }
        self.at = end + 1;
        // Quotes stand between characters, never within one.
        Ok(Cow::Borrowed(self.text.get(start..end).unwrap_or_default()))
    }

    #[inline(never)]
    fn escaped_string(&mut self, mut start: usize, mut end: usize) -> Result<String> {
        let mut string = String::new();
        loop {
            string.push_str(self.text.get(start..end).unwrap_or_default());
            self.at = end;
            match self.text.as_bytes().get(end) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(string);
                }
                Some(b'\\') => string.push(self.escape()?),
                Some(_) => return Err(Error::syntax("a control character stands in a string")),
                None => return Err(Error::syntax(ENDS_EARLY)),
            }
            start = self.at;
            end = plain_end(self.text.as_bytes(), start);
        }
    }

    /// One escape (RFC 8259, section 7), the backslash of which is next.
    fn escape(&mut self) -> Result<char> {
        self.at += 1;
        let letter = self.byte();
        if self.at >= self.text.len() {
            return Err(Error::syntax(ENDS_EARLY));
        }
        self.at += 1;
        Ok(match letter {
            b'"' | b'\\' | b'/' => char::from(letter),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit = self.utf16_unit()?;
                let mut units = vec![unit];
                if (0xD800..0xDC00).contains(&unit)
                    && self.text.as_bytes().get(self.at..).is_some_and(|rest| rest.starts_with(b"\\u"))
                {
                    self.at += 2;
                    units.push(self.utf16_unit()?);
                }
                match char::decode_utf16(units).next() {
                    Some(Ok(character)) => character,
                    _ => return Err(Error::syntax(HALF_CHARACTER)),
                }
            }
            _ => return Err(Error::syntax(NO_ESCAPE)),
        })
    }

    fn utf16_unit(&mut self) -> Result<u16> {
        let digits = self.text.get(self.at..self.at + 4).filter(|digits| !digits.starts_with('+'));
        let unit = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok());
        let unit = unit.ok_or_else(|| Error::syntax(NO_ESCAPE))?;
        self.at += 4;
        Ok(unit)
    }

    /// Takes a number (RFC 8259, section 6).
    pub(super) fn number(&mut self) -> Result<Number> {
        let (start, mut at) = (self.at, self.at);
        let negative = self.byte_at(at) == b'-';
        at += usize::from(negative);
        let first = at;
        let mut value = 0_u64;
        while let digit @ b'0'..=b'9' = self.byte_at(at) {
            value = value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            at += 1;
        }
        self.at = at;
        if at == first || (self.byte_at(first) == b'0' && at > first + 1) {
            return Err(Error::syntax(NO_NUMBER));
        }
        if !matches!(self.byte_at(at), b'.' | b'e' | b'E') {
            let exact = match at - first {
                // No number of so many digits is too large.
                0..=DIGITS_SURE => Some(value),
                _ => self.text.get(first..at).and_then(|digits| digits.parse().ok()),
            };
            match exact {
                Some(value) if !negative => return Ok(Number::Positive(value)),
                // Minus zero is a float: as an integer it would lose its sign.
                Some(value) if value > 0 => {
                    if let Some(value) = 0_i64.checked_sub_unsigned(value) {
                        return Ok(Number::Negative(value));
                    }
                }
                _ => {}
            }
        }
        self.float(start)
    }

    /// Takes the rest of a number that is no integer, or none that fits.
    #[inline(never)]
    fn float(&mut self, start: usize) -> Result<Number> {
        if self.byte() == b'.' {
            self.at += 1;
            self.digits()?;
        }
        if let b'e' | b'E' = self.byte() {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), b'+' | b'-'));
            self.digits()?;
        }
        match self.text.get(start..self.at).unwrap_or_default().parse::<f64>() {
            Ok(float) if float.is_finite() => Ok(Number::Float(float)),
            Ok(_) => Err(Error::syntax("this number is out of range")),
            Err(_) => Err(Error::syntax(NO_NUMBER)),
        }
    }

    fn digits(&mut self) -> Result<()> {
        let first = self.at;
        while let b'0'..=b'9' = self.byte() {
            self.at += 1;
        }
        if self.at > first { Ok(()) } else { Err(Error::syntax(NO_NUMBER)) }
    }

    /// Passes over a value. Its strings and its nesting must end; what is between them is not looked at.
    pub(super) fn pass_over(&mut self) -> Result<()> {
        match self.peek() {
            b'"' => {
                self.at = string_end(self.text.as_bytes(), self.at + 1);
                if self.at > self.text.len() {
                    self.at = self.text.len();
                    return Err(Error::syntax(ENDS_EARLY));
                }
                Ok(())
            }
            b'{' | b'[' => self.pass_over_nested(),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            b'-' | b'0'..=b'9' => self.number().map(drop),
            _ => Err(self.unexpected(NO_VALUE)),
        }
    }
}

/// The place behind the quote that ends a string, from within it; past the text's end if there is none.
#[inline]
fn string_end(text: &[u8], mut at: usize) -> usize {
    loop {
        at = plain_end(text, at);
        match text.get(at) {
            Some(b'"') => return at + 1,
            // Whatever is escaped: no character that matters.
            Some(b'\\') => at += 2,
            Some(_) => at += 1,
            None => return text.len() + 1,
        }
    }
}

//! From text to tokens: strings, numbers and words as they are asked for, and values that nobody wants passed over
//! as fast as can be. A component reads answers of which it needs a fraction, so passing over is most of the work.

use std::borrow::Cow;
use std::fmt;

use super::bytes::{BLOCK_BYTES, Block, plain_end};

/// Deepest nesting of a value that is read: more than any API has, and far less than the stack holds. What is passed
/// over may be nested deeper, because that takes no stack.
const MAX_DEPTH: u8 = 128;

/// Why reading stopped.
#[derive(Debug)]
pub(super) enum Error {
    /// The text is not JSON.
    Syntax(&'static str),
    /// It is, of another form than was asked for.
    Form(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(text) => f.write_str(text),
            Self::Form(text) => f.write_str(text),
        }
    }
}

pub(super) type Result<T> = std::result::Result<T, Error>;

const ENDS_EARLY: Error = Error::Syntax("the text ends early");
const NO_VALUE: Error = Error::Syntax("this begins no value");
const NO_NUMBER: Error = Error::Syntax("this is no number");
const NO_ESCAPE: Error = Error::Syntax("this escape does not exist");
const HALF_CHARACTER: Error = Error::Syntax("this escape is half of a character");

/// A number, in the form that holds it exactly, if there is one.
#[derive(Debug, PartialEq)]
pub(super) enum Number {
    Positive(u64),
    Negative(i64),
    Float(f64),
}

/// A text, and how far it was read.
pub(super) struct Reader<'de> {
    text: &'de str,
    at: usize,
    depth_left: u8,
}

impl<'de> Reader<'de> {
    pub(super) fn new(text: &'de str) -> Self {
        Self { text, at: 0, depth_left: MAX_DEPTH }
    }

    /// How far it was read, in bytes.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    #[inline]
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The first byte of the next token, which stays.
    #[inline]
    pub(super) fn peek(&mut self) -> Result<u8> {
        loop {
            match self.byte() {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                Some(byte) => return Ok(byte),
                None => return Err(ENDS_EARLY),
            }
        }
    }

    /// Takes a byte that must come next.
    #[inline]
    pub(super) fn expect(&mut self, byte: u8, missing: &'static str) -> Result<()> {
        if self.peek()? != byte {
            return Err(Error::Syntax(missing));
        }
        self.at += 1;
        Ok(())
    }

    /// Takes the beginning of a list or an object.
    pub(super) fn descend(&mut self) -> Result<()> {
        self.depth_left = self.depth_left.checked_sub(1).ok_or(Error::Syntax("the values are nested too deep"))?;
        self.at += 1;
        Ok(())
    }

    /// Takes its end.
    pub(super) fn ascend(&mut self, end: u8) -> Result<()> {
        self.expect(end, "a list or an object goes on where it should end")?;
        self.depth_left += 1;
        Ok(())
    }

    /// Whether a list or an object that ends with `end` goes on; then its comma is taken.
    pub(super) fn goes_on(&mut self, end: u8, first: bool) -> Result<bool> {
        match self.peek()? {
            next if next == end => Ok(false),
            _ if first => Ok(true),
            b',' => {
                self.at += 1;
                if self.peek()? == end { Err(Error::Syntax("a comma with nothing behind it")) } else { Ok(true) }
            }
            _ => Err(Error::Syntax("a comma is missing")),
        }
    }

    /// Takes `true`, `false` or `null`.
    pub(super) fn word(&mut self, word: &'static str) -> Result<()> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        if !rest.starts_with(word.as_bytes()) {
            return Err(NO_VALUE);
        }
        self.at += word.len();
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
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(string);
                }
                Some(b'\\') => string.push(self.escape()?),
                Some(_) => return Err(Error::Syntax("a control character stands in a string")),
                None => return Err(ENDS_EARLY),
            }
            start = self.at;
            end = plain_end(self.text.as_bytes(), start);
        }
    }

    /// One escape (RFC 8259, section 7), the backslash of which is next.
    fn escape(&mut self) -> Result<char> {
        self.at += 1;
        let letter = self.byte().ok_or(ENDS_EARLY)?;
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
                    _ => return Err(HALF_CHARACTER),
                }
            }
            _ => return Err(NO_ESCAPE),
        })
    }

    fn utf16_unit(&mut self) -> Result<u16> {
        let digits = self.text.get(self.at..self.at + 4).filter(|digits| !digits.starts_with('+')).ok_or(NO_ESCAPE)?;
        self.at += 4;
        u16::from_str_radix(digits, 16).map_err(|_| NO_ESCAPE)
    }

    /// Takes a number (RFC 8259, section 6).
    pub(super) fn number(&mut self) -> Result<Number> {
        let start = self.at;
        let negative = self.byte() == Some(b'-');
        self.at += usize::from(negative);
        let first = self.at;
        let mut value = Some(0_u64);
        while let Some(digit @ b'0'..=b'9') = self.byte() {
            value = value.and_then(|value| value.checked_mul(10)?.checked_add(u64::from(digit - b'0')));
            self.at += 1;
        }
        let begins_with_zero = self.text.as_bytes().get(first) == Some(&b'0');
        if self.at == first || (begins_with_zero && self.at > first + 1) {
            return Err(NO_NUMBER);
        }
        let whole = !matches!(self.byte(), Some(b'.' | b'e' | b'E'));
        match value.filter(|_| whole) {
            Some(value) if !negative => return Ok(Number::Positive(value)),
            // Minus zero is a float: as an integer it would lose its sign.
            Some(value) if value > 0 => {
                if let Some(value) = 0_i64.checked_sub_unsigned(value) {
                    return Ok(Number::Negative(value));
                }
            }
            _ => {}
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), Some(b'+' | b'-')));
            self.digits()?;
        }
        let float: f64 = self.text.get(start..self.at).unwrap_or_default().parse().map_err(|_| NO_NUMBER)?;
        if float.is_finite() { Ok(Number::Float(float)) } else { Err(Error::Syntax("this number is out of range")) }
    }

    fn digits(&mut self) -> Result<()> {
        let first = self.at;
        while let Some(b'0'..=b'9') = self.byte() {
            self.at += 1;
        }
        if self.at > first { Ok(()) } else { Err(NO_NUMBER) }
    }

    /// Passes over a value. Its strings and its nesting must end; what is between them is not looked at.
    pub(super) fn pass_over(&mut self) -> Result<()> {
        match self.peek()? {
            b'"' => self.pass_over_string(),
            b'{' | b'[' => self.pass_over_nested(),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            b'-' | b'0'..=b'9' => self.number().map(drop),
            _ => Err(NO_VALUE),
        }
    }

    #[inline]
    fn pass_over_string(&mut self) -> Result<()> {
        let mut at = self.at + 1;
        loop {
            at = plain_end(self.text.as_bytes(), at);
            match self.text.as_bytes().get(at) {
                Some(b'"') => {
                    self.at = at + 1;
                    return Ok(());
                }
                // Whatever is escaped: no character that matters.
                Some(b'\\') => at += 2,
                Some(_) => at += 1,
                None => {
                    self.at = self.text.len();
                    return Err(ENDS_EARLY);
                }
            }
        }
    }

    /// Passes over a list or an object, sixty-four bytes at a time: which of them are in strings follows from the
    /// quotes, and only where its last bracket may be are brackets looked at one by one.
    #[inline(never)]
    fn pass_over_nested(&mut self) -> Result<()> {
        let mut state = Nested { depth: 0, in_string: false, escaped: false };
        let mut at = self.at;
        loop {
            let rest = self.text.as_bytes().get(at..).unwrap_or_default();
            let mut last = [b' '; BLOCK_BYTES];
            let block = match rest.first_chunk::<BLOCK_BYTES>() {
                Some(block) => block,
                None if rest.is_empty() => {
                    self.at = self.text.len();
                    return Err(ENDS_EARLY);
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

/// The names of the members that somebody wants of an object, with a bit for each that they have in common with what
/// is no name of these only by chance.
pub(super) struct Names {
    names: &'static [&'static str],
    bits: u64,
}

impl Names {
    pub(super) fn new(names: &'static [&'static str]) -> Self {
        Self { names, bits: names.iter().fold(0, |bits, name| bits | bit(name)) }
    }

    #[inline]
    fn place(&self, name: &str) -> Option<usize> {
        // Most names are no wanted ones, and most of these differ in this already.
        if self.bits & bit(name) == 0 {
            return None;
        }
        self.names.iter().position(|wanted| same(wanted.as_bytes(), name.as_bytes()))
    }
}

/// Whether two names are the same. Eight bytes at a time: what the language's own comparison calls takes them one by one
/// in WebAssembly.
#[inline]
fn same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let ((words, rest), (other_words, other_rest)) = (one.as_chunks::<8>(), other.as_chunks::<8>());
    let pairs = words.iter().zip(other_words);
    pairs.fold(0, |different, (one, other)| different | (u64::from_le_bytes(*one) ^ u64::from_le_bytes(*other))) == 0
        && rest.iter().zip(other_rest).all(|(one, other)| one == other)
}

/// One of 64 bits, by a name's length, beginning and end.
#[inline(always)]
fn bit(name: &str) -> u64 {
    let name = name.as_bytes();
    let end = |byte: Option<&u8>| byte.copied().map_or(0, usize::from);
    1 << ((name.len() * 5 + end(name.first()) * 3 + end(name.last()) * 7) % 64)
}

impl<'de> Reader<'de> {
    /// Goes on to the next member of an object that is wanted, past its colon, and says which it is; nothing at the
    /// object's end.
    pub(super) fn next_wanted(&mut self, names: &Names, first: &mut bool) -> Result<Option<usize>> {
        while self.goes_on(b'}', std::mem::take(first))? {
            let name = self.name()?;
            if self.byte() == Some(b':') {
                self.at += 1;
            } else {
                self.expect(b':', "a colon is missing")?;
            }
            if let Some(place) = names.place(&name) {
                return Ok(Some(place));
            }
            self.pass_over()?;
        }
        Ok(None)
    }

    /// Takes a member's name.
    #[inline]
    fn name(&mut self) -> Result<Cow<'de, str>> {
        if self.peek()? != b'"' {
            return Err(Error::Syntax("a member's name is missing"));
        }
        self.string()
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

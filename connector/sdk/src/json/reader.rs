//! From text to tokens: strings, numbers and words as they are asked for, and values that nobody wants passed over
//! as fast as can be. A component reads answers of which it needs a fraction, so passing over is most of the work.

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;

use super::bytes::{BLOCK_BYTES, Block, plain_end, plain_ends};

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

const ENDS_EARLY: &str = "the text ends early";
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
    text: &'de str,
    at: usize,
    depth_left: u8,
    /// What is wanted of each type of object that was read.
    known: Vec<Rc<Names>>,
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
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        if !rest.starts_with(word.as_bytes()) {
            return Err(Error::syntax(NO_VALUE));
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

/// The names of the members that somebody wants of an object, found by a number below 64 that each has, and that most
/// other names do not have.
pub(super) struct Names {
    names: &'static [&'static str],
    /// The numbers that they have, a bit for each.
    numbers: u64,
    /// The place of the name that has a number, or [`SEVERAL`].
    places: [u8; 64],
}

/// More than one name has the number, or one whose place is larger than these.
const SEVERAL: u8 = u8::MAX;

impl Names {
    fn new(names: &'static [&'static str]) -> Self {
        let mut new = Self { names, numbers: 0, places: [SEVERAL; 64] };
        for (place, name) in names.iter().enumerate() {
            let number = number(name.as_bytes());
            let is_first = new.numbers >> number & 1 == 0;
            new.numbers |= 1 << number;
            if let Some(known) = new.places.get_mut(number) {
                *known = if is_first { u8::try_from(place).unwrap_or(SEVERAL) } else { SEVERAL };
            }
        }
        new
    }

    #[inline(always)]
    fn place(&self, name: &[u8]) -> Option<usize> {
        let number = number(name);
        if self.numbers >> number & 1 == 0 {
            return None;
        }
        let place = self.places.get(number).copied().map_or(0, usize::from);
        match self.names.get(place) {
            Some(wanted) => same(wanted.as_bytes(), name).then_some(place),
            None => self.one_of_several(name),
        }
    }

    #[inline(never)]
    fn one_of_several(&self, name: &[u8]) -> Option<usize> {
        self.names.iter().position(|wanted| same(wanted.as_bytes(), name))
    }
}

impl Reader<'_> {
    /// The names that a type wants. A text has few types of objects and many objects: each type's are prepared once.
    pub(super) fn names(&mut self, names: &'static [&'static str]) -> Rc<Names> {
        let known = self.known.iter().find(|known| std::ptr::eq(known.names, names));
        if let Some(known) = known {
            return Rc::clone(known);
        }
        let new = Rc::new(Names::new(names));
        self.known.push(Rc::clone(&new));
        new
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

/// A number below 64, by a name's length, beginning and end. The factors are some by which the names of common members
/// (`id`, `name`, `status`, `created_at`) rarely share one.
#[inline(always)]
fn number(name: &[u8]) -> usize {
    let end = |byte: Option<&u8>| byte.copied().map_or(0, usize::from);
    (name.len() * 4 + end(name.first()) * 9 + end(name.last()) * 23) % 64
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

impl Reader<'_> {
    /// Goes on to the next member of an object that is wanted, past its colon, and says which it is; nothing at the
    /// object's end.
    ///
    /// Most of reading happens here. Nearly every member stands close behind the one before it, and a name and the
    /// value's beginning lie in one block: that is tried first, and whatever else there may be is not done here.
    pub(super) fn next_wanted(&mut self, names: &Names, first: &mut bool) -> Result<Option<usize>> {
        let text = self.text.as_bytes();
        let mut first = std::mem::take(first);
        let mut at = self.at;
        loop {
            if !first && text.get(at..).is_some_and(|rest| rest.starts_with(b",\"")) {
                at += 1;
            } else {
                self.at = at;
                if !self.goes_on_to_name(first)? {
                    return Ok(None);
                }
                at = self.at;
            }
            first = false;
            let Some(block) = text.get(at..).and_then(<[u8]>::first_chunk::<BLOCK_BYTES>) else {
                self.at = at;
                if let Some(place) = self.other_member(names)? {
                    return Ok(Some(place));
                }
                at = self.at;
                continue;
            };
            // The first is the quote at which the name begins.
            let ends = plain_ends(block) & !1;
            let name_end = ends.trailing_zeros() as usize;
            let Some([b'"', b':', value, after]) = block.get(name_end..).and_then(<[u8]>::first_chunk::<4>) else {
                self.at = at;
                if let Some(place) = self.other_member(names)? {
                    return Ok(Some(place));
                }
                at = self.at;
                continue;
            };
            if let Some(place) = names.place(block.get(1..name_end).unwrap_or_default()) {
                self.at = at + name_end + 2;
                return Ok(Some(place));
            }
            if *value == b'"' {
                // Behind the ends of the name there is the quote at which the value begins.
                let ends = ends & ends.wrapping_sub(1);
                let end = (ends & ends.wrapping_sub(1)).trailing_zeros() as usize;
                if block.get(end) == Some(&b'"') {
                    at += end + 1;
                    continue;
                }
            } else if (*value, *after) == (b'[', b']') {
                at += name_end + 4;
                continue;
            }
            self.at = at + name_end + 2;
            self.pass_over()?;
            at = self.at;
        }
    }

    /// Whether an object goes on; then the quote of a member's name is next.
    #[inline(never)]
    fn goes_on_to_name(&mut self, first: bool) -> Result<bool> {
        if !self.goes_on(b'}', first)? {
            return Ok(false);
        }
        if self.peek() == b'"' { Ok(true) } else { Err(self.unexpected(NO_NAME)) }
    }

    /// Takes a member as far as [`Reader::next_wanted`] does, whatever it looks like: one that is not wanted with its
    /// value.
    #[inline(never)]
    fn other_member(&mut self, names: &Names) -> Result<Option<usize>> {
        let name = self.string()?;
        self.colon()?;
        let place = names.place(name.as_bytes());
        if place.is_none() {
            self.pass_over()?;
        }
        Ok(place)
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

//! Reading the upstream's JSON: a `serde` deserialiser that is quick where connectors need it.
//!
//! A tool reads a fifth of what an upstream sends. Members that nobody asks for are stepped over by
//! [`scan`], and strings without escapes are lent from the body. What is read is held to RFC 8259; what is
//! stepped over is held to closed strings and balanced brackets alone.

mod scan;

use std::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

/// Containers within containers that are read: each one is a stack frame or more. Stepping over has no bound.
const DEPTH_MAX: u8 = 127;

/// Why a text cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// JSON, but of another form than expected.
    pub is_data: bool,
    /// Where reading stopped, from 1.
    pub line: usize,
    /// Bytes of the line that were read.
    pub column: usize,
    /// What is wrong. It may repeat a piece of what was read.
    pub text: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} at line {} column {}", self.text, self.line, self.column)
    }
}

impl std::error::Error for Fault {}

/// Reads a whole text.
///
/// # Errors
/// [`Fault`] if it is not UTF-8, not JSON, not of the form that `T` expects, or has something after its end.
pub fn read<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, Fault> {
    read_seed(body, std::marker::PhantomData)
}

/// Reads a whole text into what a seed makes of it.
pub(crate) fn read_seed<'de, S: DeserializeSeed<'de>>(body: &'de [u8], seed: S) -> Result<S::Value, Fault> {
    let text = std::str::from_utf8(body).map_err(|error| fault(body, error.valid_up_to(), Error::Syntax))?;
    let mut reader = Reader { text, at: 0, depth: 0, scratch: String::new() };
    let value = seed.deserialize(&mut reader).and_then(|value| match reader.peek() {
        None => Ok(value),
        Some(_) => Err(Error::Syntax),
    });
    value.map_err(|error| fault(body, reader.at, error))
}

#[cold]
fn fault(body: &[u8], at: usize, error: Error) -> Fault {
    let before = body.get(..at).unwrap_or(body);
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |place| place + 1);
    Fault {
        is_data: matches!(error, Error::Data(_)),
        line: before.iter().filter(|byte| **byte == b'\n').count() + 1,
        column: before.len() - line_start,
        text: error.to_string(),
    }
}

#[derive(Debug)]
enum Error {
    Syntax,
    Data(Box<str>),
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Syntax => "not JSON",
            Self::Data(text) => text,
        })
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(text: T) -> Self {
        data(&text)
    }
    fn invalid_type(unexpected: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        data(&format_args!("{} where {expected} is expected", kind(unexpected)))
    }
    fn invalid_value(unexpected: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::invalid_type(unexpected, expected)
    }
}

/// What stands there, but not its value: writing floats alone takes twelve kilobytes of code.
fn kind(unexpected: de::Unexpected<'_>) -> &'static str {
    use de::Unexpected as U;
    match unexpected {
        U::Bool(_) => "true or false",
        U::Unsigned(_) | U::Signed(_) => "an integer",
        U::Float(_) => "a number",
        U::Char(_) | U::Str(_) | U::Bytes(_) => "a string",
        U::Unit | U::Option => "null",
        U::Seq => "an array",
        U::Map => "an object",
        _ => "something else",
    }
}

#[cold]
fn data(text: &dyn fmt::Display) -> Error {
    Error::Data(text.to_string().into_boxed_str())
}

/// A place in the text.
struct Reader<'de> {
    text: &'de str,
    at: usize,
    depth: u8,
    /// The last string that had escapes, without them.
    scratch: String,
}

enum Number {
    Natural(u64),
    Negative(i64),
    Float(f64),
}

impl<'de> Reader<'de> {
    /// The next byte that is not white space; none at the end.
    fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        loop {
            let byte = *bytes.get(self.at)?;
            if !matches!(byte, b' ' | b'\n' | b'\t' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    /// Steps over one byte that must be there.
    fn expect(&mut self, wanted: u8) -> Result<(), Error> {
        if self.peek() != Some(wanted) {
            return Err(Error::Syntax);
        }
        self.at += 1;
        Ok(())
    }

    fn literal(&mut self, word: &str) -> Result<(), Error> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        if !rest.starts_with(word.as_bytes()) {
            return Err(Error::Syntax);
        }
        self.at += word.len();
        Ok(())
    }

    /// Goes to the next member or element; false: the closing bracket was there, and is behind.
    fn advance(&mut self, is_first: &mut bool, close: u8) -> Result<bool, Error> {
        let byte = self.peek();
        if byte == Some(close) {
            self.at += 1;
            return Ok(false);
        }
        if !std::mem::take(is_first) {
            self.expect(b',')?;
        }
        Ok(true)
    }

    /// Reads a string; none: it had escapes and is in `scratch`.
    fn string(&mut self) -> Result<Option<&'de str>, Error> {
        self.expect(b'"')?;
        let from = self.at;
        let (end, has_escape) = scan::string_end(self.text.as_bytes(), from).ok_or(Error::Syntax)?;
        let raw = self.text.get(from..end).ok_or(Error::Syntax)?;
        self.at = end + 1;
        if !has_escape {
            return Ok(Some(raw));
        }
        self.scratch.clear();
        unescape(raw, &mut self.scratch)?;
        Ok(None)
    }

    /// Steps over a value.
    fn skip(&mut self) -> Result<(), Error> {
        let bytes = self.text.as_bytes();
        match self.peek() {
            Some(b'"') => {
                let (end, _) = scan::string_end(bytes, self.at + 1).ok_or(Error::Syntax)?;
                self.at = end + 1;
                Ok(())
            }
            Some(b'{' | b'[') => {
                self.at = scan::container_end(bytes, self.at + 1).ok_or(Error::Syntax)?;
                Ok(())
            }
            Some(b'n') => self.literal("null"),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            _ => self.number().map(drop),
        }
    }

    fn digits(&mut self) -> Result<(), Error> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let count = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
        self.at += count;
        if count == 0 { Err(Error::Syntax) } else { Ok(()) }
    }

    fn next_is(&self, wanted: &[u8]) -> bool {
        self.text.as_bytes().get(self.at).is_some_and(|byte| wanted.contains(byte))
    }

    fn number(&mut self) -> Result<Number, Error> {
        let from = self.at;
        let is_negative = self.next_is(b"-");
        self.at += usize::from(is_negative);
        if self.next_is(b"0") {
            self.at += 1;
        } else {
            self.digits()?;
        }
        let mut is_whole = true;
        if self.next_is(b".") {
            is_whole = false;
            self.at += 1;
            self.digits()?;
        }
        if self.next_is(b"eE") {
            is_whole = false;
            self.at += 1;
            self.at += usize::from(self.next_is(b"+-"));
            self.digits()?;
        }
        let text = self.text.get(from..self.at).unwrap_or_default();
        if is_whole {
            match (is_negative, text.parse(), text.parse()) {
                (false, Ok(number), _) => return Ok(Number::Natural(number)),
                // Minus zero is a float: an integer would lose its sign.
                (true, _, Ok(number)) if number != 0 => return Ok(Number::Negative(number)),
                _ => {}
            }
        }
        let number = float(text);
        if number.is_finite() { Ok(Number::Float(number)) } else { Err(Error::Syntax) }
    }

    fn enter(&mut self) -> Result<(), Error> {
        if self.depth == DEPTH_MAX {
            return Err(Error::Syntax);
        }
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    /// Visits what stands between brackets, all of it.
    fn inside<T>(
        &mut self,
        close: u8,
        visit: impl FnOnce(&mut Inside<'_, 'de>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.enter()?;
        let mut inside = Inside { reader: self, close, is_first: true, is_over: false };
        let value = visit(&mut inside)?;
        // A visitor of a fixed number of elements does not look for the end.
        if inside.next()? {
            return Err(data(&"too many elements"));
        }
        self.depth -= 1;
        Ok(value)
    }
}

/// The float that a number of JSON means: exact up to fifteen digits and an exponent of 22, and else off by a few
/// units in the last place at most. The exact way for the rest carries tables of ten kilobytes.
#[cold]
fn float(text: &str) -> f64 {
    let (mut digits, mut exponent, mut is_fraction) = (0_u64, 0_i32, false);
    let (number, power) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    for byte in number.bytes() {
        match byte {
            b'0'..=b'9' if digits < u64::MAX / 10 - 1 => {
                digits = digits * 10 + u64::from(byte - b'0');
                exponent -= i32::from(is_fraction);
            }
            // Digits past the nineteenth move the point alone.
            b'0'..=b'9' => exponent = exponent.saturating_add(i32::from(!is_fraction)),
            b'.' => is_fraction = true,
            _ => {}
        }
    }
    // A power that is no `i32` is beyond every float, one way or the other.
    let far = if power.starts_with('-') { i32::MIN } else { i32::MAX };
    exponent = exponent.saturating_add(power.parse().unwrap_or(far)).clamp(-10_000, 10_000);
    let mut float = digits as f64;
    while exponent < 0 && float != 0.0 {
        let step = (-exponent).min(22);
        float /= 10_f64.powi(step);
        exponent += step;
    }
    while exponent > 0 && float != 0.0 && float.is_finite() {
        let step = exponent.min(22);
        float *= 10_f64.powi(step);
        exponent -= step;
    }
    if text.starts_with('-') { -float } else { float }
}

/// Takes the escapes out of a string (RFC 8259, section 7).
#[cold]
fn unescape(raw: &str, out: &mut String) -> Result<(), Error> {
    let mut left = raw;
    while let Some((before, after)) = left.split_once('\\') {
        out.push_str(before);
        let mut rest = after.chars();
        let character = match rest.next().ok_or(Error::Syntax)? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => code_point(&mut rest)?,
            plain @ ('"' | '\\' | '/') => plain,
            _ => return Err(Error::Syntax),
        };
        out.push(character);
        left = rest.as_str();
    }
    out.push_str(left);
    Ok(())
}

/// Four hexadecimal digits, and four more where those are the first half of a pair.
fn code_point(rest: &mut std::str::Chars<'_>) -> Result<char, Error> {
    let unit = |rest: &mut std::str::Chars<'_>| {
        (0..4).try_fold(0, |unit, _| Some(unit * 16 + rest.next()?.to_digit(16)?)).ok_or(Error::Syntax)
    };
    let high = unit(rest)?;
    if !(0xD800..0xDC00).contains(&high) {
        return char::from_u32(high).ok_or(Error::Syntax);
    }
    if rest.next() != Some('\\') || rest.next() != Some('u') {
        return Err(Error::Syntax);
    }
    let low = unit(rest)?;
    if !(0xDC00..0xE000).contains(&low) {
        return Err(Error::Syntax);
    }
    char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00)).ok_or(Error::Syntax)
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.peek().ok_or(Error::Syntax)? {
            b'"' => match self.string()? {
                Some(text) => visitor.visit_borrowed_str(text),
                None => visitor.visit_str(&self.scratch),
            },
            b'{' => self.inside(b'}', |inside| visitor.visit_map(inside)),
            b'[' => self.inside(b']', |inside| visitor.visit_seq(inside)),
            b'n' => self.literal("null").and_then(|()| visitor.visit_unit()),
            b't' => self.literal("true").and_then(|()| visitor.visit_bool(true)),
            b'f' => self.literal("false").and_then(|()| visitor.visit_bool(false)),
            _ => match self.number()? {
                Number::Natural(number) => visitor.visit_u64(number),
                Number::Negative(number) => visitor.visit_i64(number),
                Number::Float(number) => visitor.visit_f64(number),
            },
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.peek() == Some(b'n') {
            self.literal("null")?;
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if self.peek() == Some(b'{') {
            return self.inside(b'}', |inside| visitor.visit_enum(de::value::MapAccessDeserializer::new(inside)));
        }
        visitor.visit_enum(Name(self))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.skip()?;
        visitor.visit_unit()
    }

    // One body instead of six: what stands there decides in any case, and a visitor refuses what it cannot use.
    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map struct identifier
    }
}

/// The inside of an array or an object.
struct Inside<'r, 'de> {
    reader: &'r mut Reader<'de>,
    close: u8,
    is_first: bool,
    is_over: bool,
}

impl Inside<'_, '_> {
    fn next(&mut self) -> Result<bool, Error> {
        if self.is_over {
            return Ok(false);
        }
        let has_next = self.reader.advance(&mut self.is_first, self.close)?;
        self.is_over = !has_next;
        Ok(has_next)
    }
}

impl<'de> SeqAccess<'de> for &mut Inside<'_, 'de> {
    type Error = Error;
    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        if self.next()? { seed.deserialize(&mut *self.reader).map(Some) } else { Ok(None) }
    }
}

impl<'de> MapAccess<'de> for &mut Inside<'_, 'de> {
    type Error = Error;
    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        if self.next()? { seed.deserialize(Name(self.reader)).map(Some) } else { Ok(None) }
    }
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        self.reader.expect(b':')?;
        seed.deserialize(&mut *self.reader)
    }
}

/// A string that must be there: a member's name, or a variant's.
struct Name<'r, 'de>(&'r mut Reader<'de>);

/// Maps may be keyed by numbers, which stand in quotes.
macro_rules! number_in_quotes {
    ($($method:ident $visit:ident $kind:ty),*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let text = self.0.string()?;
            let text = text.unwrap_or(&self.0.scratch);
            visitor.$visit(text.parse::<$kind>().map_err(|_| data(&"a name that is not the number expected"))?)
        }
    )*};
}

impl<'de> Deserializer<'de> for Name<'_, 'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0.string()? {
            Some(text) => visitor.visit_borrowed_str(text),
            None => visitor.visit_str(&self.0.scratch),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_enum(self)
    }

    number_in_quotes!(
        deserialize_u8 visit_u64 u64, deserialize_u16 visit_u64 u64, deserialize_u32 visit_u64 u64,
        deserialize_u64 visit_u64 u64, deserialize_i8 visit_i64 i64, deserialize_i16 visit_i64 i64,
        deserialize_i32 visit_i64 i64, deserialize_i64 visit_i64 i64
    );

    forward_to_deserialize_any! {
        bool i128 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}

impl<'de> EnumAccess<'de> for Name<'_, 'de> {
    type Error = Error;
    type Variant = UnitVariant;
    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, UnitVariant), Error> {
        Ok((seed.deserialize(self)?, UnitVariant))
    }
}

/// A variant that is its name alone.
struct UnitVariant;

impl<'de> de::VariantAccess<'de> for UnitVariant {
    type Error = Error;
    fn unit_variant(self) -> Result<(), Error> {
        Ok(())
    }
    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, _: S) -> Result<S::Value, Error> {
        Err(data(&"a variant without its content"))
    }
    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Error> {
        Err(data(&"a variant without its content"))
    }
    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], _: V) -> Result<V::Value, Error> {
        Err(data(&"a variant without its content"))
    }
}

#[cfg(test)]
mod tests;

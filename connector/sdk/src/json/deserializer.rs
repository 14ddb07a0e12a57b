//! The reader as serde sees it.

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;

use serde::de::value::StringDeserializer;
use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, Expected, IntoDeserializer, MapAccess, SeqAccess, Unexpected,
    VariantAccess, Visitor,
};

use super::WANTED_ONLY;
use super::bytes::same;
use super::members::Names;
use super::reader::{Error, NO_NAME, NO_VALUE, Number, Reader, Result};

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self::form(text.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::form(format!("{} stands where {expected} is expected", kind(&found)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::form(format!("{} stands where {expected} is expected, and is not one", kind(&found)))
    }
}

/// What a value is, without what it says: it may be anybody's.
fn kind<'a>(found: &Unexpected<'a>) -> &'a str {
    match found {
        Unexpected::Bool(_) => "a boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "a number",
        Unexpected::Str(_) | Unexpected::Char(_) => "a string",
        Unexpected::Seq => "a list",
        Unexpected::Map => "an object",
        Unexpected::Unit | Unexpected::Option => "null",
        Unexpected::Other(kind) => kind,
        _ => "something else",
    }
}

impl Reader<'_> {
    /// What is next is not what was asked for. Tells what it is, and never what it says.
    #[cold]
    #[inline(never)]
    fn mismatch(&mut self, expected: &dyn Expected) -> Error {
        let found = match self.peek() {
            b'"' => Unexpected::Char('"'),
            b'{' => Unexpected::Map,
            b'[' => Unexpected::Seq,
            b'-' | b'0'..=b'9' => Unexpected::Signed(0),
            b't' | b'f' => Unexpected::Bool(true),
            b'n' => Unexpected::Unit,
            _ => return self.unexpected(NO_VALUE),
        };
        de::Error::invalid_type(found, expected)
    }
}

/// Methods that ask for what another one reads as well.
macro_rules! alike {
    ($($name:ident($($argument:ty),*) => $other:ident;)*) => {$(
        fn $name<V: Visitor<'de>>(self $(, _: $argument)*, visitor: V) -> Result<V::Value> {
            self.$other(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.peek() {
            b'"' => self.deserialize_str(visitor),
            b'{' => self.deserialize_map(visitor),
            b'[' => self.deserialize_seq(visitor),
            b'n' => self.deserialize_unit(visitor),
            b't' | b'f' => self.deserialize_bool(visitor),
            _ => self.deserialize_f64(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.peek() {
            b't' => {
                self.word("true")?;
                visitor.visit_bool(true)
            }
            b'f' => {
                self.word("false")?;
                visitor.visit_bool(false)
            }
            _ => Err(self.mismatch(&visitor)),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.peek() {
            b'-' | b'0'..=b'9' => match self.number()? {
                Number::Positive(number) => visitor.visit_u64(number),
                Number::Negative(number) => visitor.visit_i64(number),
                Number::Float(number) => visitor.visit_f64(number),
            },
            _ => Err(self.mismatch(&visitor)),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.peek() {
            b'"' => match self.string()? {
                Cow::Borrowed(string) => visitor.visit_borrowed_str(string),
                Cow::Owned(string) => visitor.visit_string(string),
            },
            _ => Err(self.mismatch(&visitor)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.peek() {
            b'n' => {
                self.word("null")?;
                visitor.visit_none()
            }
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.peek() {
            b'n' => {
                self.word("null")?;
                visitor.visit_unit()
            }
            _ => Err(self.mismatch(&visitor)),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.peek() != b'[' {
            return Err(self.mismatch(&visitor));
        }
        self.descend()?;
        let value = visitor.visit_seq(Members { reader: self, first: true })?;
        self.ascend(b']')?;
        Ok(value)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.peek() != b'{' {
            return Err(self.mismatch(&visitor));
        }
        self.descend()?;
        let value = visitor.visit_map(Members { reader: self, first: true })?;
        self.ascend(b'}')?;
        Ok(value)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        wanted: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        if !same(name.as_bytes(), WANTED_ONLY.as_bytes()) {
            return self.deserialize_map(visitor);
        }
        if self.peek() != b'{' {
            return Err(self.mismatch(&visitor));
        }
        self.descend()?;
        let names = self.names(wanted);
        let value = visitor.visit_map(WantedMembers { reader: self, names, first: true })?;
        self.ascend(b'}')?;
        Ok(value)
    }

    /// A name alone, or an object of one member that has the name (serde's external tag).
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        match self.peek() {
            b'"' => {
                let name: StringDeserializer<Error> = self.string()?.into_owned().into_deserializer();
                visitor.visit_enum(name)
            }
            b'{' => {
                self.descend()?;
                let value = visitor.visit_enum(Tagged(self))?;
                self.ascend(b'}')?;
                Ok(value)
            }
            _ => Err(self.mismatch(&visitor)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.pass_over()?;
        visitor.visit_unit()
    }

    alike! {
        deserialize_i8() => deserialize_f64;
        deserialize_i16() => deserialize_f64;
        deserialize_i32() => deserialize_f64;
        deserialize_i64() => deserialize_f64;
        deserialize_u8() => deserialize_f64;
        deserialize_u16() => deserialize_f64;
        deserialize_u32() => deserialize_f64;
        deserialize_u64() => deserialize_f64;
        deserialize_f32() => deserialize_f64;
        deserialize_char() => deserialize_str;
        deserialize_string() => deserialize_str;
        deserialize_bytes() => deserialize_any;
        deserialize_byte_buf() => deserialize_any;
        deserialize_identifier() => deserialize_str;
        deserialize_unit_struct(&'static str) => deserialize_unit;
        deserialize_tuple(usize) => deserialize_seq;
        deserialize_tuple_struct(&'static str, usize) => deserialize_seq;
    }
}

/// The members of a list or an object.
struct Members<'a, 'de> {
    reader: &'a mut Reader<'de>,
    first: bool,
}

impl<'de> SeqAccess<'de> for Members<'_, 'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        if !self.reader.goes_on(b']', std::mem::take(&mut self.first))? {
            return Ok(None);
        }
        seed.deserialize(&mut *self.reader).map(Some)
    }
}

impl<'de> MapAccess<'de> for Members<'_, 'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        if !self.reader.goes_on(b'}', std::mem::take(&mut self.first))? {
            return Ok(None);
        }
        if self.reader.peek() != b'"' {
            return Err(self.reader.unexpected(NO_NAME));
        }
        seed.deserialize(Name(&mut *self.reader)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value> {
        self.reader.colon()?;
        seed.deserialize(&mut *self.reader)
    }
}

/// The members of an object that are wanted, by their numbers.
struct WantedMembers<'a, 'de> {
    reader: &'a mut Reader<'de>,
    names: Rc<Names>,
    first: bool,
}

impl<'de> MapAccess<'de> for WantedMembers<'_, 'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        match self.reader.next_wanted(&self.names, &mut self.first)? {
            Some(place) => seed.deserialize(place.into_deserializer()).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value> {
        seed.deserialize(&mut *self.reader)
    }
}

/// A member's name: a string, which some types read as a number or a name of their own.
struct Name<'a, 'de>(&'a mut Reader<'de>);

/// Numbers as names stand in quotes.
macro_rules! numbered {
    ($($name:ident $number:ty, $visit:ident;)*) => {$(
        fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            match self.0.string()?.parse::<$number>() {
                Ok(number) => visitor.$visit(number),
                Err(_) => Err(de::Error::invalid_type(Unexpected::Char('"'), &visitor)),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Name<'_, 'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.0.deserialize_str(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_some(self)
    }

    numbered! {
        deserialize_i64 i64, visit_i64;
        deserialize_i32 i32, visit_i32;
        deserialize_u64 u64, visit_u64;
        deserialize_u32 u32, visit_u32;
        deserialize_i16 i16, visit_i16;
        deserialize_u16 u16, visit_u16;
        deserialize_i8 i8, visit_i8;
        deserialize_u8 u8, visit_u8;
        deserialize_bool bool, visit_bool;
    }

    serde::forward_to_deserialize_any! {
        i128 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map
        struct identifier ignored_any
    }
}

/// An enum's variant with something in it: `{"name": …}`.
struct Tagged<'a, 'de>(&'a mut Reader<'de>);

impl<'de> EnumAccess<'de> for Tagged<'_, 'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self)> {
        let name = seed.deserialize(Name(&mut *self.0))?;
        self.0.colon()?;
        Ok((name, self))
    }
}

impl<'de> VariantAccess<'de> for Tagged<'_, 'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<()> {
        self.0.deserialize_unit(de::IgnoredAny).map(drop)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value> {
        seed.deserialize(self.0)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value> {
        self.0.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value> {
        self.0.deserialize_map(visitor)
    }
}

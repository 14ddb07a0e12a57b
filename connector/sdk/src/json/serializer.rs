//! The writer as serde sees it. The form is `serde_json`'s, to the byte.

use std::fmt;

use serde::ser::{
    self, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::WRITTEN;
use super::bytes::same;
use super::reader::{Error, Result};
use super::writer::Writer;

/// How the names begin under which serde_json hands itself raw texts, and numbers of any precision.
const SERDE_JSONS_OWN: &str = "$serde_json::private::";

impl ser::Error for Error {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self::form(text.to_string())
    }
}

/// Whole numbers, written as the widest of their kind.
macro_rules! widened {
    ($($name:ident $number:ty => $widest:ident;)*) => {$(
        #[inline]
        fn $name(self, number: $number) -> Result<()> {
            self.$widest(number.into())
        }
    )*};
}

impl<'a> Serializer for &'a mut Writer {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Members<'a>;
    type SerializeTuple = Members<'a>;
    type SerializeTupleStruct = Members<'a>;
    type SerializeTupleVariant = Members<'a>;
    type SerializeMap = Members<'a>;
    type SerializeStruct = Members<'a>;
    type SerializeStructVariant = Members<'a>;

    widened! {
        serialize_i8 i8 => serialize_i64;
        serialize_i16 i16 => serialize_i64;
        serialize_i32 i32 => serialize_i64;
        serialize_u8 u8 => serialize_u64;
        serialize_u16 u16 => serialize_u64;
        serialize_u32 u32 => serialize_u64;
    }

    fn serialize_i64(self, number: i64) -> Result<()> {
        self.number(number < 0, number.unsigned_abs());
        Ok(())
    }

    fn serialize_u64(self, number: u64) -> Result<()> {
        self.number(false, number);
        Ok(())
    }

    fn serialize_i128(self, number: i128) -> Result<()> {
        self.push(number.to_string().as_bytes());
        Ok(())
    }

    fn serialize_u128(self, number: u128) -> Result<()> {
        self.push(number.to_string().as_bytes());
        Ok(())
    }

    fn serialize_f32(self, number: f32) -> Result<()> {
        self.push(&serde_json::to_vec(&number).unwrap_or_default());
        Ok(())
    }

    fn serialize_f64(self, number: f64) -> Result<()> {
        self.push(&serde_json::to_vec(&number).unwrap_or_default());
        Ok(())
    }

    fn serialize_bool(self, value: bool) -> Result<()> {
        self.push(if value { b"true" } else { b"false" });
        Ok(())
    }

    fn serialize_char(self, character: char) -> Result<()> {
        self.string(character.encode_utf8(&mut [0; 4]));
        Ok(())
    }

    #[inline]
    fn serialize_str(self, text: &str) -> Result<()> {
        self.string(text);
        Ok(())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<()> {
        if self.takes_bytes_as_they_are() {
            self.push(bytes);
            return Ok(());
        }
        self.collect_seq(bytes)
    }

    fn serialize_none(self) -> Result<()> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<()> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<()> {
        self.push(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<()> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<()> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<()> {
        if same(name.as_bytes(), WRITTEN.as_bytes()) {
            self.next_bytes_as_they_are();
        }
        let written = value.serialize(&mut *self);
        // Whatever has this name: what comes after it is not meant.
        self.takes_bytes_as_they_are();
        written
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<()> {
        self.tag(variant, b"");
        value.serialize(&mut *self)?;
        self.byte(b'}');
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Members<'a>> {
        self.byte(b'[');
        Ok(Members { writer: self, first: true, end: b"]" })
    }

    fn serialize_tuple(self, length: usize) -> Result<Members<'a>> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<Members<'a>> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_variant(self, _: &'static str, _: u32, variant: &'static str, _: usize) -> Result<Members<'a>> {
        self.tag(variant, b"[");
        Ok(Members { writer: self, first: true, end: b"]}" })
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Members<'a>> {
        self.byte(b'{');
        Ok(Members { writer: self, first: true, end: b"}" })
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Members<'a>> {
        // What has such a name is no object, and only serde_json knows what it is.
        if name.starts_with(SERDE_JSONS_OWN) {
            return Err(Error::form(format!("{name} can be written by serde_json alone")));
        }
        self.serialize_map(None)
    }

    fn serialize_struct_variant(self, _: &'static str, _: u32, variant: &'static str, _: usize) -> Result<Members<'a>> {
        self.tag(variant, b"{");
        Ok(Members { writer: self, first: true, end: b"}}" })
    }
}

impl Writer {
    /// Begins an enum's variant with something in it: `{"name":…}`.
    fn tag(&mut self, variant: &str, begin: &[u8]) {
        self.byte(b'{');
        self.string(variant);
        self.byte(b':');
        self.push(begin);
    }
}

/// The members of a list or an object.
pub(super) struct Members<'a> {
    writer: &'a mut Writer,
    first: bool,
    end: &'static [u8],
}

impl Members<'_> {
    #[inline]
    fn comma(&mut self) {
        if !std::mem::take(&mut self.first) {
            self.writer.byte(b',');
        }
    }

    #[inline]
    fn name(&mut self, name: &str) {
        self.writer.name(std::mem::take(&mut self.first), name);
    }
}

/// What all kinds of lists do, and all kinds of structs.
macro_rules! members {
    ($($kind:ident $add:ident($($name:ident)?);)*) => {$(
        impl $kind for Members<'_> {
            type Ok = ();
            type Error = Error;

            #[inline]
            fn $add<T: Serialize + ?Sized>(&mut self, $($name: &'static str,)? value: &T) -> Result<()> {
                members!(@before self $($name)?);
                value.serialize(&mut *self.writer)
            }

            fn end(self) -> Result<()> {
                self.writer.push(self.end);
                Ok(())
            }
        }
    )*};
    (@before $members:ident) => { $members.comma() };
    (@before $members:ident $name:ident) => { $members.name($name) };
}
members! {
    SerializeSeq serialize_element();
    SerializeTuple serialize_element();
    SerializeTupleStruct serialize_field();
    SerializeTupleVariant serialize_field();
    SerializeStruct serialize_field(name);
    SerializeStructVariant serialize_field(name);
}

impl SerializeMap for Members<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<()> {
        self.comma();
        let before = self.writer.at();
        key.serialize(&mut *self.writer)?;
        if self.writer.make_name(before) { Ok(()) } else { Err(Error::syntax("this is no name of a member")) }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.writer.byte(b':');
        value.serialize(&mut *self.writer)
    }

    fn end(self) -> Result<()> {
        self.writer.push(self.end);
        Ok(())
    }
}

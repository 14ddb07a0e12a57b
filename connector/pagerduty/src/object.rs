//! Reading JSON objects of which only some fields matter: a lean stand-in for derived `Deserialize`, which
//! for some twenty types would be a third of the component.
//!
//! Every field is optional: a missing one and a null are the same, and unknown ones are skipped. Only the SDK's reader
//! reads them: it finds the fields by their names, and tells them by their numbers.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::civil::{self, Timestamp};

/// An object with known fields; implemented by [`object!`].
pub(crate) trait Object<'de>: Default {
    /// The fields' names in JSON.
    const NAMES: &'static [&'static str];
    /// Reads the value of the field at that place.
    fn read<A: MapAccess<'de>>(&mut self, place: usize, map: &mut A) -> Result<(), A::Error>;
}

/// Declares structs whose fields are all `Option`s of the type given. One with the lifetime `'de` borrows from what it
/// is read from.
macro_rules! object {
    ($($(#[$meta:meta])* $name:ident $(<$life:lifetime>)? { $($field:ident $(as $json:literal)?: $kind:ty $(, by $how:ident)?;)* })*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Default)]
        pub(crate) struct $name $(<$life>)? { $(pub(crate) $field: Option<$kind>),* }

        impl<'de> $crate::object::Object<'de> for $name $(<$life>)? {
            const NAMES: &'static [&'static str] = &[$($crate::object::object!(@name $field $($json)?)),*];
            fn read<A: serde::de::MapAccess<'de>>(&mut self, place: usize, map: &mut A) -> Result<(), A::Error> {
                let mut left = place;
                $(
                    if left == 0 {
                        self.$field = $crate::object::object!(@read map $($how)?)?;
                        return Ok(());
                    }
                    left = left.wrapping_sub(1);
                )*
                let _ = left;
                Ok(())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name $(<$life>)? {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let fields = $crate::object::Fields(std::marker::PhantomData::<Self>);
                deserializer.deserialize_struct(toolkeep_connector::json::WANTED_ONLY, <Self as $crate::object::Object<'de>>::NAMES, fields)
            }
        }

        $crate::object::object!(@lent $name $($life)?);
    )*};
    (@lent $name:ident) => {
        impl toolkeep_connector::Lent for $name {
            type Row<'page> = Self;
        }
    };
    (@lent $name:ident $life:lifetime) => {
        impl toolkeep_connector::Lent for $name<'static> {
            type Row<'page> = $name<'page>;
        }
    };
    (@name $field:ident) => { stringify!($field) };
    (@name $field:ident $json:literal) => { $json };
    (@read $map:ident) => { $crate::object::field($map) };
    (@read $map:ident $how:ident) => { $crate::object::$how($map) };
}
pub(crate) use object;

/// A field's value. Never inlined: one copy for each type, not for each field.
#[inline(never)]
pub(crate) fn field<'de, T: Deserialize<'de>, A: MapAccess<'de>>(map: &mut A) -> Result<Option<T>, A::Error> {
    map.next_value()
}

/// A moment. One that cannot be read is none: a timeline with a hole is better than no incident.
#[inline(never)]
pub(crate) fn moment<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Option<Timestamp>, A::Error> {
    Ok(field::<Moment, A>(map)?.and_then(|moment| moment.0))
}

/// Reads a moment without a copy of its text.
struct Moment(Option<Timestamp>);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Moment;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a time")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Moment, E> {
                Ok(Moment(match civil::parse(text) {
                    Some((local_s, Some(offset_s))) => Some(Timestamp(local_s - offset_s)),
                    _ => None,
                }))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// Visits an object field by field.
pub(crate) struct Fields<T>(pub(crate) PhantomData<T>);

impl<'de, T: Object<'de>> Visitor<'de> for Fields<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let mut object = T::default();
        while let Some(place) = map.next_key::<usize>()? {
            object.read(place, &mut map)?;
        }
        Ok(object)
    }
}

/// What an argument may be in JSON.
pub(crate) trait Argument {
    /// JSON Schema's name of its type, or of each it may have.
    const TYPES: &'static [&'static str];
    /// Smallest and largest number; without a meaning for what is none.
    const RANGE: (u32, u32) = (0, u32::MAX);
}

impl Argument for String {
    const TYPES: &'static [&'static str] = &["string"];
}
impl Argument for bool {
    const TYPES: &'static [&'static str] = &["boolean"];
}

/// Declares a struct of arguments: what [`object!`] makes of it, and the JSON Schema. The comment of a
/// field is what the model reads; a name in `required` must be given.
///
/// Unknown names are refused by the schema, which the host applies before the connector runs.
macro_rules! arguments {
    ($(#[$meta:meta])* $name:ident { $($(#[doc = $doc:literal])* $field:ident: $kind:ty;)* } required [$($required:literal),*]) => {
        $crate::object::object! {
            $(#[$meta])*
            #[allow(dead_code, reason = "some names are accepted only because other agents send them")]
            $name { $($field: $kind;)* }
        }

        impl $name {
            pub(crate) const FIELDS: &'static [$crate::object::Field] = &[$($crate::object::Field {
                name: stringify!($field),
                types: <$kind as $crate::object::Argument>::TYPES,
                range: <$kind as $crate::object::Argument>::RANGE,
                comment: concat!($($doc),*),
            }),*];
            pub(crate) const REQUIRED: &'static [&'static str] = &[$($required),*];
        }
    };
}
pub(crate) use arguments;

/// One argument, as its schema says it.
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) types: &'static [&'static str],
    pub(crate) range: (u32, u32),
    pub(crate) comment: &'static str,
}

/// The JSON Schema of arguments, as text. Written here and not derived: deriving it costs a tenth of the
/// component. Several types are an `anyOf`, because some clients know no list of types.
pub(crate) fn schema(fields: &[Field], required: &[&str]) -> String {
    let mut properties: Vec<String> = Vec::new();
    for field in fields {
        let each: Vec<String> = field.types.iter().map(|kind| format!(r#""type":"{kind}""#)).collect();
        let mut property = match each.as_slice() {
            [only] => only.clone(),
            several => format!(r#""anyOf":[{{{}}}]"#, several.join("},{")),
        };
        if field.types == ["integer"] {
            property += &format!(r#","minimum":{}"#, field.range.0);
            if field.range.1 < u32::MAX {
                property += &format!(r#","maximum":{}"#, field.range.1);
            }
        }
        let comment = field.comment.trim();
        if !comment.is_empty() {
            property += &format!(r#","description":{}"#, Value::from(comment));
        }
        properties.push(format!(r#""{}":{{{property}}}"#, field.name));
    }
    let mut required = required.iter().map(|name| format!(r#""{name}""#)).collect::<Vec<_>>().join(",");
    if !required.is_empty() {
        required = format!(r#""required":[{required}],"#);
    }
    let properties = properties.join(",");
    format!(r#"{{"type":"object","properties":{{{properties}}},{required}"additionalProperties":false}}"#)
}

//! Reading JSON objects of which only some fields matter: a lean stand-in for derived `Deserialize`, which
//! for some twenty types would be a third of the component.
//!
//! Every field is optional: a missing one and a null are the same, and unknown ones are skipped.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::civil::{self, Timestamp};

/// An object with known fields; implemented by [`object!`].
pub(crate) trait Object: Default {
    /// Its fields' names in JSON.
    const NAMES: &'static [&'static str];
    /// Reads the value of the field at that place of [`Self::NAMES`].
    fn read<'de, A: MapAccess<'de>>(&mut self, place: usize, map: &mut A) -> Result<(), A::Error>;
}

/// Declares structs whose fields are all `Option`s of the type given.
macro_rules! object {
    ($($(#[$meta:meta])* $name:ident { $($field:ident $(as $json:literal)?: $kind:ty $(, by $how:ident)?;)* })*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Default)]
        pub(crate) struct $name { $(pub(crate) $field: Option<$kind>),* }

        impl $crate::object::Object for $name {
            const NAMES: &'static [&'static str] = &[$($crate::object::object!(@name $field $($json)?)),*];
            fn read<'de, A: serde::de::MapAccess<'de>>(&mut self, place: usize, map: &mut A) -> Result<(), A::Error> {
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

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_map($crate::object::Fields(std::marker::PhantomData))
            }
        }
    )*};
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
    Ok(field::<Cow<'de, str>, A>(map)?.and_then(|text| match civil::parse(&text)? {
        (local_s, Some(offset_s)) => Some(Timestamp(local_s - offset_s)),
        (_, None) => None,
    }))
}

/// Visits an object field by field.
pub(crate) struct Fields<T>(pub(crate) PhantomData<T>);

impl<'de, T: Object> Visitor<'de> for Fields<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let mut object = T::default();
        while let Some(place) = map.next_key_seed(Name(T::NAMES))? {
            match place {
                Some(place) => object.read(place, &mut map)?,
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(object)
    }
}

/// Finds a key among the known names without making a copy of it.
struct Name(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Option<usize>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Option<usize>;
    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a name")
    }
    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|known| *known == name))
    }
}

/// What an argument may be in JSON.
pub(crate) trait Argument {
    /// JSON Schema's name of its type, or of each it may have.
    const TYPES: &'static [&'static str];
}

impl Argument for String {
    const TYPES: &'static [&'static str] = &["string"];
}
impl Argument for u32 {
    const TYPES: &'static [&'static str] = &["integer"];
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

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                $crate::object::schema(
                    &[$((stringify!($field), <$kind as $crate::object::Argument>::TYPES, concat!($($doc),*))),*],
                    &[$($required),*],
                )
            }
        }
    };
}
pub(crate) use arguments;

/// The schema of a struct of arguments: name, types and comment of each.
pub(crate) fn schema(fields: &[(&str, &[&str], &str)], required: &[&str]) -> schemars::Schema {
    let mut properties = Map::new();
    for (name, types, comment) in fields {
        let mut property = Map::new();
        let kind = match types {
            [only] => Value::from(*only),
            several => Value::from(several.to_vec()),
        };
        property.insert("type".to_owned(), kind);
        if *types == u32::TYPES {
            property.insert("minimum".to_owned(), Value::from(0));
        }
        if !comment.is_empty() {
            property.insert("description".to_owned(), Value::from(comment.trim()));
        }
        properties.insert((*name).to_owned(), Value::Object(property));
    }
    let mut root = Map::new();
    root.insert("type".to_owned(), Value::from("object"));
    root.insert("properties".to_owned(), Value::Object(properties));
    if !required.is_empty() {
        root.insert("required".to_owned(), Value::from(required.to_vec()));
    }
    root.insert("additionalProperties".to_owned(), Value::Bool(false));
    schemars::Schema::from(root)
}

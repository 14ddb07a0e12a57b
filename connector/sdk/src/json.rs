//! Reading JSON: a whole text, its UTF-8 checked once, and faults that say where without quoting what.

use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeSeed;

/// Why a text could not be read. It quotes nothing of the text but names of types and members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// It is JSON, but not of the form that was expected.
    pub is_data: bool,
    /// Where, counted from 1.
    pub line: usize,
    /// Where in the line, in bytes, counted from 1; 0 where it is the line's end.
    pub column: usize,
    /// What is wrong there.
    pub text: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Fault {}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        Self { is_data: error.is_data(), line: error.line(), column: error.column(), text: error.to_string() }
    }
}

/// Reads a whole text.
///
/// # Errors
/// [`Fault`] if it is not UTF-8, not JSON, not of the form that `T` expects, or has something after its end.
pub fn read<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, Fault> {
    read_seed(body, std::marker::PhantomData)
}

/// Reads a whole text into what a seed makes of it.
pub(crate) fn read_seed<'de, S: DeserializeSeed<'de>>(body: &'de [u8], seed: S) -> Result<S::Value, Fault> {
    let text = std::str::from_utf8(body).map_err(|error| Fault {
        is_data: false,
        line: 1,
        column: error.valid_up_to() + 1,
        text: "it is not UTF-8".to_owned(),
    })?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = seed.deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

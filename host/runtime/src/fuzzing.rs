//! What the fuzz targets drive: the host's own checks, which stand behind a component or a vault otherwise. This
//! exists in fuzzing builds alone (`cfg(fuzzing)`, see `cargo xtask fuzz`).

use serde_json::Value;

use crate::call::arguments::Arguments;
use crate::error::{CallError, HostError};
use crate::schema::Schema;
use crate::{Description, Violation};

pub use crate::bindings::toolkeep::connector::types as contract;

/// Checks what `describe` returned, as loading does.
///
/// # Errors
/// As loading.
pub fn check_description(said: contract::Connector) -> Result<Description, HostError> {
    Description::check(said)
}

/// What became of arguments.
pub enum Tried {
    /// No tool can have this schema.
    NoSchema(String),
    /// They do not fit it.
    Refused(Vec<Violation>),
    /// They have too many bytes.
    TooLarge,
    /// They are what a connector would get.
    Taken {
        /// JSON text.
        text: String,
        /// The names of its members.
        names: Vec<String>,
    },
}

/// Puts arguments through what a call puts them through before anything else happens.
pub fn try_arguments(schema: &str, given: Value, limit: usize) -> Tried {
    let schema = match serde_json::from_str(schema) {
        Ok(schema) => schema,
        Err(error) => return Tried::NoSchema(error.to_string()),
    };
    let schema = match Schema::compile(&schema) {
        Ok(schema) => schema,
        Err(reason) => return Tried::NoSchema(reason),
    };
    let fitted = crate::Call::new("acme_tool", given)
        .and_then(|call| Arguments::fit(&call.tool, &schema, call.arguments, limit));
    match fitted {
        Ok(Arguments { text, names }) => Tried::Taken { text, names },
        Err(CallError::InvalidArguments { violations, .. }) => Tried::Refused(violations),
        Err(_) => Tried::TooLarge,
    }
}

/// A JSON text as it is handed on: without unsafe characters, also where they are written as escapes.
pub fn clean_json(json: &str) -> String {
    crate::text::clean_escapes(json).unwrap_or_else(|| json.to_owned())
}

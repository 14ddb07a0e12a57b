//! A caller's arguments, in the form in which a connector gets them: checked against the tool's schema, within the
//! limits, and without what only the habits of clients put there.

use serde_json::{Map, Value};

use crate::error::CallError;
use crate::schema::{Schema, Violation};

/// Deepest nesting of arguments, as common JSON parsers have it: a guest's would refuse what is deeper, and an
/// embedder's value of any depth must not use up the stack here.
const MAX_DEPTH: usize = 127;

/// Arguments that a tool takes.
pub(crate) struct Arguments {
    /// JSON text of one object.
    pub(crate) text: String,
    /// The names of its members, for the audit log.
    pub(crate) names: Vec<String>,
}

impl Arguments {
    /// Fits `given` to the schema of `tool`, in at most `limit` bytes of JSON.
    ///
    /// # Errors
    /// [`CallError::ArgumentsTooLarge`] and [`CallError::InvalidArguments`].
    pub(crate) fn fit(tool: &str, schema: &Schema, given: Map<String, Value>, limit: usize) -> Result<Self, CallError> {
        let invalid = |violations| CallError::InvalidArguments { tool: tool.to_owned(), violations };
        let mut arguments = Value::Object(given);
        if !whole_numbers(&mut arguments, MAX_DEPTH) {
            let message = format!("it is nested deeper than {MAX_DEPTH}; send flatter arguments");
            return Err(invalid(vec![Violation { path: String::new(), message }]));
        }
        let mut text = arguments.to_string();
        if text.len() > limit {
            return Err(CallError::ArgumentsTooLarge { bytes: text.len(), limit });
        }
        if let Err(violations) = schema.check(&arguments) {
            // Several clients send every optional argument, with null for those left out. Where a null does not
            // fit the schema, it can only mean that.
            let without_nulls = arguments.as_object_mut().is_some_and(|given| {
                let before = given.len();
                given.retain(|_, value| !value.is_null());
                given.len() < before
            });
            if !without_nulls {
                return Err(invalid(violations));
            }
            schema.check(&arguments).map_err(invalid)?;
            text = arguments.to_string();
        }
        let names = arguments.as_object().map(|given| given.keys().cloned().collect()).unwrap_or_default();
        Ok(Self { text, names })
    }
}

/// Writes whole floats as integers, and says whether the value is nested at most `depth` deep. To JSON Schema 5.0
/// is an integer, and several clients know no other numbers; to most languages' parsers it is none.
fn whole_numbers(value: &mut Value, depth: usize) -> bool {
    /// Integers up to here have one spelling as a float (2^53).
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) if number.is_f64() => {
            if let Some(whole) = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < EXACT) {
                #[expect(clippy::cast_possible_truncation, reason = "whole, and below 2^53")]
                let whole = whole as i64;
                *value = whole.into();
            }
            true
        }
        Value::Array(_) | Value::Object(_) if depth == 0 => false,
        Value::Array(items) => items.iter_mut().all(|item| whole_numbers(item, depth - 1)),
        Value::Object(members) => members.values_mut().all(|member| whole_numbers(member, depth - 1)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;
    use serde_json::json;

    fn fit(given: Value) -> Result<Arguments, CallError> {
        let schema = Schema::compile(&json!({ "type": "object" })).unwrap();
        let Value::Object(given) = given else { return Err(CallError::UnknownTool(String::new())) };
        Arguments::fit("acme_tool", &schema, given, 1_024)
    }

    fn nested(depth: usize) -> Value {
        (1..depth).fold(json!({}), |inner, _| json!({ "a": inner }))
    }

    #[test]
    fn arguments_nest_as_deep_as_a_parser_reads_them() {
        let deepest = fit(nested(MAX_DEPTH)).map(|fitted| fitted.text).unwrap();
        assert!(serde_json::from_str::<Value>(&deepest).is_ok());
        let refused = fit(nested(MAX_DEPTH + 1)).map(|fitted| fitted.text).unwrap_err();
        assert_eq!(refused.code(), "invalid_arguments");
        assert!(refused.public_message().contains("nested"), "{}", refused.public_message());
    }
}

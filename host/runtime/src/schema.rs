//! Checking arguments and answers against the JSON Schemas that a connector declares.
//!
//! Schemas come from strangers: references to other documents are refused when the component is loaded, and
//! nothing is ever fetched.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

/// Most violations that one error names. A caller corrects a handful at a time.
pub const MAX_VIOLATIONS: usize = 16;

/// Longest text of one violation, in bytes: schema errors may quote the value.
const MAX_MESSAGE_BYTES: usize = 300;

/// One place where a value breaks its schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// JSON Pointer (RFC 6901) of the place; empty for the whole value.
    pub path: String,
    /// What is wrong there.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() { f.write_str(&self.message) } else { write!(f, "at {}: {}", self.path, self.message) }
    }
}

/// A compiled schema.
pub struct Schema {
    validator: jsonschema::Validator,
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Schema")
    }
}

/// Refuses every reference that leaves the document.
struct NothingIsFetched;

impl jsonschema::Retrieve for NothingIsFetched {
    fn retrieve(&self, uri: &jsonschema::Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        Err(format!("the schema refers to another document ({uri})").into())
    }
}

impl Schema {
    /// Compiles a JSON Schema 2020-12 of an object.
    ///
    /// # Errors
    /// A text that says why it is not one.
    pub(crate) fn compile(schema: &Value) -> Result<Self, String> {
        if schema.get("type").and_then(Value::as_str) != Some("object") {
            return Err("it must have \"type\": \"object\"".to_owned());
        }
        let validator = jsonschema::options()
            .with_draft(jsonschema::Draft::Draft202012)
            .with_retriever(NothingIsFetched)
            .build(schema)
            .map_err(|error| bounded(&error.to_string()))?;
        Ok(Self { validator })
    }

    /// Checks a value and names every violation, at most [`MAX_VIOLATIONS`].
    ///
    /// # Errors
    /// The violations, never empty.
    pub(crate) fn check(&self, value: &Value) -> Result<(), Vec<Violation>> {
        if self.validator.is_valid(value) {
            return Ok(());
        }
        Err(self
            .validator
            .iter_errors(value)
            .take(MAX_VIOLATIONS)
            .map(|error| Violation { path: error.instance_path().to_string(), message: bounded(&error.to_string()) })
            .collect())
    }
}

fn bounded(text: &str) -> String {
    crate::text::clean(text, MAX_MESSAGE_BYTES)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;
    use serde_json::json;

    #[test]
    fn every_violation_is_named_at_once() {
        let schema = Schema::compile(&json!({
            "type": "object", "additionalProperties": false, "required": ["title"],
            "properties": { "title": { "type": "string" }, "limit": { "type": "integer", "maximum": 100 } }
        }))
        .unwrap();
        assert!(schema.check(&json!({ "title": "x", "limit": 5 })).is_ok());
        let violations = schema.check(&json!({ "limit": 500, "colour": "red" })).unwrap_err();
        let text = violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        assert_eq!(violations.len(), 3, "{text}");
        for word in ["title", "/limit", "colour"] {
            assert!(text.contains(word), "{text}");
        }
    }

    #[test]
    fn a_schema_that_reaches_outside_is_refused() {
        let outside = json!({ "type": "object", "properties": { "a": { "$ref": "https://example.com/s.json" } } });
        assert!(Schema::compile(&outside).is_err());
        let file = json!({ "type": "object", "properties": { "a": { "$ref": "file:///etc/passwd" } } });
        assert!(Schema::compile(&file).is_err());
        assert!(Schema::compile(&json!({ "type": "string" })).is_err());
    }
}

//! Checking arguments and answers against the JSON Schemas that a connector declares.
//!
//! Schemas come from strangers. References to other documents are refused when the component is loaded, and
//! nothing is ever fetched; what a check may cost is bounded by the schema's size with all references followed,
//! times the size of the value.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

/// Most violations that one error names. A caller corrects a handful at a time.
pub const MAX_VIOLATIONS: usize = 16;

/// Longest text of one violation, and of its place, in bytes: schema errors may quote the value.
const MAX_MESSAGE_BYTES: usize = 300;

/// Most nodes of a schema with every reference followed as often as it is made. A tool with fifty arguments
/// has some three hundred; a schema of forty lines can be made to mean 2^40.
const MAX_SCHEMA_NODES: usize = 1_024;

/// Most pairs of a schema's node and a value's node that one check may visit: a quarter of a second at worst.
const MAX_CHECKS: usize = 4_000_000;

/// Most patterns of a schema, those of property names among them. An honest tool has a handful.
const MAX_PATTERNS: usize = 16;

/// Longest pattern, in bytes. The longest in common use (e-mail addresses, semantic versions) have some 250, and
/// translating one takes time that grows with the square of its length.
const MAX_PATTERN_BYTES: usize = 512;

/// Size of a compiled pattern, in bytes, and of its matcher's cache. `.{1,255}` takes most of it, because one
/// character of it is any of Unicode's; a pattern of twenty bytes can be made to take gigabytes.
const MAX_COMPILED_PATTERN_BYTES: usize = 512 << 10;

/// Most bytes of text that the patterns of a schema may be put to in one check: each pattern could meet all of the
/// text, and a matcher takes up to some microseconds for a byte.
const MAX_PATTERN_WORK_BYTES: usize = 4 << 20;

/// Keywords whose meaning depends on where a check comes from, so that no bound holds for them. They are refused
/// wherever they stand, as a property's name too: simpler than knowing which objects are schemas, and nobody's loss.
const REFUSED_KEYWORDS: [&str; 8] = [
    "$dynamicRef",
    "$recursiveRef",
    "$dynamicAnchor",
    "$recursiveAnchor",
    "$anchor",
    "$id",
    "unevaluatedProperties",
    "unevaluatedItems",
];

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
    cost: Cost,
}

/// What checking by a schema can take, with every reference followed.
#[derive(Debug, Default, Clone, Copy)]
struct Cost {
    nodes: usize,
    patterns: usize,
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
        let mut cost = Cost::default();
        count(schema, schema, &mut Vec::new(), &mut cost)?;
        let patterns = jsonschema::PatternOptions::regex()
            .size_limit(MAX_COMPILED_PATTERN_BYTES)
            .dfa_size_limit(MAX_COMPILED_PATTERN_BYTES);
        let validator = jsonschema::options()
            .with_draft(jsonschema::Draft::Draft202012)
            // Patterns in linear time: without look-around and back-references, which can take for ever.
            .with_pattern_options(patterns)
            .with_retriever(NothingIsFetched)
            .build(schema)
            .map_err(|error| bounded(&error.to_string()))?;
        Ok(Self { validator, cost })
    }

    /// How many patterns it has.
    pub(crate) fn patterns(&self) -> usize {
        self.cost.patterns
    }

    /// Checks a value and names every violation, at most [`MAX_VIOLATIONS`].
    ///
    /// # Errors
    /// The violations, never empty.
    pub(crate) fn check(&self, value: &Value) -> Result<(), Vec<Violation>> {
        let pattern_work = if self.cost.patterns == 0 { 0 } else { self.cost.patterns.saturating_mul(text_of(value)) };
        if self.cost.nodes.saturating_mul(nodes_of(value)) > MAX_CHECKS || pattern_work > MAX_PATTERN_WORK_BYTES {
            let message = "it is too large to be checked against this schema; send less at once".to_owned();
            return Err(vec![Violation { path: String::new(), message }]);
        }
        if self.validator.is_valid(value) {
            return Ok(());
        }
        Err(self
            .validator
            .iter_errors(value)
            .take(MAX_VIOLATIONS)
            .map(|error| Violation {
                // Names in it are the caller's, or a connector's: as little to be trusted as the value.
                path: bounded(error.instance_path().as_str()),
                message: bounded(&error.to_string()),
            })
            .collect())
    }
}

/// Counts what a schema costs into `cost`, following references. `following` are the references on the way here.
fn count<'a>(root: &'a Value, schema: &'a Value, following: &mut Vec<&'a str>, cost: &mut Cost) -> Result<(), String> {
    cost.nodes += 1;
    if cost.nodes > MAX_SCHEMA_NODES {
        return Err(format!("it has more than {MAX_SCHEMA_NODES} nodes with its references followed"));
    }
    match schema {
        Value::Array(items) => items.iter().try_for_each(|item| count(root, item, following, cost)),
        Value::Object(members) => {
            if let Some(keyword) = REFUSED_KEYWORDS.iter().find(|keyword| members.contains_key(**keyword)) {
                return Err(format!("it uses {keyword}, which is not supported"));
            }
            let pattern = members.get("pattern").and_then(Value::as_str);
            let names = members.get("patternProperties").and_then(Value::as_object);
            for pattern in
                pattern.into_iter().chain(names.into_iter().flat_map(|names| names.keys().map(String::as_str)))
            {
                cost.patterns += 1;
                if pattern.len() > MAX_PATTERN_BYTES || cost.patterns > MAX_PATTERNS {
                    return Err(format!(
                        "it has more than {MAX_PATTERNS} patterns, or one of more than {MAX_PATTERN_BYTES} bytes"
                    ));
                }
            }
            if let Some(Value::String(reference)) = members.get("$ref") {
                let target = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
                let target = target.ok_or("a $ref leads out of the document, or nowhere")?;
                if following.contains(&reference.as_str()) {
                    return Err("its references go round in a circle".to_owned());
                }
                following.push(reference);
                count(root, target, following, cost)?;
                following.pop();
            }
            members.values().try_for_each(|member| count(root, member, following, cost))
        }
        _ => Ok(()),
    }
}

fn nodes_of(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(nodes_of).sum::<usize>(),
        Value::Object(members) => 1 + members.values().map(nodes_of).sum::<usize>(),
        _ => 1,
    }
}

/// The bytes of all texts and names in a value.
fn text_of(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(text_of).sum(),
        Value::Object(members) => members.iter().map(|(name, member)| name.len() + text_of(member)).sum(),
        _ => 0,
    }
}

fn bounded(text: &str) -> String {
    crate::text::clean(text, MAX_MESSAGE_BYTES)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what failed by panicking")]
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
    fn a_schema_cannot_be_made_to_cost_more_than_it_says() {
        // Each definition asks for the next one twice: forty lines, 2^40 visits.
        let mut definitions = serde_json::Map::new();
        for level in 0..40 {
            let next = json!({ "$ref": format!("#/$defs/a{}", level + 1) });
            definitions.insert(format!("a{level}"), json!({ "allOf": [next, next] }));
        }
        definitions.insert("a40".to_owned(), json!({ "type": "string" }));
        let doubling =
            json!({ "type": "object", "properties": { "x": { "$ref": "#/$defs/a0" } }, "$defs": definitions });
        assert!(Schema::compile(&doubling).unwrap_err().contains("nodes"));
        let circle = json!({ "type": "object", "properties": { "x": { "$ref": "#" } } });
        assert!(Schema::compile(&circle).unwrap_err().contains("circle"));
        for keyword in ["$dynamicRef", "unevaluatedItems", "$id"] {
            assert!(Schema::compile(&json!({ "type": "object", keyword: "x" })).unwrap_err().contains(keyword));
        }
        let look_around = json!({ "type": "object", "properties": { "x": { "pattern": "(?=a+)+$" } } });
        assert!(Schema::compile(&look_around).is_err());

        let honest = json!({
            "type": "object", "properties": { "x": { "type": "array", "items": { "$ref": "#/$defs/item" } } },
            "$defs": { "item": { "type": "integer" } }
        });
        let schema = Schema::compile(&honest).unwrap();
        assert!(schema.check(&json!({ "x": [1, 2, 3] })).is_ok());
        let large = json!({ "x": vec![1; 1_000_000] });
        assert!(schema.check(&large).unwrap_err()[0].message.contains("too large"));
    }

    #[test]
    fn patterns_are_few_short_and_small() {
        let with = |pattern: &str| {
            Schema::compile(&json!({ "type": "object", "properties": { "x": { "pattern": pattern } } }))
        };
        for honest in
            [r"^\w{1,64}$", "^.{1,255}$", r"^[\p{L} ]+$", r"^\d{4}-\d{2}-\d{2}$", "^[A-Za-z0-9._%+-]{1,64}@[a-z.]+$"]
        {
            assert!(with(honest).is_ok(), "{honest}: {:?}", with(honest));
        }
        for costly in [r"(\p{L}{100}){100}", "((a{100}){100}){100}", "(.{255}){255}"] {
            assert!(with(costly).is_err(), "{costly}");
        }
        assert!(with(&"\\cA".repeat(200)).unwrap_err().contains("patterns"));
        let many: serde_json::Map<String, Value> = (0..17).map(|n| (format!("^a{n}"), json!(true))).collect();
        let many = json!({ "type": "object", "patternProperties": many });
        assert!(Schema::compile(&many).unwrap_err().contains("patterns"));

        let schema = with("(a|b)*a(a|b){200}c").unwrap();
        let long = json!({ "x": "ab".repeat(3 << 20) });
        assert!(schema.check(&long).unwrap_err()[0].message.contains("too large"));
        let places = schema.check(&json!({ "x": "no" })).unwrap_err();
        assert_eq!(places[0].path, "/x");
    }

    #[test]
    fn a_violation_repeats_no_terminal_code_and_no_endless_name() {
        let schema =
            Schema::compile(&json!({ "type": "object", "additionalProperties": { "type": "integer" } })).unwrap();
        let hostile = json!({ ("\u{1b}[2J\u{202e}".repeat(1_000)): "x" });
        for violation in schema.check(&hostile).unwrap_err() {
            let shown = violation.to_string();
            assert!(shown.len() < 1_000 && !shown.chars().any(crate::text::is_unsafe), "{shown:?}");
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

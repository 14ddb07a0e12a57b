//! Arguments as a caller sends them, against a schema as a connector declares it.

use serde_json::Value;
use toolkeep_host::fuzzing::{Tried, clean_json, try_arguments};
use toolkeep_policy::text::is_unsafe;

use crate::clean::{assert_clean, assert_clean_json};

/// Schemas for inputs that bring none: what honest tools have, and the keywords that are costly or surprising.
const SCHEMAS: [&str; 4] = [
    r##"{"type": "object", "additionalProperties": false, "required": ["title"], "properties": {
        "title": {"type": "string", "minLength": 1, "maxLength": 20}, "limit": {"type": "integer", "minimum": 1},
        "note": {"type": ["string", "null"]}, "status": {"enum": ["open", "closed"]}}}"##,
    r##"{"type": "object", "properties": {"rows": {"type": "array", "uniqueItems": true, "items": {"$ref": "#/$defs/row"}}},
        "$defs": {"row": {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "number", "multipleOf": 0.1}]}}}"##,
    r##"{"type": "object", "patternProperties": {"^[a-z]+$": {"type": "integer"}, "\\w{8}": {"pattern": "^(a|b)*c"}},
        "propertyNames": {"maxLength": 12}, "maxProperties": 5}"##,
    r##"{"type": "object", "oneOf": [{"required": ["a"]}, {"required": ["b"]}], "dependentRequired": {"a": ["c"]},
        "if": {"properties": {"a": {"const": 1.0}}}, "then": {"properties": {"c": {"contains": {"const": null}}}}}"##,
];
/// Most bytes of arguments, as the host's own limit is.
const MAX_BYTES: usize = 256 << 10;

/// The input's first line is a schema, or chooses one; the rest is the arguments' JSON.
pub fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Some((first, json)) = text.split_once('\n') else { return };
    let chosen = first.bytes().next().and_then(|byte| SCHEMAS.get(usize::from(byte) % SCHEMAS.len()));
    let schema = if first.starts_with('{') { first } else { chosen.copied().unwrap_or_default() };
    // As every way in reads it; deeper nesting than 128 ends here.
    let Ok(given) = serde_json::from_str::<Value>(json) else { return };
    is_clean_json(json, &given);

    match try_arguments(schema, given.clone(), MAX_BYTES) {
        Tried::NoSchema(reason) => assert_clean("why it is no schema", &reason, 512),
        Tried::Refused(violations) => {
            assert!((1..=16).contains(&violations.len()), "{} violations", violations.len());
            for violation in violations {
                assert_clean("a violation's place", &violation.path, 512);
                assert_clean("a violation", &violation.message, 512);
            }
        }
        Tried::TooLarge => assert!(json.len() > MAX_BYTES / 8, "{} bytes are too large", json.len()),
        Tried::Taken { text, names } => {
            assert!(text.len() <= MAX_BYTES);
            let taken: Value = serde_json::from_str(&text).unwrap_or_default();
            assert!(taken.is_object(), "{text}");
            is_what_was_given(&given, &taken, true);
            let members = taken.as_object().map(|taken| taken.keys().cloned().collect::<Vec<_>>());
            assert_eq!(members, Some(names));
            // What was taken is taken again, and means the same.
            let again = match try_arguments(schema, taken.clone(), MAX_BYTES) {
                Tried::Taken { text, .. } => serde_json::from_str(&text).unwrap_or_default(),
                _ => Value::Null,
            };
            is_what_was_given(&taken, &again, false);
        }
    }
}

/// The same text, had a guest answered it, is JSON once cleaned, and clean: as it is and with its escapes read.
fn is_clean_json(json: &str, given: &Value) {
    let cleaned = clean_json(json);
    // A bare carriage return can only be white space between tokens.
    assert!(!cleaned.chars().any(|c| is_unsafe(c) && c != '\r'), "{cleaned:?}");
    let read = serde_json::from_str::<Value>(&cleaned);
    assert!(read.is_ok(), "{json:?} became {cleaned:?}");
    let read = read.unwrap_or_default();
    assert_clean_json("cleaned JSON", &read, json.len() * 3);
    let has_escapes = ["\\u", "\\r", "\\b", "\\f"].iter().any(|escape| json.contains(escape));
    let was_clean = !given.to_string().chars().any(is_unsafe) && !has_escapes;
    assert!(!was_clean || read == *given, "{json:?} was clean and became {cleaned:?}");
}

/// The same members and values; numbers equal, in whichever spelling. At the top, nulls may be left out.
fn is_what_was_given(given: &Value, taken: &Value, top: bool) {
    match (given, taken) {
        (Value::Null, Value::Object(taken)) if top => assert!(taken.is_empty(), "arguments out of nothing"),
        (Value::Object(given), Value::Object(taken)) => {
            for (name, value) in given {
                match taken.get(name) {
                    Some(taken) => is_what_was_given(value, taken, false),
                    None => assert!(top && value.is_null(), "{name} is lost"),
                }
            }
            assert!(taken.keys().all(|name| given.contains_key(name)), "a member was added");
        }
        (Value::Array(given), Value::Array(taken)) => {
            assert_eq!(given.len(), taken.len());
            given.iter().zip(taken).for_each(|(given, taken)| is_what_was_given(given, taken, false));
        }
        (Value::Number(given), Value::Number(taken)) if given != taken => {
            let (one, other) = (given.as_f64().unwrap_or(f64::NAN), taken.as_f64().unwrap_or(f64::NAN));
            // The parser of JSON is exact to the last place but one, and both texts went through it.
            let is_near = (one - other).abs() <= one.abs() * 4.0 * f64::EPSILON;
            assert!(given.is_f64() && if taken.is_f64() { is_near } else { one == other }, "{given} became {taken}");
        }
        _ => assert_eq!(given, taken),
    }
}

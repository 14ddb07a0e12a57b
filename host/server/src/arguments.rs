//! `key=value` on the command line, turned into the JSON that a tool's input schema asks for.
//!
//! Only the shape is decided here (is `5` a number or a text?). Whether the value is right, and whether the
//! key exists, is the host's check, so that both ways of calling a tool answer alike.

use serde_json::{Map, Value};

use crate::failure::Failure;

/// How far `$ref`, `anyOf` and the like are followed; a schema that nests deeper is treated as untyped.
const MAX_SCHEMA_DEPTH: usize = 8;

/// The JSON types that a value may have.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Types {
    string: bool,
    integer: bool,
    number: bool,
    boolean: bool,
    array: bool,
    object: bool,
    null: bool,
}

/// Reads `pairs` against a tool's input schema.
///
/// # Errors
/// A pair without `=`, a key given twice that is no list, or a value that has none of the types its key
/// allows; the text says which type was wanted, and names every mistake, so that one more try is enough.
pub(crate) fn parse(pairs: &[String], schema: &Value) -> Result<Map<String, Value>, Failure> {
    let mut arguments = Map::new();
    let (mut mistakes, mut unknown) = (Vec::new(), Vec::new());
    for pair in pairs {
        let Some((key, text)) = pair.split_once('=') else {
            mistakes.push(format!("`{pair}` is not key=value"));
            continue;
        };
        let property = schema.get("properties").and_then(|properties| properties.get(key));
        if property.is_none() && schema.get("additionalProperties") == Some(&Value::Bool(false)) {
            unknown.push(format!("`{key}` is no argument of this tool"));
        }
        let types = property.map_or_else(Types::default, |property| types_of(property, schema, 0));
        let value = match read(key, text, types, property, schema) {
            Ok(value) => value,
            Err(mistake) => {
                mistakes.push(mistake);
                continue;
            }
        };
        match (arguments.get_mut(key), value) {
            (None, value) => {
                arguments.insert(key.to_owned(), value);
            }
            // `team=a team=b` and `team=a,b` mean the same list.
            (Some(Value::Array(earlier)), Value::Array(mut more)) if types.array => earlier.append(&mut more),
            (Some(_), _) => mistakes.push(format!("`{key}` is given twice")),
        }
    }
    if mistakes.is_empty() {
        // Unknown keys alone are left to the host, which knows the right ones and records the refusal.
        return Ok(arguments);
    }
    mistakes.append(&mut unknown);
    Err(Failure::usage(mistakes.join("; ")).next("toolkeep call TOOL key=value …; toolkeep tools lists the arguments"))
}

fn read(key: &str, text: &str, types: Types, property: Option<&Value>, root: &Value) -> Result<Value, String> {
    if let Some(value) = scalar(text, types) {
        return Ok(value);
    }
    if types.array {
        if text.starts_with('[') {
            return serde_json::from_str(text).map_err(|error| format!("`{key}` is not a JSON list: {error}"));
        }
        let items = property.and_then(|property| find(property, root, "items", 0));
        let item_types = items.map_or_else(Types::default, |items| types_of(items, root, 0));
        return text
            .split(',')
            .map(|item| read(key, item.trim(), item_types, items, root))
            .collect::<Result<Vec<_>, _>>()
            .map(Value::Array);
    }
    if types.object {
        return serde_json::from_str(text).map_err(|error| format!("`{key}` is not a JSON object: {error}"));
    }
    // An unknown key or an untyped one: text, and the host says what it thinks of it.
    if types == Types::default() {
        return Ok(Value::String(text.to_owned()));
    }
    Err(format!("`{key}` must be {}; `{text}` is not", wanted(types)))
}

/// The value, if a scalar type fits. Text comes last, so that `5` is a number where either is allowed.
fn scalar(text: &str, types: Types) -> Option<Value> {
    if (types.integer || types.number)
        && let Ok(number) = text.parse::<i64>()
    {
        return Some(number.into());
    }
    if types.number
        && let Ok(number) = text.parse::<f64>()
        && let Some(number) = serde_json::Number::from_f64(number)
    {
        return Some(Value::Number(number));
    }
    if types.boolean
        && let Ok(flag) = text.parse::<bool>()
    {
        return Some(flag.into());
    }
    if types.null && !types.string && text == "null" {
        return Some(Value::Null);
    }
    types.string.then(|| Value::String(text.to_owned()))
}

fn wanted(types: Types) -> String {
    let names = [
        (types.integer && !types.number, "a whole number"),
        (types.number, "a number"),
        (types.boolean, "true or false"),
        (types.null, "null"),
    ];
    names.iter().filter(|(applies, _)| *applies).map(|(_, name)| *name).collect::<Vec<_>>().join(" or ")
}

/// Which types a schema allows. It looks through `$ref`, `anyOf`, `oneOf`, `allOf`, `enum` and `const`;
/// nothing found means anything goes.
fn types_of(schema: &Value, root: &Value, depth: usize) -> Types {
    let mut types = Types::default();
    collect(schema, root, depth, &mut types);
    types
}

fn collect(schema: &Value, root: &Value, depth: usize, types: &mut Types) {
    if depth > MAX_SCHEMA_DEPTH {
        return;
    }
    match schema.get("type") {
        Some(Value::String(name)) => types.add(name),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).for_each(|name| types.add(name)),
        _ => {}
    }
    let literals = schema.get("enum").and_then(Value::as_array).into_iter().flatten().chain(schema.get("const"));
    for literal in literals {
        types.add(match literal {
            Value::String(_) => "string",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_f64() => "number",
            Value::Number(_) => "integer",
            Value::Null => "null",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        });
    }
    for inner in alternatives(schema, root) {
        collect(inner, root, depth + 1, types);
    }
}

/// The schemas that a schema stands for.
fn alternatives<'a>(schema: &'a Value, root: &'a Value) -> impl Iterator<Item = &'a Value> {
    let referenced = schema
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|reference| reference.strip_prefix('#'))
        .and_then(|pointer| root.pointer(pointer));
    let branches =
        ["anyOf", "oneOf", "allOf"].into_iter().filter_map(|name| schema.get(name).and_then(Value::as_array)).flatten();
    referenced.into_iter().chain(branches)
}

/// A keyword of a schema or of one of its alternatives.
fn find<'a>(schema: &'a Value, root: &'a Value, keyword: &str, depth: usize) -> Option<&'a Value> {
    if depth > MAX_SCHEMA_DEPTH {
        return None;
    }
    schema.get(keyword).or_else(|| alternatives(schema, root).find_map(|inner| find(inner, root, keyword, depth + 1)))
}

impl Types {
    fn add(&mut self, name: &str) {
        match name {
            "string" => self.string = true,
            "integer" => self.integer = true,
            "number" => self.number = true,
            "boolean" => self.boolean = true,
            "array" => self.array = true,
            "object" => self.object = true,
            "null" => self.null = true,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;
    use serde_json::json;

    fn schema() -> Value {
        json!({
            "type": "object",
            "properties": {
                "status": { "$ref": "#/$defs/Status" },
                "limit": { "type": ["integer", "null"] },
                "ratio": { "type": "number" },
                "verbose": { "type": "boolean" },
                "teams": { "type": "array", "items": { "type": "string" } },
                "numbers": { "anyOf": [{ "type": "array", "items": { "type": "integer" } }, { "type": "null" }] },
                "incident": { "type": ["string", "integer"] },
                "window": { "type": "object" }
            },
            "$defs": { "Status": { "enum": ["open", "resolved"] } },
            "additionalProperties": false
        })
    }

    fn read_all(pairs: &[&str]) -> Result<Value, Failure> {
        let pairs: Vec<String> = pairs.iter().map(|&pair| pair.to_owned()).collect();
        parse(&pairs, &schema()).map(Value::Object)
    }

    #[test]
    fn values_get_the_types_of_the_schema() {
        let got = read_all(&[
            "status=open",
            "limit=5",
            "ratio=0.5",
            "verbose=true",
            "teams=a, b",
            "numbers=1,2",
            "incident=4201",
            "window={\"since\":\"now\"}",
        ]);
        assert_eq!(
            got.unwrap(),
            json!({
                "status": "open", "limit": 5, "ratio": 0.5, "verbose": true, "teams": ["a", "b"],
                "numbers": [1, 2], "incident": 4201, "window": { "since": "now" }
            })
        );
    }

    #[test]
    fn a_value_keeps_its_equals_signs_and_a_list_may_be_repeated_or_json() {
        assert_eq!(read_all(&["status=a=b"]).unwrap(), json!({ "status": "a=b" }));
        assert_eq!(read_all(&["teams=a", "teams=b"]).unwrap(), json!({ "teams": ["a", "b"] }));
        assert_eq!(read_all(&["teams=[\"a,b\"]"]).unwrap(), json!({ "teams": ["a,b"] }));
        assert_eq!(read_all(&["limit=null"]).unwrap(), json!({ "limit": null }));
    }

    #[test]
    fn what_has_no_fitting_type_is_a_usage_error_that_says_what_was_wanted() {
        for (pair, wanted) in [
            ("limit=five", "a whole number"),
            ("verbose=yes", "true or false"),
            ("window=x", "JSON object"),
            ("status", "key=value"),
        ] {
            let failure = read_all(&[pair]).unwrap_err();
            assert!(failure.message().contains(wanted), "{pair}: {}", failure.message());
        }
        assert!(read_all(&["limit=1", "limit=2"]).unwrap_err().message().contains("twice"));
    }

    #[test]
    fn every_mistake_is_named_at_once() {
        let failure = read_all(&["limit=abc", "nope=1", "verbose=yes"]).unwrap_err();
        for wanted in ["`limit` must be", "`nope` is no argument", "`verbose` must be"] {
            assert!(failure.message().contains(wanted), "{}", failure.message());
        }
    }

    #[test]
    fn an_unknown_key_is_left_to_the_host() {
        assert_eq!(read_all(&["nonsense=1"]).unwrap(), json!({ "nonsense": "1" }));
    }
}

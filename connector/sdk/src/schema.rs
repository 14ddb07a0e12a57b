//! From an argument struct to the JSON Schema that a model reads: flat, and nothing in it that a model
//! does not need, because every client pays for these bytes on every turn.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value};

/// Keywords that say nothing to a model: `format` is here for the likes of `uint32`, which JSON Schema
/// does not define.
const NOISE: [&str; 3] = ["$schema", "title", "format"];

/// JSON Schema 2020-12 of `T`, subschemas inlined, as text.
pub fn schema_of<T: JsonSchema>() -> String {
    text_of(SchemaGenerator::into_root_schema_for::<T>)
}

/// One copy of the rest, not one for each type.
fn text_of(root: fn(SchemaGenerator) -> Schema) -> String {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = root(settings.into_generator()).to_value();
    tidy(&mut schema);
    if let Value::Object(root) = &mut schema {
        // The struct's own comment is for its reader; the tool's description is for the model.
        root.remove("description");
        if root.get("type").and_then(Value::as_str) == Some("object") {
            root.entry("properties").or_insert_with(|| Value::Object(Map::new()));
        }
    }
    schema.to_string()
}

/// Tidies one schema and those inside it. A property may well be called `title`, so names of properties
/// are never looked at.
fn tidy(schema: &mut Value) {
    let Value::Object(object) = schema else { return };
    for noise in NOISE {
        object.shift_remove(noise);
    }
    if object.get("default").is_some_and(Value::is_null) {
        object.shift_remove("default");
    }
    if let Some(Value::String(text)) = object.get_mut("description") {
        *text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    drop_null(object);
    for inside in ["properties", "$defs"] {
        if let Some(Value::Object(schemas)) = object.get_mut(inside) {
            schemas.values_mut().for_each(tidy);
        }
    }
    for inside in ["items", "additionalProperties"] {
        if let Some(inner) = object.get_mut(inside) {
            tidy(inner);
        }
    }
    for inside in ["anyOf", "oneOf", "allOf"] {
        if let Some(Value::Array(schemas)) = object.get_mut(inside) {
            schemas.iter_mut().for_each(tidy);
        }
    }
}

/// An optional argument is left out, not sent as null: one form is easier for a model, and some clients
/// accept no list of types.
fn drop_null(object: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(values)) = object.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
        choices.retain(|choice| choice.get("type").and_then(Value::as_str) != Some("null"));
        if let [Value::Object(only)] = choices.as_slice() {
            let only = only.clone();
            object.shift_remove("anyOf");
            for (key, value) in only {
                object.entry(key).or_insert(value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(dead_code, reason = "the fields are there for their schema")]
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize, JsonSchema)]
    #[serde(rename_all = "lowercase")]
    enum Color {
        Red,
        Green,
    }

    /// Not for the model.
    #[derive(Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Args {
        /// What it is
        /// called.
        title: String,
        /// Rows.
        limit: Option<u32>,
        color: Option<Color>,
        tags: Option<Vec<String>>,
    }

    #[derive(Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}

    #[test]
    fn is_flat_and_free_of_noise() {
        assert_eq!(
            schema_of::<Args>(),
            concat!(
                r#"{"type":"object","additionalProperties":false,"properties":{"#,
                r#""title":{"type":"string","description":"What it is called."},"#,
                r#""limit":{"type":"integer","minimum":0,"description":"Rows."},"#,
                r#""color":{"type":"string","enum":["red","green"]},"#,
                r#""tags":{"type":"array","items":{"type":"string"}}},"required":["title"]}"#
            )
        );
    }

    #[test]
    fn an_empty_struct_is_still_an_object_schema() {
        let schema: Value = serde_json::from_str(&schema_of::<Nothing>()).unwrap_or_default();
        assert_eq!(schema["type"], "object");
        assert_eq!(schema["additionalProperties"], false);
        assert!(schema["properties"].is_object());
    }
}

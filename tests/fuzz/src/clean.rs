//! What is shown to people and models: without characters that deceive, and bounded.

use serde_json::Value;
use toolkeep_policy::text::is_unsafe;

/// Asserts that a text has none of the characters, and no more than so many bytes.
pub(crate) fn assert_clean(what: &str, text: &str, max_bytes: usize) {
    assert!(text.len() <= max_bytes, "{what} has {} bytes; at most {max_bytes} are right", text.len());
    let deceiving = text.chars().find(|c| is_unsafe(*c));
    assert_eq!(deceiving, None, "{what} holds a character that deceives");
}

/// The same of every text and every name in a JSON value.
pub(crate) fn assert_clean_json(what: &str, value: &Value, max_bytes: usize) {
    match value {
        Value::String(text) => assert_clean(what, text, max_bytes),
        Value::Array(items) => items.iter().for_each(|item| assert_clean_json(what, item, max_bytes)),
        Value::Object(members) => members.iter().for_each(|(name, member)| {
            assert_clean(what, name, max_bytes);
            assert_clean_json(name, member, max_bytes);
        }),
        _ => {}
    }
}

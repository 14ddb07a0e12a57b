//! Arguments for a tool, made from its schema: valid ones, the edges of what is valid, and texts that have broken
//! somebody's program before. The same schema and seed give the same list.

use hostile_upstream::Random;
use serde_json::{Map, Value, json};

/// What texts are filled with where nothing says what they mean: no path, no escape, an ID at many APIs, and one of
/// those that the plausible upstream gives.
const PLAIN_TEXT: &str = "PITEM01";
/// References and branches that are followed inside each other; the host refuses circles when it loads a schema.
const MAX_DEPTH: usize = 12;
/// Longest text that is made to fit a schema's `minLength` or `maxLength`, in characters: far beyond what an
/// upstream takes in a name, and short enough for the host's limit on arguments.
const MAX_TEXT_CHARS: usize = 16_000;
/// Most items that are made to fit a schema's `minItems` or `maxItems`.
const MAX_ITEMS: usize = 200;

/// Texts that are data to one program and syntax to the next.
const HOSTILE: [&str; 26] = [
    "",
    " ",
    "../../users/me",
    "..%2f..%2fusers%2fme",
    "%2e%2e/%2e%2e",
    "..\\..\\users",
    "a/b",
    "/absolute",
    "a?b=c&d=e#f",
    "%00",
    "%zz%",
    "%25%32%65",
    "a;b=c",
    "\"quoted\" 'single' `tick`",
    "{\"a\":[1,2]}",
    "a\r\nX-Injected: 1\r\n\r\nGET /webhook HTTP/1.1",
    "line\u{2028}line\u{2029}line",
    "nul\u{0}nul",
    "\u{1b}[31mred\u{7}",
    "\u{202e}txt.exe\u{200b}",
    "ünïcödé 漢字 🙂 ﷽",
    "https://stranger.example/collect?x=1",
    "//stranger.example/x",
    "{credential} ${token} {{secret}} %s%n",
    "null",
    "-1e999",
];

/// One set of arguments, and why it was made.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Arguments {
    /// Such as `required only`, or `text 7 in title`.
    pub(crate) why: String,
    /// The object.
    pub(crate) value: Value,
}

/// Sets of arguments for a schema. The first is what is required and nothing else, the second everything, then comes
/// each optional one by itself; all of these are valid wherever the schema says what it means (a `pattern` is not
/// solved), and always there. What breaks programs fills the list up to `most`.
pub(crate) fn sets(schema: &Value, most: usize, seed: u64) -> Vec<Arguments> {
    let make = Maker { root: schema };
    let minimal = make.object(schema, false, 0);
    let full = make.object(schema, true, 0);
    let mut sets = vec![Arguments { why: "required only".to_owned(), value: Value::Object(minimal.clone()) }];
    if full != minimal {
        sets.push(Arguments { why: "everything".to_owned(), value: Value::Object(full.clone()) });
    }
    let mut more = Vec::new();
    for (name, property) in make.properties(schema) {
        let plain = make.value(property, true, 1);
        let value: Map<String, Value> = minimal.clone().into_iter().chain([(name.clone(), plain)]).collect();
        let plain = Arguments { why: format!("required only, and {name}"), value: Value::Object(value) };
        if sets.iter().all(|known| known.value != plain.value) {
            sets.push(plain);
        }
        let base = |value: Value| {
            let mut changed = minimal.clone();
            changed.insert(name.clone(), value);
            Value::Object(changed)
        };
        for (what, value) in make.variants(property) {
            more.push(Arguments { why: format!("{what} in {name}"), value: base(value) });
        }
        // Once with everything else, where other arguments are looked at too.
        if make.takes_text(property) {
            let mut changed = full.clone();
            changed.insert(name.clone(), json!(HOSTILE[2]));
            more.push(Arguments {
                why: format!("a path in {name}, with everything else"),
                value: Value::Object(changed),
            });
        }
    }
    more.retain(|arguments| sets.iter().all(|known| known.value != arguments.value));
    more.dedup_by(|a, b| a.value == b.value);
    // Which ones stay is the seed's choice, so that many seeds try them all; their order is the schema's.
    let mut random = Random::new(seed);
    while more.len() + sets.len() > most.max(1) && !more.is_empty() {
        more.remove(random.below(more.len()));
    }
    sets.extend(more);
    sets
}

struct Maker<'a> {
    root: &'a Value,
}

impl<'a> Maker<'a> {
    /// The schema behind references, and the first branch that is not null where there are several.
    fn resolved(&self, mut schema: &'a Value) -> &'a Value {
        for _ in 0..MAX_DEPTH {
            if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
                let pointer = target.strip_prefix('#').unwrap_or_default();
                schema = self.root.pointer(pointer).unwrap_or(&Value::Null);
                continue;
            }
            let branches = ["anyOf", "oneOf"].iter().find_map(|keyword| schema.get(keyword)?.as_array());
            match branches
                .and_then(|branches| branches.iter().find(|branch| branch.get("type") != Some(&json!("null"))))
            {
                Some(branch) => schema = branch,
                None => break,
            }
        }
        schema
    }

    /// Every property of an object schema, those of `allOf` and of its first branch among them.
    fn properties(&self, schema: &'a Value) -> Vec<(String, &'a Value)> {
        let mut found: Vec<(String, &Value)> = Vec::new();
        let all_of = schema.get("allOf").and_then(Value::as_array).into_iter().flatten();
        for part in std::iter::once(schema).chain(all_of).chain(std::iter::once(self.resolved(schema))) {
            let Some(properties) = self.resolved(part).get("properties").or(part.get("properties")) else { continue };
            for (name, property) in properties.as_object().into_iter().flatten() {
                if !found.iter().any(|(known, _)| known == name) {
                    found.push((name.clone(), property));
                }
            }
        }
        found
    }

    fn object(&self, schema: &'a Value, is_full: bool, depth: usize) -> Map<String, Value> {
        let all_of = schema.get("allOf").and_then(Value::as_array).into_iter().flatten();
        let required: Vec<&str> = std::iter::once(schema)
            .chain(std::iter::once(self.resolved(schema)))
            .chain(all_of.map(|part| self.resolved(part)))
            .filter_map(|part| part.get("required")?.as_array())
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        self.properties(schema)
            .into_iter()
            .filter(|(name, _)| is_full || required.contains(&name.as_str()))
            .map(|(name, property)| {
                let value = self.value(property, is_full, depth + 1);
                (name, value)
            })
            .collect()
    }

    fn kind(&self, schema: &'a Value) -> &'a str {
        match schema.get("type") {
            Some(Value::String(kind)) => kind,
            Some(Value::Array(kinds)) => {
                kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or("null")
            }
            _ if schema.get("properties").is_some() => "object",
            _ => "string",
        }
    }

    fn takes_text(&self, schema: &'a Value) -> bool {
        let schema = self.resolved(schema);
        let may_be_text = match schema.get("type") {
            Some(Value::Array(kinds)) => kinds.contains(&json!("string")),
            Some(kind) => kind == "string",
            None => true,
        };
        may_be_text && schema.get("enum").is_none() && schema.get("const").is_none()
    }

    /// One valid value.
    fn value(&self, schema: &'a Value, is_full: bool, depth: usize) -> Value {
        let schema = self.resolved(schema);
        if depth > MAX_DEPTH {
            return Value::Null;
        }
        let given = schema.get("const").or_else(|| schema.get("default").filter(|value| !value.is_null()));
        if let Some(given) = given {
            return given.clone();
        }
        for list in ["enum", "examples"] {
            let first =
                schema.get(list).and_then(Value::as_array).and_then(|all| all.iter().find(|one| !one.is_null()));
            if let Some(first) = first {
                return first.clone();
            }
        }
        match self.kind(schema) {
            "object" => Value::Object(self.object(schema, is_full, depth)),
            "array" => {
                let count = bound(schema, "minItems").unwrap_or(u64::from(is_full));
                let item = schema.get("items").unwrap_or(&Value::Null);
                (0..count.min(MAX_ITEMS as u64)).map(|_| self.value(item, is_full, depth + 1)).collect()
            }
            "boolean" => json!(is_full),
            "integer" | "number" => lowest(schema).map_or(json!(1), |low| json!(low)),
            "null" => Value::Null,
            _ => json!(text(schema)),
        }
    }

    /// Other values: each of an enumeration, the edges of ranges and lengths, hostile texts.
    fn variants(&self, schema: &'a Value) -> Vec<(String, Value)> {
        let schema = self.resolved(schema);
        let mut out: Vec<(String, Value)> = Vec::new();
        let mut add = |what: &str, value: Value| out.push((what.to_owned(), value));
        if let Some(all) = schema.get("enum").and_then(Value::as_array) {
            all.iter().for_each(|one| add("a value of the enumeration", one.clone()));
            return out;
        }
        if schema.get("const").is_some() {
            return out;
        }
        match self.kind(schema) {
            "boolean" => [true, false].into_iter().for_each(|one| add("a boolean", json!(one))),
            "integer" | "number" => {
                let (low, high) = (lowest(schema), highest(schema));
                low.into_iter().for_each(|low| add("the lowest number", json!(low)));
                high.into_iter().for_each(|high| add("the highest number", json!(high)));
                if low.is_none() {
                    [0_i64, -1, i64::from(i32::MIN)].into_iter().for_each(|one| add("a low number", json!(one)));
                }
                if high.is_none() {
                    [i64::from(u32::MAX), 1 << 53, i64::MAX]
                        .into_iter()
                        .for_each(|one| add("a high number", json!(one)));
                }
            }
            "array" => {
                let item = schema.get("items").unwrap_or(&Value::Null);
                for (what, count) in [
                    ("no item", bound(schema, "minItems").unwrap_or(0)),
                    ("many items", bound(schema, "maxItems").unwrap_or(50)),
                ] {
                    let items = (0..count.min(MAX_ITEMS as u64)).map(|_| self.value(item, true, 1)).collect();
                    add(what, items);
                }
                for (what, value) in self.variants(item) {
                    add(&format!("{what} in an item"), json!([value]));
                }
            }
            "object" => {
                for (name, property) in self.properties(schema) {
                    for (what, value) in self.variants(property) {
                        let mut changed = self.object(schema, false, 1);
                        changed.insert(name.clone(), value);
                        add(&format!("{what} in {name}"), Value::Object(changed));
                    }
                }
            }
            _ => {}
        }
        if self.takes_text(schema) {
            for (what, length) in
                [("the shortest text", bound(schema, "minLength")), ("the longest text", bound(schema, "maxLength"))]
            {
                let length = length.and_then(|length| usize::try_from(length).ok());
                if let Some(length) = length.filter(|length| *length <= MAX_TEXT_CHARS) {
                    add(what, json!("a".repeat(length)));
                }
            }
            if bound(schema, "maxLength").is_none() {
                add("a very long text", json!("x".repeat(MAX_TEXT_CHARS)));
            }
            for (number, hostile) in HOSTILE.iter().enumerate() {
                add(&format!("hostile text {number}"), json!(hostile));
            }
        }
        out
    }
}

fn bound(schema: &Value, keyword: &str) -> Option<u64> {
    schema.get(keyword).and_then(Value::as_u64)
}

fn lowest(schema: &Value) -> Option<i64> {
    let number = |keyword| schema.get(keyword).and_then(Value::as_f64);
    whole(number("minimum").map(f64::ceil).or(number("exclusiveMinimum").map(|low| low.floor() + 1.0))?)
}

fn highest(schema: &Value) -> Option<i64> {
    let number = |keyword| schema.get(keyword).and_then(Value::as_f64);
    whole(number("maximum").map(f64::floor).or(number("exclusiveMaximum").map(|high| high.ceil() - 1.0))?)
}

#[expect(clippy::cast_possible_truncation, reason = "whole, and within 2^53, where floats are exact")]
fn whole(number: f64) -> Option<i64> {
    (number.abs() < 9_007_199_254_740_992.0).then_some(number as i64)
}

/// A text of the format and length that the schema asks for.
fn text(schema: &Value) -> String {
    let format = match schema.get("format").and_then(Value::as_str) {
        Some("date-time") => Some("2026-11-20T09:00:00Z"),
        Some("date") => Some("2026-11-20"),
        Some("time") => Some("09:00:00Z"),
        Some("duration") => Some("PT1H"),
        Some("email" | "idn-email") => Some("someone@upstream.example"),
        Some("uri" | "url" | "iri") => Some("https://upstream.example/PITEM01"),
        Some("uuid") => Some("00000000-0000-4000-8000-000000000000"),
        Some("ipv4") => Some("192.0.2.1"),
        Some("ipv6") => Some("2001:db8::1"),
        Some("hostname") => Some("upstream.example"),
        _ => None,
    };
    if let Some(format) = format {
        return format.to_owned();
    }
    let length = |keyword| bound(schema, keyword).and_then(|length| usize::try_from(length).ok());
    let least = length("minLength").unwrap_or(0).min(MAX_TEXT_CHARS);
    let most = length("maxLength").unwrap_or(usize::MAX);
    let mut text: String = PLAIN_TEXT.chars().take(most).collect();
    while text.len() < least {
        text.push('1');
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "a test says what failed by panicking")]
    use super::*;

    fn schema() -> Value {
        json!({
            "type": "object", "required": ["title", "level"],
            "properties": {
                "title": { "type": "string", "minLength": 8, "maxLength": 20 },
                "level": { "$ref": "#/$defs/level" },
                "urgency": { "anyOf": [{ "type": "null" }, { "enum": ["low", "high"] }] },
                "limit": { "type": ["integer", "null"], "minimum": 1, "maximum": 100 },
                "since": { "type": "string", "format": "date-time" },
                "ids": { "type": "array", "items": { "type": "string" }, "minItems": 2, "maxItems": 3 },
                "deep": { "type": "object", "required": ["flag"], "properties": { "flag": { "type": "boolean" } } },
            },
            "$defs": { "level": { "type": "integer", "exclusiveMinimum": 2, "maximum": 9 } },
        })
    }

    #[test]
    fn the_first_two_are_the_least_and_the_most() {
        let sets = sets(&schema(), 1_000, 1);
        assert_eq!(sets[0].value, json!({ "title": "PITEM011", "level": 3 }));
        assert_eq!(
            sets[1].value,
            json!({
                "title": "PITEM011", "level": 3, "urgency": "low", "limit": 1, "since": "2026-11-20T09:00:00Z",
                "ids": ["PITEM01", "PITEM01"], "deep": { "flag": true },
            })
        );
        let values: Vec<String> = sets.iter().map(|set| set.value.to_string()).collect();
        let any = |needle: &str| values.iter().any(|value| value.contains(needle));
        for needle in
            ["\"urgency\":\"high\"", "\"limit\":100", "\"level\":9", "../../users/me", "X-Injected", "\"flag\":false"]
        {
            assert!(any(needle), "{needle}");
        }
        assert!(any(&format!("\"{}\"", "a".repeat(20))), "the longest title");
    }

    #[test]
    fn the_list_is_bounded_and_repeats_itself() {
        let few = sets(&schema(), 10, 7);
        assert_eq!(few.len(), 10);
        assert_eq!(few, sets(&schema(), 10, 7));
        assert_ne!(few, sets(&schema(), 10, 8));
        assert_eq!(sets(&json!({ "type": "object" }), 10, 7).len(), 1);
        assert_eq!(sets(&schema(), 0, 7).len(), 7, "the least, the most, and each of five by itself are always tried");
    }
}

//! Reading JSON: a whole text, its UTF-8 checked once, and faults that say where without quoting what. And writing it.
//!
//! The reader is our own, because reading answers is most of what a component computes, and it reads few of the
//! members that are there: it passes over the others sixty-four bytes at a time. The writer is
//! our own for what it does with short texts, of which answers are made. Both take any type of serde's but those that
//! only serde_json knows (`RawValue`, and numbers under its feature `arbitrary_precision`), which are refused; integers
//! of 128 bits are written and not read.

mod bytes;
mod deserializer;
mod members;
mod nested;
mod reader;
mod serializer;
mod text;
mod writer;

use std::fmt;

use serde::de::DeserializeSeed;
use serde::{Deserialize, Serialize, Serializer};

use reader::{Error, Reader};
pub use text::Text;
use writer::Writer;

/// As the name in `deserialize_struct`: the members that are named there are all that is wanted. The reader passes over
/// the others by itself, which is faster by far than asking about each, and gives the wanted ones by their numbers, as
/// `u64`. For types with a `Deserialize` of their own; `deny_unknown_fields` would have nothing to deny.
pub const WANTED_ONLY: &str = "toolkeep::wanted-only";

/// As the name in `serialize_newtype_struct`: the bytes in it are JSON already.
const WRITTEN: &str = "toolkeep::written";

/// JSON that is written already. Within another answer it stands as it is, so that a row can be written while the page
/// is there that it borrows from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written(Vec<u8>);

impl Written {
    /// The bytes, in UTF-8.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// The text.
    pub fn into_string(self) -> String {
        // It was put together of whole texts, so it is one.
        String::from_utf8(self.0).unwrap_or_default()
    }
}

/// For [`write`](write()) only: other writers would show the bytes.
impl Serialize for Written {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Bytes<'a>(&'a [u8]);
        impl Serialize for Bytes<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_bytes(self.0)
            }
        }
        serializer.serialize_newtype_struct(WRITTEN, &Bytes(&self.0))
    }
}

/// Why something could not be written: what its type says, or that a member's name is neither text nor number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unwritable(String);

impl fmt::Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unwritable {}

/// Writes a whole text, in the form of `serde_json`.
///
/// # Errors
/// [`Unwritable`] if the value's type refuses, has names of members that are neither texts nor numbers, or is one that
/// only `serde_json` can write (`RawValue`, numbers under its feature `arbitrary_precision`).
pub fn write<T: Serialize + ?Sized>(value: &T) -> Result<Written, Unwritable> {
    let mut writer = Writer::new();
    match value.serialize(&mut writer) {
        Ok(()) => Ok(Written(writer.finish())),
        Err(error) => Err(Unwritable(error.to_string())),
    }
}

/// Why a text could not be read. It quotes nothing of the text but names of types and members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// It is JSON, but not of the form that was expected.
    pub is_data: bool,
    /// Where, counted from 1.
    pub line: usize,
    /// Where in the line, in bytes, counted from 1.
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

impl Fault {
    fn at(text: &str, at: usize, error: &Error) -> Self {
        let before = text.as_bytes().get(..at).unwrap_or_default();
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        Self {
            is_data: error.is_form(),
            line: before.iter().filter(|byte| **byte == b'\n').count() + 1,
            column: at - line_start + 1,
            text: error.to_string(),
        }
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
    let text = simdutf8::compat::from_utf8(body).map_err(|error| Fault {
        is_data: false,
        line: 1,
        column: error.valid_up_to() + 1,
        text: "it is not UTF-8".to_owned(),
    })?;
    let mut reader = Reader::new(text);
    let value = seed.deserialize(&mut reader).and_then(|value| {
        // White space may follow, and nothing else.
        if reader.is_at_end() { Ok(value) } else { Err(Error::syntax("something follows the value")) }
    });
    value.map_err(|error| Fault::at(text, reader.at(), &error))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn value(text: &str) -> Option<Value> {
        read(text.as_bytes()).ok()
    }

    #[test]
    fn it_reads_what_serde_json_reads() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        for text in [
            "null",
            " true\r\n",
            "false",
            "0",
            "-0",
            "-0.0",
            "12",
            "-7",
            "18446744073709551615",
            "18446744073709551616",
            "-9223372036854775808",
            "-9223372036854775809",
            "1.5e3",
            "1E+2",
            "2e-3",
            "1e999",
            "01",
            "-",
            "1.",
            ".5",
            "1e",
            "+1",
            r#""""#,
            r#""plain""#,
            r#""ä\u00e4\ud83d\ude00 \"\\\/\b\f\n\r\t""#,
            r#""\ud83d""#,
            r#""\ude00x""#,
            r#""\ud83d\u0041""#,
            r#""\x""#,
            r#""\u12""#,
            r#""\u+123""#,
            r#""\u12ä""#,
            "\"a\nb\"",
            r#""open"#,
            r#""open\"#,
            "[]",
            "[1,2 , 3]",
            "[1,]",
            "[,1]",
            "[1 2]",
            "[1",
            "{}",
            r#"{"a":{"b":[{}]},"a":2}"#,
            r#"{"a" : 1 , "b":2}"#,
            r#"{"a":1,}"#,
            r#"{"a"}"#,
            "{1:2}",
            r#"{"a":1 "b":2}"#,
            r#"{"a":"#,
            "nul",
            "tru",
            "",
            " ",
            "1 2",
            "[1]]",
            "<html>",
            "\u{feff}1",
            &nested(100),
            &nested(127),
            &nested(200),
        ] {
            assert_eq!(value(text), serde_json::from_str(text).ok(), "{text:?}");
        }
    }

    #[test]
    fn what_is_passed_over_changes_nothing_of_what_is_read() {
        #[derive(Debug, PartialEq, Deserialize)]
        struct Wanted {
            last: u32,
        }
        let hard = [r#"\"}]{["#, r"\\", r#"\\\""#, "{[", "}]", ",:", "ä🎉"];
        for length in 0..200 {
            for piece in hard {
                let text = format!("{}{}", "x".repeat(length), piece.repeat(3));
                let passed = [
                    format!(r#""{text}""#),
                    format!(r#"[["{text}",{{"k{text}":[]}}],"{text}"]"#),
                    format!(r#"{{"{text}":"{text}"}}"#),
                ];
                for passed in passed {
                    let whole = format!(r#"{{"passed":{passed},"last":7}}"#);
                    assert!(serde_json::from_str::<Value>(&whole).is_ok(), "{whole}");
                    assert_eq!(read::<Wanted>(whole.as_bytes()), Ok(Wanted { last: 7 }), "{whole}");
                    for cut in [whole.len() - 1, whole.len() - 10, 11 + length.min(passed.len())] {
                        let cut = whole.get(..cut).unwrap_or("{");
                        assert!(read::<Wanted>(cut.as_bytes()).is_err(), "{cut}");
                    }
                }
            }
        }
    }

    #[test]
    fn every_kind_of_type_is_read() {
        #[derive(Debug, PartialEq, Deserialize)]
        enum Kind {
            Plain,
            One(u8),
            Two(u8, String),
            Named { x: Option<i8> },
        }
        #[derive(Debug, PartialEq, Deserialize)]
        struct Outer {
            kinds: Vec<Kind>,
            by_number: std::collections::BTreeMap<u32, char>,
            by_kind: std::collections::HashMap<String, (bool, f32)>,
            unit: (),
            inner: Option<Box<Outer>>,
        }
        let text = json!({
            "kinds": ["Plain", {"One": 1}, {"Two": [2, "two"]}, {"Named": {"x": -3, "more": [1]}}, {"Named": {"x": null}}],
            "by_number": {"1": "ä", "2": "b"}, "by_kind": {"k": [true, 1.5]}, "unit": null,
            "inner": {"kinds": [], "by_number": {}, "by_kind": {}, "unit": null, "inner": null},
        })
        .to_string();
        let expected: Outer = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(read::<Outer>(text.as_bytes()), Ok(expected));
    }

    #[test]
    fn it_writes_what_serde_json_writes() {
        #[derive(Serialize)]
        enum Kind {
            Plain,
            One(u8),
            Two(u8, &'static str),
            Named { x: Option<i8>, y: () },
        }
        #[derive(Serialize)]
        struct Newtype(u8);
        #[derive(Serialize)]
        struct Empty {}
        let mut texts: Vec<String> =
            (0..200).map(|length| "ä\"x\\🎉\n".chars().cycle().take(length).collect()).collect();
        texts.extend((0..200).map(|length| "plain".chars().cycle().take(length).collect()));
        texts.extend((0..128_u8).map(|byte| format!("a{}b", char::from(byte))));
        let numbers = (
            (i8::MIN, i16::MIN, i32::MIN, i64::MIN, i128::MIN, u8::MAX, u16::MAX, u32::MAX),
            (u64::MAX, u128::MAX, 0, 9, 10, 99, 100, -1),
            (0.0, -0.0, 1.5e300, f64::NAN, f64::INFINITY, 0.1_f32, f32::MIN_POSITIVE),
        );
        let kinds = [Kind::Plain, Kind::One(1), Kind::Two(2, "two"), Kind::Named { x: Some(-3), y: () }];
        let by_number = std::collections::BTreeMap::from([(-7, 'ä'), (8, '"')]);
        let by_truth = std::collections::BTreeMap::from([(true, Some("x")), (false, None)]);
        let rest = (Newtype(7), Empty {}, [0_u8; 0], by_number, by_truth, "é", json!({"k": [{"": null}, 1.5, {}]}));
        let whole = (texts, numbers, kinds, rest);
        let expected = serde_json::to_string(&whole).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(write(&whole).map(Written::into_string), Ok(expected));
    }

    #[test]
    fn what_is_written_stands_as_it_is_and_what_cannot_be_is_refused() {
        let inner = write(&json!({"a\"": [1, null]})).unwrap_or_else(|error| panic!("{error}"));
        let outer = write(&(&inner, Some(&inner), "x")).map(Written::into_string);
        assert_eq!(outer.as_deref(), Ok(r#"[{"a\"":[1,null]},{"a\"":[1,null]},"x"]"#));
        assert!(write(&std::collections::BTreeMap::from([(vec![1], 1)])).is_err());
        assert!(write(&std::collections::BTreeMap::from([(None::<u8>, 1)])).is_err());
    }

    #[test]
    fn texts_are_borrowed_unless_they_have_escapes() {
        let texts: Vec<Text<'_>> =
            read(r#"["plain","esc\"aped"]"#.as_bytes()).unwrap_or_else(|fault| panic!("{fault}"));
        assert_eq!(texts, [Text::from("plain"), Text::from("esc\"aped".to_owned())]);
        assert!(read::<Text<'_>>(b"1").is_err());
    }

    /// Members that are wanted, by their numbers.
    struct Wanted;
    impl<'de> serde::de::Visitor<'de> for Wanted {
        type Value = Vec<(u64, Value)>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some(member) = map.next_entry()? {
                members.push(member);
            }
            Ok(members)
        }
    }
    impl<'de> DeserializeSeed<'de> for Wanted {
        type Value = Vec<(u64, Value)>;
        fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
            deserializer.deserialize_struct(WANTED_ONLY, &["id", "name", "a\"b", "ä", "", "axb", "ayb"], self)
        }
    }

    #[test]
    fn only_what_is_wanted_is_given_by_its_number() {
        let text = r#" { "di" : {"id":1} , "name":[2],"x":"}", "id":3, "a\"b":4, "ndme":5, "\u00e4":6,"":7,"id":8 } "#;
        let members = read_seed(text.as_bytes(), Wanted);
        let expected = vec![(1, json!([2])), (0, json!(3)), (2, json!(4)), (3, json!(6)), (4, json!(7)), (0, json!(8))];
        assert_eq!(members, Ok(expected));
        for broken in ["{\"id\" 1}", "{\"id\":1,}", "{\"x\":1 \"y\":2}", "{1:2}", "{\"x\":}", "{\"x\":1", "[]"] {
            assert!(read_seed(broken.as_bytes(), Wanted).is_err(), "{broken}");
        }
    }

    #[test]
    fn what_is_wanted_is_found_wherever_and_behind_whatever_it_stands() {
        let names: Vec<String> = (0..80)
            .flat_map(|length| ["n".repeat(length), "ö".repeat(length / 2), format!(r#"{}\""#, "n".repeat(length))])
            .filter(|name| !name.is_empty())
            .collect();
        let long = "v".repeat(70);
        let values = [
            "\"\"",
            "\"v\"",
            r#""\"""#,
            r#""v\\""#,
            "[]",
            "[ ]",
            "[1]",
            "{}",
            "null",
            "true",
            "-1.5",
            "7",
            "\"\t\"",
            "\"}\"",
            &format!("\"{long}\""),
            &format!("[\"{long}\"]"),
            &format!(r#""{long}\"""#),
        ];
        for name in &names {
            for value in values {
                for (space, tail) in [("", String::new()), (" ", String::new()), ("", format!(",\"t\":\"{long}\""))] {
                    let passed = format!("{space}\"{name}\"{space}:{space}{value}{space}");
                    let text = format!("{{{passed},\"axb\":1,{passed},\"ayb\":{value},{passed}{tail}}}");
                    let read = read_seed(text.as_bytes(), Wanted);
                    let Ok(expected) = serde_json::from_str::<Value>(&text) else {
                        // A control character, which is not looked for in what is passed over.
                        assert!(read.is_err() && value.contains('\t'), "{text}");
                        continue;
                    };
                    assert_eq!(read, Ok(vec![(5, json!(1)), (6, expected["ayb"].clone())]), "{text}");
                    for broken in [
                        text.replacen(":", "", 1),
                        text.replacen("\",", "\"", 1)
                            .replacen("],", "]", 1)
                            .replacen("},", "}", 1)
                            .replacen("l,", "l", 1),
                        format!("{{{passed},,{passed}{tail}}}"),
                        format!("{{{passed}{passed}{tail}}}"),
                        format!("{{{passed},1:2{tail}}}"),
                        format!("{{{passed},{tail}}}"),
                        format!("{{{passed}{tail}"),
                    ] {
                        if serde_json::from_str::<Value>(&broken).is_err() {
                            assert!(read_seed(broken.as_bytes(), Wanted).is_err(), "{broken}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn faults_say_where_and_quote_nothing() {
        #[derive(Debug, Deserialize)]
        struct Wanted {
            #[expect(dead_code, reason = "what is read of it is that it cannot be")]
            number: u8,
        }
        let fault = |text: &str| read::<Wanted>(text.as_bytes()).map(drop).unwrap_err();
        let form = fault("{\n  \"number\": \"sEcReT\"}");
        assert!(form.is_data && (form.line, form.column) == (2, 13), "{form:?}");
        assert!(form.text.contains("a string") && form.text.contains("u8") && !form.text.contains("sEcReT"), "{form}");
        for (text, line, column) in
            [("<html>", 1, 1), ("{\"number\": 1\n", 2, 1), ("{\"number\": 1} x", 1, 15), ("", 1, 1)]
        {
            let syntax = fault(text);
            assert_eq!((syntax.line, syntax.column), (line, column), "{text:?}: {syntax}");
        }
        assert!(!fault("{\"number\": 1} x").is_data && fault("{}").is_data);
        assert_eq!(read::<Value>(b"\"a\xff\"").unwrap_err().column, 3);
    }

    #[test]
    fn what_only_serde_json_can_write_is_refused() {
        #[derive(Serialize)]
        #[serde(rename = "$serde_json::private::RawValue")]
        struct Raw {
            text: &'static str,
        }
        assert!(super::write(&json!({ "text": "[1]" })).is_ok());
        assert!(super::write(&[Raw { text: "[1]" }]).is_err());
    }

    #[test]
    fn names_that_are_no_texts_are_read_as_they_are_written() {
        use std::collections::BTreeMap;

        fn goes_round<K: Ord + Serialize + for<'de> Deserialize<'de> + Clone + fmt::Debug>(keys: [K; 2]) {
            let map: BTreeMap<K, u8> = keys.into_iter().zip(0..).collect();
            let text = serde_json::to_string(&map).unwrap();
            assert_eq!(read::<BTreeMap<K, u8>>(text.as_bytes()).unwrap(), map);
        }
        goes_round([false, true]);
        goes_round([i8::MIN, i8::MAX]);
        goes_round([0, u8::MAX]);
        goes_round([i16::MIN, i16::MAX]);
        goes_round([0, u16::MAX]);
        goes_round([0, u32::MAX]);
        goes_round([i64::MIN, i64::MAX]);
        goes_round(["a".to_owned(), "\"".to_owned()]);
    }
}

//! The reader beside a full library: the same values out of the same documents, and the same refusals.
#![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde_json::Value;

use super::*;

/// A linear congruential generator (Numerical Recipes): the documents are the same on every run.
struct Chance(u32);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as usize % end
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        let place = self.below(from.len());
        from.get(place).copied().unwrap_or_default()
    }

    fn space(&mut self, out: &mut String) {
        let space = self.pick(&["", "", "", "", " ", "\n", "\r\n\t"]);
        out.push_str(space);
    }

    fn string(&mut self, out: &mut String) {
        out.push('"');
        for _ in 0..self.below(24) {
            let piece = self.pick(&[
                "a",
                "incident",
                "{",
                "}",
                "[",
                "]",
                ":",
                ",",
                "é",
                "日本",
                "🚒",
                r#"\""#,
                r"\\",
                r"\/",
                r"\n",
                r"\t",
                r"\b",
                r"\f",
                r"\r",
                r"\u00e9",
                r"\ud83d\ude92",
                " ",
                "0",
            ]);
            out.push_str(piece);
        }
        out.push('"');
    }

    fn value(&mut self, depth: usize, out: &mut String) {
        self.space(out);
        match self.below(if depth == 0 { 4 } else { 7 }) {
            0 => self.string(out),
            1 => out.push_str(self.pick(&["null", "true", "false"])),
            2 => out.push_str(self.pick(&[
                "0",
                "-0",
                "1",
                "-1",
                "17",
                "4201",
                "18446744073709551615",
                "-9223372036854775808",
            ])),
            3 => out.push_str(self.pick(&["0.5", "-1.25e2", "2E-1", "1e+2", "18446744073709551616"])),
            4 => {
                out.push('[');
                for number in 0..self.below(5) {
                    out.push_str(if number == 0 { "" } else { "," });
                    self.value(depth - 1, out);
                }
                self.space(out);
                out.push(']');
            }
            _ => {
                out.push('{');
                for number in 0..self.below(6) {
                    out.push_str(if number == 0 { "" } else { "," });
                    self.space(out);
                    self.string(out);
                    self.space(out);
                    out.push(':');
                    self.value(depth - 1, out);
                }
                self.space(out);
                out.push('}');
            }
        }
        self.space(out);
    }
}

/// The full library rounds numbers of many digits less carefully.
fn rounded(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => Value::from(number.as_f64().map(|number| number as f32)),
        Value::Array(values) => values.into_iter().map(rounded).collect(),
        Value::Object(members) => members.into_iter().map(|(name, value)| (name, rounded(value))).collect(),
        other => other,
    }
}

#[test]
fn documents_are_read_as_a_full_library_reads_them() {
    let mut chance = Chance(7);
    for _ in 0..6_000 {
        let mut text = String::new();
        chance.value(5, &mut text);
        let theirs: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read::<Value>(text.as_bytes()).map(rounded), Ok(rounded(theirs)), "{text}");
        assert!(read::<IgnoredAny>(text.as_bytes()).is_ok(), "{text}");
    }
}

#[test]
fn broken_documents_are_refused_where_a_full_library_refuses_them() {
    let mut chance = Chance(11);
    let mut refused = 0;
    for _ in 0..20_000 {
        let mut text = String::new();
        chance.value(3, &mut text);
        let mut bytes = text.into_bytes();
        let place = chance.below(bytes.len());
        match chance.below(3) {
            0 => bytes.truncate(place),
            1 => drop(bytes.remove(place)),
            _ => bytes.insert(
                place,
                chance.pick(&["\"", "\\", "{", "}", "[", "]", ",", ":", "0", "-", "\u{1}"]).as_bytes()[0],
            ),
        }
        let theirs = serde_json::from_slice::<Value>(&bytes);
        let ours = read::<Value>(&bytes);
        refused += usize::from(ours.is_err());
        assert_eq!(ours.ok().map(rounded), theirs.ok().map(rounded), "{}", String::from_utf8_lossy(&bytes));
    }
    assert!(refused > 5_000, "{refused}");
}

#[test]
fn members_that_nobody_reads_do_not_disturb_those_beside_them() {
    #[derive(serde::Deserialize, Debug, PartialEq)]
    struct Beside {
        before: u32,
        after: String,
    }
    let mut chance = Chance(13);
    for _ in 0..6_000 {
        let mut unread = String::new();
        chance.value(4, &mut unread);
        let text = format!(r#"{{"before":1,"x":{unread},"after":"end","y":{unread}}}"#);
        assert_eq!(read(text.as_bytes()), Ok(Beside { before: 1, after: "end".into() }), "{text}");
    }
}

#[test]
fn every_form_of_rust_data_is_read() {
    #[derive(serde::Deserialize, Debug, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Unit,
        One(u8),
        Two(u8, i8),
        Named { x: f32 },
    }
    #[derive(serde::Deserialize, Debug, PartialEq)]
    struct Wrapped(Option<char>);
    #[derive(serde::Deserialize, Debug, PartialEq)]
    struct All<'a> {
        kinds: Vec<Kind>,
        #[serde(borrow)]
        lent: &'a str,
        wrapped: Wrapped,
        keyed: BTreeMap<u16, Wrapped>,
        named: BTreeMap<Cow<'a, str>, bool>,
        pair: (i64, f64),
        nothing: (),
        #[serde(flatten)]
        rest: BTreeMap<String, Value>,
    }
    let text = r#"{"kinds":["unit",{"one":1},{"two":[2,-2]},{"named":{"x":1}},{"unit":null}],"lent":"a","wrapped":"é",
        "keyed":{"7":null,"8":"x"},"named":{"\u0061":true},"pair":[-5,1.5],"nothing":null,"more":{"a":[]}}"#;
    assert_eq!(read::<All<'_>>(text.as_bytes()), Ok(serde_json::from_str(text).unwrap()));
    for text in [r#"["a",1]"#, r#"{"one":1,"two":2}"#, r#""none""#, r#""one""#, "7", r#"{"two":[1,2,3]}"#, "{}"] {
        assert!(read::<Kind>(text.as_bytes()).is_err(), "{text}");
    }
    assert!(read::<(u8, u8)>(b"[1,2,3]").is_err());
    assert!(read::<BTreeMap<u8, u8>>(br#"{"300":1}"#).is_err());
    assert!(read::<BTreeMap<String, u8>>(br#"{7:1}"#).is_err());
}

#[test]
fn depth_is_bounded_where_it_is_read_and_free_where_it_is_not() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(read::<Value>(nested(127).as_bytes()).is_ok());
    assert!(read::<Value>(nested(128).as_bytes()).is_err());
    assert!(read::<IgnoredAny>(nested(100_000).as_bytes()).is_ok());
}

#[test]
fn faults_say_of_which_kind_and_where() {
    let place = |text: &[u8]| {
        let fault = read::<u32>(text).unwrap_err();
        (fault.is_data, fault.line, fault.column)
    };
    assert_eq!(place(b"\n\n  \"x\""), (true, 3, 5));
    assert_eq!(place(b"[1,"), (true, 1, 1));
    assert_eq!(place(b"1,"), (false, 1, 1));
    assert_eq!(place(b"\"\xff\""), (false, 1, 1));
    assert_eq!(place(b"<html>"), (false, 1, 0));
    assert_eq!(place(b"1 2"), (false, 1, 2));
    let told = read::<u32>(b"\"x\"").unwrap_err().to_string();
    assert_eq!(told, "a string where u32 is expected at line 1 column 3");
}

#[test]
fn floats_are_exact_in_the_usual_range_and_close_beyond() {
    for text in ["0.1", "3.14159", "1e22", "-2.5e-7", "123456789.123456", "1e-22", "0.000001", "99.99", "-0.0", "0e9"] {
        assert_eq!(float(text).to_bits(), text.parse::<f64>().unwrap().to_bits(), "{text}");
    }
    for text in [
        "1.7976931348623157e308",
        "2.2250738585072014e-308",
        "123456789012345678901234567890",
        "1e-300",
        "0.12345678901234567890123",
    ] {
        let exact: f64 = text.parse().unwrap();
        assert!((float(text) / exact - 1.0).abs() < 1e-14, "{text}");
    }
    assert_eq!(float("1e-400"), 0.0);
    assert_eq!(float("0e99999999999"), 0.0);
    assert!(float("1e400").is_infinite());
    assert!(float("1e99999999999").is_infinite());
    assert!(read::<Value>(b"1e400").is_err());
}

//! The scanner finds every form of a secret, wherever it stands and however the text is cut, and nothing else.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what failed by panicking")]

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use proptest::collection::vec;
use proptest::prelude::*;
use toolkeep_policy::secret_scan::{Form, MIN_SECRET_BYTES, Scanner};

/// Secrets in the shapes that PagerDuty gives out, and of printable characters at random.
fn secrets() -> impl Strategy<Value = String> {
    prop_oneof![
        "pdus\\+_0XBPW[A-Z]{2}_[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}",
        "[uy][+_][A-Za-z0-9_+-]{18}",
        "[!-~]{8,40}",
        "[ -~]{8,12}",
    ]
}

/// How one character is written.
fn character(byte: u8, how: u8, zeros: usize) -> Vec<u8> {
    let zeros = "0".repeat(zeros % 4);
    let name = match byte {
        b'+' => "&plus;",
        b'_' => "&lowbar;",
        b'-' => "&hyphen;",
        b'&' => "&amp;",
        b'/' => "&sol;",
        _ => "",
    };
    match how % 14 {
        0 => format!("%{byte:02x}"),
        1 => format!("%{byte:02X}"),
        2 => format!("\\u{byte:04x}"),
        3 => format!("\\u{byte:04X}"),
        4 => format!("&#{zeros}{byte};"),
        5 => format!("&#x{zeros}{byte:x};"),
        6 => format!("&#X{zeros}{byte:X};"),
        7 => format!("\\x{byte:02x}"),
        8 => format!("\\u{{{zeros}{byte:x}}}"),
        9 if byte.is_ascii_punctuation() => format!("\\{}", char::from(byte)),
        10 if !name.is_empty() => name.to_owned(),
        11 => return vec![byte.to_ascii_uppercase()],
        12 => return vec![byte.to_ascii_lowercase()],
        _ => return vec![byte],
    }
    .into_bytes()
}

fn escaped(secret: &[u8], how: &[u8]) -> Vec<u8> {
    let how = |at: usize| how.get(at % how.len().max(1)).copied().unwrap_or(0);
    secret.iter().enumerate().flat_map(|(at, byte)| character(*byte, how(at), usize::from(how(at + 1)))).collect()
}

fn with_line_ends(text: &str, columns: usize, line_end: &str) -> String {
    text.as_bytes().chunks(columns).map(|line| std::str::from_utf8(line).unwrap()).collect::<Vec<_>>().join(line_end)
}

/// One form of the secret, chosen by numbers; `around` is what base64 was given besides.
fn form(secret: &str, which: u8, how: &[u8], around: &str) -> Vec<u8> {
    let bytes = secret.as_bytes();
    let inner = format!("{around}{secret}{around}");
    match which % 12 {
        0 => bytes.to_vec(),
        1 => escaped(bytes, how),
        2 => escaped(bytes, &how[..1]),
        3 => hex::encode(secret).into_bytes(),
        4 => hex::encode_upper(secret).into_bytes(),
        5 => STANDARD.encode(&inner).into_bytes(),
        6 => URL_SAFE.encode(&inner).into_bytes(),
        7 => STANDARD.encode(&inner).replace('/', "\\/").replace('+', "%2b").into_bytes(),
        8 => secret.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        9 => secret.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        10 => secret.chars().rev().collect::<String>().into_bytes(),
        _ => secret.to_ascii_uppercase().into_bytes(),
    }
}

fn in_pieces(scanner: &Scanner, text: &[u8], cuts: &[usize]) -> Option<Form> {
    let mut stream = scanner.stream();
    let mut end = 0;
    for cut in cuts.iter().cycle() {
        if end == text.len() {
            break;
        }
        end = (end + (*cut).max(1)).min(text.len());
        stream.feed(&text[..end]);
    }
    stream.finish(text)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn every_form_is_found_however_the_text_is_cut(
        secret in secrets(),
        which in 0_u8..12,
        how in vec(any::<u8>(), 1..40),
        around in "[a-z]{0,5}",
        before in vec(any::<u8>(), 0..70),
        after in vec(any::<u8>(), 0..40),
        cuts in vec(1_usize..40, 1..8),
    ) {
        let scanner = Scanner::new(secret.as_bytes()).unwrap();
        // What stands before must not swallow the beginning: a letter or a digit would lengthen an escape.
        let text = [before, b"\n".to_vec(), form(&secret, which, &how, &around), b"\n".to_vec(), after].concat();
        let whole = scanner.find(&text);
        prop_assert!(whole.is_some(), "{}", String::from_utf8_lossy(&text));
        prop_assert_eq!(in_pieces(&scanner, &text, &cuts).is_some(), true);
        prop_assert_eq!(in_pieces(&scanner, &text, &[1]).is_some(), true);
    }

    #[test]
    fn other_text_passes_however_it_is_cut(
        secret in secrets(),
        text in vec(any::<u8>(), 0..4_000),
        cuts in vec(1_usize..300, 1..8),
    ) {
        let scanner = Scanner::new(secret.as_bytes()).unwrap();
        prop_assert_eq!(scanner.find(&text), None);
        prop_assert_eq!(in_pieces(&scanner, &text, &cuts), None);
    }

    #[test]
    fn text_full_of_what_forms_are_made_of_gives_the_same_verdict_in_pieces(
        secret in "[%&u0+ab;#\\\\]{8,12}",
        text in "[%&u0+ab;#\\\\xp5426]{0,300}",
        cuts in vec(1_usize..20, 1..8),
    ) {
        let scanner = Scanner::new(secret.as_bytes()).unwrap();
        prop_assert_eq!(in_pieces(&scanner, text.as_bytes(), &cuts).is_some(), scanner.find(text.as_bytes()).is_some());
    }
}

const TOKENS: [&str; 2] = ["pdus+_0XBPWQQ_11112222-3333-4444-5555-666677778888", "y_NbXkKc66ryYTWUXZZq"];

#[test]
fn each_form_is_told_by_its_name() {
    for token in TOKENS {
        let scanner = Scanner::new(token.as_bytes()).unwrap();
        let all = |write: fn(u8) -> String| token.bytes().map(write).collect::<String>();
        let some = |write: fn(u8) -> String| {
            let one = |(at, byte): (usize, u8)| if at % 3 == 1 { write(byte) } else { char::from(byte).to_string() };
            token.bytes().enumerate().map(one).collect::<String>()
        };
        for (text, form) in [
            (token.to_owned(), Form::Plain),
            (token.to_uppercase(), Form::ChangedCase),
            (all(|byte| format!("%{byte:02x}")), Form::Percent),
            (some(|byte| format!("%{byte:02X}")), Form::Percent),
            (all(|byte| format!("\\u{byte:04X}")), Form::JsonEscapes),
            (some(|byte| format!("\\u{byte:04x}")), Form::JsonEscapes),
            (all(|byte| format!("&#{byte};")), Form::HtmlEntities),
            (some(|byte| format!("&#x{byte:06X};")), Form::HtmlEntities),
            (token.replace('_', "&lowbar;"), Form::HtmlEntities),
            (token.replacen('_', "%5f", 1).replacen('6', "\\u0036", 1), Form::MixedEscapes),
            (hex::encode(token), Form::Hexadecimal),
            (STANDARD.encode(token), Form::Base64),
            (token.chars().rev().collect(), Form::Reversed),
        ] {
            assert_eq!(scanner.find(format!("{{\"a\":\"{text}\"}}").as_bytes()), Some(form), "{text}");
        }
        let wide: Vec<u8> = token.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(scanner.find(&wide), Some(Form::Utf16));
    }
}

#[test]
fn base64_is_found_at_every_alignment_and_over_line_ends() {
    for token in TOKENS {
        let scanner = Scanner::new(token.as_bytes()).unwrap();
        for before in 0..80 {
            let text = format!("{}{token}{}", "x".repeat(before), "tail");
            for (columns, line_end) in [(64, "\n"), (76, "\r\n"), (76, "\\r\\n"), (64, "\n  ")] {
                for encoded in [STANDARD.encode(&text), URL_SAFE.encode(&text)] {
                    let lines = with_line_ends(&encoded, columns, line_end);
                    assert!(scanner.find(lines.as_bytes()).is_some(), "{lines}");
                }
            }
        }
    }
}

#[test]
fn a_hit_is_known_at_its_last_byte_and_for_good() {
    let scanner = Scanner::new(TOKENS[0].as_bytes()).unwrap();
    let mut stream = scanner.stream();
    let token = TOKENS[0].as_bytes();
    for end in 0..token.len() {
        assert_eq!(stream.feed(&token[..end]), None);
    }
    assert_eq!(stream.feed(token), Some(Form::Plain));
    let whole = [token, b"anything else"].concat();
    assert_eq!(stream.feed(&whole), Some(Form::Plain));
    assert_eq!(stream.finish(&whole), Some(Form::Plain));
}

#[test]
fn a_form_that_the_end_of_the_text_completes_is_found() {
    let scanner = Scanner::new(b"abcdefgh&").unwrap();
    for text in ["abcdefgh&#38", "abcdefgh&amp", "abcdefgh&"] {
        let mut stream = scanner.stream();
        stream.feed(text.as_bytes());
        assert!(stream.finish(text.as_bytes()).is_some(), "{text}");
        assert!(scanner.find(text.as_bytes()).is_some(), "{text}");
    }
}

#[test]
fn almost_is_not_the_secret() {
    let scanner = Scanner::new(TOKENS[0].as_bytes()).unwrap();
    assert_eq!(scanner.find(TOKENS[1].as_bytes()), None);
    assert_eq!(scanner.find(&TOKENS[0].as_bytes()[1..]), None);
    assert_eq!(scanner.find(&TOKENS[0].as_bytes()[..TOKENS[0].len() - 1]), None);
    assert_eq!(scanner.find(b""), None);
    assert!(Scanner::new(&[b'a'; MIN_SECRET_BYTES - 1]).is_none());
}

#[test]
fn a_text_that_begins_the_secret_without_end_ends() {
    // A secret of one letter, begun at every place and never finished: the work stays in proportion.
    let secret = vec![b'a'; 16 << 10];
    let scanner = Scanner::new(&secret).unwrap();
    let mut stream = scanner.stream();
    let text = vec![b'a'; 64 * 128];
    for pieces in 1..=64 {
        stream.feed(&text[..pieces * 128]);
    }
    assert_eq!(stream.finish(&text), Some(Form::MixedEscapes));
}

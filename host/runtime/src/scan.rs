//! Looking for a secret in what comes back: as it is, and in the encodings that a server or a connector could
//! turn it into without trying hard. This is the second line; the first is where requests may go at all.

use aho_corasick::packed;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

/// Shortest encoded form that is looked for, in bytes. Anything shorter would be found by chance.
const MIN_NEEDLE_BYTES: usize = 6;

/// A secret's forms, ready to be looked for.
pub(crate) struct Scanner {
    forms: Vec<(&'static str, Zeroizing<Vec<u8>>)>,
    searcher: Option<packed::Searcher>,
}

impl Scanner {
    /// A scanner for one secret.
    pub(crate) fn new(secret: &SecretString) -> Self {
        let secret = secret.expose_secret().as_bytes();
        let mut forms: Vec<(&'static str, Zeroizing<Vec<u8>>)> = Vec::with_capacity(24);
        let mut add = |form: &'static str, bytes: Vec<u8>| {
            let bytes = Zeroizing::new(bytes);
            if bytes.len() >= MIN_NEEDLE_BYTES && !forms.iter().any(|(_, known)| *known == bytes) {
                forms.push((form, bytes));
            }
        };
        add("plain text", secret.to_vec());
        add("percent encoding", percent(secret, "0123456789ABCDEF", false));
        add("percent encoding", percent(secret, "0123456789abcdef", false));
        add("percent encoding", percent(secret, "0123456789ABCDEF", true));
        add("percent encoding", percent(secret, "0123456789abcdef", true));
        add("JSON escapes", json_escapes(secret, "0123456789abcdef", false));
        add("JSON escapes", json_escapes(secret, "0123456789ABCDEF", false));
        add("JSON escapes", json_escapes(secret, "0123456789abcdef", true));
        add("JSON escapes", json_escapes(secret, "0123456789ABCDEF", true));
        for escaped in with_escaped_slashes(&forms_with_slashes(secret)) {
            add("JSON escapes", escaped);
        }
        add("hexadecimal", hex::encode(secret).into_bytes());
        add("hexadecimal", hex::encode_upper(secret).into_bytes());
        for offset in 0..3 {
            add("base64", base64_at(&STANDARD_NO_PAD, secret, offset));
            add("base64url", base64_at(&URL_SAFE_NO_PAD, secret, offset));
        }
        let mut builder = packed::Config::new().match_kind(packed::MatchKind::LeftmostFirst).builder();
        for (_, needle) in &forms {
            builder.add(needle.as_slice());
        }
        let searcher = builder.build();
        Self { forms, searcher }
    }

    /// The form in which the secret stands in `bytes`, if it does.
    pub(crate) fn find(&self, bytes: &[u8]) -> Option<&'static str> {
        match &self.searcher {
            Some(searcher) => {
                let found = searcher.find(bytes)?;
                self.forms.get(found.pattern().as_usize()).map(|(form, _)| *form)
            }
            // Without the vector instructions that the packed search needs, one pass for each form.
            None => self
                .forms
                .iter()
                .find(|(_, needle)| memchr::memmem::find(bytes, needle).is_some())
                .map(|(form, _)| *form),
        }
    }
}

/// The plain and base64 forms, which may hold slashes.
fn forms_with_slashes(secret: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = vec![secret.to_vec()];
    forms.extend((0..3).map(|offset| base64_at(&STANDARD_NO_PAD, secret, offset)));
    forms
}

/// Those of the forms that hold a slash, as writers of JSON that escape slashes have them.
fn with_escaped_slashes(forms: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let escape = |form: &Vec<u8>| {
        form.iter().flat_map(|&byte| if byte == b'/' { vec![b'\\', b'/'] } else { vec![byte] }).collect()
    };
    forms.iter().filter(|form| form.contains(&b'/')).map(escape).collect()
}

fn push_hex(out: &mut Vec<u8>, byte: u8, digits: &str) {
    let digits = digits.as_bytes();
    for nibble in [byte >> 4, byte & 15] {
        out.extend(digits.get(usize::from(nibble)));
    }
}

/// Percent encoding (RFC 3986, section 2.1): of what needs it, or of every byte.
fn percent(secret: &[u8], digits: &str, every_byte: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(secret.len() * 3);
    for &byte in secret {
        if !every_byte && (byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')) {
            out.push(byte);
        } else {
            out.push(b'%');
            push_hex(&mut out, byte, digits);
        }
    }
    out
}

/// JSON string escapes (RFC 8259, section 7): of everything but letters and digits, or of every byte.
fn json_escapes(secret: &[u8], digits: &str, every_byte: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(secret.len() * 6);
    for &byte in secret {
        if !every_byte && (byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~')) {
            out.push(byte);
        } else {
            out.extend_from_slice(b"\\u00");
            push_hex(&mut out, byte, digits);
        }
    }
    out
}

/// The characters of a base64 text that depend on the secret alone, when it begins `offset` bytes (modulo
/// three) into what was encoded.
fn base64_at(engine: &impl base64::Engine, secret: &[u8], offset: usize) -> Vec<u8> {
    let mut padded = Zeroizing::new(vec![0; offset]);
    padded.extend_from_slice(secret);
    let text = Zeroizing::new(engine.encode(&*padded));
    // The first characters mix in what stood before (2 for one byte, 3 for two), the last what comes after.
    let start = [0, 2, 3].get(offset).copied().unwrap_or(0);
    let mixed_end = usize::from(!padded.len().is_multiple_of(3));
    let end = text.len().saturating_sub(mixed_end);
    text.as_bytes().get(start..end).unwrap_or_default().to_vec()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what failed by panicking")]
    use super::*;
    use base64::Engine as _;

    const TOKENS: [&str; 2] = ["pdus+_0XBPWQQ_11112222-3333-4444-5555-666677778888", "y_NbXkKc66ryYTWUXZZq"];

    #[test]
    fn every_form_is_found_anywhere() {
        for token in TOKENS {
            let scanner = Scanner::new(&SecretString::from(token));
            let mut hidden: Vec<Vec<u8>> = vec![
                token.as_bytes().to_vec(),
                token.replace('+', "%2B").into_bytes(),
                token.replace('+', "\\u002b").into_bytes(),
                hex::encode(token).into_bytes(),
                hex::encode_upper(token).into_bytes(),
            ];
            for slashed in ["a/b/c+d/e", token] {
                let scanner = Scanner::new(&SecretString::from(slashed));
                let text = base64::engine::general_purpose::STANDARD.encode(slashed).replace('/', "\\/");
                assert!(scanner.find(text.as_bytes()).is_some(), "{text}");
                assert!(scanner.find(slashed.replace('/', "\\/").as_bytes()).is_some());
            }
            for before in 0..7 {
                for after in 0..4 {
                    let padded =
                        [b"xyzabcd"[..before].to_vec(), token.as_bytes().to_vec(), b"1234"[..after].to_vec()].concat();
                    hidden.push(base64::engine::general_purpose::STANDARD.encode(&padded).into_bytes());
                    hidden.push(base64::engine::general_purpose::URL_SAFE.encode(&padded).into_bytes());
                }
            }
            for form in hidden {
                for length in [0, 1, 31, 64, 5_000] {
                    let body = [vec![b'a'; length], form.clone(), vec![b'z'; length]].concat();
                    assert!(scanner.find(&body).is_some(), "{}", String::from_utf8_lossy(&form));
                }
            }
        }
    }

    #[test]
    fn what_does_not_hold_it_passes() {
        let scanner = Scanner::new(&SecretString::from(TOKENS[0]));
        assert!(scanner.find(TOKENS[1].as_bytes()).is_none());
        assert!(scanner.find(&TOKENS[0].as_bytes()[1..]).is_none());
        assert!(scanner.find(b"").is_none());
    }

    #[test]
    fn the_fallback_finds_the_same() {
        let mut scanner = Scanner::new(&SecretString::from(TOKENS[1]));
        scanner.searcher = None;
        assert_eq!(scanner.find(format!("x{}y", TOKENS[1]).as_bytes()), Some("plain text"));
        assert_eq!(scanner.find(b"nothing"), None);
    }
}

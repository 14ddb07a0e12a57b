//! The forms that a text can be given back in.

use std::io::Write;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

/// A form that a credential is echoed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// As it came.
    Raw,
    /// Percent encoding of what RFC 3986 does not leave as it is, digits in upper case.
    Percent,
    /// The same, digits in lower case.
    PercentLower,
    /// Percent encoding of every byte.
    PercentAll,
    /// JSON `\u00xx` escapes of all but letters and digits.
    JsonEscape,
    /// JSON `\u00xx` escapes of every character.
    JsonEscapeAll,
    /// HTML character references in decimal, `&#43;`, of every character.
    HtmlDecimal,
    /// HTML character references in hexadecimal, `&#x2b;`, of every character.
    HtmlHex,
    /// HTML character references by name, `&plus;`, where there is a name.
    HtmlNamed,
    /// Hexadecimal, lower case.
    HexLower,
    /// Hexadecimal, upper case.
    HexUpper,
    /// Base64 (RFC 4648, section 4) of some text that begins `offset` bytes before it.
    Base64 {
        /// Bytes before it: 0, 1 or 2 give each alignment.
        offset: usize,
    },
    /// Base64url (RFC 4648, section 5) of the same.
    Base64Url {
        /// Bytes before it: 0, 1 or 2 give each alignment.
        offset: usize,
    },
    /// UTF-16, little end first.
    Utf16Le,
    /// UTF-16, big end first.
    Utf16Be,
    /// All letters upper case.
    UpperCase,
    /// All letters lower case.
    LowerCase,
    /// Each letter in the other case.
    SwapCase,
    /// The whole body compressed, and said to be: `Content-Encoding: gzip`.
    Gzip,
    /// The whole body compressed, and said to be: `Content-Encoding: deflate`.
    Deflate,
    /// The whole body compressed, and not said to be.
    GzipUnsaid,
    /// The last character first.
    Reversed,
    /// Base64 of base64.
    Base64Twice,
    /// Every byte combined with a key by exclusive or, in hexadecimal: a cipher, if a poor one.
    Xor(u8),
}

/// What kind of change a form is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// One of the common encodings of text, the text itself among them: what serialisers do without being asked.
    Encoding,
    /// Another case of the letters.
    Case,
    /// Compressed, and said to be.
    Compression,
    /// A transformation that somebody has to want. No search can know them all.
    Transformation,
}

impl Form {
    /// Every form, in the order of their declaration.
    pub const ALL: [Self; 28] = [
        Self::Raw,
        Self::Percent,
        Self::PercentLower,
        Self::PercentAll,
        Self::JsonEscape,
        Self::JsonEscapeAll,
        Self::HtmlDecimal,
        Self::HtmlHex,
        Self::HtmlNamed,
        Self::HexLower,
        Self::HexUpper,
        Self::Base64 { offset: 0 },
        Self::Base64 { offset: 1 },
        Self::Base64 { offset: 2 },
        Self::Base64Url { offset: 0 },
        Self::Base64Url { offset: 1 },
        Self::Base64Url { offset: 2 },
        Self::Utf16Le,
        Self::Utf16Be,
        Self::UpperCase,
        Self::LowerCase,
        Self::SwapCase,
        Self::Gzip,
        Self::Deflate,
        Self::GzipUnsaid,
        Self::Reversed,
        Self::Base64Twice,
        Self::Xor(0x2A),
    ];

    /// What kind of change it is.
    #[must_use]
    pub fn class(self) -> Class {
        match self {
            Self::UpperCase | Self::LowerCase | Self::SwapCase => Class::Case,
            Self::Gzip | Self::Deflate => Class::Compression,
            Self::GzipUnsaid | Self::Reversed | Self::Base64Twice | Self::Xor(_) => Class::Transformation,
            _ => Class::Encoding,
        }
    }

    /// Whether it is bytes that only a body can carry.
    #[must_use]
    pub fn is_binary(self) -> bool {
        matches!(self, Self::Utf16Le | Self::Utf16Be) || self.compresses_body()
    }

    /// Whether it is the whole body that changes, and not the text alone.
    pub(crate) fn compresses_body(self) -> bool {
        matches!(self, Self::Gzip | Self::Deflate | Self::GzipUnsaid)
    }

    /// What `Content-Encoding` says of it.
    pub(crate) fn content_encoding(self) -> Option<&'static str> {
        match self {
            Self::Gzip => Some("gzip"),
            Self::Deflate => Some("deflate"),
            _ => None,
        }
    }

    /// The part of a behaviour's ID.
    pub(crate) fn id(self) -> String {
        match self {
            Self::Base64 { offset } => format!("base64+{offset}"),
            Self::Base64Url { offset } => format!("base64url+{offset}"),
            Self::Xor(key) => format!("xor{key:02x}"),
            other => format!("{other:?}").to_ascii_lowercase(),
        }
    }

    /// The words of a behaviour's description.
    pub(crate) fn words(self) -> String {
        match self {
            Self::Raw => "as it came".to_owned(),
            Self::Percent => "percent-encoded where it must be".to_owned(),
            Self::PercentLower => "percent-encoded, lower case".to_owned(),
            Self::PercentAll => "percent-encoded, every byte".to_owned(),
            Self::JsonEscape => "in JSON escapes where it is no letter".to_owned(),
            Self::JsonEscapeAll => "in JSON escapes, every character".to_owned(),
            Self::HtmlDecimal => "in decimal HTML references".to_owned(),
            Self::HtmlHex => "in hexadecimal HTML references".to_owned(),
            Self::HtmlNamed => "in named HTML references".to_owned(),
            Self::HexLower => "in hexadecimal".to_owned(),
            Self::HexUpper => "in hexadecimal, upper case".to_owned(),
            Self::Base64 { offset } => format!("in base64, {offset} bytes in"),
            Self::Base64Url { offset } => format!("in base64url, {offset} bytes in"),
            Self::Utf16Le => "in UTF-16, little end first".to_owned(),
            Self::Utf16Be => "in UTF-16, big end first".to_owned(),
            Self::UpperCase => "in upper case".to_owned(),
            Self::LowerCase => "in lower case".to_owned(),
            Self::SwapCase => "with upper and lower case swapped".to_owned(),
            Self::Gzip => "compressed with gzip".to_owned(),
            Self::Deflate => "compressed with deflate".to_owned(),
            Self::GzipUnsaid => "compressed with gzip, which is not said".to_owned(),
            Self::Reversed => "backwards".to_owned(),
            Self::Base64Twice => "in base64 twice over".to_owned(),
            Self::Xor(_) => "enciphered".to_owned(),
        }
    }

    /// The text in this form. Where the form is one of whole bodies, as it is.
    #[must_use]
    pub fn encode(self, text: &[u8]) -> Vec<u8> {
        let mapped = |change: fn(&u8) -> u8| text.iter().map(change).collect();
        let each = |change: &dyn Fn(u8) -> String| text.iter().flat_map(|&byte| change(byte).into_bytes()).collect();
        match self {
            Self::Raw | Self::Gzip | Self::Deflate | Self::GzipUnsaid => text.to_vec(),
            Self::Percent => each(&|byte| if unreserved(byte) { ascii(byte) } else { format!("%{byte:02X}") }),
            Self::PercentLower => each(&|byte| if unreserved(byte) { ascii(byte) } else { format!("%{byte:02x}") }),
            Self::PercentAll => each(&|byte| format!("%{byte:02X}")),
            Self::JsonEscape => {
                each(&|byte| if byte.is_ascii_alphanumeric() { ascii(byte) } else { format!("\\u{byte:04x}") })
            }
            Self::JsonEscapeAll => each(&|byte| format!("\\u{byte:04x}")),
            Self::HtmlDecimal => each(&|byte| format!("&#{byte};")),
            Self::HtmlHex => each(&|byte| format!("&#x{byte:x};")),
            Self::HtmlNamed => each(&|byte| named(byte).map_or_else(|| ascii(byte), |name| format!("&{name};"))),
            Self::HexLower => hex::encode(text).into_bytes(),
            Self::HexUpper => hex::encode_upper(text).into_bytes(),
            Self::Base64 { offset } => STANDARD.encode(surrounded(text, offset)).into_bytes(),
            Self::Base64Url { offset } => URL_SAFE.encode(surrounded(text, offset)).into_bytes(),
            Self::Utf16Le => text.iter().flat_map(|&byte| [byte, 0]).collect(),
            Self::Utf16Be => text.iter().flat_map(|&byte| [0, byte]).collect(),
            Self::UpperCase => text.to_ascii_uppercase(),
            Self::LowerCase => text.to_ascii_lowercase(),
            Self::SwapCase => mapped(|byte| if byte.is_ascii_alphabetic() { byte ^ 0x20 } else { *byte }),
            Self::Reversed => text.iter().rev().copied().collect(),
            Self::Base64Twice => STANDARD.encode(STANDARD.encode(text)).into_bytes(),
            Self::Xor(key) => hex::encode(text.iter().map(|byte| byte ^ key).collect::<Vec<u8>>()).into_bytes(),
        }
    }

    /// A whole body in this form; as it is where the form is one of the text alone.
    pub(crate) fn compress(self, body: Vec<u8>) -> Vec<u8> {
        // Writing into memory does not fail.
        let compressed = match self {
            Self::Gzip | Self::GzipUnsaid => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
                encoder.write_all(&body).and_then(|()| encoder.finish())
            }
            Self::Deflate => {
                let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
                encoder.write_all(&body).and_then(|()| encoder.finish())
            }
            _ => return body,
        };
        compressed.unwrap_or_default()
    }
}

fn ascii(byte: u8) -> String {
    char::from(byte).to_string()
}

/// Characters that percent encoding leaves as they are (RFC 3986, section 2.3).
fn unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// The names of characters that credentials are made of (HTML, section 13.5).
fn named(byte: u8) -> Option<&'static str> {
    Some(match byte {
        b'+' => "plus",
        b'/' => "sol",
        b'=' => "equals",
        b'_' => "lowbar",
        b'.' => "period",
        b':' => "colon",
        b'&' => "amp",
        b'<' => "lt",
        b'>' => "gt",
        b'"' => "quot",
        b'\'' => "apos",
        _ => return None,
    })
}

fn surrounded(text: &[u8], offset: usize) -> Vec<u8> {
    let before = b"key".get(..offset).unwrap_or(b"key");
    [before, text, b" (end)"].concat()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;
    use std::io::Read;

    #[test]
    fn forms_are_what_their_names_say() {
        let shown = |form: Form| String::from_utf8(form.encode(b"aB+/")).unwrap();
        for (form, expected) in [
            (Form::Raw, "aB+/"),
            (Form::Percent, "aB%2B%2F"),
            (Form::PercentLower, "aB%2b%2f"),
            (Form::PercentAll, "%61%42%2B%2F"),
            (Form::JsonEscape, "aB\\u002b\\u002f"),
            (Form::HtmlDecimal, "&#97;&#66;&#43;&#47;"),
            (Form::HtmlHex, "&#x61;&#x42;&#x2b;&#x2f;"),
            (Form::HtmlNamed, "aB&plus;&sol;"),
            (Form::HexLower, "61422b2f"),
            (Form::HexUpper, "61422B2F"),
            (Form::UpperCase, "AB+/"),
            (Form::SwapCase, "Ab+/"),
            (Form::Reversed, "/+Ba"),
        ] {
            assert_eq!(shown(form), expected, "{form:?}");
        }
        assert_eq!(STANDARD.decode(shown(Form::Base64 { offset: 2 })).unwrap(), b"keaB+/ (end)");
        assert_eq!(Form::Utf16Le.encode(b"ab"), b"a\0b\0");
        let mut plain = String::new();
        let gzip = Form::Gzip.compress(b"a body".to_vec());
        flate2::read::GzDecoder::new(&gzip[..]).read_to_string(&mut plain).unwrap();
        assert_eq!(plain, "a body");
    }

    #[test]
    fn ids_are_unique() {
        let mut ids: Vec<String> = Form::ALL.iter().map(|form| form.id()).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), Form::ALL.len());
    }
}

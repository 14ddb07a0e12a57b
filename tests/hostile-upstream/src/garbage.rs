//! What is no HTTP, or no answer to the question.

use std::io;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::answer::Answer;
use crate::plausible;
use crate::random::Random;
use crate::request::ReceivedRequest;

/// A malformed answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Garbage {
    /// A greeting of another protocol.
    NotHttp,
    /// Bytes laid by a seed.
    Binary(u64),
    /// The connection closes without a byte.
    Nothing,
    /// Fewer bytes than were announced.
    Truncated,
    /// More bytes than were announced.
    Excess,
    /// Two lengths that differ.
    TwoLengths,
    /// A length and chunks.
    LengthAndChunks,
    /// A length below zero.
    NegativeLength,
    /// A chunk size that is no number.
    BadChunkSize,
    /// A chunk size that no machine can hold.
    HugeChunkSize,
    /// Chunks that do not end.
    UnfinishedChunks,
    /// A NUL in a header.
    NulInHeader,
    /// A header without a name.
    NamelessHeader,
    /// A header that goes on in the next line, as was once allowed.
    FoldedHeader,
    /// Terminal codes behind the status code.
    ControlsInStatus,
    /// A body without a head, as HTTP/0.9 had it.
    Http09,
    /// A version that there is not.
    Http99,
    /// A status of 999.
    Status999,
    /// 10,000 `100 Continue`, then a good answer.
    InformationalStorm,
    /// `101 Switching Protocols`, which nobody asked for.
    Upgrade,
    /// 204 with a body.
    BodyWithoutContent,
    /// A page of HTML, status 200.
    Html,
    /// No body, status 200.
    EmptyBody,
    /// JSON that is cut off.
    HalfJson,
    /// Text that is not UTF-8, in JSON.
    InvalidUtf8,
    /// JSON of another shape: a list of mixed things.
    WrongShape,
    /// The right names with values of other types.
    WrongTypes,
    /// `null`.
    Null,
    /// Terminal codes, bidirectional controls and forged lines, in JSON strings.
    TerminalCodes,
}

/// Interim answers of a storm: a client that takes them one by one must not be kept for ever.
const STORM: usize = 10_000;

impl Garbage {
    /// Every malformed answer.
    pub const ALL: [Self; 29] = [
        Self::NotHttp,
        Self::Binary(7),
        Self::Nothing,
        Self::Truncated,
        Self::Excess,
        Self::TwoLengths,
        Self::LengthAndChunks,
        Self::NegativeLength,
        Self::BadChunkSize,
        Self::HugeChunkSize,
        Self::UnfinishedChunks,
        Self::NulInHeader,
        Self::NamelessHeader,
        Self::FoldedHeader,
        Self::ControlsInStatus,
        Self::Http09,
        Self::Http99,
        Self::Status999,
        Self::InformationalStorm,
        Self::Upgrade,
        Self::BodyWithoutContent,
        Self::Html,
        Self::EmptyBody,
        Self::HalfJson,
        Self::InvalidUtf8,
        Self::WrongShape,
        Self::WrongTypes,
        Self::Null,
        Self::TerminalCodes,
    ];

    pub(crate) fn id(self) -> String {
        match self {
            Self::Binary(seed) => format!("binary{seed}"),
            other => format!("{other:?}").to_ascii_lowercase(),
        }
    }

    pub(crate) fn description(self) -> &'static str {
        match self {
            Self::NotHttp => "speaks another protocol",
            Self::Binary(_) => "sends noise",
            Self::Nothing => "closes without a byte",
            Self::Truncated => "sends less than it announced",
            Self::Excess => "sends more than it announced",
            Self::TwoLengths => "announces two lengths",
            Self::LengthAndChunks => "announces a length and chunks",
            Self::NegativeLength => "announces a length below zero",
            Self::BadChunkSize => "sends a chunk size that is no number",
            Self::HugeChunkSize => "sends a chunk size that no machine can hold",
            Self::UnfinishedChunks => "closes in the middle of its chunks",
            Self::NulInHeader => "sends a NUL in a header",
            Self::NamelessHeader => "sends a header without a name",
            Self::FoldedHeader => "sends a header that goes on in the next line",
            Self::ControlsInStatus => "sends terminal codes behind the status code",
            Self::Http09 => "sends a body without a head",
            Self::Http99 => "speaks HTTP/9.9",
            Self::Status999 => "answers with status 999",
            Self::InformationalStorm => "sends 10,000 interim answers",
            Self::Upgrade => "switches protocols unasked",
            Self::BodyWithoutContent => "sends 204 and a body",
            Self::Html => "sends a page of HTML",
            Self::EmptyBody => "sends no body",
            Self::HalfJson => "sends half a JSON text",
            Self::InvalidUtf8 => "sends what is not UTF-8",
            Self::WrongShape => "sends JSON of another shape",
            Self::WrongTypes => "sends the right names with values of other types",
            Self::Null => "sends null",
            Self::TerminalCodes => "sends terminal codes and bidirectional controls in JSON",
        }
    }

    pub(crate) async fn answer(self, stream: &mut TcpStream, request: &ReceivedRequest) -> io::Result<()> {
        let good = || Answer::json(200, &plausible::answer(request, "fine"));
        let json = |body: &[u8]| Answer::new(200, "application/json", body.to_vec());
        let whole = match self {
            Self::Html => {
                Answer::new(200, "text/html", b"<!doctype html><title>Sign in</title><p>Please sign in.".to_vec())
            }
            Self::EmptyBody => json(b""),
            Self::HalfJson => {
                let mut answer = good();
                answer.body.truncate(answer.body.len() / 2);
                answer
            }
            Self::InvalidUtf8 => json(b"{\"name\":\"\xff\xfe\xc3(\"}"),
            Self::WrongShape => json(b"[1,\"two\",null,{\"three\":[]}]"),
            Self::WrongTypes => {
                let mut value = plausible::answer(request, "fine");
                other_types(&mut value);
                Answer::json(200, &value)
            }
            Self::Null => json(b"null"),
            Self::TerminalCodes => {
                let text = "\u{1b}[2J\u{1b}]0;title\u{7}\u{202e}txt\u{2066}\r\nlevel=error forged\0\u{e0041}";
                Answer::json(200, &plausible::answer(request, text))
            }
            Self::ControlsInStatus => Answer { reason: b"\x1b[31mOK\x07".to_vec(), ..good() },
            Self::Status999 => Answer { status: 999, ..good() },
            malformed => {
                stream.write_all(&malformed.bytes(&good())).await?;
                return Ok(());
            }
        };
        whole.write(stream, request.method == "HEAD").await
    }

    /// The bytes of an answer that no writer of answers would write.
    fn bytes(self, good: &Answer) -> Vec<u8> {
        let head = good.open_head();
        let body = good.body.as_slice();
        let length = format!("Content-Length: {}\r\n", body.len()).into_bytes();
        let wrong = |change: i64| {
            let length = i64::try_from(body.len()).unwrap_or(0).saturating_add(change);
            format!("Content-Length: {length}\r\n").into_bytes()
        };
        let with = |fields: &[u8]| [head.as_slice(), fields, b"\r\n", body].concat();
        let chunked = |chunks: &[u8]| [head.as_slice(), b"Transfer-Encoding: chunked\r\n\r\n", chunks].concat();
        let version = |version: &[u8]| [version, with(&length).get(8..).unwrap_or_default()].concat();
        match self {
            Self::NotHttp => b"220 mail.upstream.example ESMTP ready\r\n".to_vec(),
            Self::Binary(seed) => Random::new(seed).bytes(4 << 10),
            Self::Truncated => with(&wrong(100)),
            Self::Excess => with(&wrong(-10)),
            Self::TwoLengths => with(&[length.clone(), wrong(5)].concat()),
            Self::LengthAndChunks => {
                let chunk = crate::answer::chunk(body);
                [head.as_slice(), &length, b"Transfer-Encoding: chunked\r\n\r\n", &chunk, b"0\r\n\r\n"].concat()
            }
            Self::NegativeLength => with(b"Content-Length: -5\r\n"),
            Self::BadChunkSize => chunked(b"zz\r\nabc\r\n0\r\n\r\n"),
            Self::HugeChunkSize => chunked(b"ffffffffffffffffff\r\nabc\r\n"),
            Self::UnfinishedChunks => chunked(b"a\r\n{\"items\":["),
            Self::NulInHeader => with(&[length.as_slice(), b"X-Nul: a\0b\r\n"].concat()),
            Self::NamelessHeader => with(&[length.as_slice(), b": nameless\r\n"].concat()),
            Self::FoldedHeader => with(&[length.as_slice(), b"X-Folded: a\r\n b\r\n"].concat()),
            Self::Http09 => body.to_vec(),
            Self::Http99 => version(b"HTTP/9.9"),
            Self::InformationalStorm => {
                [b"HTTP/1.1 100 Continue\r\n\r\n".repeat(STORM).as_slice(), &with(&length)].concat()
            }
            Self::Upgrade => {
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: other\r\nConnection: Upgrade\r\n\r\nother bytes".to_vec()
            }
            Self::BodyWithoutContent => {
                let head = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n";
                [head.as_slice(), &length, b"\r\n", body].concat()
            }
            _ => Vec::new(),
        }
    }
}

/// Turns each value into one of another type, and leaves the names.
fn other_types(value: &mut serde_json::Value) {
    use serde_json::{Value, json};
    match value {
        Value::Object(members) => members.values_mut().for_each(other_types),
        Value::Array(items) => *value = json!({ "count": items.len() }),
        Value::String(_) => *value = json!(-7.5),
        Value::Number(_) => *value = json!("seven"),
        Value::Bool(_) => *value = json!([]),
        Value::Null => *value = json!(true),
    }
}

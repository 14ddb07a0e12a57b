//! More than a client should take.

use std::io;

use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::answer::{Answer, chunk};
use crate::form::Form;
use crate::plausible;
use crate::request::ReceivedRequest;

/// A flood. The endless ones go on until the client closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flood {
    /// JSON without end, in chunks.
    EndlessBody,
    /// Text without end and without a length: the end of the connection would be its end.
    EndlessBodyWithoutLength,
    /// A length of 2^50 bytes, and bytes without end.
    HugeLength,
    /// Headers without end.
    EndlessHeaders,
    /// 10,000 short headers, and then a good body.
    ManyHeaders,
    /// One header of 1 MiB.
    LongHeader,
    /// 10,000 trailers behind a good body.
    ManyTrailers,
    /// 100,000 JSON arrays inside each other.
    DeepJson,
    /// A JSON list of 300,000 numbers.
    WideJson,
    /// A JSON string of 4 MiB.
    LongString,
    /// 64 MiB that compress to some 64 KiB, and are said to be compressed.
    CompressionBomb,
    /// A page that always says that there is another.
    EndlessPages,
}

/// Headers and trailers of a flood of them: a hundred times what clients commonly take.
const FIELDS: usize = 10_000;
/// Arrays inside each other: a hundred times what parsers commonly take.
const DEPTH: usize = 100_000;
/// Numbers in a wide list, some 600 KB of them.
const WIDTH: usize = 300_000;
/// One long header, in bytes.
const LONG_HEADER_BYTES: usize = 1 << 20;
/// One long string, in bytes.
const LONG_STRING_BYTES: usize = 4 << 20;
/// What a compression bomb unpacks to, in bytes.
const BOMB_BYTES: usize = 64 << 20;

impl Flood {
    /// Every flood.
    pub const ALL: [Self; 12] = [
        Self::EndlessBody,
        Self::EndlessBodyWithoutLength,
        Self::HugeLength,
        Self::EndlessHeaders,
        Self::ManyHeaders,
        Self::LongHeader,
        Self::ManyTrailers,
        Self::DeepJson,
        Self::WideJson,
        Self::LongString,
        Self::CompressionBomb,
        Self::EndlessPages,
    ];

    pub(crate) fn description(self) -> &'static str {
        match self {
            Self::EndlessBody => "sends JSON without end, in chunks",
            Self::EndlessBodyWithoutLength => "sends text without end and without a length",
            Self::HugeLength => "says that 2^50 bytes follow, and begins",
            Self::EndlessHeaders => "sends headers without end",
            Self::ManyHeaders => "sends 10,000 headers",
            Self::LongHeader => "sends a header of 1 MiB",
            Self::ManyTrailers => "sends 10,000 trailers",
            Self::DeepJson => "sends 100,000 JSON arrays inside each other",
            Self::WideJson => "sends a JSON list of 300,000 numbers",
            Self::LongString => "sends a JSON string of 4 MiB",
            Self::CompressionBomb => "sends 64 MiB, compressed to a thousandth",
            Self::EndlessPages => "says on every page that there is another",
        }
    }

    pub(crate) async fn answer(self, stream: &mut TcpStream, request: &ReceivedRequest) -> io::Result<()> {
        let json = |body: Vec<u8>| Answer::new(200, "application/json", body);
        let good = || Answer::json(200, &plausible::answer(request, "fine"));
        let fields = || (0..FIELDS).map(|number| (format!("X-{number}").into_bytes(), b"1".to_vec()));
        let whole = match self {
            Self::EndlessBody | Self::EndlessBodyWithoutLength | Self::HugeLength | Self::EndlessHeaders => {
                return self.endless(stream).await;
            }
            Self::ManyHeaders => {
                let mut answer = good();
                answer.headers.extend(fields());
                answer
            }
            Self::ManyTrailers => Answer { trailers: fields().collect(), ..good() },
            Self::LongHeader => good().with("X-Long", vec![b'a'; LONG_HEADER_BYTES]),
            Self::DeepJson => json([vec![b'['; DEPTH], vec![b']'; DEPTH]].concat()),
            Self::WideJson => {
                let list = vec![0; WIDTH];
                let mut answer = plausible::answer(request, "fine");
                if let Some(members) = answer.as_object_mut() {
                    members.values_mut().filter(|value| value.is_array()).for_each(|value| *value = json!(list));
                }
                Answer::json(200, &answer)
            }
            Self::LongString => Answer::json(200, &plausible::answer(request, &"x".repeat(LONG_STRING_BYTES / 40))),
            Self::CompressionBomb => json(Form::Gzip.compress(vec![b' '; BOMB_BYTES])).with("Content-Encoding", "gzip"),
            Self::EndlessPages => {
                let mut answer = plausible::answer(request, "one of very many");
                if let Some(members) = answer.as_object_mut() {
                    for name in ["more", "has_more", "hasMore"] {
                        members.insert(name.to_owned(), json!(true));
                    }
                    for name in ["next_cursor", "cursor", "next_page_token", "nextPageToken"] {
                        members.insert(name.to_owned(), json!("again"));
                    }
                    members.insert("next".to_owned(), json!(request.target));
                    members.insert("total".to_owned(), json!(null));
                }
                Answer::json(200, &answer).with("Link", format!("<{}>; rel=\"next\"", request.target))
            }
        };
        whole.write(stream, request.method == "HEAD").await
    }

    async fn endless(self, stream: &mut TcpStream) -> io::Result<()> {
        let mut head = Answer::new(200, "application/json", Vec::new()).open_head();
        let piece = vec![b'x'; 64 << 10];
        match self {
            Self::EndlessHeaders => {
                stream.write_all(&head).await?;
                for number in 0_u64.. {
                    stream.write_all(format!("X-Endless-{number}: 0123456789abcdef\r\n").as_bytes()).await?;
                }
            }
            Self::EndlessBody => {
                head.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
                head.extend_from_slice(&chunk(b"{\"items\":[\""));
                stream.write_all(&head).await?;
                let piece = chunk(&piece);
                loop {
                    stream.write_all(&piece).await?;
                }
            }
            _ => {
                if self == Self::HugeLength {
                    head.extend_from_slice(format!("Content-Length: {}\r\n", 1_u64 << 50).as_bytes());
                }
                head.extend_from_slice(b"\r\n");
                stream.write_all(&head).await?;
                loop {
                    stream.write_all(&piece).await?;
                }
            }
        }
        Ok(())
    }
}

//! Answers, written byte by byte: well formed unless a behaviour asks for something else.

use std::io;

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::chunks::Chunks;

/// From so many pieces on, writing each by itself costs more than it shows.
const MANY_PIECES: usize = 1_000;
/// Bytes that go out with one write then.
const SHARED_WRITE_BYTES: usize = 512;

/// An answer with a body that ends.
pub(crate) struct Answer {
    /// Status code.
    pub(crate) status: u16,
    /// The text behind it, as it is written.
    pub(crate) reason: Vec<u8>,
    /// Header fields, as they are written.
    pub(crate) headers: Vec<(Vec<u8>, Vec<u8>)>,
    /// The body.
    pub(crate) body: Vec<u8>,
    /// How it is cut, and where the middles of its echoes are, in bytes.
    pub(crate) chunks: (Chunks, Vec<usize>),
    /// Fields behind the body. Where there are any, the body is sent in chunks.
    pub(crate) trailers: Vec<(Vec<u8>, Vec<u8>)>,
    /// Whether the connection stays open for the next request.
    pub(crate) keeps_open: bool,
}

impl Answer {
    /// An answer with JSON.
    pub(crate) fn json(status: u16, value: &Value) -> Self {
        Self::new(status, "application/json", value.to_string().into_bytes())
    }

    /// An answer with a body of some type.
    pub(crate) fn new(status: u16, content_type: &str, body: Vec<u8>) -> Self {
        Self {
            status,
            reason: reason(status).as_bytes().to_vec(),
            headers: Vec::new(),
            body,
            chunks: (Chunks::Whole, Vec::new()),
            trailers: Vec::new(),
            keeps_open: false,
        }
        .with("Content-Type", content_type)
    }

    /// Adds a header field.
    pub(crate) fn with(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.as_ref().to_vec(), value.as_ref().to_vec()));
        self
    }

    /// The head without its end, so that more can be written behind it.
    pub(crate) fn open_head(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} ", self.status).into_bytes();
        head.extend_from_slice(&self.reason);
        head.extend_from_slice(b"\r\n");
        for (name, value) in &self.headers {
            push_field(&mut head, name, value);
        }
        // Unless it is asked for otherwise, each exchange has a connection of its own: what one leaves behind cannot
        // confuse the next.
        if !self.keeps_open {
            head.extend_from_slice(b"Connection: close\r\n");
        }
        head
    }

    /// Writes it. `bodiless` leaves the body out, as an answer to `HEAD` must.
    pub(crate) async fn write(&self, stream: &mut TcpStream, bodiless: bool) -> io::Result<()> {
        let mut head = self.open_head();
        let (chunks, middles) = &self.chunks;
        let pieces = match chunks.cut(&self.body, middles) {
            None if self.trailers.is_empty() => {
                head.extend_from_slice(format!("Content-Length: {}\r\n\r\n", self.body.len()).as_bytes());
                if !bodiless {
                    head.extend_from_slice(&self.body);
                }
                return stream.write_all(&head).await;
            }
            None => vec![self.body.as_slice()],
            Some(pieces) => pieces,
        };
        for (name, _) in &self.trailers {
            push_field(&mut head, b"Trailer", name);
        }
        head.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
        stream.write_all(&head).await?;
        if bodiless {
            return Ok(());
        }
        // Very many pieces share writes: they are chunks of their own all the same.
        let write_bytes = if pieces.len() > MANY_PIECES { SHARED_WRITE_BYTES } else { 0 };
        let mut waiting = Vec::new();
        for piece in pieces {
            waiting.extend_from_slice(&chunk(piece));
            if waiting.len() > write_bytes {
                stream.write_all(&waiting).await?;
                waiting.clear();
                // The client reads in between, if it is as quick.
                tokio::task::yield_now().await;
            }
        }
        stream.write_all(&waiting).await?;
        let mut end = b"0\r\n".to_vec();
        for (name, value) in &self.trailers {
            push_field(&mut end, name, value);
        }
        end.extend_from_slice(b"\r\n");
        stream.write_all(&end).await
    }
}

/// One chunk (RFC 9112, section 7.1).
pub(crate) fn chunk(data: &[u8]) -> Vec<u8> {
    let mut chunk = format!("{:x}\r\n", data.len()).into_bytes();
    chunk.extend_from_slice(data);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

fn push_field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// The usual text behind a status code (RFC 9110, section 15).
pub(crate) fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        409 => "Conflict",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "Status",
    }
}

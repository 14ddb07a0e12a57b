//! Reading requests, and what is kept of them. Only well-formed requests are expected: what this upstream tries
//! out is how clients bear bad answers.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// Longest head of a request that is read, in bytes: four times what common servers take.
const MAX_HEAD_BYTES: usize = 64 << 10;
/// Longest body of a request that is read, in bytes: what a client's own limits are tried with is shorter.
const MAX_BODY_BYTES: usize = 16 << 20;
/// Most header fields of one request.
const MAX_FIELDS: usize = 128;

/// A request as it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedRequest {
    /// The method.
    pub method: String,
    /// Path and query, as they were sent.
    pub target: String,
    /// Name and value of every header field, in order, names as they were sent.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The whole body, decoded from chunks.
    pub body: Vec<u8>,
    /// It came to the address that only a client which follows redirects learns of.
    pub followed_redirect: bool,
    /// Which of the upstream's connections it came over, counted from 0 in the order in which they were accepted.
    pub connection: u64,
}

impl ReceivedRequest {
    /// The first value of a header field; names are compared without case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_slice())
    }

    /// The path without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(self.target.as_str(), |(path, _)| path)
    }
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

/// Reads one request from a connection on which nothing waits; nothing where the client closed without one. What
/// stands behind the request is thrown away: clients that send the next one before the answer are not expected.
pub(crate) async fn read(
    stream: &mut (impl AsyncRead + Unpin),
    connection: u64,
    followed_redirect: bool,
) -> io::Result<Option<ReceivedRequest>> {
    let mut bytes = Vec::with_capacity(2 << 10);
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if bytes.len() > MAX_HEAD_BYTES {
            return Err(malformed("the head of the request is too long"));
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return if bytes.is_empty() { Ok(None) } else { Err(malformed("the request was cut off")) };
        }
    };
    let rest = bytes.split_off(end);
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut parsed = httparse::Request::new(&mut fields);
    parsed.parse(&bytes).map_err(|error| malformed(&error.to_string()))?;
    let mut request = ReceivedRequest {
        method: parsed.method.unwrap_or_default().to_owned(),
        target: parsed.path.unwrap_or_default().to_owned(),
        headers: parsed.headers.iter().map(|field| (field.name.to_owned(), field.value.to_vec())).collect(),
        body: Vec::new(),
        followed_redirect,
        connection,
    };
    request.body = body(stream, &request, rest).await?;
    Ok(Some(request))
}

async fn body(
    stream: &mut (impl AsyncRead + Unpin),
    request: &ReceivedRequest,
    mut bytes: Vec<u8>,
) -> io::Result<Vec<u8>> {
    let text = |name| request.header(name).and_then(|value| std::str::from_utf8(value).ok());
    if text("transfer-encoding").is_some_and(|coding| coding.to_ascii_lowercase().contains("chunked")) {
        loop {
            if let Some(body) = unchunked(&bytes) {
                return Ok(body);
            }
            if bytes.len() > MAX_BODY_BYTES || stream.read_buf(&mut bytes).await? == 0 {
                return Err(malformed("the chunks of the request are too many or cut off"));
            }
        }
    }
    let length = text("content-length").and_then(|text| text.trim().parse().ok()).unwrap_or(0_usize);
    if length > MAX_BODY_BYTES {
        return Err(malformed("the body of the request is too long"));
    }
    while bytes.len() < length {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(malformed("the body of the request was cut off"));
        }
    }
    bytes.truncate(length);
    Ok(bytes)
}

/// The body of a chunked message (RFC 9112, section 7.1), where all of it is there.
fn unchunked(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = bytes.windows(2).position(|window| window == b"\r\n")?;
        let (line, after) = bytes.split_at_checked(end)?;
        let digits = line.split(|&byte| byte == b';').next()?;
        let length = usize::from_str_radix(std::str::from_utf8(digits).ok()?.trim(), 16).ok()?;
        let data = after.get(2..)?;
        if length == 0 {
            return Some(body);
        }
        body.extend_from_slice(data.get(..length)?);
        bytes = data.get(length.checked_add(2)?..)?;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;

    #[tokio::test]
    async fn requests_are_read_whole() {
        let plain = b"POST /a?b=c HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcd";
        let request = read(&mut &plain[..], 7, false).await.unwrap().unwrap();
        assert_eq!((request.method.as_str(), request.path(), request.body.as_slice()), ("POST", "/a", &b"abc"[..]));
        assert_eq!((request.header("HOST"), request.connection), (Some(&b"x"[..]), 7));
        let chunked = b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\n";
        assert_eq!(read(&mut &chunked[..], 0, true).await.unwrap().unwrap().body, b"abc");
        assert_eq!(read(&mut &b""[..], 0, false).await.unwrap(), None);
        assert!(read(&mut &b"GET / HT"[..], 0, false).await.is_err());
        assert!(read(&mut &b"POST / HTTP/1.1\r\ncontent-length: 9\r\n\r\nab"[..], 0, false).await.is_err());
    }
}

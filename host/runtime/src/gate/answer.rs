//! What an answer may look like, and what of it a connector sees.
//!
//! An answer is taken only in the one shape in which all of it can be looked through: whole, in the identity
//! encoding, framed by its length or in chunks. Nothing else was asked for.

use bytes::{Bytes, BytesMut};
use http::header::{
    CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    TRANSFER_ENCODING,
};
use http::response::Parts;
use hyper::ext::ReasonPhrase;
use toolkeep_policy::headers::response_header_visible;
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;

use super::stopped::Stopped;
use crate::limits::Limits;

/// Fields that are between the host and the upstream's connection (RFC 9110, section 7.6.1), whatever a connector
/// declares.
const HOP_BY_HOP: [&str; 8] =
    ["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "via"];

/// Largest body in one piece that is copied out of the connection's buffer, in bytes: that takes a microsecond.
const COPIED_BYTES: usize = 16 << 10;

/// What was received of a body so far. A large one that comes in one piece is not copied.
pub(super) struct Received {
    pieces: Pieces,
    expected: usize,
}

enum Pieces {
    One(Bytes),
    Joined(BytesMut),
}

impl Received {
    /// Nothing yet. Where a second piece comes, room is made at once for `expected` bytes.
    pub(super) fn expecting(expected: usize) -> Self {
        Self { pieces: Pieces::One(Bytes::new()), expected }
    }

    pub(super) fn push(&mut self, data: Bytes) {
        match &mut self.pieces {
            Pieces::One(first) if first.is_empty() => *first = data,
            Pieces::One(first) => {
                let mut joined = BytesMut::with_capacity(self.expected.max(first.len() + data.len()));
                joined.extend_from_slice(first);
                joined.extend_from_slice(&data);
                self.pieces = Pieces::Joined(joined);
            }
            Pieces::Joined(joined) => joined.extend_from_slice(&data),
        }
    }

    pub(super) fn into_bytes(self) -> Bytes {
        match self.pieces {
            // What is kept of a connection's buffer keeps all of it in memory.
            Pieces::One(first) if first.len() <= COPIED_BYTES => Bytes::copy_from_slice(&first),
            Pieces::One(first) => first,
            Pieces::Joined(joined) => joined.freeze(),
        }
    }
}

impl AsRef<[u8]> for Received {
    fn as_ref(&self) -> &[u8] {
        match &self.pieces {
            Pieces::One(first) => first,
            Pieces::Joined(joined) => joined,
        }
    }
}

/// Every text of the head: the reason phrase, names, values.
pub(super) fn texts(head: &Parts) -> impl Iterator<Item = &[u8]> {
    // A phrase that is the status code's usual one is not kept, and says nothing.
    let reason = head.extensions.get::<ReasonPhrase>().map(ReasonPhrase::as_bytes);
    reason.into_iter().chain(fields(&head.headers))
}

/// The names and values of fields.
pub(super) fn fields(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    headers.iter().flat_map(|(name, value)| [name.as_str().as_bytes(), value.as_bytes()])
}

/// Refuses an answer that is not in the shape that was asked for, or has more or larger fields than it may, before
/// its body is read.
pub(super) fn check(head: &Parts, limits: &Limits) -> Result<(), Stopped> {
    let headers = &head.headers;
    let (most, most_bytes) = (limits.header_fields, limits.response_header_bytes);
    let oversized =
        |rule: String| Stopped::failed("response_headers", rule, ErrorCode::HttpResponseHeaderSectionSize(None));
    if headers.len() > most {
        return Err(oversized(format!("the answer has more than {most} header fields")));
    }
    if section_bytes(headers) > most_bytes {
        return Err(oversized(format!("the answer's header section has more than {most_bytes} bytes")));
    }
    // Interim answers are passed over before this; what is left of them would leave HTTP (101).
    if !(200..600).contains(&head.status.as_u16()) {
        let rule = format!("the answer has the status {}, which ends no exchange", head.status.as_u16());
        return Err(Stopped::failed("response_status", rule, ErrorCode::HttpUpgradeFailed));
    }
    let is_in_ranges = |value: &HeaderValue| starts_with(value, b"multipart/byteranges");
    if head.status == http::StatusCode::PARTIAL_CONTENT
        || headers.contains_key(CONTENT_RANGE)
        || headers.get_all(CONTENT_TYPE).iter().any(is_in_ranges)
    {
        let rule = "the answer is a part although the whole was asked for";
        return Err(Stopped::failed("response_partial", rule, ErrorCode::HttpResponseIncomplete));
    }
    // Compressed bytes cannot be looked through.
    if headers.get_all(CONTENT_ENCODING).iter().any(|value| !is(value, b"identity")) {
        let rule = "the answer is encoded although identity was asked for";
        return Err(Stopped::failed("response_encoding", rule, ErrorCode::HttpResponseContentCoding(None)));
    }
    // The same one layer below; and two statements of a length are one too many (RFC 9112, section 6.3).
    let codings = headers.get_all(TRANSFER_ENCODING);
    let is_framed_twice = headers.contains_key(TRANSFER_ENCODING) && headers.contains_key(CONTENT_LENGTH);
    if is_framed_twice || codings.iter().count() > 1 || codings.iter().any(|value| !is(value, b"chunked")) {
        let rule = "the answer's transfer coding is not one that was asked for";
        return Err(Stopped::failed("response_framing", rule, ErrorCode::HttpResponseTransferCoding(None)));
    }
    Ok(())
}

/// Size of a header section as it is written: each field with a colon, a space and the end of its line (RFC 9112,
/// section 5).
fn section_bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
}

/// The fields that a connector may see: common ones and those that its origin declares, and none that the
/// answer itself says is for the connection only.
pub(super) fn visible(headers: &HeaderMap, declared: &[String]) -> HeaderMap {
    let mut visible = HeaderMap::new();
    for (name, value) in headers {
        if response_header_visible(name.as_str(), declared) && !is_hop_by_hop(name, headers) {
            visible.append(name.clone(), value.clone());
        }
    }
    visible
}

fn is_hop_by_hop(name: &HeaderName, headers: &HeaderMap) -> bool {
    let named = |value: &HeaderValue| {
        value
            .as_bytes()
            .split(|byte| *byte == b',')
            .any(|token| token.trim_ascii().eq_ignore_ascii_case(name.as_str().as_bytes()))
    };
    HOP_BY_HOP.contains(&name.as_str()) || headers.get_all(CONNECTION).iter().any(named)
}

fn is(value: &HeaderValue, word: &[u8]) -> bool {
    value.as_bytes().trim_ascii().eq_ignore_ascii_case(word)
}

fn starts_with(value: &HeaderValue, beginning: &[u8]) -> bool {
    value.as_bytes().get(..beginning.len()).is_some_and(|start| start.eq_ignore_ascii_case(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(status: u16, fields: &[(&'static str, &'static str)]) -> Parts {
        let mut answer = http::Response::builder().status(status);
        for (name, value) in fields {
            answer = answer.header(*name, *value);
        }
        answer.body(()).map(|answer| answer.into_parts().0).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn only_the_shape_that_was_asked_for_is_taken() {
        let limits = Limits { header_fields: 2, response_header_bytes: 64, ..Limits::default() };
        for (status, fields, code) in [
            (200, &[("content-encoding", "gzip")][..], "response_encoding"),
            (200, &[("content-encoding", "identity, gzip")], "response_encoding"),
            (200, &[("transfer-encoding", "gzip, chunked")], "response_framing"),
            (200, &[("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")], "response_framing"),
            (200, &[("transfer-encoding", "chunked"), ("content-length", "3")], "response_framing"),
            (206, &[], "response_partial"),
            (200, &[("content-range", "bytes 0-3/9")], "response_partial"),
            (200, &[("content-type", "Multipart/ByteRanges; boundary=x")], "response_partial"),
            (101, &[("upgrade", "websocket")], "response_status"),
            (700, &[], "response_status"),
            (200, &[("etag", "1"), ("etag", "2"), ("etag", "3")], "response_headers"),
            // Nine bytes for the first field, eight and its value for the second: 64 are not too many, 65 are.
            (200, &[("etag", "1"), ("link", "23456789-123456789-123456789-123456789-123456789")], "response_headers"),
        ] {
            let refused = check(&head(status, fields), &limits).map_err(|stopped| stopped.code);
            assert_eq!(refused, Err(code), "{status} {fields:?}");
        }
        for (status, fields) in [
            (200, &[("transfer-encoding", "Chunked"), ("content-encoding", "Identity")][..]),
            (204, &[]),
            (304, &[("etag", "1")]),
            (200, &[("etag", "1"), ("link", "3456789-123456789-123456789-123456789-123456789")]),
            (503, &[("retry-after", "1")]),
        ] {
            assert!(check(&head(status, fields), &limits).is_ok(), "{status} {fields:?}");
        }
    }

    #[test]
    fn what_is_for_the_connection_is_not_shown() {
        let answer = head(
            200,
            &[
                ("connection", "keep-alive, ETag"),
                ("keep-alive", "timeout=5"),
                ("etag", "1"),
                ("content-type", "text/plain"),
                ("set-cookie", "a=b"),
                ("x-declared", "yes"),
                ("x-other", "no"),
            ],
        );
        let declared = ["x-declared".to_owned(), "keep-alive".to_owned()];
        let shown = visible(&answer.headers, &declared);
        let names: Vec<&str> = shown.keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["content-type", "x-declared"]);
    }
}

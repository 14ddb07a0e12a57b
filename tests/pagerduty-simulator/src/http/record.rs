//! What was received: the last requests, exactly as they came, so that a test can say what went out.

use bytes::Bytes;
use http::request::Parts;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// How many requests are kept. Enough for a test's own, small enough to forget about.
const KEPT_REQUESTS: usize = 256;
/// A longer body is cut here, so that the ring cannot hold more than 16 MiB.
const KEPT_BODY_BYTES: usize = 64 * 1024;

/// A request as it was received. Its `Debug` shows no authorization value.
#[derive(Clone)]
pub struct ReceivedRequest {
    /// In capitals, as sent.
    pub method: String,
    /// Without the query, still percent-encoded.
    pub path: String,
    /// Still percent-encoded; none if there was no `?`.
    pub query: Option<String>,
    /// Names in lower case, values as sent (bytes beyond ASCII replaced), in the order of arrival as far as
    /// HTTP keeps it.
    pub headers: Vec<(String, String)>,
    /// At most 64 KiB of it.
    pub body: Bytes,
}

impl ReceivedRequest {
    /// The first value of a header; the name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The headers with the authorization value masked.
    pub(crate) fn masked_headers(&self) -> Vec<(&str, String)> {
        self.headers
            .iter()
            .map(|(name, value)| {
                let shown = if name == "authorization" { masked(value) } else { value.clone() };
                (name.as_str(), shown)
            })
            .collect()
    }
}

impl fmt::Debug for ReceivedRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ReceivedRequest")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("query", &self.query)
            .field("headers", &self.masked_headers())
            .field("body", &self.body)
            .finish()
    }
}

/// The scheme and nothing of the secret but its length.
fn masked(value: &str) -> String {
    let scheme = value.split(' ').next().filter(|scheme| *scheme != value).unwrap_or_default();
    format!("{scheme} ({} bytes masked)", value.len().saturating_sub(scheme.len()))
}

/// The ring of requests, or nothing if recording is off.
pub(crate) struct Recorder(Option<Mutex<VecDeque<ReceivedRequest>>>);

impl Recorder {
    pub(crate) fn new(on: bool) -> Recorder {
        Recorder(on.then(Mutex::default))
    }

    /// Keeps a request. A body that could not be read is kept as empty.
    pub(crate) fn record(&self, parts: &Parts, body: Option<&Bytes>) {
        let Some(ring) = &self.0 else { return };
        let body = body.map(|body| Bytes::copy_from_slice(body.get(..KEPT_BODY_BYTES).unwrap_or(body)));
        let received = ReceivedRequest {
            method: parts.method.as_str().to_owned(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().map(str::to_owned),
            headers: parts
                .headers
                .iter()
                .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
                .collect(),
            body: body.unwrap_or_default(),
        };
        let mut ring = ring.lock().unwrap_or_else(PoisonError::into_inner);
        if ring.len() >= KEPT_REQUESTS {
            ring.pop_front();
        }
        ring.push_back(received);
    }

    pub(crate) fn all(&self) -> Vec<ReceivedRequest> {
        let Some(ring) = &self.0 else { return Vec::new() };
        ring.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    pub(crate) fn clear(&self) {
        if let Some(ring) = &self.0 {
            ring.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }
}

//! A request made by hand, so that nothing between corrects it: the words go to `wasi:http` as they are.

use toolkeep_connector::bindings::wasi::http::outgoing_handler;
use toolkeep_connector::bindings::wasi::http::types::{
    Fields, FutureIncomingResponse, IncomingBody, IncomingResponse, Method, OutgoingBody, OutgoingRequest, Scheme,
};
use toolkeep_connector::bindings::wasi::io::streams::{OutputStream, StreamError};

use crate::tell;

/// Bytes written at once: what `blocking-write-and-flush` takes at most (wasi:io/streams).
const WRITE_MAX_BYTES: usize = 4_096;
/// Bytes asked for at once.
const READ_BYTES: u64 = 1 << 20;
/// Most bytes of an answer that are kept, to be told.
const KEEP_BYTES: usize = 64 << 10;

/// A request, part by part.
#[derive(Debug)]
pub struct Raw {
    method: Method,
    url: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Option<Vec<u8>>,
    opens_body: bool,
    trailers: Vec<(String, Vec<u8>)>,
}

impl Raw {
    /// A `GET` of a URL.
    #[must_use]
    pub fn get(url: impl Into<String>) -> Self {
        Self {
            method: Method::Get,
            url: url.into(),
            headers: Vec::new(),
            body: None,
            opens_body: true,
            trailers: Vec::new(),
        }
    }

    /// Another method, in any spelling.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.method = match method {
            "GET" => Method::Get,
            "POST" => Method::Post,
            "PUT" => Method::Put,
            "PATCH" => Method::Patch,
            "DELETE" => Method::Delete,
            "CONNECT" => Method::Connect,
            "TRACE" => Method::Trace,
            "OPTIONS" => Method::Options,
            other => Method::Other(other.to_owned()),
        };
        self
    }

    /// One more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// One more header, from `name: value`.
    #[must_use]
    pub fn header_line(self, line: &str) -> Self {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        self.header(name, value.strip_prefix(' ').unwrap_or(value))
    }

    /// A body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Without opening a body, as most libraries send a request that has none: the host gets all of it at once.
    #[must_use]
    pub fn bodiless(mut self) -> Self {
        self.opens_body = false;
        self
    }

    /// One more trailer.
    #[must_use]
    pub fn trailer(mut self, name: &str, value: &str) -> Self {
        self.trailers.push((name.to_owned(), value.as_bytes().to_vec()));
        self
    }

    /// Begins the request, without its body.
    ///
    /// # Errors
    /// What the host said.
    pub fn open(&self) -> Result<(FutureIncomingResponse, OutgoingBody), String> {
        let request = self.request()?;
        let body = request.body().map_err(|()| "refused: body".to_owned())?;
        Ok((handle(request)?, body))
    }

    fn request(&self) -> Result<OutgoingRequest, String> {
        let fields = Fields::from_list(&self.headers).map_err(|error| format!("fields: {error:?}"))?;
        let request = OutgoingRequest::new(fields);
        let (scheme, rest) = self.url.split_once("://").unwrap_or(("https", &self.url));
        let scheme = match scheme {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            other => Scheme::Other(other.to_owned()),
        };
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, "/"),
        };
        request.set_method(&self.method).map_err(|()| "refused: method".to_owned())?;
        request.set_scheme(Some(&scheme)).map_err(|()| "refused: scheme".to_owned())?;
        request.set_authority(Some(authority)).map_err(|()| "refused: authority".to_owned())?;
        request.set_path_with_query(Some(path)).map_err(|()| "refused: path".to_owned())?;
        Ok(request)
    }

    /// Sends it all and waits for nothing.
    ///
    /// # Errors
    /// What the host said.
    pub fn start(&self) -> Result<FutureIncomingResponse, String> {
        if !self.opens_body {
            return handle(self.request()?);
        }
        let (future, body) = self.open()?;
        if let Some(bytes) = &self.body
            && let Ok(stream) = body.write()
        {
            for chunk in bytes.chunks(WRITE_MAX_BYTES) {
                if stream.blocking_write_and_flush(chunk).is_err() {
                    break;
                }
            }
        }
        let trailers = if self.trailers.is_empty() {
            None
        } else {
            Some(Fields::from_list(&self.trailers).map_err(|error| format!("trailers: {error:?}"))?)
        };
        OutgoingBody::finish(body, trailers).map_err(|error| format!("body: {error:?}"))?;
        Ok(future)
    }

    /// Sends it, waits, and gives everything that came of it.
    #[must_use]
    pub fn ask(&self) -> String {
        match self.start() {
            Ok(future) => outcome(&future),
            Err(refused) => refused,
        }
    }

    /// The same, and tells it as progress: so it is known even if the call is about to fail.
    #[must_use]
    pub fn send(&self) -> String {
        let told = self.ask();
        tell(&told);
        told
    }
}

fn handle(request: OutgoingRequest) -> Result<FutureIncomingResponse, String> {
    outgoing_handler::handle(request, None).map_err(|error| format!("refused: {error:?}"))
}

/// Waits for an answer and puts all of it into words.
#[must_use]
pub fn outcome(future: &FutureIncomingResponse) -> String {
    future.subscribe().block();
    taken(future).unwrap_or_else(|| "failed: no answer".to_owned())
}

/// What came of a request so far, in words: nothing yet, or all of it. Waits for nothing but the body.
#[must_use]
pub fn taken(future: &FutureIncomingResponse) -> Option<String> {
    Some(match future.get()? {
        Ok(Ok(response)) => answer(&response),
        Ok(Err(error)) => format!("failed: {error:?}"),
        Err(()) => "failed: taken before".to_owned(),
    })
}

fn answer(response: &IncomingResponse) -> String {
    let mut told = format!("answered: {}", response.status());
    for (name, value) in response.headers().entries() {
        told.push_str(&format!("\n{name}: {}", String::from_utf8_lossy(&value)));
    }
    told.push_str("\n\n");
    let Ok(body) = response.consume() else { return told };
    if let Ok(stream) = body.stream() {
        loop {
            match stream.blocking_read(READ_BYTES) {
                Ok(chunk) if told.len() + chunk.len() <= KEEP_BYTES => {
                    told.push_str(&String::from_utf8_lossy(&chunk));
                }
                Ok(_) => {}
                Err(StreamError::Closed) => break,
                Err(StreamError::LastOperationFailed(_)) => {
                    told.push_str("\n(cut off)");
                    break;
                }
            }
        }
    }
    let trailers = IncomingBody::finish(body);
    trailers.subscribe().block();
    if let Some(Ok(Ok(Some(fields)))) = trailers.get() {
        for (name, value) in fields.entries() {
            told.push_str(&format!("\ntrailer {name}: {}", String::from_utf8_lossy(&value)));
        }
    }
    told
}

/// Writes to a request's body until the host has had enough; gives how many bytes it took, at most `limit`.
pub fn pour(stream: &OutputStream, limit: usize) -> usize {
    let chunk = [b'x'; WRITE_MAX_BYTES];
    let mut written = 0;
    while written < limit && stream.blocking_write_and_flush(&chunk).is_ok() {
        written += chunk.len();
    }
    written
}

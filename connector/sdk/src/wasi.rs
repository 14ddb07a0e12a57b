//! The environment inside the host: `wasi:http` for requests, the contract's `host` for the rest.
//!
//! Blocking is right here: a component does one thing per call, and the host suspends it while it waits.

use crate::bindings::toolkeep::connector::host;
use crate::bindings::wasi::clocks::wall_clock;
use crate::bindings::wasi::http::outgoing_handler;
use crate::bindings::wasi::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingResponse, Method as WasiMethod, OutgoingBody, OutgoingRequest,
    Scheme,
};
use crate::bindings::wasi::io::streams::StreamError;
use crate::context::{Environment, Incoming, Level, Outgoing, SendError};
use crate::request::Method;
use crate::{Account, RESPONSE_MAX_BYTES};

/// Bytes written at once: what `blocking-write-and-flush` takes at most (wasi:io/streams).
const WRITE_MAX_BYTES: usize = 4_096;
/// Bytes asked for at once: the usual answer whole. What comes is as much as is there, and no buffer waits for it.
const READ_BYTES: u64 = 1_024 * 1_024;

/// Runs in a host; works inside a component only.
pub struct Host;

impl Environment for Host {
    fn send(&mut self, request: &Outgoing) -> Result<Incoming, SendError> {
        let response = await_response(&start(request)?)?;
        let status = response.status();
        let headers: Vec<(String, String)> = response
            .headers()
            .entries()
            .into_iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), String::from_utf8_lossy(&value).into_owned()))
            .collect();
        let body = read_body(&response)?;
        Ok(Incoming { status, headers, body })
    }

    fn now_ms(&self) -> i64 {
        let now = wall_clock::now();
        i64::try_from(now.seconds).unwrap_or(i64::MAX).saturating_mul(1_000) + i64::from(now.nanoseconds / 1_000_000)
    }

    fn account(&self) -> Option<Account> {
        host::connected_account()
    }

    fn progress(&mut self, done: u32, total: Option<u32>, message: &str) {
        host::progress(done, total, message);
    }

    fn log(&mut self, level: Level, message: &str) {
        host::log(level, message);
    }
}

fn malformed(what: &str) -> SendError {
    SendError::Malformed(what.to_owned())
}

fn start(request: &Outgoing) -> Result<FutureIncomingResponse, SendError> {
    let headers: Vec<_> =
        request.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into_bytes())).collect();
    let fields = Fields::from_list(&headers).map_err(|_| malformed("a header is not allowed"))?;
    let outgoing = OutgoingRequest::new(fields);
    // A request that nobody gave a method is a GET (wasi:http, `outgoing-request`).
    if request.method != Method::Get {
        outgoing.set_method(&wasi_method(request.method)).map_err(|()| malformed("method"))?;
    }
    outgoing.set_scheme(Some(&Scheme::Https)).map_err(|()| malformed("scheme"))?;
    outgoing.set_authority(Some(&request.authority)).map_err(|()| malformed("authority"))?;
    outgoing.set_path_with_query(Some(&request.path_with_query)).map_err(|()| malformed("path"))?;
    let Some(bytes) = &request.body else {
        return outgoing_handler::handle(outgoing, None).map_err(|code| failure(&code));
    };
    let body = outgoing.body().map_err(|()| malformed("body"))?;
    let future = outgoing_handler::handle(outgoing, None).map_err(|code| failure(&code))?;
    write_body(body, bytes);
    Ok(future)
}

/// A body that cannot be written is not reported from here: the answer, or the reason that there is none,
/// comes from the response.
fn write_body(body: OutgoingBody, bytes: &[u8]) {
    let Ok(stream) = body.write() else { return };
    for chunk in bytes.chunks(WRITE_MAX_BYTES) {
        if stream.blocking_write_and_flush(chunk).is_err() {
            return;
        }
    }
    // A body cannot be finished while its stream is open (wasi:http, `outgoing-body.finish`).
    drop(stream);
    drop(OutgoingBody::finish(body, None));
}

fn await_response(future: &FutureIncomingResponse) -> Result<IncomingResponse, SendError> {
    loop {
        // No answer is here at once, so asking before waiting would be in vain.
        future.subscribe().block();
        match future.get() {
            Some(Ok(Ok(response))) => return Ok(response),
            Some(Ok(Err(code))) => return Err(failure(&code)),
            Some(Err(())) => return Err(malformed("response taken twice")),
            None => {}
        }
    }
}

/// Reads what comes, until nothing more does.
fn read_body(response: &IncomingResponse) -> Result<Vec<u8>, SendError> {
    let broken = || SendError::Interrupted("the answer was cut off".to_owned());
    let incoming = response.consume().map_err(|()| broken())?;
    let stream = incoming.stream().map_err(|()| broken())?;
    let mut body = Vec::new();
    loop {
        match stream.blocking_read(READ_BYTES) {
            Ok(chunk) if body.len().saturating_add(chunk.len()) > RESPONSE_MAX_BYTES => {
                return Err(SendError::TooLarge);
            }
            // The common case is one read: then the buffer moves instead of being copied.
            Ok(chunk) if body.is_empty() => body = chunk,
            Ok(chunk) => body.extend_from_slice(&chunk),
            Err(StreamError::Closed) => return Ok(body),
            Err(StreamError::LastOperationFailed(error)) => {
                return Err(match crate::bindings::wasi::http::types::http_error_code(&error) {
                    Some(code @ (ErrorCode::HttpResponseBodySize(_) | ErrorCode::HttpRequestDenied)) => failure(&code),
                    _ => broken(),
                });
            }
        }
    }
}

fn wasi_method(method: Method) -> WasiMethod {
    match method {
        Method::Get => WasiMethod::Get,
        Method::Head => WasiMethod::Head,
        Method::Post => WasiMethod::Post,
        Method::Put => WasiMethod::Put,
        Method::Patch => WasiMethod::Patch,
        Method::Delete => WasiMethod::Delete,
    }
}

/// Sorts the error codes by what they leave open: refused, never sent, or perhaps done.
fn failure(code: &ErrorCode) -> SendError {
    let unreachable = |why: &str| SendError::Unreachable(why.to_owned());
    let interrupted = |why: &str| SendError::Interrupted(why.to_owned());
    match code {
        ErrorCode::HttpRequestDenied
        | ErrorCode::DestinationIpProhibited
        | ErrorCode::DestinationIpUnroutable
        | ErrorCode::LoopDetected => SendError::Denied,
        ErrorCode::DnsTimeout | ErrorCode::DnsError(_) => unreachable("its name does not resolve"),
        ErrorCode::DestinationNotFound | ErrorCode::DestinationUnavailable => unreachable("nothing is there"),
        ErrorCode::ConnectionRefused => unreachable("connection refused"),
        ErrorCode::ConnectionTimeout => unreachable("connecting took too long"),
        ErrorCode::ConnectionLimitReached => unreachable("too many requests at once"),
        ErrorCode::TlsProtocolError | ErrorCode::TlsCertificateError | ErrorCode::TlsAlertReceived(_) => {
            unreachable("TLS failed")
        }
        ErrorCode::ConnectionTerminated => interrupted("the connection ended"),
        ErrorCode::ConnectionReadTimeout | ErrorCode::ConnectionWriteTimeout | ErrorCode::HttpResponseTimeout => {
            interrupted("it took too long")
        }
        ErrorCode::HttpResponseBodySize(_)
        | ErrorCode::HttpResponseHeaderSectionSize(_)
        | ErrorCode::HttpResponseHeaderSize(_) => SendError::TooLarge,
        ErrorCode::HttpRequestBodySize(_) => malformed("the body is too large"),
        ErrorCode::HttpRequestUriTooLong => malformed("the address is too long"),
        ErrorCode::HttpRequestMethodInvalid | ErrorCode::HttpRequestUriInvalid => malformed("method or address"),
        _ => interrupted("the exchange failed"),
    }
}

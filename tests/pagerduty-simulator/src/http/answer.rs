//! Turning results into responses, the proper ones and those on demand.

use super::broken_body::{CutOff, Gigantic};
use super::error::ApiError;
use super::faults::FaultKind;
use super::limits::Allowance;
use axum::body::{Body, to_bytes};
use axum::response::Response;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
const RATELIMIT_LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const RATELIMIT_REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RATELIMIT_RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// A success, serialised.
pub(crate) struct Reply {
    status: StatusCode,
    body: Bytes,
}

impl Reply {
    /// 200 with this JSON.
    pub(crate) fn ok(value: &Value) -> Reply {
        Reply { status: StatusCode::OK, body: Bytes::from(value.to_string()) }
    }

    /// 201 with this JSON.
    pub(crate) fn created(value: &Value) -> Reply {
        Reply { status: StatusCode::CREATED, ..Reply::ok(value) }
    }

    /// 200 with JSON that is serialised already.
    pub(crate) fn ready(body: Vec<u8>) -> Reply {
        Reply { status: StatusCode::OK, body: Bytes::from(body) }
    }
}

/// A response without rate-limit headers.
pub(super) fn plain(result: Result<Reply, ApiError>) -> Response {
    counted(result, None)
}

/// A response that tells what is left of the rate limit.
pub(super) fn counted(result: Result<Reply, ApiError>, allowance: Option<&Allowance>) -> Response {
    let (status, body) = match result {
        Ok(reply) => (reply.status, reply.body),
        Err(error) => (error.status, Bytes::from(error.body.to_string())),
    };
    let mut response = with_body(status, Body::from(body));
    if let Some(allowance) = allowance {
        let headers = response.headers_mut();
        headers.insert(RATELIMIT_LIMIT, HeaderValue::from(allowance.limit));
        headers.insert(RATELIMIT_REMAINING, HeaderValue::from(allowance.remaining));
        headers.insert(RATELIMIT_RESET, HeaderValue::from(allowance.reset_s));
    }
    response
}

fn with_body(status: StatusCode, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

/// The answer that a fault puts in the place of the proper one.
pub(super) fn instead(kind: &FaultKind) -> Response {
    let status = |number: u16| StatusCode::from_u16(number).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match kind {
        FaultKind::Status { status: number, bare: true } => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = status(*number);
            response
        }
        FaultKind::Status { status: number, bare: false } => {
            let full = Allowance { limit: 960, remaining: 0, reset_s: 17, exhausted: true };
            let allowance = (*number == 429).then_some(&full);
            counted(Err(ApiError::usual(status(*number))), allowance)
        }
        FaultKind::Html { status: number } => {
            let page = "<!DOCTYPE html><html><head><title>Harbour & Finch web proxy</title></head>\
                        <body><h1>The page is not available</h1></body></html>";
            let mut response = with_body(status(*number), Body::from(page));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
            response
        }
        FaultKind::Gigantic { bytes } => with_body(StatusCode::OK, Body::new(Gigantic::new(*bytes))),
        FaultKind::InvalidJson => with_body(StatusCode::OK, Body::from("{\"incidents\":[{\"id\":\"Q0\",")),
        FaultKind::ArrayError { status: number } => {
            let body = json!({"error": ["links should have at most 50 item(s)"]});
            with_body(status(*number), Body::from(body.to_string()))
        }
        // These two need the proper answer and are dealt with where it is made.
        FaultKind::Delay { .. } | FaultKind::CutOff { .. } => with_body(StatusCode::OK, Body::from("{}")),
    }
}

/// The proper answer, of which only the first bytes arrive.
pub(super) async fn cut_off(response: Response, after_bytes: usize) -> Response {
    let (mut parts, body) = response.into_parts();
    // The body is our own and already in memory, so there is nothing to bound.
    let whole = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let start = whole.slice(..after_bytes.min(whole.len().saturating_sub(1)));
    let announced = u64::try_from(whole.len()).unwrap_or(u64::MAX);
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, Body::new(CutOff { start: Some(start), announced, yielded: false }))
}

/// A bare JSON response of the control surface.
pub(super) fn control(status: StatusCode, value: &Value) -> Response {
    with_body(status, Body::from(value.to_string()))
}

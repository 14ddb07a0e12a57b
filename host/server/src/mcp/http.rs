//! MCP over Streamable HTTP: the routes, and what happens to a request on its way to the handler.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use http::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use serde::de::IgnoredAny;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::bypass::Bypass;
use super::caller::Caller;
use super::guard::{Doors, Refusal, authenticate};
use super::handler::Handler;
use super::places::Places;
use super::strangers::Strangers;
use super::surface::Surface;

/// Largest request, in bytes. A tool's arguments are at most 256 KiB; the rest is the protocol's own.
pub(crate) const MAX_BODY_BYTES: usize = 1 << 20;
/// What is read and thrown away of the body of a request that is refused, in bytes: any honest message of a client
/// that forgot its key.
const REFUSED_BODY_BYTES: usize = 64 << 10;
/// How long it is waited for, in milliseconds: it is usually there already.
const REFUSED_BODY_MS: u64 = 1_000;
/// Longest time for a request's body to arrive, in milliseconds. A megabyte over a poor mobile link.
const BODY_MS: u64 = 10_000;

/// JSON-RPC 2.0: the text is not JSON.
const PARSE_ERROR: i32 = -32_700;
/// JSON-RPC 2.0: it is JSON, but no request.
const INVALID_REQUEST: i32 = -32_600;
/// JSON-RPC 2.0: the fault is the server's.
const INTERNAL_ERROR: i32 = -32_603;

/// Everything that a request needs; shared by all.
#[derive(Clone)]
struct Shared {
    surface: Arc<Surface>,
    doors: Arc<Doors>,
    service: StreamableHttpService<Handler, NeverSessionManager>,
    places: Arc<Places>,
    strangers: Arc<Strangers>,
}

/// The routes: `/mcp` for every connector, `/mcp/{connector}` for one, `/healthz`.
///
/// `stop` ends what is being answered when it is cancelled.
pub(crate) fn router(surface: Arc<Surface>, doors: Doors, stop: CancellationToken) -> Router {
    // Stateless, so that every host behind a balancer can answer every request, and nothing is kept that a
    // stranger could make us keep. A call that reports progress is answered as a stream, the others as JSON.
    // Host and Origin are checked by `Doors` before anything else; here they are not checked a second time.
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_max_request_body_bytes(MAX_BODY_BYTES)
        .with_cancellation_token(stop)
        .disable_allowed_hosts();
    let handler = Handler::for_http(Arc::clone(&surface));
    let service =
        StreamableHttpService::new(move || Ok(handler.clone()), Arc::new(NeverSessionManager::default()), config);
    let shared = Shared { surface, doors: Arc::new(doors), service, places: Arc::default(), strangers: Arc::default() };
    Router::new()
        .route("/mcp", any(all_connectors))
        .route("/mcp/{connector}", any(one_connector))
        .route("/healthz", get(health))
        .fallback(|| async { Refusal::NoSuchPage })
        .with_state(shared)
}

/// Says that the process answers. It needs no key, so it says nothing else.
async fn health(State(shared): State<Shared>, request: Request) -> Response {
    match shared.doors.admit(request.uri(), request.headers()) {
        Ok(()) => "ok\n".into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

async fn all_connectors(State(shared): State<Shared>, request: Request) -> Response {
    serve(&shared, None, request).await.unwrap_or_else(IntoResponse::into_response)
}

async fn one_connector(State(shared): State<Shared>, Path(name): Path<String>, request: Request) -> Response {
    serve(&shared, Some(name), request).await.unwrap_or_else(IntoResponse::into_response)
}

async fn serve(shared: &Shared, connector: Option<String>, request: Request) -> Result<Response, Refusal> {
    // 1. The right door.
    let (mut parts, body) = request.into_parts();
    let known = shared
        .doors
        .admit(&parts.uri, &parts.headers)
        // 2. Somebody we know.
        .and_then(|()| authenticate(shared.surface.host().vault(), &parts.uri, &parts.headers));
    let principal = match known {
        Ok(principal) => principal,
        Err(refusal) => {
            shared.strangers.record(shared.surface.host().audit(), &refusal).await;
            return Ok(refuse(refusal, body).await);
        }
    };
    // The key goes no further.
    parts.headers.remove(AUTHORIZATION);
    // 3. Something to talk about.
    if connector.as_ref().is_some_and(|name| !shared.surface.has_connector(name)) {
        return Ok(refuse(Refusal::UnknownConnector, body).await);
    }
    // 4. A place, and then the body: nobody who waits holds a megabyte.
    let _place = shared.places.take(&principal).await.ok_or(Refusal::Overloaded)?;
    let is_post = parts.method == Method::POST;
    let body = if is_post { read(body, BODY_MS).await? } else { Bytes::new() };
    // 5. The protocol.
    parts.extensions.insert(Caller { principal, connector });
    let bypass = Bypass::default();
    parts.extensions.insert(bypass.clone());
    let says_json = parts.headers.get(CONTENT_TYPE).is_some_and(is_json);
    let answer = shared.service.handle(http::Request::from_parts(parts, Full::new(body.clone()))).await;
    // The library answers what is no message with 415, although the media type is right. Only then is the
    // body read a second time, to tell what is no JSON from what is no message.
    if is_post && says_json && answer.status() == StatusCode::UNSUPPORTED_MEDIA_TYPE {
        if let Err(error) = serde_json::from_slice::<IgnoredAny>(&body) {
            let message = format!("the request is not JSON: {error}");
            return Ok(json_rpc_error(StatusCode::BAD_REQUEST, PARSE_ERROR, &message));
        }
        return Ok(json_rpc_error(
            StatusCode::BAD_REQUEST,
            INVALID_REQUEST,
            "the request is not one JSON-RPC 2.0 message; batches are not taken",
        ));
    }
    // 6. The answer's own text, where it did not go through the protocol's library.
    Ok(bypass.rejoin(answer).await.unwrap_or_else(|error| {
        tracing::error!(%error, "an answer could not be put into the protocol library's message");
        let message = "the call was made, but its answer could not be given; look at what it did before repeating it";
        json_rpc_error(StatusCode::INTERNAL_SERVER_ERROR, INTERNAL_ERROR, message)
    }))
}

/// Answers a refusal so that it arrives. A connection that is closed while a body is still on its way takes the
/// answer with it, and a client that does not know of it sends its next request in vain (RFC 9112, section 9.6).
async fn refuse(refusal: Refusal, body: Body) -> Response {
    let rest = Limited::new(body, REFUSED_BODY_BYTES).collect();
    let drained = tokio::time::timeout(Duration::from_millis(REFUSED_BODY_MS), rest).await;
    let mut response = refusal.into_response();
    if !matches!(drained, Ok(Ok(_))) {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Reads a body to its end, of at most [`MAX_BODY_BYTES`] and within `limit_ms`.
async fn read(body: Body, limit_ms: u64) -> Result<Bytes, Refusal> {
    let whole = Limited::new(body, MAX_BODY_BYTES).collect();
    match tokio::time::timeout(Duration::from_millis(limit_ms), whole).await {
        Err(_) => Err(Refusal::BodyTooSlow),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refusal::BodyTooLarge),
        Ok(Err(_)) => Err(Refusal::BodyBroken),
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
    }
}

fn is_json(value: &HeaderValue) -> bool {
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

/// An error about a request whose id is not known here.
fn json_rpc_error(status: StatusCode, code: i32, message: &str) -> Response {
    let body = json!({ "jsonrpc": "2.0", "id": null, "error": { "code": code, "message": message } });
    let mut response = (status, body.to_string()).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;
    use hyper::service::Service as _;
    use hyper_util::service::TowerToHyperService;
    use secrecy::ExposeSecret;
    use std::future::{Future, poll_fn};
    use std::task::Poll;
    use toolkeep_audit::AuditLog;
    use toolkeep_host::Host;
    use toolkeep_policy::ToolFilter;
    use toolkeep_vault::{NewApiKey, Vault};

    /// A body whose next part never comes.
    struct Endless;

    impl hyper::body::Body for Endless {
        type Data = Bytes;
        type Error = std::convert::Infallible;
        fn poll_frame(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
            std::task::Poll::Pending
        }
    }

    #[tokio::test]
    async fn a_body_has_a_size_and_a_time() {
        assert_eq!(read(Body::from(vec![b'x'; MAX_BODY_BYTES]), BODY_MS).await.unwrap().len(), MAX_BODY_BYTES);
        assert_eq!(read(Body::from(vec![b'x'; MAX_BODY_BYTES + 1]), BODY_MS).await, Err(Refusal::BodyTooLarge));
        assert_eq!(read(Body::new(Endless), 10).await, Err(Refusal::BodyTooSlow));
    }

    #[tokio::test]
    async fn one_key_cannot_keep_the_others_out() {
        let vault = Arc::new(Vault::in_memory().unwrap());
        let audit = AuditLog::in_memory(vault.derive_key("audit digests")).unwrap();
        let key = |user: &str| {
            let new = NewApiKey {
                tenant: "acme".parse().unwrap(),
                user: user.parse().unwrap(),
                label: "test".to_owned(),
                tools: ToolFilter::All,
                expires_at: None,
            };
            format!("Bearer {}", vault.create_api_key(new).unwrap().1.expose_secret())
        };
        let (kim, sam) = (key("kim"), key("sam"));
        let surface = Arc::new(Surface::new(Host::builder(Arc::clone(&vault), audit).build().unwrap()));
        let router = router(surface, Doors::new(&[], &[]).unwrap(), CancellationToken::new());
        let post = |key: &str, body: Body| {
            let request = http::Request::post("/mcp")
                .header("host", "localhost")
                .header("authorization", key)
                .header("content-type", "application/json")
                .header("accept", "application/json, text/event-stream")
                .body(body)
                .unwrap();
            Box::pin(TowerToHyperService::new(router.clone()).call(request))
        };
        // More than there are places for all.
        let mut stalled: Vec<_> = (0..200).map(|_| post(&kim, Body::new(Endless))).collect();
        for request in &mut stalled {
            let begun = poll_fn(|context| Poll::Ready(request.as_mut().poll(context).is_pending()));
            assert!(begun.await, "its body never comes");
            tokio::task::yield_now().await;
        }
        let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" }).to_string();
        let answer = post(&sam, Body::from(ping)).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    }

    #[test]
    fn the_media_type_is_compared_without_its_parameters() {
        assert!(is_json(&HeaderValue::from_static("Application/JSON; charset=utf-8")));
        assert!(!is_json(&HeaderValue::from_static("text/json")));
    }
}

//! What the gate refuses of requests that no honest client library would make, without an upstream: nothing may
//! reach for one.
#![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request};
use http_body::Frame;
use http_body_util::{BodyExt as _, Full};
use toolkeep_policy::{Base, EgressPolicy, Method, OriginMapping, PathTemplate, Route};
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::{Error, WasiBody};

use super::stopped::{Breach, Stopped};
use super::{Gate, GatedOrigin};
use crate::description::Origin;
use crate::limits::Limits;
use crate::resolver::SystemResolver;
use crate::upstream::{Reach, Upstreams};

/// A gate that reads and writes `/things` of an upstream that is not there.
fn gate(limits: Limits) -> Arc<Gate> {
    let declared = Base::parse("https://api.example.com").unwrap();
    let real = Base::parse_operator("http://127.0.0.1:1").unwrap();
    let mapping = OriginMapping { declared: declared.clone(), real };
    let route = |method| Route { method, origin: "api".to_owned(), path: PathTemplate::parse("/things").unwrap() };
    let policy =
        EgressPolicy::new(BTreeMap::from([("api".to_owned(), mapping)]), vec![route(Method::Get), route(Method::Post)]);
    let declared = Origin {
        name: "api".to_owned(),
        base: declared,
        alternatives: Vec::new(),
        request_headers: Vec::new(),
        response_headers: Vec::new(),
        account_headers: Vec::new(),
    };
    let upstreams = Upstreams::new(&limits, Arc::new(SystemResolver), Vec::new()).unwrap();
    let origin = GatedOrigin {
        declared: declared.into(),
        account_headers: Vec::new(),
        upstream: upstreams.of("test", 1, Reach::Operator),
    };
    Arc::new(Gate::new("test", policy, vec![origin], None, limits, None))
}

async fn send(gate: &Arc<Gate>, request: http::request::Builder, body: WasiBody) -> ErrorCode {
    Arc::clone(gate).exchange(request.body(body).unwrap()).await.map(|_| ()).unwrap_err()
}

fn post() -> http::request::Builder {
    Request::post("https://api.example.com/things")
}

fn body(text: &'static str) -> WasiBody {
    Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed_unsync()
}

fn with_trailers(trailers: HeaderMap) -> WasiBody {
    struct AfterAll(Option<HeaderMap>);
    impl http_body::Body for AfterAll {
        type Data = Bytes;
        type Error = Error;
        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<Frame<Bytes>, Error>>> {
            std::task::Poll::Ready(self.0.take().map(|trailers| Ok(Frame::trailers(trailers))))
        }
    }
    AfterAll(Some(trailers)).boxed_unsync()
}

/// The refused request as it is on record, and why the call fails.
fn refused(gate: &Gate) -> (String, Option<&'static str>) {
    let (records, _, breach) = gate.close();
    let [record] = <[_; 1]>::try_from(records).unwrap();
    let code = match breach {
        Some(Breach::Denied { code, .. } | Breach::Limit { code, .. }) => Some(code),
        _ => None,
    };
    (record.error.unwrap(), code)
}

#[tokio::test]
async fn trailers_are_not_sent() {
    let gate = gate(Limits::default());
    let trailers = HeaderMap::from_iter([(http::header::AUTHORIZATION, HeaderValue::from_static("mine"))]);
    send(&gate, post(), with_trailers(trailers)).await;
    assert_eq!(refused(&gate), ("trailers_not_sent".to_owned(), Some("trailers_not_sent")));
}

#[tokio::test]
async fn no_trailers_are_no_reason() {
    let gate = gate(Limits::default());
    send(&gate, post(), with_trailers(HeaderMap::new())).await;
    assert_eq!(refused(&gate), ("connection_refused".to_owned(), None));
}

#[tokio::test]
async fn a_body_is_for_writes_and_bounded() {
    let read = gate(Limits::default());
    send(&read, Request::get("https://api.example.com/things"), body("{}")).await;
    assert_eq!(refused(&read).1, Some("body_on_read"));
    let limits = Limits { request_body_bytes: 4, ..Limits::default() };
    let small = gate(limits);
    send(&small, post(), body("12345")).await;
    assert_eq!(refused(&small).1, Some("request_too_large"));
}

#[tokio::test]
async fn header_fields_are_few() {
    let gate = gate(Limits::default());
    let flood = (0..101).fold(post(), |request, _| request.header("accept", "x"));
    send(&gate, flood, body("")).await;
    assert_eq!(refused(&gate).1, Some("too_many_headers"));
}

#[tokio::test]
async fn what_waits_when_a_rule_is_broken_does_not_leave() {
    let gate = gate(Limits::default());
    let waiting = {
        let (parts, _) = post().body(()).unwrap().into_parts();
        gate.admit(&parts).unwrap()
    };
    send(&gate, Request::delete("https://api.example.com/things"), body("")).await;
    let stopped = gate.inject(waiting, Bytes::new()).map(|_| ()).unwrap_err();
    let Stopped { code, error, .. } = stopped;
    assert_eq!(code, "call_over");
    assert!(matches!(error, ErrorCode::HttpRequestDenied), "{error:?}");
}

//! Requests under way while the guest does something else, and calls whose callers do. Each in both forms in which a
//! guest can make a request: with a body that it opens, and without one.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use serde_json::{Value, json};
use toolkeep_audit::RecordKind;
use toolkeep_host::{Call, Exchange, ExchangeObserver, HostBuilder, Limits};
use toolkeep_tests::{Stage, api_key_canary, guest, test_cache};
use toolkeep_vault::CredentialKind;

use crate::egress::misbehaving;
use crate::upstreams::{Upstream, json as json_answer};

/// The two forms: what is appended to how the guest asks.
const FORMS: [&str; 2] = ["", "_bodiless"];
/// What it asks for.
const THING: &str = "https://fixture.example/things/7";

/// A body that never ends, and is never begun.
struct Held;

impl futures_core::Stream for Held {
    type Item = Result<axum::body::Bytes, std::convert::Infallible>;
    fn poll_next(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::Poll::Pending
    }
}

/// An upstream that begins to answer `/things/7`, and goes no further; it answers all else.
async fn holding() -> Upstream {
    Upstream::start(|request| match request.uri.path() {
        "/things/7" => Response::new(Body::from_stream(Held)),
        _ => json_answer("{}"),
    })
    .await
}

async fn answering() -> Upstream {
    Upstream::start(|_| json_answer("{}")).await
}

/// The default limits but for one.
fn but(name: &str, value: u64) -> Limits {
    let mut limits = Limits::default();
    limits.set(name, value).unwrap();
    limits
}

/// The requests of the last call, as they are on record.
fn recorded(stage: &Stage) -> Vec<Value> {
    let records = stage.records().unwrap();
    let outcome = records.iter().rfind(|record| record.kind == RecordKind::Outcome).unwrap();
    outcome.content["requests"].as_array().cloned().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_nobody_waits_for_leaves_and_is_on_record() {
    for form in FORMS {
        let upstream = answering().await;
        let stage = misbehaving("forgotten", &upstream, Limits::default()).await;
        let how = format!("fire_and_forget{form}");
        stage.structured("misbehaves_do", json!({ "how": how, "with": THING })).await.unwrap();
        assert_eq!(upstream.count(), 1, "the upstream has acted");
        let requests = recorded(&stage);
        assert_eq!((requests.len(), &requests[0]["decision"]), (1, &json!("allowed")), "{requests:?}");
        assert!(requests[0]["path_parameters"].to_string().contains('7'), "{requests:?}");
    }
}

#[tokio::test]
async fn a_guest_that_returns_without_ever_waiting_has_sent_nothing() {
    for form in FORMS {
        let upstream = answering().await;
        let stage = misbehaving("returned", &upstream, Limits::default()).await;
        let how = format!("ask_and_return{form}");
        // On a busy machine a tick may make it give way all the same, and the request is on its way then.
        for _ in 0..20 {
            stage.structured("misbehaves_do", json!({ "how": how, "with": THING })).await.unwrap();
            let requests = recorded(&stage);
            assert_eq!((requests.len(), &requests[0]["error"]), (1, &json!("abandoned")), "{requests:?}");
            if requests[0]["decision"] == "not_sent" {
                assert_eq!((&requests[0]["injected"], &requests[0]["status"]), (&Value::Null, &Value::Null));
                break;
            }
            assert_eq!(requests[0]["decision"], "allowed");
        }
        assert_eq!(recorded(&stage)[0]["decision"], "not_sent");
        let before = upstream.count();
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(upstream.count(), before, "what was not sent has not left later");
    }
}

#[tokio::test]
async fn a_request_that_finds_no_connection_has_not_been_sent() {
    let mut upstream = answering().await;
    // A port that nobody listens at.
    upstream.base = "http://127.0.0.1:1".to_owned();
    let stage = misbehaving("closed port", &upstream, Limits::default()).await;
    let answer = stage.structured("misbehaves_do", json!({ "how": "get", "with": THING })).await.unwrap();
    assert_eq!(answer["said"], "failed: ErrorCode::ConnectionRefused", "{answer}");
    let requests = recorded(&stage);
    assert_eq!(requests[0]["decision"], "not_sent", "{requests:?}");
    assert_eq!((&requests[0]["error"], &requests[0]["injected"]), (&json!("connection_refused"), &Value::Null));
    let shown = stage.exchanges.all();
    assert!(shown[0].sent.is_some() && shown[0].refused.is_none(), "{shown:?}");
}

/// An observer that fails.
struct Fails;

impl ExchangeObserver for Fails {
    fn exchanged(&self, _: &Exchange) {
        panic!("the observer failed");
    }
}

#[tokio::test]
async fn a_failure_of_the_host_fails_the_call_and_keeps_what_it_did_on_record() {
    let upstream = answering().await;
    let observed = |builder: HostBuilder| Ok(builder.observer(Arc::new(Fails)));
    let mut stage = Stage::build(&upstream.base, Limits::default(), test_cache(), observed).unwrap();
    stage.connect("misbehaves", &api_key_canary("fails"), CredentialKind::ApiKey, None, &upstream.base).unwrap();
    stage.host.load(&guest("misbehaves").unwrap()).await.unwrap();
    let error = stage.call("misbehaves_do", json!({ "how": "get", "with": THING })).await.unwrap_err();
    assert_eq!(error.code(), "connector_failed", "{error}");
    let requests = recorded(&stage);
    assert_eq!((&requests[0]["decision"], &requests[0]["status"]), (&json!("allowed"), &json!(200)), "{requests:?}");
    // So does a refusal, and it is still a refusal.
    let with = "https://fixture.example/users";
    let error = stage.call("misbehaves_do", json!({ "how": "get", "with": with })).await.unwrap_err();
    assert_eq!(error.code(), "egress_denied", "{error}");
}

#[tokio::test]
async fn a_body_that_was_announced_and_is_not_there_is_refused_where_it_is_asked_for() {
    let upstream = answering().await;
    let stage = misbehaving("announced", &upstream, Limits::default()).await;
    let arguments = json!({ "how": "header_bodiless", "with": "content-length: 512" });
    let answer = stage.structured("misbehaves_do", arguments).await.unwrap();
    assert_eq!(answer["said"], "refused: ErrorCode::HttpRequestBodySize(Some(0))", "{answer}");
    assert_eq!(upstream.count(), 0);
}

#[tokio::test]
async fn a_refused_request_fails_the_call_even_if_the_guest_is_gone_at_once() {
    for form in FORMS {
        let upstream = answering().await;
        let stage = misbehaving("outrun", &upstream, Limits::default()).await;
        let with = "https://fixture.example/users";
        let how = format!("ask_and_return{form}");
        let error = stage.call("misbehaves_do", json!({ "how": how, "with": with })).await.unwrap_err();
        assert_eq!(error.code(), "egress_denied");
        assert_eq!(recorded(&stage)[0]["decision"], "refused");
    }
}

#[tokio::test]
async fn a_guest_that_only_looks_and_never_waits_gets_its_answer_once() {
    for form in FORMS {
        let upstream = answering().await;
        let stage = misbehaving("looking", &upstream, Limits::default()).await;
        let how = format!("look_and_look{form}");
        let answer = stage.structured("misbehaves_do", json!({ "how": how, "with": THING })).await.unwrap();
        assert!(answer["said"].as_str().unwrap().starts_with("answered: 200"), "{answer}");
        assert_eq!(answer["again"], "failed: taken before", "{answer}");
    }
}

#[tokio::test]
async fn an_upstreams_time_runs_out_while_the_guest_waits_for_something_else() {
    for form in FORMS {
        let upstream = holding().await;
        let limits = but("upstream_ms", 100);
        let stage = misbehaving("late", &upstream, limits).await;
        let (how, with) = (format!("look_late{form}"), format!("{THING} 1000"));
        let answer = stage.structured("misbehaves_do", json!({ "how": how, "with": with })).await.unwrap();
        assert_eq!(answer["said"], "failed: ErrorCode::HttpResponseTimeout", "{answer}");
        let requests = recorded(&stage);
        assert_eq!(requests[0]["error"], "upstream_timeout", "{requests:?}");
        // Not when the guest came to look, a second later.
        assert!(requests[0]["duration_us"].as_u64().unwrap() < 900_000, "{requests:?}");
    }
}

#[tokio::test]
async fn a_request_that_is_given_up_makes_room_for_the_next() {
    for form in FORMS {
        let upstream = holding().await;
        let limits = but("upstream_requests_at_once", 1);
        let stage = misbehaving("half way", &upstream, limits).await;
        let how = format!("drop_half_way{form}");
        let answer = stage.structured("misbehaves_do", json!({ "how": how, "with": THING })).await.unwrap();
        assert!(answer["said"].as_str().unwrap().starts_with("answered: 200"), "{answer}");
        let requests = recorded(&stage);
        assert_eq!((&requests[0]["decision"], &requests[0]["error"]), (&json!("allowed"), &json!("abandoned")));
        assert_eq!(requests[1]["status"], 200, "{requests:?}");
    }
}

#[tokio::test]
async fn of_several_requests_the_guest_hears_as_they_are_answered() {
    for form in FORMS {
        let upstream = answering().await;
        let limits = but("upstream_requests_at_once", 2);
        let stage = misbehaving("several", &upstream, limits).await;
        let how = format!("several{form}");
        let answer = stage.structured("misbehaves_do", json!({ "how": how, "with": "9" })).await.unwrap();
        let said = answer["said"].as_array().unwrap();
        assert_eq!((said.len(), upstream.count()), (9, 9), "{answer}");
        assert!(said.iter().all(|one| one.as_str().unwrap().starts_with("answered: 200")), "{answer}");
    }
}

/// Polls a call until its request has reached the upstream, and not once more.
async fn until_sent(upstream: &Upstream, mut call: std::pin::Pin<&mut impl Future<Output: std::fmt::Debug>>) {
    while upstream.count() == 0 {
        let polled = tokio::time::timeout(Duration::from_millis(1), call.as_mut()).await;
        assert!(polled.is_err(), "{polled:?}");
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_at_once_stops_the_guest_and_not_the_record() {
    let upstream = holding().await;
    let stage = misbehaving("away", &upstream, Limits::default()).await;
    let call = Call::new("misbehaves_do", json!({ "how": "get", "with": THING })).unwrap();
    {
        let mut call = pin!(stage.host.call(&stage.kim, call));
        until_sent(&upstream, call.as_mut()).await;
    }
    let outcome = tokio::time::timeout(Duration::from_secs(10), ended(&stage)).await.expect("it is recorded");
    assert_eq!((&outcome["code"], &outcome["requests"][0]["decision"]), (&json!("cancelled"), &json!("allowed")));
}

/// The outcome of a call, when there is one.
async fn ended(stage: &Stage) -> Value {
    loop {
        let records = stage.records().unwrap();
        if let Some(outcome) = records.into_iter().rfind(|record| record.kind == RecordKind::Outcome) {
            return outcome.content;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_caller_that_stops_polling_does_not_stop_the_clock() {
    let upstream = holding().await;
    let limits = but("wall_clock_ms", 2_000);
    let stage = misbehaving("parked", &upstream, limits).await;
    let call = Call::new("misbehaves_do", json!({ "how": "get", "with": THING })).unwrap();
    let mut parked = pin!(stage.host.call(&stage.kim, call));
    until_sent(&upstream, parked.as_mut()).await;
    let outcome = tokio::time::timeout(Duration::from_secs(10), ended(&stage)).await;
    let outcome = outcome.expect("it ends although nobody polls it");
    assert_eq!(outcome["code"], "time_limit", "{outcome}");
    // What came of it is there when the caller comes back.
    assert_eq!(parked.await.unwrap_err().code(), "time_limit");
}

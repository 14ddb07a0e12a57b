//! Limits: one call's end is nobody else's.

use std::time::{Duration, Instant};

use serde_json::json;
use toolkeep_host::{CallError, Limits};
use toolkeep_tests::{Stage, api_key_canary, guest};
use toolkeep_vault::CredentialKind;

use crate::egress::misbehaving;
use crate::raw_answers::error_codes;
use crate::upstreams::{Upstream, json as json_answer};

fn tight() -> Limits {
    let mut limits = Limits::default();
    limits.cpu_ms = 200;
    // Longer than the processor time by so much that a busy machine does not turn one into the other.
    limits.wall_clock_ms = 3_000;
    limits.memory_bytes = 16 << 20;
    limits.upstream_requests = 5;
    limits.upstream_ms = 400;
    limits.response_body_bytes = 64 << 10;
    limits
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_limit_stops_its_call_with_its_own_code() {
    let upstream = Upstream::start(|_| json_answer("{\"id\":1}")).await;
    let stage = misbehaving("limits", &upstream, tight()).await;
    for (how, code) in [
        ("loop", "cpu_limit"),
        ("sleep", "time_limit"),
        ("memory", "memory_limit"),
        ("recurse", "connector_failed"),
        ("panic", "connector_failed"),
        ("large_result", "result_too_large"),
        ("result_not_json", "answer_invalid"),
        ("result_not_object", "answer_invalid"),
        ("many_requests", "too_many_requests"),
        ("many_handles", "connector_failed"),
    ] {
        let begun = Instant::now();
        let error = stage.call("misbehaves_do", json!({ "how": how })).await.unwrap_err();
        assert_eq!(error.code(), code, "{how}: {error}");
        assert!(!error.public_message().is_empty());
        assert!(begun.elapsed() < Duration::from_secs(20), "{how} took {:?}", begun.elapsed());
    }
    assert_eq!(upstream.count(), 5, "requests past the limit do not leave");
    // The host is none the worse for it.
    stage.structured("misbehaves_do", json!({ "how": "thing", "with": "1" })).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_looping_neighbour_is_not_noticed() {
    let upstream = Upstream::start(|_| json_answer("{\"id\":1}")).await;
    let mut limits = tight();
    limits.cpu_ms = 600;
    // Not what is tested here: the neighbour's upstream shares the two threads, and the machine may be slow.
    limits.wall_clock_ms = 20_000;
    limits.upstream_ms = 10_000;
    let stage = std::sync::Arc::new(misbehaving("neighbour", &upstream, limits).await);
    let loops: Vec<_> = (0..4)
        .map(|_| {
            let stage = stage.clone();
            tokio::spawn(async move { stage.call("misbehaves_do", json!({ "how": "loop" })).await })
        })
        .collect();
    for _ in 0..10 {
        stage.structured("misbehaves_do", json!({ "how": "thing", "with": "1" })).await.unwrap();
    }
    for looping in loops {
        let error = looping.await.unwrap().unwrap_err();
        assert!(["cpu_limit", "time_limit"].contains(&error.code()), "{error}");
    }
}

#[tokio::test]
async fn more_calls_than_places_wait_and_then_are_told_to_come_back() {
    let upstream = Upstream::start(|_| json_answer("{}")).await;
    let mut limits = tight();
    limits.concurrent_calls = 1;
    limits.queue_ms = 100;
    let stage = std::sync::Arc::new(misbehaving("queue", &upstream, limits).await);
    let first = tokio::spawn({
        let stage = stage.clone();
        async move { stage.call("misbehaves_do", json!({ "how": "sleep" })).await }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let second = stage.call("misbehaves_do", json!({ "how": "thing", "with": "1" })).await.unwrap_err();
    assert!(matches!(second, CallError::Busy { .. }), "{second}");
    assert_eq!(first.await.unwrap().unwrap_err().code(), "time_limit");
}

#[tokio::test]
async fn a_flood_of_log_lines_is_bounded() {
    let upstream = Upstream::start(|_| json_answer("{}")).await;
    let stage = misbehaving("log", &upstream, tight()).await;
    stage.structured("misbehaves_do", json!({ "how": "log_flood" })).await.unwrap();
}

#[tokio::test]
async fn a_long_error_text_is_cut() {
    let upstream = Upstream::start(|_| json_answer("{}")).await;
    let stage = misbehaving("errortext", &upstream, tight()).await;
    let error = stage.call("misbehaves_do", json!({ "how": "error_text" })).await.unwrap_err();
    assert_eq!(error.code(), "tool_failed");
    assert!(error.public_message().len() <= 8 << 10);
}

#[tokio::test]
async fn a_request_that_is_not_sent_holds_no_long_method_or_authority() {
    let upstream = Upstream::start(|_| json_answer("{}")).await;
    let stage = misbehaving("unsent", &upstream, tight()).await;
    let said = |answer: serde_json::Value| answer["said"].as_str().unwrap().to_owned();
    let method = stage.structured("misbehaves_do", json!({ "how": "method", "with": "A".repeat(33) })).await.unwrap();
    assert_eq!(said(method), "refused: method");
    let url = format!("https://{}.example/things/1", "a".repeat(512));
    let authority = stage.structured("misbehaves_do", json!({ "how": "get", "with": url })).await.unwrap();
    assert_eq!(said(authority), "refused: authority");
}

/// Limits of which one is another one, and a call that only waits for itself is soon over.
fn with(name: &str, value: u64) -> Limits {
    let mut limits = tight();
    limits.set(name, value).unwrap();
    limits
}

/// What a connector of the red team says, or the code of the error that its call ends with.
async fn hostile(name: &str, how: &str, limits: Limits) -> Result<serde_json::Value, &'static str> {
    let upstream = Upstream::start(|_| json_answer("{}")).await;
    let mut stage = Stage::new(&upstream.base, limits).unwrap();
    stage.connect(name, &api_key_canary(name), CredentialKind::ApiKey, None, &upstream.base).unwrap();
    stage.host.load(&guest(name).unwrap()).await.unwrap();
    match stage.call(&format!("{name}_do"), json!({ "how": how })).await {
        Ok(answer) => Ok(serde_json::from_str(answer.structured.unwrap().get()).unwrap()),
        Err(error) => Err(error.code()),
    }
}

#[tokio::test]
async fn a_request_and_an_answer_have_so_many_fields_as_are_set() {
    // It answers with twice as many fields as the guest sent, and three of its own.
    let upstream = Upstream::start(|asked| {
        let mut answer = json_answer("{}");
        for _ in 0..2 * asked.headers.get_all("accept").iter().count() {
            answer.headers_mut().append("x-more", axum::http::HeaderValue::from_static("a"));
        }
        answer
    })
    .await;
    for (set, asked, code) in [
        (8, 9, Some("too_many_headers")),
        (8, 3, Some("response_headers")),
        (8, 2, None),
        (100, 50, Some("response_headers")),
        (103, 50, None),
    ] {
        let stage = misbehaving("fields", &upstream, with("header_fields", set)).await;
        let arguments = json!({ "how": "headers", "with": asked.to_string() });
        match (stage.call("misbehaves_do", arguments).await, code) {
            (Err(CallError::EgressDenied { code, .. }), Some(expected)) => assert_eq!(code, expected, "{set} {asked}"),
            (Ok(answer), None) => {
                let said = answer.structured.unwrap();
                assert!(said.get().contains("answered: 200"), "{set} {asked}: {}", said.get());
            }
            (Ok(_), Some(expected)) => assert_eq!(error_codes(&stage), [expected], "{set} {asked}"),
            (other, _) => panic!("{set} {asked}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_requests_headers_have_so_many_bytes_as_are_set() {
    let upstream = Upstream::start(|_| json_answer("{}")).await;
    // A list of fields that grows past it ends the guest (wasi:http has no error for that in this version).
    for (set, end) in [(256, Some("connector_failed")), (2_000, None)] {
        let stage = misbehaving("headersize", &upstream, with("request_header_bytes", set)).await;
        let line = format!("accept: {}", "a".repeat(1_000));
        let told = stage.call("misbehaves_do", json!({ "how": "header", "with": line })).await;
        assert_eq!(told.as_ref().err().map(CallError::code), end, "{set}");
        if let Ok(answer) = told {
            let said = answer.structured.unwrap();
            assert!(said.get().contains("answered: 200"), "{set}: {}", said.get());
        }
    }
}

#[tokio::test]
async fn a_body_that_nobody_reads_takes_at_most_twice_what_is_set() {
    for set in [4 << 10, 64 << 10] {
        let mut limits = with("request_buffer_bytes", set);
        limits.handles = 2_048;
        limits.cpu_ms = 20_000;
        limits.wall_clock_ms = 20_000;
        let told = hostile("hoards_bytes", "held", limits).await.unwrap();
        assert_eq!(told["begun"], 300, "{told}");
        let most = told["most"].as_u64().unwrap();
        assert!((set..=2 * set).contains(&most), "{set}: {most}");
    }
}

#[tokio::test]
async fn what_crosses_at_once_is_as_large_as_is_set() {
    // Its line of log has 24 MiB.
    for (set, end) in [(16 << 20, Some("connector_failed")), (64 << 20, None)] {
        let mut limits = with("crossing_bytes", set);
        limits.memory_bytes = 256 << 20;
        limits.cpu_ms = 20_000;
        limits.wall_clock_ms = 20_000;
        assert_eq!(hostile("crossing_bomb", "log", limits).await.err(), end, "{set}");
    }
}

#[tokio::test]
async fn random_bytes_come_in_requests_as_large_as_is_set() {
    // It asks for 4,096 at a time, for ever.
    for (set, end) in [(4_095, "connector_failed"), (4_096, "cpu_limit")] {
        let mut limits = with("random_bytes", set);
        limits.wall_clock_ms = 20_000;
        assert_eq!(hostile("random_flood", "little", limits).await.unwrap_err(), end, "{set}");
    }
}

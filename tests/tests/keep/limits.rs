//! Limits: one call's end is nobody else's.

use std::time::{Duration, Instant};

use serde_json::json;
use toolkeep_host::{CallError, Limits};

use crate::egress::misbehaving;
use crate::upstreams::{Upstream, json as json_answer};

fn tight() -> Limits {
    let mut limits = Limits::default();
    limits.cpu_ms = 200;
    limits.wall_clock_ms = 1_000;
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
        assert!(begun.elapsed() < Duration::from_secs(5), "{how} took {:?}", begun.elapsed());
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

//! Refusals before anything runs: each has a code, says what to do, and is on record.

use std::collections::BTreeSet;

use serde_json::json;
use toolkeep_host::{Call, CallError, Limits, Principal, ToolFilter};
use toolkeep_tests::{Company, Stage, guest};

#[tokio::test]
async fn unknown_and_hidden_tools_look_the_same() {
    let company = Company::usual("hidden").await.unwrap();
    let stage = &company.stage;
    let narrow = stage.kim.clone().with_tools(ToolFilter::Only(BTreeSet::from(["pagerduty_services_list".to_owned()])));
    let hidden = stage
        .host
        .call(&narrow, Call::new("pagerduty_incident_resolve", json!({ "incident": "1" })).unwrap())
        .await
        .unwrap_err();
    let unknown = stage.host.call(&narrow, Call::new("pagerduty_nonsense", json!({})).unwrap()).await.unwrap_err();
    assert!(hidden.is_protocol_error() && unknown.is_protocol_error());
    assert_eq!(
        hidden.public_message().replace("pagerduty_incident_resolve", "X"),
        unknown.public_message().replace("pagerduty_nonsense", "X")
    );
    let listed: Vec<String> = stage.host.tools(&narrow, None).iter().map(|tool| tool.name.clone()).collect();
    assert_eq!(listed, ["pagerduty_services_list"]);
}

#[tokio::test]
async fn arguments_are_checked_before_the_guest_runs_all_at_once() {
    let company = Company::usual("arguments").await.unwrap();
    company.simulator.clear_requests();
    let error = company
        .stage
        .call("pagerduty_incidents_list", json!({ "limit": "many", "colour": "red", "urgency": 5 }))
        .await
        .unwrap_err();
    assert_eq!(error.code(), "invalid_arguments");
    let violations = error.details().unwrap()["violations"].to_string();
    for word in ["/limit", "colour", "/urgency"] {
        assert!(violations.contains(word), "{violations}");
    }
    assert!(company.simulator.requests().is_empty());
    assert!(matches!(Call::new("pagerduty_incidents_list", json!([1])), Err(CallError::InvalidArguments { .. })));
    let huge =
        company.stage.call("pagerduty_incidents_list", json!({ "service": "x".repeat(300 << 10) })).await.unwrap_err();
    assert_eq!(huge.code(), "arguments_too_large");
}

#[tokio::test]
async fn nobody_borrows_a_connection() {
    let company = Company::usual("borrow").await.unwrap();
    company.simulator.clear_requests();
    let host = &company.stage.host;
    for (tenant, user) in [("acme", "lee"), ("other", "kim")] {
        let stranger = Principal::new(tenant.parse().unwrap(), user.parse().unwrap());
        let call = Call::new("pagerduty_incidents_list", json!({})).unwrap();
        let error = host.call(&stranger, call).await.unwrap_err();
        assert_eq!(error.code(), "no_connection");
        assert!(error.public_message().contains("toolkeep credential add pagerduty"), "{}", error.public_message());
    }
    assert!(company.simulator.requests().is_empty());
}

#[tokio::test]
async fn a_connection_that_was_ended_fails_at_the_next_call() {
    let company = Company::usual("ended").await.unwrap();
    company.stage.structured("pagerduty_services_list", json!({})).await.unwrap();
    assert!(company.stage.host.vault().disconnect(&company.stage.key("pagerduty")).unwrap());
    company.simulator.clear_requests();
    let error = company.stage.call("pagerduty_services_list", json!({})).await.unwrap_err();
    assert_eq!(error.code(), "no_connection");
    assert!(company.simulator.requests().is_empty());
}

#[tokio::test]
async fn a_connectors_own_errors_keep_their_meaning_and_lose_their_tricks() {
    let mut stage = Stage::new("http://127.0.0.1:1", Limits::default()).unwrap();
    stage
        .connect("fixture", "canary-fixture-key", toolkeep_vault::CredentialKind::ApiKey, None, "http://127.0.0.1:1")
        .unwrap();
    stage.host.load(&guest("fixture").unwrap()).await.unwrap();
    for (kind, code) in [
        ("not_found", "not_found"),
        ("ambiguous", "ambiguous"),
        ("conflict", "conflict"),
        ("forbidden", "forbidden"),
        ("rate_limited", "rate_limited"),
        ("partial", "partial"),
        ("unsafe_text", "tool_failed"),
        ("other", "invalid_arguments"),
    ] {
        let error = stage.call("fixture_fail", json!({ "kind": kind })).await.unwrap_err();
        assert_eq!(error.code(), code, "{kind}");
        let message = error.public_message();
        assert!(!message.chars().any(|c| c == '\u{1b}' || c == '\u{202E}' || c == '\r'), "{message:?}");
    }
    let waiting = stage.call("fixture_fail", json!({ "kind": "rate_limited" })).await.unwrap_err();
    assert_eq!(waiting.details().unwrap()["retry_after_s"], 17);
    assert!(waiting.public_message().contains("17 seconds"));
}

#[tokio::test]
async fn a_null_for_an_optional_argument_means_that_it_was_left_out() {
    let company = Company::usual("nulls").await.unwrap();
    let stage = &company.stage;
    stage
        .structured("pagerduty_incidents_list", json!({ "status": "open", "urgency": null, "limit": null }))
        .await
        .unwrap();
    let error = stage.call("pagerduty_incidents_list", json!({ "urgency": null, "limit": "many" })).await.unwrap_err();
    assert_eq!(error.code(), "invalid_arguments");
    assert_eq!(error.details().unwrap()["violations"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_tool_that_sends_nothing_needs_no_connection() {
    let stage = Stage::new("http://127.0.0.1:1", Limits::default()).unwrap();
    stage.host.load(&guest("fixture").unwrap()).await.unwrap();
    // A whole float is an integer: to JSON Schema, and so to the tool.
    let echo = stage.structured("fixture_echo", json!({ "text": "ab", "times": 2.0 })).await.unwrap();
    assert_eq!(echo["text"], "abab");
    let error = stage.call("fixture_thing_get", json!({ "id": "1" })).await.unwrap_err();
    assert_eq!(error.code(), "no_connection");
}

#[tokio::test]
async fn terminal_codes_in_an_answer_are_made_harmless() {
    let stage = Stage::new("http://127.0.0.1:1", Limits::default()).unwrap();
    stage.host.load(&guest("fixture").unwrap()).await.unwrap();
    let text = "a\u{1b}[2Jb\u{202E}c\nd\r\ne\r\u{8}\u{c} \u{e4}\u{20ac}";
    let echo = stage.structured("fixture_echo", json!({ "text": text })).await.unwrap();
    assert_eq!(echo["text"], "a\u{FFFD}[2Jb\u{FFFD}c\nd\ne\u{FFFD}\u{FFFD}\u{FFFD} \u{e4}\u{20ac}");
}

#[tokio::test]
async fn calls_that_are_too_many_do_not_fill_the_log() {
    let mut limits = Limits::default();
    // So seldom that no machine is slow enough to be allowed another one.
    limits.calls_per_minute_per_principal = 1;
    limits.calls_burst_per_principal = 2;
    let stage = Stage::new("http://127.0.0.1:1", limits).unwrap();
    stage.host.load(&guest("fixture").unwrap()).await.unwrap();
    let lee = Principal::new("acme".parse().unwrap(), "lee".parse().unwrap());
    for (principal, calls) in [(&stage.kim, 12), (&lee, 4)] {
        for number in 0..calls {
            let call = Call::new("fixture_echo", json!({ "text": "a", "times": 1 })).unwrap();
            let code = stage.host.call(principal, call).await.map_or_else(|error| error.code(), |_| "answered");
            assert_eq!(code, if number < 2 { "answered" } else { "too_many_calls" });
        }
    }
    let records = stage.records().unwrap();
    let refused: Vec<_> = records.iter().filter(|record| record.content["code"] == "too_many_calls").collect();
    let users: Vec<_> = refused.iter().map(|record| &record.content["user"]).collect();
    assert_eq!(users, ["kim", "lee"], "one record of each in a minute: {refused:?}");
}

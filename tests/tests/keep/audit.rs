//! The record: intent before action, outcome always, refusals too, and which incident from the host itself.

use std::time::Duration;

use pagerduty_simulator::{Fault, FaultKind};
use serde_json::json;
use toolkeep_audit::RecordKind;
use toolkeep_host::{Call, Limits};
use toolkeep_tests::Company;

use crate::egress::misbehaving;
use crate::upstreams::{Upstream, json as json_answer};

#[tokio::test]
async fn a_call_leaves_an_intent_and_an_outcome_that_says_what_was_sent() {
    let company = Company::usual("records").await.unwrap();
    company.stage.structured("pagerduty_incident_get", json!({ "incident": "4201" })).await.unwrap();
    let records = company.stage.records().unwrap();
    let of_call: Vec<_> = records.iter().filter(|record| record.content["tool"] == "pagerduty_incident_get").collect();
    assert_eq!(of_call.iter().map(|record| record.kind).collect::<Vec<_>>(), [RecordKind::Intent, RecordKind::Outcome]);
    let intent = &of_call[0].content;
    assert_eq!((intent["tenant"].as_str(), intent["user"].as_str()), (Some("acme"), Some("kim")));
    assert_eq!(intent["connector_digest"].as_str().unwrap().len(), 64);
    let outcome = &of_call[1].content;
    assert_eq!(outcome["status"], "succeeded");
    let requests = outcome["requests"].as_array().unwrap();
    assert!(
        requests.iter().any(|request| request["path_template"] == "/incidents/{id}"
            && request["path_parameters"].to_string().contains("4201")),
        "{outcome}"
    );
    assert!(requests.iter().all(|request| request["injected"].as_str().unwrap().starts_with("con_")), "{outcome}");
    let text = format!("{records:?}");
    assert!(!text.contains("include"), "no query is recorded");
}

#[tokio::test]
async fn refusals_are_records_too() {
    let company = Company::usual("refusals").await.unwrap();
    let _ = company.stage.call("pagerduty_nonsense", json!({})).await;
    let _ = company.stage.call("pagerduty_incidents_list", json!({ "nonsense": 1 })).await;
    let records = company.stage.records().unwrap();
    let refusals: Vec<&str> = records
        .iter()
        .filter(|record| record.kind == RecordKind::Refusal)
        .map(|record| record.content["code"].as_str().unwrap())
        .collect();
    assert_eq!(refusals, ["unknown_tool", "invalid_arguments"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_goes_away_does_not_take_the_record_with_it() {
    let upstream = Upstream::start(|_| json_answer("{}")).await;
    let stage = misbehaving("gone", &upstream, Limits::default()).await;
    let call = Call::new("misbehaves_do", json!({ "how": "sleep" })).unwrap();
    let gone = tokio::time::timeout(Duration::from_millis(100), stage.host.call(&stage.kim, call)).await;
    assert!(gone.is_err(), "the call was still running");
    for _ in 0..100 {
        let records = stage.records().unwrap();
        if let Some(outcome) = records.iter().find(|record| record.kind == RecordKind::Outcome) {
            assert_eq!(outcome.content["code"], "cancelled", "{:?}", outcome.content);
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("no outcome was recorded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_under_way_when_the_caller_goes_away_is_on_record() {
    let company = Company::usual("underway").await.unwrap();
    let kind = FaultKind::Delay { delay_ms: 2_000 };
    company.simulator.inject(Fault {
        method: Some("PUT".to_owned()),
        path_prefix: "/incidents".to_owned(),
        times: 1,
        kind,
    });
    let stage = &company.stage;
    let call = Call::new("pagerduty_incident_resolve", json!({ "incident": "4201" })).unwrap();
    let gone = tokio::time::timeout(Duration::from_millis(500), stage.host.call(&stage.kim, call)).await;
    assert!(gone.is_err(), "the upstream held the request");
    for _ in 0..100 {
        let records = stage.records().unwrap();
        let ended = |record: &&toolkeep_audit::Record| {
            record.kind == RecordKind::Outcome && record.content["tool"] == "pagerduty_incident_resolve"
        };
        if let Some(outcome) = records.iter().find(ended) {
            let requests = outcome.content["requests"].as_array().unwrap();
            let write = requests.iter().find(|request| request["method"] == "PUT").unwrap();
            assert_eq!((&write["decision"], &write["error"]), (&json!("allowed"), &json!("abandoned")), "{write}");
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("no outcome was recorded");
}

#[tokio::test]
async fn unfinished_requests_do_not_crowd_out_the_record_of_sent_ones() {
    let upstream = Upstream::start(|_| json_answer("{}")).await;
    let mut limits = Limits::default();
    limits.upstream_requests = 1_000;
    let stage = misbehaving("crowd", &upstream, limits).await;
    let answer = stage.structured("misbehaves_do", json!({ "how": "unfinished_bodies" })).await.unwrap();
    assert_eq!(answer["sent"], true, "{answer}");
    let records = stage.records().unwrap();
    let outcome = &records.iter().rfind(|record| record.kind == RecordKind::Outcome).unwrap().content;
    let requests = outcome["requests"].as_array().unwrap();
    let sent: Vec<_> = requests.iter().filter(|request| request["decision"] == "allowed").collect();
    assert_eq!(sent.len(), upstream.count(), "{outcome}");
    assert!(sent.iter().any(|request| request["path_parameters"].to_string().contains('2')), "{outcome}");
    assert!(outcome["requests_left_out"].as_u64().unwrap() > 300, "{outcome}");
}

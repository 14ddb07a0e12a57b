//! An upstream that fails: each failure has a code and says what to do, and a write is never repeated.

use pagerduty_simulator::{Fault, FaultKind, TokenKind};
use serde_json::json;
use toolkeep_host::Limits;
use toolkeep_tests::Company;

async fn company(name: &str) -> Company {
    let mut limits = Limits::default();
    limits.upstream_ms = 700;
    limits.response_body_bytes = 2 << 20;
    Company::open(name, TokenKind::UserOAuth, None, limits).await.unwrap()
}

fn fault(kind: FaultKind) -> Fault {
    Fault { method: None, path_prefix: "/incidents".to_owned(), times: 1, kind }
}

#[tokio::test]
async fn each_failure_of_a_read_has_a_code_and_a_way_on() {
    let company = company("reads").await;
    let status = |status, bare| FaultKind::Status { status, bare };
    let cases = [
        (status(400, false), "invalid_arguments"),
        (status(401, false), "unauthenticated"),
        (status(402, false), "forbidden"),
        (status(403, false), "forbidden"),
        (status(404, false), "not_found"),
        (status(408, false), "unavailable"),
        (status(409, false), "conflict"),
        (status(413, false), "invalid_arguments"),
        (status(429, false), "rate_limited"),
        (status(429, true), "rate_limited"),
        (status(500, false), "unavailable"),
        (status(502, true), "unavailable"),
        (status(503, true), "unavailable"),
        (FaultKind::ArrayError { status: 400 }, "invalid_arguments"),
        (FaultKind::Html { status: 200 }, "unavailable"),
        (FaultKind::Html { status: 502 }, "unavailable"),
        (FaultKind::InvalidJson, "unavailable"),
        (FaultKind::CutOff { after_bytes: 100 }, "unavailable"),
        (FaultKind::Delay { delay_ms: 1_500 }, "unavailable"),
        (FaultKind::Gigantic { bytes: 20 << 20 }, "tool_failed"),
    ];
    for (kind, code) in cases {
        company.simulator.inject(fault(kind.clone()));
        let error = company.stage.call("pagerduty_incidents_list", json!({ "status": "open" })).await.unwrap_err();
        assert_eq!(error.code(), code, "{kind:?}: {error}");
        assert!(error.public_message().len() > 20, "{kind:?}: {}", error.public_message());
        company.simulator.clear_faults();
    }
    company.stage.structured("pagerduty_incidents_list", json!({ "status": "open" })).await.unwrap();
}

#[tokio::test]
async fn a_rate_limit_says_how_long_to_wait_where_it_is_known() {
    let company = company("rate").await;
    company.simulator.inject(fault(FaultKind::Status { status: 429, bare: false }));
    let told = company.stage.call("pagerduty_incidents_list", json!({})).await.unwrap_err();
    assert!(told.details().unwrap()["retry_after_s"].as_u64().is_some(), "{told:?}");
    company.simulator.inject(fault(FaultKind::Status { status: 429, bare: true }));
    let untold = company.stage.call("pagerduty_incidents_list", json!({})).await.unwrap_err();
    assert_eq!(untold.details(), None);
}

#[tokio::test]
async fn a_write_is_never_repeated() {
    let company = company("writes").await;
    for kind in [
        FaultKind::Status { status: 500, bare: false },
        FaultKind::Status { status: 429, bare: false },
        FaultKind::CutOff { after_bytes: 10 },
        FaultKind::Delay { delay_ms: 1_500 },
    ] {
        company.simulator.clear_requests();
        company.simulator.inject(Fault::once("POST", "/incidents", kind.clone()));
        let error = company
            .stage
            .call("pagerduty_incident_create", json!({ "title": "Only once", "service": "search-api" }))
            .await
            .unwrap_err();
        assert!(!error.public_message().is_empty());
        let posts = company.simulator.requests().iter().filter(|request| request.method == "POST").count();
        assert_eq!(posts, 1, "{kind:?}");
        company.simulator.clear_faults();
    }
}

#[tokio::test]
async fn a_half_done_resolve_says_which_half() {
    let company = company("half").await;
    company.simulator.inject(Fault {
        method: Some("POST".to_owned()),
        path_prefix: "/incidents/".to_owned(),
        times: 1,
        kind: FaultKind::Status { status: 500, bare: false },
    });
    let error = company
        .stage
        .call("pagerduty_incident_resolve", json!({ "incident": "4201", "note": "rolled back" }))
        .await
        .unwrap_err();
    assert_eq!(error.code(), "partial", "{error}");
    let details = error.details().unwrap().to_string();
    assert!(details.contains("done") && details.contains("not_done"), "{details}");
}

#[tokio::test]
async fn an_upstream_that_is_not_there_is_said_to_be_unreachable() {
    let Company { stage, simulator } = company("gone").await;
    drop(simulator);
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    let error = stage.call("pagerduty_services_list", json!({})).await.unwrap_err();
    assert_eq!(error.code(), "unavailable", "{error}");
}

//! The person on call: each tool against the simulator, through the whole path.

use pagerduty_simulator::TokenKind;
use serde_json::{Value, json};
use toolkeep_host::{CallError, Limits, ToolError};
use toolkeep_tests::Company;

fn numbers(answer: &Value) -> Vec<u64> {
    answer["incidents"].as_array().unwrap().iter().map(|row| row["number"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn what_critical_incidents_are_open_and_which_services_are_affected() {
    let company = Company::usual("critical").await.unwrap();
    let answer = company
        .stage
        .structured("pagerduty_incidents_list", json!({ "status": "open", "priority": "P1" }))
        .await
        .unwrap();
    let mut found = numbers(&answer);
    found.sort_unstable();
    assert_eq!(found, [4198, 4201], "{answer}");
    assert_eq!(answer["complete"], true, "{answer}");
    let services: Vec<&str> =
        answer["incidents"].as_array().unwrap().iter().map(|row| row["service"].as_str().unwrap()).collect();
    assert!(services.contains(&"payment-service") && services.contains(&"auth-gateway"), "{answer}");
}

#[tokio::test]
async fn open_means_open_however_old() {
    let company = Company::usual("open").await.unwrap();
    let answer =
        company.stage.structured("pagerduty_incidents_list", json!({ "status": "open", "limit": 100 })).await.unwrap();
    let rows = answer["incidents"].as_array().unwrap();
    assert!(rows.len() >= 26, "{}", rows.len());
    assert!(
        rows.iter().all(|row| ["triggered", "acknowledged"].contains(&row["status"].as_str().unwrap())),
        "{answer}"
    );
    let asked = company.simulator.requests();
    assert!(
        asked.iter().any(|request| request.query.as_deref().is_some_and(|query| query.contains("date_range=all"))),
        "open incidents older than a month are open too"
    );
    let long = company
        .stage
        .structured("pagerduty_incidents_list", json!({ "status": "open", "min_open_minutes": 60, "limit": 100 }))
        .await
        .unwrap();
    let long_rows = long["incidents"].as_array().unwrap();
    assert!(!long_rows.is_empty() && long_rows.len() < rows.len(), "{long}");
    assert!(long_rows.iter().all(|row| row["open_minutes"].as_u64().unwrap() >= 60), "{long}");
}

#[tokio::test]
async fn a_page_of_incidents_is_small_and_says_when_it_is_cut() {
    let company = Company::usual("small").await.unwrap();
    let answer =
        company.stage.call("pagerduty_incidents_list", json!({ "status": "open", "limit": 25 })).await.unwrap();
    let text = answer.structured.unwrap();
    let value: Value = serde_json::from_str(text.get()).unwrap();
    assert_eq!(value["incidents"].as_array().unwrap().len(), 25);
    assert_eq!(value["complete"], false, "{value}");
    assert!(text.get().len() <= 7 * 1024, "25 incidents take {} bytes", text.get().len());
}

#[tokio::test]
async fn an_incident_is_created_found_and_resolved_with_a_note() {
    let company = Company::usual("lifecycle").await.unwrap();
    let stage = &company.stage;
    let created = stage
        .structured(
            "pagerduty_incident_create",
            json!({ "title": "Checkout is slow", "service": "checkout-web", "urgency": "high" }),
        )
        .await
        .unwrap();
    let number =
        created["incident"]["number"].as_u64().or(created["number"].as_u64()).unwrap_or_else(|| panic!("{created}"));
    let found = stage.structured("pagerduty_incident_get", json!({ "incident": number.to_string() })).await.unwrap();
    assert!(found.to_string().contains("Checkout is slow"), "{found}");
    let resolved = stage
        .structured("pagerduty_incident_resolve", json!({ "incident": number.to_string(), "note": "rolled back" }))
        .await
        .unwrap();
    assert!(resolved.to_string().contains("resolved"), "{resolved}");
    let after = stage.structured("pagerduty_incident_get", json!({ "incident": number.to_string() })).await.unwrap();
    assert!(after.to_string().contains("rolled back") && after.to_string().contains("resolved"), "{after}");
    let again =
        stage.structured("pagerduty_incident_resolve", json!({ "incident": number.to_string() })).await.unwrap();
    assert!(again.to_string().contains("already"), "resolving twice is a success that says so: {again}");
    let writes: Vec<_> = company.simulator.requests().into_iter().filter(|request| request.method != "GET").collect();
    assert!(writes.iter().all(|request| request.header("from") == Some(toolkeep_tests::KIM)), "the host says who acts");
}

#[tokio::test]
async fn who_is_on_call_and_which_services_are_in_trouble() {
    let company = Company::usual("oncall").await.unwrap();
    let oncalls =
        company.stage.structured("pagerduty_oncalls_list", json!({ "service": "payment-service" })).await.unwrap();
    assert!(oncalls["oncalls"].as_array().is_some_and(|rows| !rows.is_empty()), "{oncalls}");
    let services = company.stage.structured("pagerduty_services_list", json!({ "status": "open" })).await.unwrap();
    let text = services.to_string();
    assert!(text.contains("payment-service") && text.contains("auth-gateway"), "{services}");
}

#[tokio::test]
async fn a_name_that_fits_several_things_gives_the_candidates() {
    let company = Company::usual("ambiguous").await.unwrap();
    match company.stage.call("pagerduty_incidents_list", json!({ "service": "a" })).await {
        Err(CallError::Tool { error: ToolError::Ambiguous(candidates), .. }) => {
            assert!(candidates["candidates"].as_array().is_some_and(|list| list.len() > 1), "{candidates}");
        }
        other => panic!("{other:?}"),
    }
    match company.stage.call("pagerduty_incidents_list", json!({ "service": "no-such-service" })).await {
        Err(error) => assert_eq!(error.code(), "not_found"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_account_level_key_writes_as_the_account_that_the_operator_named() {
    let company = Company::open("account", TokenKind::AccountApiKey, None, Limits::default()).await.unwrap();
    let stage = &company.stage;
    // Nobody is behind an account-level key, so PagerDuty asks who acts.
    let refused = stage.host.identify(&stage.kim, "pagerduty", "default").await.unwrap_err();
    assert!(matches!(refused, CallError::Tool { .. }), "{refused:?}");
    let create = json!({ "title": "Disk is full", "service": "search-api" });
    let without = stage.call("pagerduty_incident_create", create.clone()).await.unwrap_err();
    assert!(matches!(without, CallError::Tool { .. }), "{without:?}");
    let account = toolkeep_vault::Account {
        id: "acme".into(),
        name: "Acme".into(),
        email: Some(toolkeep_tests::KIM.into()),
        time_zone: None,
    };
    stage.host.vault().set_account(&stage.key("pagerduty"), account).unwrap();
    stage.structured("pagerduty_incident_create", create).await.unwrap();
}

#[tokio::test]
async fn a_read_only_token_is_stopped_before_anything_is_sent() {
    let scopes = [
        "incidents.read",
        "services.read",
        "users.read",
        "teams.read",
        "oncalls.read",
        "escalation_policies.read",
        "priorities.read",
        "schedules.read",
    ];
    let company = Company::open("readonly", TokenKind::UserOAuth, Some(&scopes), Limits::default()).await.unwrap();
    company.simulator.clear_requests();
    let refused = company.stage.call("pagerduty_incident_resolve", json!({ "incident": "4201" })).await.unwrap_err();
    assert_eq!(refused.code(), "scope_missing");
    assert_eq!(refused.details().unwrap()["missing_scopes"], json!(["incidents.write"]));
    assert!(company.simulator.requests().is_empty(), "a call without the scope sends nothing");
}

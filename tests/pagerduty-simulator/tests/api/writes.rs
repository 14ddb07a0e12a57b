//! A write changes what the next read shows.

use crate::client::{Pager, k_moore, numbers, rows};
use reqwest::Method;
use serde_json::{Value, json};

async fn status_of(pager: &Pager, service: &str) -> Value {
    pager.ok(&format!("/services?name={service}")).await["services"][0]["status"].clone()
}

async fn log_types(pager: &Pager, id: &str) -> Vec<String> {
    let body = pager.ok(&format!("/incidents/{id}/log_entries?limit=100")).await;
    rows(&body, "log_entries").iter().map(|row| row["type"].as_str().unwrap().to_owned()).collect()
}

async fn create(pager: &Pager, more: Value) -> (u16, Value) {
    let service = pager.named("services", "gift-card-ledger").await;
    let mut incident =
        json!({"type": "incident", "title": "Made by a test", "service": {"id": service, "type": "service_reference"}});
    incident.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    pager.post("/incidents", &json!({"incident": incident})).await
}

fn set(fields: Value) -> Value {
    let mut incident = json!({"type": "incident_reference"});
    incident.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    json!({"incident": incident})
}

#[tokio::test]
async fn created_incidents_are_numbered_assigned_and_listed() {
    let pager = Pager::start().await;
    assert_eq!(status_of(&pager, "gift-card-ledger").await, "warning");
    let (status, body) =
        create(&pager, json!({"priority": "P2", "body": {"type": "incident_body", "details": "what happened"}})).await;
    assert_eq!(status, 201, "{body}");
    let made = &body["incident"];
    assert_eq!(
        (&made["incident_number"], &made["status"], &made["urgency"]),
        (&json!(4204), &json!("triggered"), &json!("high"))
    );
    assert_eq!(made["priority"]["summary"], "P2");
    assert_eq!(made["assignments"][0]["assignee"]["summary"], "K. Moore");
    assert_eq!(made["last_status_change_by"]["summary"], "J. Lee");
    assert_eq!(create(&pager, json!({})).await.1["incident"]["incident_number"], 4205);
    let newest = pager.ok("/incidents?limit=2&sort_by=incident_number:desc").await;
    assert_eq!(numbers(&newest), [4205, 4204]);
    assert_eq!(pager.incident(4204).await["body"]["details"], "what happened");
    assert_eq!(status_of(&pager, "gift-card-ledger").await, "critical");
    assert!(log_types(&pager, "4204").await.contains(&"trigger_log_entry".to_owned()));
}

#[tokio::test]
async fn incomplete_creations_are_refused() {
    let pager = Pager::start().await;
    let user = pager.named("users", "J. Lee").await;
    let policy = pager.named("escalation_policies", "Data pipelines").await;
    let assignments = json!([{"assignee": {"id": user, "type": "user_reference"}}]);
    for wrong in [
        json!({"title": ""}),
        json!({"title": 5}),
        json!({"type": "ticket"}),
        json!({"service": {"id": "PNOSUCH", "type": "service_reference"}}),
        json!({"service": {"id": "PNOSUCH"}}),
        json!({"urgency": "huge"}),
        json!({"priority": "P9"}),
        json!({"assignments": []}),
        json!({"assignments": assignments, "escalation_policy": {"id": policy, "type": "escalation_policy_reference"}}),
    ] {
        let (status, body) = create(&pager, wrong.clone()).await;
        assert_eq!((status, body["error"]["code"].as_u64()), (400, Some(2001)), "{wrong}");
    }
    let (status, body) = create(&pager, json!({"assignments": assignments})).await;
    assert_eq!((status, &body["incident"]["assigned_via"]), (201, &json!("direct_assignment")));
}

#[tokio::test]
async fn an_incident_key_is_open_once_for_each_service() {
    let pager = Pager::start().await;
    let (status, body) = create(&pager, json!({"incident_key": "disk-7"})).await;
    assert_eq!(status, 201);
    let (again, _) = create(&pager, json!({"incident_key": "disk-7"})).await;
    assert_eq!(again, 400);
    let id = body["incident"]["id"].as_str().unwrap();
    assert_eq!(pager.put(&format!("/incidents/{id}"), &set(json!({"status": "resolved"}))).await.0, 200);
    assert_eq!(create(&pager, json!({"incident_key": "disk-7"})).await.0, 201);
}

#[tokio::test]
async fn resolving_empties_the_assignments_and_keeps_the_resolution() {
    let pager = Pager::start().await;
    let id = pager.id(4201).await;
    assert_eq!(status_of(&pager, "payment-service").await, "warning");
    let change = set(json!({"status": "resolved", "resolution": "Secondary route holds."}));
    let (status, body) = pager.write_as(&k_moore(), None, Method::PUT, &format!("/incidents/{id}"), &change).await;
    assert_eq!(status, 200);
    for shown in [&body["incident"], &pager.incident(4201).await] {
        assert_eq!(shown["status"], "resolved");
        assert_eq!((&shown["assignments"], &shown["acknowledgements"]), (&json!([]), &json!([])));
        assert_eq!(shown["resolved_at"], shown["last_status_change_at"]);
        assert!(shown["resolved_at"].is_string());
        assert_eq!(shown["last_status_change_by"]["summary"], "K. Moore");
        assert_eq!(shown["alert_counts"], json!({"all": 2, "triggered": 0, "resolved": 2}));
    }
    assert_eq!(status_of(&pager, "payment-service").await, "active");
    let log = pager.ok(&format!("/incidents/{id}/log_entries?is_overview=true")).await;
    let entry = rows(&log, "log_entries").iter().find(|row| row["type"] == "resolve_log_entry").unwrap();
    assert_eq!(entry["note"], "Secondary route holds.");
    let open = pager.ok("/incidents?statuses[]=acknowledged&date_range=all&limit=100").await;
    assert!(!numbers(&open).contains(&4201));
    let alerts = pager.ok(&format!("/incidents/{id}/alerts?statuses[]=triggered")).await;
    assert!(rows(&alerts, "alerts").is_empty());
    let (status, body) = pager.put(&format!("/incidents/{id}"), &set(json!({"status": "resolved"}))).await;
    assert_eq!((status, body["error"]["code"].as_u64()), (400, Some(1001)));
}

#[tokio::test]
async fn acknowledging_twice_is_refused_and_reopening_works() {
    let pager = Pager::start().await;
    let id = pager.id(4203).await;
    let path = format!("/incidents/{id}");
    assert_eq!(status_of(&pager, "notifications").await, "critical");
    let (status, body) = pager.put(&path, &set(json!({"status": "acknowledged"}))).await;
    assert_eq!((status, &body["incident"]["acknowledgements"][0]["acknowledger"]["summary"]), (200, &json!("J. Lee")));
    assert_eq!(status_of(&pager, "notifications").await, "warning");
    let (status, body) = pager.put(&path, &set(json!({"status": "acknowledged"}))).await;
    assert_eq!((status, body["error"]["code"].as_u64()), (400, Some(1002)));
    assert_eq!(pager.put(&path, &set(json!({"status": "resolved"}))).await.0, 200);
    let (status, body) = pager.put(&path, &set(json!({"status": "triggered"}))).await;
    assert_eq!(
        (status, &body["incident"]["status"], &body["incident"]["resolved_at"]),
        (200, &json!("triggered"), &Value::Null)
    );
    assert_eq!(body["incident"]["assignments"][0]["assignee"]["summary"], "Hannah Cole");
}

#[tokio::test]
async fn writes_take_the_identifier_only() {
    let pager = Pager::start().await;
    assert_eq!(pager.incident(4201).await["incident_number"], 4201);
    let (status, body) = pager.put("/incidents/4201", &set(json!({"title": "x"}))).await;
    assert_eq!((status, body["error"]["code"].as_u64()), (404, Some(2100)));
    assert_eq!(pager.post("/incidents/4201/notes", &json!({"note": {"content": "x"}})).await.0, 404);
}

#[tokio::test]
async fn everything_that_can_be_changed_changes_and_is_logged() {
    let pager = Pager::start().await;
    let id = pager.id(4203).await;
    let path = format!("/incidents/{id}");
    let user = pager.named("users", "Zoe Campbell").await;
    let (status, body) =
        pager.put(&path, &set(json!({"title": "New title", "urgency": "low", "priority": "P1"}))).await;
    assert_eq!(status, 200);
    assert_eq!((&body["incident"]["title"], &body["incident"]["urgency"]), (&json!("New title"), &json!("low")));
    assert_eq!(body["incident"]["priority"]["name"], "P1");
    let listed = pager.ok("/incidents?sort_by=created_at:desc&limit=1").await;
    assert_eq!(listed["incidents"][0]["summary"], "[#4203] New title");
    pager.put(&path, &set(json!({"priority": null}))).await;
    assert!(pager.incident(4203).await["priority"].is_null());
    let assign = json!({"assignments": [{"assignee": {"id": user, "type": "user_reference"}}]});
    let (_, body) = pager.put(&path, &set(assign)).await;
    assert_eq!(body["incident"]["assignments"][0]["assignee"]["summary"], "Zoe Campbell");
    assert_eq!(body["incident"]["assigned_via"], "direct_assignment");
    let (_, body) = pager.put(&path, &set(json!({"escalation_level": 2}))).await;
    assert_eq!(body["incident"]["assignments"][0]["assignee"]["summary"], "Hannah Cole");
    assert_eq!(pager.put(&path, &set(json!({"escalation_level": 9}))).await.0, 400);
    let policy = pager.named("escalation_policies", "Security response").await;
    let (_, body) = pager
        .put(&path, &set(json!({"escalation_policy": {"id": policy, "type": "escalation_policy_reference"}})))
        .await;
    assert_eq!(body["incident"]["teams"][0]["summary"], "Security");
    let types = log_types(&pager, &id).await;
    for expected in [
        "field_value_change_log_entry",
        "urgency_change_log_entry",
        "priority_change_log_entry",
        "assign_log_entry",
        "escalate_log_entry",
        "notify_log_entry",
    ] {
        assert!(types.iter().any(|kind| kind == expected), "{expected} in {types:?}");
    }
    for wrong in [
        json!({"status": "open"}),
        json!({"type": "service"}),
        json!({"assignments": [{"assignee": {"id": "PX", "type": "user_reference"}}]}),
    ] {
        assert_eq!(pager.put(&path, &set(wrong.clone())).await.0, 400, "{wrong}");
    }
}

#[tokio::test]
async fn new_people_have_acknowledged_nothing() {
    let pager = Pager::start().await;
    let id = pager.id(4201).await;
    let user = pager.named("users", "Zoe Campbell").await;
    let assign = json!({"assignments": [{"assignee": {"id": user, "type": "user_reference"}}]});
    let (_, body) = pager.put(&format!("/incidents/{id}"), &set(assign)).await;
    assert_eq!((&body["incident"]["status"], &body["incident"]["acknowledgements"]), (&json!("triggered"), &json!([])));
}

#[tokio::test]
async fn many_incidents_change_together_or_not_at_all() {
    let pager = Pager::start().await;
    let (one, two) = (pager.id(4202).await, pager.id(4203).await);
    let entry = |id: &str, status: &str| json!({"id": id, "type": "incident_reference", "status": status});
    let (status, _) = pager
        .put("/incidents", &json!({"incidents": [entry(&one, "acknowledged"), entry("QNOSUCH", "resolved")]}))
        .await;
    assert_eq!(status, 404);
    assert_eq!(pager.incident(4202).await["status"], "triggered");
    let (status, body) =
        pager.put("/incidents", &json!({"incidents": [entry(&one, "acknowledged"), entry(&two, "resolved")]})).await;
    assert_eq!((status, rows(&body, "incidents").len()), (200, 2));
    assert_eq!(pager.incident(4202).await["status"], "acknowledged");
    assert_eq!(pager.incident(4203).await["status"], "resolved");
    let many: Vec<Value> = (0..251).map(|_| entry(&one, "resolved")).collect();
    assert_eq!(pager.put("/incidents", &json!({"incidents": many})).await.0, 413);
}

#[tokio::test]
async fn notes_are_kept_and_appear_in_the_log() {
    let pager = Pager::start().await;
    let id = pager.id(4201).await;
    let path = format!("/incidents/{id}/notes");
    let before = rows(&pager.ok(&path).await, "notes").len();
    let (status, body) = pager.post(&path, &json!({"note": {"content": "Traffic moved."}})).await;
    assert_eq!((status, &body["note"]["content"]), (200, &json!("Traffic moved.")));
    let notes = pager.ok(&path).await;
    assert_eq!(rows(&notes, "notes").len(), before + 1);
    assert_eq!(notes["notes"][before]["user"]["summary"], "J. Lee");
    let log = pager.ok(&format!("/incidents/{id}/log_entries?include[]=channels")).await;
    let entry = &log["log_entries"][0];
    assert_eq!(
        (&entry["type"], &entry["channel"]["summary"]),
        (&json!("annotate_log_entry"), &json!("Traffic moved."))
    );
    let plain = pager.ok(&format!("/incidents/{id}/log_entries")).await;
    assert!(plain["log_entries"][0]["channel"]["summary"].is_null());
    for wrong in [json!({"note": {"content": " "}}), json!({"note": {}}), json!({"content": "x"})] {
        assert_eq!(pager.post(&path, &wrong).await.0, 400, "{wrong}");
    }
}

#[tokio::test]
async fn merging_closes_the_sources_and_moves_their_alerts() {
    let pager = Pager::start().await;
    let (target, source) = (pager.id(4201).await, pager.id(4199).await);
    let body = json!({"source_incidents": [{"id": source, "type": "incident_reference"}]});
    let (status, answer) = pager.put(&format!("/incidents/{target}/merge"), &body).await;
    assert_eq!((status, &answer["incident"]["alert_counts"]["all"]), (200, &json!(4)));
    let merged = pager.incident(4199).await;
    assert_eq!(
        (&merged["status"], &merged["resolve_reason"]["type"]),
        (&json!("resolved"), &json!("merge_resolve_reason"))
    );
    assert_eq!(merged["resolve_reason"]["incident"]["id"], target.as_str());
    let (status, answer) = pager.put(&format!("/incidents/{target}/merge"), &body).await;
    assert_eq!((status, answer["error"]["code"].as_u64()), (400, Some(1019)));
}

#[tokio::test]
async fn snoozing_acknowledges_and_leaves_a_pending_action() {
    let pager = Pager::start().await;
    let id = pager.id(4203).await;
    let (status, body) = pager.post(&format!("/incidents/{id}/snooze"), &json!({"duration": 3600})).await;
    assert_eq!((status, &body["incident"]["status"]), (201, &json!("acknowledged")));
    assert_eq!(pager.incident(4203).await["pending_actions"][0]["type"], "unacknowledge");
    assert_eq!(pager.post(&format!("/incidents/{id}/snooze"), &json!({"duration": 0})).await.0, 400);
}

//! Creating and resolving: what is sent, once, and what is said when half of it is done.

use serde_json::{Value, json};
use toolkeep_connector::{SendError, ToolError};

use super::{call, incident, page, script};

const TOOL: &str = "pagerduty_incident_resolve";

fn one(status: &str) -> String {
    let resolved = (status == "resolved").then_some("2026-11-22T09:59:00Z");
    json!({"incident": incident(4201, status, "2026-11-22T09:37:00Z", resolved, None)}).to_string()
}

#[test]
fn resolving_puts_the_identifier_and_posts_the_note() {
    let script = script()
        .answer("GET /incidents/4201", 200, &one("triggered"))
        .answer("PUT /incidents/Q0INCIDENT4201", 200, &one("resolved"))
        .answer("POST /incidents/Q0INCIDENT4201/notes", 201, r#"{"note":{"id":"PNOTE01","content":"fixed"}}"#);
    let answer =
        call(&script, TOOL, &json!({"incident": "4201", "note": "fixed", "from_email": "x@y.example"})).unwrap();
    assert_eq!(
        (&answer["resolved"], &answer["already_resolved"], &answer["note_id"]),
        (&json!(true), &json!(false), &json!("PNOTE01"))
    );
    let bodies: Vec<Value> =
        script.sent().iter().filter_map(|sent| serde_json::from_slice(sent.body.as_deref()?).ok()).collect();
    assert_eq!(
        bodies,
        [
            json!({"incident": {"type": "incident_reference", "status": "resolved"}}),
            json!({"note": {"content": "fixed"}})
        ]
    );
    assert!(script.sent()[1].headers.contains(&("content-type", "application/json".to_owned())));
}

#[test]
fn already_resolved_is_success_and_still_takes_the_note() {
    let script = script().answer("GET /incidents/4201", 200, &one("resolved")).answer(
        "POST /incidents/Q0INCIDENT4201/notes",
        201,
        r#"{"note":{"id":"PNOTE01"}}"#,
    );
    let answer = call(&script, TOOL, &json!({"incident": 4201, "note": "fixed"})).unwrap();
    assert_eq!((&answer["already_resolved"], &answer["note_added"]), (&json!(true), &json!(true)));
    assert_eq!(script.asked().len(), 2, "nothing is put");
}

#[test]
fn somebody_quicker_is_success_too() {
    let script = script()
        .answer("GET /incidents/4201", 200, &one("triggered"))
        .answer(
            "PUT /incidents/Q0INCIDENT4201",
            400,
            r#"{"error":{"message":"Incident Already Resolved","code":1001,"errors":[]}}"#,
        )
        .answer("GET /incidents/Q0INCIDENT4201", 200, &one("resolved"));
    let answer = call(&script, TOOL, &json!({"incident": 4201})).unwrap();
    assert_eq!(
        (&answer["resolved"], &answer["already_resolved"], &answer["note_added"]),
        (&json!(true), &json!(true), &json!(false))
    );
}

#[test]
fn a_note_that_fails_leaves_a_half_that_is_told() {
    let script = script()
        .answer("GET /incidents/4201", 200, &one("triggered"))
        .answer("PUT /incidents/Q0INCIDENT4201", 200, &one("resolved"))
        .fail("POST /incidents/Q0INCIDENT4201/notes", SendError::Interrupted("it took too long".into()));
    let Err(ToolError::Partial(text)) = call(&script, TOOL, &json!({"incident": 4201, "note": "fixed"})) else {
        panic!("not partial")
    };
    let told: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(told["done"]["resolved"], true);
    assert_eq!(told["not_done"]["code"], "unavailable");
    assert!(told["not_done"]["reason"].as_str().unwrap().contains("not known whether"), "{told}");
    assert_eq!(script.asked().len(), 3, "nothing is tried twice");
}

#[test]
fn a_write_without_an_answer_is_not_repeated() {
    let script = script()
        .answer("GET /incidents/4201", 200, &one("triggered"))
        .fail("PUT /incidents/Q0INCIDENT4201", SendError::Interrupted("the connection ended".into()));
    match call(&script, TOOL, &json!({"incident": 4201, "note": "fixed"})) {
        Err(ToolError::Unavailable(text)) => assert!(text.contains("look before repeating"), "{text}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(script.asked().len(), 2);
}

#[test]
fn creating_looks_names_up_first_and_posts_once() {
    let script = script()
        .answer(
            "GET /services?query=payment-service",
            200,
            &page("services", &[json!({"id": "PSERV01", "name": "payment-service"})], false, None),
        )
        .answer(
            "GET /priorities",
            200,
            r#"{"priorities":[{"id":"PPRIO02","name":"P2"},{"id":"PPRIO01","name":"P1"}],"more":false}"#,
        )
        .answer("GET /escalation_policies/PESCA01", 200, r#"{"escalation_policy":{"id":"PESCA01","name":"Payments"}}"#)
        .answer("POST /incidents", 201, &one("triggered"));
    let arguments = json!({"title": " Checkout down ", "service": "payment-service", "urgency": "High", "details": "500s", "priority": "p1", "incident_key": "k1", "escalation_policy_id": "PESCA01"});
    let answer = call(&script, "pagerduty_incident_create", &arguments).unwrap();
    assert_eq!((&answer["created"], &answer["incident"]["number"]), (&json!(true), &json!(4201)));
    let body: Value = serde_json::from_slice(script.sent()[3].body.as_deref().unwrap()).unwrap();
    assert_eq!(
        body,
        json!({"incident": {
            "type": "incident", "title": "Checkout down", "urgency": "high",
            "body": {"type": "incident_body", "details": "500s"}, "incident_key": "k1",
            "service": {"id": "PSERV01", "type": "service_reference"},
            "escalation_policy": {"id": "PESCA01", "type": "escalation_policy_reference"},
            "priority": {"id": "PPRIO01", "type": "priority_reference"}
        }})
    );
}

#[test]
fn a_doubtful_service_is_a_question_and_no_page() {
    let rows =
        [json!({"id": "PSERV01", "name": "payment-service"}), json!({"id": "PSERV02", "name": "payment-archive"})];
    let script = script().always("GET /services?query=payment", 200, &page("services", &rows, false, None));
    let result = call(&script, "pagerduty_incident_create", &json!({"title": "x", "service": "payment"}));
    let Err(ToolError::Ambiguous(text)) = result else { panic!("{result:?}") };
    let told: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        told["candidates"],
        json!([{"id": "PSERV01", "name": "payment-service"}, {"id": "PSERV02", "name": "payment-archive"}])
    );
    assert!(script.asked().iter().all(|asked| asked.starts_with("GET")));
    // A question may be asked with half a name; nobody is paged with one.
    let script = super::script().always("GET /services?query=pay", 200, &page("services", &rows[..1], false, None));
    let result = call(&script, "pagerduty_incident_create", &json!({"title": "x", "service": "pay"}));
    let Err(ToolError::Ambiguous(text)) = result else { panic!("{result:?}") };
    let told: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(told["candidates"], json!([{"id": "PSERV01", "name": "payment-service"}]));
    assert!(script.asked().iter().all(|asked| asked.starts_with("GET")));
    for wrong in [
        json!({"title": " ", "service": "PSERV01"}),
        json!({"title": "x"}),
        json!({"title": "x".repeat(1_025), "service": "PSERV01"}),
    ] {
        assert!(
            matches!(call(&script, "pagerduty_incident_create", &wrong), Err(ToolError::InvalidArguments(_))),
            "{wrong}"
        );
    }
}

#[test]
fn a_key_in_use_is_a_conflict_that_names_its_incident() {
    let taken = r#"{"error":{"message":"Invalid Input Provided","code":2001,"errors":["Open incident with matching dedup key already exists on this service: incident key"]}}"#;
    let arguments = json!({"title": "x", "service": "PSERV01", "incident_key": "k"});
    let upstream = || {
        script().answer("GET /services/PSERV01", 200, r#"{"service":{"id":"PSERV01","name":"a"}}"#).answer(
            "POST /incidents",
            400,
            taken,
        )
    };
    let mut holder = incident(4201, "triggered", "2026-11-22T09:37:00Z", None, None);
    holder["incident_key"] = json!("k");
    let script = upstream().answer(
        "GET /incidents?date_range=all&incident_key=k&service_ids[]=PSERV01",
        200,
        &page("incidents", &[holder], false, None),
    );
    let result = call(&script, "pagerduty_incident_create", &arguments);
    assert!(
        matches!(&result, Err(ToolError::Conflict(text)) if text.contains("incident 4201 (Q0INCIDENT4201)")),
        "{result:?}"
    );
    // Not to see the other incident is no second error.
    let script = upstream().answer("GET /incidents?", 403, "{}");
    let result = call(&script, "pagerduty_incident_create", &arguments);
    assert!(matches!(&result, Err(ToolError::Conflict(text)) if !text.contains("4201")), "{result:?}");
}

#[test]
fn who_acts_with_an_account_level_key_is_told_with_what_to_do() {
    let script = script().answer("GET /services/PSERV01", 200, r#"{"service":{"id":"PSERV01","name":"a"}}"#).answer(
        "POST /incidents",
        400,
        r#"{"error":{"message":"Requester User Not Found","code":1008}}"#,
    );
    let result = call(&script, "pagerduty_incident_create", &json!({"title": "x", "service": "PSERV01"}));
    assert!(matches!(&result, Err(ToolError::Forbidden(text)) if text.contains("--account-email")), "{result:?}");
}

#[test]
fn an_identifier_that_may_not_be_looked_up_is_left_to_the_write_itself() {
    let refusal = r#"{"error":{"message":"Token missing required scopes","required_scopes":"services.read"}}"#;
    let script =
        script().answer("GET /services/PSERV01", 403, refusal).answer("POST /incidents", 201, &one("triggered"));
    call(&script, "pagerduty_incident_create", &json!({"title": "x", "service": "PSERV01"})).unwrap();
    let script = super::script().answer("GET /services/PSERV01", 403, refusal);
    let result = call(&script, "pagerduty_incidents_list", &json!({"status": "open", "service": "PSERV01"}));
    assert!(matches!(result, Err(ToolError::Forbidden(_))), "a filter could find nothing in silence: {result:?}");
}

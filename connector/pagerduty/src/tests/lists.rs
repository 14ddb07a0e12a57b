//! Services, and who is on call.

use serde_json::json;
use toolkeep_connector::ToolError;

use super::{call, page, script};

#[test]
fn services_with_open_incidents_are_critical_or_warning() {
    let rows = [
        json!({"id": "PSERV01", "name": "payment-service", "status": "critical", "teams": [{"id": "PTEAM01", "summary": "Payments"}], "escalation_policy": {"id": "PESCA01", "summary": "Payments on call"}}),
        json!({"id": "PSERV02", "name": "search", "status": "active", "teams": null, "escalation_policy": null}),
        json!({"id": "PSERV03", "name": "auth-gateway", "status": "warning"}),
        json!({"id": "PSERV04", "name": "odd", "status": null}),
    ];
    let script =
        script().answer("GET /services?sort_by=name%3Aasc&limit=100", 200, &page("services", &rows, false, None));
    let answer = call(&script, "pagerduty_services_list", &json!({"status": "open"})).unwrap();
    assert_eq!((&answer["count"], &answer["complete"]), (&json!(2), &json!(true)));
    assert_eq!(
        answer["services"],
        json!([
            {"id": "PSERV01", "name": "payment-service", "status": "critical", "teams": ["Payments"], "escalation_policy": "Payments on call"},
            {"id": "PSERV03", "name": "auth-gateway", "status": "warning", "escalation_policy": null}
        ])
    );
}

fn oncall(level: u32, person: &str, schedule: Option<&str>, end: Option<&str>) -> serde_json::Value {
    let schedule = schedule.map(|name| json!({"id": "PSCHED1", "type": "schedule_reference", "summary": name}));
    json!({
        "escalation_policy": {"id": "PESCA01", "summary": "Payments on call"}, "escalation_level": level,
        "schedule": schedule, "user": {"id": format!("P{person}"), "summary": person}, "start": null, "end": end
    })
}

#[test]
fn on_call_for_a_service_merges_one_persons_levels() {
    let rows = [
        oncall(2, "Jo Lee", None, None),
        oncall(3, "Kira Moore", None, None),
        oncall(1, "Kira Moore", Some("Primary"), Some("2026-11-23T08:00:00Z")),
        oncall(1, "Kira Moore", Some("Backup"), Some("2026-11-22T12:00:00Z")),
    ];
    let script = script()
        .answer(
            "GET /services?query=payment-service",
            200,
            &page(
                "services",
                &[json!({"id": "PSERV01", "name": "payment-service", "escalation_policy": {"id": "PESCA01"}})],
                false,
                None,
            ),
        )
        .answer("GET /oncalls?escalation_policy_ids[]=PESCA01&limit=100", 200, &page("oncalls", &rows, false, None));
    let answer = call(&script, "pagerduty_oncalls_list", &json!({"service": "payment-service"})).unwrap();
    assert_eq!(
        answer["oncalls"],
        json!([
            {"level": 1, "also_levels": [3], "user": "Kira Moore", "user_id": "PKira Moore", "schedule": "Primary", "until": "2026-11-23T09:00:00+01:00", "escalation_policy": "Payments on call"},
            {"level": 2, "user": "Jo Lee", "user_id": "PJo Lee", "schedule": null, "until": null, "escalation_policy": "Payments on call"}
        ])
    );
    assert_eq!((&answer["count"], &answer["shown"], &answer["complete"]), (&json!(2), &json!(2), &json!(true)));
}

#[test]
fn a_service_by_identifier_is_read_and_a_wrong_one_named() {
    let upstream = script()
        .answer(
            "GET /services/PSERV01",
            200,
            r#"{"service":{"id":"PSERV01","summary":"payment-service","escalation_policy":{"id":"PESCA01"}}}"#,
        )
        .answer("GET /oncalls?escalation_policy_ids[]=PESCA01", 200, &page("oncalls", &[], false, None));
    assert_eq!(call(&upstream, "pagerduty_oncalls_list", &json!({"service": "PSERV01"})).unwrap()["count"], 0);
    let upstream = script().answer("GET /services/PSERV99", 404, r#"{"error":{"message":"Not Found","code":2100}}"#);
    let result = call(&upstream, "pagerduty_oncalls_list", &json!({"service": "PSERV99"}));
    assert!(matches!(result, Err(ToolError::NotFound(_))), "{result:?}");
}

#[test]
fn a_team_without_policies_is_nobody_and_not_everybody() {
    let script = script().answer(
        "GET /escalation_policies?team_ids[]=PTEAM01",
        200,
        &page("escalation_policies", &[], false, None),
    );
    let answer = call(&script, "pagerduty_oncalls_list", &json!({"team": "PTEAM01"})).unwrap();
    assert_eq!((&answer["count"], &answer["complete"]), (&json!(0), &json!(true)));
    assert_eq!(script.asked().len(), 1);
}

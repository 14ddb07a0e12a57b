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
        json!({"id": "PSERV05", "name": "legacy", "status": "disabled"}),
        json!({"id": "PSERV06", "name": "mail", "status": "maintenance"}),
    ];
    let open = ["PSERV01", "PSERV05", "PSERV01", "PSERV03"].map(|id| json!({"service": {"id": id}}));
    let script = script()
        .answer(
            "GET /incidents?date_range=all&statuses[]=triggered&statuses[]=acknowledged",
            200,
            &page("incidents", &open, false, None),
        )
        .answer("GET /services?sort_by=name%3Aasc&total=true&limit=100", 200, &page("services", &rows, false, None));
    let answer = call(&script, "pagerduty_services_list", &json!({"status": "open"})).unwrap();
    assert_eq!((&answer["count"], &answer["complete"]), (&json!(3), &json!(true)));
    assert_eq!(
        answer["services"],
        json!([
            {"id": "PSERV01", "name": "payment-service", "status": "critical", "open_incidents": 2, "teams": ["Payments"], "escalation_policy": "Payments on call"},
            {"id": "PSERV03", "name": "auth-gateway", "status": "warning", "open_incidents": 1, "escalation_policy": null},
            {"id": "PSERV05", "name": "legacy", "status": "disabled", "open_incidents": 1, "escalation_policy": null}
        ])
    );
}

#[test]
fn without_the_right_to_see_incidents_open_services_are_a_guess_and_say_so() {
    let rows = [
        json!({"id": "PSERV01", "name": "a", "status": "critical"}),
        json!({"id": "PSERV02", "name": "b", "status": "disabled"}),
    ];
    let refusal = r#"{"error":{"message":"Token missing required scopes","required_scopes":"incidents.read"}}"#;
    let script = script().answer("GET /incidents?", 403, refusal).answer(
        "GET /services?",
        200,
        &page("services", &rows, false, None),
    );
    let answer = call(&script, "pagerduty_services_list", &json!({"status": "open"})).unwrap();
    assert_eq!((&answer["count"], &answer["complete"]), (&json!(1), &json!(false)));
    assert!(answer["hint"].as_str().unwrap().contains("disabled"), "{answer}");
    assert!(answer["services"][0].get("open_incidents").is_none());
}

#[test]
fn more_open_incidents_than_can_be_read_leave_a_doubt() {
    let open: Vec<_> = (0..100).map(|_| json!({"service": {"id": "PSERV01"}})).collect();
    let script = script().always("GET /incidents?", 200, &page("incidents", &open, true, None)).answer(
        "GET /services?",
        200,
        &page("services", &[], false, None),
    );
    let answer = call(&script, "pagerduty_services_list", &json!({"status": "open"})).unwrap();
    assert_eq!(answer["complete"], false, "{answer}");
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
    // An identifier need not hold a digit.
    for id in ["PSERV99", "PABCDEF"] {
        let upstream = script()
            .answer(&format!("GET /services/{id}"), 404, r#"{"error":{"message":"Not Found","code":2100}}"#)
            .always("GET /services?", 200, &page("services", &[], false, None));
        let result = call(&upstream, "pagerduty_oncalls_list", &json!({"service": id}));
        assert!(matches!(&result, Err(ToolError::NotFound(text)) if text.contains(id)), "{result:?}");
        let upstream = script()
            .answer(
                &format!("GET /services/{id}"),
                200,
                &json!({"service": {"id": id, "name": "a", "escalation_policy": {"id": "PESCA01"}}}).to_string(),
            )
            .answer("GET /oncalls?escalation_policy_ids[]=PESCA01", 200, &page("oncalls", &[], false, None));
        call(&upstream, "pagerduty_oncalls_list", &json!({"service": id})).unwrap();
    }
    let many = ["a"; 11].join(",");
    let result = call(&script(), "pagerduty_oncalls_list", &json!({"service": many}));
    assert!(matches!(result, Err(ToolError::InvalidArguments(_))), "none of them is left out in silence: {result:?}");
}

#[test]
fn a_team_without_policies_is_nobody_and_not_everybody() {
    let script = script().answer("GET /teams/PTEAM01", 200, r#"{"team":{"id":"PTEAM01","name":"Platform"}}"#).answer(
        "GET /escalation_policies?team_ids[]=PTEAM01",
        200,
        &page("escalation_policies", &[], false, None),
    );
    let answer = call(&script, "pagerduty_oncalls_list", &json!({"team": "PTEAM01"})).unwrap();
    assert_eq!((&answer["count"], &answer["complete"]), (&json!(0), &json!(true)));
    assert_eq!(script.asked().len(), 2);
}

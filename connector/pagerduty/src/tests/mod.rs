//! The tools against scripted answers, written by hand after PagerDuty's documented forms.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what failed by panicking"
)]

mod declaration;
mod incidents;
mod lists;
mod texts;
mod writes;

use serde_json::Value;
use toolkeep_connector::testing::Script;
use toolkeep_connector::{Account, ToolError};

use crate::PAGERDUTY;

/// 2026-11-22T10:00:00Z, a Sunday.
const NOW_MS: i64 = 1_795_341_600_000;

/// A script with a connected user in Berlin.
fn script() -> Script {
    Script::at(NOW_MS).account(Account {
        id: "PKIRA01".into(),
        name: "Kira Moore".into(),
        email: Some("kira@acme.example".into()),
        time_zone: Some("Europe/Berlin".into()),
    })
}

fn call(script: &Script, tool: &str, arguments: &Value) -> Result<Value, ToolError> {
    let output = PAGERDUTY.call(script.environment(), tool, &arguments.to_string())?;
    Ok(serde_json::from_str(&output.structured.expect("every tool answers an object")).unwrap())
}

/// An incident as PagerDuty sends it, with more fields than anybody asked for.
fn incident(number: u64, status: &str, created: &str, resolved: Option<&str>, priority: Option<&str>) -> Value {
    let priority = priority
        .map(|name| serde_json::json!({"id": "PPRIO01", "type": "priority", "summary": name, "color": "a8171c"}));
    let assignments = if resolved.is_some() {
        serde_json::json!([])
    } else {
        serde_json::json!([{"at": created, "assignee": {"id": "PKIRA01", "type": "user_reference", "summary": "Kira Moore"}}])
    };
    serde_json::json!({
        "id": format!("Q0INCIDENT{number}"), "type": "incident", "incident_number": number,
        "summary": format!("[#{number}] Checkout latency above 2 s in eu-central"),
        "title": "Checkout latency above 2 s in eu-central",
        "created_at": created, "resolved_at": resolved, "last_status_change_at": resolved,
        "status": status, "urgency": "high", "priority": priority,
        "service": {"id": "PSERV01", "type": "service_reference", "summary": "payment-service"},
        "assignments": assignments, "conference_bridge": null, "incident_key": null, "teams": null,
        "alert_counts": {"all": 3, "triggered": 1, "resolved": 2}, "is_mergeable": true,
        "html_url": format!("https://acme.pagerduty.com/incidents/Q0INCIDENT{number}"),
        "something_new": {"deep": [1, {"er": null}]}
    })
}

fn page(key: &str, rows: &[Value], more: bool, total: Option<u32>) -> String {
    serde_json::json!({"limit": 100, "offset": 0, "more": more, "total": total, key: rows}).to_string()
}

//! Structured answers as a person reads them.

use serde_json::Value;

use crate::output::printable;

/// An incident's row as a line.
pub(super) fn incident(row: &Value) -> String {
    let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or("?");
    let number = row.get("number").and_then(Value::as_u64).map_or_else(|| "?".to_owned(), |number| number.to_string());
    let age = match (row.get("open_minutes"), row.get("resolve_minutes")) {
        (Some(minutes), _) => format!("open for {}", minutes_of(minutes)),
        (None, Some(minutes)) => format!("resolved after {}", minutes_of(minutes)),
        _ => text("status").to_owned(),
    };
    let assigned: Vec<&str> =
        row.get("assigned").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let assigned = if assigned.is_empty() { "nobody".to_owned() } else { assigned.join(", ") };
    let priority = row.get("priority").and_then(Value::as_str).unwrap_or("--");
    printable(&format!("{}  {priority}  #{number}  {}, {age}, {assigned}", text("service"), text("title")))
}

/// An on-call row as a line.
pub(super) fn on_call(row: &Value) -> String {
    let text = |name: &str| row.get(name).and_then(Value::as_str);
    let level = row.get("level").and_then(Value::as_u64).unwrap_or_default();
    let schedule = text("schedule").map_or_else(String::new, |schedule| format!(", {schedule}"));
    let until = text("until").map_or_else(|| "for good".to_owned(), |until| format!("until {until}"));
    let policy = text("escalation_policy").unwrap_or("?");
    printable(&format!("{policy}, level {level}: {}{schedule}, {until}", text("user").unwrap_or("?")))
}

/// The rows of an answer.
pub(super) fn of<'a>(answer: &'a Value, name: &str) -> &'a [Value] {
    answer.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn minutes_of(minutes: &Value) -> String {
    let minutes = minutes.as_i64().unwrap_or_default();
    if minutes >= 120 { format!("{} h {} min", minutes / 60, minutes % 60) } else { format!("{minutes} min") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_incident_is_one_line() {
        let row = json!({
            "number": 4201, "id": "Q1", "title": "Checkout fails", "status": "triggered", "urgency": "high",
            "priority": "P1", "service": "payment-service", "open_minutes": 125, "assigned": ["K. Moore"]
        });
        assert_eq!(incident(&row), "payment-service  P1  #4201  Checkout fails, open for 2 h 5 min, K. Moore");
        assert_eq!(incident(&json!({ "status": "resolved" })), "?  --  #?  ?, resolved, nobody");
    }

    #[test]
    fn a_shift_without_an_end_is_for_good() {
        let row =
            json!({ "level": 1, "user": "K. Moore", "schedule": null, "until": null, "escalation_policy": "Payments" });
        assert_eq!(on_call(&row), "Payments, level 1: K. Moore, for good");
    }
}

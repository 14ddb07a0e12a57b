//! `toolkeep audit`: what was done, by whom, as whom, and what came of it.

use comfy_table::{ColumnConstraint, Width};
use serde_json::Value;
use toolkeep_audit::{MAX_RECORDS, Query, Record, RecordKind};

use crate::cli::{AuditList, Global};
use crate::failure::Failure;
use crate::keep::{audit_failure, audit_log};
use crate::output::{self, printable};

/// Columns for a tool's name before it wraps: `pagerduty_incident_resolve` has 26.
const TOOL_COLUMNS: u16 = 28;

/// Events that every command leaves behind. They say what ran, and bury what was done.
const ROUTINE: [&str; 3] = ["started", "stopped", "connector_loaded"];

/// `toolkeep audit list`. It needs no vault: the log is read even where nothing else works.
///
/// # Errors
/// The log cannot be read, or the call id is malformed.
pub(crate) fn list(global: &Global, options: AuditList) -> Result<(), Failure> {
    let call = options
        .call
        .as_deref()
        .map(|id| id.parse().map_err(|error| Failure::usage(format!("--call {id}: {error}"))))
        .transpose()?;
    let limit = options.limit as usize;
    // A call and a tool have no routine events.
    let with_routine = options.all || call.is_some() || options.tool.is_some();
    let query = Query {
        last: if with_routine { limit } else { MAX_RECORDS },
        call,
        tool: options.tool,
        tenant: options.tenant,
        user: options.user,
        ..Query::default()
    };
    let mut records = audit_log(global)?.records(&query).map_err(|error| audit_failure(&error))?;
    let hidden = if with_routine { 0 } else { hide_routine(&mut records, limit) };
    if options.json {
        records.iter().try_for_each(output::json)?;
    } else {
        output::text(table(&records))?;
    }
    if hidden > 0 {
        output::progress(format!("Not shown, but with --all: {hidden} × started, stopped or connector_loaded."));
    }
    Ok(())
}

/// Leaves the newest `limit` records that are not routine, and says how many were passed over to find them.
fn hide_routine(records: &mut Vec<Record>, limit: usize) -> usize {
    let mut left = limit;
    let mut hidden = 0;
    let is_routine = |record: &Record| {
        record.kind == RecordKind::Event && field(&record.content, "kind").is_some_and(|kind| ROUTINE.contains(&kind))
    };
    let mut newest_first = std::mem::take(records).into_iter().rev();
    while left > 0
        && let Some(record) = newest_first.next()
    {
        if is_routine(&record) {
            hidden += 1;
        } else {
            records.push(record);
            left -= 1;
        }
    }
    records.reverse();
    hidden
}

/// Records as a table, one line each where the terminal is wide enough.
pub(crate) fn table(records: &[Record]) -> comfy_table::Table {
    let mut table = output::table(["NO.", "TIME", "WHAT", "WHO", "TOOL OR SUBJECT", "OUTCOME", "UPSTREAM"]);
    // A tool's name is what people look for: the others wrap first.
    table.set_constraints([Width::Fixed(4), Width::Fixed(8)].map(ColumnConstraint::LowerBoundary));
    if let Some(column) = table.column_mut(4) {
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(TOOL_COLUMNS)));
    }
    for record in records {
        table.add_row([
            record.seq.to_string(),
            record.time.strftime("%H:%M:%S").to_string(),
            what(record),
            who(&record.content),
            about(&record.content),
            outcome(record),
            upstream(&record.content),
        ]);
    }
    table
}

fn field<'a>(content: &'a Value, name: &str) -> Option<&'a str> {
    content.get(name).and_then(Value::as_str)
}

/// The tool, or what an event happened to; a connection's long random name is cut.
fn about(content: &Value) -> String {
    let text =
        printable(["tool", "subject", "connector"].iter().find_map(|name| field(content, name)).unwrap_or_default());
    match text.char_indices().nth(TOOL_COLUMNS as usize - 3) {
        Some((end, _)) if text.starts_with("con_") => format!("{}…", text.get(..end).unwrap_or_default()),
        _ => text,
    }
}

fn what(record: &Record) -> String {
    match record.kind {
        RecordKind::Intent => "intent".to_owned(),
        RecordKind::Outcome => "outcome".to_owned(),
        RecordKind::Refusal => "refusal".to_owned(),
        _ => printable(field(&record.content, "kind").unwrap_or("event")),
    }
}

/// Tenant and user. The agent, which is told and not proven, is in the JSON.
fn who(content: &Value) -> String {
    match (field(content, "tenant"), field(content, "user")) {
        (Some(tenant), Some(user)) => printable(&format!("{tenant}/{user}")),
        _ => String::new(),
    }
}

fn outcome(record: &Record) -> String {
    let status = field(&record.content, "status");
    let code = field(&record.content, "code");
    let text = match (record.kind, status, code) {
        (RecordKind::Intent, ..) => field(&record.content, "access").unwrap_or_default().to_owned(),
        (_, Some(status), Some(code)) => format!("{status}: {code}"),
        (_, Some(status), None) => status.to_owned(),
        (_, None, Some(code)) => code.to_owned(),
        _ => String::new(),
    };
    printable(&text)
}

/// Each request as method, the template that the host matched, and the status or why there is none.
fn upstream(content: &Value) -> String {
    let requests = content.get("requests").and_then(Value::as_array).into_iter().flatten();
    let lines: Vec<String> = requests
        .map(|request| {
            let method = field(request, "method").unwrap_or("?");
            let path = field(request, "path_template").unwrap_or("(no declared route)");
            let end = match (request.get("status").and_then(Value::as_u64), field(request, "decision")) {
                (Some(status), _) => status.to_string(),
                (None, Some("refused")) => "refused".to_owned(),
                (None, Some("not_sent")) => format!("not sent: {}", field(request, "error").unwrap_or("abandoned")),
                (None, _) => field(request, "error").unwrap_or("no answer").to_owned(),
            };
            printable(&format!("{method} {path} {end}"))
        })
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;
    use serde_json::json;
    use toolkeep_audit::EventKind;

    #[tokio::test]
    async fn routine_is_passed_over_and_counted() {
        let keep = crate::keep::Keep::in_memory(None).unwrap();
        for kind in
            [EventKind::ApiKeyCreated, EventKind::Started, EventKind::ConnectionAdded, EventKind::ConnectorLoaded]
        {
            keep.record(kind, None, "subject", json!({})).await.unwrap();
        }
        let all = keep.audit.records(&Query::default()).unwrap();
        let shown = |limit| {
            let mut records = all.clone();
            let hidden = hide_routine(&mut records, limit);
            (records.iter().map(|record| record.seq).collect::<Vec<_>>(), hidden)
        };
        assert_eq!(shown(50), (vec![1, 3], 2));
        assert_eq!(shown(1), (vec![3], 1));
    }

    #[test]
    fn a_request_is_told_by_template_and_end() {
        let content = json!({ "requests": [
            { "method": "GET", "path_template": "/incidents", "decision": "allowed", "status": 200 },
            { "method": "POST", "decision": "refused", "rule": "no route" },
            { "method": "GET", "path_template": "/users", "decision": "not_sent", "error": "abandoned" }
        ] });
        assert_eq!(
            upstream(&content),
            "GET /incidents 200\nPOST (no declared route) refused\nGET /users not sent: abandoned"
        );
        assert_eq!(who(&json!({ "tenant": "acme", "user": "kim" })), "acme/kim");
    }
}

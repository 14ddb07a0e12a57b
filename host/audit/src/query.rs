//! Reading the log: the newest records that match.

use std::ops::ControlFlow;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::call_id::CallId;
use crate::error::AuditError;
use crate::store::{Kind, Reader, StoredRow};

/// Most records that one query gives.
pub const MAX_RECORDS: usize = 10_000;

/// Which records: all that match every filter that is set.
#[derive(Debug, Clone)]
pub struct Query {
    /// How many at most, the newest of them; up to [`MAX_RECORDS`].
    pub last: usize,
    /// Of one call.
    pub call: Option<CallId>,
    /// About one tool.
    pub tool: Option<String>,
    /// Of one tenant.
    pub tenant: Option<String>,
    /// Of one user.
    pub user: Option<String>,
    /// Of one kind.
    pub kind: Option<RecordKind>,
}

impl Default for Query {
    fn default() -> Self {
        Self { last: 50, call: None, tool: None, tenant: None, user: None, kind: None }
    }
}

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RecordKind {
    /// A call that may run.
    Intent,
    /// A call that ended.
    Outcome,
    /// A call that was refused.
    Refusal,
    /// Anything else.
    Event,
}

/// One record as it was written.
#[derive(Debug, Clone, Serialize)]
pub struct Record {
    /// Its place in the log, from 1; later is greater.
    pub seq: u64,
    /// When it was written, by the host's clock.
    pub time: Timestamp,
    /// What it is.
    pub kind: RecordKind,
    /// Which call it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<CallId>,
    /// The rest.
    pub content: Value,
}

/// The newest records that match, oldest first.
pub(crate) fn run(reader: &dyn Reader, query: &Query) -> Result<Vec<Record>, AuditError> {
    let wanted = query.last.min(MAX_RECORDS);
    let mut found = Vec::new();
    if wanted == 0 {
        return Ok(found);
    }
    reader.scan_back(&mut |row| {
        if let Some(record) = matching(row, query) {
            found.push(record);
        }
        if found.len() < wanted { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    found.reverse();
    Ok(found)
}

fn matching(row: StoredRow, query: &Query) -> Option<Record> {
    let kind = match row.kind {
        Kind::Intent => RecordKind::Intent,
        Kind::Outcome => RecordKind::Outcome,
        Kind::Refusal => RecordKind::Refusal,
        Kind::Event => RecordKind::Event,
    };
    if query.kind.is_some_and(|wanted| wanted != kind) || query.call.is_some_and(|wanted| row.call != Some(wanted)) {
        return None;
    }
    // A row that is no JSON was changed by somebody else; it is shown, because hiding it would help them.
    let content = serde_json::from_slice(&row.content)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&row.content).into_owned()));
    for (field, wanted) in [("tool", &query.tool), ("tenant", &query.tenant), ("user", &query.user)] {
        if wanted.as_deref().is_some_and(|wanted| content.get(field).and_then(Value::as_str) != Some(wanted)) {
            return None;
        }
    }
    let time = Timestamp::from_microsecond(row.time_us).unwrap_or(Timestamp::UNIX_EPOCH);
    Some(Record { seq: row.seq, time, kind, call: row.call, content })
}

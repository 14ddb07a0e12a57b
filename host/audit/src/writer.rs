//! The one thread that writes: all that waits, in one transaction, with one sync; then it answers all.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use crate::call_id::CallId;
use crate::queue::{Entry, OpenCall, Owed, Queue, Role, Written, unknown};
use crate::store::{AppendError, Kind, NewRow, Store};

/// Outcomes that the writer keeps for calls that nobody finishes while it cannot write. What is beyond
/// that is found as an open intent when the log is next opened.
const MAX_OWED: usize = 4_096;

/// Writes until the queue is closed and empty.
pub(crate) fn run(mut store: impl Store, queue: &Arc<Queue>) {
    // However this thread ends, nobody may wait for it any longer.
    let _end = End(queue);
    let mut entries = Vec::new();
    let mut owed: Vec<Owed> = Vec::new();
    let mut open = BTreeSet::new();
    let mut rows = Vec::new();
    while queue.take(&mut entries, &mut owed) {
        if entries.is_empty() && owed.is_empty() {
            continue;
        }
        owed.truncate(MAX_OWED);
        rows.extend(entries.iter_mut().map(|entry| {
            let row = NewRow { kind: entry.row.kind, call: entry.row.call, content: std::mem::take(&mut entry.row.content) };
            row
        }));
        let newcomers = rows.len();
        rows.extend(owed.iter().map(|owed| owed.row.clone()));
        let written = store.append(Timestamp::now().as_microsecond(), &rows, open.first().copied());
        match written {
            Ok(first) => {
                for owed in owed.drain(..) {
                    open.remove(&owed.intent_seq);
                }
                for (seq, entry) in (first..).zip(entries.drain(..)) {
                    answer(entry, seq, queue, &mut open);
                }
            }
            Err(failure) => {
                let (error, in_log) = match failure {
                    AppendError::NotWritten(error) => (error, false),
                    AppendError::NotDurable(error) => (error, true),
                };
                tracing::error!(code = error.code(), %error, records = newcomers, "records were not written; their calls are refused");
                if in_log {
                    owed.clear();
                }
                for (entry, row) in entries.drain(..).zip(rows.drain(..newcomers)) {
                    owed.extend(owed_after_failure(&entry, row, in_log));
                    let _ = entry.reply.send(Err(error.clone()));
                }
                if queue.is_closed() {
                    // Nobody comes any more, and waiting for a disk would keep the process from ending:
                    // opening the log finds what is left.
                    break;
                }
            }
        }
        rows.clear();
        store.rest();
    }
}

fn answer(entry: Entry, seq: u64, queue: &Arc<Queue>, open: &mut BTreeSet<u64>) {
    let opened = match (entry.role, entry.row.call) {
        (Role::Opens(fields), Some(call)) => {
            open.insert(seq);
            Some(OpenCall::new(call, seq, fields, Arc::clone(queue)))
        }
        (Role::Closes(intent), _) => {
            open.remove(&intent);
            None
        }
        _ => None,
    };
    // A caller that went away drops the open call here or in the channel, which hands over `unknown`.
    let _ = entry.reply.send(Ok(Written { seq, open: opened }));
}

/// What must still be written about a record that failed: the caller heard an error, so the log must not
/// be left saying nothing once it works again.
fn owed_after_failure(entry: &Entry, row: NewRow, in_log: bool) -> Option<Owed> {
    match &entry.role {
        // The outcome is known and was not stored: it is written as soon as that works.
        Role::Closes(intent) if !in_log => Some(Owed { intent_seq: *intent, row }),
        // The intent may be in the log, and its call never ran.
        Role::Opens(fields) if in_log => {
            let content = unknown(fields, "audit_unavailable");
            Some(Owed { intent_seq: 0, row: NewRow { kind: Kind::Outcome, call: entry.row.call, content } })
        }
        _ => None,
    }
}

/// Gives each intent that a crash left open its outcome, and takes the log into use.
pub(crate) fn recover(store: &mut impl Store) -> Result<(), crate::AuditError> {
    let left = store.left_open()?;
    let calls: Vec<Option<CallId>> = left.iter().map(|row| row.call).collect();
    let rows: Vec<NewRow> = left
        .into_iter()
        .map(|row| NewRow { kind: Kind::Outcome, call: row.call, content: after_crash(&row.content) })
        .collect();
    for (batch, calls) in rows.chunks(crate::queue::MAX_WAITING).zip(calls.chunks(crate::queue::MAX_WAITING)) {
        store.append(Timestamp::now().as_microsecond(), batch, None).map_err(|failure| match failure {
            AppendError::NotWritten(error) | AppendError::NotDurable(error) => error,
        })?;
        for call in calls.iter().flatten() {
            tracing::warn!(%call, "a call had no outcome when the host ended; it is recorded as unknown");
        }
    }
    store.start()
}

/// The outcome's content for an intent's content: who and what, and that nobody saw the end.
fn after_crash(intent: &[u8]) -> Vec<u8> {
    let mut outcome = serde_json::Map::new();
    if let Ok(serde_json::Value::Object(mut intent)) = serde_json::from_slice(intent) {
        for field in ["tenant", "user", "agent", "connector", "tool"] {
            if let Some(value) = intent.remove(field) {
                outcome.insert(field.to_owned(), value);
            }
        }
    }
    outcome.insert("status".to_owned(), "unknown".into());
    outcome.insert("code".to_owned(), "host_ended".into());
    serde_json::Value::Object(outcome).to_string().into_bytes()
}

struct End<'a>(&'a Queue);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

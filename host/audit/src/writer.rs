//! Writing: all that waits, in one transaction, with one sync; then everybody who waited is answered.
//!
//! A thread of its own writes whenever several records wait. A lone caller on a fast disk writes for
//! itself instead: on a virtual machine, waking a thread and being woken by it costs as much as the sync.
//! With many calls open, syncs keep a distance from each other: what comes meanwhile shares the next one.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::call_id::CallId;
use crate::queue::{Entry, OpenCall, Owed, Queue, Role, Written, unknown};
use crate::store::{AppendError, Kind, NewRow, Store};

/// Outcomes that the writer keeps for calls that nobody finishes while it cannot write. What is beyond
/// that is found as an open intent when the log is next opened.
const MAX_OWED: usize = 4_096;
/// From so many open calls on, others use the processors while some wait for a sync; with fewer, everybody
/// may be waiting.
const MANY_OPEN: usize = 8;
/// Shortest time from one write's start to the next with [`MANY_OPEN`] calls, in milliseconds. A call has two
/// records, so it waits two of them longer at most; twice as long was not measurably better. A slow disk takes
/// longer than this by itself.
const PACE_MS: u64 = 1;

/// The store and what is between the queue and it. Whoever holds it writes.
pub(crate) struct Writer {
    store: Box<dyn Store>,
    entries: Vec<Entry>,
    owed: Vec<Owed>,
    open: BTreeSet<u64>,
    rows: Vec<NewRow>,
    begun: Option<Instant>,
}

impl Writer {
    pub(crate) fn new(store: Box<dyn Store>) -> Self {
        Self { store, entries: Vec::new(), owed: Vec::new(), open: BTreeSet::new(), rows: Vec::new(), begun: None }
    }

    /// Writes what waits now and answers. False when that failed.
    pub(crate) fn step(&mut self, queue: &Arc<Queue>) -> bool {
        let Self { store, entries, owed, open, rows, begun } = self;
        queue.drain(entries, owed);
        if entries.is_empty() && owed.is_empty() {
            return true;
        }
        owed.truncate(MAX_OWED);
        rows.clear();
        rows.extend(entries.iter_mut().map(|entry| NewRow {
            kind: entry.row.kind,
            call: entry.row.call,
            content: std::mem::take(&mut entry.row.content),
        }));
        let newcomers = rows.len();
        rows.extend(owed.iter().map(|owed| owed.row.clone()));
        let start = Instant::now();
        *begun = Some(start);
        let written = store.append(Timestamp::now().as_microsecond(), rows, open.first().copied());
        queue.took(start.elapsed(), newcomers);
        match written {
            Ok(first) => {
                for owed in owed.drain(..) {
                    open.remove(&owed.intent_seq);
                }
                for (seq, entry) in (first..).zip(entries.drain(..)) {
                    answer(entry, seq, queue, open);
                }
                true
            }
            Err(failure) => {
                let (error, in_log) = match failure {
                    AppendError::NotWritten(error) => (error, None),
                    AppendError::NotDurable { first, error } => (error, Some(first)),
                };
                tracing::error!(code = error.code(), %error, records = newcomers, "records were not written; their calls are refused");
                // The store makes them durable before it takes another record, so what they close is closed.
                if in_log.is_some() {
                    for owed in owed.drain(..) {
                        open.remove(&owed.intent_seq);
                    }
                }
                for (place, (entry, row)) in (0..).zip(entries.drain(..).zip(rows.drain(..newcomers))) {
                    let seq = in_log.map(|first| first.saturating_add(place));
                    owed.extend(owed_after_failure(&entry, row, seq, open));
                    let _ = entry.reply.send(Err(error.clone()));
                }
                false
            }
        }
    }

    /// How long the next write should wait for others to share it.
    fn pause(&self) -> Duration {
        match self.begun {
            Some(begun) if self.open.len() >= MANY_OPEN => {
                Duration::from_millis(PACE_MS).saturating_sub(begun.elapsed())
            }
            _ => Duration::ZERO,
        }
    }

    /// Whether the store wants [`Store::rest`], which no caller should wait for.
    pub(crate) fn upkeep_due(&self) -> bool {
        self.store.upkeep_due()
    }

    /// Whether outcomes wait here for a write to succeed.
    pub(crate) fn owes(&self) -> bool {
        !self.owed.is_empty()
    }
}

/// Writes until the queue is closed and empty.
pub(crate) fn run(writer: &Mutex<Writer>, queue: &Arc<Queue>) {
    // However this thread ends, nobody may wait for it any longer.
    let _end = End(queue);
    let mut owes = false;
    while queue.wait(owes) {
        let pause = writer.lock().unwrap_or_else(PoisonError::into_inner).pause();
        if !pause.is_zero() {
            std::thread::sleep(pause);
        }
        let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.step(queue);
        if writer.upkeep_due() {
            writer.store.rest();
            if writer.upkeep_due() {
                // What came meanwhile goes first.
                queue.nudge();
            }
        }
        owes = writer.owes();
    }
    let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
    // Nobody comes any more, and waiting for a disk that fails would keep the process from ending:
    // opening the log finds what is left.
    while (queue.has_waiting() || writer.owes()) && writer.step(queue) {}
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
/// be left saying nothing once it works again. `seq` is its place, if it is in the log all the same.
fn owed_after_failure(entry: &Entry, row: NewRow, seq: Option<u64>, open: &mut BTreeSet<u64>) -> Option<Owed> {
    match (&entry.role, seq) {
        // The outcome is known and was not stored: it is written as soon as that works.
        (Role::Closes(intent), None) => Some(Owed { intent_seq: *intent, row }),
        (Role::Closes(intent), Some(_)) => {
            open.remove(intent);
            None
        }
        // The intent is in the log, and its call never ran.
        (Role::Opens(fields), Some(seq)) => {
            open.insert(seq);
            let content = unknown(fields, "audit_unavailable");
            Some(Owed { intent_seq: seq, row: NewRow { kind: Kind::Outcome, call: entry.row.call, content } })
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
            AppendError::NotWritten(error) | AppendError::NotDurable { error, .. } => error,
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what failed by panicking")]
    use super::*;
    use crate::AuditError;
    use crate::record::{CallFields, PrincipalFields};
    use crate::store::StoredRow;

    /// A store whose syncs fail when told to, and that remembers what it was told is open.
    #[derive(Default)]
    struct Faulty {
        rows: u64,
        sync_fails: Arc<Mutex<bool>>,
        oldest_open: Arc<Mutex<Vec<Option<u64>>>>,
    }

    impl Store for Faulty {
        fn left_open(&mut self) -> Result<Vec<StoredRow>, AuditError> {
            Ok(Vec::new())
        }

        fn start(&mut self) -> Result<(), AuditError> {
            Ok(())
        }

        fn append(&mut self, _: i64, rows: &[NewRow], oldest_open: Option<u64>) -> Result<u64, AppendError> {
            let first = self.rows + 1;
            self.rows += rows.len() as u64;
            self.oldest_open.lock().unwrap().push(oldest_open);
            if *self.sync_fails.lock().unwrap() {
                return Err(AppendError::NotDurable {
                    first,
                    error: AuditError::unavailable("sync", "a test says so"),
                });
            }
            Ok(first)
        }

        fn upkeep_due(&self) -> bool {
            false
        }

        fn rest(&mut self) {}
    }

    #[test]
    fn only_with_many_calls_open_does_a_write_wait_for_others() {
        let mut writer = Writer::new(Box::new(Faulty::default()));
        let just_now = Instant::now() + Duration::from_secs(60);
        writer.open.extend(1..MANY_OPEN as u64);
        writer.begun = Some(just_now);
        assert_eq!(writer.pause(), Duration::ZERO, "everybody may be waiting for this write");
        writer.open.insert(MANY_OPEN as u64);
        assert_eq!(writer.pause(), Duration::from_millis(PACE_MS));
        writer.begun = Instant::now().checked_sub(Duration::from_millis(PACE_MS));
        assert_eq!(writer.pause(), Duration::ZERO, "the last one was long ago");
        writer.begun = None;
        assert_eq!(writer.pause(), Duration::ZERO, "nothing was written yet");
    }

    #[tokio::test]
    async fn with_many_calls_open_the_thread_keeps_writes_apart() {
        const WRITES: u64 = 50;
        let queue = Queue::new();
        let mut writer = Writer::new(Box::new(Faulty::default()));
        writer.open.extend(1..=MANY_OPEN as u64);
        let thread = std::thread::spawn({
            let queue = Arc::clone(&queue);
            move || run(&Mutex::new(writer), &queue)
        });
        let begun = Instant::now();
        for _ in 0..WRITES {
            let event = NewRow { kind: Kind::Event, call: None, content: b"{}".to_vec() };
            let (answer, _) = queue.reserve().await.unwrap().push(event, Role::Stands);
            queue.nudge();
            answer.await.unwrap().unwrap();
        }
        // A sleep never ends early, so a slow machine only makes this longer.
        assert!(begun.elapsed() >= Duration::from_millis(PACE_MS * (WRITES - 1)), "{:?}", begun.elapsed());
        queue.close();
        thread.join().unwrap();
    }

    #[tokio::test]
    async fn a_failed_sync_leaves_no_closed_call_open() {
        let store = Faulty::default();
        let (sync_fails, oldest_open) = (Arc::clone(&store.sync_fails), Arc::clone(&store.oldest_open));
        let mut writer = Writer::new(Box::new(store));
        let queue = Queue::new();
        let fields = || CallFields {
            principal: PrincipalFields { tenant: "t".into(), user: "u".into(), agent: None },
            connector: "c".into(),
            tool: "t".into(),
        };
        let intent = || NewRow { kind: Kind::Intent, call: Some(CallId::new()), content: b"{}".to_vec() };

        // Rows 1 and 2: two calls begin.
        let (answer, _) = queue.reserve().await.unwrap().push(intent(), Role::Opens(fields()));
        let (abandoned, _) = queue.reserve().await.unwrap().push(intent(), Role::Opens(fields()));
        assert!(writer.step(&queue));
        let call = answer.await.unwrap().unwrap().open.unwrap();
        // Rows 3 to 5: one ends, another begins, the second is abandoned; and the sync fails.
        *sync_fails.lock().unwrap() = true;
        let (outcome, seq) = call.take_outcome();
        let (finished, _) = queue.reserve().await.unwrap().push(outcome, Role::Closes(seq));
        let (begun, _) = queue.reserve().await.unwrap().push(intent(), Role::Opens(fields()));
        drop(abandoned.await.unwrap().unwrap());
        assert!(!writer.step(&queue));
        assert!(finished.await.unwrap().is_err() && begun.await.unwrap().is_err());
        // Row 6: the outcome of the call that was told it had not begun.
        *sync_fails.lock().unwrap() = false;
        assert!(writer.owes());
        assert!(writer.step(&queue));
        assert!(!writer.owes());
        let event = NewRow { kind: Kind::Event, call: None, content: b"{}".to_vec() };
        let _answer = queue.reserve().await.unwrap().push(event, Role::Stands);
        assert!(writer.step(&queue));
        assert_eq!(
            *oldest_open.lock().unwrap(),
            [None, Some(1), Some(4), None],
            "a call is open until its outcome is in the log, and no longer"
        );
    }
}

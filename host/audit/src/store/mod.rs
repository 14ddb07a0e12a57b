//! Where the records live: what any backend must do, in no database's dialect.
//!
//! Records are only ever added. Each has a sequence number and its exact content bytes, so that a hash
//! tree can be laid over them. The contract's tests are at the end; a second backend passes them unchanged.

mod checkpoint;
mod recovery;
mod sqlite;
mod wal;

use std::ops::ControlFlow;

pub(crate) use sqlite::SqliteStore;

use crate::call_id::CallId;
use crate::error::AuditError;

/// What a row is. The numbers are stored: never change one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Intent = 1,
    Outcome = 2,
    Refusal = 3,
    Event = 4,
}

/// A row to add.
#[derive(Debug, Clone)]
pub(crate) struct NewRow {
    pub(crate) kind: Kind,
    pub(crate) call: Option<CallId>,
    pub(crate) content: Vec<u8>,
}

/// A row as it was stored.
#[derive(Debug, Clone)]
pub(crate) struct StoredRow {
    pub(crate) seq: u64,
    /// Microseconds since 1970.
    pub(crate) time_us: i64,
    pub(crate) kind: Kind,
    pub(crate) call: Option<CallId>,
    pub(crate) content: Vec<u8>,
}

/// Why rows were not added.
#[derive(Debug)]
pub(crate) enum AppendError {
    /// None of them is in the log.
    NotWritten(AuditError),
    /// All of them are in the log, and a power cut may take them away.
    NotDurable {
        /// The sequence number of the first; the others follow without a gap.
        first: u64,
        error: AuditError,
    },
}

/// The writing side; one thread owns it.
pub(crate) trait Store: Send {
    /// Intents without an outcome that nobody alive will finish. Empty while another process has the log
    /// open, because they may be that process's calls.
    fn left_open(&mut self) -> Result<Vec<StoredRow>, AuditError>;

    /// Takes the log into use, after what was left open got its outcome.
    fn start(&mut self) -> Result<(), AuditError>;

    /// Adds rows, all or none, and returns the sequence number of the first when they are durable; the
    /// others follow without a gap. `oldest_open` is the oldest intent of this writer without an outcome,
    /// if any: the backend may use it to shorten the search of `left_open`.
    fn append(&mut self, time_us: i64, rows: &[NewRow], oldest_open: Option<u64>) -> Result<u64, AppendError>;

    /// Whether [`Store::rest`] has something to do.
    fn upkeep_due(&self) -> bool;

    /// Upkeep that may take some milliseconds, between two batches. There may be more to do afterwards.
    fn rest(&mut self);
}

/// The reading side.
pub(crate) trait Reader: Send {
    /// Shows rows from the newest to the oldest until told to stop.
    fn scan_back(&self, visit: &mut dyn FnMut(StoredRow) -> ControlFlow<()>) -> Result<(), AuditError>;
}

#[cfg(test)]
pub(crate) mod contract {
    //! What every backend must pass.
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what failed by panicking")]
    use super::*;

    pub(crate) fn row(kind: Kind, call: Option<CallId>, content: &str) -> NewRow {
        NewRow { kind, call, content: content.as_bytes().to_vec() }
    }

    pub(crate) fn all(reader: &dyn Reader) -> Vec<StoredRow> {
        let mut rows = Vec::new();
        reader
            .scan_back(&mut |row| {
                rows.push(row);
                ControlFlow::Continue(())
            })
            .unwrap();
        rows.reverse();
        rows
    }

    /// `open` opens the same log each time.
    pub(crate) fn holds<S: Store, R: Reader>(open: impl Fn() -> (S, R)) {
        let (done, lost) = (CallId::new(), CallId::new());
        {
            let (mut store, reader) = open();
            assert!(store.left_open().unwrap().is_empty());
            store.start().unwrap();
            let first = store
                .append(5, &[row(Kind::Intent, Some(done), "{\"a\":1}"), row(Kind::Intent, Some(lost), "{}")], None)
                .unwrap();
            let second = store.append(6, &[row(Kind::Outcome, Some(done), "")], Some(first)).unwrap();
            assert_eq!(second, first + 2, "sequence numbers have no gaps");
            store.rest();
            let rows = all(&reader);
            assert_eq!(rows.iter().map(|row| row.seq).collect::<Vec<_>>(), [first, first + 1, first + 2]);
            assert_eq!((rows[0].time_us, rows[0].kind, rows[0].call), (5, Kind::Intent, Some(done)));
            assert_eq!(rows[0].content, b"{\"a\":1}");
            let mut seen = 0;
            reader
                .scan_back(&mut |row| {
                    seen += 1;
                    assert_eq!(row.seq, second, "the newest comes first");
                    ControlFlow::Break(())
                })
                .unwrap();
            assert_eq!(seen, 1);
            let (mut other, _) = open();
            assert!(other.left_open().unwrap().is_empty(), "another writer is alive: its calls are not ours to end");
        }
        let (mut store, reader) = open();
        assert_eq!(all(&reader).len(), 3, "what was added is there after reopening");
        let left = store.left_open().unwrap();
        assert_eq!(left.iter().map(|row| row.call).collect::<Vec<_>>(), [Some(lost)]);
        store.start().unwrap();
        store.append(7, &[row(Kind::Outcome, Some(lost), "")], None).unwrap();
        drop((store, reader));
        let (mut store, _reader) = open();
        assert!(store.left_open().unwrap().is_empty());
    }
}

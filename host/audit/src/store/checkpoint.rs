//! Moves SQLite's write-ahead log into the database in the background, so that no call waits for it.
//!
//! SQLite starts the log from its beginning again only when all of it has been moved. The background moves
//! the bulk in one pass; the writer then moves the few pages that came meanwhile, between two batches.
//! More passes in the background would never catch up with a steady load, and each syncs two files, which
//! every call then feels.

use std::path::Path;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection as Database, OpenFlags};

use crate::error::AuditError;

/// Pages in the log at which the background starts: half of the room that the log has on disk.
pub(crate) const START_PAGES: u64 = 1_000;
/// Pages at which the writer itself finishes the job: just before the log would outgrow its room.
const FINISH_PAGES: u64 = 1_800;

/// Nothing was asked of the background.
const IDLE: u8 = 0;
/// It was asked.
const ASKED: u8 = 1;
/// It made its pass; the writer has the rest to do.
const LEFT: u8 = 2;

/// The background thread and the number of pages that wait for it.
pub(crate) struct Checkpointer {
    pages: AtomicU64,
    state: Arc<AtomicU8>,
    /// Held during a pass: SQLite lets one run at a time and turns a second one away.
    turn: Arc<Mutex<()>>,
    requests: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    pub(crate) fn start(path: &Path) -> Result<Self, AuditError> {
        let failed = |e: rusqlite::Error| AuditError::unavailable("open its file", e);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let database = Database::open_with_flags(path, flags).map_err(failed)?;
        database.busy_timeout(Duration::ZERO).map_err(failed)?;
        database.execute_batch("PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0;").map_err(failed)?;
        // Until it has read something, a connection does not know of the write-ahead log, and its
        // checkpoints do nothing without saying so.
        database.query_row("SELECT COUNT(*) FROM writer", [], |_| Ok(())).map_err(failed)?;
        let (requests, waiting) = sync_channel(1);
        let turn = Arc::new(Mutex::new(()));
        let its_turn = Arc::clone(&turn);
        let state = Arc::new(AtomicU8::new(IDLE));
        let its_state = Arc::clone(&state);
        let thread = std::thread::Builder::new()
            .name("toolkeep-audit-checkpoint".to_owned())
            .spawn(move || {
                while let Ok(()) = waiting.recv() {
                    let _turn = its_turn.lock().unwrap_or_else(PoisonError::into_inner);
                    pass(&database);
                    // Even a pass that moved all it saw knows nothing of what was added while it ran.
                    its_state.store(LEFT, Ordering::Relaxed);
                }
            })
            .map_err(|e| AuditError::unavailable("start a thread", e))?;
        Ok(Self { pages: AtomicU64::new(0), state, turn, requests: Some(requests), thread: Some(thread) })
    }

    /// Counts what a batch added and wakes the background when it is time.
    pub(crate) fn added(&self, pages: u64) {
        let now = self.pages.fetch_add(pages, Ordering::Relaxed).saturating_add(pages);
        if now < START_PAGES || self.state.load(Ordering::Relaxed) != IDLE {
            return;
        }
        if let Some(requests) = &self.requests {
            self.state.store(ASKED, Ordering::Relaxed);
            // Full means that it has been asked already.
            let _ = requests.try_send(());
        }
    }

    /// Whether the writer should finish what the background began, or could not do in time.
    pub(crate) fn is_due(&self) -> bool {
        self.state.load(Ordering::Relaxed) == LEFT || self.pages.load(Ordering::Relaxed) >= FINISH_PAGES
    }

    /// The writer's own pass.
    pub(crate) fn finish(&self, writer: &Database) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        // Otherwise another process is at it, or a reader holds an old page: ask again a little later.
        let left = if pass(writer) { 0 } else { START_PAGES.saturating_sub(200) };
        self.pages.store(left, Ordering::Relaxed);
        self.state.store(IDLE, Ordering::Relaxed);
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// One pass that waits for nobody. True when nothing is left of what was there when it began.
fn pass(database: &Database) -> bool {
    let moved = database.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
    });
    match moved {
        // Less than zero: the connection saw no log at all.
        Ok((busy, in_log, moved)) => busy == 0 && in_log >= 0 && in_log == moved,
        Err(error) => {
            tracing::warn!(%error, "the audit log's write-ahead log could not be moved into its file; it grows until that works");
            false
        }
    }
}

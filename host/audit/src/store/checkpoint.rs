//! Moves SQLite's write-ahead log into the database in the background, so that no call waits for it.
//!
//! SQLite starts the log from its beginning again only when all of it has been moved. Under steady load
//! the background never quite catches up; then the writer itself moves the few pages that are left,
//! between two batches.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection as Database, OpenFlags};

use crate::error::AuditError;

/// Pages in the log at which the background starts: half of the room that the log has on disk.
pub(crate) const START_PAGES: u64 = 1_000;
/// Pages at which the writer itself finishes the job: just before the log would outgrow its room.
const FINISH_PAGES: u64 = 1_800;
/// Passes of the background: each leaves only what was written while it ran.
const MAX_PASSES: usize = 4;

/// The background thread and the number of pages that wait for it.
pub(crate) struct Checkpointer {
    pages: Arc<AtomicU64>,
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
        let pages = Arc::new(AtomicU64::new(0));
        let (requests, waiting) = sync_channel(1);
        let counter = Arc::clone(&pages);
        let turn = Arc::new(Mutex::new(()));
        let its_turn = Arc::clone(&turn);
        let thread = std::thread::Builder::new()
            .name("toolkeep-audit-checkpoint".to_owned())
            .spawn(move || {
                while let Ok(()) = waiting.recv() {
                    for _ in 0..MAX_PASSES {
                        // Once the writer wants to finish, another pass would only stand in its way.
                        let late = counter.load(Ordering::Relaxed) >= FINISH_PAGES;
                        let _turn = its_turn.lock().unwrap_or_else(PoisonError::into_inner);
                        if late || pass(&database, &counter) {
                            break;
                        }
                    }
                }
            })
            .map_err(|e| AuditError::unavailable("start a thread", e))?;
        Ok(Self { pages, turn, requests: Some(requests), thread: Some(thread) })
    }

    /// Counts what a batch added and wakes the background when it is time.
    pub(crate) fn added(&self, pages: u64) {
        let now = self.pages.fetch_add(pages, Ordering::Relaxed).saturating_add(pages);
        if let (true, Some(requests)) = (now >= START_PAGES, &self.requests) {
            // Full means that it has been asked already.
            let _ = requests.try_send(());
        }
    }

    /// Whether the background did not catch up.
    pub(crate) fn is_due(&self) -> bool {
        self.pages.load(Ordering::Relaxed) >= FINISH_PAGES
    }

    /// The writer's own pass.
    pub(crate) fn finish(&self, writer: &Database) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if !pass(writer, &self.pages) {
            // Another process is at it this moment, or a reader holds an old page. Ask again a little later.
            self.pages.store(FINISH_PAGES.saturating_sub(200), Ordering::Relaxed);
        }
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

/// One pass that waits for nobody. True when nothing is left to move.
fn pass(database: &Database, pages: &AtomicU64) -> bool {
    let before = pages.load(Ordering::Relaxed);
    let moved = database.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
    });
    match moved {
        Ok((0, in_log, moved)) if in_log == moved => {
            pages.fetch_sub(before.min(pages.load(Ordering::Relaxed)), Ordering::Relaxed);
            true
        }
        Ok(_) => false,
        Err(error) => {
            tracing::warn!(%error, "the audit log's write-ahead log could not be moved into its file; it grows until that works");
            false
        }
    }
}

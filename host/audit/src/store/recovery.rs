//! What a process that ended left behind: whether anybody else has the log open, from where to look, and
//! which intents have no outcome.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use rusqlite::{Connection as Database, params};

use super::sqlite::stored;
use super::{Kind, StoredRow};
use crate::call_id::CallId;
use crate::error::AuditError;
use crate::private;

/// Held shared by every process that has the log open.
const LOCK_NAME: &str = "audit.lock";

/// A lock that says that this process has the log open. The system takes it back when the process ends,
/// however that happens.
pub(super) struct Presence {
    lock: File,
    alone: bool,
}

impl Presence {
    /// Takes the lock alone if nobody else has it, else with the others.
    pub(super) fn announce(directory: &Path) -> Result<Self, AuditError> {
        let path = directory.join(LOCK_NAME);
        private::file(&path)?;
        let lock = OpenOptions::new().read(true).write(true).open(path).map_err(unavailable)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { lock, alone: true }),
            Err(TryLockError::WouldBlock) => {
                lock.lock_shared().map_err(unavailable)?;
                Ok(Self { lock, alone: false })
            }
            Err(TryLockError::Error(e)) => Err(unavailable(e)),
        }
    }

    /// Whether no other process has the log open, or can open it.
    pub(super) fn is_alone(&self) -> bool {
        self.alone
    }

    /// Lets others in.
    pub(super) fn share(&mut self) -> Result<(), AuditError> {
        if self.alone {
            self.lock.lock_shared().map_err(unavailable)?;
            self.alone = false;
        }
        Ok(())
    }
}

/// Notes that every intent of this writer before `scan_from` has its outcome.
pub(super) fn mark(database: &Database, writer: CallId, scan_from: i64) -> rusqlite::Result<()> {
    let sql = "INSERT INTO writer (id, scan_from) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET scan_from = excluded.scan_from";
    database.prepare_cached(sql)?.execute(params![writer.as_bytes().as_slice(), scan_from])?;
    Ok(())
}

/// The intents without an outcome, oldest first. Reads the log from the oldest note of any writer on.
pub(super) fn open_intents(database: &Database) -> rusqlite::Result<Vec<StoredRow>> {
    let from: Option<i64> = database.query_row("SELECT MIN(scan_from) FROM writer", [], |row| row.get(0))?;
    let sql = "SELECT seq, time_us, kind, call, content FROM record WHERE seq >= ?1 AND kind IN (1, 2) ORDER BY seq";
    let mut statement = database.prepare(sql)?;
    let mut rows = statement.query([from.unwrap_or(0)])?;
    let mut open = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let row = stored(row)?;
        match row.kind {
            Kind::Intent => open.insert(row.call, row),
            _ => open.remove(&row.call),
        };
    }
    let mut open: Vec<_> = open.into_values().collect();
    open.sort_by_key(|row| row.seq);
    Ok(open)
}

fn unavailable(error: std::io::Error) -> AuditError {
    AuditError::unavailable("lock its file", error)
}

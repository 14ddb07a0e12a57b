//! The SQLite backend: one file, one table, a write-ahead log that is synced once per batch.
//!
//! What makes a commit cheap, each measured with `examples/durability.rs`:
//! - a row touches one page: no index but the sequence number, small contents inline;
//! - the write-ahead log is written over blocks that the file already has, so a sync writes data and no
//!   file-system metadata (see `wal.rs`);
//! - the sync is `fdatasync` by this file itself after the commit. SQLite, as it is bundled, would call
//!   `fsync`, which also writes the inode. SQLite runs with `synchronous = NORMAL`, which still syncs
//!   wherever a checkpoint needs it, and leaves out only the sync of a commit: the one made here.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection as Database, OpenFlags, params};

use super::checkpoint::Checkpointer;
use super::recovery::{Presence, mark, open_intents};
use super::wal::Wal;
use super::{AppendError, Kind, NewRow, Reader, Store, StoredRow};
use crate::call_id::CallId;
use crate::error::AuditError;
use crate::private;

/// The database's name in the log's directory.
const FILE_NAME: &str = "audit.db";
/// The newest format of the file that this release knows.
const FORMAT: i64 = 1;
/// How long a write waits for another process's write. A call waits as long, so it is short; a batch
/// takes a few milliseconds even on a slow disk.
const BUSY_TIMEOUT_MS: u64 = 1_000;
/// SQLite's page, in bytes: the block of the common file systems, so that no block is read to be written.
const PAGE_BYTES: u64 = 4096;

const SCHEMA: &str = "
CREATE TABLE record (
    seq INTEGER PRIMARY KEY,
    time_us INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    call BLOB,
    content BLOB NOT NULL
) STRICT;
CREATE TABLE writer (
    id BLOB PRIMARY KEY,
    scan_from INTEGER NOT NULL
) STRICT;
CREATE TRIGGER record_is_never_changed BEFORE UPDATE ON record BEGIN
    SELECT RAISE(ABORT, 'records are only ever added');
END;
CREATE TRIGGER record_is_never_deleted BEFORE DELETE ON record BEGIN
    SELECT RAISE(ABORT, 'records are only ever added');
END;
";

/// The writing side.
pub(crate) struct SqliteStore {
    database: Arc<Mutex<Database>>,
    /// `None` in memory.
    file: Option<FileState>,
    /// Names this writer among the processes that share the file.
    id: CallId,
    next_mark_pages: u64,
}

struct FileState {
    wal: Wal,
    checkpointer: Checkpointer,
    presence: Presence,
    /// A sync failed: what the page cache holds may not reach the disk, whatever a later sync says.
    unsynced: bool,
}

/// The reading side.
pub(crate) struct SqliteReader {
    database: Arc<Mutex<Database>>,
}

impl SqliteStore {
    /// Opens the log in a directory, or makes it.
    pub(crate) fn open(directory: &Path) -> Result<(Self, SqliteReader), AuditError> {
        private::directory(directory)?;
        let path = directory.join(FILE_NAME);
        private::file(&path)?;
        let presence = Presence::announce(directory)?;

        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let database = Database::open_with_flags(&path, flags).map_err(|e| failed("open its file", e))?;
        prepare(&database, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = -1;")?;
        let wal = Wal::open(&path)?;
        let checkpointer = Checkpointer::start(&path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let reader = Database::open_with_flags(&path, flags).map_err(|e| failed("open its file", e))?;
        reader.busy_timeout(Duration::from_millis(BUSY_TIMEOUT_MS)).map_err(|e| failed("open its file", e))?;
        let file = FileState { wal, checkpointer, presence, unsynced: false };
        Ok(Self::with(database, Some(file), Some(reader)))
    }

    /// The same tables in memory: nothing to sync, nothing left afterwards.
    pub(crate) fn in_memory() -> Result<(Self, SqliteReader), AuditError> {
        let database = Database::open_in_memory().map_err(|e| failed("open its memory", e))?;
        prepare(&database, "")?;
        Ok(Self::with(database, None, None))
    }

    fn with(database: Database, file: Option<FileState>, reader: Option<Database>) -> (Self, SqliteReader) {
        let database = Arc::new(Mutex::new(database));
        let reader = reader.map_or_else(|| Arc::clone(&database), |reader| Arc::new(Mutex::new(reader)));
        (Self { database, file, id: CallId::new(), next_mark_pages: 0 }, SqliteReader { database: reader })
    }

    fn insert(&mut self, time_us: i64, rows: &[NewRow], oldest_open: Option<u64>) -> rusqlite::Result<u64> {
        let database = lock(&self.database);
        // One statement is a transaction by itself, and most writes are one record. Unless a transaction was left open:
        // then it would wait for that one's end, and must fail like everything else.
        if let [row] = rows
            && self.next_mark_pages > 0
            && database.is_autocommit()
        {
            return add(&database, time_us, row).map(i64::unsigned_abs);
        }
        // The write lock first: a sequence of numbers without gaps needs nobody in between.
        database.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let done = (|| {
            let mut last = 0;
            for row in rows {
                last = add(&database, time_us, row)?;
            }
            let first = last.saturating_sub(count(rows)).saturating_add(1);
            if self.next_mark_pages == 0 {
                mark(&database, self.id, oldest_open.map_or(first, |open| i64::try_from(open).unwrap_or(first)))?;
            }
            database.prepare_cached("COMMIT")?.execute([])?;
            Ok(first.unsigned_abs())
        })();
        if done.is_err() && !database.is_autocommit() {
            // Nothing of a failed batch may stay; if even this fails, the next BEGIN fails too.
            let _ = database.execute_batch("ROLLBACK");
        }
        done
    }
}

/// Adds one record, and gives its place.
fn add(database: &Database, time_us: i64, row: &NewRow) -> rusqlite::Result<i64> {
    let call = row.call.as_ref().map(|call| call.as_bytes().as_slice());
    database
        .prepare_cached("INSERT INTO record (time_us, kind, call, content) VALUES (?1, ?2, ?3, ?4)")?
        .insert(params![time_us, row.kind as i64, call, row.content])
}

impl Store for SqliteStore {
    fn left_open(&mut self) -> Result<Vec<StoredRow>, AuditError> {
        if self.file.as_ref().is_some_and(|file| !file.presence.is_alone()) {
            return Ok(Vec::new());
        }
        open_intents(&lock(&self.database)).map_err(|e| failed("read its file", e))
    }

    fn start(&mut self) -> Result<(), AuditError> {
        let database = lock(&self.database);
        let alone = self.file.as_ref().is_none_or(|file| file.presence.is_alone());
        let begin = || -> rusqlite::Result<()> {
            if alone {
                database.execute("DELETE FROM writer", [])?;
            }
            let last: Option<i64> = database.query_row("SELECT MAX(seq) FROM record", [], |row| row.get(0))?;
            mark(&database, self.id, last.unwrap_or(0).saturating_add(1))
        };
        begin().map_err(|e| failed("write its file", e))?;
        self.next_mark_pages = super::checkpoint::START_PAGES;
        if let Some(file) = &mut self.file {
            file.wal.sync_all()?;
            // From here on others may come; they must leave our open intents alone.
            file.presence.share()?;
        }
        Ok(())
    }

    fn append(&mut self, time_us: i64, rows: &[NewRow], oldest_open: Option<u64>) -> Result<u64, AppendError> {
        if self.file.as_ref().is_some_and(|file| file.unsynced) {
            // Copies the log's pages into the database, which makes them dirty and syncs them anew.
            let database = lock(&self.database);
            let busy: i64 = database
                .query_row("PRAGMA wal_checkpoint(RESTART)", [], |row| row.get(0))
                .map_err(|e| AppendError::NotWritten(failed("sync its file", e)))?;
            if busy != 0 {
                return Err(AppendError::NotWritten(AuditError::unavailable(
                    "sync its file",
                    "another process is using it",
                )));
            }
            if let Some(file) = &mut self.file {
                file.unsynced = false;
            }
        }
        let first = self
            .insert(time_us, rows, oldest_open)
            .map_err(|e| AppendError::NotWritten(failed("write its file", e)))?;
        if let Some(file) = &mut self.file {
            if let Err(error) = file.wal.sync_batch() {
                file.unsynced = true;
                return Err(AppendError::NotDurable { first, error });
            }
            let bytes: u64 = rows.iter().map(|row| row.content.len() as u64).sum();
            // The last page was there in part and is written again.
            let pages = bytes / PAGE_BYTES + 1;
            file.checkpointer.added(pages);
            self.next_mark_pages = match self.next_mark_pages.saturating_sub(pages) {
                0 if self.next_mark_pages == 0 => super::checkpoint::START_PAGES,
                left => left,
            };
        }
        Ok(first)
    }

    fn upkeep_due(&self) -> bool {
        self.file.as_ref().is_some_and(|file| file.checkpointer.is_due() || file.wal.needs_room())
    }

    fn rest(&mut self) {
        let Some(file) = &mut self.file else { return };
        if file.checkpointer.is_due() {
            file.checkpointer.finish(&lock(&self.database));
        } else if file.wal.needs_room() {
            file.wal.make_room(&lock(&self.database));
        }
    }
}

impl Reader for SqliteReader {
    fn scan_back(&self, visit: &mut dyn FnMut(StoredRow) -> ControlFlow<()>) -> Result<(), AuditError> {
        let database = lock(&self.database);
        let mut scan = || -> rusqlite::Result<()> {
            let mut statement =
                database.prepare_cached("SELECT seq, time_us, kind, call, content FROM record ORDER BY seq DESC")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                if visit(stored(row)?).is_break() {
                    break;
                }
            }
            Ok(())
        };
        scan().map_err(|e| failed("read its file", e))
    }
}

fn prepare(database: &Database, pragmas: &str) -> Result<(), AuditError> {
    let set_up = || -> rusqlite::Result<i64> {
        database.busy_timeout(Duration::from_millis(BUSY_TIMEOUT_MS))?;
        database.execute_batch(&format!(
            "PRAGMA page_size = {PAGE_BYTES}; {pragmas} PRAGMA trusted_schema = OFF; PRAGMA wal_autocheckpoint = 0;"
        ))?;
        let format: i64 = database.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if format != 0 {
            return Ok(format);
        }
        database.execute_batch("BEGIN IMMEDIATE")?;
        // Another process may have made the tables while this one waited for the lock.
        let format: i64 = database.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if format == 0 {
            database.execute_batch(&format!("{SCHEMA} PRAGMA user_version = {FORMAT};"))?;
        }
        database.execute_batch("COMMIT")?;
        Ok(FORMAT)
    };
    match set_up().map_err(|e| failed("open its file", e))? {
        FORMAT => Ok(()),
        found => Err(AuditError::Format { found, known: FORMAT }),
    }
}

pub(super) fn stored(row: &rusqlite::Row<'_>) -> rusqlite::Result<StoredRow> {
    let call: Option<Vec<u8>> = row.get(3)?;
    Ok(StoredRow {
        seq: row.get::<_, i64>(0)?.unsigned_abs(),
        time_us: row.get(1)?,
        kind: match row.get::<_, i64>(2)? {
            1 => Kind::Intent,
            2 => Kind::Outcome,
            3 => Kind::Refusal,
            _ => Kind::Event,
        },
        call: call.and_then(|bytes| bytes.try_into().ok()).map(CallId::from_bytes),
        content: row.get(4)?,
    })
}

fn count(rows: &[NewRow]) -> i64 {
    i64::try_from(rows.len()).unwrap_or(i64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn failed(doing: &'static str, error: rusqlite::Error) -> AuditError {
    AuditError::unavailable(doing, error)
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "a test says what failed by panicking"
    )]
    use std::fs::File;

    use rusqlite::OptionalExtension as _;

    use super::super::contract::{self, row};
    use super::*;

    #[test]
    fn sqlite_holds_the_contract() {
        let directory = tempfile::tempdir().unwrap();
        contract::holds(|| SqliteStore::open(&directory.path().join("log")).unwrap());
    }

    fn open(directory: &Path) -> (SqliteStore, SqliteReader) {
        let (mut store, reader) = SqliteStore::open(&directory.join("log")).unwrap();
        store.start().unwrap();
        (store, reader)
    }

    #[test]
    fn a_full_file_is_an_error_and_leaves_nothing_behind() {
        let directory = tempfile::tempdir().unwrap();
        let (mut store, reader) = open(directory.path());
        lock(&store.database).execute_batch("PRAGMA max_page_count = 12").unwrap();
        let big = "x".repeat(30_000);
        let rows = [row(Kind::Event, None, "small"), row(Kind::Event, None, &big), row(Kind::Event, None, &big)];
        match store.append(1, &rows, None) {
            Err(AppendError::NotWritten(error)) => assert!(error.to_string().contains("full"), "{error}"),
            other => panic!("{other:?}"),
        }
        assert!(contract::all(&reader).is_empty());
        store.append(2, &rows[..1], None).unwrap();
        assert_eq!(contract::all(&reader).len(), 1);
        // One record alone is written by a statement of its own.
        match store.append(3, &[row(Kind::Event, None, &big.repeat(2))], None) {
            Err(AppendError::NotWritten(error)) => assert!(error.to_string().contains("full"), "{error}"),
            other => panic!("{other:?}"),
        }
        store.append(4, &rows[..1], None).unwrap();
        assert_eq!(contract::all(&reader).len(), 2);
    }

    #[test]
    fn a_locked_file_is_an_error_until_it_is_unlocked() {
        let directory = tempfile::tempdir().unwrap();
        let (mut store, _reader) = open(directory.path());
        let other = Database::open(directory.path().join("log").join(FILE_NAME)).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let rows = [row(Kind::Event, None, "e")];
        match store.append(1, &rows, None) {
            Err(AppendError::NotWritten(error)) => assert!(error.to_string().contains("locked"), "{error}"),
            other => panic!("{other:?}"),
        }
        other.execute_batch("ROLLBACK").unwrap();
        store.append(1, &rows, None).unwrap();
    }

    #[test]
    fn records_cannot_be_changed_or_deleted() {
        let directory = tempfile::tempdir().unwrap();
        let (mut store, _reader) = open(directory.path());
        store.append(1, &[row(Kind::Event, None, "e")], None).unwrap();
        let database = lock(&store.database);
        assert!(database.execute("UPDATE record SET content = x'00'", []).is_err());
        assert!(database.execute("DELETE FROM record", []).is_err());
    }

    #[test]
    fn a_failed_sync_is_repaired_before_the_next_record() {
        let directory = tempfile::tempdir().unwrap();
        let (mut store, reader) = open(directory.path());
        // A pipe cannot be synced: the sync of the next batch fails.
        let (_keep, pipe) = std::io::pipe().unwrap();
        let pipe = File::from(std::os::fd::OwnedFd::from(pipe));
        let wal = store.file.as_mut().unwrap().wal.replace_file(pipe);
        let rows = [row(Kind::Event, None, "e")];
        assert!(matches!(store.append(1, &rows, None), Err(AppendError::NotDurable { first: 1, .. })));
        store.file.as_mut().unwrap().wal.replace_file(wal);
        store.append(2, &rows, None).unwrap();
        assert!(!store.file.as_ref().unwrap().unsynced);
        assert_eq!(contract::all(&reader).len(), 2);
    }

    #[test]
    fn the_write_ahead_log_does_not_outgrow_its_room() {
        let directory = tempfile::tempdir().unwrap();
        let (mut store, reader) = open(directory.path());
        let content = "x".repeat(6_000);
        for at in 0..4_000 {
            store.append(at, &[row(Kind::Event, None, &content)], None).unwrap();
            if store.upkeep_due() {
                store.rest();
            }
        }
        let wal = std::fs::metadata(directory.path().join("log").join("audit.db-wal")).unwrap().len();
        assert!(wal <= super::super::wal::WAL_BYTES * 3 / 2, "{wal} bytes");
        assert_eq!(contract::all(&reader).len(), 4_000);
        let marks: i64 =
            lock(&store.database).query_row("SELECT MAX(scan_from) FROM writer", [], |row| row.get(0)).unwrap();
        assert!(marks > 1_000, "the search for open intents starts near the end: {marks}");
    }

    #[test]
    fn few_records_need_no_room_and_many_get_it() {
        let directory = tempfile::tempdir().unwrap();
        let length = || std::fs::metadata(directory.path().join("log").join("audit.db-wal")).unwrap().len();
        let content = "x".repeat(2_000);
        {
            let (mut store, reader) = open(directory.path());
            for at in 0..10 {
                store.append(at, &[row(Kind::Event, None, &content)], None).unwrap();
                assert!(!store.upkeep_due(), "a command that records this little writes no more than that");
            }
            assert!(length() < 512 * 1024, "{} bytes", length());
            let mut rests = 0;
            for at in 10..200 {
                store.append(at, &[row(Kind::Event, None, &content)], None).unwrap();
                if store.upkeep_due() {
                    store.rest();
                    rests += 1;
                }
            }
            assert!(rests > 8, "the room is made piece by piece: {rests}");
            assert!(!store.upkeep_due());
            assert_eq!(length(), super::super::wal::WAL_BYTES);
            assert_eq!(contract::all(&reader).len(), 200);
            // Another process reads the same log, and finds that no record is hidden behind the zeros.
            let (_other, reader) = SqliteStore::open(&directory.path().join("log")).unwrap();
            assert_eq!(contract::all(&reader).len(), 200);
        }
        assert_eq!(contract::all(&open(directory.path()).1).len(), 200);
    }

    #[test]
    fn everything_in_the_directory_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        {
            let (mut store, _reader) = open(directory.path());
            store.append(1, &[row(Kind::Event, None, "e")], None).unwrap();
            let mut names = Vec::new();
            for entry in std::fs::read_dir(&log).unwrap() {
                let entry = entry.unwrap();
                assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{entry:?}");
                names.push(entry.file_name().into_string().unwrap());
            }
            names.sort();
            assert_eq!(names, ["audit.db", "audit.db-shm", "audit.db-wal", "audit.lock"]);
        }
        std::fs::set_permissions(log.join(FILE_NAME), PermissionsExt::from_mode(0o640)).unwrap();
        let error = SqliteStore::open(&log).err().unwrap();
        assert_eq!(error.code(), "audit_permissions");
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }

    #[test]
    fn a_newer_format_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        drop(open(directory.path()));
        let path = directory.path().join("log").join(FILE_NAME);
        Database::open(&path).unwrap().execute_batch("PRAGMA user_version = 2").unwrap();
        assert_eq!(SqliteStore::open(&directory.path().join("log")).err().unwrap().code(), "audit_format");
        let format: Option<i64> =
            Database::open(&path).unwrap().query_row("PRAGMA user_version", [], |row| row.get(0)).optional().unwrap();
        assert_eq!(format, Some(2));
    }
}

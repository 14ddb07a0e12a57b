//! The SQLite backend: one file, write-ahead log, full sync, erased rows overwritten.
//!
//! One connection writes; a few read, each from its own snapshot, so that a read never waits for a write.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection as Database, OpenFlags, OptionalExtension as _, Row, params};

use super::memory::{Memory, Rows};
use super::{ApiKeyRow, ConnectionRow, Storage};
use crate::connection::{ConnectionKey, Status};
use crate::error::VaultError;
use crate::private;
use crate::seal::Sealed;

/// The newest format of the file that this release knows.
const FORMAT: i64 = 1;
/// How long a write waits for another process's write. Longer than any write of ours takes.
const BUSY_TIMEOUT_MS: u64 = 2_000;
/// How long a scrub waits for readers, holding up writes meanwhile. Whoever scrubs tries again later.
const SCRUB_BUSY_TIMEOUT_MS: u64 = 50;
/// Readers kept open: one per core of a large machine; more are opened and closed as needed.
const MAX_IDLE_READERS: usize = 16;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS key (
    id TEXT NOT NULL PRIMARY KEY,
    check_value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS connection (
    tenant TEXT NOT NULL,
    user TEXT NOT NULL,
    connector TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    status INTEGER NOT NULL,
    created_us INTEGER NOT NULL,
    updated_us INTEGER NOT NULL,
    details BLOB NOT NULL,
    key_id TEXT REFERENCES key (id),
    wrapped_key BLOB,
    secret BLOB,
    PRIMARY KEY (tenant, user, connector, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS api_key (
    id TEXT NOT NULL PRIMARY KEY,
    hash BLOB NOT NULL,
    tenant TEXT NOT NULL,
    user TEXT NOT NULL,
    label TEXT NOT NULL,
    tools TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    expires_us INTEGER,
    last_used_us INTEGER,
    revoked_us INTEGER,
    seal BLOB NOT NULL
) STRICT, WITHOUT ROWID;
";

const CONNECTION_COLUMNS: &str =
    "connector, name, version, status, created_us, updated_us, details, key_id, wrapped_key, secret";
const API_KEY_COLUMNS: &str =
    "id, hash, tenant, user, label, tools, created_us, expires_us, last_used_us, revoked_us, seal";

pub(crate) struct Sqlite {
    writer: Mutex<Database>,
    /// `None` in memory, where only one connection can see the database.
    readers: Option<Readers>,
    memory: Memory,
}

struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Database>>,
}

impl Sqlite {
    /// Opens the file, which must exist (empty on the first run) and be private.
    pub(crate) fn open(path: &Path) -> Result<Self, VaultError> {
        let writer =
            Database::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
                .map_err(|e| failed("open its database", &e))?;
        prepare(&writer)?;
        // SQLite gives its side files the database's own mode; what somebody widened since is refused.
        let beside = |suffix| {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            PathBuf::from(name)
        };
        for side in ["-wal", "-shm"].map(beside) {
            if side.exists() {
                private::check_file(&side)?;
            }
        }
        let memory = Memory::open(&beside("-mark"))?;
        let readers = Readers { path: path.to_owned(), idle: Mutex::new(Vec::new()) };
        Ok(Self { writer: Mutex::new(writer), readers: Some(readers), memory })
    }

    pub(crate) fn in_memory() -> Result<Self, VaultError> {
        let writer = Database::open_in_memory().map_err(|e| failed("open its database", &e))?;
        prepare(&writer)?;
        Ok(Self { writer: Mutex::new(writer), readers: None, memory: Memory::none() })
    }

    fn read<T>(&self, read: impl FnOnce(&Database) -> rusqlite::Result<T>) -> Result<T, VaultError> {
        let failed = |e| failed("read its database", &e);
        let Some(readers) = &self.readers else {
            return read(&lock(&self.writer)).map_err(failed);
        };
        let idle = lock(&readers.idle).pop();
        let reader = idle.map_or_else(|| readers.open(), Ok).map_err(failed)?;
        let answer = read(&reader).map_err(failed)?;
        let mut idle = lock(&readers.idle);
        if idle.len() < MAX_IDLE_READERS {
            idle.push(reader);
        }
        Ok(answer)
    }

    /// Writes. When this returns well, no process believes what it read before; this one never does.
    fn write<T>(&self, write: impl FnOnce(&Database) -> rusqlite::Result<T>) -> Result<T, VaultError> {
        self.memory.change(|| write(&lock(&self.writer)).map_err(|e| failed("write its database", &e)))
    }

    fn read_connection(&self, key: &ConnectionKey) -> Result<Option<ConnectionRow>, VaultError> {
        self.read(|db| {
            db.prepare_cached(concat!(
                "SELECT version, status, created_us, updated_us, details, key_id, wrapped_key, secret FROM connection ",
                "WHERE tenant = ?1 AND user = ?2 AND connector = ?3 AND name = ?4"
            ))?
            .query_row(params![key.tenant.as_str(), key.user.as_str(), key.connector, key.name], |row| {
                connection_row(key.clone(), row, 0)
            })
            .optional()
        })
    }

    fn read_api_key(&self, id: &str) -> Result<Option<ApiKeyRow>, VaultError> {
        self.read(|db| {
            db.prepare_cached(concat!(
                "SELECT id, hash, tenant, user, label, tools, created_us, expires_us, last_used_us, revoked_us, seal ",
                "FROM api_key WHERE id = ?1"
            ))?
            .query_row([id], api_key_row)
            .optional()
        })
    }
}

impl Readers {
    fn open(&self) -> rusqlite::Result<Database> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let reader = Database::open_with_flags(&self.path, flags)?;
        reader.busy_timeout(Duration::from_millis(BUSY_TIMEOUT_MS))?;
        Ok(reader)
    }
}

impl Storage for Sqlite {
    fn key_check(&self) -> Result<Option<(String, Vec<u8>)>, VaultError> {
        self.read(|db| {
            db.query_row("SELECT id, check_value FROM key LIMIT 1", [], |row| Ok((row.get(0)?, row.get(1)?))).optional()
        })
    }

    fn set_key_check(&self, id: &str, check: &[u8]) -> Result<(), VaultError> {
        let sql = "INSERT INTO key (id, check_value) SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM key)";
        match self.write(|db| db.execute(sql, params![id, check]))? {
            1 => Ok(()),
            // Somebody else set the vault up in the same moment; whoever was second looks again.
            _ => Err(VaultError::unavailable("set up its database", "another process did so just now; start again")),
        }
    }

    fn connection(&self, key: &ConnectionKey) -> Result<Option<ConnectionRow>, VaultError> {
        self.memory.recall(Rows::connections, key, Clone::clone, || self.read_connection(key))
    }

    fn standing(&self, key: &ConnectionKey) -> Result<Option<(Status, u64)>, VaultError> {
        self.memory.recall(Rows::connections, key, |row| (row.status, row.version), || self.read_connection(key))
    }

    fn connections(&self, tenant: &str, user: &str) -> Result<Vec<ConnectionRow>, VaultError> {
        let whose = |what: &'static str| VaultError::Invalid { what, problem: "cannot be an identity".to_owned() };
        let tenant_id = tenant.parse().map_err(|_| whose("the tenant"))?;
        let user_id = user.parse().map_err(|_| whose("the user"))?;
        self.read(|db| {
            let sql = format!(
                "SELECT {CONNECTION_COLUMNS} FROM connection WHERE tenant = ?1 AND user = ?2 ORDER BY connector, name"
            );
            db.prepare_cached(&sql)?
                .query_map(params![tenant, user], |row| {
                    let key = ConnectionKey {
                        tenant: Clone::clone(&tenant_id),
                        user: Clone::clone(&user_id),
                        connector: row.get(0)?,
                        name: row.get(1)?,
                    };
                    connection_row(key, row, 2)
                })?
                .collect()
        })
    }

    fn put_connection(&self, row: &ConnectionRow, replaces: Option<u64>) -> Result<bool, VaultError> {
        let sealed = row.sealed.as_ref();
        let (sql, replaces) = match replaces {
            None => (
                "INSERT INTO connection (tenant, user, connector, name, version, status, created_us, updated_us, details, key_id, wrapped_key, secret)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT DO NOTHING",
                None,
            ),
            Some(version) => (
                "UPDATE connection SET version = ?5, status = ?6, created_us = ?7, updated_us = ?8, details = ?9,
                 key_id = ?10, wrapped_key = ?11, secret = ?12
                 WHERE tenant = ?1 AND user = ?2 AND connector = ?3 AND name = ?4 AND version = ?13",
                Some(version),
            ),
        };
        let changed = self.write(|db| {
            let mut statement = db.prepare_cached(sql)?;
            let fields = params![
                row.key.tenant.as_str(),
                row.key.user.as_str(),
                row.key.connector,
                row.key.name,
                signed(row.version),
                status_number(row.status),
                row.created_us,
                row.updated_us,
                row.details,
                sealed.map(|sealed| &sealed.key_id),
                sealed.map(|sealed| &sealed.wrapped_key),
                sealed.map(|sealed| &sealed.secret),
            ];
            match replaces {
                None => statement.execute(fields),
                Some(version) => {
                    let version = signed(version);
                    let fields: Vec<&dyn rusqlite::ToSql> =
                        fields.iter().copied().chain([&version as &dyn rusqlite::ToSql]).collect();
                    statement.execute(fields.as_slice())
                }
            }
        })?;
        Ok(changed == 1)
    }

    fn disconnect(&self, key: &ConnectionKey, at_us: i64) -> Result<bool, VaultError> {
        let changed = self.write(|db| {
            db.execute(
                "UPDATE connection SET status = ?5, updated_us = ?6, version = version + 1, key_id = NULL, wrapped_key = NULL, secret = NULL
                 WHERE tenant = ?1 AND user = ?2 AND connector = ?3 AND name = ?4 AND status <> ?5",
                params![
                    key.tenant.as_str(),
                    key.user.as_str(),
                    key.connector,
                    key.name,
                    status_number(Status::Disconnected),
                    at_us
                ],
            )
        })?;
        Ok(changed == 1)
    }

    fn insert_api_key(&self, row: &ApiKeyRow) -> Result<(), VaultError> {
        let sql =
            format!("INSERT INTO api_key ({API_KEY_COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)");
        self.write(|db| {
            db.execute(
                &sql,
                params![
                    row.id,
                    row.hash,
                    row.tenant,
                    row.user,
                    row.label,
                    row.tools,
                    row.created_us,
                    row.expires_us,
                    row.last_used_us,
                    row.revoked_us,
                    row.seal
                ],
            )
        })?;
        Ok(())
    }

    fn api_key(&self, id: &str) -> Result<Option<ApiKeyRow>, VaultError> {
        self.memory.recall(Rows::api_keys, &id.to_owned(), Clone::clone, || self.read_api_key(id))
    }

    fn api_keys(&self) -> Result<Vec<ApiKeyRow>, VaultError> {
        let sql = format!("SELECT {API_KEY_COLUMNS} FROM api_key ORDER BY created_us, id");
        self.read(|db| db.prepare_cached(&sql)?.query_map([], api_key_row)?.collect())
    }

    fn revoke_api_key(&self, id: &str, at_us: i64) -> Result<bool, VaultError> {
        let sql = "UPDATE api_key SET revoked_us = ?2, hash = x'', seal = x'' WHERE id = ?1 AND revoked_us IS NULL";
        Ok(self.write(|db| db.execute(sql, params![id, at_us]))? == 1)
    }

    fn touch_api_key(&self, id: &str, at_us: i64) -> Result<(), VaultError> {
        self.write(|db| db.execute("UPDATE api_key SET last_used_us = ?2 WHERE id = ?1", params![id, at_us]))?;
        Ok(())
    }

    fn scrub(&self) -> Result<(), VaultError> {
        // The write-ahead log still holds the erased row's page; moving the log into the database and
        // cutting it to nothing takes the last copy of the ciphertext away. SQLite does that only when
        // nobody reads from the log, and says so in the first column rather than by an error.
        let busy: i64 = self.write(|db| {
            db.busy_timeout(Duration::from_millis(SCRUB_BUSY_TIMEOUT_MS))?;
            let busy = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
            db.busy_timeout(Duration::from_millis(BUSY_TIMEOUT_MS))?;
            busy
        })?;
        match busy {
            0 => Ok(()),
            _ => Err(VaultError::unavailable("scrub its write-ahead log", "another connection is using it")),
        }
    }
}

fn prepare(db: &Database) -> Result<(), VaultError> {
    let set_up = || -> rusqlite::Result<i64> {
        db.busy_timeout(Duration::from_millis(BUSY_TIMEOUT_MS))?;
        db.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;
             PRAGMA trusted_schema = OFF;",
        )?;
        let format: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if format == 0 {
            db.execute_batch(&format!("BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {FORMAT}; COMMIT;"))?;
            return Ok(FORMAT);
        }
        Ok(format)
    };
    match set_up().map_err(|e| failed("open its database", &e))? {
        FORMAT => Ok(()),
        found => Err(VaultError::Format { found, known: FORMAT }),
    }
}

/// The columns from `version` on, which start at column `at`.
fn connection_row(key: ConnectionKey, row: &Row<'_>, at: usize) -> rusqlite::Result<ConnectionRow> {
    let key_id: Option<String> = row.get(at + 5)?;
    let sealed = match key_id {
        Some(key_id) => Some(Sealed { key_id, wrapped_key: row.get(at + 6)?, secret: row.get(at + 7)? }),
        None => None,
    };
    Ok(ConnectionRow {
        key,
        version: row.get::<_, i64>(at)?.unsigned_abs(),
        status: status_from(row.get(at + 1)?),
        created_us: row.get(at + 2)?,
        updated_us: row.get(at + 3)?,
        details: row.get(at + 4)?,
        sealed,
    })
}

fn api_key_row(row: &Row<'_>) -> rusqlite::Result<ApiKeyRow> {
    Ok(ApiKeyRow {
        id: row.get(0)?,
        hash: row.get(1)?,
        tenant: row.get(2)?,
        user: row.get(3)?,
        label: row.get(4)?,
        tools: row.get(5)?,
        created_us: row.get(6)?,
        expires_us: row.get(7)?,
        last_used_us: row.get(8)?,
        revoked_us: row.get(9)?,
        seal: row.get(10)?,
    })
}

fn status_number(status: Status) -> i64 {
    match status {
        Status::Pending => 0,
        Status::Active => 1,
        Status::Expired => 2,
        Status::Disconnected => 3,
    }
}

/// A number that we never wrote means a status that must not be used.
fn status_from(number: i64) -> Status {
    match number {
        0 => Status::Pending,
        1 => Status::Active,
        2 => Status::Expired,
        _ => Status::Disconnected,
    }
}

/// Versions count from one by one; none reaches 2^63.
fn signed(version: u64) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A connection is as good after a panic as before: SQLite keeps no half-done statement of ours.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn failed(doing: &'static str, error: &rusqlite::Error) -> VaultError {
    VaultError::unavailable(doing, error)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;

    #[test]
    fn a_scrub_that_somebody_is_in_the_way_of_says_so() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("vault.db");
        private::file(&path).unwrap();
        let storage = Sqlite::open(&path).unwrap();
        storage.set_key_check("key", b"check").unwrap();
        let other = Database::open(&path).unwrap();
        other.execute_batch("BEGIN; SELECT COUNT(*) FROM key").unwrap();
        let _: i64 = other.query_row("SELECT COUNT(*) FROM key", [], |row| row.get(0)).unwrap();
        assert_eq!(storage.scrub().unwrap_err().code(), "vault_unavailable");
        other.execute_batch("COMMIT").unwrap();
        storage.scrub().unwrap();
        assert_eq!(std::fs::metadata(directory.path().join("vault.db-wal")).unwrap().len(), 0);
    }
}

//! Rows that were read before, for as long as nothing was written since: a call asks for the same row several times,
//! and a database takes longer to say "unchanged" than everything else that the vault does for a request.
//!
//! Every writer, in whatever process, replaces the mark when its write is done and before it says so. Whoever has read
//! a mark, then rows, and finds the same mark again, knows that no write has ended in between. What stays here is as
//! the database has it: secrets are sealed.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::hash::Hash;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::rand;

use super::{ApiKeyRow, ConnectionRow};
use crate::connection::ConnectionKey;
use crate::error::VaultError;
use crate::private;

/// Bytes of a mark: drawn at random, two are never the same.
const MARK_BYTES: usize = 16;
/// How long rows are believed without a look into the database, in milliseconds. It only matters where a writer was
/// killed between its write and its mark, or could not write the mark, or somebody took the mark's file away.
const BELIEVED_MS: u64 = 1_000;
/// Most rows of a kind. When there are more, all are forgotten.
const MAX_ROWS: usize = 1_024;
/// Largest row that is remembered, in bytes. Usual ones have a few hundred; with [`MAX_ROWS`] this bounds the memory to
/// some ten megabytes.
const MAX_ROW_BYTES: usize = 4_096;

type Mark = [u8; MARK_BYTES];

/// A row that may be remembered.
pub(crate) trait Remembered {
    /// About how much memory it takes, in bytes.
    fn bytes(&self) -> usize;
}

impl Remembered for ConnectionRow {
    fn bytes(&self) -> usize {
        let sealed = self.sealed.as_ref().map_or(0, |sealed| sealed.wrapped_key.len() + sealed.secret.len());
        self.details.len() + sealed
    }
}

impl Remembered for ApiKeyRow {
    fn bytes(&self) -> usize {
        self.label.len() + self.tools.len()
    }
}

/// The mark's file, and what was read since it last changed.
pub(crate) struct Memory {
    /// `None` in memory, where reading is quick: then nothing is remembered.
    file: Option<File>,
    rows: Mutex<Rows>,
}

/// Rows by their keys, and the mark that was read before them.
pub(crate) struct Rows {
    mark: Mark,
    since: Instant,
    /// Writes of this process that have begun and not yet marked.
    writing: usize,
    connections: HashMap<ConnectionKey, ConnectionRow>,
    api_keys: HashMap<String, ApiKeyRow>,
}

impl Rows {
    fn new() -> Self {
        Self {
            mark: [0; MARK_BYTES],
            since: Instant::now(),
            writing: 0,
            connections: HashMap::new(),
            api_keys: HashMap::new(),
        }
    }

    /// Forgets all rows. Those that are read from now on belong to this mark.
    fn begin(&mut self, mark: Mark) {
        *self = Self { mark, writing: self.writing, ..Self::new() };
    }

    pub(crate) fn connections(&mut self) -> &mut HashMap<ConnectionKey, ConnectionRow> {
        &mut self.connections
    }

    pub(crate) fn api_keys(&mut self) -> &mut HashMap<String, ApiKeyRow> {
        &mut self.api_keys
    }

    fn is_believed(&self, mark: &Mark) -> bool {
        self.mark == *mark && self.since.elapsed() < Duration::from_millis(BELIEVED_MS)
    }
}

impl Memory {
    /// Opens the mark's file, or makes it. It must be private, as the vault's other files.
    pub(crate) fn open(path: &Path) -> Result<Self, VaultError> {
        private::file(path)?;
        let file = OpenOptions::new().read(true).write(true).open(path);
        let file = file.map_err(|error| VaultError::unavailable("open the mark of its last change", error))?;
        let memory = Self { file: Some(file), ..Self::none() };
        if memory.mark().is_none() {
            memory.mark_anew()?;
        }
        Ok(memory)
    }

    /// One that remembers nothing.
    pub(crate) fn none() -> Self {
        Self { file: None, rows: Mutex::new(Rows::new()) }
    }

    /// What `take` makes of a row that is remembered, or else of the row that `read` gives, which is remembered then.
    pub(crate) fn recall<K: Hash + Eq + Clone, R: Remembered, T>(
        &self,
        of: fn(&mut Rows) -> &mut HashMap<K, R>,
        key: &K,
        take: impl FnOnce(&R) -> T,
        read: impl FnOnce() -> Result<Option<R>, VaultError>,
    ) -> Result<Option<T>, VaultError> {
        // Before anything is read: what is read then is no older than the mark.
        let mut begun = None;
        if let Some(mark) = self.mark() {
            let mut rows = self.rows();
            if !rows.is_believed(&mark) {
                rows.begin(mark);
            }
            if let Some(row) = of(&mut rows).get(key) {
                return Ok(Some(take(row)));
            }
            // While this process writes, some have seen the outcome before it is marked; they must not be told of the
            // time before it by what others have just read.
            begun = (rows.writing == 0).then_some((rows.mark, rows.since));
        }
        let Some(row) = read()? else { return Ok(None) };
        let taken = take(&row);
        let mut rows = self.rows();
        // Another thread may have begun anew meanwhile; this row may be too old for that.
        if begun == Some((rows.mark, rows.since)) && row.bytes() <= MAX_ROW_BYTES {
            let rows = of(&mut rows);
            if rows.len() >= MAX_ROWS {
                rows.clear();
            }
            rows.insert(key.clone(), row);
        }
        Ok(Some(taken))
    }

    /// Writes, and tells everybody that something was written before anybody hears so.
    pub(crate) fn change<T>(&self, write: impl FnOnce() -> Result<T, VaultError>) -> Result<T, VaultError> {
        let mut rows = self.rows();
        rows.writing += 1;
        rows.begin([0; MARK_BYTES]);
        drop(rows);
        let written = write();
        // Also after an error, which does not always mean that nothing was written.
        let marked = self.mark_anew();
        // Whatever became of the mark, this process knows.
        let mut rows = self.rows();
        rows.writing = rows.writing.saturating_sub(1);
        rows.begin([0; MARK_BYTES]);
        drop(rows);
        written.and_then(|written| marked.map(|()| written))
    }

    fn mark_anew(&self) -> Result<(), VaultError> {
        let Some(file) = &self.file else { return Ok(()) };
        let failed = |error: &dyn std::fmt::Display| VaultError::unavailable("mark that it has changed", error);
        let mut mark = [0; MARK_BYTES];
        rand::fill(&mut mark).map_err(|_| failed(&"the system gave no random bytes"))?;
        put(file, &mark).map_err(|error| failed(&error))
    }

    /// The mark as it is now. Without one nothing is believed.
    fn mark(&self) -> Option<Mark> {
        self.file.as_ref().and_then(|file| get(file).ok())
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(unix)]
fn get(file: &File) -> std::io::Result<Mark> {
    let mut mark = [0; MARK_BYTES];
    std::os::unix::fs::FileExt::read_exact_at(file, &mut mark, 0)?;
    Ok(mark)
}

#[cfg(unix)]
fn put(file: &File, mark: &Mark) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, mark, 0)
}

/// Where reading moves the place to write at, there is no mark, and every row is read anew.
#[cfg(not(unix))]
fn get(_file: &File) -> std::io::Result<Mark> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(not(unix))]
fn put(_file: &File, _mark: &Mark) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;

    fn row(label: &str) -> ApiKeyRow {
        ApiKeyRow {
            id: "1".to_owned(),
            hash: Vec::new(),
            tenant: "acme".to_owned(),
            user: "kim".to_owned(),
            label: label.to_owned(),
            tools: String::new(),
            created_us: 0,
            expires_us: None,
            last_used_us: None,
            revoked_us: None,
            seal: Vec::new(),
        }
    }

    fn recalled(memory: &Memory, now: &str) -> String {
        let label = |row: &ApiKeyRow| row.label.clone();
        memory.recall(Rows::api_keys, &"1".to_owned(), label, || Ok(Some(row(now)))).unwrap().unwrap()
    }

    #[test]
    fn a_row_is_read_once_until_something_is_written_and_a_large_one_each_time() {
        let directory = tempfile::tempdir().unwrap();
        let memory = Memory::open(&directory.path().join("mark")).unwrap();
        assert_eq!(recalled(&memory, "first"), "first");
        assert_eq!(recalled(&memory, "second"), "first");
        memory.change(|| Ok(())).unwrap();
        assert_eq!(recalled(&memory, "third"), "third");
        memory.change(|| Ok(())).unwrap();
        let large = ["a", "b"].map(|letter| letter.repeat(MAX_ROW_BYTES + 1));
        assert_eq!(large.each_ref().map(|large| recalled(&memory, large)), large);
    }

    #[test]
    fn while_this_process_writes_every_row_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let memory = Memory::open(&directory.path().join("mark")).unwrap();
        assert_eq!(recalled(&memory, "before"), "before");
        let during = memory.change(|| Ok([recalled(&memory, "first"), recalled(&memory, "second")]));
        assert_eq!(during.unwrap(), ["first", "second"]);
        assert_eq!(recalled(&memory, "after"), "after");
    }

    #[test]
    fn a_mark_that_cannot_be_written_is_an_error_and_this_process_knows_all_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("mark");
        drop(Memory::open(&path).unwrap());
        let memory = Memory { file: Some(File::open(&path).unwrap()), ..Memory::none() };
        assert_eq!(recalled(&memory, "before"), "before");
        assert_eq!(memory.change(|| Ok(())).unwrap_err().code(), "vault_unavailable");
        assert_eq!(recalled(&memory, "after"), "after");
    }
}

//! The write-ahead log as a file: synced after each batch, and given its room on disk once it is clear that
//! there is much to record.
//!
//! A sync of blocks that the file already has writes data and no file-system metadata, so it is cheaper.
//! Making those blocks costs 8 MiB of writing, which a command that records two or three events never gets
//! back, so the first batches do without. The room is made in pieces on the writer's thread, between two
//! batches, so that whoever comes meanwhile waits for one piece at most.

use std::fs::{File, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use rusqlite::Connection as Database;

use crate::error::AuditError;
use crate::private;

/// Bytes that the write-ahead log gets on disk: room for about 2,000 pages, twice what starts a checkpoint.
pub(crate) const WAL_BYTES: u64 = 8 * 1024 * 1024;
/// Bytes of one piece of it: with its sync about a millisecond.
const PIECE_BYTES: u64 = 256 * 1024;
/// Batches without room, more than any command but a server makes.
const BATCHES_WITHOUT_ROOM: u32 = 48;

/// The write-ahead log of an open database.
pub(crate) struct Wal {
    file: File,
    /// Batches until the room is made; none when it is there, or cannot be had.
    until_room: Option<u32>,
}

impl Wal {
    /// Opens the log of a database that has been read from or written to: since then its log is there, and
    /// stays as long as a connection is open.
    pub(crate) fn open(database: &Path) -> Result<Self, AuditError> {
        let mut name = database.as_os_str().to_owned();
        name.push("-wal");
        let name = PathBuf::from(name);
        private::file(&name)?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&name)
            .map_err(|e| AuditError::unavailable("open its file", e))?;
        Ok(Self { file, until_room: Some(BATCHES_WITHOUT_ROOM) })
    }

    /// Makes durable what was written, and the file's being there.
    pub(crate) fn sync_all(&self) -> Result<(), AuditError> {
        self.file.sync_all().map_err(|e| AuditError::unavailable("sync its file", e))
    }

    /// Makes a batch durable.
    pub(crate) fn sync_batch(&mut self) -> Result<(), AuditError> {
        self.until_room = self.until_room.map(|batches| batches.saturating_sub(1));
        self.file.sync_data().map_err(|e| AuditError::unavailable("sync its file", e))
    }

    /// Whether [`Wal::make_room`] has something to do.
    pub(crate) fn needs_room(&self) -> bool {
        self.until_room == Some(0)
    }

    /// Makes one piece of the room. What cannot be had is done without: syncs cost more then.
    pub(crate) fn make_room(&mut self, database: &Database) {
        match self.add_piece(database) {
            Ok(true) => {}
            Ok(false) => self.until_room = None,
            Err(reason) => {
                self.until_room = None;
                tracing::warn!(%reason, "the audit log got no room ahead; each record takes a little longer");
            }
        }
    }

    /// Writes zeros after the log's end, which SQLite takes for the end of the log (no frame has a zero
    /// salt). Done under the write lock, so that nobody writes there meanwhile. False when it is long enough.
    fn add_piece(&mut self, database: &Database) -> Result<bool, String> {
        database.execute_batch("BEGIN IMMEDIATE").map_err(|e| e.to_string())?;
        let added = (|| {
            let length = self.file.metadata()?.len();
            let piece = WAL_BYTES.saturating_sub(length).min(PIECE_BYTES);
            if piece > 0 {
                self.file.seek(SeekFrom::Start(length))?;
                self.file.write_all(&vec![0; usize::try_from(piece).unwrap_or(0)])?;
                // Here, so that no caller's sync has these bytes to write.
                self.file.sync_all()?;
            }
            Ok(length.saturating_add(piece) < WAL_BYTES)
        })();
        let ended = database.execute_batch("ROLLBACK");
        let added = added.map_err(|e: std::io::Error| e.to_string())?;
        ended.map_err(|e| e.to_string())?;
        Ok(added)
    }

    /// Puts another file in its place, as only a test may, and gives the first back.
    #[cfg(test)]
    pub(crate) fn replace_file(&mut self, file: File) -> File {
        std::mem::replace(&mut self.file, file)
    }
}

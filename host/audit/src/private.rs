//! Files for their owner alone: made with mode 0600 in directories of 0700, refused when they are wider.
//!
//! The vault has a longer file of this name with errors of its own. The two crates share only
//! `toolkeep-policy`, which touches no files, and neither should depend on the other for forty lines.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::ErrorKind;
use std::path::Path;

use crate::error::AuditError;

/// The mode of a private directory.
const DIRECTORY_MODE: u32 = 0o700;
/// The mode of a private file.
const FILE_MODE: u32 = 0o600;

/// Makes the directory if there is none, and refuses one that others can enter.
pub(crate) fn directory(path: &Path) -> Result<(), AuditError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, DIRECTORY_MODE);
    builder.create(path).map_err(|e| AuditError::unavailable("make its directory", e))?;
    check(path, DIRECTORY_MODE)
}

/// Makes an empty private file unless it is there, and refuses one that others can open.
pub(crate) fn file(path: &Path) -> Result<(), AuditError> {
    match create(path) {
        Ok(_) => Ok(()),
        Err(e) if e.kind() == ErrorKind::AlreadyExists => check(path, FILE_MODE),
        Err(e) => Err(AuditError::unavailable("make its file", e)),
    }
}

/// Makes a private file that must not exist yet.
fn create(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, FILE_MODE);
    options.open(path)
}

#[cfg(unix)]
fn check(path: &Path, wanted: u32) -> Result<(), AuditError> {
    use std::os::unix::fs::PermissionsExt;
    let mode =
        fs::metadata(path).map_err(|e| AuditError::unavailable("look at its files", e))?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(AuditError::Permissions { path: path.to_owned(), mode, wanted });
    }
    Ok(())
}

#[cfg(not(unix))]
fn check(path: &Path, _wanted: u32) -> Result<(), AuditError> {
    fs::metadata(path).map(|_| ()).map_err(|e| AuditError::unavailable("look at its files", e))
}

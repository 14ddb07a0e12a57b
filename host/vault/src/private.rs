//! Files for their owner alone: made with mode 0600 in directories of 0700, refused when they are wider.
//!
//! The audit log has a shorter file of this name with errors of its own. The two crates share only
//! `toolkeep-policy`, which touches no files, and neither should depend on the other for forty lines.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use aws_lc_rs::rand;

use crate::error::VaultError;

/// The mode of a private directory.
const DIRECTORY_MODE: u32 = 0o700;
/// The mode of a private file.
const FILE_MODE: u32 = 0o600;

/// Makes the directory if there is none, and refuses one that others can enter.
pub(crate) fn directory(path: &Path) -> Result<(), VaultError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, DIRECTORY_MODE);
    builder.create(path).map_err(|e| VaultError::unavailable("make its directory", e))?;
    check(path, DIRECTORY_MODE)
}

/// Makes an empty private file unless it is there, and refuses one that others can open.
pub(crate) fn file(path: &Path) -> Result<(), VaultError> {
    match create(path) {
        Ok(_) => Ok(()),
        Err(e) if e.kind() == ErrorKind::AlreadyExists => check(path, FILE_MODE),
        Err(e) => Err(VaultError::unavailable("make its file", e)),
    }
}

/// Makes a private file with these contents that must not exist yet: durable and whole when this returns,
/// and never there in part, whatever happens meanwhile. The file system must have hard links.
///
/// # Errors
/// `AlreadyExists` when a file is there, which stays as it is.
pub(crate) fn create_whole(path: &Path, contents: &[u8]) -> std::io::Result<()> {
    create_by(path, |file| file.write_all(contents))
}

fn create_by(path: &Path, write: impl FnOnce(&mut File) -> std::io::Result<()>) -> std::io::Result<()> {
    let mut random = [0; 8];
    rand::fill(&mut random).map_err(|_| std::io::Error::other("the system gave no random bytes"))?;
    let mut aside = path.as_os_str().to_owned();
    aside.push(format!(".{}.new", hex::encode(random)));
    let aside = Path::new(&aside);
    let mut file = create(aside)?;
    // Unlike a rename, a link never takes the place of a file that is there.
    let placed = write(&mut file).and_then(|()| file.sync_all()).and_then(|()| fs::hard_link(aside, path));
    // What a crash leaves here was never read by anybody and may be deleted.
    let removed = fs::remove_file(aside);
    placed.and(removed)?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

/// Makes a private file that must not exist yet.
fn create(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, FILE_MODE);
    options.open(path)
}

/// Refuses a file that others can open.
pub(crate) fn check_file(path: &Path) -> Result<(), VaultError> {
    check(path, FILE_MODE)
}

#[cfg(unix)]
fn check(path: &Path, wanted: u32) -> Result<(), VaultError> {
    use std::os::unix::fs::PermissionsExt;
    let mode =
        fs::metadata(path).map_err(|e| VaultError::unavailable("look at its files", e))?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(VaultError::Permissions { path: path.to_owned(), mode, wanted });
    }
    Ok(())
}

#[cfg(not(unix))]
fn check(path: &Path, _wanted: u32) -> Result<(), VaultError> {
    fs::metadata(path).map(|_| ()).map_err(|e| VaultError::unavailable("look at its files", e))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;

    #[test]
    fn a_write_that_ends_half_way_leaves_no_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        let cut_off = |file: &mut File| {
            file.write_all(b"half")?;
            assert!(!path.exists(), "there is no file before it is whole");
            Err(std::io::Error::other("the disk is full"))
        };
        assert!(create_by(&path, cut_off).is_err());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
        create_whole(&path, b"whole").unwrap();
        assert_eq!(create_whole(&path, b"other").unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        check_file(&path).unwrap();
    }
}

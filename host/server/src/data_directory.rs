//! Where the program keeps things: one private directory with fixed names inside.

use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::failure::{Exit, Failure};

/// Permissions of the directory: the owner's alone. Vault, audit log and compiled code are inside.
const PRIVATE_MODE: u32 = 0o700;

/// The data directory.
#[derive(Debug, Clone)]
pub(crate) struct DataDirectory {
    root: PathBuf,
}

impl DataDirectory {
    /// Opens `given`, or the user's own default, and makes it if it is missing.
    ///
    /// # Errors
    /// [`Exit::Setup`] if it cannot be made, is not a directory, or others may enter it.
    pub(crate) fn open(given: Option<&Path>) -> Result<Self, Failure> {
        let root = root(given)?;
        std::fs::DirBuilder::new().recursive(true).mode(PRIVATE_MODE).create(&root).map_err(|error| {
            setup("data_directory_unusable", format!("cannot make the data directory {}: {error}", root.display()))
                .next("toolkeep --data DIR …, with a directory that you may write to")
        })?;
        Self::checked(root)
    }

    /// Opens `given`, or the user's own default, which must exist: whoever only looks makes nothing.
    ///
    /// # Errors
    /// [`Exit::Setup`] if it does not exist, is not a directory, or others may enter it.
    pub(crate) fn existing(given: Option<&Path>) -> Result<Self, Failure> {
        match Self::if_there(given)? {
            Some(data) => Ok(data),
            None => Err(Self::missing(given)?.next(
                "toolkeep --data DIR …, with the directory of your server; `toolkeep connector install` makes a new one",
            )),
        }
    }

    /// As [`DataDirectory::existing`], and `None` if it does not exist.
    ///
    /// # Errors
    /// [`Exit::Setup`] if it is not a directory, or others may enter it.
    pub(crate) fn if_there(given: Option<&Path>) -> Result<Option<Self>, Failure> {
        let root = root(given)?;
        if root.exists() { Self::checked(root).map(Some) } else { Ok(None) }
    }

    /// The failure that says that it does not exist.
    ///
    /// # Errors
    /// There is no name for it either.
    pub(crate) fn missing(given: Option<&Path>) -> Result<Failure, Failure> {
        let root = root(given)?;
        let message = format!("the data directory {} does not exist, so there is nothing in it", root.display());
        Ok(setup("data_directory_missing", message))
    }

    fn checked(root: PathBuf) -> Result<Self, Failure> {
        let metadata = std::fs::metadata(&root).map_err(|error| {
            setup("data_directory_unusable", format!("cannot read the data directory {}: {error}", root.display()))
        })?;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(setup(
                "data_directory_not_private",
                format!("the data directory {} has mode {mode:03o}: others may look inside", root.display()),
            )
            .next(format!("chmod 700 {}", root.display())));
        }
        Ok(Self { root })
    }

    /// Vault and audit log lie in the directory itself, under names of their own.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The master key of the vault.
    pub(crate) fn master_key(&self) -> PathBuf {
        self.root.join("master.key")
    }

    /// Whether a vault, or at least its key, is here: names of the vault's own.
    pub(crate) fn has_vault(&self) -> bool {
        self.master_key().exists() || self.root.join("vault.db").exists()
    }

    /// Whether an audit log is here: a name of the log's own.
    pub(crate) fn has_audit_log(&self) -> bool {
        self.root.join("audit.db").exists()
    }

    /// Compiled connectors.
    pub(crate) fn cache(&self) -> PathBuf {
        self.root.join("cache")
    }

    /// Where installed connectors and their approvals lie; what is inside is the host library's to know.
    pub(crate) fn connector_directory(&self) -> PathBuf {
        self.root.join("connectors")
    }
}

fn root(given: Option<&Path>) -> Result<PathBuf, Failure> {
    given.map_or_else(default_root, |path| Ok(path.to_owned()))
}

/// `$XDG_DATA_HOME/toolkeep`, else `~/.local/share/toolkeep` (XDG Base Directory specification).
#[expect(clippy::disallowed_methods, reason = "where a user's own data lies is nothing to ask for with an option")]
fn default_root() -> Result<PathBuf, Failure> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_DATA_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
        .map(|base| base.join("toolkeep"))
        .ok_or_else(|| {
            setup("data_directory_unusable", "neither XDG_DATA_HOME nor HOME names a directory".to_owned())
                .next("toolkeep --data DIR …")
        })
}

fn setup(code: &str, message: String) -> Failure {
    Failure::new(Exit::Setup, code, message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;

    #[test]
    fn a_new_directory_is_private_and_a_shared_one_is_refused() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("a/b");
        DataDirectory::open(Some(&path)).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);

        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o750)).unwrap();
        let failure = DataDirectory::open(Some(&path)).unwrap_err();
        assert_eq!(failure.exit(), Exit::Setup);
        assert!(failure.message().contains("750"), "{}", failure.message());
    }

    #[test]
    fn looking_makes_no_directory() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("data");
        let failure = DataDirectory::existing(Some(&path)).unwrap_err();
        assert!(failure.exit() == Exit::Setup && failure.message().contains("does not exist"), "{}", failure.message());
        assert!(!path.exists());
        DataDirectory::open(Some(&path)).unwrap();
        let data = DataDirectory::existing(Some(&path)).unwrap();
        assert!(!data.has_vault() && !data.has_audit_log());
    }
}

//! Installed connectors on a disk: a private folder with one file for each component, named by its digest, and
//! the sealed approvals. What is read from it is believed only as far as the seal and the digests reach.

use std::collections::BTreeSet;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::hmac;
use jiff::Timestamp;
use toolkeep_vault::Vault;

use super::manifest::{InstalledConnector, Manifest};
use super::{Approval, ApprovalError, Approvals};
use crate::collisions;
use crate::component::digest_of;
use crate::error::HostError;
use crate::sheet::CapabilitySheet;

/// What the key of the seal is derived under.
const KEY_LABEL: &str = "connector approvals";
/// The sealed approvals.
const MANIFEST: &str = "approvals";
/// Largest file of approvals that is read or written, in bytes. A sheet has some 20 KB, and the largest that the
/// contract allows 4 MiB.
const MAX_MANIFEST_BYTES: u64 = 32 << 20;
/// Largest component that is read, in bytes: more than any host loads by default.
const MAX_COMPONENT_BYTES: u64 = 256 << 20;
/// The mode of the folder.
const FOLDER_MODE: u32 = 0o700;
/// The mode of the files.
const FILE_MODE: u32 = 0o600;

/// A folder of installed connectors.
#[derive(Debug, Clone)]
pub struct ConnectorFolder {
    directory: PathBuf,
    key: hmac::Key,
}

/// Keeps others from changing the folder while it is read. Dropping it lets them.
#[derive(Debug)]
pub struct Hold(#[expect(dead_code, reason = "the lock is the open file")] Option<File>);

/// What a folder held at one moment: the approvals, seal checked.
#[derive(Debug, Clone)]
pub struct Installed {
    directory: PathBuf,
    manifest: Manifest,
}

/// The one who may change a folder at the moment.
#[derive(Debug)]
pub struct Edit {
    folder: ConnectorFolder,
    installed: Installed,
    revision: u64,
    at: Timestamp,
    _lock: File,
}

impl ConnectorFolder {
    /// The folder at `directory`, whose approvals `vault` vouches for. Nothing is made or read yet.
    #[must_use]
    pub fn new(directory: PathBuf, vault: &Vault) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, vault.derive_key(KEY_LABEL).as_slice());
        Self { directory, key }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.directory
    }

    /// Keeps the folder as it is until the hold is dropped: what the approvals name is there to be read.
    ///
    /// # Errors
    /// [`ApprovalError::Unavailable`].
    pub fn hold(&self) -> Result<Hold, ApprovalError> {
        match File::open(&self.directory) {
            Ok(directory) => {
                directory.lock_shared().map_err(|error| self.unavailable(&error))?;
                Ok(Hold(Some(directory)))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Hold(None)),
            Err(error) => Err(self.unavailable(&error)),
        }
    }

    /// Reads the approvals. A folder that is not there has none.
    ///
    /// # Errors
    /// [`ApprovalError::NotGenuine`] where somebody else wrote them, [`ApprovalError::Format`], and
    /// [`ApprovalError::Unavailable`], also where others may use the folder.
    pub fn read(&self) -> Result<Installed, ApprovalError> {
        let path = self.directory.join(MANIFEST);
        match std::fs::symlink_metadata(&self.directory) {
            Ok(metadata) => self.check_private(&metadata)?,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(self.unavailable(&error)),
        }
        let manifest = match read_bounded(&path, MAX_MANIFEST_BYTES) {
            Ok(contents) => Manifest::open(&path, &contents, &self.key)?,
            Err(error) if error.kind() == ErrorKind::NotFound => Manifest::default(),
            Err(error) => return Err(ApprovalError::Unavailable { path, reason: error.to_string() }),
        };
        Ok(Installed { directory: self.directory.clone(), manifest })
    }

    /// Begins a change: makes the folder if it is missing, waits until nobody else reads or changes it, and reads
    /// it. The change has its revision already, so that it can be recorded before it is made.
    ///
    /// # Errors
    /// As [`ConnectorFolder::read`].
    pub fn edit(&self) -> Result<Edit, ApprovalError> {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(FOLDER_MODE).create(&self.directory).map_err(|error| self.unavailable(&error))?;
        let lock = File::open(&self.directory).map_err(|error| self.unavailable(&error))?;
        lock.lock().map_err(|error| self.unavailable(&error))?;
        let installed = self.read()?;
        let at = Timestamp::now();
        let revision = installed.manifest.next_revision(at);
        Ok(Edit { folder: self.clone(), installed, revision, at, _lock: lock })
    }

    fn check_private(&self, metadata: &std::fs::Metadata) -> Result<(), ApprovalError> {
        let mode = metadata.permissions().mode() & 0o777;
        let reason = if !metadata.is_dir() {
            "it is not a directory".to_owned()
        } else if mode & 0o077 != 0 {
            format!("others may use it (mode {mode:o}); run: chmod 700 {}", self.directory.display())
        } else {
            return Ok(());
        };
        Err(ApprovalError::Unavailable { path: self.directory.clone(), reason })
    }

    fn unavailable(&self, error: &std::io::Error) -> ApprovalError {
        ApprovalError::Unavailable { path: self.directory.clone(), reason: error.to_string() }
    }
}

impl Installed {
    /// The installed connectors, by name.
    pub fn connectors(&self) -> impl Iterator<Item = &InstalledConnector> {
        self.manifest.connectors.values()
    }

    /// The connector of this name.
    #[must_use]
    pub fn connector(&self, name: &str) -> Option<&InstalledConnector> {
        self.manifest.connectors.get(name)
    }

    /// Which state of the approvals this is; see [`Approval::revision`]. 0: there never was one.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.manifest.revision
    }

    /// Where the component with this digest lies, or would lie.
    #[must_use]
    pub fn file(&self, digest: &str) -> PathBuf {
        self.directory.join(format!("{digest}.wasm"))
    }

    /// The bytes of an installed connector: the approved ones, or none.
    ///
    /// # Errors
    /// [`ApprovalError::FileMissing`] and [`ApprovalError::FileChanged`].
    pub fn wasm(&self, connector: &InstalledConnector) -> Result<Vec<u8>, ApprovalError> {
        let path = self.file(&connector.digest);
        let missing = |error: std::io::Error| ApprovalError::FileMissing {
            name: connector.name.clone(),
            path: path.clone(),
            reason: error.to_string(),
        };
        let wasm = read_bounded(&path, MAX_COMPONENT_BYTES).map_err(missing)?;
        let found = digest_of(&wasm);
        if found == connector.digest {
            return Ok(wasm);
        }
        let (name, approved) = (connector.name.clone(), connector.digest.clone());
        Err(ApprovalError::FileChanged { name, path, approved, found })
    }

    /// Refuses a component in the folder that no approval names: somebody put it there and expects it to run, or
    /// the approvals that named it are gone.
    ///
    /// # Errors
    /// [`ApprovalError::Stray`] with the first one, and [`ApprovalError::Unavailable`].
    pub fn refuse_strays(&self) -> Result<(), ApprovalError> {
        let known: BTreeSet<PathBuf> = self.connectors().map(|connector| self.file(&connector.digest)).collect();
        match components_in(&self.directory)?.into_iter().find(|path| !known.contains(path)) {
            Some(path) => Err(ApprovalError::Stray { path }),
            None => Ok(()),
        }
    }

    /// Refuses a sheet whose name or tools are, or look like, those of another installed connector.
    ///
    /// # Errors
    /// [`HostError::ToolTaken`], [`HostError::LooksLike`].
    pub fn refuse_collisions(&self, sheet: &CapabilitySheet) -> Result<(), HostError> {
        let others = self.connectors().filter(|other| other.name != sheet.name);
        collisions::check(
            &collisions::Names::of_sheet(sheet),
            others.map(|other| collisions::Names::of_sheet(&other.sheet)),
        )
    }
}

impl Approvals for Installed {
    fn find(&self, digest: &str) -> Result<Option<Approval>, ApprovalError> {
        let found = self.connectors().find(|connector| connector.digest == digest);
        Ok(found.map(|connector| connector.approval(self.manifest.revision)))
    }
}

impl Edit {
    /// What is installed before the change.
    #[must_use]
    pub fn installed(&self) -> &Installed {
        &self.installed
    }

    /// The revision that the change makes.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Installs a component under an approval of `sheet`, in the place of one of the same name. The old
    /// component's file is deleted.
    ///
    /// # Errors
    /// [`ApprovalError::Unavailable`]; `sheet` is about other bytes: [`ApprovalError::NotApproved`].
    pub fn install(mut self, wasm: &[u8], sheet: CapabilitySheet) -> Result<Installed, ApprovalError> {
        let digest = digest_of(wasm);
        if digest != sheet.digest {
            return Err(ApprovalError::NotApproved { digest });
        }
        self.folder.put(&self.installed.file(&digest), wasm)?;
        let connector = InstalledConnector::new(sheet, self.at);
        let before = self.installed.manifest.connectors.insert(connector.name.clone(), connector);
        self.save(before.map(|before| before.digest))
    }

    /// Takes an approval and its component away.
    ///
    /// # Errors
    /// [`ApprovalError::Unavailable`].
    pub fn remove(mut self, name: &str) -> Result<Installed, ApprovalError> {
        let before = self.installed.manifest.connectors.remove(name);
        self.save(before.map(|before| before.digest))
    }

    /// Writes the approvals, and then deletes the component that they name no longer: a crash in between leaves a
    /// file that no host loads.
    fn save(mut self, unneeded: Option<String>) -> Result<Installed, ApprovalError> {
        self.installed.manifest.revision = self.revision;
        let path = self.folder.directory.join(MANIFEST);
        let fail = |reason: String| ApprovalError::Unavailable { path: path.clone(), reason };
        let contents = self.installed.manifest.seal(&self.folder.key).map_err(fail)?;
        if contents.len() as u64 > MAX_MANIFEST_BYTES {
            return Err(fail(format!("it would have {} bytes; at most {MAX_MANIFEST_BYTES} are kept", contents.len())));
        }
        self.folder.put(&path, &contents)?;
        if let Some(digest) = unneeded.filter(|digest| self.installed.connectors().all(|kept| kept.digest != *digest)) {
            let file = self.installed.file(&digest);
            match std::fs::remove_file(&file) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(ApprovalError::Unavailable { path: file, reason: error.to_string() });
                }
                _ => {}
            }
        }
        Ok(self.installed)
    }
}

impl ConnectorFolder {
    /// Writes a file whole or not at all, durable when this returns.
    fn put(&self, path: &Path, contents: &[u8]) -> Result<(), ApprovalError> {
        let fail =
            |error: std::io::Error| ApprovalError::Unavailable { path: path.to_owned(), reason: error.to_string() };
        // Alone in the folder while it is changed, so the name is free, or a crash left it.
        let aside = path.with_extension("new");
        match std::fs::remove_file(&aside) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(fail(error)),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&aside).map_err(fail)?;
        file.write_all(contents).and_then(|()| file.sync_all()).map_err(fail)?;
        std::fs::rename(&aside, path).map_err(fail)?;
        File::open(&self.directory).and_then(|directory| directory.sync_all()).map_err(fail)
    }
}

/// The `.wasm` files of a folder, sorted. None if there is no folder.
fn components_in(directory: &Path) -> Result<Vec<PathBuf>, ApprovalError> {
    let unavailable =
        |error: std::io::Error| ApprovalError::Unavailable { path: directory.to_owned(), reason: error.to_string() };
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unavailable(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(unavailable)?.path();
        if path.extension().is_some_and(|extension| extension == "wasm") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Reads a regular file of at most `max_bytes`. A link, a pipe or a device is none of ours.
fn read_bounded(path: &Path, max_bytes: u64) -> std::io::Result<Vec<u8>> {
    let metadata = std::fs::symlink_metadata(path)?;
    if !metadata.is_file() {
        return Err(std::io::Error::other("it is not a regular file"));
    }
    if metadata.size() > max_bytes {
        return Err(std::io::Error::other(format!("it has {} bytes; at most {max_bytes} are read", metadata.size())));
    }
    let mut contents = Vec::new();
    File::open(path)?.take(max_bytes).read_to_end(&mut contents)?;
    Ok(contents)
}

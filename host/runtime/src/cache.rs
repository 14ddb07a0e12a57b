//! The cache of compiled components. Native code that a host loads is code that it runs, so the cache is
//! private to its owner and every entry is authenticated with a key from the vault.

use std::hash::{Hash, Hasher};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::hmac;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::error::HostError;

/// Length of an entry's HMAC-SHA-256, in bytes.
const TAG_BYTES: usize = 32;

/// Largest entry that is read, in bytes: native code is a few times its component's size.
const MAX_ENTRY_BYTES: u64 = 256 << 20;

/// Entries that this process has written: two threads that write the same one must not share a file.
static WRITTEN: AtomicU64 = AtomicU64::new(0);

/// Collects what a `Hash` implementation feeds it, so that the tag covers the engine's whole configuration
/// rather than a 64-bit digest of it.
struct Covered(Vec<u8>);

impl Hasher for Covered {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}

/// A directory of authenticated native code.
pub(crate) struct Cache {
    directory: PathBuf,
    key: hmac::Key,
}

impl Cache {
    /// Opens the directory, making it (mode 0700) if it is missing.
    pub(crate) fn open(directory: &Path, key: &[u8; 32]) -> Result<Self, HostError> {
        let fail = |reason: String| HostError::Cache { path: directory.display().to_string(), reason };
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(|e| fail(e.to_string()))?;
        let metadata = std::fs::symlink_metadata(directory).map_err(|e| fail(e.to_string()))?;
        if !metadata.is_dir() {
            return Err(fail("it is not a directory".to_owned()));
        }
        if metadata.uid() != rustix::process::geteuid().as_raw() {
            return Err(fail("it is somebody else's; give another directory".to_owned()));
        }
        if metadata.permissions().mode() & 0o077 != 0 {
            return Err(fail(format!(
                "others may use it (mode {:o}); run: chmod 700 {}",
                metadata.permissions().mode() & 0o777,
                directory.display()
            )));
        }
        Ok(Self { directory: directory.to_owned(), key: hmac::Key::new(hmac::HMAC_SHA256, key) })
    }

    /// What the tag covers besides the code: the component's digest and the engine that compiled it.
    fn binding(engine: &Engine, digest: &str) -> Vec<u8> {
        let mut covered = Covered(format!("toolkeep compile cache 1\0{digest}\0").into_bytes());
        engine.precompile_compatibility_hash().hash(&mut covered);
        covered.0.push(0);
        covered.0
    }

    fn path(&self, digest: &str) -> PathBuf {
        self.directory.join(format!("{digest}.native"))
    }

    /// The compiled component, if an entry is there and is ours. Anything else is a miss, told to the operator.
    pub(crate) fn load(&self, engine: &Engine, digest: &str) -> Option<Component> {
        let path = self.path(digest);
        let metadata = std::fs::symlink_metadata(&path).ok()?;
        let owner = rustix::process::geteuid().as_raw();
        if !metadata.is_file()
            || !is_private(metadata.uid(), metadata.mode(), owner)
            || metadata.len() > MAX_ENTRY_BYTES
        {
            tracing::warn!(path = %path.display(), "a compile cache entry is not a private file of this user's; it is ignored");
            return None;
        }
        let entry = std::fs::read(&path).ok()?;
        let (tag, code) = entry.split_at_checked(TAG_BYTES)?;
        let mut covered = Self::binding(engine, digest);
        covered.extend_from_slice(code);
        if hmac::verify(&self.key, &covered, tag).is_err() {
            tracing::warn!(path = %path.display(), "a compile cache entry is from another engine or was changed; it is compiled anew");
            return None;
        }
        #[expect(unsafe_code, reason = "the tag proves that this host serialised these bytes with this engine")]
        // SAFETY: `deserialize` needs bytes made by `Component::serialize`; only a holder of the key made them.
        let loaded = unsafe { Component::deserialize(engine, code) };
        loaded
            .inspect_err(|error| tracing::warn!(%error, "a compile cache entry does not load; it is compiled anew"))
            .ok()
    }

    /// Keeps a compiled component. A cache that cannot be written costs time, not answers: told, not failed.
    pub(crate) fn store(&self, component: &Component, digest: &str) {
        let written = component.serialize().map_err(|error| error.to_string()).and_then(|code| {
            let mut covered = Self::binding(component.engine(), digest);
            covered.extend_from_slice(&code);
            let tag = hmac::sign(&self.key, &covered);
            let unique = format!("{digest}.{}.{}.new", std::process::id(), WRITTEN.fetch_add(1, Ordering::Relaxed));
            let temporary = self.directory.join(unique);
            let mut file = std::fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&temporary)
                .map_err(|error| error.to_string())?;
            let placed = file
                .write_all(tag.as_ref())
                .and_then(|()| file.write_all(&code))
                .and_then(|()| std::fs::rename(&temporary, self.path(digest)));
            // On a full disk, half an entry would take the space that something else needs.
            placed.inspect_err(|_| drop(std::fs::remove_file(&temporary))).map_err(|error| error.to_string())
        });
        if let Err(reason) = written {
            tracing::warn!(directory = %self.directory.display(), reason, "the compile cache could not be written");
        }
    }
}

/// Whether a file of `uid` with `mode` is `owner`'s alone.
fn is_private(uid: u32, mode: u32, owner: u32) -> bool {
    uid == owner && mode & 0o077 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_its_owners_alone() {
        assert!(is_private(1000, 0o100_600, 1000));
        for (uid, mode) in [(0, 0o100_600), (1000, 0o100_604), (1000, 0o100_660), (1000, 0o100_666)] {
            assert!(!is_private(uid, mode, 1000), "{uid} {mode:o}");
        }
    }
}

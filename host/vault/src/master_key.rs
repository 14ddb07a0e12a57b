//! The master key: where it comes from, and the keys that are derived from it (HKDF-SHA256, RFC 5869).
//!
//! The master key itself seals nothing. Each use has its own derived key, so that a key handed out for
//! one purpose says nothing about another.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use aws_lc_rs::{hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::error::VaultError;
use crate::private;

/// Starts a key file; tells a key from any other file of the same size.
const FILE_PREFIX: &str = "toolkeep-master-key-1:";
/// The salt of the extraction: fixed, because the master key is uniformly random already (RFC 5869, 3.1).
const SALT: &[u8] = b"toolkeep-v1";

/// Where the master key comes from.
pub enum KeySource {
    /// A file of mode 0600, made on the first run when there is no vault yet.
    File(PathBuf),
    /// The key itself: 256 random bits from the platform that embeds the vault.
    Bytes(Zeroizing<[u8; 32]>),
}

/// The pseudo-random key of RFC 5869, from which every other key is expanded.
pub(crate) struct MasterKey {
    pseudo_random: hmac::Key,
}

impl MasterKey {
    pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Self {
        let extracted = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SALT), bytes);
        Self { pseudo_random: hmac::Key::new(hmac::HMAC_SHA256, extracted.as_ref()) }
    }

    /// A random one, for a vault that dies with its process.
    pub(crate) fn random() -> Result<Self, VaultError> {
        Ok(Self::from_bytes(&*random_key()?))
    }

    /// Reads the key of an existing vault, or makes the key of a new one.
    pub(crate) fn load(source: &KeySource, vault: &Path, vault_exists: bool) -> Result<Self, VaultError> {
        match source {
            KeySource::Bytes(bytes) => Ok(Self::from_bytes(bytes)),
            KeySource::File(path) => match fs::metadata(path) {
                Ok(_) => Ok(Self::from_bytes(&*read(path)?)),
                Err(e) if e.kind() == ErrorKind::NotFound && vault_exists => {
                    Err(VaultError::KeyMissing { vault: vault.to_owned(), key: path.clone() })
                }
                Err(e) if e.kind() == ErrorKind::NotFound => Ok(Self::from_bytes(&*make(path)?)),
                Err(e) => Err(VaultError::unavailable("read its key file", e)),
            },
        }
    }

    /// HKDF-Expand to 32 bytes, which is one block: HMAC(PRK, info ‖ 0x01).
    pub(crate) fn expand(&self, domain: &'static str, label: &str) -> Zeroizing<[u8; 32]> {
        let mut context = hmac::Context::with_key(&self.pseudo_random);
        // The domain is a constant without a zero byte, so domain and label cannot run into each other.
        context.update(domain.as_bytes());
        context.update(&[0]);
        context.update(label.as_bytes());
        context.update(&[1]);
        let mut key = Zeroizing::new([0; 32]);
        for (to, from) in key.iter_mut().zip(context.sign().as_ref()) {
            *to = *from;
        }
        key
    }
}

pub(crate) fn random_key() -> Result<Zeroizing<[u8; 32]>, VaultError> {
    let mut key = Zeroizing::new([0; 32]);
    rand::fill(key.as_mut_slice()).map_err(|_| VaultError::unavailable("get random bytes", "the system gave none"))?;
    Ok(key)
}

fn read(path: &Path) -> Result<Zeroizing<[u8; 32]>, VaultError> {
    private::check_file(path)?;
    let malformed = || VaultError::KeyMalformed(path.to_owned());
    // A key file has 66 bytes; whatever is much longer is something else and need not be read.
    let bytes = fs::metadata(path).map_err(|e| VaultError::unavailable("read its key file", e))?.len();
    if bytes > 1024 {
        return Err(malformed());
    }
    let raw = Zeroizing::new(fs::read(path).map_err(|e| VaultError::unavailable("read its key file", e))?);
    let text = std::str::from_utf8(&raw).map_err(|_| malformed())?;
    let encoded = text.trim_end().strip_prefix(FILE_PREFIX).ok_or_else(malformed)?;
    let decoded = Zeroizing::new(URL_SAFE_NO_PAD.decode(encoded).map_err(|_| malformed())?);
    let key: [u8; 32] = decoded.as_slice().try_into().map_err(|_| malformed())?;
    Ok(Zeroizing::new(key))
}

fn make(path: &Path) -> Result<Zeroizing<[u8; 32]>, VaultError> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(directory) = directory.filter(|directory| !directory.exists()) {
        private::directory(directory)?;
    }
    let key = random_key()?;
    let text = Zeroizing::new(format!("{FILE_PREFIX}{}\n", *Zeroizing::new(URL_SAFE_NO_PAD.encode(*key))));
    match private::create_whole(path, text.as_bytes()) {
        Ok(()) => {}
        // Another process made the key in the same moment. Its key is the vault's.
        Err(e) if e.kind() == ErrorKind::AlreadyExists => return read(path),
        Err(e) => return Err(VaultError::unavailable("make its key file", e)),
    }
    tracing::warn!(
        path = %path.display(),
        "made a new master key; keep a copy in a safe place: whoever loses this file loses the stored credentials"
    );
    Ok(key)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;
    use aws_lc_rs::hkdf;

    #[test]
    fn expansion_is_hkdf_of_rfc_5869() {
        let master = [7; 32];
        let mut expected = [0; 32];
        hkdf::Salt::new(hkdf::HKDF_SHA256, SALT)
            .extract(&master)
            .expand(&[b"domain\0label"], hkdf::HKDF_SHA256)
            .unwrap()
            .fill(&mut expected)
            .unwrap();
        let ours = MasterKey::from_bytes(&master);
        assert_eq!(*ours.expand("domain", "label"), expected);
        assert_ne!(*ours.expand("domain", "label2"), expected);
        assert_ne!(*MasterKey::from_bytes(&[8; 32]).expand("domain", "label"), expected);
    }

    #[test]
    fn whoever_starts_at_the_same_time_has_the_same_whole_key() {
        for _ in 0..20 {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("master.key");
            let source = KeySource::File(path.clone());
            let keys: Vec<_> = std::thread::scope(|scope| {
                let load = || MasterKey::load(&source, Path::new("vault.db"), false).unwrap().expand("domain", "label");
                let threads: Vec<_> = (0..4).map(|_| scope.spawn(load)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            let kept = MasterKey::from_bytes(&read(&path).unwrap()).expand("domain", "label");
            assert!(keys.iter().all(|key| **key == *kept), "one key, never half of one");
            assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing else is left behind");
        }
    }
}

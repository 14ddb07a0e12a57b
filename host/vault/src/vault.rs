//! The vault itself: connect, resolve, disconnect.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use aws_lc_rs::{hmac, rand};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use toolkeep_policy::{TenantId, UserId};
use zeroize::Zeroizing;

use crate::connection::{
    Account, Connection, ConnectionId, ConnectionKey, Details, NewConnection, Resolved, Status, check_account,
    check_new,
};
use crate::error::VaultError;
use crate::master_key::{KeySource, MasterKey};
use crate::private;
use crate::seal::{Binding, KeyEncryptionKey};
use crate::storage::{ConnectionRow, Sqlite, Storage};

/// The database's name in the vault's directory.
const FILE_NAME: &str = "vault.db";
/// The namespace of keys that are handed to other crates.
const DERIVED_DOMAIN: &str = "toolkeep-v1 derived";
/// How often a write is tried again when another process changed the same connection in between.
const MAX_ATTEMPTS: usize = 8;
/// Errands that may wait; what does not fit is dropped, because each is only a courtesy.
const MAX_ERRANDS: usize = 64;
/// How often a scrub that somebody is in the way of is tried again at once. Closing the vault waits for it.
const MAX_SCRUB_ATTEMPTS: u32 = 8;
/// How long it waits before that, in milliseconds. A read takes a few.
const SCRUB_RETRY_MS: u64 = 100;

/// Connections and their sealed credentials. Clones share one vault.
#[derive(Clone)]
pub struct Vault {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) api_key_seal: hmac::Key,
    master: MasterKey,
    key_encryption: KeyEncryptionKey,
    errands: Option<SyncSender<Errand>>,
    /// Something was erased since the last scrub that succeeded.
    scrub_due: Arc<AtomicBool>,
    runner: Option<JoinHandle<()>>,
}

/// Work that no caller waits for.
pub(crate) enum Errand {
    TouchApiKey {
        id: String,
        at_us: i64,
    },
    /// Nothing but a wake-up: `scrub_due` says what to do, so that a full queue loses no scrub.
    Scrub,
}

impl Vault {
    /// Opens the vault in `directory` (`vault.db`), or makes it on the first run.
    ///
    /// # Errors
    /// `vault_permissions` when others can reach a file, with the command that mends it; `vault_key_missing`,
    /// `vault_key_wrong`, `vault_key_malformed` when the key is not the vault's own; `vault_format`;
    /// `vault_unavailable`. No error changes an existing vault.
    pub fn open(directory: &Path, keys: KeySource) -> Result<Self, VaultError> {
        private::directory(directory)?;
        let path = directory.join(FILE_NAME);
        let exists = std::fs::metadata(&path).is_ok_and(|file| file.len() > 0);
        let master = MasterKey::load(&keys, &path, exists)?;
        private::file(&path)?;
        Self::start(Arc::new(Sqlite::open(&path)?), master)
    }

    /// A vault that dies with the process, under a random key: for tests and benchmarks.
    ///
    /// # Errors
    /// `vault_unavailable`.
    pub fn in_memory() -> Result<Self, VaultError> {
        Self::start(Arc::new(Sqlite::in_memory()?), MasterKey::random()?)
    }

    fn start(storage: Arc<dyn Storage>, master: MasterKey) -> Result<Self, VaultError> {
        let key_encryption = KeyEncryptionKey::derive(&master)?;
        match storage.key_check()? {
            Some((id, check)) if key_encryption.matches(&id, &check) => {}
            Some(_) => return Err(VaultError::KeyWrong),
            None => storage.set_key_check(key_encryption.id(), key_encryption.check())?,
        }
        let (errands, waiting) = sync_channel(MAX_ERRANDS);
        let for_runner = Arc::clone(&storage);
        let scrub_due = Arc::new(AtomicBool::new(false));
        let its_scrub_due = Arc::clone(&scrub_due);
        let runner = std::thread::Builder::new()
            .name("toolkeep-vault".to_owned())
            .spawn(move || {
                while let Ok(errand) = waiting.recv() {
                    if let Errand::TouchApiKey { id, at_us } = errand
                        && let Err(error) = for_runner.touch_api_key(&id, at_us)
                    {
                        tracing::warn!(code = error.code(), %error, "the last use of an API key was not written");
                    }
                    scrub_if_due(for_runner.as_ref(), &its_scrub_due);
                }
                scrub_if_due(for_runner.as_ref(), &its_scrub_due);
            })
            .map_err(|e| VaultError::unavailable("start its thread", e))?;
        let api_key_seal =
            hmac::Key::new(hmac::HMAC_SHA256, master.expand("toolkeep-v1 vault", "API key seal").as_slice());
        let (errands, runner) = (Some(errands), Some(runner));
        let inner = Inner { storage, api_key_seal, master, key_encryption, errands, scrub_due, runner };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Seals and stores a connection; an existing one is replaced and keeps its id. Active at once. What
    /// becomes of a replaced secret is what [`Vault::disconnect`] says.
    ///
    /// # Errors
    /// `vault_invalid` when something is empty, too short, too long or unprintable; `vault_unavailable`.
    pub fn connect(&self, new: NewConnection) -> Result<Connection, VaultError> {
        check_new(&new)?;
        let fresh_id = random_id()?;
        self.put(&new.key, |existing| {
            let id = match existing {
                Some(row) => details(row)?.id,
                None => fresh_id.clone(),
            };
            let details = Details {
                id,
                kind: new.kind,
                granted_scopes: new.granted_scopes.clone(),
                base: new.base.clone(),
                account: new.account.clone(),
            };
            Ok((details, new.secret.clone()))
        })
    }

    /// Says whose account an active connection is.
    ///
    /// # Errors
    /// `vault_no_connection` and its kin when there is no active one; `vault_invalid`; `vault_unavailable`.
    pub fn set_account(&self, key: &ConnectionKey, account: Account) -> Result<Connection, VaultError> {
        check_account(&account)?;
        // The account is part of what the seal is bound to, so the credential is sealed anew.
        self.put(key, |existing| {
            let row = existing.ok_or_else(|| VaultError::NoConnection(Box::new(key.clone())))?;
            let secret = self.open_row(row)?;
            Ok((Details { account: Some(account.clone()), ..details(row)? }, secret))
        })
    }

    /// A connection in any state, without opening its secret. Its fields are as the database has them:
    /// shown, but not proven. [`Vault::resolve`] proves them.
    ///
    /// # Errors
    /// `vault_no_connection`, `vault_unavailable`.
    pub fn connection(&self, key: &ConnectionKey) -> Result<Connection, VaultError> {
        let row = self.inner.storage.connection(key)?.ok_or_else(|| VaultError::NoConnection(Box::new(key.clone())))?;
        show(row)
    }

    /// The one active connection and its secret.
    ///
    /// # Errors
    /// `vault_no_connection`, `vault_connection_pending`, `vault_connection_expired`,
    /// `vault_connection_disconnected`; `vault_sealed_data_corrupt` when the record does not open;
    /// `vault_unavailable`.
    pub fn resolve(&self, key: &ConnectionKey) -> Result<Resolved, VaultError> {
        let row = self.inner.storage.connection(key)?.ok_or_else(|| VaultError::NoConnection(Box::new(key.clone())))?;
        let secret = self.open_row(&row)?;
        Ok(Resolved { connection: show(row)?, secret })
    }

    /// Whether a connection is active, and still the version that somebody resolved before. Asked before every
    /// request, so it is not read again while no write has ended, in any process, for a second at most.
    ///
    /// # Errors
    /// `vault_unavailable`: then nobody may go on as if it were.
    pub fn is_current(&self, key: &ConnectionKey, version: u64) -> Result<bool, VaultError> {
        Ok(self.inner.storage.standing(key)? == Some((Status::Active, version)))
    }

    /// One user's connections in any state, ordered by connector and name.
    ///
    /// # Errors
    /// `vault_unavailable`.
    pub fn connections(&self, tenant: &TenantId, user: &UserId) -> Result<Vec<Connection>, VaultError> {
        self.inner.storage.connections(tenant.as_str(), user.as_str())?.into_iter().map(show).collect()
    }

    /// Ends a connection: when this returns, it resolves no more, in any process, and its row holds no
    /// sealed secret. `false` when there was none to end.
    ///
    /// Who resolved it before keeps the opened secret as long as they keep [`Resolved`], and asks
    /// [`Vault::is_current`] before each use. The sealed bytes in the database's write-ahead log are scrubbed in the
    /// background, within seconds unless another process reads without a pause; a scrub that does not
    /// succeed is logged and tried again later, at the latest when the vault is closed. Backups, and blocks
    /// that the file system has freed, are out of the vault's reach; and a process that resolved it lately keeps the
    /// sealed bytes in memory until it next asks the vault for something.
    ///
    /// # Errors
    /// `vault_unavailable`: the connection may still be usable.
    pub fn disconnect(&self, key: &ConnectionKey) -> Result<bool, VaultError> {
        let ended = self.inner.storage.disconnect(key, Timestamp::now().as_microsecond());
        // Also after an error: something may have been erased.
        if !matches!(ended, Ok(false)) {
            self.inner.scrub_soon();
        }
        ended
    }

    /// A key for another purpose (audit digests, the compile cache), from the master key by HKDF-SHA256.
    /// The same label always gives the same key; no key says anything about another.
    #[must_use]
    pub fn derive_key(&self, label: &'static str) -> Zeroizing<[u8; 32]> {
        self.inner.master.expand(DERIVED_DOMAIN, label)
    }

    /// Seals what `make` gives and writes it over the row that `make` saw, or starts again.
    fn put(
        &self,
        key: &ConnectionKey,
        make: impl Fn(Option<&ConnectionRow>) -> Result<(Details, SecretString), VaultError>,
    ) -> Result<Connection, VaultError> {
        for _ in 0..MAX_ATTEMPTS {
            let existing = self.inner.storage.connection(key)?;
            let (details, secret) = make(existing.as_ref())?;
            let replaces = existing.as_ref().map(|row| row.version);
            let version = replaces.unwrap_or(0).saturating_add(1);
            let encoded = serde_json::to_vec(&details).map_err(|e| VaultError::unavailable("store a connection", e))?;
            let binding = Binding { key, version, details: &encoded };
            let sealed = self.inner.key_encryption.seal(&binding, secret.expose_secret().as_bytes())?;
            let now_us = Timestamp::now().as_microsecond();
            let row = ConnectionRow {
                key: key.clone(),
                version,
                status: Status::Active,
                created_us: existing.map_or(now_us, |row| row.created_us),
                updated_us: now_us,
                details: encoded,
                sealed: Some(sealed),
            };
            if self.inner.storage.put_connection(&row, replaces)? {
                if replaces.is_some() {
                    self.inner.scrub_soon();
                }
                return show(row);
            }
        }
        Err(VaultError::unavailable("store a connection", "others kept changing it; try again"))
    }

    fn open_row(&self, row: &ConnectionRow) -> Result<SecretString, VaultError> {
        if row.status != Status::Active {
            return Err(VaultError::NotActive { key: Box::new(row.key.clone()), status: row.status });
        }
        let binding = Binding { key: &row.key, version: row.version, details: &row.details };
        row.sealed
            .as_ref()
            .and_then(|sealed| self.inner.key_encryption.open(&binding, sealed))
            .ok_or_else(|| VaultError::Corrupt(Box::new(row.key.clone())))
    }
}

impl Inner {
    pub(crate) fn errand(&self, errand: Errand) {
        if let Some(errands) = &self.errands {
            // Full: the next use of the key asks again, and a scrub is due after any of the others too.
            let _ = errands.try_send(errand);
        }
    }

    /// Has the copies of what was just erased dropped, in the background.
    pub(crate) fn scrub_soon(&self) {
        self.scrub_due.store(true, Ordering::Release);
        self.errand(Errand::Scrub);
    }
}

/// Scrubs if something was erased. What does not succeed stays due.
fn scrub_if_due(storage: &dyn Storage, due: &AtomicBool) {
    if !due.swap(false, Ordering::AcqRel) {
        return;
    }
    let mut outcome = storage.scrub();
    for _ in 0..MAX_SCRUB_ATTEMPTS {
        if outcome.is_ok() {
            return;
        }
        std::thread::sleep(Duration::from_millis(SCRUB_RETRY_MS));
        outcome = storage.scrub();
    }
    if let Err(error) = outcome {
        due.store(true, Ordering::Release);
        tracing::warn!(
            code = error.code(),
            %error,
            "sealed secrets and key hashes that were erased are still in the vault's write-ahead log; the scrub is tried again later"
        );
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Ends the thread, so that the files are closed when the vault is gone.
        self.errands = None;
        if let Some(runner) = self.runner.take() {
            let _ = runner.join();
        }
    }
}

pub(crate) fn timestamp(us: i64) -> Timestamp {
    // Only a number that we never wrote is out of jiff's range; it shows as 1970.
    Timestamp::from_microsecond(us).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn details(row: &ConnectionRow) -> Result<Details, VaultError> {
    serde_json::from_slice(&row.details).map_err(|_| VaultError::Corrupt(Box::new(row.key.clone())))
}

fn show(row: ConnectionRow) -> Result<Connection, VaultError> {
    let details = details(&row)?;
    Ok(details.into_connection(row.key, row.status, timestamp(row.created_us), timestamp(row.updated_us), row.version))
}

fn random_id() -> Result<ConnectionId, VaultError> {
    let mut id = [0; 16];
    rand::fill(&mut id).map_err(|_| VaultError::unavailable("get random bytes", "the system gave none"))?;
    Ok(ConnectionId(format!("con_{}", hex::encode(id))))
}

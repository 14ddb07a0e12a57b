//! Where the vault's rows live: what any backend must do, in no database's dialect.
//!
//! A backend keeps and finds rows; it decides nothing and opens nothing. Every write is durable when it
//! returns.

mod memory;
mod sqlite;

pub(crate) use sqlite::Sqlite;

use crate::connection::{ConnectionKey, Status};
use crate::error::VaultError;
use crate::seal::Sealed;

/// A connection's row.
#[derive(Clone)]
pub(crate) struct ConnectionRow {
    pub(crate) key: ConnectionKey,
    pub(crate) version: u64,
    pub(crate) status: Status,
    /// Microseconds since 1970.
    pub(crate) created_us: i64,
    /// Microseconds since 1970.
    pub(crate) updated_us: i64,
    /// JSON; the seal is bound to exactly these bytes.
    pub(crate) details: Vec<u8>,
    /// `None` when it was disconnected.
    pub(crate) sealed: Option<Sealed>,
}

/// An API key's row. `tools` is JSON; `seal` binds the row to the master key.
#[derive(Clone)]
pub(crate) struct ApiKeyRow {
    pub(crate) id: String,
    /// Empty, as `seal`, when it was revoked.
    pub(crate) hash: Vec<u8>,
    pub(crate) tenant: String,
    pub(crate) user: String,
    pub(crate) label: String,
    pub(crate) tools: String,
    pub(crate) created_us: i64,
    pub(crate) expires_us: Option<i64>,
    pub(crate) last_used_us: Option<i64>,
    pub(crate) revoked_us: Option<i64>,
    pub(crate) seal: Vec<u8>,
}

/// What a backend must do. Reads must not wait for a slow write.
pub(crate) trait Storage: Send + Sync {
    /// The id and check value of the key-encryption key, when the vault was set up before.
    fn key_check(&self) -> Result<Option<(String, Vec<u8>)>, VaultError>;
    /// Sets up the vault with a key; an error when another one is set.
    fn set_key_check(&self, id: &str, check: &[u8]) -> Result<(), VaultError>;

    fn connection(&self, key: &ConnectionKey) -> Result<Option<ConnectionRow>, VaultError>;
    /// The status and version alone, which every request asks for.
    fn standing(&self, key: &ConnectionKey) -> Result<Option<(Status, u64)>, VaultError>;
    /// All of one user's, ordered by connector and name.
    fn connections(&self, tenant: &str, user: &str) -> Result<Vec<ConnectionRow>, VaultError>;
    /// Writes a row in place of the version `replaces` (`None`: of no row). `false` when something else
    /// is there by now, and nothing was written.
    fn put_connection(&self, row: &ConnectionRow, replaces: Option<u64>) -> Result<bool, VaultError>;
    /// Erases the sealed parts, sets the status and raises the version. `false` when there was no usable
    /// row.
    fn disconnect(&self, key: &ConnectionKey, at_us: i64) -> Result<bool, VaultError>;

    fn insert_api_key(&self, row: &ApiKeyRow) -> Result<(), VaultError>;
    fn api_key(&self, id: &str) -> Result<Option<ApiKeyRow>, VaultError>;
    /// All of them, oldest first.
    fn api_keys(&self) -> Result<Vec<ApiKeyRow>, VaultError>;
    /// Erases the hash and the seal, and sets the time. `false` when there was no such key, or it was
    /// revoked before.
    fn revoke_api_key(&self, id: &str, at_us: i64) -> Result<bool, VaultError>;
    fn touch_api_key(&self, id: &str, at_us: i64) -> Result<(), VaultError>;

    /// Drops copies of erased rows that the backend still keeps. Never on a call's path.
    ///
    /// # Errors
    /// Some may still be there, because somebody was in the way: try again later.
    fn scrub(&self) -> Result<(), VaultError>;
}

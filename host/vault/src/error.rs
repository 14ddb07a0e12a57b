//! What can go wrong in the vault: a stable code, and a text for the operator.

use std::path::PathBuf;

use crate::connection::{ConnectionKey, Status};

/// Why the vault did not do it. `Display` is for the operator: it names files and tells refused API keys
/// apart, which no caller may learn.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// Nobody has connected this.
    #[error("there is no connection {0}; connect it first")]
    NoConnection(Box<ConnectionKey>),
    /// It is connected, but not in a state that can be used.
    #[error("the connection {key} is {status}; connect it again")]
    NotActive {
        /// Which.
        key: Box<ConnectionKey>,
        /// `pending`, `expired` or `disconnected`.
        status: Status,
    },
    /// What was given to store breaks a bound.
    #[error("{what} {problem}")]
    Invalid {
        /// The field.
        what: &'static str,
        /// What is wrong and what is allowed.
        problem: String,
    },
    /// The master key is not the one that this vault was made with.
    #[error(
        "the master key does not belong to this vault; start with the key file that was made beside it (nothing was changed)"
    )]
    KeyWrong,
    /// A vault exists, its key does not.
    #[error(
        "{vault} exists but its key file {key} does not; put the key file back (without it the credentials cannot be opened)"
    )]
    KeyMissing {
        /// The vault's file.
        vault: PathBuf,
        /// Where the key was looked for.
        key: PathBuf,
    },
    /// The key file does not hold a key.
    #[error("{0} does not hold a master key of Toolkeep; put the right file back")]
    KeyMalformed(PathBuf),
    /// Others than the owner can read or write a file that must be private.
    #[error("{path} is open to others (mode {mode:04o}); run: chmod {wanted:o} {path}")]
    Permissions {
        /// The file or directory.
        path: PathBuf,
        /// Its mode now.
        mode: u32,
        /// The mode to give it.
        wanted: u32,
    },
    /// A sealed record does not open: it was changed, or moved from elsewhere.
    #[error(
        "the sealed record of {0} does not open: it was changed or moved; connect again, and find out who wrote to the database"
    )]
    Corrupt(Box<ConnectionKey>),
    /// The database was written by a newer release.
    #[error("the vault's database has format {found}, this release knows up to {known}; use the newer release")]
    Format {
        /// In the file.
        found: i64,
        /// Newest known.
        known: i64,
    },
    /// Reading or writing failed.
    #[error("the vault cannot {doing}: {reason}")]
    Unavailable {
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        reason: String,
    },
    /// Not the shape of an API key of ours.
    #[error("what was presented is not an API key of Toolkeep (tk_<id>_<secret>)")]
    ApiKeyMalformed,
    /// No such key, or the wrong secret for it.
    #[error("no API key matches what was presented")]
    ApiKeyUnknown,
    /// Past its expiry.
    #[error("the API key {0} has expired; make a new one")]
    ApiKeyExpired(String),
    /// Revoked.
    #[error("the API key {0} was revoked; make a new one")]
    ApiKeyRevoked(String),
    /// The row of the key was changed outside of Toolkeep.
    #[error("the record of the API key {0} was changed or moved; revoke it, and find out who wrote to the database")]
    ApiKeyCorrupt(String),
}

impl VaultError {
    /// A stable code for programs and for the operator's log.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoConnection(_) => "vault_no_connection",
            Self::NotActive { status: Status::Expired, .. } => "vault_connection_expired",
            Self::NotActive { status: Status::Pending, .. } => "vault_connection_pending",
            Self::NotActive { .. } => "vault_connection_disconnected",
            Self::Invalid { .. } => "vault_invalid",
            Self::KeyWrong => "vault_key_wrong",
            Self::KeyMissing { .. } => "vault_key_missing",
            Self::KeyMalformed(_) => "vault_key_malformed",
            Self::Permissions { .. } => "vault_permissions",
            Self::Corrupt(_) => "vault_sealed_data_corrupt",
            Self::Format { .. } => "vault_format",
            Self::Unavailable { .. } => "vault_unavailable",
            Self::ApiKeyMalformed => "api_key_malformed",
            Self::ApiKeyUnknown => "api_key_unknown",
            Self::ApiKeyExpired(_) => "api_key_expired",
            Self::ApiKeyRevoked(_) => "api_key_revoked",
            Self::ApiKeyCorrupt(_) => "api_key_corrupt",
        }
    }

    pub(crate) fn unavailable(doing: &'static str, reason: impl ToString) -> Self {
        Self::Unavailable { doing, reason: reason.to_string() }
    }
}

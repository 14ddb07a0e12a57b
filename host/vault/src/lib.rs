//! The vault: which user is connected to what, and the credentials that belong to those connections.
//!
//! It is the only crate that can open a secret. A credential is sealed with AES-256-GCM under a random
//! key of its own, that key is wrapped by a key-encryption key derived from the master key, and both
//! seals are bound to the connection's whole identity, so that a row or a column copied elsewhere in the
//! database does not open. Callers' own API keys live here too, as hashes.
//!
//! ```
//! use secrecy::{ExposeSecret, SecretString};
//! use toolkeep_vault::{ConnectionKey, CredentialKind, NewConnection, Vault};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let vault = Vault::in_memory()?;
//! let key = ConnectionKey::new("acme".parse()?, "kim".parse()?, "pagerduty");
//! vault.connect(NewConnection {
//!     key: key.clone(),
//!     secret: SecretString::from("u+secret"),
//!     kind: CredentialKind::ApiKey,
//!     granted_scopes: None,
//!     base: None,
//!     account: None,
//! })?;
//! assert_eq!(vault.resolve(&key)?.secret.expose_secret(), "u+secret");
//! vault.disconnect(&key)?;
//! assert_eq!(vault.resolve(&key).err().map(|e| e.code()), Some("vault_connection_disconnected"));
//! # Ok(())
//! # }
//! ```

mod api_key;
mod connection;
mod error;
mod master_key;
mod private;
mod seal;
mod storage;
mod vault;

pub use api_key::{ApiKeyInfo, MAX_LABEL_BYTES, NewApiKey};
pub use connection::{
    Account, Connection, ConnectionId, ConnectionKey, CredentialKind, DEFAULT_NAME, MAX_FIELD_BYTES, MAX_NAME_BYTES,
    MAX_SCOPES, MAX_SECRET_BYTES, MIN_SECRET_BYTES, NewConnection, Resolved, Status,
};
pub use error::VaultError;
pub use master_key::KeySource;
pub use vault::Vault;

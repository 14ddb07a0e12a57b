//! What a connection is: who, to what, with which grant; never the secret itself.

use std::fmt;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use toolkeep_policy::{TenantId, UserId};

use crate::error::VaultError;

/// Name of a user's only connection to a connector.
pub const DEFAULT_NAME: &str = "default";
/// Shortest secret, in bytes. A shorter one can be guessed, and an upstream's answers hold its text by
/// chance, so that nobody could look for it there.
pub const MIN_SECRET_BYTES: usize = 8;
/// Longest secret, in bytes. OAuth access tokens with many claims reach some kilobytes; header limits of
/// common servers (8 to 16 KiB) make a longer one useless.
pub const MAX_SECRET_BYTES: usize = 16 * 1024;
/// Longest connector or connection name, in bytes.
pub const MAX_NAME_BYTES: usize = 128;
/// Longest other text field (base, scope, account name), in bytes.
pub const MAX_FIELD_BYTES: usize = 1024;
/// Most scopes that one grant may list.
pub const MAX_SCOPES: usize = 256;

/// Which connection: exactly one per call.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ConnectionKey {
    /// The customer.
    pub tenant: TenantId,
    /// The person.
    pub user: UserId,
    /// The connector's name, such as `pagerduty`.
    pub connector: String,
    /// Which of the user's connections to it; mostly [`DEFAULT_NAME`].
    pub name: String,
}

impl ConnectionKey {
    /// The user's [`DEFAULT_NAME`] connection to a connector.
    #[must_use]
    pub fn new(tenant: TenantId, user: UserId, connector: impl Into<String>) -> Self {
        Self { tenant, user, connector: connector.into(), name: DEFAULT_NAME.to_owned() }
    }
}

impl fmt::Display for ConnectionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} of {} in {} ({:?})", self.connector, self.user, self.tenant, self.name)
    }
}

/// Which of the connector's declared ways to authorise the secret is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialKind {
    /// A key that the user pasted.
    ApiKey,
    /// A token that the provider granted.
    OAuth2,
}

/// Whether a connection can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Begun, not finished.
    Pending,
    /// Usable.
    Active,
    /// The provider no longer takes the credential.
    Expired,
    /// Ended; its row holds no secret any more.
    Disconnected,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Disconnected => "disconnected",
        })
    }
}

/// Whose account it is, as the upstream says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The upstream's identifier of the user or account.
    pub id: String,
    /// For people.
    pub name: String,
    /// Where the upstream tells one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// IANA name, where the upstream tells one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
}

/// A random name of a connection that stays the same while it is replaced; it says nothing and may be logged.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConnectionId(pub(crate) String);

impl ConnectionId {
    /// `con_` and 32 hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A connection to store. It holds a secret, so it cannot be printed.
pub struct NewConnection {
    /// Whose, to what.
    pub key: ConnectionKey,
    /// The credential, [`MIN_SECRET_BYTES`] to [`MAX_SECRET_BYTES`] bytes.
    pub secret: SecretString,
    /// What the credential is.
    pub kind: CredentialKind,
    /// The scopes the provider granted; `None` where it never said.
    pub granted_scopes: Option<Vec<String>>,
    /// The real base in place of the declared one (another region, a simulator).
    pub base: Option<String>,
    /// Whose account, where known.
    pub account: Option<Account>,
}

/// A connection as it may be shown: everything but the secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Connection {
    /// Whose, to what.
    pub key: ConnectionKey,
    /// Random, stable, safe to log.
    pub id: ConnectionId,
    /// What the credential is.
    pub kind: CredentialKind,
    /// The scopes the provider granted; `None` where it never said.
    pub granted_scopes: Option<Vec<String>>,
    /// The real base in place of the declared one.
    pub base: Option<String>,
    /// Whose account, where known.
    pub account: Option<Account>,
    /// Whether it can be used.
    pub status: Status,
    /// When it was first connected.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Goes up with every change; an old row put back is seen by its number in the audit log.
    pub version: u64,
}

/// A connection and its opened secret. It cannot be printed; the secret is wiped when it is dropped.
pub struct Resolved {
    /// The connection, its fields authenticated by the seal.
    pub connection: Connection,
    /// The credential.
    pub secret: SecretString,
}

/// The part of a connection that is stored as one text and bound into the seal, so that nobody who can
/// write to the database can send a credential to another base.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Details {
    pub(crate) id: ConnectionId,
    pub(crate) kind: CredentialKind,
    pub(crate) granted_scopes: Option<Vec<String>>,
    pub(crate) base: Option<String>,
    pub(crate) account: Option<Account>,
}

impl Details {
    pub(crate) fn into_connection(
        self,
        key: ConnectionKey,
        status: Status,
        created_at: Timestamp,
        updated_at: Timestamp,
        version: u64,
    ) -> Connection {
        let Self { id, kind, granted_scopes, base, account } = self;
        Connection { key, id, kind, granted_scopes, base, account, status, created_at, updated_at, version }
    }
}

/// Refuses what is too long or cannot be printed before any of it is stored.
pub(crate) fn check_new(new: &NewConnection) -> Result<(), VaultError> {
    check_text("the connector's name", &new.key.connector, MAX_NAME_BYTES)?;
    check_text("the connection's name", &new.key.name, MAX_NAME_BYTES)?;
    let secret_bytes = new.secret.expose_secret().len();
    if !(MIN_SECRET_BYTES..=MAX_SECRET_BYTES).contains(&secret_bytes) {
        return Err(invalid(
            "the secret",
            format!("has {secret_bytes} bytes; {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES} are allowed"),
        ));
    }
    if let Some(base) = &new.base {
        check_text("the base", base, MAX_FIELD_BYTES)?;
    }
    if let Some(scopes) = &new.granted_scopes {
        if scopes.len() > MAX_SCOPES {
            return Err(invalid(
                "the grant",
                format!("lists {} scopes; at most {MAX_SCOPES} are allowed", scopes.len()),
            ));
        }
        for scope in scopes {
            check_text("a scope", scope, MAX_FIELD_BYTES)?;
        }
    }
    new.account.as_ref().map_or(Ok(()), check_account)
}

pub(crate) fn check_account(account: &Account) -> Result<(), VaultError> {
    check_text("the account's id", &account.id, MAX_FIELD_BYTES)?;
    for (what, field) in [
        ("the account's name", Some(&account.name)),
        ("the account's e-mail", account.email.as_ref()),
        ("the account's time zone", account.time_zone.as_ref()),
    ] {
        // An upstream may know no name; what it says must still be short and printable.
        if let Some(field) = field.filter(|field| !field.is_empty()) {
            check_text(what, field, MAX_FIELD_BYTES)?;
        }
    }
    Ok(())
}

pub(crate) fn check_text(what: &'static str, text: &str, max_bytes: usize) -> Result<(), VaultError> {
    if text.is_empty() {
        return Err(invalid(what, "is empty; give one".to_owned()));
    }
    if text.len() > max_bytes {
        return Err(invalid(what, format!("has {} bytes; at most {max_bytes} are allowed", text.len())));
    }
    if text.chars().any(char::is_control) {
        return Err(invalid(what, "holds a control character; remove it".to_owned()));
    }
    Ok(())
}

fn invalid(what: &'static str, problem: String) -> VaultError {
    VaultError::Invalid { what, problem }
}

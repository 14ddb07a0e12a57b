//! API keys of callers: 256 random bits, shown once, kept as a hash, bound to one identity.
//!
//! A key reads `tk_<id>_<secret>`: 16 hexadecimal digits that name it, 43 characters of base64url that
//! prove it. The row is bound to the master key by an HMAC, so that nobody who can write to the database
//! can give a key another user, other tools or a later expiry, or add one. Revoking erases both the hash
//! and the HMAC: what is left in the database cannot be made into a key again. Only who kept a copy of the
//! whole row from before (a backup) and may write to the database can put it back.

use aws_lc_rs::{constant_time, digest, hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use toolkeep_policy::identity::MAX_FILTER_TOOLS;
use toolkeep_policy::{Principal, TenantId, ToolFilter, UserId};
use zeroize::Zeroizing;

use crate::connection::{MAX_NAME_BYTES, check_text};
use crate::error::VaultError;
use crate::master_key::random_key;
use crate::seal::length_prefixed;
use crate::storage::ApiKeyRow;
use crate::vault::{Errand, Vault, timestamp};

/// Longest label, in bytes.
pub const MAX_LABEL_BYTES: usize = 128;
/// Hexadecimal digits of a key's id: 64 bits, so that two of a million keys collide once in 10^7 vaults.
const ID_DIGITS: usize = 16;
/// A last use is written at most this often, so that a busy key does not make the vault write.
const TOUCH_INTERVAL_US: i64 = 60_000_000;

/// A key to make.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    /// The customer the key acts for.
    pub tenant: TenantId,
    /// The person it acts for.
    pub user: UserId,
    /// What people call it; 1 to [`MAX_LABEL_BYTES`] bytes.
    pub label: String,
    /// The tools it may see.
    pub tools: ToolFilter,
    /// When it stops working, if ever.
    pub expires_at: Option<Timestamp>,
}

/// What may be shown of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApiKeyInfo {
    /// Names the key; part of it, not secret.
    pub id: String,
    /// The customer it acts for.
    pub tenant: TenantId,
    /// The person it acts for.
    pub user: UserId,
    /// What people call it.
    pub label: String,
    /// The tools it may see.
    pub tools: ToolFilter,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working, if ever.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl Vault {
    /// Makes a key. The second value is the key itself, which is stored nowhere and cannot be shown again.
    ///
    /// # Errors
    /// `vault_invalid` when the label or the filter breaks a bound; `vault_unavailable`.
    pub fn create_api_key(&self, new: NewApiKey) -> Result<(ApiKeyInfo, SecretString), VaultError> {
        check_text("the label", &new.label, MAX_LABEL_BYTES)?;
        if let ToolFilter::Only(tools) = &new.tools {
            if tools.len() > MAX_FILTER_TOOLS {
                let problem = format!("names {} tools; at most {MAX_FILTER_TOOLS} are allowed", tools.len());
                return Err(VaultError::Invalid { what: "the tool filter", problem });
            }
            for tool in tools {
                check_text("a tool's name", tool, MAX_NAME_BYTES)?;
            }
        }
        let mut id = [0; ID_DIGITS / 2];
        rand::fill(&mut id).map_err(|_| VaultError::unavailable("get random bytes", "the system gave none"))?;
        let secret = Zeroizing::new(URL_SAFE_NO_PAD.encode(*random_key()?));
        let mut row = ApiKeyRow {
            id: hex::encode(id),
            hash: digest::digest(&digest::SHA256, secret.as_bytes()).as_ref().to_vec(),
            tenant: new.tenant.as_str().to_owned(),
            user: new.user.as_str().to_owned(),
            label: new.label,
            tools: serde_json::to_string(&new.tools).map_err(|e| VaultError::unavailable("store a tool filter", e))?,
            created_us: Timestamp::now().as_microsecond(),
            expires_us: new.expires_at.map(Timestamp::as_microsecond),
            last_used_us: None,
            revoked_us: None,
            seal: Vec::new(),
        };
        row.seal = hmac::sign(&self.inner.api_key_seal, &sealed_fields(&row)).as_ref().to_vec();
        let shown = SecretString::from(format!("tk_{}_{}", row.id, *secret));
        let info = info(&row)?;
        self.inner.storage.insert_api_key(&row)?;
        Ok((info, shown))
    }

    /// Who presents this key.
    ///
    /// # Errors
    /// `api_key_malformed`, `api_key_unknown`, `api_key_expired`, `api_key_revoked`, `api_key_corrupt`:
    /// told apart for the operator; a caller must not hear which. `vault_unavailable`.
    pub fn authenticate(&self, presented: &SecretString) -> Result<Principal, VaultError> {
        let (id, secret) = parse(presented.expose_secret()).ok_or(VaultError::ApiKeyMalformed)?;
        let row = self.inner.storage.api_key(id)?.ok_or(VaultError::ApiKeyUnknown)?;
        let hash = digest::digest(&digest::SHA256, secret.as_bytes());
        // Nothing is left of a revoked key to prove it by. Which key it was is the operator's to know; the
        // caller hears the same as for any other refused key.
        if row.revoked_us.is_some() {
            return Err(VaultError::ApiKeyRevoked(row.id));
        }
        // Then the proof, then everything else: who does not hold the secret learns nothing of the key.
        constant_time::verify_slices_are_equal(hash.as_ref(), &row.hash).map_err(|_| VaultError::ApiKeyUnknown)?;
        hmac::verify(&self.inner.api_key_seal, &sealed_fields(&row), &row.seal)
            .map_err(|_| VaultError::ApiKeyCorrupt(row.id.clone()))?;
        let now_us = Timestamp::now().as_microsecond();
        if row.expires_us.is_some_and(|expires_us| expires_us <= now_us) {
            return Err(VaultError::ApiKeyExpired(row.id));
        }
        let corrupt = || VaultError::ApiKeyCorrupt(row.id.clone());
        let principal = Principal {
            tenant: row.tenant.parse().map_err(|_| corrupt())?,
            user: row.user.parse().map_err(|_| corrupt())?,
            agent: None,
            tools: serde_json::from_str(&row.tools).map_err(|_| corrupt())?,
        };
        if row.last_used_us.is_none_or(|last_us| now_us.saturating_sub(last_us) >= TOUCH_INTERVAL_US) {
            self.inner.errand(Errand::TouchApiKey { id: row.id, at_us: now_us });
        }
        Ok(principal)
    }

    /// All keys, oldest first, revoked and expired ones too.
    ///
    /// # Errors
    /// `vault_unavailable`, `api_key_corrupt`.
    pub fn api_keys(&self) -> Result<Vec<ApiKeyInfo>, VaultError> {
        self.inner.storage.api_keys()?.iter().map(info).collect()
    }

    /// Ends a key: when this returns, it is refused, and its hash and seal are erased from its row, so that
    /// resetting the row's revocation does not bring it back. Copies in the database's write-ahead log go a
    /// little later, in the background. `false` when there is none of that id, or it was revoked before.
    ///
    /// # Errors
    /// `vault_unavailable`: the key may still work.
    pub fn revoke_api_key(&self, id: &str) -> Result<bool, VaultError> {
        let revoked = self.inner.storage.revoke_api_key(id, Timestamp::now().as_microsecond());
        // Also after an error: something may have been erased.
        if !matches!(revoked, Ok(false)) {
            self.inner.scrub_soon();
        }
        revoked
    }
}

/// Takes `tk_<id>_<secret>` apart. The secret's alphabet has `_`, so the id's length decides.
fn parse(presented: &str) -> Option<(&str, &str)> {
    let (id, rest) = presented.strip_prefix("tk_")?.split_at_checked(ID_DIGITS)?;
    let secret = rest.strip_prefix('_')?;
    let base64url = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (id.bytes().all(|byte| byte.is_ascii_hexdigit()) && secret.len() == 43 && secret.bytes().all(base64url))
        .then_some((id, secret))
}

/// What the seal of a row covers: all that decides what the key may do.
fn sealed_fields(row: &ApiKeyRow) -> Vec<u8> {
    let expires = row.expires_us.map(i64::to_be_bytes);
    length_prefixed(&[
        row.id.as_bytes(),
        &row.hash,
        row.tenant.as_bytes(),
        row.user.as_bytes(),
        row.label.as_bytes(),
        row.tools.as_bytes(),
        &row.created_us.to_be_bytes(),
        expires.as_ref().map_or(&[][..], |bytes| &bytes[..]),
    ])
}

fn info(row: &ApiKeyRow) -> Result<ApiKeyInfo, VaultError> {
    let corrupt = || VaultError::ApiKeyCorrupt(row.id.clone());
    Ok(ApiKeyInfo {
        id: row.id.clone(),
        tenant: row.tenant.parse().map_err(|_| corrupt())?,
        user: row.user.parse().map_err(|_| corrupt())?,
        label: row.label.clone(),
        tools: serde_json::from_str(&row.tools).map_err(|_| corrupt())?,
        created_at: timestamp(row.created_us),
        expires_at: row.expires_us.map(timestamp),
        last_used_at: row.last_used_us.map(timestamp),
        revoked_at: row.revoked_us.map(timestamp),
    })
}

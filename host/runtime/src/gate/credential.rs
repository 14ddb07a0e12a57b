//! A credential that is ready to be attached, and to be looked for.

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use toolkeep_policy::secret_scan::Scanner;
use zeroize::Zeroizing;

/// A credential for one header on one origin. It cannot be printed; its copies here are wiped when it is dropped.
pub(crate) struct BoundCredential {
    pub(crate) origin: String,
    pub(super) header: HeaderName,
    /// Prefix and secret, marked sensitive so that nothing prints it.
    pub(super) value: HeaderValue,
    pub(super) scanner: Scanner,
    /// What the audit log calls it.
    pub(super) slot: String,
}

impl BoundCredential {
    /// Binds `prefix` and `secret` to a header of an origin. Nothing where no header can carry them, or where the
    /// secret is too short to be looked for in answers.
    pub(crate) fn new(origin: &str, header: &str, prefix: &str, secret: &SecretString, slot: String) -> Option<Self> {
        let secret = secret.expose_secret();
        let text = Zeroizing::new(format!("{prefix}{secret}").into_bytes());
        if !text.is_ascii() {
            return None;
        }
        // The header shares these bytes with every request, and the last of them wipes them.
        let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(text)).ok()?;
        value.set_sensitive(true);
        Some(Self {
            origin: origin.to_owned(),
            header: HeaderName::from_bytes(header.as_bytes()).ok()?,
            value,
            scanner: Scanner::new(secret.as_bytes())?,
            slot,
        })
    }
}

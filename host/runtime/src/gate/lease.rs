//! Whether a call's connection still stands: a user who disconnects while a call runs means that call too.

use std::sync::Arc;

use toolkeep_vault::{ConnectionKey, Vault};
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;

use super::stopped::{Breach, Stopped};

/// The connection that a call was allowed over, as it was then.
pub(crate) struct Lease {
    vault: Arc<Vault>,
    key: ConnectionKey,
    version: u64,
}

impl Lease {
    /// A lease on this version of a connection.
    pub(crate) fn new(vault: Arc<Vault>, key: ConnectionKey, version: u64) -> Self {
        Self { vault, key, version }
    }

    /// Asks the vault again, which other processes write to as well. A vault that cannot say says no.
    pub(super) fn check(&self) -> Result<(), Stopped> {
        let (code, rule) = match self.vault.is_current(&self.key, self.version) {
            Ok(true) => return Ok(()),
            Ok(false) => ("connection_ended", "the connection was ended or replaced while the call ran".to_owned()),
            Err(error) => (error.code(), error.to_string()),
        };
        let breach = Breach::Connection { code, rule: rule.clone() };
        Err(Stopped::broken(breach, code, rule, ErrorCode::HttpRequestDenied))
    }
}

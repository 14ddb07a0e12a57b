//! Puts the parts together: data directory, vault, audit log, host, connectors. What cannot be had is said
//! with what to do about it, because a server that does not start is somebody's night.

use std::path::PathBuf;
use std::sync::Arc;

use toolkeep_audit::{AuditError, AuditLog, Event, EventKind, PrincipalFields};
use toolkeep_host::{Connector, ExchangeObserver, Host, HostError};
use toolkeep_policy::{Principal, ToolFilter};
use toolkeep_vault::{KeySource, Vault, VaultError};

use crate::cli::{Global, Identity};
use crate::data_directory::DataDirectory;
use crate::failure::{Exit, Failure};

/// What the key of the audit log's digests is derived under.
const AUDIT_KEY_LABEL: &str = "audit digests";
/// The agent of records that the command line makes.
const AGENT: &str = concat!("toolkeep/", env!("CARGO_PKG_VERSION"));

/// The parts that keep things: all that key and credential commands need.
pub(crate) struct Keep {
    pub(crate) vault: Arc<Vault>,
    pub(crate) audit: AuditLog,
    data: DataDirectory,
}

impl Keep {
    /// Opens vault and audit log.
    ///
    /// # Errors
    /// [`Exit::Setup`] with the part that failed.
    pub(crate) fn open(global: &Global) -> Result<Self, Failure> {
        let data = DataDirectory::open(global.data.as_deref())?;
        let keys = KeySource::File(data.master_key());
        let vault = Vault::open(data.root(), keys).map_err(|error| vault_setup(&error))?;
        let audit =
            AuditLog::open(data.root(), vault.derive_key(AUDIT_KEY_LABEL)).map_err(|error| audit_setup(&error))?;
        Ok(Self { vault: Arc::new(vault), audit, data })
    }

    /// Builds a host over them and loads the connectors that `global` names, or the installed ones.
    ///
    /// # Errors
    /// [`Exit::Setup`] with the connector that failed: starting without one that was asked for would look
    /// like its tools were gone.
    pub(crate) async fn host(
        &self,
        global: &Global,
        observer: Option<Arc<dyn ExchangeObserver>>,
    ) -> Result<Host, Failure> {
        let mut builder = Host::builder(Arc::clone(&self.vault), self.audit.clone()).cache_directory(self.data.cache());
        for base in &global.upstreams {
            builder = builder.operator_base(base).map_err(|error| {
                Failure::new(Exit::Usage, error.code(), error.to_string())
                    .next("toolkeep --upstream http://127.0.0.1:8080 …")
            })?;
        }
        if let Some(observer) = observer {
            builder = builder.observer(observer);
        }
        let host = builder.build().map_err(|error| host_setup(&error, None))?;
        for file in self.connector_files(global)? {
            load(&host, &file).await?;
        }
        Ok(host)
    }

    fn connector_files(&self, global: &Global) -> Result<Vec<PathBuf>, Failure> {
        if !global.connectors.is_empty() {
            return Ok(global.connectors.clone());
        }
        let installed = self.data.connectors()?;
        if installed.is_empty() {
            let directory = self.data.connector_directory();
            return Err(Failure::new(
                Exit::Setup,
                "no_connectors",
                format!("there is no connector: {} holds no .wasm file", directory.display()),
            )
            .next("toolkeep --connector FILE …, or put the file there"));
        }
        Ok(installed)
    }

    /// Records something that is no call, on behalf of `principal`.
    ///
    /// # Errors
    /// The log did not take it: whatever it was must not have happened.
    pub(crate) async fn record(
        &self,
        kind: EventKind,
        principal: Option<&Principal>,
        subject: impl Into<String>,
        details: serde_json::Value,
    ) -> Result<(), Failure> {
        let details = details.as_object().cloned().unwrap_or_default();
        let principal = principal
            .map(|principal| PrincipalFields { agent: Some(AGENT.to_owned()), ..PrincipalFields::from(principal) });
        let event = Event { kind, principal, subject: subject.into(), details };
        self.audit.record(event).await.map_err(|error| audit_failure(&error))
    }
}

/// Loads one connector and says which file it was if that fails.
pub(crate) async fn load(host: &Host, file: &std::path::Path) -> Result<Arc<Connector>, Failure> {
    host.load_file(file).await.map_err(|error| host_setup(&error, Some(file)))
}

/// The identity that the command line names.
///
/// # Errors
/// A name that cannot be one.
pub(crate) fn principal(identity: &Identity, tools: &[String]) -> Result<Principal, Failure> {
    let invalid = |error: toolkeep_policy::IdentityError| Failure::new(Exit::Usage, error.code(), error.to_string());
    let tenant = identity.tenant.parse().map_err(invalid)?;
    let user = identity.user.parse().map_err(invalid)?;
    Ok(Principal::new(tenant, user).with_tools(filter(tools)).with_agent(AGENT))
}

/// No names mean every tool, as the options that collect them say.
pub(crate) fn filter(tools: &[String]) -> ToolFilter {
    if tools.is_empty() { ToolFilter::All } else { ToolFilter::Only(tools.iter().cloned().collect()) }
}

/// A vault that does not open.
fn vault_setup(error: &VaultError) -> Failure {
    let failure = Failure::new(Exit::Setup, error.code(), error.to_string());
    match error {
        VaultError::KeyMissing { .. } | VaultError::KeyWrong | VaultError::KeyMalformed(_) => {
            failure.next("put the right key file back, or start afresh with another --data DIR")
        }
        VaultError::Unavailable { .. } => failure.next("check the disk and who else holds the files, then try again"),
        _ => failure,
    }
}

fn audit_setup(error: &AuditError) -> Failure {
    let failure = Failure::new(Exit::Setup, error.code(), error.to_string());
    match error {
        AuditError::Unavailable { .. } => {
            failure.next("check the disk and who else holds the files; nothing runs without an audit log")
        }
        _ => failure,
    }
}

fn host_setup(error: &HostError, file: Option<&std::path::Path>) -> Failure {
    let message = match file {
        Some(file) => format!("{}: {error}", file.display()),
        None => error.to_string(),
    };
    let failure = Failure::new(Exit::Setup, error.code(), message);
    match file {
        Some(file) => failure.next(format!("toolkeep connector inspect {}", file.display())),
        None => failure,
    }
}

/// A vault that failed while in use.
pub(crate) fn vault_failure(error: &VaultError) -> Failure {
    let exit = match error {
        VaultError::Unavailable { .. } => Exit::Unavailable,
        VaultError::Invalid { .. } => Exit::Usage,
        VaultError::NoConnection(_) | VaultError::NotActive { .. } => Exit::Denied,
        _ => Exit::Internal,
    };
    Failure::new(exit, error.code(), error.to_string())
}

/// An audit log that failed while in use.
pub(crate) fn audit_failure(error: &AuditError) -> Failure {
    let exit = if matches!(error, AuditError::Unavailable { .. }) { Exit::Unavailable } else { Exit::Internal };
    Failure::new(exit, error.code(), error.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;

    #[test]
    fn an_identity_is_checked_before_anything_opens() {
        let identity = Identity { tenant: "acme".to_owned(), user: " kim".to_owned() };
        assert_eq!(principal(&identity, &[]).unwrap_err().exit(), Exit::Usage);
        let identity = Identity { tenant: "acme".to_owned(), user: "kim".to_owned() };
        let filtered = principal(&identity, &["a".to_owned()]).unwrap();
        assert!(filtered.tools.allows("a") && !filtered.tools.allows("b"));
    }
}

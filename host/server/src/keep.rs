//! Puts the parts together: data directory, vault, audit log, host, connectors. What cannot be had is said
//! with what to do about it, because a server that does not start is somebody's night.

use std::path::Path;
use std::sync::Arc;

use toolkeep_audit::{AuditError, AuditLog, Event, EventKind, PrincipalFields, Refusal};
use toolkeep_host::{
    ApprovalError, ConnectorFolder, ExchangeObserver, Host, HostBuilder, HostError, Installed, Limits,
};
use toolkeep_policy::{Principal, ToolFilter};
use toolkeep_vault::{KeySource, Vault, VaultError};
use zeroize::Zeroizing;

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
    /// None: nothing is kept on a disk.
    data: Option<DataDirectory>,
}

impl Keep {
    /// Opens vault and audit log.
    ///
    /// # Errors
    /// [`Exit::Setup`] with the part that failed.
    pub(crate) fn open(global: &Global) -> Result<Self, Failure> {
        Self::open_in(DataDirectory::open(global.data.as_deref())?)
    }

    /// Opens vault and audit log if they are there, and makes nothing if they are not: to take something away.
    /// `list` is the command that shows what could be.
    ///
    /// # Errors
    /// As [`Keep::open`]; also where there is no vault.
    pub(crate) fn open_existing(global: &Global, list: &str) -> Result<Self, Failure> {
        let next = format!("{list} --data DIR, with the directory of your server");
        let data = DataDirectory::if_there(global.data.as_deref())?;
        match data {
            Some(data) if data.has_vault() => Self::open_in(data),
            Some(data) => {
                let message = format!("there is no vault in {}, so there is nothing to remove", data.root().display());
                Err(Failure::new(Exit::Setup, "no_vault", message).next(next))
            }
            None => Err(DataDirectory::missing(global.data.as_deref())?.next(next)),
        }
    }

    /// Opens what is there, to list it: `None` where there is no data directory, and where nothing was kept in it
    /// yet, what dies with the process. Nothing is made.
    ///
    /// # Errors
    /// As [`Keep::open`].
    pub(crate) fn open_to_list(global: &Global) -> Result<Option<Self>, Failure> {
        match DataDirectory::if_there(global.data.as_deref())? {
            None => Ok(None),
            Some(data) if data.has_vault() => Self::open_in(data).map(Some),
            Some(data) => Self::in_memory(Some(data)).map(Some),
        }
    }

    /// For a look at the connectors: what is there if a vault is, and otherwise nothing that outlasts the
    /// process, so that looking makes nothing.
    ///
    /// # Errors
    /// As [`Keep::open`]; also where neither a data directory nor a connector is named.
    pub(crate) fn open_to_look(global: &Global) -> Result<Self, Failure> {
        let data = match DataDirectory::existing(global.data.as_deref()) {
            Ok(data) if data.has_vault() => return Self::open_in(data),
            Ok(data) => Some(data),
            Err(_) if !global.connectors.is_empty() => None,
            Err(failure) => return Err(failure),
        };
        Self::in_memory(data)
    }

    /// A vault and an audit log that die with the process. `data` is where connectors are looked for.
    ///
    /// # Errors
    /// The system gave no memory or no random bytes.
    pub(crate) fn in_memory(data: Option<DataDirectory>) -> Result<Self, Failure> {
        let vault = Vault::in_memory().map_err(|error| vault_failure(&error))?;
        let audit = AuditLog::in_memory(vault.derive_key(AUDIT_KEY_LABEL)).map_err(|error| audit_failure(&error))?;
        Ok(Self { vault: Arc::new(vault), audit, data })
    }

    fn open_in(data: DataDirectory) -> Result<Self, Failure> {
        let keys = KeySource::File(data.master_key());
        let vault = Vault::open(data.root(), keys).map_err(|error| vault_setup(&error))?;
        let audit =
            AuditLog::open(data.root(), vault.derive_key(AUDIT_KEY_LABEL)).map_err(|error| audit_setup(&error))?;
        Ok(Self { vault: Arc::new(vault), audit, data: Some(data) })
    }

    /// Where installed connectors lie, and the key that vouches for their approvals.
    ///
    /// # Errors
    /// Nothing is kept on a disk.
    pub(crate) fn folder(&self) -> Result<ConnectorFolder, Failure> {
        let data = self.data.as_ref().ok_or_else(no_connectors)?;
        Ok(ConnectorFolder::new(data.connector_directory(), &self.vault))
    }

    /// The approvals. That they cannot be believed is recorded.
    ///
    /// # Errors
    /// [`Exit::Setup`] with what to do.
    pub(crate) async fn installed(&self) -> Result<Installed, Failure> {
        match self.folder()?.read() {
            Ok(installed) => Ok(installed),
            Err(error) => Err(self.not_approved(&error).await?),
        }
    }

    /// Builds a host over them and loads the connectors that `global` names, or the installed ones: of both, only
    /// what is approved.
    ///
    /// # Errors
    /// [`Exit::Setup`] with the connector that failed: starting without one that was asked for would look
    /// like its tools were gone.
    pub(crate) async fn host(
        &self,
        global: &Global,
        observer: Option<Arc<dyn ExchangeObserver>>,
    ) -> Result<Host, Failure> {
        let folder = self.folder();
        // Nobody replaces a component between its approval being read and its bytes.
        let _hold = match &folder {
            Ok(folder) => Some(folder.hold().map_err(|error| approval_setup(&error, None))?),
            Err(_) => None,
        };
        if !global.connectors.is_empty() {
            let host = match folder {
                Ok(_) => self.bare_host(global, &self.installed().await?, observer)?,
                Err(_) => self.builder(global, observer)?.build().map_err(|error| host_setup(&error, None))?,
            };
            for file in &global.connectors {
                host.load_file(file).await.map_err(|error| host_setup(&error, Some(file)))?;
            }
            return Ok(host);
        }
        let installed = self.installed().await?;
        if let Err(error) = installed.refuse_strays() {
            return Err(self.not_approved(&error).await?);
        }
        let host = self.bare_host(global, &installed, observer)?;
        for connector in installed.connectors() {
            let wasm = match installed.wasm(connector) {
                Ok(wasm) => wasm,
                Err(error) => return Err(self.not_approved(&error).await?),
            };
            let file = installed.file(&connector.digest);
            host.load(&wasm).await.map_err(|error| host_setup(&error, Some(&file)))?;
        }
        if host.connectors().is_empty() { Err(no_connectors()) } else { Ok(host) }
    }

    /// A host that has loaded nothing yet, and may load what is installed.
    ///
    /// # Errors
    /// [`Exit::Setup`], and [`Exit::Usage`] for an `--upstream` that is none.
    pub(crate) fn bare_host(
        &self,
        global: &Global,
        installed: &Installed,
        observer: Option<Arc<dyn ExchangeObserver>>,
    ) -> Result<Host, Failure> {
        let builder = self.builder(global, observer)?.approvals(Arc::new(installed.clone()));
        builder.build().map_err(|error| host_setup(&error, None))
    }

    fn builder(&self, global: &Global, observer: Option<Arc<dyn ExchangeObserver>>) -> Result<HostBuilder, Failure> {
        let mut builder = Host::builder(Arc::clone(&self.vault), self.audit.clone()).limits(limits(global)?);
        if let Some(data) = self.data.as_ref().filter(|data| data.has_vault()) {
            builder = builder.cache_directory(data.cache());
        }
        for base in &global.upstreams {
            builder = builder.operator_base(base).map_err(|error| {
                // A URL may hold a password, so it is not repeated.
                let message = match &error {
                    HostError::Base { reason, .. } => format!("an --upstream is no base: {reason}"),
                    _ => error.to_string(),
                };
                Failure::new(Exit::Usage, error.code(), message).next("toolkeep --upstream http://127.0.0.1:8080 …")
            })?;
        }
        Ok(match observer {
            Some(observer) => builder.observer(observer),
            None => builder,
        })
    }

    /// Whether there is a connector to load.
    ///
    /// # Errors
    /// As [`Keep::installed`].
    pub(crate) async fn has_connectors(&self, global: &Global) -> Result<bool, Failure> {
        Ok(!global.connectors.is_empty() || self.installed().await?.connectors().next().is_some())
    }

    /// Records that a connector is not what was approved, and gives the failure that says so.
    async fn not_approved(&self, error: &ApprovalError) -> Result<Failure, Failure> {
        let refusal = Refusal {
            connector: Some("installed".to_owned()),
            code: error.code().to_owned(),
            rule: Some(error.to_string()),
            ..Refusal::default()
        };
        let _receipt = self.audit.refuse(refusal).await.map_err(|error| audit_failure(&error))?;
        Ok(approval_setup(error, None))
    }

    /// Records that something was not done for `principal`. `rule` says why in the host's own words.
    ///
    /// # Errors
    /// The log did not take it.
    pub(crate) async fn refuse(
        &self,
        principal: &Principal,
        connector: &str,
        what: &str,
        code: &str,
        rule: &str,
    ) -> Result<(), Failure> {
        let refusal = Refusal {
            principal: Some(fields(principal)),
            connector: Some(connector.to_owned()),
            tool: Some(what.to_owned()),
            code: code.to_owned(),
            rule: Some(rule.to_owned()),
            ..Refusal::default()
        };
        self.audit.refuse(refusal).await.map(|_receipt| ()).map_err(|error| audit_failure(&error))
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
        let event = Event { kind, principal: principal.map(fields), subject: subject.into(), details };
        self.audit.record(event).await.map_err(|error| audit_failure(&error))
    }
}

/// The host's limits, as configured.
///
/// # Errors
/// [`Exit::Usage`] for a setting that fits none; the command line refuses those before.
pub(crate) fn limits(global: &Global) -> Result<Limits, Failure> {
    let mut limits = Limits::default();
    for setting in &global.limits {
        setting.apply(&mut limits).map_err(|error| Failure::usage(error.to_string()).next("toolkeep limits"))?;
    }
    Ok(limits)
}

/// The audit log alone, to read: it says what happened even where vault or master key is broken or lost.
///
/// # Errors
/// [`Exit::Setup`] where there is none, or it cannot be read.
pub(crate) fn audit_log(global: &Global) -> Result<AuditLog, Failure> {
    let data = DataDirectory::existing(global.data.as_deref())?;
    if !data.has_audit_log() {
        let message = format!("there is no audit log in {}, so there is nothing to show", data.root().display());
        return Err(Failure::new(Exit::Setup, "no_audit_log", message).next("toolkeep audit list --data DIR"));
    }
    // The key is for digests of new records alone, and a reader makes none.
    AuditLog::open(data.root(), Zeroizing::new([0; 32])).map_err(|error| audit_setup(&error))
}

/// Who, as a record of the command line's says it.
fn fields(principal: &Principal) -> PrincipalFields {
    PrincipalFields { agent: Some(AGENT.to_owned()), ..PrincipalFields::from(principal) }
}

/// Checks that each of `names` is a tool of a loaded connector: one that is not would be hidden for ever.
///
/// # Errors
/// [`Exit::Usage`] with the names that there are.
pub(crate) fn check_tools(host: &Host, names: &[String]) -> Result<(), Failure> {
    let connectors = host.connectors();
    let known: Vec<&str> =
        connectors.iter().flat_map(|loaded| &loaded.description.tools).map(|tool| tool.name.as_str()).collect();
    let unknown: Vec<&str> = names.iter().map(String::as_str).filter(|name| !known.contains(name)).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let message = format!("no loaded connector has the tool {}; there is {}", unknown.join(", "), known.join(", "));
    Err(Failure::new(Exit::Usage, "unknown_tool", crate::output::printable(&message)).next("toolkeep tools"))
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

/// A host that could not be set up, or a connector that it does not take.
pub(crate) fn host_setup(error: &HostError, file: Option<&Path>) -> Failure {
    if let HostError::Approval(error) = error {
        return approval_setup(error, file);
    }
    if let Some(failure) = limit_too_low(Exit::Setup, error, file) {
        return failure;
    }
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

/// A component that is one, and needs more than a limit of this host gives, where the engine says so. It says it in
/// words alone, next to all else that can be wrong with a component; other words of its get its usual error.
pub(crate) fn limit_too_low(exit: Exit, error: &HostError, file: Option<&Path>) -> Option<Failure> {
    let HostError::NotAComponent(told) = error else { return None };
    let limit = match told {
        told if !told.contains("exceeds the limit") && !told.contains("exceeds the configured maximum") => return None,
        told if told.contains("minimum byte size") => "memory_bytes",
        told if told.contains("minimum element size") => "table_elements",
        told if told.contains(" tables, which exceeds") => "tables",
        told if told.contains(" core module instances, which exceeds") => "core_instances",
        _ => return None,
    };
    let file = file.map_or_else(String::new, |file| format!("{}: ", file.display()));
    let message = format!("{file}the component needs more than the limit {limit} gives: {told}");
    Some(
        Failure::new(exit, "limit_too_low", message)
            .next(format!("toolkeep limits, and --host-limit {limit}=NUMBER with a larger one")),
    )
}

/// A connector that is not approved, or not what was approved, with the command that mends it.
pub(crate) fn approval_setup(error: &ApprovalError, file: Option<&Path>) -> Failure {
    let message = match file {
        Some(file) => format!("{}: {error}", file.display()),
        None => error.to_string(),
    };
    let failure = Failure::new(Exit::Setup, error.code(), message);
    let install = "toolkeep connector install";
    match (error, file) {
        (ApprovalError::NotApproved { .. } | ApprovalError::SaysOtherwise { .. }, Some(file)) => {
            failure.next(format!("{install} {}", file.display()))
        }
        (ApprovalError::Stray { path }, _) => {
            failure.next(format!("move {} elsewhere, and from there: {install} FILE; or delete it", path.display()))
        }
        (ApprovalError::FileChanged { name, .. } | ApprovalError::FileMissing { name, .. }, _) => failure
            .next(format!("{install} FILE, with the file as its publisher made it; or toolkeep connector remove {name}")),
        (ApprovalError::NotGenuine { path, .. }, _) => failure.next(format!(
            "put the file back from a backup of this vault; or delete {} and approve each connector anew: {install} FILE",
            path.display()
        )),
        _ => failure,
    }
}

fn no_connectors() -> Failure {
    Failure::new(Exit::Setup, "no_connectors", "no connector is installed").next("toolkeep connector install FILE")
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

    #[test]
    fn only_what_the_engine_says_of_a_limit_is_about_a_limit() {
        let code = |told: &str| {
            let error = HostError::NotAComponent(told.to_owned());
            host_setup(&error, None).code().to_owned()
        };
        assert_eq!(
            code("memory has a minimum byte size of 1114112 which exceeds the limit of 65536 bytes"),
            "limit_too_low"
        );
        assert_eq!(code("table index 0 has a minimum element size of 9 which exceeds the limit of 1"), "limit_too_low");
        assert_eq!(code("unexpected end-of-file"), "not_a_component");
    }
}

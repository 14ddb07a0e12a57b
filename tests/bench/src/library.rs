//! Calls through the host library, in this process.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, anyhow};
use pagerduty_simulator::DEMO_OAUTH_TOKEN;
use secrecy::SecretString;
use serde_json::json;
use toolkeep_audit::AuditLog;
use toolkeep_host::{Call, Exchange, ExchangeObserver, Host, Limits, Principal, RequestView};
use toolkeep_vault::{ConnectionKey, CredentialKind, KeySource, NewConnection, Vault};
use zeroize::Zeroizing;

/// The tool that is called.
pub(crate) const TOOL: &str = "pagerduty_incidents_list";
/// Whom everything here is done for.
pub(crate) const TENANT: &str = "acme";
/// The person.
pub(crate) const USER: &str = "kim";

/// What the tool is given, everywhere.
pub(crate) fn arguments() -> serde_json::Value {
    json!({ "status": "open", "limit": 25 })
}

/// Whom everything here is done for.
pub(crate) fn principal() -> anyhow::Result<Principal> {
    Ok(Principal::new(TENANT.parse()?, USER.parse()?))
}

/// Where the audit log of a library is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audit {
    /// It dies with the process.
    Memory,
    /// In the library's directory, each record synced.
    Durable,
}

/// The default limits, but for the rate of one principal: it is measured how fast calls can be.
pub(crate) fn limits() -> anyhow::Result<Limits> {
    let mut limits = Limits::default();
    limits.set("calls_per_minute_per_principal", 0)?;
    Ok(limits)
}

/// A host with the PagerDuty connector and a connected user.
pub(crate) struct Library {
    host: Host,
    principal: Principal,
}

impl Library {
    /// Builds it over a vault in `directory`.
    pub(crate) async fn open(
        directory: &Path,
        audit: Audit,
        simulator: &str,
        component: &[u8],
    ) -> anyhow::Result<Self> {
        Self::build(directory, audit, simulator, component, None).await
    }

    async fn build(
        directory: &Path,
        audit: Audit,
        simulator: &str,
        component: &[u8],
        observer: Option<Arc<dyn ExchangeObserver>>,
    ) -> anyhow::Result<Self> {
        let vault = Arc::new(Vault::open(directory, KeySource::Bytes(Zeroizing::new([7; 32])))?);
        let digest_key = vault.derive_key("audit digests");
        let log = match audit {
            Audit::Memory => AuditLog::in_memory(digest_key)?,
            Audit::Durable => AuditLog::open(directory, digest_key)?,
        };
        let mut builder = Host::builder(Arc::clone(&vault), log)
            .limits(limits()?)
            .cache_directory(directory.join("cache"))
            .operator_base(simulator)?;
        if let Some(observer) = observer {
            builder = builder.observer(observer);
        }
        let host = builder.build()?;
        host.load_trusted(component).await?;
        let principal = principal()?;
        let key = ConnectionKey::new(principal.tenant.clone(), principal.user.clone(), "pagerduty");
        vault.connect(NewConnection {
            key: key.clone(),
            secret: SecretString::from(DEMO_OAUTH_TOKEN),
            kind: CredentialKind::OAuth2,
            granted_scopes: None,
            base: Some(simulator.to_owned()),
            account: None,
        })?;
        let account = host.identify(&principal, "pagerduty", "default").await?;
        vault.set_account(&key, account)?;
        Ok(Self { host, principal })
    }

    /// One call; the structured answer.
    pub(crate) async fn call(&self) -> anyhow::Result<String> {
        let answer = self.host.call(&self.principal, Call::new(TOOL, arguments())?).await?;
        let structured = answer.structured.context("the tool gave nothing structured")?;
        Ok(String::from(Box::<str>::from(structured)))
    }
}

#[derive(Default)]
struct Seen(Mutex<Vec<RequestView>>);

impl ExchangeObserver for Seen {
    fn exchanged(&self, exchange: &Exchange) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(exchange.sent.clone());
    }
}

/// The one request that a call makes, as it leaves the gate, and the answer to the call.
pub(crate) async fn observe(
    directory: &Path,
    simulator: &str,
    component: &[u8],
) -> anyhow::Result<(RequestView, String)> {
    let seen = Arc::new(Seen::default());
    let observer = Arc::clone(&seen) as Arc<dyn ExchangeObserver>;
    let library = Library::build(directory, Audit::Memory, simulator, component, Some(observer)).await?;
    seen.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    let answer = library.call().await?;
    let requests = std::mem::take(&mut *seen.0.lock().unwrap_or_else(PoisonError::into_inner));
    let [request] = <[RequestView; 1]>::try_from(requests)
        .map_err(|all| anyhow!("a call made {} requests instead of one", all.len()))?;
    Ok((request, answer))
}

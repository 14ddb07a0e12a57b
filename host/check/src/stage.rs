//! The throw-away host with everything around it: vault and audit log in memory, a user and a hostile upstream for
//! each kind of credential that the connector takes.

use std::sync::Arc;

use hostile_upstream::{Behaviour, Config, HostileUpstream, ReceivedRequest};
use secrecy::SecretString;
use serde_json::Value;
use toolkeep_audit::{AuditLog, Query, Record};
use toolkeep_host::{
    Answer, Call, CallError, Connector, CredentialKind, ExchangeObserver, Host, HostError, Limits, Lookup,
    MemoryObserver, Principal, ProgressSink, Resolver,
};
use toolkeep_vault::{Account, ConnectionKey, CredentialKind as StoredKind, NewConnection, Vault};

use crate::CheckError;
use crate::finder::Finder;
use crate::watch::{Seen, Watch};

/// Longest a call may take, in milliseconds: a guest that keeps asking a silent upstream is stopped here.
const WALL_CLOCK_MS: u64 = 10_000;
/// Longest wait for an upstream's answer, in milliseconds. On loopback a good one takes a few; each of the
/// upstreams that never answer costs this long.
const UPSTREAM_MS: u64 = 1_000;
/// Places for calls. One case runs at a time.
const CONCURRENT_CALLS: u32 = 2;
/// Audit records of one case, twice over: an intent and an outcome for each of two calls, or a refusal.
const RECORDS_PER_CASE: usize = 16;

/// Knows no name: the upstreams here have addresses, and nothing else is to be reached.
struct Nowhere;

impl Resolver for Nowhere {
    fn resolve<'a>(&'a self, _: &'a str) -> Lookup<'a> {
        Box::pin(std::future::ready(Err(std::io::Error::from(std::io::ErrorKind::NotFound))))
    }
}

/// What watches the host.
pub(crate) struct Watching {
    pub(crate) watch: Arc<Watch>,
    pub(crate) finder: Arc<Finder>,
    /// One for each kind of credential that there can be.
    pub(crate) canaries: Vec<String>,
}

/// Somebody with one credential.
pub(crate) struct User {
    pub(crate) principal: Principal,
    pub(crate) upstream: HostileUpstream,
    /// The header that carries the credential, in lower case, and its whole value.
    pub(crate) credential: Option<(String, String)>,
}

/// Everything that a case runs on.
pub(crate) struct Stage {
    pub(crate) connector: Arc<Connector>,
    pub(crate) users: Vec<User>,
    pub(crate) finder: Arc<Finder>,
    host: Host,
    watch: Arc<Watch>,
    last_record: u64,
}

/// What came of one case.
pub(crate) struct Outcome {
    /// The last call's result; of `identify`, the account as text.
    pub(crate) result: Result<Given, CallError>,
    pub(crate) seen: Seen,
    pub(crate) records: Vec<Record>,
    pub(crate) requests: Vec<ReceivedRequest>,
}

/// What a call gave.
pub(crate) enum Given {
    Answer(Answer),
    Account(Account),
}

fn setup(error: impl std::fmt::Display) -> CheckError {
    CheckError::Setup(error.to_string())
}

impl Stage {
    /// Loads the component into a host of its own. It need not be installed or approved: it reaches nothing.
    pub(crate) async fn set(wasm: &[u8], limits: &Limits, watching: Watching) -> Result<Self, CheckError> {
        let Watching { watch, finder, canaries } = watching;
        let mut upstreams = Vec::new();
        for _ in &canaries {
            upstreams.push(HostileUpstream::start(Behaviour::Plausible).await.map_err(setup)?);
        }
        // What the component declares decides how the upstreams read its requests, so it is looked at first.
        let description = looked_at(wasm, limits).await?.description;
        for (upstream, credential) in upstreams.iter_mut().zip(&description.credentials) {
            let config = Config {
                credential_header: credential.header.clone(),
                credential_prefix: Some(credential.prefix.clone()),
                ..Config::default()
            };
            *upstream = HostileUpstream::start_with(config).await.map_err(setup)?;
        }

        let vault = Arc::new(Vault::in_memory().map_err(setup)?);
        let audit = AuditLog::in_memory(vault.derive_key("audit digests")).map_err(setup)?;
        let mut limits = limits.clone();
        limits.wall_clock_ms = WALL_CLOCK_MS;
        limits.upstream_ms = UPSTREAM_MS;
        limits.concurrent_calls = CONCURRENT_CALLS;
        limits.calls_per_minute_per_principal = 0;
        let mut builder = Host::builder(vault, audit)
            .limits(limits)
            .resolver(Arc::new(Nowhere))
            .observer(Arc::clone(&watch) as Arc<dyn ExchangeObserver>)
            .memory_observer(Arc::clone(&watch) as Arc<dyn MemoryObserver>);
        for upstream in &upstreams {
            builder = builder.operator_base(&upstream.base_url())?;
        }
        let host = builder.build()?;
        let connector = host.load_trusted(wasm).await?;

        let mut users = Vec::new();
        let declared = connector.description.credentials.iter().map(Some);
        let none = connector.description.credentials.is_empty().then_some(None);
        for (number, ((credential, canary), upstream)) in declared.chain(none).zip(&canaries).zip(upstreams).enumerate()
        {
            let user = format!("user-{number}");
            let principal = Principal::new("check".parse().map_err(setup)?, user.parse().map_err(setup)?);
            if let Some(credential) = credential {
                let kind = match credential.kind {
                    CredentialKind::OAuth2 { .. } => StoredKind::OAuth2,
                    CredentialKind::ApiKey { .. } => StoredKind::ApiKey,
                };
                host.vault()
                    .connect(NewConnection {
                        key: key(&principal, &connector),
                        secret: SecretString::from(canary.clone()),
                        kind,
                        granted_scopes: None,
                        base: Some(upstream.base_url()),
                        account: Some(account()),
                    })
                    .map_err(setup)?;
            }
            let credential = credential
                .map(|declared| (declared.header.to_ascii_lowercase(), format!("{}{canary}", declared.prefix)));
            users.push(User { principal, upstream, credential });
        }
        watch.take();
        Ok(Self { connector, users, finder, host, watch, last_record: 0 })
    }

    /// Runs one tool, `times` times; what the first leaves behind may come back with the second.
    pub(crate) async fn call(&mut self, user: usize, tool: &str, arguments: &Value, times: usize) -> Option<Outcome> {
        let principal = self.users.get(user)?.principal.clone();
        let mut result = None;
        for _ in 0..times.max(1) {
            let given = match Call::new(tool, arguments.clone()) {
                Ok(mut call) => {
                    call.progress = Some(Arc::clone(&self.watch) as Arc<dyn ProgressSink>);
                    self.host.call(&principal, call).await
                }
                Err(error) => Err(error),
            };
            result = Some(given.map(Given::Answer));
        }
        self.outcome(user, result?)
    }

    /// Runs `identify`.
    pub(crate) async fn identify(&mut self, user: usize, times: usize) -> Option<Outcome> {
        let principal = self.users.get(user)?.principal.clone();
        let name = self.connector.description.name.clone();
        let mut result = None;
        for _ in 0..times.max(1) {
            result = Some(self.host.identify(&principal, &name, "default").await.map(Given::Account));
        }
        self.outcome(user, result?)
    }

    fn outcome(&mut self, user: usize, result: Result<Given, CallError>) -> Option<Outcome> {
        let query = Query { last: RECORDS_PER_CASE, ..Query::default() };
        // A log that cannot be read would have failed the call already.
        let mut records = self.host.audit().records(&query).unwrap_or_default();
        records.retain(|record| record.seq > self.last_record);
        self.last_record = records.iter().map(|record| record.seq).max().unwrap_or(self.last_record);
        let requests = self.users.get(user)?.upstream.take_requests();
        Some(Outcome { result, seen: self.watch.take(), records, requests })
    }
}

/// The component, looked at in a host that can do nothing else.
pub(crate) async fn looked_at(wasm: &[u8], limits: &Limits) -> Result<Connector, HostError> {
    let host = || -> Result<Host, Box<dyn std::error::Error>> {
        let vault = Vault::in_memory()?;
        let audit = AuditLog::in_memory(vault.derive_key("audit digests"))?;
        let mut limits = limits.clone();
        limits.concurrent_calls = 1;
        Ok(Host::builder(Arc::new(vault), audit).limits(limits).build()?)
    };
    match host() {
        Ok(host) => host.inspect(wasm).await,
        Err(error) => Err(HostError::Engine(error.to_string())),
    }
}

fn key(principal: &Principal, connector: &Connector) -> ConnectionKey {
    ConnectionKey::new(principal.tenant.clone(), principal.user.clone(), connector.description.name.clone())
}

/// Whose the credential is said to be, so that headers which carry the account are sent.
fn account() -> Account {
    Account {
        id: "PUSER1".to_owned(),
        name: "Someone".to_owned(),
        email: Some("someone@upstream.example".to_owned()),
        time_zone: Some("UTC".to_owned()),
    }
}

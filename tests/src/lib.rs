//! The stage that the integration tests play on: a real vault and audit log in a directory of their own, a
//! real host, real components, and a real upstream on loopback.

pub mod bombs;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, anyhow, bail};
use pagerduty_simulator::{Config, Simulator, Token, TokenKind};
use secrecy::SecretString;
use serde_json::Value;
use toolkeep_audit::{AuditLog, Query, Record};
use toolkeep_host::{
    Answer, Approval, ApprovalError, Approvals, Call, CallError, Exchange, ExchangeObserver, Host, HostBuilder,
    HostError, Limits, Principal,
};
use toolkeep_vault::{Account, ConnectionKey, CredentialKind, KeySource, NewConnection, Vault};
use zeroize::Zeroizing;

/// Email of the person that the tests act as: on call for payments in the simulator's company.
pub const KIM: &str = pagerduty_simulator::DEMO_USER_EMAIL;

/// The directory that cargo builds into.
fn target_directory() -> PathBuf {
    option_env!("CARGO_TARGET_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target"), PathBuf::from)
}

/// The PagerDuty component.
///
/// # Errors
/// Says which command builds it.
pub fn pagerduty() -> Result<Vec<u8>> {
    component("toolkeep_pagerduty.wasm")
}

/// A component of `tests/guests`: one that `examples` holds, or `wat`.
///
/// # Errors
/// Says which command builds it, or what is wrong with its text.
pub fn guest(name: &str) -> Result<Vec<u8>> {
    let text = Path::new(env!("CARGO_MANIFEST_DIR")).join("guests/wat").join(name).with_extension("wat");
    if text.is_file() {
        return wat::parse_file(&text).with_context(|| format!("{} is no component", text.display()));
    }
    component(&format!("examples/{name}.wasm"))
}

/// Where a component of `tests/guests/examples` lies, for programs that take a file.
#[must_use]
pub fn guest_path(name: &str) -> PathBuf {
    components().join("examples").join(name).with_extension("wasm")
}

/// The program, as `cargo xtask` builds it.
///
/// # Errors
/// Says which command builds it.
pub fn program() -> Result<PathBuf> {
    let path = target_directory().join("release").join(format!("toolkeep{}", std::env::consts::EXE_SUFFIX));
    if path.is_file() { Ok(path) } else { bail!("{} is missing; run: cargo xtask redteam", path.display()) }
}

fn components() -> PathBuf {
    target_directory().join("wasm32-wasip2/guest")
}

fn component(name: &str) -> Result<Vec<u8>> {
    let path = components().join(name);
    std::fs::read(&path).with_context(|| format!("{} is missing; run: cargo xtask guests", path.display()))
}

/// Where tests keep compiled components, so that each is compiled once.
#[must_use]
pub fn test_cache() -> PathBuf {
    target_directory().join("test-cache")
}

/// Every file below a directory, with its bytes.
///
/// # Errors
/// Where one cannot be read.
pub fn files_below(directory: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut files = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory)? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else {
                files.push((path.clone(), std::fs::read(&path)?));
            }
        }
    }
    Ok(files)
}

/// Keeps every exchange it is shown.
#[derive(Default)]
pub struct Exchanges(Mutex<Vec<Exchange>>);

impl Exchanges {
    /// What was seen so far, in order.
    pub fn all(&self) -> Vec<Exchange> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ExchangeObserver for Exchanges {
    fn exchanged(&self, exchange: &Exchange) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(exchange.clone());
    }
}

/// Approves whatever a test loads: most tests are about what comes after.
#[derive(Debug, Clone, Copy)]
pub struct Everything;

impl Approvals for Everything {
    fn find(&self, digest: &str) -> Result<Option<Approval>, ApprovalError> {
        Approval::of_digest(digest).map(Some)
    }
}

/// A host with everything around it.
pub struct Stage {
    /// The host.
    pub host: Host,
    /// What its gate did.
    pub exchanges: Arc<Exchanges>,
    /// The user of most tests.
    pub kim: Principal,
    /// Where vault, audit log and cache are.
    pub data: tempfile::TempDir,
    /// The credential that is stored for `kim`: nothing but the upstream may ever see it.
    pub canary: String,
}

/// A canary in the shape of a PagerDuty OAuth token, another one for each test.
#[must_use]
pub fn oauth_canary(name: &str) -> String {
    format!("pdus+_0XBPWQQ_canary-{name}-{}", std::process::id())
}

/// A canary in the shape of a PagerDuty API key, another one for each test.
#[must_use]
pub fn api_key_canary(name: &str) -> String {
    format!("u_Canary{name}{}", std::process::id())
}

impl Stage {
    /// A host that may reach the loopback `base`, with `limits`.
    ///
    /// # Errors
    /// Whatever part could not be set up.
    pub fn new(base: &str, limits: Limits) -> Result<Self> {
        Self::with_cache(base, limits, test_cache())
    }

    /// The same, with a cache directory of its own.
    ///
    /// # Errors
    /// Whatever part could not be set up.
    pub fn with_cache(base: &str, limits: Limits, cache: PathBuf) -> Result<Self> {
        Self::build(base, limits, cache, Ok)
    }

    /// A host with what `configure` adds to it: a resolver, roots.
    ///
    /// # Errors
    /// Whatever part could not be set up.
    pub fn configured(
        base: &str,
        limits: Limits,
        configure: impl FnOnce(HostBuilder) -> Result<HostBuilder, HostError>,
    ) -> Result<Self> {
        Self::build(base, limits, test_cache(), configure)
    }

    /// The same, with a cache directory of its own.
    ///
    /// # Errors
    /// Whatever part could not be set up.
    pub fn build(
        base: &str,
        limits: Limits,
        cache: PathBuf,
        configure: impl FnOnce(HostBuilder) -> Result<HostBuilder, HostError>,
    ) -> Result<Self> {
        let data = tempfile::tempdir()?;
        let directory = data.path().join("data");
        // The cache is authenticated with a key from the vault: one cache, one key.
        let vault = Arc::new(Vault::open(&directory, KeySource::Bytes(Zeroizing::new([7; 32])))?);
        let audit = AuditLog::open(&directory, vault.derive_key("audit digests"))?;
        let exchanges = Arc::new(Exchanges::default());
        let builder = Host::builder(vault, audit)
            .limits(limits)
            .approvals(Arc::new(Everything))
            .cache_directory(cache)
            .operator_base(base)?
            .observer(Arc::clone(&exchanges) as Arc<dyn ExchangeObserver>);
        let host = configure(builder)?.build()?;
        let kim = Principal::new("acme".parse()?, "kim".parse()?);
        Ok(Self { host, exchanges, kim, data, canary: String::new() })
    }

    /// Stores a credential for `kim`.
    ///
    /// # Errors
    /// What the vault says.
    pub fn connect(
        &mut self,
        connector: &str,
        secret: &str,
        kind: CredentialKind,
        scopes: Option<&[&str]>,
        base: &str,
    ) -> Result<()> {
        self.canary = secret.to_owned();
        self.host.vault().connect(NewConnection {
            key: self.key(connector),
            secret: SecretString::from(secret),
            kind,
            granted_scopes: scopes.map(|scopes| scopes.iter().map(|scope| (*scope).to_owned()).collect()),
            base: Some(base.to_owned()),
            account: None,
        })?;
        Ok(())
    }

    /// Stores a credential for anybody, identified as `kim@fixture.example`; without a base, for the declared one.
    ///
    /// # Errors
    /// What the vault says.
    pub fn connect_as(&self, key: ConnectionKey, secret: &str, kind: CredentialKind, base: Option<&str>) -> Result<()> {
        let account = Account {
            id: "PKIM".to_owned(),
            name: "Kim".to_owned(),
            email: Some("kim@fixture.example".to_owned()),
            time_zone: None,
        };
        self.host.vault().connect(NewConnection {
            key,
            secret: SecretString::from(secret),
            kind,
            granted_scopes: None,
            base: base.map(ToOwned::to_owned),
            account: Some(account),
        })?;
        Ok(())
    }

    /// The key of `kim`'s default connection.
    #[must_use]
    pub fn key(&self, connector: &str) -> ConnectionKey {
        ConnectionKey::new(self.kim.tenant.clone(), self.kim.user.clone(), connector)
    }

    /// Calls a tool as `kim`.
    ///
    /// # Errors
    /// The call's own.
    pub async fn call(&self, tool: &str, arguments: Value) -> Result<Answer, CallError> {
        self.host.call(&self.kim, Call::new(tool, arguments)?).await
    }

    /// Calls a tool as `kim` and gives its structured answer.
    ///
    /// # Errors
    /// Says which call failed and how.
    pub async fn structured(&self, tool: &str, arguments: Value) -> Result<Value> {
        let answer = self
            .call(tool, arguments.clone())
            .await
            .map_err(|error| anyhow!("{tool} {arguments}: {}: {error}: {:?}", error.code(), error.details()))?;
        let text = answer.structured.with_context(|| format!("{tool} gave nothing structured"))?;
        Ok(serde_json::from_str(text.get())?)
    }

    /// The newest audit records, oldest first.
    ///
    /// # Errors
    /// What the log says.
    pub fn records(&self) -> Result<Vec<Record>> {
        let mut records = self.host.audit().records(&Query { last: 1_000, ..Query::default() })?;
        records.sort_by_key(|record| record.seq);
        Ok(records)
    }

    /// Every byte of every file under the data directory: what someone with the disk has.
    ///
    /// # Errors
    /// Where a file cannot be read.
    pub fn disk(&self) -> Result<Vec<(PathBuf, Vec<u8>)>> {
        files_below(self.data.path())
    }
}

/// A stage with the PagerDuty simulator, the PagerDuty component, and `kim` connected as K. Moore.
pub struct Company {
    /// The stage.
    pub stage: Stage,
    /// The upstream.
    pub simulator: Simulator,
}

impl Company {
    /// Raises the curtain: `kind` and `scopes` are the canary credential's.
    ///
    /// # Errors
    /// Whatever part could not be set up.
    pub async fn open(name: &str, kind: TokenKind, scopes: Option<&[&str]>, limits: Limits) -> Result<Self> {
        let (secret, stored) = match kind {
            TokenKind::UserOAuth => (oauth_canary(name), CredentialKind::OAuth2),
            _ => (api_key_canary(name), CredentialKind::ApiKey),
        };
        let token = Token {
            secret: secret.clone(),
            kind,
            user: (kind != TokenKind::AccountApiKey).then(|| KIM.to_owned()),
            scopes: scopes.map(|scopes| scopes.iter().map(|scope| (*scope).to_owned()).collect()),
        };
        let simulator = Simulator::start(Config { tokens: vec![token], ..Config::default() }).await?;
        let mut stage = Stage::new(&simulator.base_url(), limits)?;
        stage.connect("pagerduty", &secret, stored, scopes, &simulator.base_url())?;
        stage.host.load(&pagerduty()?).await?;
        if kind != TokenKind::AccountApiKey {
            let account = stage.host.identify(&stage.kim, "pagerduty", "default").await?;
            stage.host.vault().set_account(&stage.key("pagerduty"), account)?;
        }
        Ok(Self { stage, simulator })
    }

    /// The usual one: an OAuth token with all scopes and default limits.
    ///
    /// # Errors
    /// Whatever part could not be set up.
    pub async fn usual(name: &str) -> Result<Self> {
        Self::open(name, TokenKind::UserOAuth, None, Limits::default()).await
    }
}

//! A host: its parts, its loaded connectors, and what a principal may see of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::Semaphore;
use toolkeep_audit::AuditLog;
use toolkeep_policy::{Base, Principal};
use toolkeep_vault::Vault;

use crate::approval::{Approvals, Digests};
use crate::cache::Cache;
use crate::call::Begun;
use crate::component::{Connector, Loader};
use crate::description::{Prompt, Tool};
use crate::engine;
use crate::error::HostError;
use crate::exchange::ExchangeObserver;
use crate::limits::Limits;
use crate::memory::MemoryObserver;
use crate::places::Places;
use crate::resolver::{Resolver, SystemResolver};
use crate::ticks;
use crate::upstream::{self, Upstreams};

/// Builds a [`Host`].
pub struct HostBuilder {
    vault: Arc<Vault>,
    audit: AuditLog,
    limits: Limits,
    cache_directory: Option<PathBuf>,
    operator_bases: BTreeSet<Base>,
    observer: Option<Arc<dyn ExchangeObserver>>,
    resolver: Arc<dyn Resolver>,
    operator_roots: Vec<rustls::pki_types::CertificateDer<'static>>,
    approvals: Arc<dyn Approvals>,
    memory_observer: Option<Arc<dyn MemoryObserver>>,
}

impl HostBuilder {
    /// Who says which components may be loaded. Without it, [`Host::load`] loads none.
    #[must_use]
    pub fn approvals(mut self, approvals: Arc<dyn Approvals>) -> Self {
        self.approvals = approvals;
        self
    }

    /// Other limits than [`Limits::default`].
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Where compiled components are kept, so that a start does not compile again. The directory is made with
    /// mode 0700, and refused where others may use it.
    #[must_use]
    pub fn cache_directory(mut self, directory: PathBuf) -> Self {
        self.cache_directory = Some(directory);
        self
    }

    /// Lets connections select this real base besides those that a connector declares: a proxy, or a simulator
    /// such as `http://127.0.0.1:8080`. Such a base may have any address, so it is the operator's to name.
    ///
    /// # Errors
    /// [`HostError::Base`] where it is not `https://host[:port]` or plain `http` on loopback.
    pub fn operator_base(mut self, base: &str) -> Result<Self, HostError> {
        let parsed = Base::parse_operator(base)
            .map_err(|error| HostError::Base { base: base.chars().take(256).collect(), reason: error.to_string() })?;
        self.operator_bases.insert(parsed);
        Ok(self)
    }

    /// Trusts these certificates (PEM, or one in DER) as roots, for bases that [`Self::operator_base`] named and
    /// for no other: a company's own authority in front of a proxy. Declared public origins are checked against
    /// the compiled-in public roots alone, and no check can be turned off.
    ///
    /// # Errors
    /// [`HostError::RootCertificate`] where it holds no certificate, a malformed one, or more than 16.
    pub fn operator_root_certificate(mut self, certificate: &[u8]) -> Result<Self, HostError> {
        self.operator_roots.extend(upstream::operator_roots(certificate)?);
        Ok(self)
    }

    /// Resolves upstreams' names with the embedder's own DNS in place of the system's. Whatever it says is
    /// checked like the system's answers.
    #[must_use]
    pub fn resolver(mut self, resolver: Arc<dyn Resolver>) -> Self {
        self.resolver = resolver;
        self
    }

    /// Shows every upstream exchange, credentials masked.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn ExchangeObserver>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Shows what guests had in memory when their calls ended: for checkers and tests alone, see
    /// [`MemoryObserver`]. Compiled components are cached apart from those of other hosts.
    #[must_use]
    pub fn memory_observer(mut self, observer: Arc<dyn MemoryObserver>) -> Self {
        self.memory_observer = Some(observer);
        self
    }

    /// Builds the host: allocates instance slots and starts the processor-time clock.
    ///
    /// # Errors
    /// [`HostError::Engine`] where the machine cannot give what [`Limits`] asks for; [`HostError::Cache`] where
    /// the cache directory is not private.
    pub fn build(self) -> Result<Host, HostError> {
        let is_observed = self.memory_observer.is_some();
        let engine = engine::engine(&self.limits, is_observed)?;
        let begun = Begun::default();
        ticks::start(&engine, begun.clone())?;
        let linker = engine::linker(&engine)?;
        // Instrumented code is another engine's: in one directory, each would throw the other's away.
        let cache_directory = self.cache_directory.map(|root| if is_observed { root.join("observed") } else { root });
        let cache = match &cache_directory {
            Some(directory) => Some(Cache::open(directory, &self.vault.derive_key("compile cache"))?),
            None => None,
        };
        let places = Places::new(&self.limits);
        Ok(Host {
            parts: Arc::new(Parts {
                loader: Loader {
                    engine,
                    linker,
                    cache,
                    limits: self.limits.clone(),
                    describing: tokio::sync::Mutex::default(),
                    compiling: Arc::new(Semaphore::new(1)),
                },
                approvals: self.approvals,
                upstreams: Upstreams::new(&self.limits, self.resolver, self.operator_roots)?,
                vault: self.vault,
                audit: self.audit,
                limits: self.limits,
                operator_bases: self.operator_bases,
                observer: self.observer,
                memory_observer: self.memory_observer,
                connectors: RwLock::new(Arc::default()),
                loading: tokio::sync::Mutex::default(),
                places,
                begun,
            }),
        })
    }
}

/// The connectors that are loaded, by name.
pub(crate) type Connectors = BTreeMap<String, Arc<Connector>>;

/// What a host consists of.
pub(crate) struct Parts {
    pub(crate) loader: Loader,
    pub(crate) approvals: Arc<dyn Approvals>,
    pub(crate) upstreams: Upstreams,
    pub(crate) vault: Arc<Vault>,
    pub(crate) audit: AuditLog,
    pub(crate) limits: Limits,
    pub(crate) operator_bases: BTreeSet<Base>,
    pub(crate) observer: Option<Arc<dyn ExchangeObserver>>,
    pub(crate) connectors: RwLock<Arc<Connectors>>,
    pub(crate) loading: tokio::sync::Mutex<()>,
    pub(crate) places: Places,
    pub(crate) begun: Begun,
    pub(crate) memory_observer: Option<Arc<dyn MemoryObserver>>,
}

impl Parts {
    pub(crate) fn loaded(&self) -> Arc<Connectors> {
        Arc::clone(&self.connectors.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Runs connectors. Cheap to clone; all clones are one host.
#[derive(Clone)]
pub struct Host {
    pub(crate) parts: Arc<Parts>,
}

impl Host {
    /// Begins a host over a vault and an audit log.
    #[must_use]
    pub fn builder(vault: Arc<Vault>, audit: AuditLog) -> HostBuilder {
        HostBuilder {
            vault,
            audit,
            limits: Limits::default(),
            cache_directory: None,
            operator_bases: BTreeSet::new(),
            observer: None,
            resolver: Arc::new(SystemResolver),
            operator_roots: Vec::new(),
            approvals: Arc::new(Digests::default()),
            memory_observer: None,
        }
    }

    /// The loaded connectors, by name.
    #[must_use]
    pub fn connectors(&self) -> Vec<Arc<Connector>> {
        self.parts.loaded().values().cloned().collect()
    }

    /// The tools that a principal may see, of one connector or of all: connectors by name, tools as declared.
    #[must_use]
    pub fn tools(&self, principal: &Principal, connector: Option<&str>) -> Vec<Arc<Tool>> {
        self.parts
            .loaded()
            .values()
            .filter(|loaded| connector.is_none_or(|name| loaded.description.name == name))
            .flat_map(|loaded| loaded.description.tools.iter())
            .filter(|tool| principal.tools.allows(&tool.name))
            .cloned()
            .collect()
    }

    /// The prompts of one connector or of all, for a principal who may see at least one of its tools.
    #[must_use]
    pub fn prompts(&self, principal: &Principal, connector: Option<&str>) -> Vec<(Arc<Connector>, Prompt)> {
        self.parts
            .loaded()
            .values()
            .filter(|loaded| connector.is_none_or(|name| loaded.description.name == name))
            .filter(|loaded| loaded.description.tools.iter().any(|tool| principal.tools.allows(&tool.name)))
            .flat_map(|loaded| loaded.description.prompts.iter().map(|prompt| (Arc::clone(loaded), prompt.clone())))
            .collect()
    }

    /// The vault that this host resolves credentials in.
    #[must_use]
    pub fn vault(&self) -> &Arc<Vault> {
        &self.parts.vault
    }

    /// The log that this host records in.
    #[must_use]
    pub fn audit(&self) -> &AuditLog {
        &self.parts.audit
    }
}

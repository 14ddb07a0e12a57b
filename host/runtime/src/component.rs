//! Loading a component: size, bounds, compilation, imports, exports, description. What passes is ready to be
//! called. Whether it may be loaded at all was decided before.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use tokio::io::AsyncReadExt;
use tokio::sync::Semaphore;
use wasmtime::component::{Component, Instance, InstancePre, Linker};
use wasmtime::{Engine, Store};

use crate::bindings;
use crate::bindings::toolkeep::connector::types as wit;
use crate::cache::Cache;
use crate::description::Description;
use crate::error::HostError;
use crate::exports::Exports;
use crate::instance::{Failure, Guest, State};
use crate::limits::Limits;
use crate::sheet::CapabilitySheet;
use crate::text::clean_line;
use crate::{bounds, contract};

/// A loaded connector: what it says of itself, and the digest of the bytes that said it.
pub struct Connector {
    /// Its whole surface, checked.
    pub description: Description,
    /// SHA-256 of the component, in lower-case hexadecimal.
    pub digest: String,
    /// Size of the component, in bytes.
    pub wasm_bytes: usize,
    /// The imports of the component, by name and version.
    pub imports: Vec<String>,
    pub(crate) pre: InstancePre<State>,
    pub(crate) exports: Exports,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Connector({} {} sha256:{})", self.description.name, self.description.version, self.digest)
    }
}

impl Connector {
    /// The capability sheet: what a reviewer approves.
    #[must_use]
    pub fn sheet(&self) -> CapabilitySheet {
        CapabilitySheet::new(&self.digest, self.wasm_bytes, &self.imports, &self.description)
    }
}

/// SHA-256 of a component, in lower-case hexadecimal.
pub(crate) fn digest_of(wasm: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, wasm))
}

/// Turns bytes into connectors.
pub(crate) struct Loader {
    pub(crate) engine: Engine,
    pub(crate) linker: Linker<State>,
    pub(crate) cache: Option<Cache>,
    pub(crate) limits: Limits,
    /// The one instance that is set aside for descriptions.
    pub(crate) describing: tokio::sync::Mutex<()>,
    /// One compilation at a time: each takes every core that it is left, and calls need some too.
    pub(crate) compiling: Arc<Semaphore>,
}

impl Loader {
    /// Loads a component.
    pub(crate) async fn load(&self, wasm: &[u8]) -> Result<Connector, HostError> {
        if wasm.len() > self.limits.component_bytes {
            return Err(HostError::TooLarge { bytes: wasm.len(), limit: self.limits.component_bytes });
        }
        let digest = digest_of(wasm);
        let component = self.compile(wasm, &digest).await?;
        let imports = contract::check_imports(&self.engine, &component)?;
        contract::check_exports(&self.engine, &component)?;
        let unfit = |error: wasmtime::Error| HostError::WrongExports(clean_line(&format!("{error:#}"), 500));
        let pre = self.linker.instantiate_pre(&component).map_err(unfit)?;
        let exports = Exports::of(&component).map_err(unfit)?;
        let description = self.describe(&component, &imports).await?;
        Ok(Connector { description, digest, wasm_bytes: wasm.len(), imports, pre, exports })
    }

    /// The native code, from the cache or made now. What is in the cache costs no compiling, so no bound on it.
    async fn compile(&self, wasm: &[u8], digest: &str) -> Result<Component, HostError> {
        if let Some(component) = self.cache.as_ref().and_then(|cache| cache.load(&self.engine, digest)) {
            return Ok(component);
        }
        let deadline = Duration::from_millis(self.limits.compile_ms);
        let compiled = tokio::time::timeout(deadline, self.compile_alone(wasm)).await;
        let component = compiled.map_err(|_| HostError::CompileTooSlow { limit_ms: self.limits.compile_ms })??;
        if let Some(cache) = &self.cache {
            cache.store(&component, digest);
        }
        Ok(component)
    }

    async fn compile_alone(&self, wasm: &[u8]) -> Result<Component, HostError> {
        let failed = |error: &dyn std::fmt::Display| HostError::Engine(error.to_string());
        let turn = Arc::clone(&self.compiling).acquire_owned().await.map_err(|error| failed(&error))?;
        let engine = self.engine.clone();
        let bytes = wasm.to_vec();
        let limits = self.limits.clone();
        // Compilation takes a quarter of a second of processor time, which is not the event loop's to give. It
        // cannot be stopped: one that nobody waits for any more keeps its turn until it is done.
        let compiled = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let measures = bounds::check(&bytes, &limits)?;
            let begun = std::time::Instant::now();
            let component = Component::from_binary(&engine, &bytes)
                .map_err(|error| HostError::NotAComponent(clean_line(&format!("{error:#}"), 300)))?;
            tracing::debug!(took_ms = begun.elapsed().as_millis() as u64, ?measures, "a component was compiled");
            Ok(component)
        });
        compiled.await.map_err(|error| failed(&error))?
    }

    /// Runs `describe` twice, each time in a fresh instance: what does not say the same twice cannot be approved.
    async fn describe(&self, component: &Component, imports: &[String]) -> Result<Description, HostError> {
        let pre = self.mute(component, imports)?;
        let _alone = self.describing.lock().await;
        let said = self.ask(&pre).await?;
        if said != self.ask(&pre).await? {
            return Err(HostError::DescribeFailed("it says something else each time it is asked".to_owned()));
        }
        Description::check(said)
    }

    /// The component with every import trapping, except the seed of hash tables, which is constant: a description
    /// that needs the world is not a description.
    fn mute(&self, component: &Component, imports: &[String]) -> Result<InstancePre<State>, HostError> {
        let failed = |error: wasmtime::Error| HostError::DescribeFailed(clean_line(&format!("{error:#}"), 300));
        let mut linker = Linker::<State>::new(&self.engine);
        linker.define_unknown_imports_as_traps(component).map_err(failed)?;
        linker.allow_shadowing(true);
        for name in imports.iter().filter(|name| name.starts_with("wasi:random/insecure-seed@")) {
            linker
                .instance(name)
                .and_then(|mut seed| seed.func_wrap("insecure-seed", |_, (): ()| Ok(((0_u64, 0_u64),))))
                .map_err(failed)?;
        }
        linker.instantiate_pre(component).map_err(failed)
    }

    async fn ask(&self, pre: &InstancePre<State>) -> Result<wit::Connector, HostError> {
        let guest = Guest::mute(&self.engine, &self.limits);
        let said = guest.run(pre, &self.limits, async |store: &mut Store<State>, instance: &Instance| {
            // Takes every export, so that the type of each is checked: calls take only theirs.
            let connector = bindings::Connector::new(&mut *store, instance)?;
            connector.toolkeep_connector_tool_provider().call_describe(store).await
        });
        said.await.map_err(|failure| match failure {
            Failure::Limit { limit, .. } => HostError::DescribeFailed(format!("it reached its limit of {limit}")),
            Failure::Trap(reason) => HostError::DescribeFailed(reason),
        })
    }
}

/// Reads a component's file, no further than it may be long.
pub(crate) async fn read(path: PathBuf, limits: &Limits) -> Result<Vec<u8>, HostError> {
    let unreadable = |source| HostError::Unreadable { path: path.display().to_string(), source };
    // The size of what is read decides, not the size that was told: some files tell none.
    let mut bytes = Vec::new();
    let file = tokio::fs::File::open(&path).await.map_err(unreadable)?;
    file.take(limits.component_bytes as u64 + 1).read_to_end(&mut bytes).await.map_err(unreadable)?;
    if bytes.len() > limits.component_bytes {
        return Err(HostError::TooLarge { bytes: bytes.len(), limit: limits.component_bytes });
    }
    Ok(bytes)
}

//! Loading a component: size, kind, imports, compilation, description. What passes is ready to be called.

use std::collections::BTreeSet;
use std::path::PathBuf;

use aws_lc_rs::digest;
use serde::Serialize;
use tokio::io::AsyncReadExt;
use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store};

use crate::bindings::{self, ConnectorPre};
use crate::cache::Cache;
use crate::description::Description;
use crate::engine::LINKED_INTERFACES;
use crate::error::HostError;
use crate::instance::{Failure, Guest, State};
use crate::limits::Limits;
use crate::text::clean_line;

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
    pub(crate) pre: ConnectorPre<State>,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Connector({} {} sha256:{})", self.description.name, self.description.version, self.digest)
    }
}

/// What a reviewer approves: everything that a component can do, as data.
#[derive(Debug, Serialize)]
pub struct CapabilitySheet<'a> {
    /// SHA-256 of the component, in lower-case hexadecimal.
    pub digest: &'a str,
    /// Size of the component, in bytes.
    pub wasm_bytes: usize,
    /// Its imports.
    pub imports: &'a [String],
    /// What it says of itself.
    #[serde(flatten)]
    pub description: &'a Description,
}

impl Connector {
    /// The capability sheet.
    #[must_use]
    pub fn sheet(&self) -> CapabilitySheet<'_> {
        CapabilitySheet {
            digest: &self.digest,
            wasm_bytes: self.wasm_bytes,
            imports: &self.imports,
            description: &self.description,
        }
    }
}

/// Turns bytes into connectors.
pub(crate) struct Loader {
    pub(crate) engine: Engine,
    pub(crate) linker: Linker<State>,
    pub(crate) cache: Option<Cache>,
    pub(crate) limits: Limits,
    /// The one instance that is set aside for descriptions.
    pub(crate) describing: tokio::sync::Mutex<()>,
}

impl Loader {
    /// Loads a component.
    pub(crate) async fn load(&self, wasm: &[u8]) -> Result<Connector, HostError> {
        if wasm.len() > self.limits.component_bytes {
            return Err(HostError::TooLarge { bytes: wasm.len(), limit: self.limits.component_bytes });
        }
        let digest = hex::encode(digest::digest(&digest::SHA256, wasm));
        let component = self.compile(wasm, &digest).await?;
        let imports = self.audit_imports(&component)?;
        let pre = self
            .linker
            .instantiate_pre(&component)
            .and_then(ConnectorPre::new)
            .map_err(|error| HostError::WrongExports(clean_line(&format!("{error:#}"), 500)))?;
        let description = self.describe(&component, &imports).await?;
        Ok(Connector { description, digest, wasm_bytes: wasm.len(), imports, pre })
    }

    async fn compile(&self, wasm: &[u8], digest: &str) -> Result<Component, HostError> {
        if let Some(component) = self.cache.as_ref().and_then(|cache| cache.load(&self.engine, digest)) {
            return Ok(component);
        }
        let engine = self.engine.clone();
        let bytes = wasm.to_vec();
        // Compilation takes a quarter of a second of processor time, which is not the event loop's to give.
        let compiled = tokio::task::spawn_blocking(move || Component::from_binary(&engine, &bytes))
            .await
            .map_err(|error| HostError::NotAComponent(error.to_string()))?;
        let component = compiled.map_err(|error| HostError::NotAComponent(clean_line(&format!("{error:#}"), 300)))?;
        if let Some(cache) = &self.cache {
            cache.store(&component, digest);
        }
        Ok(component)
    }

    /// Refuses every import that is not on the short list, by name.
    fn audit_imports(&self, component: &Component) -> Result<Vec<String>, HostError> {
        let allowed: BTreeSet<&str> = LINKED_INTERFACES.into();
        let component_type = component.component_type();
        let imports: Vec<String> =
            component_type.imports(&self.engine).map(|(name, _)| clean_line(name, 128)).collect();
        let bare = |name: &String| name.split('@').next().is_some_and(|interface| allowed.contains(interface));
        let names: Vec<String> = imports.iter().filter(|name| !bare(name)).cloned().collect();
        if names.is_empty() { Ok(imports) } else { Err(HostError::ImportNotLinked { names }) }
    }

    /// Runs `describe` with every import trapping, except the seed of hash tables, which is constant: a
    /// description that needs the world is not a description.
    async fn describe(&self, component: &Component, imports: &[String]) -> Result<Description, HostError> {
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
        let pre = linker.instantiate_pre(component).and_then(ConnectorPre::new).map_err(failed)?;
        let _alone = self.describing.lock().await;
        let guest = Guest::mute(&self.engine, &self.limits);
        let said = guest
            .run(&pre, &self.limits, async |store: &mut Store<State>, instance: &bindings::Connector| {
                instance.toolkeep_connector_tool_provider().call_describe(store).await
            })
            .await
            .map_err(|failure| match failure {
                Failure::Limit { limit, .. } => HostError::DescribeFailed(format!("it reached its limit of {limit}")),
                Failure::Trap(reason) => HostError::DescribeFailed(reason),
            })?;
        Description::check(said)
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

//! Supply chain, part two: the cache of native code, which is code that runs for whoever can write it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use toolkeep_audit::AuditLog;
use toolkeep_host::Host;
use toolkeep_tests::{files_below, guest};
use toolkeep_vault::Vault;

use super::load::NOWHERE;
use crate::arena::{Arena, limits};
use crate::case::{Case, Category, case};

const CATEGORY: Category = Category::SupplyChain;

pub(crate) const CASES: &[Case] = &[
    case!(
        "cache/changed",
        "fixture",
        "changes a byte of native code in the compile cache",
        "entries are authenticated, and what is changed is compiled anew",
        "host/runtime/src/cache.rs",
        tampered,
        Tampering::Byte
    ),
    case!(
        "cache/cut",
        "fixture",
        "cuts an entry of the compile cache short",
        "entries are authenticated, and what is changed is compiled anew",
        "host/runtime/src/cache.rs",
        tampered,
        Tampering::Cut
    ),
    case!(
        "cache/swapped",
        "fixture",
        "puts another component's true entry in the place of one",
        "an entry is bound to its component",
        "host/runtime/src/cache.rs",
        tampered,
        Tampering::Swap
    ),
    case!(
        "cache/link",
        "fixture",
        "puts a link to its own file in the place of an entry",
        "an entry is a file of the owner's",
        "host/runtime/src/cache.rs",
        tampered,
        Tampering::Link
    ),
    case!(
        "cache/writable",
        "fixture",
        "finds an entry of the compile cache writable for others",
        "an entry is a file of the owner's",
        "host/runtime/src/cache.rs",
        tampered,
        Tampering::Open
    ),
    case!(
        "cache/foreign-key",
        "fixture",
        "brings an entry that another host made with its own key",
        "entries are authenticated with this vault's key",
        "host/runtime/src/cache.rs",
        foreign_cache
    ),
    case!(
        "cache/open",
        nobody,
        "makes the compile cache writable for others",
        "the host does not start on it",
        "host/runtime/src/cache.rs",
        open_cache
    ),
];

/// What is done to an entry of the cache.
#[derive(Clone, Copy)]
enum Tampering {
    Byte,
    Cut,
    Swap,
    Link,
    Open,
}

async fn tampered(arena: Arc<Arena>, how: Tampering) -> Result<()> {
    let folder = Arc::new(tempfile::tempdir()?);
    let cache = folder.path().join("cache");
    let scene = arena.in_cache(NOWHERE, limits(), cache.clone(), |builder| builder)?;
    let wasm = guest("fixture")?;
    let digest = scene.stage.host.inspect(&wasm).await?.digest;
    let entry = entry_of(&cache, &digest)?;
    let whole = std::fs::read(&entry)?;
    let changed = match how {
        Tampering::Byte => {
            let mut bytes = whole.clone();
            let middle = bytes.len() / 2;
            *bytes.get_mut(middle).context("an entry has bytes")? ^= 1;
            bytes
        }
        Tampering::Cut => whole.get(..whole.len() - 100).context("an entry has bytes")?.to_vec(),
        Tampering::Swap => {
            let other = scene.stage.host.inspect(&guest("endless_loop")?).await?.digest;
            std::fs::read(entry_of(&cache, &other)?)?
        }
        Tampering::Link | Tampering::Open => whole.clone(),
    };
    std::fs::remove_file(&entry)?;
    if matches!(how, Tampering::Link) {
        let elsewhere = folder.path().join("elsewhere");
        std::fs::write(&elsewhere, &changed)?;
        std::os::unix::fs::symlink(&elsewhere, &entry)?;
    } else {
        std::fs::write(&entry, &changed)?;
        // Like the host's own: so it is not its permissions that it is refused for, unless they are what is tried.
        let mode = if matches!(how, Tampering::Open) { 0o666 } else { 0o600 };
        std::fs::set_permissions(&entry, std::fs::Permissions::from_mode(mode))?;
    }
    let again = scene.stage.host.inspect(&wasm).await?;
    ensure!(again.description.name == "fixture", "another component ran: {again:?}");
    let metadata = std::fs::symlink_metadata(&entry)?;
    let is_private = metadata.is_file() && metadata.permissions().mode() & 0o077 == 0;
    let anew = is_private && (matches!(how, Tampering::Link | Tampering::Open) || std::fs::read(&entry)? != changed);
    ensure!(anew, "the entry was not compiled anew, so it was run");
    Ok(())
}

/// The file of a component's native code, wherever the host puts it below the cache.
fn entry_of(cache: &Path, digest: &str) -> Result<PathBuf> {
    let name = format!("{digest}.native");
    let files = files_below(cache)?;
    let found = files.into_iter().map(|(path, _)| path).find(|path| path.ends_with(&name));
    found.with_context(|| format!("the cache has no {name}"))
}

async fn foreign_cache(arena: Arc<Arena>) -> Result<()> {
    let folder = Arc::new(tempfile::tempdir()?);
    let cache = folder.path().join("cache");
    let wasm = guest("fixture")?;
    // The attacker's host: the same engine, another vault.
    let foreign = Vault::in_memory()?;
    let audit = AuditLog::in_memory(foreign.derive_key("audit digests"))?;
    let memories = arena.memory_observer();
    let attacker = Host::builder(Arc::new(foreign), audit)
        .limits(limits())
        .cache_directory(cache.clone())
        .memory_observer(memories)
        .build()?;
    let digest = attacker.inspect(&wasm).await?.digest;
    let entry = entry_of(&cache, &digest)?;
    let foreign = std::fs::read(&entry)?;
    let scene = arena.in_cache(NOWHERE, limits(), cache, |builder| builder)?;
    scene.stage.host.inspect(&wasm).await?;
    ensure!(std::fs::read(&entry)? != foreign, "the entry was not compiled anew, so it was run");
    Ok(())
}

async fn open_cache(arena: Arc<Arena>) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let cache = folder.path().join("cache");
    std::fs::create_dir(&cache)?;
    std::fs::set_permissions(&cache, std::fs::Permissions::from_mode(0o777))?;
    let vault = Arc::new(Vault::in_memory()?);
    let audit = AuditLog::in_memory(vault.derive_key("audit digests"))?;
    let built = Host::builder(vault, audit).limits(limits()).cache_directory(cache).build();
    match built {
        Ok(_) => bail!("the host started on it"),
        Err(error) => {
            arena.see("the refusal to start", error.to_string());
            ensure!(error.code() == "compile_cache_unusable", "{error}");
            Ok(())
        }
    }
}

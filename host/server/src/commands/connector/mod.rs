//! `toolkeep connector`: what a component is and may do, and which ones this host may run.

mod install;
mod list;
mod remove;
mod sheet;

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use toolkeep_audit::AuditLog;
use toolkeep_host::{Connector, Host, Limits};
use toolkeep_vault::Vault;

#[cfg(feature = "demo")]
pub(crate) use install::approve;
pub(crate) use install::install;
pub(crate) use list::list;
pub(crate) use remove::remove;

use crate::cli::{Global, Inspect};
use crate::failure::{Exit, Failure};
use crate::keep::{limit_too_low, limits};
use crate::output;

/// `toolkeep connector inspect`. It touches no data directory: a component is looked at, not installed.
///
/// # Errors
/// The file cannot be read, or is not a connector; the text says which rule it breaks.
pub(crate) async fn inspect(global: &Global, options: Inspect) -> Result<(), Failure> {
    let (_, connector) = examine(global, &options.file).await?;
    if options.json {
        return output::json(&connector.sheet());
    }
    output::text(sheet::text(&connector.sheet())?.trim_end())
}

/// Reads a component and has it say what it is, in a host that keeps nothing and that no call reaches.
async fn examine(global: &Global, file: &Path) -> Result<(Vec<u8>, Connector), Failure> {
    let limits = limits(global)?;
    let wasm = read(file, &limits)?;
    let vault = Vault::in_memory().map_err(|error| crate::keep::vault_failure(&error))?;
    let audit =
        AuditLog::in_memory(vault.derive_key("audit digests")).map_err(|error| crate::keep::audit_failure(&error))?;
    let host = Host::builder(Arc::new(vault), audit).limits(limits).build().map_err(|error| refuse(file, &error))?;
    let connector = host.inspect(&wasm).await.map_err(|error| refuse(file, &error))?;
    Ok((wasm, connector))
}

fn refuse(file: &Path, error: &toolkeep_host::HostError) -> Failure {
    limit_too_low(Exit::Failed, error, Some(file)).unwrap_or_else(|| {
        Failure::new(Exit::Failed, error.code(), format!("{}: {error}", file.display()))
            .next("build it again from sources that you trust; nothing was loaded")
    })
}

/// Reads a component's file, no further than it may be long.
///
/// # Errors
/// [`Exit::Usage`] where it cannot be read.
pub(crate) fn read(file: &Path, limits: &Limits) -> Result<Vec<u8>, Failure> {
    let unreadable = |error| Failure::usage(format!("cannot read {}: {error}", file.display()));
    let opened = std::fs::File::open(file).map_err(unreadable)?;
    let mut wasm = Vec::new();
    // One byte more than is allowed, so that the host can tell that it is too large.
    opened.take(limits.component_bytes as u64 + 1).read_to_end(&mut wasm).map_err(unreadable)?;
    Ok(wasm)
}

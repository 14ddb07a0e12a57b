//! `toolkeep connector remove`: takes an approval and its component away.

use serde_json::json;
use toolkeep_audit::EventKind;

use crate::cli::{ConnectorRemove, Global};
use crate::failure::{Exit, Failure};
use crate::keep::{Keep, approval_setup};
use crate::output;

/// `toolkeep connector remove`
///
/// # Errors
/// There is none of that name, or the approvals cannot be believed or written.
pub(crate) async fn remove(global: &Global, options: ConnectorRemove) -> Result<(), Failure> {
    let keep = Keep::open_existing(global, "toolkeep connector list")?;
    // Told and recorded first, if they cannot be believed.
    let installed = keep.installed().await?;
    let names: Vec<&str> = installed.connectors().map(|connector| connector.name.as_str()).collect();
    if installed.connector(&options.name).is_none() {
        let there_is = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        let message = format!("no connector of that name is installed; there is {there_is}");
        return Err(Failure::new(Exit::Usage, "unknown_connector", message).next("toolkeep connector list"));
    }
    let failed = |error| approval_setup(&error, None);
    let edit = keep.folder()?.edit().map_err(failed)?;
    let digest = edit.installed().connector(&options.name).map(|connector| connector.digest.clone());
    if let Some(connector) = edit.installed().connector(&options.name) {
        let details = json!({
            "version": connector.sheet.version, "digest": connector.digest, "revision": edit.revision(),
        });
        keep.record(EventKind::ConnectorRemoved, None, &options.name, details).await?;
    }
    edit.remove(&options.name).map_err(failed)?;
    if options.json {
        return output::json(&json!({ "name": options.name, "digest": digest, "removed": true }));
    }
    output::progress(format!(
        "{} is gone. A server that runs keeps it until it stops; credentials for it stay until they are removed.",
        options.name
    ));
    Ok(())
}

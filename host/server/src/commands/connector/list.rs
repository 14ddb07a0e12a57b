//! `toolkeep connector list`: what is installed, and whether it is still what was approved.

use serde_json::json;
use toolkeep_audit::{MAX_RECORDS, Query, RecordKind};
use toolkeep_host::{Installed, InstalledConnector};

use crate::cli::{ConnectorList, Global};
use crate::commands::key::minute;
use crate::failure::Failure;
use crate::keep::{Keep, approval_setup, audit_failure};
use crate::output::{self, printable};

/// Characters of a digest in a table: enough to tell two files apart, and `--json` has it all.
const DIGEST_CHARS: usize = 16;

/// `toolkeep connector list`. What is broken is in the list, with what is wrong.
///
/// # Errors
/// The approvals cannot be believed or read.
pub(crate) async fn list(global: &Global, options: ConnectorList) -> Result<(), Failure> {
    let Some(keep) = Keep::open_to_list(global)? else { return Ok(()) };
    let _hold = keep.folder()?.hold().map_err(|error| approval_setup(&error, None))?;
    let installed = keep.installed().await?;
    if let Err(stray) = installed.refuse_strays() {
        output::progress(format!("warning: {stray}"));
    }
    if let Some(newer) = newest_recorded(&keep)?.filter(|newer| *newer > installed.revision()) {
        output::progress(format!(
            "warning: the audit log knows revision {newer} of the approvals, and the file has {}: somebody put an \
             older one back",
            installed.revision()
        ));
    }
    if options.json {
        return installed.connectors().try_for_each(|connector| {
            output::json(&json!({
                "name": connector.name,
                "version": connector.sheet.version,
                "digest": connector.digest,
                "approved_at": connector.approved_at,
                "tools": connector.sheet.tools.iter().map(|tool| &tool.name).collect::<Vec<_>>(),
                "file": installed.file(&connector.digest),
                "state": state(&installed, connector),
                "revision": installed.revision(),
            }))
        });
    }
    let mut table = output::table(["NAME", "VERSION", "SHA-256", "APPROVED", "STATE", "TOOLS"]);
    for connector in installed.connectors() {
        let tools: Vec<&str> = connector.sheet.tools.iter().map(|tool| tool.name.as_str()).collect();
        table.add_row([
            connector.name.clone(),
            printable(&connector.sheet.version),
            format!("{}…", connector.digest.get(..DIGEST_CHARS).unwrap_or_default()),
            minute(connector.approved_at),
            state(&installed, connector).to_owned(),
            tools.join(" "),
        ]);
    }
    output::text(table)
}

/// `ok`, or the code of what is wrong with the file.
fn state(installed: &Installed, connector: &InstalledConnector) -> &'static str {
    installed.wasm(connector).map_or_else(|error| error.code(), |_| "ok")
}

/// The highest revision of the approvals among the newest events.
fn newest_recorded(keep: &Keep) -> Result<Option<u64>, Failure> {
    let query = Query { last: MAX_RECORDS, kind: Some(RecordKind::Event), ..Query::default() };
    let records = keep.audit.records(&query).map_err(|error| audit_failure(&error))?;
    let revision = |record: &toolkeep_audit::Record| record.content.pointer("/details/revision")?.as_u64();
    Ok(records.iter().filter_map(revision).max())
}

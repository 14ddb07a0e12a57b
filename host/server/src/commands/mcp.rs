//! `toolkeep mcp`: MCP over standard input and output, for one local user.

use std::sync::Arc;

use serde_json::json;
use toolkeep_audit::EventKind;

use crate::cli::{Global, Mcp};
use crate::failure::Failure;
use crate::keep::{self, Keep};
use crate::mcp::stdio;
use crate::mcp::surface::Surface;

/// Runs the command.
///
/// # Errors
/// It cannot start, or the client does not speak MCP.
pub(crate) async fn run(global: &Global, options: Mcp) -> Result<(), Failure> {
    let mut principal = keep::principal(&options.identity, &options.tools)?;
    // The agent is whoever started us; it says so in the protocol.
    principal.agent = None;
    let keep = Keep::open(global)?;
    let host = keep.host(global, None).await?;
    keep::check_tools(&host, &options.tools)?;
    keep.record(EventKind::Started, Some(&principal), "toolkeep mcp", json!({})).await?;
    stdio::serve(Arc::new(Surface::new(host)), principal.clone()).await?;
    keep.record(EventKind::Stopped, Some(&principal), "toolkeep mcp", json!({})).await
}

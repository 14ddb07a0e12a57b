//! A connector that would read the host's password file: it imports a file system, so it must not load.

#![cfg(target_family = "wasm")]
#![allow(missing_docs, reason = "a guest's surface is its description")]

use serde::Deserialize;
use toolkeep_connector::{schemars, *};

#[derive(Deserialize, schemars::JsonSchema)]
#[schemars(crate = "toolkeep_connector::schemars")]
struct Nothing {}

fn read(_: &mut Context, _: Nothing) -> Result<Output, ToolError> {
    let text = std::fs::read_to_string("/etc/passwd").map_err(|error| ToolError::Other(error.to_string()))?;
    Ok(Output { structured: None, content: vec![Content::Text(text)] })
}

fn whoami(_: &mut Context) -> Result<Account, ToolError> {
    Err(ToolError::Other("nobody".to_owned()))
}

static OPENS_FILES: Connector = Connector {
    name: "files",
    version: "1.0.0",
    title: "Files",
    description: "Reads what it should not.",
    origins: &[],
    credentials: &[],
    identification: Identification { scopes: &[], routes: &[], run: whoami },
    errors: upstream_text,
    tools: &[Tool {
        name: "files_read",
        title: "Read",
        description: "Reads a file.",
        access: Access::Read,
        idempotent: true,
        scopes: &[],
        routes: &[],
        handler: handler!(read),
    }],
    prompts: &[],
};
toolkeep_connector::export!(OPENS_FILES);

//! A connector whose tool's route names an origin that it does not declare.

#![cfg(target_family = "wasm")]
#![allow(missing_docs, reason = "a guest's surface is its description")]

use serde::Deserialize;
use toolkeep_connector::{schemars, *};

#[derive(Deserialize, schemars::JsonSchema)]
#[schemars(crate = "toolkeep_connector::schemars")]
struct Nothing {}

fn nothing(_: &mut Context, _: Nothing) -> Result<Output, ToolError> {
    Ok(Output { structured: None, content: Vec::new() })
}

fn whoami(_: &mut Context) -> Result<Account, ToolError> {
    Err(ToolError::Other("nobody".to_owned()))
}

static WRONG: Connector = Connector {
    name: "wrong",
    version: "1.0.0",
    title: "Wrong",
    description: "Declares a route to nowhere.",
    origins: &[Origin { base: "https://fixture.example", ..Origin::PLAIN }],
    credentials: &[Credential { kind: CredentialKind::ApiKey("any"), origin: "api", header: "x-api-key", prefix: "" }],
    identification: Identification { scopes: &[], routes: &[], run: whoami },
    errors: upstream_text,
    tools: &[Tool {
        name: "wrong_nothing",
        title: "Nothing",
        description: "Nothing.",
        access: Access::Read,
        idempotent: true,
        scopes: &[],
        routes: &[Route::get("/x").at("elsewhere")],
        handler: handler!(nothing),
    }],
    prompts: &[],
};
toolkeep_connector::export!(WRONG);

//! A well-behaved connector without an upstream of its own: what a protocol test needs to see.

#![cfg(target_family = "wasm")]
#![allow(missing_docs, reason = "a guest's surface is its description")]

use serde::{Deserialize, Serialize};
use toolkeep_connector::{schemars, *};

#[derive(Deserialize, schemars::JsonSchema)]
#[schemars(crate = "toolkeep_connector::schemars")]
#[serde(deny_unknown_fields)]
struct Nothing {}

#[derive(Deserialize, Serialize, schemars::JsonSchema)]
#[schemars(crate = "toolkeep_connector::schemars")]
#[serde(deny_unknown_fields)]
struct Echo {
    /// What comes back.
    text: String,
    /// How often, 1 to 10.
    #[schemars(range(min = 1, max = 10))]
    times: Option<u32>,
}

#[derive(Deserialize, schemars::JsonSchema)]
#[schemars(crate = "toolkeep_connector::schemars")]
#[serde(deny_unknown_fields)]
struct Fail {
    /// Which error.
    kind: String,
}

#[derive(Deserialize, schemars::JsonSchema)]
#[schemars(crate = "toolkeep_connector::schemars")]
#[serde(deny_unknown_fields)]
struct Steps {
    /// How many steps.
    steps: u32,
}

#[derive(Deserialize, schemars::JsonSchema)]
#[schemars(crate = "toolkeep_connector::schemars")]
#[serde(deny_unknown_fields)]
struct ThingGet {
    /// ID of the thing.
    id: String,
}

fn nothing(_: &mut Context, _: Nothing) -> Result<Output, ToolError> {
    Ok(Output { structured: Some("{\"ok\":true}".to_owned()), content: Vec::new() })
}

fn echo(_: &mut Context, arguments: Echo) -> Result<Echo, ToolError> {
    let times = arguments.times.unwrap_or(1) as usize;
    Ok(Echo { text: arguments.text.repeat(times), times: arguments.times })
}

fn content(_: &mut Context, _: Nothing) -> Result<Output, ToolError> {
    let blob = |mime: &str| Blob { mime_type: mime.to_owned(), data: vec![1, 2, 3] };
    Ok(Output {
        structured: None,
        content: vec![
            Content::Text("plain".to_owned()),
            Content::Image(blob("image/png")),
            Content::Audio(blob("audio/wav")),
            Content::Attachment(("fixture://report".to_owned(), blob("application/pdf"))),
        ],
    })
}

fn fail(_: &mut Context, arguments: Fail) -> Result<Output, ToolError> {
    Err(match arguments.kind.as_str() {
        "not_found" => ToolError::NotFound("no such thing".to_owned()),
        "ambiguous" => {
            ToolError::Ambiguous("{\"message\":\"two fit\",\"candidates\":[{\"id\":\"A\"},{\"id\":\"B\"}]}".to_owned())
        }
        "conflict" => ToolError::Conflict("already closed".to_owned()),
        "forbidden" => ToolError::Forbidden("not yours".to_owned()),
        "rate_limited" => ToolError::RateLimited(Some(17)),
        "partial" => ToolError::Partial("{\"message\":\"half\",\"done\":[\"a\"],\"not_done\":[\"b\"]}".to_owned()),
        "unsafe_text" => ToolError::Other("red \u{1b}[31m\u{202e}txt\r\nforged".to_owned()),
        _ => ToolError::InvalidArguments("kind is none that I know".to_owned()),
    })
}

fn progress(fixture: &mut Context, arguments: Steps) -> Result<Output, ToolError> {
    for step in 1..=arguments.steps {
        fixture.progress(step, Some(arguments.steps), "working");
    }
    nothing(fixture, Nothing {})
}

fn thing_get(fixture: &mut Context, arguments: ThingGet) -> Result<Output, ToolError> {
    let thing: serde_json::Value = fixture.get("/things/{id}").path("id", arguments.id).fetch()?;
    Ok(Output { structured: Some(serde_json::json!({ "thing": thing }).to_string()), content: Vec::new() })
}

fn whoami(fixture: &mut Context) -> Result<Account, ToolError> {
    let me: serde_json::Value = fixture.get("/me").fetch()?;
    let text = |name: &str| me.get(name).and_then(serde_json::Value::as_str).map(ToOwned::to_owned);
    Ok(Account {
        id: text("id").unwrap_or_default(),
        name: text("name").unwrap_or_default(),
        email: text("email"),
        time_zone: None,
    })
}

const fn tool(name: &'static str, description: &'static str, routes: &'static [Route], handler: Handler) -> Tool {
    Tool { name, title: "Fixture", description, access: Access::Read, idempotent: true, scopes: &[], routes, handler }
}

static FIXTURE: Connector = Connector {
    name: "fixture",
    version: "1.0.0",
    title: "Fixture",
    description: "A well-behaved connector for tests.",
    origins: &[Origin { base: "https://fixture.example", ..Origin::PLAIN }],
    credentials: &[Credential { kind: CredentialKind::ApiKey("any"), origin: "api", header: "x-api-key", prefix: "" }],
    identification: Identification { scopes: &[], routes: &[Route::get("/me")], run: whoami },
    errors: upstream_text,
    tools: &[
        tool("fixture_nothing", "Does nothing, quickly.", &[], handler!(nothing)),
        tool("fixture_echo", "Gives back its arguments.", &[], handler!(echo)),
        tool("fixture_content", "Gives one part of each kind.", &[], handler!(content)),
        tool("fixture_fail", "Fails as asked.", &[], handler!(fail)),
        tool("fixture_progress", "Reports each step.", &[], handler!(progress)),
        tool("fixture_thing_get", "Reads one thing.", &[Route::get("/things/{id}")], handler!(thing_get)),
    ],
    prompts: &[],
};
toolkeep_connector::export!(FIXTURE);

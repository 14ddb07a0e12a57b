//! Path and scope: what the running tool may do at the host that it may talk to.

use std::sync::Arc;

use anyhow::{Result, ensure};
use hostile_upstream::Behaviour;
use pagerduty_simulator::{Config, Simulator, Token, TokenKind};
use serde_json::json;
use toolkeep_vault::CredentialKind;

use super::destination::never_leaves;
use crate::arena::{Arena, expect_code, limits, said};
use crate::case::{Case, Category, case};
use crate::upstreams::start;

const CATEGORY: Category = Category::PathAndScope;

/// A path that two programs could read differently.
macro_rules! path {
    ($id:literal, $attack:literal, $path:expr, $codes:expr) => {
        case!(
            $id,
            "path_tricks",
            $attack,
            "one spelling of a path, or none",
            "host/policy/src/target.rs",
            never_leaves,
            "",
            $path,
            $codes
        )
    };
}

/// A path that the tool did not declare.
macro_rules! undeclared {
    ($id:literal, $attack:literal, $path:expr) => {
        case!(
            $id,
            "path_tricks",
            $attack,
            "only declared path templates are sent",
            "host/policy/src/route.rs",
            never_leaves,
            "",
            $path,
            &["route_not_declared"]
        )
    };
}

pub(crate) const CASES: &[Case] = &[
    path!("path/dot-segments", "climbs out of its path with ..", "/things/1/../../users", &["url_segment"]),
    path!("path/single-dots", "puts . into its path", "/things/./1", &["url_segment"]),
    path!("path/encoded-dots", "climbs with %2e%2e", "/things/%2e%2e", &["url_encoding"]),
    path!("path/half-encoded-dots", "climbs with .%2E", "/things/.%2E", &["url_encoding"]),
    path!("path/encoded-slash", "hides a slash as %2f", "/things/1%2fusers", &["url_encoding"]),
    path!(
        "path/twice-encoded-slash",
        "hides a slash as %252f",
        "/things/1%252fusers",
        &["url_encoding", "route_not_declared"]
    ),
    path!("path/double-slash", "doubles a slash", "//things/1", &["url_segment"]),
    path!("path/inner-double-slash", "leaves the identifier out", "/things//notes", &["url_segment"]),
    path!("path/semicolon", "adds a parameter to a segment", "/things/1;v=2", &["url_character"]),
    path!("path/backslash", "climbs with backslashes", "/things\\..\\users", &["url_character", "url_segment"]),
    path!("path/encoded-backslash", "climbs with %5c", "/things/..%5cusers", &["url_encoding"]),
    path!("path/encoded-nul", "ends its path early with %00", "/things/1%00.json", &["url_encoding"]),
    path!(
        "path/encoded-line-end",
        "splits the request line with %0d%0a",
        "/things/1%0d%0aHost:%20evil",
        &["url_encoding"]
    ),
    path!("path/overlong-utf8", "hides a slash in overlong UTF-8", "/things/1%c0%afusers", &["url_encoding"]),
    case!(
        "path/fragment",
        "path_tricks",
        "puts a fragment behind its path, for somebody to take for more of it",
        "a fragment is refused, or is no part of what is sent",
        "host/policy/src/target.rs",
        fragment,
    ),
    path!("path/half-triple", "breaks a percent triple off", "/things/1%2", &["url_character", "url_encoding"]),
    undeclared!("path/other-path", "asks for a path that no tool declared", "/users"),
    undeclared!("path/root", "asks for the root", "/"),
    undeclared!("path/longer", "goes one segment further than its route", "/things/1/notes"),
    undeclared!("path/operation", "asks for another operation on what its route names", "/things/1:undelete"),
    undeclared!("path/case", "writes its path in capitals", "/THINGS/1"),
    case!(
        "path/too-long",
        "path_tricks",
        "asks with a URL of sixteen thousand bytes",
        "a URL has so many bytes",
        "host/policy/src/target.rs",
        too_long,
    ),
    case!(
        "scope/webhook",
        "writes_under_read",
        "subscribes a stranger to all incidents, from a read tool, on the allowed host",
        "a read tool sends what it declared, and nothing after an attempt at more",
        "host/policy/src/egress.rs",
        writes_under_read,
        "webhook",
    ),
    case!(
        "scope/write-under-read",
        "writes_under_read",
        "opens an incident from a read tool",
        "a read tool sends what it declared, and nothing after an attempt at more",
        "host/policy/src/egress.rs",
        writes_under_read,
        "incident",
    ),
    case!(
        "scope/other-tools-route",
        "borrows_route",
        "sends from one tool what only another one declared",
        "routes are those of the running tool",
        "host/runtime/src/call/authorize.rs",
        borrows_route,
    ),
    case!(
        "scope/identify",
        "identify_writes",
        "sends from identify what only its tools declared",
        "identify has routes of its own",
        "host/runtime/src/call/authorize.rs",
        identify,
    ),
    case!(
        "scope/body-on-read",
        "body_on_read",
        "hides a write in the body of a GET",
        "a read carries no body",
        "host/runtime/src/gate.rs",
        never_leaves,
        "",
        "",
        &["body_on_read"],
    ),
    case!(
        "scope/after-refusal",
        "asks_on",
        "goes on with an allowed request after a refused one",
        "a call that broke a rule sends nothing more",
        "host/runtime/src/gate/ledger.rs",
        never_leaves,
        "refused",
        "",
        &["route_not_declared"],
    ),
    case!(
        "scope/outruns-the-decision",
        "outruns_gate",
        "asks for something forbidden and is gone before anybody looks",
        "the decision is made in the component's own call",
        "host/runtime/src/gate.rs",
        never_leaves,
        "",
        "https://fixture.example/users",
        &["route_not_declared"],
    ),
    case!(
        "scope/outruns-bodiless",
        "outruns_gate",
        "asks for something forbidden, all at once, and is gone before anybody looks",
        "the decision is made in the component's own call",
        "host/runtime/src/gate.rs",
        never_leaves,
        "bodiless",
        "https://fixture.example/users",
        &["route_not_declared"],
    ),
    case!(
        "scope/off-the-record",
        "outruns_gate",
        "sends something allowed and does not wait for the answer",
        "what left is on record, however the call ended",
        "host/runtime/src/gate/ledger.rs",
        on_record,
        "forget",
    ),
    case!(
        "scope/off-the-record-bodiless",
        "outruns_gate",
        "sends something allowed, all at once, and does not wait for the answer",
        "what left is on record, however the call ended",
        "host/runtime/src/gate/ledger.rs",
        on_record,
        "forget bodiless",
    ),
];

async fn too_long(arena: Arc<Arena>) -> Result<()> {
    never_leaves(arena, "", &format!("/things/{}", "a".repeat(16_000)), &["url_too_long"]).await
}

async fn fragment(arena: Arc<Arena>) -> Result<()> {
    let upstream = start(&arena, Behaviour::Plausible).await?;
    let scene = arena.scene(&upstream.base_url()).await?;
    let _whatever = scene.call("", "/things/1#/users").await;
    let asked = upstream.requests();
    ensure!(asked.iter().all(|request| request.target == "/things/1"), "{asked:?}");
    Ok(())
}

async fn writes_under_read(arena: Arc<Arena>, attempt: &str) -> Result<()> {
    let kind = match arena.canary.kind {
        CredentialKind::OAuth2 => TokenKind::UserOAuth,
        _ => TokenKind::UserApiKey,
    };
    let user = Some(toolkeep_tests::KIM.to_owned());
    let token = Token { secret: arena.canary.secret.clone(), kind, user, scopes: None };
    let simulator = Simulator::start(Config { tokens: vec![token], ..Config::default() }).await?;
    let scene = arena.empty(&simulator.base_url(), limits(), |builder| builder)?;
    scene.connect("intruder", Some(&simulator.base_url()))?;
    scene.load("writes_under_read").await?;
    let result = scene.call_as(&scene.stage.kim, "intruder_incidents_list", json!({ "attempt": attempt })).await;
    expect_code(result, &["route_not_declared"])?;
    ensure!(simulator.webhook_subscriptions() == 0, "a webhook was made");
    let asked = simulator.requests();
    ensure!(asked.is_empty(), "{} requests left", asked.len());
    Ok(())
}

async fn borrows_route(arena: Arc<Arena>) -> Result<()> {
    let upstream = start(&arena, Behaviour::Plausible).await?;
    let scene = arena.scene(&upstream.base_url()).await?;
    expect_code(scene.call("", "").await, &["route_not_declared"])?;
    ensure!(upstream.requests().is_empty(), "the read tool wrote");
    // The tool that declared it may: the route works, and is not the reason of the refusal.
    let told = said(&scene.call_tool("make", "", "").await?)?;
    ensure!(told.starts_with("answered: 201") && upstream.requests().len() == 1, "{told}");
    Ok(())
}

async fn identify(arena: Arc<Arena>) -> Result<()> {
    let upstream = start(&arena, Behaviour::Plausible).await?;
    let scene = arena.scene(&upstream.base_url()).await?;
    expect_code(scene.identify().await, &["route_not_declared"])?;
    ensure!(upstream.requests().is_empty(), "identify sent what only a tool declared");
    Ok(())
}

async fn on_record(arena: Arc<Arena>, how: &str) -> Result<()> {
    let upstream = start(&arena, Behaviour::Plausible).await?;
    let scene = arena.scene(&upstream.base_url()).await?;
    scene.call(how, "https://fixture.example/things/7").await?;
    ensure!(upstream.requests().len() == 1, "{:?}", upstream.requests());
    let records = scene.stage.records()?;
    let requests = records.iter().filter_map(|record| record.content.get("requests")?.as_array()).flatten();
    let recorded: Vec<String> = requests.map(ToString::to_string).collect();
    ensure!(recorded.len() == 1 && recorded.iter().all(|request| request.contains("\"7\"")), "{recorded:?}");
    Ok(())
}

//! Tenancy: one user's connection serves that user alone, and only as long as it lasts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use hostile_upstream::{Behaviour, Config, HostileUpstream, Slow};
use serde_json::json;
use toolkeep_host::{Principal, ToolFilter};

use crate::arena::{Arena, code, expect_code};
use crate::case::{Case, Category, case};
use crate::upstreams::{had_the_canary, start};

const CATEGORY: Category = Category::TenancyAndSurfaces;

pub(crate) const CASES: &[Case] = &[
    case!(
        "tenancy/no-connection",
        "asks_on",
        "is called by a user of the same tenant who has no connection",
        "nobody borrows: the call fails before anything runs",
        "host/runtime/src/call/authorize.rs",
        borrows,
        "acme",
        "lee",
    ),
    case!(
        "tenancy/other-tenant",
        "asks_on",
        "is called by a user of the same name in another tenant",
        "a connection is its tenant's and its user's",
        "host/runtime/src/call/authorize.rs",
        borrows,
        "globex",
        "kim",
    ),
    case!(
        "tenancy/own-connection",
        "asks_on",
        "is called by two users at once, whose credentials must not be mixed up",
        "each call has its user's credential and connection pool",
        "host/runtime/src/upstream.rs",
        mixed_up,
    ),
    case!(
        "tenancy/own-pool",
        "asks_on",
        "is called by two users in turn, over connections that the upstream keeps open",
        "a TCP connection carries one user's credential and no other's",
        "host/runtime/src/upstream.rs",
        own_pool,
    ),
    case!(
        "tenancy/other-connection-name",
        "asks_on",
        "is called over a connection that the user does not have, by name",
        "there is no other to fall back to",
        "host/runtime/src/call/authorize.rs",
        other_name,
    ),
    case!(
        "tenancy/hidden-tool",
        "asks_on",
        "is called by the name of a tool that the caller may not see",
        "a hidden tool is as unknown as one that does not exist",
        "host/runtime/src/call/authorize.rs",
        hidden,
    ),
    case!(
        "tenancy/foreign-arguments",
        "asks_on",
        "is called with arguments that its schema does not have",
        "arguments are checked before the component runs",
        "host/runtime/src/call/authorize.rs",
        foreign_arguments,
    ),
    case!(
        "tenancy/revoked",
        "asks_on",
        "is called after its user has ended the connection",
        "the next call fails, and nothing is sent",
        "host/vault/src/vault.rs",
        revoked,
    ),
    case!(
        "tenancy/revoked-during-call",
        "asks_on",
        "goes on with requests after its user has ended the connection",
        "a call under way is cut at its next request",
        "host/runtime/src/gate.rs",
        revoked_during_call,
    ),
    case!(
        "tenancy/caller-leaves",
        "sleeps",
        "goes on when its caller has gone",
        "it is stopped, and its outcome is on record",
        "host/runtime/src/call.rs",
        caller_leaves,
    ),
];

async fn borrows(arena: Arc<Arena>, tenant: &str, user: &str) -> Result<()> {
    let upstream = start(&arena, Behaviour::Plausible).await?;
    let scene = arena.scene(&upstream.base_url()).await?;
    let stranger = Principal::new(tenant.parse()?, user.parse()?);
    expect_code(scene.call_as(&stranger, "asks_on_do", json!({})).await, &["no_connection"])?;
    ensure!(upstream.requests().is_empty(), "it left with somebody's credential");
    Ok(())
}

async fn mixed_up(arena: Arc<Arena>) -> Result<()> {
    let upstream = start(&arena, Behaviour::Plausible).await?;
    let scene = arena.scene(&upstream.base_url()).await?;
    let lee = scene.lee()?;
    let theirs = format!("lee-secret-{:016x}", crate::canary::random());
    scene.connect_user(&lee, "asks_on", &theirs, Some(&upstream.base_url()))?;
    // Six calls of three requests each.
    let calls: Vec<_> = (0..12)
        .map(|number| {
            let (scene, lee) = (scene.clone(), lee.clone());
            tokio::spawn(async move {
                let who = if number % 2 == 0 { &scene.stage.kim } else { &lee };
                scene.call_as(who, "asks_on_do", json!({ "how": "" })).await.map(|_| ())
            })
        })
        .collect();
    for call in calls {
        call.await??;
    }
    let header = crate::upstreams::credential_header(&arena);
    let asked = upstream.requests();
    let with = |secret: &str| {
        asked
            .iter()
            .filter(|request| {
                request.header(header).is_some_and(|value| String::from_utf8_lossy(value).ends_with(secret))
            })
            .count()
    };
    ensure!(
        with(&arena.canary.secret) == 18 && with(&theirs) == 18,
        "{} and {}",
        with(&arena.canary.secret),
        with(&theirs)
    );
    Ok(())
}

async fn own_pool(arena: Arc<Arena>) -> Result<()> {
    let header = crate::upstreams::credential_header(&arena);
    let config = Config { credential_header: header.to_owned(), keep_alive: true, ..Config::default() };
    let upstream = HostileUpstream::start_with(config).await?;
    let scene = arena.scene(&upstream.base_url()).await?;
    let lee = scene.lee()?;
    let theirs = format!("lee-secret-{:016x}", crate::canary::random());
    scene.connect_user(&lee, "asks_on", &theirs, Some(&upstream.base_url()))?;
    // In turn: whoever calls finds the other's connection idle.
    for _ in 0..3 {
        for who in [&scene.stage.kim, &lee] {
            scene.call_as(who, "asks_on_do", json!({ "how": "" })).await?;
        }
    }
    let asked = upstream.requests();
    let mut carried: BTreeMap<u64, BTreeSet<&[u8]>> = BTreeMap::new();
    for request in &asked {
        carried.entry(request.connection).or_default().insert(request.header(header).context("no credential came")?);
    }
    ensure!(asked.len() == 18 && carried.len() < asked.len(), "no connection was used twice, so nothing was tried");
    ensure!(carried.len() >= 2, "two users had {} connections", carried.len());
    ensure!(carried.values().all(|credentials| credentials.len() == 1), "two users shared a connection");
    Ok(())
}

async fn other_name(arena: Arc<Arena>) -> Result<()> {
    let upstream = start(&arena, Behaviour::Plausible).await?;
    let scene = arena.scene(&upstream.base_url()).await?;
    for name in ["work", "Default", "default ", "../default", ""] {
        let mut call = toolkeep_host::Call::new("asks_on_do", json!({}))?;
        call.connection = name.to_owned();
        let error = scene.stage.host.call(&scene.stage.kim, call).await.err().context("it was answered")?;
        ensure!(error.code() == "no_connection", "{name:?}: {error}");
    }
    ensure!(upstream.requests().is_empty(), "it left");
    Ok(())
}

async fn hidden(arena: Arc<Arena>) -> Result<()> {
    let upstream = start(&arena, Behaviour::Plausible).await?;
    let scene = arena.scene(&upstream.base_url()).await?;
    let narrow = scene.stage.kim.clone().with_tools(ToolFilter::Only(BTreeSet::from(["something_else".to_owned()])));
    let mut read = BTreeSet::new();
    for (tool, code) in [("asks_on_do", "unknown_tool"), ("asks_on_xx", "unknown_tool")] {
        let error = scene.call_as(&narrow, tool, json!({})).await.err().context("it was answered")?;
        ensure!(error.code() == code, "{error}");
        read.insert(error.public_message().replace(tool, "TOOL"));
    }
    ensure!(read.len() == 1, "a hidden tool is told from an unknown one: {read:?}");
    ensure!(scene.stage.host.tools(&narrow, None).is_empty(), "the tool is listed");
    ensure!(upstream.requests().is_empty(), "it left");
    Ok(())
}

async fn foreign_arguments(arena: Arc<Arena>) -> Result<()> {
    let upstream = start(&arena, Behaviour::Plausible).await?;
    let scene = arena.scene(&upstream.base_url()).await?;
    for arguments in [json!({ "__proto__": {} }), json!({ "how": 1 }), json!({ "how": ["a"] }), json!({ "tool": "x" })]
    {
        let result = scene.call_as(&scene.stage.kim, "asks_on_do", arguments.clone()).await;
        ensure!(code(result)? == "invalid_arguments", "{arguments}");
    }
    let large = json!({ "with": "x".repeat(300 << 10) });
    expect_code(scene.call_as(&scene.stage.kim, "asks_on_do", large).await, &["arguments_too_large"])?;
    ensure!(upstream.requests().is_empty(), "it left");
    Ok(())
}

async fn revoked(arena: Arc<Arena>) -> Result<()> {
    let upstream = start(&arena, Behaviour::Plausible).await?;
    let scene = arena.scene(&upstream.base_url()).await?;
    scene.call("", "").await?;
    ensure!(had_the_canary(&arena, &upstream), "the credential was not sent, so nothing was tried");
    let _before = upstream.take_requests();
    ensure!(scene.stage.host.vault().disconnect(&scene.stage.key("asks_on"))?, "there was no connection");
    expect_code(scene.call("", "").await, &["no_connection"])?;
    ensure!(upstream.requests().is_empty(), "it left");
    Ok(())
}

async fn revoked_during_call(arena: Arc<Arena>) -> Result<()> {
    // The first answer keeps the call waiting until the connection has been ended.
    let upstream = start(&arena, Behaviour::Slow(Slow::NeverAnswers)).await?;
    let mut limits = crate::arena::limits();
    limits.upstream_ms = 2_000;
    let scene = arena.limited(&upstream.base_url(), limits).await?;
    let running = tokio::spawn({
        let scene = scene.clone();
        async move { scene.call("", "").await }
    });
    while upstream.requests().is_empty() {
        ensure!(!running.is_finished(), "the call ended before its first request");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    ensure!(scene.stage.host.vault().disconnect(&scene.stage.key("asks_on"))?, "there was no connection");
    upstream.set(Behaviour::Plausible);
    let _whatever = running.await?;
    let asked = upstream.requests().len();
    ensure!(asked == 1, "after the connection was ended, {} more requests left with its credential", asked - 1);
    Ok(())
}

async fn caller_leaves(arena: Arc<Arena>) -> Result<()> {
    let scene = arena.scene("http://127.0.0.1:1").await?;
    let gone = tokio::time::timeout(Duration::from_millis(50), scene.call("", "")).await;
    ensure!(gone.is_err(), "the call ended before its caller left");
    for _ in 0..1_000 {
        let records = scene.stage.records()?;
        if let Some(outcome) = records.iter().find(|record| record.kind == toolkeep_audit::RecordKind::Outcome) {
            ensure!(outcome.content.get("code").is_some_and(|code| code == "cancelled"), "{:?}", outcome.content);
            return Ok(());
        }
        // It may have been dropped before it began: then there is nothing to stop or to record.
        if records.iter().all(|record| record.kind != toolkeep_audit::RecordKind::Intent) {
            let _again = tokio::time::timeout(Duration::from_millis(50), scene.call("", "")).await;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    anyhow::bail!("no outcome was recorded")
}

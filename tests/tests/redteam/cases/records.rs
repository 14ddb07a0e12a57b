//! Tenancy, part two: somebody with the database files, and calls of which no record can be made.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use hostile_upstream::{Behaviour, Slow};
use rusqlite::{Connection, OpenFlags, params};
use serde_json::json;
use toolkeep_audit::RecordKind;
use toolkeep_host::Principal;

use crate::arena::{Arena, Scene, expect_code, limits, said};
use crate::case::{Case, Category, case};
use crate::program::{Data, tool_call};
use crate::upstreams::{had_the_canary, start};

const CATEGORY: Category = Category::TenancyAndSurfaces;

pub(crate) const CASES: &[Case] = &[
    case!(
        "tenancy/copied-row",
        "asks_on",
        "is called by users whose rows in the database were copied from another's",
        "a stored credential opens only for whom and what it was stored",
        "host/vault/src/seal.rs",
        copied_row,
    ),
    case!(
        "surface/edited-key",
        nobody,
        "somebody with the database makes a key another user's",
        "what a key may do is sealed with it",
        "host/vault/src/api_key.rs",
        edited_key,
    ),
    case!(
        "record/no-intent",
        "asks_on",
        "is called while nothing can be written into the audit log",
        "no record, no call: nothing runs, and nothing is sent",
        "host/runtime/src/call/run.rs",
        no_intent,
    ),
    case!(
        "record/no-outcome",
        "reads_echo",
        "is answered when nothing can be written into the audit log any more",
        "no record, no answer; and the outcome is written once it can be",
        "host/runtime/src/call/run.rs",
        no_outcome,
    ),
];

/// Opens a database file that somebody else uses.
fn open(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    Connection::open_with_flags(path, flags).with_context(|| format!("{} cannot be opened", path.display()))
}

/// A database file of this scene's host.
fn file_of(scene: &Scene, name: &str) -> PathBuf {
    scene.stage.data.path().join("data").join(name)
}

async fn copied_row(arena: Arc<Arena>) -> Result<()> {
    let upstream = start(&arena, Behaviour::Plausible).await?;
    let scene = arena.scene(&upstream.base_url()).await?;
    scene.call("", "").await?;
    ensure!(had_the_canary(&arena, &upstream), "the credential was not sent, so nothing was tried");
    let _before = upstream.take_requests();
    // Sam gets the whole row, and Lee the sealed columns of it in a row of her own.
    let (sam, lee) = (Principal::new(scene.stage.kim.tenant.clone(), "sam".parse()?), scene.lee()?);
    scene.connect_user(&lee, "asks_on", "a-secret-of-her-own-1", Some(&upstream.base_url()))?;
    let vault = open(&file_of(&scene, "vault.db"))?;
    let copied = vault.execute(
        "INSERT INTO connection SELECT tenant, ?1, connector, name, version, status, created_us, updated_us, details,
         key_id, wrapped_key, secret FROM connection WHERE user = ?2",
        params![sam.user.as_str(), scene.stage.kim.user.as_str()],
    )?;
    let changed = vault.execute(
        "UPDATE connection SET (version, details, wrapped_key, secret) =
         (SELECT version, details, wrapped_key, secret FROM connection WHERE user = ?2) WHERE user = ?1",
        params![lee.user.as_str(), scene.stage.kim.user.as_str()],
    )?;
    ensure!((copied, changed) == (1, 1), "{copied} rows were copied and {changed} changed, so nothing was tried");
    for who in [&sam, &lee] {
        let result = scene.call_as(who, "asks_on_do", json!({})).await;
        expect_code(result, &["vault_sealed_data_corrupt"]).with_context(|| who.user.to_string())?;
    }
    ensure!(upstream.requests().is_empty(), "it left with somebody's credential");
    // Whose it is can still use it.
    scene.call("", "").await?;
    Ok(())
}

async fn edited_key(arena: Arc<Arena>) -> Result<()> {
    let data = Data::new(&arena, &["fixture"], None).await?;
    let key = data.key(&["--user", "kim"]).await?;
    let serving = data.serve().await?;
    let call = tool_call("fixture_echo", &json!({ "text": "let in" }));
    let answer = serving.request(&key).body(&call).send().await?;
    ensure!(answer.status == 200 && answer.text.contains("let in"), "the key does not work: {answer:?}");
    let files = data.files()?.into_iter().map(|(path, _)| path);
    let vault = files.into_iter().find(|path| path.ends_with("vault.db")).context("there is no vault")?;
    let changed = open(&vault)?.execute("UPDATE api_key SET user = 'boss'", [])?;
    ensure!(changed == 1, "{changed} keys were changed, so nothing was tried");
    // Whoever writes there can also see to it that nobody goes on with what they read before.
    std::fs::write(vault.with_extension("db-mark"), [1; 16])?;
    let answer = serving.request(&key).body(&call).send().await?;
    ensure!(answer.status == 401 && answer.text.contains("key_invalid"), "{answer:?}");
    Ok(())
}

/// Keeps everybody from writing into the audit log, until it is dropped.
fn locked(scene: &Scene) -> Result<Connection> {
    let log = open(&file_of(scene, "audit.db"))?;
    log.execute_batch("BEGIN IMMEDIATE")?;
    Ok(log)
}

async fn no_intent(arena: Arc<Arena>) -> Result<()> {
    let upstream = start(&arena, Behaviour::Plausible).await?;
    let scene = arena.scene(&upstream.base_url()).await?;
    let log = locked(&scene)?;
    expect_code(scene.call("", "").await, &["audit_unavailable"])?;
    ensure!(upstream.requests().is_empty(), "a request left, of which there is no record");
    drop(log);
    scene.call("", "").await.context("once records can be made again")?;
    ensure!(had_the_canary(&arena, &upstream), "the credential was not sent, so nothing was tried");
    Ok(())
}

async fn no_outcome(arena: Arc<Arena>) -> Result<()> {
    let upstream = start(&arena, Behaviour::Slow(Slow::NeverAnswers)).await?;
    let mut limits = limits();
    limits.upstream_ms = 2_000;
    let scene = arena.limited(&upstream.base_url(), limits).await?;
    let running = tokio::spawn({
        let scene = scene.clone();
        async move { scene.call("", "1").await }
    });
    while upstream.requests().is_empty() {
        ensure!(!running.is_finished(), "the call ended before its request");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let log = locked(&scene)?;
    match running.await? {
        Ok(answer) => anyhow::bail!("it was answered: {}", said(&answer)?),
        failed => expect_code(failed, &["audit_unavailable"])?,
    }
    drop(log);
    for _ in 0..1_000 {
        let records = scene.stage.records()?;
        if records.iter().any(|record| record.kind == RecordKind::Outcome) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    anyhow::bail!("the outcome was never written")
}

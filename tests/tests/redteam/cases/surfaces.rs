//! Surfaces: the real program, driven like a stranger, a web page or a careless caller would.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use hostile_upstream::Behaviour;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use toolkeep_vault::ApiKeyInfo;

use crate::arena::Arena;
use crate::case::{Case, Category, case};
use crate::program::{Data, tool_call};
use crate::upstreams::{had_the_canary, start};

const CATEGORY: Category = Category::TenancyAndSurfaces;

/// A request to the listener that is refused.
macro_rules! listener {
    ($id:literal, $attack:literal, $defence:literal, $file:literal, $change:expr, $refusals:expr) => {
        case!($id, nobody, $attack, $defence, $file, at_the_door, $change, $refusals)
    };
}

const GUARD_HOST: &[&str] = &["host_not_allowed"];
const GUARD_ORIGIN: &[&str] = &["origin_not_allowed"];

pub(crate) const CASES: &[Case] = &[
    listener!(
        "surface/foreign-host",
        "a name of the attacker's resolves to this machine (DNS rebinding)",
        "the listener answers to its own names alone",
        "host/server/src/mcp/guard.rs",
        Change::Header("Host", "evil.example"),
        GUARD_HOST
    ),
    listener!(
        "surface/lookalike-host",
        "a name begins like a loopback name",
        "the listener answers to its own names alone",
        "host/server/src/mcp/guard.rs",
        Change::Header("Host", "localhost.evil.example"),
        GUARD_HOST
    ),
    listener!(
        "surface/foreign-origin",
        "a web page calls the listener, with a true key",
        "no web page may call unless the operator named it",
        "host/server/src/mcp/guard.rs",
        Change::Add("Origin", "https://evil.example"),
        GUARD_ORIGIN
    ),
    listener!(
        "surface/null-origin",
        "a sandboxed page calls the listener, with a true key",
        "no web page may call unless the operator named it",
        "host/server/src/mcp/guard.rs",
        Change::Add("Origin", "null"),
        GUARD_ORIGIN
    ),
    listener!(
        "surface/local-origin",
        "another program's page on this machine calls the listener",
        "no web page may call unless the operator named it",
        "host/server/src/mcp/guard.rs",
        Change::Add("Origin", "http://localhost:3000"),
        GUARD_ORIGIN
    ),
    listener!(
        "surface/no-key",
        "a caller brings no API key",
        "every request is authenticated",
        "host/server/src/mcp/guard.rs",
        Change::NoKey,
        &["key_missing"]
    ),
    listener!(
        "surface/wrong-key",
        "a caller brings a key that nobody made",
        "keys are compared with what the vault keeps",
        "host/vault/src/api_key.rs",
        Change::Header("Authorization", "Bearer tk_0123456789abcdef_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        &["key_invalid"]
    ),
    listener!(
        "surface/key-almost-right",
        "a caller brings a true key with another last character",
        "keys are compared whole",
        "host/vault/src/api_key.rs",
        Change::BendKey,
        &["key_invalid"]
    ),
    listener!(
        "surface/two-keys",
        "a caller brings two keys, one of them true",
        "a request has one identity",
        "host/server/src/mcp/guard.rs",
        Change::Add("Authorization", "Bearer tk_other"),
        &["key_invalid"]
    ),
    listener!(
        "surface/key-in-url",
        "a caller brings a true key in the URL, where logs keep it",
        "such a request is refused, key or not",
        "host/server/src/mcp/guard.rs",
        Change::KeyInUrl,
        &["key_in_url"]
    ),
    listener!(
        "surface/large-body",
        "a caller sends more than a megabyte",
        "a request has so many bytes",
        "host/server/src/mcp/http.rs",
        Change::LargeBody,
        &["body_too_large"]
    ),
    case!(
        "surface/stalled-bodies",
        nobody,
        "a caller with a true key begins more requests than there are places, and sends no body",
        "one user has a share of the places, and others the rest",
        "host/server/src/mcp/places.rs",
        stalled_bodies
    ),
    case!(
        "surface/revoked-key",
        nobody,
        "a caller goes on with a key that was revoked",
        "a revoked key is no key",
        "host/vault/src/api_key.rs",
        revoked_key
    ),
    case!(
        "surface/other-users-key",
        "asks_on",
        "a caller with a true key calls for a user without a connection",
        "a key is one user's, and that user's connection is used or none",
        "host/runtime/src/call/authorize.rs",
        other_users_key
    ),
    case!(
        "surface/hidden-tool",
        "asks_on",
        "a caller names a tool that its key does not show",
        "it is as unknown as a tool that does not exist",
        "host/runtime/src/call/authorize.rs",
        hidden_tool
    ),
    case!(
        "surface/management",
        nobody,
        "a caller looks for policy and management among the tools",
        "nothing but connectors' tools is offered",
        "host/server/src/mcp/surface.rs",
        management
    ),
    case!(
        "surface/revoked-credential",
        "asks_on",
        "a caller goes on after the user has removed the credential, from another process",
        "the next call fails, and nothing is sent",
        "host/vault/src/vault.rs",
        removed_credential
    ),
    case!(
        "surface/proxy-environment",
        "asks_on",
        "the host's environment names a proxy, who would see every request",
        "no proxy is taken from the environment",
        "host/runtime/src/upstream.rs",
        proxies
    ),
    case!(
        "surface/core-dumps",
        nobody,
        "the server is made to crash, so that its memory is written to a disk",
        "the program forbids itself core dumps",
        "host/server/src/main.rs",
        core_dumps
    ),
    case!(
        "surface/environment",
        "token_hunter",
        "the host's environment holds secrets",
        "a component's environment is empty",
        "host/runtime/src/instance.rs",
        environment
    ),
    case!(
        "surface/standard-output",
        "prints_forgeries",
        "prints an answer of its own to the program's output",
        "a component's streams lead nowhere",
        "host/runtime/src/instance.rs",
        standard_output
    ),
    case!(
        "surface/exit",
        "prints_forgeries",
        "leaves with exit code 0, as if it had succeeded",
        "leaving is no answer",
        "host/runtime/src/call/run.rs",
        exit
    ),
];

/// What is wrong with a request that is right otherwise.
#[derive(Clone, Copy)]
enum Change {
    Header(&'static str, &'static str),
    Add(&'static str, &'static str),
    NoKey,
    BendKey,
    KeyInUrl,
    LargeBody,
}

async fn at_the_door(arena: Arc<Arena>, change: Change, refusals: &[&str]) -> Result<()> {
    let data = Data::new(&arena, &["fixture"], None).await?;
    let key = data.key(&["--user", "kim"]).await?;
    let serving = data.serve().await?;
    let call = tool_call("fixture_echo", &json!({ "text": "let in" }));
    // The same request without the change is let in, so it is the change that is refused.
    let right = serving.request(&key).body(&call);
    let answer = right.send().await?;
    ensure!(answer.status == 200 && answer.text.contains("let in"), "{answer:?}");
    let bent =
        format!("{}{}", key.get(..key.len() - 1).unwrap_or_default(), if key.ends_with('A') { 'B' } else { 'A' });
    let wrong = match change {
        Change::Header(name, value) => serving.request(&key).header(name, value).body(&call),
        Change::Add(name, value) => serving.request(&key).add(name, value).body(&call),
        Change::NoKey => serving.request(&key).without("Authorization").body(&call),
        Change::BendKey => serving.request(&bent).body(&call),
        Change::KeyInUrl => serving.request(&key).target(&format!("/mcp?access_token={key}")).body(&call),
        // One byte too many: all of it is read, so that nothing unread makes the kernel throw the answer away.
        Change::LargeBody => serving.request(&key).body(&format!("{call}{}", " ".repeat((1 << 20) + 1 - call.len()))),
    };
    let answer = wrong.send().await?;
    ensure!((400..500).contains(&answer.status), "{answer:?}");
    ensure!(refusals.iter().any(|code| answer.text.contains(code)), "{answer:?}");
    ensure!(!answer.text.contains("let in"), "{answer:?}");
    Ok(())
}

/// Connections of the caller who stalls: more than the listener has places for all, so that only a share of each
/// keeps some free.
const STALLED: usize = 160;
/// Of those, how many are let wait for their bodies before the other caller comes: a good part of a share.
const LET_IN: usize = 40;

async fn stalled_bodies(arena: Arc<Arena>) -> Result<()> {
    let data = Data::new(&arena, &["fixture"], None).await?;
    let (kim, lee) = (data.key(&["--user", "kim"]).await?, data.key(&["--user", "lee"]).await?);
    let serving = data.serve().await?;
    let mut stalled = JoinSet::new();
    for _ in 0..STALLED {
        let head = serving.request(&kim).add("Expect", "100-continue");
        // Whoever has a place is told to go on, and does not.
        stalled.spawn(async move { head.stall().await });
    }
    let mut open = Vec::new();
    while open.len() < LET_IN {
        let connection = stalled.join_next().await.context("too few requests were let in")??;
        open.push(connection?);
    }
    // And whoever else is: those who are left wait for a place, and are told so later than this.
    while let Ok(Some(connection)) = tokio::time::timeout(Duration::from_millis(500), stalled.join_next()).await {
        open.push(connection??);
    }
    let call = tool_call("fixture_echo", &json!({ "text": "let in" }));
    let answer = serving.request(&lee).body(&call).send().await?;
    ensure!(answer.status == 200 && answer.text.contains("let in"), "the other caller was kept out: {answer:?}");
    Ok(())
}

async fn revoked_key(arena: Arc<Arena>) -> Result<()> {
    let data = Data::new(&arena, &["fixture"], None).await?;
    let key = data.key(&["--user", "kim"]).await?;
    let serving = data.serve().await?;
    let call = tool_call("fixture_echo", &json!({ "text": "let in" }));
    ensure!(serving.request(&key).body(&call).send().await?.text.contains("let in"), "the key does not work");
    data.succeed(&["key", "revoke", &key], "").await?;
    let answer = serving.request(&key).body(&call).send().await?;
    ensure!(answer.status == 401 && answer.text.contains("key_invalid"), "{answer:?}");
    // The same without a program that takes its time to start: what the server remembers of the key is as fresh as can
    // be. Its first use is written down, and what was read before that is forgotten. More than once, because a server
    // that just then has something to write remembers nothing, and there is nothing to see.
    let vault = data.vault()?;
    for _ in 0..3 {
        let key = data.key(&["--user", "kim"]).await?;
        let id = key.strip_prefix("tk_").and_then(|rest| rest.split('_').next()).context("the key has no id")?;
        ensure!(serving.request(&key).body(&call).send().await?.text.contains("let in"), "the key does not work");
        let is_used = |keys: Vec<ApiKeyInfo>| keys.iter().any(|one| one.id == id && one.last_used_at.is_some());
        while !is_used(vault.api_keys()?) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        ensure!(serving.request(&key).body(&call).send().await?.text.contains("let in"), "the key does not work");
        ensure!(vault.revoke_api_key(id)?, "no such key");
        let answer = serving.request(&key).body(&call).send().await?;
        ensure!(answer.status == 401 && answer.text.contains("key_invalid"), "{answer:?}");
    }
    Ok(())
}

async fn other_users_key(arena: Arc<Arena>) -> Result<()> {
    let upstream = start(&arena, Behaviour::Plausible).await?;
    let data = connected(&arena, "asks_on", &upstream.base_url()).await?;
    let serving = data.serve().await?;
    let call = tool_call("asks_on_do", &json!({}));
    for who in [["--user", "lee"].as_slice(), &["--user", "kim", "--tenant", "globex"]] {
        let _before = upstream.take_requests();
        let key = data.key(who).await?;
        let answer = serving.request(&key).body(&call).send().await?;
        ensure!(answer.text.contains("no usable asks_on connection"), "{answer:?}");
        ensure!(upstream.requests().is_empty(), "it left with somebody's credential");
    }
    Ok(())
}

async fn hidden_tool(arena: Arc<Arena>) -> Result<()> {
    let upstream = start(&arena, Behaviour::Plausible).await?;
    let data = connected(&arena, "asks_on", &upstream.base_url()).await?;
    let serving = data.serve().await?;
    let _before = upstream.take_requests();
    let key = data.key(&["--user", "kim", "--tool", "fixture_echo"]).await?;
    let mut answers = BTreeSet::new();
    for tool in ["asks_on_do", "asks_on_xx"] {
        let answer = serving.request(&key).body(&tool_call(tool, &json!({}))).send().await?;
        answers.insert(answer.text.replace(tool, "TOOL"));
    }
    ensure!(answers.len() == 1, "a hidden tool is told from an unknown one: {answers:?}");
    let listed = serving.request(&key).body(&crate::program::message("tools/list", &json!({}))).send().await?;
    ensure!(listed.text.contains("fixture_echo") && !listed.text.contains("asks_on_do"), "{listed:?}");
    ensure!(upstream.requests().is_empty(), "it left");
    Ok(())
}

async fn management(arena: Arc<Arena>) -> Result<()> {
    let data = Data::new(&arena, &["fixture"], None).await?;
    let key = data.key(&["--user", "kim"]).await?;
    let serving = data.serve().await?;
    let listed = serving.request(&key).body(&crate::program::message("tools/list", &json!({}))).send().await?;
    let value: serde_json::Value = serde_json::from_str(&listed.text).with_context(|| format!("{listed:?}"))?;
    let tools = value.pointer("/result/tools").and_then(|tools| tools.as_array()).context("a list of tools")?;
    let names: Vec<&str> = tools.iter().filter_map(|tool| tool.get("name")?.as_str()).collect();
    ensure!(!names.is_empty() && names.iter().all(|name| name.starts_with("fixture_")), "{names:?}");
    for path in ["/", "/admin", "/keys", "/metrics", "/mcp/../healthz", "/mcp/vault"] {
        let answer =
            serving.request(&key).target(path).body(&tool_call("fixture_echo", &json!({ "text": "x" }))).send().await?;
        ensure!(answer.status == 404, "{path}: {answer:?}");
    }
    Ok(())
}

async fn removed_credential(arena: Arc<Arena>) -> Result<()> {
    let upstream = start(&arena, Behaviour::Plausible).await?;
    let data = connected(&arena, "asks_on", &upstream.base_url()).await?;
    let key = data.key(&["--user", "kim"]).await?;
    let serving = data.serve().await?;
    let call = tool_call("asks_on_do", &json!({}));
    let answer = serving.request(&key).body(&call).send().await?;
    ensure!(answer.text.contains("answered: 200"), "{answer:?}");
    data.succeed(&["credential", "remove", "asks_on", "--tenant", "acme", "--user", "kim"], "").await?;
    let _before = upstream.take_requests();
    let answer = serving.request(&key).body(&call).send().await?;
    ensure!(answer.text.contains("no usable asks_on connection"), "{answer:?}");
    ensure!(upstream.requests().is_empty(), "it left");
    Ok(())
}

async fn proxies(arena: Arc<Arena>) -> Result<()> {
    let upstream = start(&arena, Behaviour::Plausible).await?;
    let data = connected(&arena, "asks_on", &upstream.base_url()).await?;
    let trap = TcpListener::bind("127.0.0.1:0").await?;
    let proxy = format!("http://{}", trap.local_addr()?);
    let names = ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
    let variables: Vec<(&str, &str)> = names.iter().map(|name| (*name, proxy.as_str())).collect();
    let _before = upstream.take_requests();
    let done = data.run(&["call", "asks_on_do", "--tenant", "acme", "--user", "kim"], "", &variables).await?;
    ensure!(done.code == Some(0) && done.stdout.contains("answered: 200"), "{done:?}");
    ensure!(had_the_canary(&arena, &upstream), "the request did not come straight to the upstream");
    let trapped = tokio::time::timeout(Duration::from_millis(20), trap.accept()).await;
    ensure!(trapped.is_err(), "the proxy was dialled");
    Ok(())
}

async fn core_dumps(arena: Arc<Arena>) -> Result<()> {
    let data = Data::new(&arena, &["fixture"], None).await?;
    let serving = data.serve().await?;
    let process = serving.process().context("it has ended")?;
    // Where no file tells, there is nothing to see from outside.
    let Ok(limits) = std::fs::read_to_string(format!("/proc/{process}/limits")) else { return Ok(()) };
    let cores = limits.lines().find(|line| line.starts_with("Max core file size")).context("there is such a limit")?;
    let numbers: Vec<&str> = cores.split_whitespace().filter(|word| word.parse::<u64>().is_ok()).collect();
    ensure!(numbers == ["0", "0"], "it may write its memory to a disk: {cores}");
    Ok(())
}

async fn environment(arena: Arc<Arena>) -> Result<()> {
    let upstream = start(&arena, Behaviour::Plausible).await?;
    let data = connected(&arena, "token_hunter", &upstream.base_url()).await?;
    let secret = arena.canary.secret.clone();
    let variables = [("SECRET_TOKEN", secret.as_str()), ("PAGERDUTY_API_KEY", secret.as_str())];
    let done = data.run(&["call", "token_hunter_do", "--tenant", "acme", "--user", "kim"], "", &variables).await?;
    let seen: serde_json::Value = serde_json::from_str(&done.stdout).with_context(|| format!("{done:?}"))?;
    ensure!(seen.get("environment") == Some(&json!([])), "the component has an environment: {seen}");
    ensure!(seen.get("in_memory") == Some(&json!(0)) && seen.get("in_surroundings") == Some(&json!(false)), "{seen}");
    Ok(())
}

async fn standard_output(arena: Arc<Arena>) -> Result<()> {
    let data = Data::new(&arena, &["prints_forgeries"], None).await?;
    let mark = format!("mark-{:016x}", crate::canary::random());
    let with = format!("with={mark}");
    let done = data.run(&["call", "prints_forgeries_do", &with, "--tenant", "acme", "--user", "kim"], "", &[]).await?;
    ensure!(done.code == Some(0) && done.stdout.contains("printed"), "{done:?}");
    ensure!(!done.stdout.contains(&mark) && !done.stderr.contains(&mark), "it printed: {done:?}");
    Ok(())
}

async fn exit(arena: Arc<Arena>) -> Result<()> {
    let data = Data::new(&arena, &["prints_forgeries"], None).await?;
    let call = ["call", "prints_forgeries_do", "how=exit", "--tenant", "acme", "--user", "kim"];
    let done = data.run(&call, "", &[]).await?;
    ensure!(done.code == Some(1), "the program ended with {:?}", done.code);
    ensure!(!done.stdout.contains("forged") && !done.stderr.contains("forged"), "{done:?}");
    Ok(())
}

/// A data directory in which kim has the canary for a component whose upstream is there.
async fn connected(arena: &Arc<Arena>, guest: &'static str, base: &str) -> Result<Data> {
    let data = Data::new(arena, &[guest, "fixture"], Some(base)).await?;
    let kind = match arena.canary.kind {
        toolkeep_vault::CredentialKind::OAuth2 => "oauth2",
        _ => "api-key",
    };
    let add = ["credential", "add", guest, "--kind", kind, "--base", base, "--tenant", "acme", "--user", "kim"];
    data.succeed(&add, &arena.canary.secret).await?;
    Ok(data)
}

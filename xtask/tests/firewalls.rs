//! Crates are firewalls: what a crate does not depend on, it cannot do. Cargo is asked for what is really
//! there, so a dependency that comes in through another is seen too.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what failed by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What can touch the world: a network, a disk, a clock of a runtime, a sandbox, chance.
const EFFECTS: [&str; 15] = [
    "tokio",
    "hyper",
    "hyper-util",
    "reqwest",
    "axum",
    "rmcp",
    "clap",
    "wasmtime",
    "wasmtime-wasi",
    "rusqlite",
    "rustls",
    "aws-lc-rs",
    "getrandom",
    "jiff",
    "tracing",
];
/// The protocols that only the program speaks.
const PROTOCOLS: [&str; 3] = ["rmcp", "axum", "clap"];
/// The host's own crates, which a connector cannot reach.
const HOST: [&str; 4] = ["toolkeep-host", "toolkeep-vault", "toolkeep-audit", "toolkeep-policy"];

#[test]
fn policy_has_nothing_to_act_with() {
    assert_absent("toolkeep-policy", &EFFECTS, "it decides, and others do");
}

#[test]
fn the_vault_has_no_way_out() {
    let ways = ["tokio", "hyper", "hyper-util", "reqwest", "rustls", "wasmtime", "rmcp", "axum", "toolkeep-audit"];
    assert_absent("toolkeep-vault", &ways, "it holds secrets, and sends nothing");
}

#[test]
fn the_audit_log_sees_no_secret_and_sends_nothing() {
    let others = ["toolkeep-vault", "hyper", "hyper-util", "reqwest", "rustls", "wasmtime", "rmcp", "axum"];
    assert_absent("toolkeep-audit", &others, "it records what it is told");
}

#[test]
fn the_library_speaks_no_protocol_and_has_no_second_client() {
    assert_absent("toolkeep-host", &PROTOCOLS, "only the program knows arguments or MCP");
    assert_absent("toolkeep-host", &["reqwest", "pagerduty-simulator"], "upstreams are dialled in one place");
}

#[test]
fn a_connector_knows_the_contract_and_nothing_of_the_host() {
    for connector in ["toolkeep-connector", "toolkeep-pagerduty"] {
        assert_absent(connector, &HOST, "the contract is all that it sees");
        assert_absent(connector, &["tokio", "hyper", "reqwest", "wasmtime"], "its HTTP is wasi:http");
    }
}

#[test]
fn the_program_without_its_demo_has_no_simulator() {
    let simulator = dependencies("toolkeep").into_iter().find(|(name, _)| name == "pagerduty-simulator").unwrap();
    assert!(simulator.1, "pagerduty-simulator must stay optional");
}

#[test]
fn an_upstream_knows_nothing_of_who_calls_it() {
    for upstream in ["pagerduty-simulator", "hostile-upstream"] {
        assert_absent(upstream, &HOST, "what it finds wrong must not share a mistake with what it tries");
    }
}

#[test]
fn one_crypto_provider() {
    let tree = tree("toolkeep");
    assert!(tree.contains("aws-lc-rs"), "{tree:?}");
    for other in ["ring", "openssl", "openssl-sys", "native-tls"] {
        assert!(!tree.contains(other), "toolkeep depends on {other}; aws-lc-rs is the one provider");
    }
}

#[test]
fn every_dependency_is_the_workspaces() {
    let elsewhere: Vec<String> = packages()
        .iter()
        .filter_map(|package| Some((package, package.get("manifest_path")?.as_str()?)))
        .flat_map(|(package, manifest)| {
            let text = std::fs::read_to_string(manifest).unwrap();
            let name = package.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
            versions_in(&text).into_iter().map(move |line| format!("{name}: {line}"))
        })
        .collect();
    assert!(elsewhere.is_empty(), "versions belong into [workspace.dependencies]: {elsewhere:#?}");
}

/// Lines of a member's dependency tables that name a version of their own.
fn versions_in(manifest: &str) -> Vec<String> {
    let mut in_dependencies = false;
    let mut found = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            in_dependencies = line.trim_matches(['[', ']']).ends_with("dependencies");
        } else if in_dependencies && line.contains('=') && !line.starts_with('#') && !line.contains("workspace = true")
        {
            found.push(line.to_owned());
        }
    }
    found
}

fn assert_absent(package: &str, others: &[&str], reason: &str) {
    let tree = tree(package);
    let found: Vec<_> = others.iter().filter(|other| tree.contains(**other)).collect();
    assert!(found.is_empty(), "{package} depends on {found:?}, directly or through another: {reason}");
}

/// Everything that a package is built with, itself included; what only its tests or build script need is not.
fn tree(package: &str) -> BTreeSet<String> {
    let text = cargo(&["tree", "--package", package, "--edges", "normal", "--prefix", "none", "--format", "{p}"]);
    let names: BTreeSet<String> =
        text.lines().filter_map(|line| line.split_whitespace().next()).map(ToOwned::to_owned).collect();
    assert!(names.contains(package), "cargo does not know {package}");
    names
}

/// A package's own dependencies that are no test's: name, whether it is optional.
fn dependencies(package: &str) -> Vec<(String, bool)> {
    let packages = packages();
    let found = packages.iter().find(|found| found.get("name").and_then(Value::as_str) == Some(package)).unwrap();
    let list = found.get("dependencies").and_then(Value::as_array).unwrap();
    list.iter()
        .filter(|dependency| dependency.get("kind").is_some_and(Value::is_null))
        .filter_map(|dependency| {
            Some((dependency.get("name")?.as_str()?.to_owned(), dependency.get("optional")?.as_bool()?))
        })
        .collect()
}

fn packages() -> Vec<Value> {
    let metadata: Value = serde_json::from_str(&cargo(&["metadata", "--no-deps", "--format-version", "1"])).unwrap();
    metadata.get("packages").and_then(Value::as_array).cloned().unwrap()
}

fn cargo(arguments: &[&str]) -> String {
    let root: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned();
    let output = Command::new("cargo").current_dir(root).args(arguments).output().unwrap();
    assert!(output.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_version_outside_the_workspace_is_seen() {
    let manifest = "[package]\nversion = \"1\"\n[dependencies]\na = \"1\"\nb.workspace = true\nc = { workspace = true, optional = true }\n";
    assert_eq!(versions_in(manifest), ["a = \"1\""]);
}

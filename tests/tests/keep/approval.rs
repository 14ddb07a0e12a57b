//! Approval in the library: what an embedder may run, and who said so.

use std::sync::Arc;

use serde_json::json;
use toolkeep_host::{
    Approval, ApprovalError, Approvals, CapabilitySheet, ConnectorFolder, Digests, Host, HostBuilder, Limits,
};
use toolkeep_tests::{Stage, guest};

fn stage() -> Stage {
    Stage::new("http://127.0.0.1:1", Limits::default()).unwrap()
}

/// A host over the stage's vault and log, without the stage's approvals.
fn builder(stage: &Stage) -> HostBuilder {
    Host::builder(Arc::clone(stage.host.vault()), stage.host.audit().clone())
}

struct Sheets(Vec<CapabilitySheet>);

impl Approvals for Sheets {
    fn find(&self, digest: &str) -> Result<Option<Approval>, ApprovalError> {
        Ok(self.0.iter().find(|sheet| sheet.digest == digest).map(Approval::of_sheet))
    }
}

struct Broken;

impl Approvals for Broken {
    fn find(&self, _: &str) -> Result<Option<Approval>, ApprovalError> {
        Err(ApprovalError::Unavailable { path: "approvals".into(), reason: "the disk is gone".to_owned() })
    }
}

#[tokio::test]
async fn a_host_without_approvals_loads_nothing() {
    let stage = stage();
    let wasm = guest("fixture").unwrap();
    let host = builder(&stage).build().unwrap();
    assert_eq!(host.load(&wasm).await.unwrap_err().code(), "connector_not_approved");
    // Not even what is no component is looked at: nothing of it was compiled.
    assert_eq!(host.load(b"hello").await.unwrap_err().code(), "connector_not_approved");
    assert!(host.connectors().is_empty());
    let host = builder(&stage).approvals(Arc::new(Broken)).build().unwrap();
    assert_eq!(host.load(&wasm).await.unwrap_err().code(), "approvals_unavailable");
    let records = stage.records().unwrap();
    let codes: Vec<&str> = records.iter().filter_map(|record| record.content["code"].as_str()).collect();
    assert_eq!(codes, ["connector_not_approved", "connector_not_approved", "approvals_unavailable"]);
    let digest = toolkeep_digest(&wasm);
    assert_eq!(records[0].content["connector"], format!("sha256:{digest}"));
}

fn toolkeep_digest(wasm: &[u8]) -> String {
    hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, wasm))
}

#[tokio::test]
async fn an_embedder_names_digests_or_vouches() {
    let stage = stage();
    let wasm = guest("fixture").unwrap();
    let digest = toolkeep_digest(&wasm);
    let host = builder(&stage).approvals(Arc::new(Digests::new([digest.as_str()]).unwrap())).build().unwrap();
    assert_eq!(host.load(&wasm).await.unwrap().digest, digest);
    assert_eq!(host.load(&guest("misbehaves").unwrap()).await.unwrap_err().code(), "connector_not_approved");

    let host = builder(&stage).build().unwrap();
    host.load_trusted(&wasm).await.unwrap();
    let records = stage.records().unwrap();
    let by: Vec<&str> = records.iter().filter_map(|record| record.content["details"]["approved_by"].as_str()).collect();
    assert_eq!(by, ["digest", "the embedder"]);
}

#[tokio::test]
async fn what_says_something_else_than_was_approved_is_not_loaded() {
    let stage = stage();
    let wasm = guest("fixture").unwrap();
    let sheet = stage.host.inspect(&wasm).await.unwrap().sheet();
    let host = builder(&stage).approvals(Arc::new(Sheets(vec![sheet.clone()]))).build().unwrap();
    host.load(&wasm).await.unwrap();

    let edits: [fn(&mut CapabilitySheet); 4] = [
        |sheet| sheet.tools[0].description.push('!'),
        |sheet| sheet.tools[0].routes = sheet.identification.routes.clone(),
        |sheet| sheet.imports.push("wasi:cli/exit@0.2.0".to_owned()),
        |sheet| sheet.tools[1].input_schema = json!({ "type": "object" }),
    ];
    for edit in edits {
        let mut other = sheet.clone();
        edit(&mut other);
        let host = builder(&stage).approvals(Arc::new(Sheets(vec![other]))).build().unwrap();
        let error = host.load(&wasm).await.unwrap_err();
        assert_eq!(error.code(), "connector_changed", "{error}");
        assert!(host.connectors().is_empty());
    }
}

#[tokio::test]
async fn a_sheet_is_the_same_in_every_process_and_in_every_reading() {
    let stage = stage();
    for name in ["fixture", "misbehaves", "writes_under_read"] {
        let wasm = guest(name).unwrap();
        let first = stage.host.inspect(&wasm).await.unwrap().sheet();
        let second = builder(&stage).build().unwrap().inspect(&wasm).await.unwrap().sheet();
        assert_eq!(first, second);
        let read: CapabilitySheet = serde_json::from_str(&serde_json::to_string(&first).unwrap()).unwrap();
        assert_eq!(read, first);
        assert!(first.diff(&read).changes.is_empty());
    }
}

#[tokio::test]
async fn a_folder_keeps_what_was_approved_and_nothing_else() {
    let stage = stage();
    let directory = stage.data.path().join("connectors");
    let folder = ConnectorFolder::new(directory.clone(), stage.host.vault());
    assert_eq!(folder.read().unwrap().connectors().count(), 0);
    assert!(!directory.exists(), "reading makes nothing");

    let wasm = guest("fixture").unwrap();
    let sheet = stage.host.inspect(&wasm).await.unwrap().sheet();
    // A sheet is about its own bytes.
    let other = folder.edit().unwrap().install(&guest("misbehaves").unwrap(), sheet.clone()).unwrap_err();
    assert_eq!(other.code(), "connector_not_approved");
    let installed = folder.edit().unwrap().install(&wasm, sheet.clone()).unwrap();
    let fixture = installed.connector("fixture").unwrap();
    assert_eq!((&fixture.sheet, installed.wasm(fixture).unwrap()), (&sheet, wasm.clone()));
    installed.refuse_strays().unwrap();

    let read = folder.read().unwrap();
    assert_eq!(read.revision(), installed.revision());
    let host = builder(&stage).approvals(Arc::new(read)).build().unwrap();
    host.load(&wasm).await.unwrap();

    let after = folder.edit().unwrap().remove("fixture").unwrap();
    assert!(after.connectors().next().is_none() && after.revision() > installed.revision());
    assert!(!installed.file(&sheet.digest).exists());

    // Another vault does not take this one's word.
    let elsewhere = toolkeep_vault::Vault::in_memory().unwrap();
    let error = ConnectorFolder::new(directory, &elsewhere).read().unwrap_err();
    assert_eq!(error.code(), "approvals_not_genuine");
}

#[tokio::test]
async fn installs_at_once_lose_nothing() {
    let stage = stage();
    let folder = ConnectorFolder::new(stage.data.path().join("connectors"), stage.host.vault());
    let mut parts = Vec::new();
    for name in ["fixture", "misbehaves", "writes_under_read"] {
        let wasm = guest(name).unwrap();
        let sheet = stage.host.inspect(&wasm).await.unwrap().sheet();
        parts.push((wasm, sheet));
    }
    std::thread::scope(|scope| {
        for (wasm, sheet) in &parts {
            let folder = folder.clone();
            scope.spawn(move || folder.edit().unwrap().install(wasm, sheet.clone()).unwrap());
        }
    });
    let installed = folder.read().unwrap();
    assert_eq!(installed.connectors().count(), 3);
    for connector in installed.connectors() {
        installed.wasm(connector).unwrap();
    }
}

//! Loading: what is not a connector says so, by name, and loads nothing.

use toolkeep_host::{HostError, Limits};
use toolkeep_tests::{Stage, guest, pagerduty};

async fn refusal(wasm: &[u8]) -> HostError {
    let stage = Stage::new("http://127.0.0.1:1", Limits::default()).unwrap();
    let error = stage.host.load(wasm).await.expect_err("it must not load");
    assert!(stage.host.connectors().is_empty());
    error
}

#[tokio::test]
async fn what_is_not_a_component_is_refused() {
    let core_module = b"\0asm\x01\0\0\0";
    for bytes in [&b""[..], b"hello", b"(module)", core_module, &pagerduty().unwrap()[..4_000]] {
        let error = refusal(bytes).await;
        assert_eq!(error.code(), "not_a_component", "{error}");
    }
    let error = refusal(b"(component)").await;
    assert!(["wrong_exports", "not_a_component"].contains(&error.code()), "{error}");
}

#[tokio::test]
async fn what_imports_files_is_refused_by_name() {
    let error = refusal(&guest("opens_files").unwrap()).await;
    match &error {
        HostError::ImportNotLinked { names } => {
            assert!(names.iter().any(|name| name.starts_with("wasi:filesystem/")), "{names:?}");
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn what_describes_itself_wrongly_is_told_where() {
    let error = refusal(&guest("describes_itself_wrongly").unwrap()).await;
    assert_eq!(error.code(), "description_invalid");
    assert!(error.to_string().contains("tools[0].routes[0].origin"), "{error}");
}

#[tokio::test]
async fn a_description_may_not_ask_the_world() {
    let error = refusal(&guest("asks_while_describing").unwrap()).await;
    assert_eq!(error.code(), "describe_failed", "{error}");
}

#[tokio::test]
async fn one_name_has_one_set_of_bytes() {
    let stage = Stage::new("http://127.0.0.1:1", Limits::default()).unwrap();
    let wasm = guest("fixture").unwrap();
    let first = stage.host.load(&wasm).await.unwrap();
    let again = stage.host.load(&wasm).await.unwrap();
    assert_eq!(first.digest, again.digest);
    // A custom section changes the bytes and nothing else.
    let mut other = wasm.clone();
    other.extend_from_slice(&[0, 3, 1, b'x', b'y']);
    let error = stage.host.load(&other).await.unwrap_err();
    assert_eq!(error.code(), "connector_name_taken");
}

#[tokio::test]
async fn a_tampered_compile_cache_is_not_run() {
    let cache = tempfile::tempdir().unwrap();
    let stage = Stage::with_cache("http://127.0.0.1:1", Limits::default(), cache.path().join("cache")).unwrap();
    let connector = stage.host.inspect(&guest("fixture").unwrap()).await.unwrap();
    let entry = cache.path().join("cache").join(format!("{}.native", connector.digest));
    let mut bytes = std::fs::read(&entry).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&entry, &bytes).unwrap();
    let again = stage.host.inspect(&guest("fixture").unwrap()).await.unwrap();
    assert_eq!(again.digest, connector.digest);
    assert_ne!(std::fs::read(&entry).unwrap(), bytes, "the entry was compiled anew");
}

#[tokio::test]
async fn a_cache_that_others_may_use_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let stage = Stage::new("http://127.0.0.1:1", Limits::default()).unwrap();
    let open = stage.data.path().join("open");
    std::fs::create_dir(&open).unwrap();
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o755)).unwrap();
    let built = toolkeep_host::Host::builder(stage.host.vault().clone(), stage.host.audit().clone())
        .cache_directory(open)
        .build();
    let error = built.err().unwrap();
    assert_eq!(error.code(), "compile_cache_unusable");
    assert!(error.to_string().contains("chmod 700"), "{error}");
}

#[tokio::test]
async fn the_sheet_says_what_a_reviewer_must_know() {
    let stage = Stage::new("http://127.0.0.1:1", Limits::default()).unwrap();
    let connector = stage.host.inspect(&pagerduty().unwrap()).await.unwrap();
    let sheet = serde_json::to_value(connector.sheet()).unwrap();
    assert_eq!(sheet["digest"].as_str().unwrap().len(), 64);
    assert!(sheet["wasm_bytes"].as_u64().unwrap() < 500_000, "{}", sheet["wasm_bytes"]);
    assert!(sheet["imports"].as_array().unwrap().iter().all(|import| !import.as_str().unwrap().contains("filesystem")));
    let tools = sheet["tools"].as_array().unwrap();
    let names: Vec<&str> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "pagerduty_incidents_list",
            "pagerduty_incident_get",
            "pagerduty_incident_create",
            "pagerduty_incident_resolve",
            "pagerduty_services_list",
            "pagerduty_oncalls_list"
        ]
    );
    for tool in tools.iter().filter(|tool| tool["access"] == "read") {
        let routes = tool["routes"].as_array().unwrap();
        assert!(routes.iter().all(|route| route.as_str().unwrap().starts_with("GET ")), "{tool}");
    }
}

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
async fn what_is_not_given_is_refused_by_name_and_family() {
    for (import, family) in [
        ("wasi:sockets/tcp@0.2.12", "network sockets"),
        ("wasi:sockets/ip-name-lookup@0.2.0", "network sockets"),
        ("wasi:filesystem/preopens@0.2.12", "files"),
        ("wasi:process/spawn@0.2.0", "processes"),
        ("wasi:http/incoming-handler@0.2.12", "serving HTTP"),
        ("wasi:keyvalue/store@0.2.0", "storage"),
        ("wasi:http/types@0.3.0", "another version of WASI"),
        ("wasi:io/streams@0.1.0", "another version of WASI"),
        ("acme:tokens/vault@1.0.0", "nothing of the contract"),
        ("toolkeep:connector/secrets@0.1.0", "nothing of the contract"),
        ("get-token", "nothing of the contract"),
    ] {
        let wasm = wat::parse_str(format!("(component (import \"{import}\" (instance)))")).unwrap();
        let error = refusal(&wasm).await;
        match &error {
            HostError::ImportNotLinked { names } => assert_eq!(names, &[import.to_owned()]),
            other => panic!("{import}: {other}"),
        }
        assert!(error.to_string().contains(&format!("{import} ({family}")), "{error}");
    }
    // A function that stands alone is an import too, and one beside a permitted one is named alone.
    let wasm =
        wat::parse_str("(component (import \"wasi:io/poll@0.2.0\" (instance)) (import \"token\" (func)))").unwrap();
    let error = refusal(&wasm).await;
    assert!(error.to_string().contains(" token (") && !error.to_string().contains("wasi:io"), "{error}");
}

#[tokio::test]
async fn another_version_of_the_contract_says_which() {
    let provider = |exports: &str| wat::parse_str(format!("(component (instance $i) {exports})")).unwrap();
    let mine = "toolkeep:connector/tool-provider";
    for (exports, code, words) in [
        (format!("(export \"{mine}@0.2.0\" (instance $i))"), "contract_version", "@0.2.0"),
        (format!("(export \"{mine}\" (instance $i))"), "contract_version", "speaks 0.1.0"),
        (String::new(), "wrong_exports", "exports nothing"),
        ("(export \"wasi:cli/run@0.2.0\" (instance $i))".to_owned(), "wrong_exports", "wasi:cli/run@0.2.0 and not"),
        (
            format!("(export \"{mine}@0.1.0\" (instance $i)) (export \"acme:more/x@1.0.0\" (instance $i))"),
            "wrong_exports",
            "acme:more/x@1.0.0 besides",
        ),
        (format!("(export \"{mine}@0.1.0\" (instance $i))"), "wrong_exports", ""),
    ] {
        let error = refusal(&provider(&exports)).await;
        assert_eq!(error.code(), code, "{exports}: {error}");
        assert!(error.to_string().contains(words), "{exports}: {error}");
    }
    let wasm = wat::parse_str("(component (import \"toolkeep:connector/host@0.2.0\" (instance)))").unwrap();
    let error = refusal(&wasm).await;
    assert_eq!(error.code(), "contract_version", "{error}");
}

#[tokio::test]
async fn a_tampered_compile_cache_is_not_run() {
    use std::os::unix::fs::PermissionsExt;
    let cache = tempfile::tempdir().unwrap();
    let stage = Stage::with_cache("http://127.0.0.1:1", Limits::default(), cache.path().join("cache")).unwrap();
    let wasm = guest("fixture").unwrap();
    let connector = stage.host.inspect(&wasm).await.unwrap();
    let entry = cache.path().join("cache").join(format!("{}.native", connector.digest));
    let good = std::fs::read(&entry).unwrap();
    let other = stage.host.inspect(&guest("misbehaves").unwrap()).await.unwrap();
    let other = std::fs::read(cache.path().join("cache").join(format!("{}.native", other.digest))).unwrap();

    // The seal, the engine's header, code, data and the end: no part of an entry may change.
    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    let mut tampered: Vec<Vec<u8>> = [0, 31, 32, 33, 64, 512, 4_096]
        .into_iter()
        .chain((1..8).map(|part| good.len() / 8 * part))
        .map(flipped)
        .collect();
    tampered.push(flipped(good.len() - 1));
    tampered.extend([good[..good.len() / 2].to_vec(), good[..32].to_vec(), good[..7].to_vec(), Vec::new(), other]);
    tampered.push([good.clone(), vec![0]].concat());
    for (number, bytes) in tampered.into_iter().enumerate() {
        assert_ne!(bytes, good);
        std::fs::write(&entry, &bytes).unwrap();
        let again = stage.host.inspect(&wasm).await.unwrap();
        assert_eq!(again.digest, connector.digest);
        assert_ne!(std::fs::read(&entry).unwrap(), bytes, "the entry was compiled anew: {number}");
    }

    // Genuine, and not private: whoever could write it could time a change to come after the check.
    for mode in [0o644, 0o660, 0o666] {
        std::fs::write(&entry, &good).unwrap();
        std::fs::set_permissions(&entry, std::fs::Permissions::from_mode(mode)).unwrap();
        stage.host.inspect(&wasm).await.unwrap();
        assert_eq!(std::fs::metadata(&entry).unwrap().permissions().mode() & 0o777, 0o600, "{mode:o}");
    }
    let elsewhere = cache.path().join("elsewhere");
    std::fs::write(&elsewhere, &good).unwrap();
    std::fs::remove_file(&entry).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &entry).unwrap();
    stage.host.inspect(&wasm).await.unwrap();
    assert!(std::fs::symlink_metadata(&entry).unwrap().is_file(), "a link is not followed");
    assert_eq!(std::fs::read(&elsewhere).unwrap(), good, "nor written through");
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

//! `toolkeep connector`, and what the other commands do with connectors that are not, or no longer, what was
//! approved: the program as a user runs it, on real components and a data directory of its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what failed by panicking"
)]
#![allow(clippy::disallowed_methods, reason = "a test starts the program that it is about")]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// A component of the tests, as cargo built it.
fn guest(name: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_BIN_EXE_toolkeep")).parent().and_then(Path::parent).unwrap().to_owned();
    let path = target.join("wasm32-wasip2/guest/examples").join(format!("{name}.wasm"));
    assert!(path.is_file(), "{} is missing; run: cargo xtask guests", path.display());
    path
}

/// What a command did.
struct Done {
    code: i32,
    out: String,
    err: String,
}

impl Done {
    /// Its only line of JSON.
    fn json(&self) -> Value {
        serde_json::from_str(self.out.trim()).unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }
}

/// A data directory, and files beside it.
struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn connectors(&self) -> PathBuf {
        self.data().join("connectors")
    }

    /// Writes a file beside the data directory.
    fn file(&self, name: &str, contents: &[u8]) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::write(&path, contents).unwrap();
        path
    }

    fn run(&self, arguments: &[&str]) -> Done {
        self.run_with(arguments, Stdio::null())
    }

    fn run_with(&self, arguments: &[&str], input: Stdio) -> Done {
        let output = Command::new(env!("CARGO_BIN_EXE_toolkeep"))
            .args(arguments)
            .arg("--data")
            .arg(self.data())
            .env_remove("TOOLKEEP_CONNECTOR")
            .env_remove("TOOLKEEP_DATA")
            .env("NO_COLOR", "1")
            .stdin(input)
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Done { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Runs a command that must end with `code`.
    fn expect(&self, code: i32, arguments: &[&str]) -> Done {
        let done = self.run(arguments);
        assert_eq!(done.code, code, "{arguments:?}: {}{}", done.out, done.err);
        done
    }

    fn digest(&self, file: &Path) -> String {
        let sheet = self.expect(0, &["connector", "inspect", file.to_str().unwrap(), "--json"]).json();
        sheet["digest"].as_str().unwrap().to_owned()
    }

    /// Approves a file by its digest.
    fn install(&self, file: &Path) -> Value {
        let digest = self.digest(file);
        let file = file.to_str().unwrap();
        self.expect(0, &["connector", "install", file, "--approve-digest", &digest, "--json"]).json()
    }

    /// The audit log's records of one kind of event.
    fn events(&self, kind: &str) -> Vec<Value> {
        let listed = self.expect(0, &["audit", "list", "--all", "--limit", "1000", "--json"]);
        let records = listed.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        records.map(|record| record["content"].clone()).filter(|content| content["kind"] == kind).collect()
    }

    /// The codes of what was refused, oldest first.
    fn refusals(&self) -> Vec<String> {
        let listed = self.expect(0, &["audit", "list", "--all", "--limit", "1000", "--json"]);
        let records = listed.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        records
            .filter(|record| record["kind"] == "refusal")
            .map(|record| record["content"]["code"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The one installed component.
    fn installed_file(&self) -> PathBuf {
        let mut files: Vec<PathBuf> = std::fs::read_dir(self.connectors())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "wasm"))
            .collect();
        assert_eq!(files.len(), 1, "{files:?}");
        files.remove(0)
    }
}

/// The fixture, where every `from` in it is `to`: the same length, so that it stays a component.
fn fixture_with(from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut wasm = std::fs::read(guest("fixture")).unwrap();
    let mut found = 0;
    for at in 0..wasm.len().saturating_sub(from.len()) {
        if &wasm[at..at + from.len()] == from.as_bytes() {
            wasm[at..at + from.len()].copy_from_slice(to.as_bytes());
            found += 1;
        }
    }
    assert!(found > 0, "the fixture does not hold {from:?}");
    wasm
}

/// The fixture with other bytes that say the same: a custom section more.
fn fixture_again() -> Vec<u8> {
    let mut wasm = std::fs::read(guest("fixture")).unwrap();
    wasm.extend_from_slice(&[0, 3, 1, b'x', b'y']);
    wasm
}

#[test]
fn nothing_runs_before_it_is_approved() {
    let place = Place::new();
    let fixture = guest("fixture");
    let named = fixture.to_str().unwrap();
    let identity = ["--tenant", "acme", "--user", "kim"];
    place.expect(0, &["key", "create", "--tenant", "acme", "--user", "kim"]);

    let done = place.expect(78, &["tools"]);
    assert!(
        done.err.contains("error[no_connectors]") && done.err.contains("toolkeep connector install FILE"),
        "{}",
        done.err
    );
    let commands: [&[&str]; 4] = [
        &["tools"],
        &["serve", "--listen", "127.0.0.1:0"],
        &[&["mcp"], &identity[..]].concat(),
        &[&["call", "fixture_nothing"], &identity[..]].concat(),
    ];
    for command in commands {
        let done = place.expect(78, &[command, &["--connector", named]].concat());
        assert!(done.err.contains("error[connector_not_approved]"), "{}", done.err);
        assert!(done.err.contains(&format!("next: toolkeep connector install {named}")), "{}", done.err);
    }
    assert_eq!(place.refusals(), ["connector_not_approved"; 4]);
    assert!(place.events("connector_loaded").is_empty());

    // Put there by hand: it is not loaded, and it does not vanish either.
    std::fs::create_dir(place.connectors()).unwrap();
    std::fs::set_permissions(place.connectors(), std::fs::Permissions::from_mode(0o700)).unwrap();
    std::fs::copy(&fixture, place.connectors().join("fixture.wasm")).unwrap();
    let done = place.expect(78, &["tools"]);
    assert!(done.err.contains("connector_not_approved") && done.err.contains("fixture.wasm"), "{}", done.err);
}

#[test]
fn an_approval_is_for_the_digest_that_was_given() {
    let place = Place::new();
    let fixture = guest("fixture");
    let named = fixture.to_str().unwrap();
    let wrong = "0".repeat(64);
    let done = place.expect(3, &["connector", "install", named, "--approve-digest", &wrong]);
    assert!(done.err.contains("error[digest_mismatch]") && done.err.contains(&place.digest(&fixture)), "{}", done.err);
    // Nobody at a terminal, nothing approved; scripts see what they would approve.
    let done = place.expect(3, &["connector", "install", named, "--json"]);
    assert_eq!(done.json()["installed"], false);
    assert_eq!(done.json()["sheet"]["name"], "fixture");
    assert!(done.err.contains("connector_not_approved") && done.err.contains("--approve-digest"), "{}", done.err);
    assert_eq!(place.refusals(), ["digest_mismatch", "connector_not_approved"]);
    assert_eq!(place.expect(0, &["connector", "list"]).out.lines().count(), 1);

    let told = place.install(&fixture);
    assert_eq!((&told["installed"], &told["replaces"]), (&Value::Bool(true), &Value::Null));
    let file = place.installed_file();
    assert_eq!(file.file_stem().unwrap().to_str(), told["digest"].as_str());
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::metadata(place.connectors()).unwrap().permissions().mode() & 0o777, 0o700);

    let approved = place.events("connector_approved");
    assert_eq!(approved.len(), 1, "{approved:?}");
    assert_eq!(approved[0]["subject"], "fixture");
    assert_eq!(approved[0]["details"]["digest"], told["digest"]);
    let loaded = place.events("connector_loaded");
    assert_eq!(loaded[0]["details"]["revision"], approved[0]["details"]["revision"]);

    // Installed: no option is needed any more, and the file that it came from may be named.
    assert!(place.expect(0, &["tools"]).out.contains("fixture_echo"));
    assert!(place.expect(0, &["tools", "--connector", named]).out.contains("fixture_echo"));
    let again = place.expect(0, &["connector", "install", named]);
    assert!(again.out.contains("installed already"), "{}", again.out);
}

#[test]
fn list_and_remove_say_what_there_is() {
    let place = Place::new();
    assert_eq!(place.expect(0, &["connector", "list", "--json"]).out, "");
    assert!(!place.data().exists(), "looking makes nothing");
    let told = place.install(&guest("fixture"));
    let listed = place.expect(0, &["connector", "list", "--json"]).json();
    let shown = json!([listed["name"], listed["digest"], listed["state"]]);
    assert_eq!(shown, json!(["fixture", told["digest"], "ok"]));
    assert!(listed["tools"].as_array().unwrap().contains(&"fixture_echo".into()), "{listed}");
    assert!(place.expect(0, &["connector", "list"]).out.contains("fixture_echo"));

    let done = place.expect(2, &["connector", "remove", "other"]);
    assert!(done.err.contains("unknown_connector") && done.err.contains("fixture"), "{}", done.err);
    let gone = place.expect(0, &["connector", "remove", "fixture", "--json"]).json();
    assert_eq!(gone, json!({ "name": "fixture", "digest": told["digest"], "removed": true }));
    assert!(place.expect(78, &["tools"]).err.contains("no_connectors"));
    assert_eq!(std::fs::read_dir(place.connectors()).unwrap().count(), 1, "only the approvals are left");
    let removed = place.events("connector_removed");
    assert_eq!((removed.len(), &removed[0]["details"]["digest"]), (1, &told["digest"]));
    let approved = place.events("connector_approved");
    assert!(removed[0]["details"]["revision"].as_u64() > approved[0]["details"]["revision"].as_u64());
}

#[test]
fn another_version_is_approved_for_what_it_does_besides() {
    let place = Place::new();
    let first = place.install(&guest("fixture"));
    let wider = place.file("wider.wasm", &fixture_with("/things/{id}", "/secret/{id}"));
    let named = wider.to_str().unwrap();

    // Its bytes do not run in the meantime, whoever names them.
    let done = place.expect(78, &["tools", "--connector", named]);
    assert!(done.err.contains("connector_not_approved"), "{}", done.err);
    let done = place.expect(3, &["connector", "install", named]);
    assert!(done.out.contains("compared with fixture 1.0.0, which is installed"), "{}", done.out);
    assert!(done.out.contains("! tools.fixture_thing_get.routes: + GET api:/secret/{id}"), "{}", done.out);
    assert!(done.out.contains("- tools.fixture_thing_get.routes: - GET api:/things/{id}"), "{}", done.out);

    let told = place.expect(3, &["connector", "install", named, "--json"]).json();
    assert_eq!((&told["widens"], &told["replaces"]), (&Value::Bool(true), &first["digest"]));
    let changes = told["diff"].as_array().unwrap();
    assert_eq!(changes[0]["effect"], "widens");
    assert_eq!(changes[0]["after"], "GET api:/secret/{id}");
    // Still the first one.
    assert_eq!(place.expect(0, &["connector", "list", "--json"]).json()["digest"], first["digest"]);

    let second = place.install(&wider);
    assert_eq!(place.installed_file().file_stem().unwrap().to_str(), second["digest"].as_str());
    let done = place.expect(78, &["tools", "--connector", guest("fixture").to_str().unwrap()]);
    assert!(done.err.contains("connector_not_approved"), "the first one is not approved any more: {}", done.err);
    let approved = place.events("connector_approved");
    assert_eq!(approved[1]["details"]["replaces"], first["digest"]);
    assert_eq!(approved[1]["details"]["widens"], 1);

    // Other code that says the same of itself is another approval too.
    let again = place.file("again.wasm", &fixture_again());
    place.expect(3, &["connector", "install", again.to_str().unwrap()]);
}

#[test]
fn a_file_that_was_changed_or_is_gone_stops_the_start() {
    let place = Place::new();
    let fixture = guest("fixture");
    place.install(&fixture);
    let file = place.installed_file();
    let good = std::fs::read(&file).unwrap();

    let mut bad = good.clone();
    let middle = bad.len() / 2;
    bad[middle] ^= 1;
    for (contents, code) in
        [(Some(bad), "connector_changed"), (Some(Vec::new()), "connector_changed"), (None, "connector_missing")]
    {
        match &contents {
            Some(contents) => std::fs::write(&file, contents).unwrap(),
            None => std::fs::remove_file(&file).unwrap(),
        }
        for command in [&["tools"][..], &["serve", "--listen", "127.0.0.1:0"]] {
            let done = place.expect(78, command);
            assert!(done.err.contains(&format!("error[{code}]")), "{}", done.err);
            assert!(done.err.contains(file.to_str().unwrap()), "{}", done.err);
            assert!(done.err.contains("toolkeep connector remove fixture"), "{}", done.err);
        }
        assert_eq!(place.expect(0, &["connector", "list", "--json"]).json()["state"], code);
    }
    assert!(place.refusals().iter().any(|code| code == "connector_changed"));

    // The same file is approved still; installing it puts it back.
    place.expect(0, &["connector", "install", fixture.to_str().unwrap()]);
    assert_eq!(std::fs::read(&file).unwrap(), good);
    place.expect(0, &["tools"]);
}

#[test]
fn approvals_cannot_be_forged_or_borrowed() {
    let place = Place::new();
    place.install(&guest("fixture"));
    let approvals = place.connectors().join("approvals");
    let good = std::fs::read_to_string(&approvals).unwrap();

    let other = Place::new();
    other.install(&guest("fixture"));
    let foreign = std::fs::read_to_string(other.connectors().join("approvals")).unwrap();
    let digest = place.digest(&guest("misbehaves"));
    let first = place.digest(&guest("fixture"));
    let redirected = good.replace(&first, &digest);
    for forged in
        [foreign, redirected, good.replace("\"read\"", "\"write\""), good[..good.len() / 2].to_owned(), String::new()]
    {
        assert_ne!(forged, good);
        std::fs::write(&approvals, &forged).unwrap();
        for command in [&["tools"][..], &["connector", "list"], &["connector", "remove", "fixture"]] {
            let done = place.expect(78, command);
            assert!(done.err.contains("error[approvals_not_genuine]"), "{}", done.err);
            assert!(done.err.contains(approvals.to_str().unwrap()) && done.err.contains("next: "), "{}", done.err);
        }
    }
    assert!(place.refusals().iter().all(|code| code == "approvals_not_genuine"));

    // Deleted, the component is one that nobody approved.
    std::fs::remove_file(&approvals).unwrap();
    let done = place.expect(78, &["tools"]);
    assert!(done.err.contains("connector_not_approved"), "{}", done.err);
    place.install(&guest("fixture"));
    place.expect(0, &["tools"]);
}

#[test]
fn an_old_approval_that_is_put_back_shows() {
    let place = Place::new();
    place.install(&guest("fixture"));
    let (file, approvals) = (place.installed_file(), place.connectors().join("approvals"));
    let old = (std::fs::read(&file).unwrap(), std::fs::read(&approvals).unwrap());
    place.install(&place.file("wider.wasm", &fixture_with("/things/{id}", "/secret/{id}")));
    std::fs::remove_file(place.installed_file()).unwrap();
    std::fs::write(&file, &old.0).unwrap();
    std::fs::write(&approvals, &old.1).unwrap();
    let done = place.expect(0, &["connector", "list"]);
    assert!(done.err.contains("somebody put an older one back"), "{}", done.err);
    place.expect(0, &["tools"]);
    let revisions: Vec<u64> =
        place.events("connector_loaded").iter().map(|loaded| loaded["details"]["revision"].as_u64().unwrap()).collect();
    assert!(revisions.last() < revisions.iter().max(), "{revisions:?}");
}

#[test]
fn names_that_collide_with_an_installed_one_are_refused() {
    let place = Place::new();
    place.install(&guest("fixture"));
    let imposter = place.file("imposter.wasm", &fixture_with("fixture", "f1xture"));
    let digest = place.digest(&imposter);
    let done = place.expect(78, &["connector", "install", imposter.to_str().unwrap(), "--approve-digest", &digest]);
    assert!(done.err.contains("error[name_looks_alike]") && done.err.contains("`fixture`"), "{}", done.err);
}

#[test]
fn what_is_no_connector_is_not_installed() {
    let place = Place::new();
    for file in [place.file("text.wasm", b"hello"), guest("opens_files"), guest("describes_itself_wrongly")] {
        place.expect(1, &["connector", "install", file.to_str().unwrap()]);
    }
    place.expect(2, &["connector", "install", "nowhere.wasm"]);
    assert!(!place.data().exists());
}

#[test]
fn where_nothing_is_kept_there_is_nothing_to_list_or_to_remove() {
    let place = Place::new();
    let identity = ["--tenant", "acme", "--user", "kim"];
    let list_credentials = [&["credential", "list"], &identity[..]].concat();
    let remove_credential = [&["credential", "remove", "fixture"], &identity[..]].concat();
    // Without a directory, and with an empty one.
    for there in [false, true] {
        if there {
            std::fs::create_dir(place.data()).unwrap();
            std::fs::set_permissions(place.data(), std::fs::Permissions::from_mode(0o700)).unwrap();
        }
        for list in [&["connector", "list"][..], &["key", "list"][..], &list_credentials[..]] {
            assert_eq!(place.expect(0, &[list, &["--json"]].concat()).out, "");
            place.expect(0, list);
        }
        for (remove, list) in [
            (&["connector", "remove", "fixture"][..], "toolkeep connector list"),
            (&["key", "revoke", "0123456789abcdef"][..], "toolkeep key list"),
            (&remove_credential[..], "toolkeep credential list --tenant acme --user kim"),
        ] {
            let done = place.expect(78, remove);
            assert!(done.err.contains(&format!("next: {list} --data DIR")), "{}", done.err);
        }
        assert_eq!(place.data().exists(), there);
        assert!(!there || std::fs::read_dir(place.data()).unwrap().next().is_none(), "nothing was made");
    }
}

#[test]
fn the_sheet_shows_what_a_model_will_read() {
    let place = Place::new();
    let fixture = guest("fixture");
    let named = fixture.to_str().unwrap();
    let sheet = place.expect(0, &["connector", "inspect", named, "--json"]).json();
    let shown = place.expect(0, &["connector", "inspect", named]).out;
    for tool in sheet["tools"].as_array().unwrap() {
        for line in tool["description"].as_str().unwrap().lines() {
            assert!(shown.contains(&format!("    | {line}")), "{line}: {shown}");
        }
        assert!(shown.contains(tool["title"].as_str().unwrap()), "{shown}");
        for name in tool["input_schema"]["properties"].as_object().unwrap().keys() {
            assert!(shown.lines().any(|line| line.contains("arguments ") && line.contains(name)), "{name}: {shown}");
        }
    }
}

#[test]
fn the_hosts_limits_count_before_a_connector_is_installed_and_after() {
    let place = Place::new();
    let fixture = guest("fixture");
    let named = fixture.to_str().unwrap();
    place.install(&fixture);
    for (limit, setting) in [
        ("memory_bytes", "memory_bytes=1048576"),
        ("table_elements", "table_elements=1"),
        ("tables", "tables=1"),
        ("core_instances", "core_instances=1"),
    ] {
        let limited = ["--host-limit", setting];
        for (code, command) in [
            (78, &["tools"][..]),
            (1, &["connector", "inspect", named][..]),
            (1, &["connector", "install", named][..]),
            (1, &["connector", "check", named, "--quick"][..]),
        ] {
            let done = place.expect(code, &[command, &limited].concat());
            assert!(done.err.contains("error[limit_too_low]") && done.err.contains(limit), "{}", done.err);
            assert!(done.err.contains("next: toolkeep limits"), "{}", done.err);
        }
    }
    let done = place.expect(1, &["connector", "inspect", named, "--host-limit", "component_bytes=1000"]);
    assert!(done.err.contains("at most 1000"), "{}", done.err);
    // What compiling may cost counts where something is compiled.
    let command = ["connector", "inspect", named, "--host-limit", "component_functions=10"];
    let done = place.expect(1, &command);
    assert!(done.err.contains("error[component_too_complex]"), "{}", done.err);
    assert!(done.err.contains("at most 10 are compiled (limit component_functions)"), "{}", done.err);
}

#[test]
fn every_limit_is_listed_with_its_reason_and_can_be_set() {
    let place = Place::new();
    let rows =
        |done: Done| -> Vec<Value> { done.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect() };
    let listed = rows(place.expect(0, &["limits", "--json"]));
    for part in [
        "wall_clock_ms",
        "cpu_ms",
        "memory_bytes",
        "tables",
        "core_instances",
        "stack_bytes",
        "handles",
        "crossing_bytes",
        "upstream_requests",
        "header_fields",
        "request_buffer_bytes",
        "result_bytes",
        "log_lines",
        "concurrent_calls_per_principal",
        "compile_ms",
        "component_functions",
    ] {
        assert!(listed.iter().any(|limit| limit["name"] == part), "{part} is no limit");
    }
    let table = place.expect(0, &["limits"]).out;
    let mut settings: Vec<String> = Vec::new();
    for limit in &listed {
        let name = limit["name"].as_str().unwrap();
        assert!(table.contains(name), "{name} is not in the table");
        settings.extend(["--host-limit".to_owned(), format!("{name}={}", limit["value"].as_u64().unwrap() + 1)]);
    }
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let raised = rows(place.expect(0, &[&["limits", "--json"], &settings[..]].concat()));
    for (before, after) in listed.iter().zip(&raised) {
        assert_eq!(before["value"].as_u64().map(|value| value + 1), after["value"].as_u64(), "{}", before["name"]);
    }
    let done = place.expect(2, &["limits", "--host-limit", "handles=1"]);
    assert!(done.err.contains("handles is at least 16"), "{}", done.err);
}

#[test]
fn a_model_is_told_the_names_of_connectors_that_it_may_use_and_no_text_of_theirs() {
    let place = Place::new();
    place.install(&guest("fixture"));
    place.install(&guest("misbehaves"));
    let ask = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" }
    } });
    let input = place.file("initialize", format!("{ask}\n").as_bytes());
    let instructions = |tools: &[&str]| {
        let command = [&["mcp", "--tenant", "acme", "--user", "kim"][..], tools].concat();
        let done = place.run_with(&command, std::fs::File::open(&input).unwrap().into());
        let answer: Value = serde_json::from_str(done.out.lines().next().unwrap()).unwrap();
        answer["result"]["instructions"].as_str().unwrap().to_owned()
    };
    let all = instructions(&[]);
    assert!(all.starts_with("Tools of: fixture, misbehaves. "), "{all}");
    let one = instructions(&["--tool", "fixture_echo"]);
    assert!(one.starts_with("Tools of: fixture. "), "{one}");
    let title = place.expect(0, &["connector", "inspect", guest("fixture").to_str().unwrap(), "--json"]).json();
    assert!(!all.contains(title["title"].as_str().unwrap()), "{all}");
}

#[test]
fn a_folder_that_others_may_use_is_refused() {
    let place = Place::new();
    place.install(&guest("fixture"));
    std::fs::set_permissions(place.connectors(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let done = place.expect(78, &["tools"]);
    assert!(done.err.contains("error[approvals_unavailable]") && done.err.contains("chmod 700"), "{}", done.err);
}

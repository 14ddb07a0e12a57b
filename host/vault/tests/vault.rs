//! The vault from outside: secrets go in, come out for their own connection, and are nowhere else.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what failed by panicking"
)]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::Connection as Database;
use secrecy::{ExposeSecret, SecretString};
use toolkeep_policy::ToolFilter;
use toolkeep_vault::{
    Account, ConnectionKey, CredentialKind, KeySource, NewApiKey, NewConnection, Status, Vault, VaultError,
};

const CANARY: &str = "u+canary-8f31c7d2a94e5b60";

fn key(tenant: &str, user: &str, connector: &str) -> ConnectionKey {
    ConnectionKey::new(tenant.parse().unwrap(), user.parse().unwrap(), connector)
}

fn new(key: &ConnectionKey, secret: &str) -> NewConnection {
    NewConnection {
        key: key.clone(),
        secret: SecretString::from(secret),
        kind: CredentialKind::ApiKey,
        granted_scopes: Some(vec!["incidents.read".into()]),
        base: Some("https://api.eu.pagerduty.com".into()),
        account: None,
    }
}

fn open(directory: &Path) -> Result<Vault, VaultError> {
    Vault::open(&directory.join("vault"), KeySource::File(directory.join("master.key")))
}

fn database(directory: &Path) -> Database {
    Database::open(directory.join("vault/vault.db")).unwrap()
}

/// Writes to the database past the vault, as somebody who has its files may; so that it is seen at once, to the mark too.
fn write_past(directory: &Path, sql: &str) -> usize {
    let changed = database(directory).execute(sql, []).unwrap();
    let mark = directory.join("vault/vault.db-mark");
    let other: Vec<u8> = fs::read(&mark).unwrap().iter().map(|byte| byte.wrapping_add(1)).collect();
    fs::write(mark, other).unwrap();
    changed
}

fn code<T>(result: Result<T, VaultError>) -> &'static str {
    result.err().map_or("ok", |error| error.code())
}

fn secret_of(vault: &Vault, key: &ConnectionKey) -> String {
    vault.resolve(key).unwrap().secret.expose_secret().to_owned()
}

fn account() -> Account {
    Account { id: "PKIM".into(), name: "Kim".into(), email: Some("kim@example.com".into()), time_zone: None }
}

#[test]
fn a_connection_goes_round() {
    let directory = tempfile::tempdir().unwrap();
    let kim = key("acme", "kim", "pagerduty");
    let vault = open(directory.path()).unwrap();
    assert_eq!(code(vault.resolve(&kim)), "vault_no_connection");
    let first = vault.connect(new(&kim, CANARY)).unwrap();
    assert_eq!((first.version, first.status), (1, Status::Active));
    let with_account = vault.set_account(&kim, account()).unwrap();
    assert_eq!(with_account.account, Some(account()));
    drop(vault);

    let vault = open(directory.path()).unwrap();
    let resolved = vault.resolve(&kim).unwrap();
    assert_eq!(resolved.secret.expose_secret(), CANARY);
    assert_eq!(resolved.connection, with_account);
    assert_eq!(vault.connection(&kim).unwrap(), with_account);
    let second = vault.connect(new(&kim, "another one")).unwrap();
    assert_eq!((second.version, &second.id), (3, &first.id));
    assert_eq!(second.created_at, first.created_at);
    assert_eq!(secret_of(&vault, &kim), "another one");

    assert!(vault.disconnect(&kim).unwrap());
    assert_eq!(code(vault.resolve(&kim)), "vault_connection_disconnected");
    assert_eq!(code(vault.set_account(&kim, account())), "vault_connection_disconnected");
    assert!(!vault.disconnect(&kim).unwrap());
    assert_eq!(vault.connection(&kim).unwrap().version, 4);
    assert_eq!(vault.connect(new(&kim, "the third one")).unwrap().version, 5);
    assert_eq!(secret_of(&vault, &kim), "the third one");
}

#[test]
fn each_user_has_their_own() {
    let vault = Vault::in_memory().unwrap();
    let kim = key("acme", "kim", "pagerduty");
    let second = ConnectionKey { name: "on call".into(), ..kim.clone() };
    vault.connect(new(&kim, "secret one")).unwrap();
    vault.connect(new(&second, "secret two")).unwrap();
    vault.connect(new(&key("acme", "lee", "pagerduty"), "secret three")).unwrap();
    assert_eq!((secret_of(&vault, &kim), secret_of(&vault, &second)), ("secret one".into(), "secret two".into()));
    for stranger in [key("acme", "kim2", "pagerduty"), key("acme2", "kim", "pagerduty"), key("acme", "kim", "jira")] {
        assert_eq!(code(vault.resolve(&stranger)), "vault_no_connection");
    }
    let names: Vec<_> =
        vault.connections(&kim.tenant, &kim.user).unwrap().into_iter().map(|found| found.key.name).collect();
    assert_eq!(names, ["default", "on call"]);
}

#[test]
fn what_breaks_a_bound_is_refused() {
    let vault = Vault::in_memory().unwrap();
    let kim = key("acme", "kim", "pagerduty");
    let long = "x".repeat(16 * 1024 + 1);
    for (what, refused) in [
        ("empty secret", new(&kim, "")),
        ("secret that can be guessed", new(&kim, "1234567")),
        ("long secret", new(&kim, &long)),
        ("empty connector", new(&key("acme", "kim", ""), CANARY)),
        ("long connector", new(&key("acme", "kim", &"c".repeat(129)), CANARY)),
        ("control character", new(&key("acme", "kim", "a\nb"), CANARY)),
        ("long base", NewConnection { base: Some(long.clone()), ..new(&kim, CANARY) }),
        ("many scopes", NewConnection { granted_scopes: Some(vec!["s".into(); 257]), ..new(&kim, CANARY) }),
        (
            "long account",
            NewConnection { account: Some(Account { name: long.clone(), ..account() }), ..new(&kim, CANARY) },
        ),
    ] {
        assert_eq!(code(vault.connect(refused)), "vault_invalid", "{what}");
    }
    assert_eq!(code(vault.connect(new(&kim, &"x".repeat(16 * 1024)))), "ok");
    assert_eq!(code(vault.connect(new(&kim, "12345678"))), "ok");
}

#[test]
fn a_wrong_key_is_refused_and_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let kim = key("acme", "kim", "pagerduty");
    open(directory.path()).unwrap().connect(new(&kim, CANARY)).unwrap();
    assert_eq!(code(Vault::open(&directory.path().join("vault"), KeySource::Bytes([1; 32].into()))), "vault_key_wrong");
    assert_eq!(secret_of(&open(directory.path()).unwrap(), &kim), CANARY);
}

#[test]
fn a_missing_key_beside_a_vault_is_refused_and_none_is_made() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()).unwrap());
    let key_file = directory.path().join("master.key");
    let kept = fs::read(&key_file).unwrap();
    fs::remove_file(&key_file).unwrap();
    let error = open(directory.path()).err().unwrap();
    assert_eq!(error.code(), "vault_key_missing");
    assert!(error.to_string().contains("master.key"), "{error}");
    assert!(!key_file.exists());
    fs::write(&key_file, "not a key").unwrap();
    fs::set_permissions(&key_file, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(code(open(directory.path())), "vault_key_malformed");
    fs::write(&key_file, kept).unwrap();
    assert_eq!(code(open(directory.path())), "ok");
}

#[test]
fn files_are_private_and_wider_ones_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let vault = open(directory.path()).unwrap();
    vault.connect(new(&key("acme", "kim", "pagerduty"), CANARY)).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let in_vault = directory.path().join("vault");
    assert_eq!(mode(&in_vault), 0o700);
    assert_eq!(mode(&directory.path().join("master.key")), 0o600);
    for file in fs::read_dir(&in_vault).unwrap() {
        let file = file.unwrap().path();
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    drop(vault);
    for (path, wide, right) in [("vault", 0o750, 0o700), ("vault/vault.db", 0o604, 0o600), ("master.key", 0o640, 0o600)]
    {
        let full = directory.path().join(path);
        fs::set_permissions(&full, fs::Permissions::from_mode(wide)).unwrap();
        let error = open(directory.path()).err().unwrap();
        assert_eq!(error.code(), "vault_permissions", "{path}");
        assert!(error.to_string().contains(&format!("chmod {right:o} ")), "{error}");
        fs::set_permissions(&full, fs::Permissions::from_mode(right)).unwrap();
    }
    assert_eq!(code(open(directory.path())), "ok");
}

#[test]
fn a_row_or_a_column_put_elsewhere_does_not_open() {
    let directory = tempfile::tempdir().unwrap();
    let vault = open(directory.path()).unwrap();
    let (kim, lee) = (key("acme", "kim", "pagerduty"), key("acme", "lee", "pagerduty"));
    let connect = || {
        vault.disconnect(&kim).unwrap();
        vault.disconnect(&lee).unwrap();
        vault.connect(new(&kim, "kim's secret")).unwrap();
        vault.connect(new(&lee, "lee's secret")).unwrap();
    };
    let lee_of = |column: &str| format!("(SELECT {column} FROM connection WHERE user = 'lee')");
    let changes = [
        format!("UPDATE connection SET secret = {} WHERE user = 'kim'", lee_of("secret")),
        format!("UPDATE connection SET wrapped_key = {} WHERE user = 'kim'", lee_of("wrapped_key")),
        format!(
            "UPDATE connection SET secret = {}, wrapped_key = {}, details = {}, version = {} WHERE user = 'kim'",
            lee_of("secret"), lee_of("wrapped_key"), lee_of("details"), lee_of("version")
        ),
        "UPDATE connection SET secret = wrapped_key, wrapped_key = secret WHERE user = 'kim'".to_owned(),
        "UPDATE connection SET version = version + 1 WHERE user = 'kim'".to_owned(),
        "UPDATE connection SET secret = zeroblob(length(secret)) WHERE user = 'kim'".to_owned(),
        "UPDATE connection SET secret = x'' WHERE user = 'kim'".to_owned(),
        // Another base would send the credential to whoever wrote it.
        "UPDATE connection SET details = replace(CAST(details AS TEXT), 'api.eu.pagerduty.com', 'evil.example.com') WHERE user = 'kim'"
            .replace("replace(", "CAST(replace(")
            .replace("'evil.example.com')", "'evil.example.com') AS BLOB)"),
    ];
    for change in changes {
        connect();
        assert_eq!(secret_of(&vault, &kim), "kim's secret");
        assert_eq!(write_past(directory.path(), &change), 1, "{change}");
        assert_eq!(code(vault.resolve(&kim)), "vault_sealed_data_corrupt", "{change}");
        assert_eq!(secret_of(&vault, &lee), "lee's secret", "nobody else notices");
    }
    connect();
    write_past(directory.path(), "DELETE FROM connection WHERE user = 'kim'");
    write_past(directory.path(), "UPDATE connection SET user = 'kim'");
    assert_eq!(code(vault.resolve(&kim)), "vault_sealed_data_corrupt", "a whole row moved");
    write_past(directory.path(), "UPDATE connection SET tenant = 'other', user = 'lee'");
    assert_eq!(code(vault.resolve(&key("other", "lee", "pagerduty"))), "vault_sealed_data_corrupt", "another tenant");
}

#[test]
fn no_file_ever_holds_a_secret() {
    let directory = tempfile::tempdir().unwrap();
    let kim = key("acme", "kim", "pagerduty");
    let search = |secrets: &[&str], when: &str| {
        let mut files = 0;
        for entry in fs::read_dir(directory.path().join("vault")).unwrap() {
            let path = entry.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            for secret in secrets {
                let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
                assert!(!found, "{} {when}", path.display());
            }
            files += 1;
        }
        files
    };
    let vault = open(directory.path()).unwrap();
    vault.connect(new(&kim, CANARY)).unwrap();
    let (_, api_key) = vault.create_api_key(new_key("kim", None)).unwrap();
    let api_key = api_key.expose_secret().to_owned();
    let (_, proof) = api_key.rsplit_once(&api_key[..20]).unwrap();
    assert_eq!(search(&[CANARY, proof], "while open"), 4, "the database, its log, its index and its mark");
    assert!(fs::metadata(directory.path().join("vault/vault.db-wal")).unwrap().len() > 0);
    let sealed: Vec<u8> =
        database(directory.path()).query_row("SELECT secret FROM connection", [], |row| row.get(0)).unwrap();
    vault.disconnect(&kim).unwrap();
    drop(vault);
    search(&[CANARY, proof], "after closing");
    for entry in fs::read_dir(directory.path().join("vault")).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        assert!(
            !bytes.windows(sealed.len()).any(|window| window == sealed),
            "a disconnected secret is erased, sealed as it was"
        );
    }
}

/// Whether any file of the vault holds these bytes.
fn is_on_disk(directory: &Path, bytes: &[u8]) -> bool {
    fs::read_dir(directory.join("vault"))
        .unwrap()
        .any(|file| fs::read(file.unwrap().path()).unwrap().windows(bytes.len()).any(|window| window == bytes))
}

fn gone_within_10_s(directory: &Path, bytes: &[u8], what: &str) {
    let patience = Instant::now();
    while is_on_disk(directory, bytes) {
        assert!(patience.elapsed() < Duration::from_secs(10), "{what} is still on disk");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn what_was_erased_leaves_the_disk_while_the_vault_is_open() {
    let directory = tempfile::tempdir().unwrap();
    let vault = open(directory.path()).unwrap();
    let kim = key("acme", "kim", "pagerduty");
    let stored = |sql| -> Vec<u8> { database(directory.path()).query_row(sql, [], |row| row.get(0)).unwrap() };
    vault.connect(new(&kim, CANARY)).unwrap();
    let first = stored("SELECT secret FROM connection");
    assert!(is_on_disk(directory.path(), &first));
    vault.connect(new(&kim, "another one")).unwrap();
    gone_within_10_s(directory.path(), &first, "a secret that was replaced");
    let second = stored("SELECT secret FROM connection");
    // Somebody reads, so that the first attempts to scrub fail.
    let reader = database(directory.path());
    reader.execute_batch("BEGIN").unwrap();
    let _: i64 = reader.query_row("SELECT COUNT(*) FROM connection", [], |row| row.get(0)).unwrap();
    vault.disconnect(&kim).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    assert!(is_on_disk(directory.path(), &second), "or this test tests nothing");
    reader.execute_batch("COMMIT").unwrap();
    gone_within_10_s(directory.path(), &second, "a secret that was disconnected");
    let (info, _) = vault.create_api_key(new_key("kim", None)).unwrap();
    let hash = stored("SELECT hash FROM api_key");
    assert!(is_on_disk(directory.path(), &hash));
    vault.revoke_api_key(&info.id).unwrap();
    gone_within_10_s(directory.path(), &hash, "the hash of a revoked key");
}

#[test]
fn whoever_writes_to_the_database_cannot_bring_a_revoked_key_back() {
    let directory = tempfile::tempdir().unwrap();
    let vault = open(directory.path()).unwrap();
    let (info, shown) = vault.create_api_key(new_key("kim", None)).unwrap();
    let (_, other) = vault.create_api_key(new_key("kim", None)).unwrap();
    assert!(vault.revoke_api_key(&info.id).unwrap());
    let id = &info.id;
    let unrevoked = format!("UPDATE api_key SET revoked_us = NULL WHERE id = '{id}'");
    assert_eq!(write_past(directory.path(), &unrevoked), 1);
    assert_eq!(code(vault.authenticate(&shown)), "api_key_unknown");
    let copied = format!(
        "UPDATE api_key SET (hash, seal) = (SELECT hash, seal FROM api_key WHERE id <> '{id}') WHERE id = '{id}'"
    );
    assert_eq!(write_past(directory.path(), &copied), 1);
    assert_eq!(code(vault.authenticate(&shown)), "api_key_unknown");
    // The proof of the other key with the name of this one: the seal names the key.
    let proof = other.expose_secret().strip_prefix("tk_").unwrap().split_once('_').unwrap().1;
    let mixed = SecretString::from(format!("tk_{}_{proof}", info.id));
    assert_eq!(code(vault.authenticate(&mixed)), "api_key_corrupt");
    assert_eq!(code(vault.authenticate(&other)), "ok");
}

fn new_key(user: &str, expires_at: Option<Timestamp>) -> NewApiKey {
    NewApiKey {
        tenant: "acme".parse().unwrap(),
        user: user.parse().unwrap(),
        label: "laptop".into(),
        tools: ToolFilter::Only(BTreeSet::from(["list".to_owned()])),
        expires_at,
    }
}

#[test]
fn api_keys_authenticate_until_they_are_revoked() {
    let directory = tempfile::tempdir().unwrap();
    let vault = open(directory.path()).unwrap();
    let (info, shown) = vault.create_api_key(new_key("kim", None)).unwrap();
    assert!(shown.expose_secret().starts_with(&format!("tk_{}_", info.id)));
    let principal = vault.authenticate(&shown).unwrap();
    assert_eq!((principal.tenant.as_str(), principal.user.as_str()), ("acme", "kim"));
    assert!(principal.tools.allows("list") && !principal.tools.allows("delete"));
    let patience = Instant::now();
    while vault.api_keys().unwrap()[0].last_used_at.is_none() {
        assert!(patience.elapsed() < Duration::from_secs(10), "the last use is written in the background");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(vault.revoke_api_key(&info.id).unwrap());
    assert_eq!(code(vault.authenticate(&shown)), "api_key_revoked");
    assert!(!vault.revoke_api_key(&info.id).unwrap());
    assert!(vault.api_keys().unwrap()[0].revoked_at.is_some());
}

#[test]
fn refused_api_keys_differ_for_the_operator() {
    let vault = Vault::in_memory().unwrap();
    let (info, good) = vault.create_api_key(new_key("kim", None)).unwrap();
    let past = Timestamp::now() - jiff::SignedDuration::from_secs(1);
    let (_, expired) = vault.create_api_key(new_key("kim", Some(past))).unwrap();
    let (_, other) = vault.create_api_key(new_key("lee", None)).unwrap();
    let others_proof = &other.expose_secret()["tk_0123456789abcdef_".len()..];
    for (presented, wanted) in [
        (expired.expose_secret().to_owned(), "api_key_expired"),
        (format!("tk_{}_{others_proof}", info.id), "api_key_unknown"),
        (format!("tk_0123456789abcdef_{others_proof}"), "api_key_unknown"),
        (String::new(), "api_key_malformed"),
        ("tk_".to_owned(), "api_key_malformed"),
        (format!("{}x", good.expose_secret()), "api_key_malformed"),
        (format!("tk_{}\u{e9}", "0".repeat(15)), "api_key_malformed"),
    ] {
        let error = vault.authenticate(&SecretString::from(presented.as_str())).err().unwrap();
        assert_eq!(error.code(), wanted, "{presented}");
    }
}

#[test]
fn whoever_writes_to_the_database_cannot_widen_a_key() {
    let directory = tempfile::tempdir().unwrap();
    let vault = open(directory.path()).unwrap();
    for change in [
        "UPDATE api_key SET user = 'lee'",
        "UPDATE api_key SET tenant = 'other'",
        "UPDATE api_key SET tools = '\"all\"'",
        "UPDATE api_key SET expires_us = NULL",
    ] {
        database(directory.path()).execute("DELETE FROM api_key", []).unwrap();
        let soon = Timestamp::now() + jiff::SignedDuration::from_secs(600);
        let (_, shown) = vault.create_api_key(new_key("kim", Some(soon))).unwrap();
        assert_eq!(code(vault.authenticate(&shown)), "ok");
        assert_eq!(write_past(directory.path(), change), 1);
        assert_eq!(code(vault.authenticate(&shown)), "api_key_corrupt", "{change}");
    }
}

#[test]
fn nothing_that_can_be_printed_prints_a_secret() {
    let vault = Vault::in_memory().unwrap();
    let kim = key("acme", "kim", "pagerduty");
    let connection = vault.connect(new(&kim, CANARY)).unwrap();
    let resolved = vault.resolve(&kim).unwrap();
    let (info, shown) = vault.create_api_key(new_key("kim", None)).unwrap();
    let proof = &shown.expose_secret()[20..];
    let refused = vault.authenticate(&SecretString::from(format!("{CANARY}{proof}"))).err().unwrap();
    let too_long = vault.connect(new(&kim, &CANARY.repeat(2000))).err().unwrap();
    let printed = format!(
        "{connection:?} {} {:?} {:?} {info:?} {shown:?} {refused:?} {refused} {too_long:?} {too_long} {}",
        serde_json::to_string(&connection).unwrap(),
        resolved.secret,
        resolved.connection,
        serde_json::to_string(&info).unwrap(),
    );
    assert!(!printed.contains("canary") && !printed.contains(proof), "{printed}");
}

#[test]
fn derived_keys_are_stable_and_apart() {
    let directory = tempfile::tempdir().unwrap();
    let vault = open(directory.path()).unwrap();
    let (audit, cache) = (vault.derive_key("audit digests"), vault.derive_key("compile cache"));
    assert_ne!(audit, cache);
    drop(vault);
    assert_eq!(open(directory.path()).unwrap().derive_key("audit digests"), audit);
    assert_ne!(Vault::in_memory().unwrap().derive_key("audit digests"), audit);
}

/// A secret that says which of many it is.
fn numbered(number: u64) -> String {
    format!("{number:08}")
}

#[test]
fn resolving_goes_on_while_others_write() {
    let directory = tempfile::tempdir().unwrap();
    let vault = open(directory.path()).unwrap();
    let kim = key("acme", "kim", "pagerduty");
    vault.connect(new(&kim, &numbered(0))).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let (mut count, mut last) = (0_u64, 0_u64);
                    while !done.load(Ordering::Relaxed) {
                        let resolved = vault.resolve(&kim).unwrap();
                        let secret: u64 = resolved.secret.expose_secret().parse().unwrap();
                        assert_eq!(resolved.connection.version, secret + 1, "a secret and its row belong together");
                        assert!(secret >= last, "no older secret after a newer one");
                        last = secret;
                        count += 1;
                    }
                    count
                })
            })
            .collect();
        for secret in 1..=100 {
            vault.connect(new(&kim, &numbered(secret))).unwrap();
        }
        done.store(true, Ordering::Relaxed);
        for reader in readers {
            assert!(reader.join().unwrap() > 0);
        }
    });
    // A write that takes its time (another process holds the write lock) keeps no reader waiting.
    let other = database(directory.path());
    other.execute_batch("BEGIN IMMEDIATE; UPDATE connection SET updated_us = 0").unwrap();
    let start = Instant::now();
    assert_eq!(secret_of(&vault, &kim), numbered(100));
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
    other.execute_batch("ROLLBACK").unwrap();
}

#[test]
fn two_vaults_on_one_file_do_not_lose_an_update() {
    let directory = tempfile::tempdir().unwrap();
    let (one, two) = (open(directory.path()).unwrap(), open(directory.path()).unwrap());
    let kim = key("acme", "kim", "pagerduty");
    std::thread::scope(|scope| {
        for vault in [&one, &two] {
            scope.spawn(|| (0..20).for_each(|_| drop(vault.connect(new(&kim, CANARY)).unwrap())));
        }
    });
    assert_eq!(one.connection(&kim).unwrap().version, 40);
    assert!(two.disconnect(&kim).unwrap());
    assert_eq!(code(one.resolve(&kim)), "vault_connection_disconnected", "at once, in every process");
}

#[test]
fn what_another_vault_on_the_file_has_written_counts_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let (here, there) = (open(directory.path()).unwrap(), open(directory.path()).unwrap());
    let kim = key("acme", "kim", "pagerduty");
    for round in 1..=50 {
        let connected = there.connect(new(&kim, &format!("{CANARY}-{round}"))).unwrap();
        // Read twice: the second time there is nothing to read.
        for _ in 0..2 {
            assert_eq!(secret_of(&here, &kim), format!("{CANARY}-{round}"));
            assert!(here.is_current(&kim, connected.version).unwrap());
        }
        assert!(there.disconnect(&kim).unwrap());
        assert!(!here.is_current(&kim, connected.version).unwrap());
        assert_eq!(code(here.resolve(&kim)), "vault_connection_disconnected");
        let (api_key, shown) = there.create_api_key(new_key("kim", None)).unwrap();
        for _ in 0..2 {
            here.authenticate(&shown).unwrap();
        }
        there.revoke_api_key(&api_key.id).unwrap();
        assert_eq!(code(here.authenticate(&shown)), "api_key_revoked");
    }
}

#[test]
fn what_was_written_without_a_mark_counts_after_a_second() {
    let directory = tempfile::tempdir().unwrap();
    let vault = open(directory.path()).unwrap();
    let kim = key("acme", "kim", "pagerduty");
    let mut version = vault.connect(new(&kim, CANARY)).unwrap().version;
    let second = Duration::from_millis(1_001);
    // A writer that was killed before it could mark.
    assert!(vault.is_current(&kim, version).unwrap());
    database(directory.path()).execute("UPDATE connection SET version = version + 1", []).unwrap();
    std::thread::sleep(second);
    assert!(!vault.is_current(&kim, version).unwrap());
    // Somebody takes the mark away, and a later writer makes another.
    version = vault.connect(new(&kim, CANARY)).unwrap().version;
    assert!(vault.is_current(&kim, version).unwrap());
    fs::remove_file(directory.path().join("vault/vault.db-mark")).unwrap();
    assert!(open(directory.path()).unwrap().disconnect(&kim).unwrap());
    std::thread::sleep(second);
    assert!(!vault.is_current(&kim, version).unwrap());
}

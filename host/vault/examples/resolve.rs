//! Measures the lookups that every call pays for: `cargo run --release -p toolkeep-vault --example resolve`.
#![allow(clippy::print_stdout, reason = "an example that prints its measurements")]

use std::error::Error;
use std::time::Instant;

use secrecy::SecretString;
use toolkeep_policy::ToolFilter;
use toolkeep_vault::{ConnectionKey, CredentialKind, KeySource, NewApiKey, NewConnection, Vault, VaultError};

const ROUNDS: u32 = 50_000;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::temp_dir().join(format!("toolkeep-resolve-{}", std::process::id()));
    let on_disk = Vault::open(&directory, KeySource::Bytes([7; 32].into()))?;
    let measured = measure("on disk", &on_disk).and_then(|()| measure("in memory", &Vault::in_memory()?));
    drop(on_disk);
    std::fs::remove_dir_all(&directory)?;
    measured
}

fn measure(name: &str, vault: &Vault) -> Result<(), Box<dyn Error>> {
    let key = ConnectionKey::new("acme".parse()?, "kim@example.com".parse()?, "pagerduty");
    vault.connect(NewConnection {
        key: key.clone(),
        secret: SecretString::from("u+0123456789abcdef01"),
        kind: CredentialKind::ApiKey,
        granted_scopes: Some(vec!["incidents.read".into(), "incidents.write".into()]),
        base: None,
        account: None,
    })?;
    let (tenant, user) = (key.tenant.clone(), key.user.clone());
    let (_, api_key) = vault.create_api_key(NewApiKey {
        tenant,
        user,
        label: "measure".into(),
        tools: ToolFilter::All,
        expires_at: None,
    })?;
    time(name, "resolve", || vault.resolve(&key).map(drop))?;
    time(name, "authenticate", || vault.authenticate(&api_key).map(drop))?;
    Ok(())
}

fn time(vault: &str, what: &str, once: impl Fn() -> Result<(), VaultError>) -> Result<(), VaultError> {
    for _ in 0..1_000 {
        once()?;
    }
    let start = Instant::now();
    for _ in 0..ROUNDS {
        once()?;
    }
    println!("{vault}: {what} {:?}", start.elapsed() / ROUNDS);
    Ok(())
}

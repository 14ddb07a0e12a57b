//! `toolkeep credential`: the users' credentials. A secret goes from the prompt into the vault and is never
//! seen again.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;
use toolkeep_audit::EventKind;
use toolkeep_host::{Account, Connector, Credential, CredentialKind as Declared, Description, Host, Principal};
use toolkeep_policy::Base;
use toolkeep_vault::{ConnectionKey, CredentialKind as Kept, NewConnection, Status};

use super::connect::{is_for_verifying, store};
use super::key::minute;
use crate::cli::{CredentialAdd, CredentialKind, CredentialList, CredentialRemove, Global};
use crate::failure::{Exit, Failure};
use crate::keep::{self, Keep, vault_failure};
use crate::output::{self, GREEN, printable};
use crate::secret_input;

/// `toolkeep credential add`: asks the upstream whose the secret is, and keeps it if it is somebody's.
///
/// # Errors
/// No such connector, kind, scope or base; the secret is malformed or refused; vault or audit log failed. What
/// was typed is not repeated where it may be a secret in the wrong place.
pub(crate) async fn add(global: &Global, options: CredentialAdd) -> Result<(), Failure> {
    let principal = keep::principal(&options.identity, &[])?;
    let keep = Keep::open(global)?;
    let host = keep.host(global, None).await?;
    let connector = named(&host, &options.connector)?;
    let about = &connector.description;
    let (kind, prompt) = choose(&about.name, &about.credentials, options.kind)?;
    check_scopes(about, &options.scopes)?;
    check_base(about, kind, &global.upstreams, options.base.as_deref())?;
    let secret = secret_input::read(&prompt)?;
    let new = NewConnection {
        key: connection_key(&principal, &options.connector, &options.connection),
        secret,
        kind,
        granted_scopes: (!options.scopes.is_empty()).then_some(options.scopes),
        base: options.base,
        account: None,
    };
    output::progress(format!("asking {} whose credential this is …", options.connector));
    let connection = store(&keep, &host, &principal, new, options.account_email).await?;
    if options.json {
        return output::json(&connection);
    }
    let account = connection.account.as_ref().map_or_else(|| "unknown".to_owned(), told);
    output::text(format!("{GREEN}connected{GREEN:#} {} as {account}", options.connector))
}

/// `toolkeep credential list`
///
/// # Errors
/// The vault failed.
pub(crate) fn list(global: &Global, options: &CredentialList) -> Result<(), Failure> {
    let principal = keep::principal(&options.identity, &[])?;
    let Some(keep) = Keep::open_to_list(global)? else { return Ok(()) };
    let mut connections =
        keep.vault.connections(&principal.tenant, &principal.user).map_err(|error| vault_failure(&error))?;
    // What an attempt leaves behind is shown only where it still holds a secret.
    connections.retain(|connection| connection.status == Status::Active || !is_for_verifying(&connection.key.name));
    if options.json {
        return connections.iter().try_for_each(output::json);
    }
    let mut table = output::table(["CONNECTOR", "NAME", "STATUS", "ACCOUNT", "SCOPES", "BASE", "SINCE"]);
    for connection in &connections {
        table.add_row([
            connection.key.connector.clone(),
            connection.key.name.clone(),
            connection.status.to_string(),
            connection.account.as_ref().map_or_else(String::new, told),
            connection.granted_scopes.as_ref().map_or_else(|| "not told".to_owned(), |scopes| scopes.join(" ")),
            connection.base.clone().unwrap_or_else(|| "the connector's own".to_owned()),
            minute(connection.updated_at),
        ]);
    }
    output::text(table)
}

/// `toolkeep credential remove`
///
/// # Errors
/// There was none, or vault or audit log failed.
pub(crate) async fn remove(global: &Global, options: CredentialRemove) -> Result<(), Failure> {
    let principal = keep::principal(&options.identity, &[])?;
    let list = format!("toolkeep credential list --tenant {} --user {}", principal.tenant, principal.user);
    let keep = Keep::open_existing(global, &list)?;
    let key = connection_key(&principal, &options.connector, &options.connection);
    let subject = keep.vault.connection(&key).map(|connection| connection.id.to_string());
    if !keep.vault.disconnect(&key).map_err(|error| vault_failure(&error))? {
        let active: Vec<String> = keep
            .vault
            .connections(&principal.tenant, &principal.user)
            .map_err(|error| vault_failure(&error))?
            .into_iter()
            .filter(|connection| connection.status == Status::Active)
            .map(|connection| format!("{} ({})", connection.key.connector, connection.key.name))
            .collect();
        let there_is = if active.is_empty() { "none".to_owned() } else { active.join(", ") };
        let message = format!("there is no such connection to remove; there is {there_is}");
        return Err(Failure::new(Exit::Denied, "no_connection", message).next(list));
    }
    let details = json!({ "connector": key.connector, "name": key.name });
    let subject = subject.unwrap_or_else(|_| key.connector.clone());
    keep.record(EventKind::ConnectionRemoved, Some(&principal), subject, details).await?;
    if options.json {
        return output::json(&json!({ "connector": key.connector, "name": key.name, "removed": true }));
    }
    output::progress(format!("The connection {key} is gone; the next call over it fails."));
    Ok(())
}

fn connection_key(principal: &Principal, connector: &str, name: &str) -> ConnectionKey {
    ConnectionKey {
        tenant: principal.tenant.clone(),
        user: principal.user.clone(),
        connector: connector.to_owned(),
        name: name.to_owned(),
    }
}

/// The connector of that name.
fn named(host: &Host, name: &str) -> Result<Arc<Connector>, Failure> {
    let connectors = host.connectors();
    let names: Vec<&str> = connectors.iter().map(|loaded| loaded.description.name.as_str()).collect();
    connectors.iter().find(|loaded| loaded.description.name == name).cloned().ok_or_else(|| {
        let message = format!("no connector of that name is loaded; there is {}", names.join(", "));
        Failure::new(Exit::Usage, "unknown_connector", message)
            .next(format!("toolkeep credential add {} …", names.first().unwrap_or(&"CONNECTOR")))
    })
}

/// A scope that no tool asks for is a mistake: scopes are compared letter by letter.
fn check_scopes(about: &Description, given: &[String]) -> Result<(), Failure> {
    let mut known: BTreeSet<&str> = about.tools.iter().flat_map(|tool| &tool.scopes).map(String::as_str).collect();
    known.extend(about.identification.scopes.iter().map(String::as_str));
    for credential in &about.credentials {
        if let Declared::OAuth2 { scopes, .. } = &credential.kind {
            known.extend(scopes.iter().map(String::as_str));
        }
    }
    if given.iter().all(|scope| known.contains(scope.as_str())) {
        return Ok(());
    }
    let known = known.into_iter().collect::<Vec<_>>().join(",");
    let message = format!("--scopes names one that {} does not know; it knows {known}", about.name);
    Err(Failure::new(Exit::Usage, "unknown_scope", printable(&message))
        .next("leave --scopes out where the upstream never told them; then it decides"))
}

/// The base must be one that the connector declares for this kind of credential, or that the operator named.
fn check_base(about: &Description, kind: Kept, upstreams: &[String], given: Option<&str>) -> Result<(), Failure> {
    let Some(given) = given else { return Ok(()) };
    let origin = about
        .credentials
        .iter()
        .find(|credential| kind_of(credential) == kind)
        .and_then(|credential| about.origins.iter().find(|origin| origin.name == credential.origin));
    let declared = origin.into_iter().flat_map(|origin| std::iter::once(&origin.base).chain(&origin.alternatives));
    let declared: Vec<Base> = declared.cloned().collect();
    let named = upstreams.iter().filter_map(|base| Base::parse_operator(base).ok());
    if Base::parse_operator(given)
        .is_ok_and(|given| declared.contains(&given) || named.clone().any(|base| base == given))
    {
        return Ok(());
    }
    let known: Vec<String> = declared.into_iter().chain(named).map(|base| base.to_string()).collect();
    let message = format!("--base is none that {} may talk to; there is {}", about.name, known.join(", "));
    Err(Failure::new(Exit::Usage, "unknown_base", message)
        .next("toolkeep credential add … --upstream BASE --base BASE, for a base that you trust with the secret"))
}

fn kind_of(credential: &Credential) -> Kept {
    match credential.kind {
        Declared::OAuth2 { .. } => Kept::OAuth2,
        Declared::ApiKey { .. } => Kept::ApiKey,
    }
}

/// Which kind the secret is, and what to ask for.
fn choose(connector: &str, declared: &[Credential], wanted: Option<CredentialKind>) -> Result<(Kept, String), Failure> {
    let kinds: Vec<(Kept, String)> = declared
        .iter()
        .map(|credential| match &credential.kind {
            Declared::OAuth2 { .. } => (Kept::OAuth2, format!("OAuth access token for {connector}")),
            Declared::ApiKey { hint } => (Kept::ApiKey, format!("API key for {connector} ({})", printable(hint))),
        })
        .collect();
    let wanted = wanted.map(|kind| match kind {
        CredentialKind::Oauth2 => Kept::OAuth2,
        CredentialKind::ApiKey => Kept::ApiKey,
    });
    let chosen = match wanted {
        Some(wanted) => kinds.iter().find(|(kind, _)| *kind == wanted),
        // A pasted secret is a key more often than a token.
        None => kinds.iter().find(|(kind, _)| *kind == Kept::ApiKey).or_else(|| kinds.first()),
    };
    chosen.cloned().ok_or_else(|| match wanted {
        Some(_) => Failure::usage(format!("{connector} does not take this kind of credential"))
            .next("toolkeep connector inspect FILE"),
        None => Failure::usage(format!("{connector} takes no credential")),
    })
}

fn told(account: &Account) -> String {
    let email = account.email.as_deref().map_or_else(String::new, |email| format!(" <{email}>"));
    printable(&format!("{}{email} ({})", account.name, account.id))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what failed by panicking")]
    use super::*;

    fn declared_kinds() -> Vec<Credential> {
        let oauth = Declared::OAuth2 {
            authorize_url: "https://a.example/authorize".to_owned(),
            token_url: "https://a.example/token".to_owned(),
            revoke_url: None,
            scopes: vec![],
        };
        [oauth, Declared::ApiKey { hint: "in your profile".to_owned() }]
            .into_iter()
            .map(|kind| Credential {
                kind,
                origin: "api".to_owned(),
                header: "authorization".to_owned(),
                prefix: "Bearer ".to_owned(),
            })
            .collect()
    }

    #[test]
    fn a_pasted_secret_is_a_key_unless_said_otherwise() {
        let kinds = declared_kinds();
        let (kind, prompt) = choose("pagerduty", &kinds, None).unwrap();
        assert!(kind == Kept::ApiKey && prompt.contains("in your profile"), "{prompt}");
        assert_eq!(choose("pagerduty", &kinds, Some(CredentialKind::Oauth2)).unwrap().0, Kept::OAuth2);
        let only_oauth = &kinds[..1];
        assert_eq!(choose("pagerduty", only_oauth, None).unwrap().0, Kept::OAuth2);
        assert!(choose("pagerduty", only_oauth, Some(CredentialKind::ApiKey)).is_err());
        assert!(choose("pagerduty", &[], None).is_err());
    }
}

//! `toolkeep credential`: the users' credentials. A secret goes from the prompt into the vault and is never
//! seen again.

use serde_json::json;
use toolkeep_audit::EventKind;
use toolkeep_host::{Account, CallError, Credential, CredentialKind as Declared, Host, Principal, ToolError};
use toolkeep_vault::{Connection, ConnectionKey, CredentialKind as Kept, NewConnection, Resolved};

use super::call;
use super::key::minute;
use crate::cli::{CredentialAdd, CredentialKind, CredentialList, CredentialRemove, Global};
use crate::failure::{Exit, Failure};
use crate::keep::{self, Keep, vault_failure};
use crate::output::{self, GREEN, printable};
use crate::secret_input;

/// `toolkeep credential add`: stores the secret, then asks the upstream whose it is. A secret that the
/// upstream does not accept is not kept.
///
/// # Errors
/// No such connector or kind; the secret is malformed or refused; vault or audit log failed.
pub(crate) async fn add(global: &Global, options: CredentialAdd) -> Result<(), Failure> {
    let principal = keep::principal(&options.identity, &[])?;
    let keep = Keep::open(global)?;
    let host = keep.host(global, None).await?;
    let declared = declared(&host, &options.connector)?;
    let (kind, prompt) = choose(&options.connector, &declared, options.kind)?;
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

/// Stores a connection, identifies its account and records both; puts everything back where one of them fails.
pub(crate) async fn store(
    keep: &Keep,
    host: &Host,
    principal: &Principal,
    new: NewConnection,
    account_email: Option<String>,
) -> Result<Connection, Failure> {
    let key = new.key.clone();
    // A mistyped new secret must not cost the user the connection that works.
    let before = keep.vault.resolve(&key).ok();
    keep.vault.connect(new).map_err(|error| vault_failure(&error))?;
    let stored = identify_and_record(keep, host, principal, &key, account_email).await;
    if stored.is_err() {
        let undone = match before {
            Some(Resolved { connection, secret }) => keep
                .vault
                .connect(NewConnection {
                    key,
                    secret,
                    kind: connection.kind,
                    granted_scopes: connection.granted_scopes,
                    base: connection.base,
                    account: connection.account,
                })
                .map(|_| ()),
            None => keep.vault.disconnect(&key).map(|_| ()),
        };
        undone.map_err(|error| vault_failure(&error))?;
    }
    stored
}

async fn identify_and_record(
    keep: &Keep,
    host: &Host,
    principal: &Principal,
    key: &ConnectionKey,
    account_email: Option<String>,
) -> Result<Connection, Failure> {
    let account = match (host.identify(principal, &key.connector, &key.name).await, account_email) {
        (Ok(account), email) => Account { email: account.email.or(email), ..account },
        // The upstream took the key and knows no person behind it: an account's key. Whoever stores it says
        // who acts. A key that is not accepted, or an upstream that is not there, is no such thing.
        (Err(CallError::Tool { error, .. }), Some(email)) if knows_no_person(&error) => {
            Account { id: email.clone(), name: "account-level key".to_owned(), email: Some(email), time_zone: None }
        }
        (Err(error), _) => {
            return Err(call::failure(&error, principal).next("nothing was kept; check the secret, --kind and --base"));
        }
    };
    let connection = keep.vault.set_account(key, account).map_err(|error| vault_failure(&error))?;
    let details = json!({
        "connector": key.connector, "name": key.name, "version": connection.version, "kind": connection.kind,
        "base": connection.base, "account": connection.account.as_ref().map(|account| &account.id),
    });
    keep.record(EventKind::ConnectionAdded, Some(principal), connection.id.as_str(), details).await?;
    Ok(connection)
}

/// Whether `identify` came as far as the upstream, with a credential that it takes, and found nobody.
fn knows_no_person(error: &ToolError) -> bool {
    matches!(
        error,
        ToolError::InvalidArguments(_) | ToolError::NotFound(_) | ToolError::Forbidden(_) | ToolError::Other(_)
    )
}

/// `toolkeep credential list`
///
/// # Errors
/// The vault failed.
pub(crate) fn list(global: &Global, options: &CredentialList) -> Result<(), Failure> {
    let principal = keep::principal(&options.identity, &[])?;
    let connections = Keep::open(global)?
        .vault
        .connections(&principal.tenant, &principal.user)
        .map_err(|error| vault_failure(&error))?;
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
    let keep = Keep::open(global)?;
    let key = connection_key(&principal, &options.connector, &options.connection);
    let subject = keep.vault.connection(&key).map(|connection| connection.id.to_string());
    if !keep.vault.disconnect(&key).map_err(|error| vault_failure(&error))? {
        return Err(Failure::new(Exit::Denied, "no_connection", format!("there is no connection {key} to remove"))
            .next(format!("toolkeep credential list --tenant {} --user {}", principal.tenant, principal.user)));
    }
    let details = json!({ "connector": key.connector, "name": key.name });
    let subject = subject.unwrap_or_else(|_| key.connector.clone());
    keep.record(EventKind::ConnectionRemoved, Some(&principal), subject, details).await?;
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

/// The ways in which a connector is authenticated.
fn declared(host: &Host, connector: &str) -> Result<Vec<Credential>, Failure> {
    let connectors = host.connectors();
    let names: Vec<&str> = connectors.iter().map(|loaded| loaded.description.name.as_str()).collect();
    connectors
        .iter()
        .find(|loaded| loaded.description.name == connector)
        .map(|loaded| loaded.description.credentials.clone())
        .ok_or_else(|| {
            let message = format!("no connector named {connector:?} is loaded; there is {}", names.join(", "));
            Failure::new(Exit::Usage, "unknown_connector", message).next("toolkeep --connector FILE …")
        })
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
    fn an_account_key_is_one_that_the_upstream_takes() {
        assert!(knows_no_person(&ToolError::Forbidden("no user".to_owned())));
        assert!(!knows_no_person(&ToolError::Unauthenticated("401".to_owned())));
        assert!(!knows_no_person(&ToolError::Unavailable("down".to_owned())));
        assert!(!knows_no_person(&ToolError::RateLimited { retry_after_s: None }));
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

//! Taking a new credential into use: proved first, live afterwards. Whatever happens meanwhile (a mistyped
//! secret, an upstream that is down, an interrupt, a kill), the connection that calls use stays as it was.

use std::sync::Arc;

use serde_json::json;
use toolkeep_audit::EventKind;
use toolkeep_host::{Account, CallError, Host, Principal, ToolError};
use toolkeep_vault::{Connection, ConnectionKey, MAX_NAME_BYTES, NewConnection, Resolved, Vault};

use super::call;
use crate::failure::{Exit, Failure};
use crate::keep::{Keep, vault_failure};

/// What is added to a connection's name for the time that its new secret is unproven. No call uses such a
/// name by default, and none can be given to a connection.
const VERIFYING: &str = ".verifying";
/// What the audit log calls an attempt that came to nothing.
const ATTEMPT: &str = "credential add";

/// Whether a connection's name is one for unproven secrets.
pub(crate) fn is_for_verifying(name: &str) -> bool {
    name.ends_with(VERIFYING)
}

/// Proves a credential with the upstream, and only then stores it as the connection that it is for. Both
/// outcomes are recorded.
///
/// The secret lies in the vault meanwhile, under a name of its own. A killed attempt leaves it there, where no
/// call finds it; the next attempt for the same connection overwrites and ends it.
///
/// # Errors
/// The upstream did not accept it, or could not be asked; the name is reserved or too long; vault or audit log
/// failed. Nothing of the new credential is kept then.
pub(crate) async fn store(
    keep: &Keep,
    host: &Host,
    principal: &Principal,
    new: NewConnection,
    account_email: Option<String>,
) -> Result<Connection, Failure> {
    let trial = trial(&new)?;
    let trial_key = trial.key.clone();
    let begun = keep.vault.connect(trial).map_err(|error| vault_failure(&error))?;
    let attempt = Attempt { vault: Arc::clone(&keep.vault), key: trial_key, version: begun.version };
    let verified = tokio::select! {
        verified = verify(host, principal, &attempt, account_email) => verified,
        // Asked to stop: the unproven secret goes before we do.
        Ok(()) = tokio::signal::ctrl_c() => Err(Failure::new(Exit::Failed, "interrupted", "interrupted")),
    };
    drop(attempt);
    let stored = match verified {
        Ok(account) => put(keep, principal, NewConnection { account: Some(account), ..new }).await,
        Err(failure) => Err(failure.next("nothing was kept; check the secret, --kind and --base")),
    };
    if let Err(failure) = &stored {
        let rule = "the new credential was not kept; the connection is as it was before";
        keep.refuse(principal, &begun.key.connector, ATTEMPT, failure.code(), rule).await?;
    }
    stored
}

/// The same credential under the name for unproven ones.
fn trial(new: &NewConnection) -> Result<NewConnection, Failure> {
    let name = format!("{}{VERIFYING}", new.key.name);
    if is_for_verifying(&new.key.name) || name.len() > MAX_NAME_BYTES {
        let longest = MAX_NAME_BYTES - VERIFYING.len();
        let message = format!("a connection's name has at most {longest} bytes and does not end in {VERIFYING}");
        return Err(Failure::usage(message).next("choose another --connection NAME"));
    }
    Ok(NewConnection {
        key: ConnectionKey { name, ..new.key.clone() },
        secret: new.secret.clone(),
        kind: new.kind,
        granted_scopes: new.granted_scopes.clone(),
        base: new.base.clone(),
        account: None,
    })
}

/// An unproven secret in the vault. It goes when this is dropped.
struct Attempt {
    vault: Arc<Vault>,
    key: ConnectionKey,
    /// Of the row that this attempt wrote. Every write raises it.
    version: u64,
}

impl Attempt {
    /// Whether the row is still the one that this attempt wrote, and not that of another one at the same time.
    fn is_current(&self) -> bool {
        self.vault.resolve(&self.key).is_ok_and(|resolved| resolved.connection.version == self.version)
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if self.is_current()
            && let Err(error) = self.vault.disconnect(&self.key)
        {
            tracing::warn!(code = error.code(), %error, "an unproven credential stays under {:?}", self.key.name);
        }
    }
}

/// Asks the upstream whose credential it is.
async fn verify(
    host: &Host,
    principal: &Principal,
    attempt: &Attempt,
    account_email: Option<String>,
) -> Result<Account, Failure> {
    let key = &attempt.key;
    let account = match (host.identify(principal, &key.connector, &key.name).await, account_email) {
        (Ok(account), email) => acting(account, email),
        // The upstream took the key and knows no person behind it: an account's key. Whoever stores it says
        // who acts. A key that is not accepted, or an upstream that is not there, is no such thing.
        (Err(CallError::Tool { error, .. }), Some(email)) if knows_no_person(&error) => {
            Account { id: email.clone(), name: "account-level key".to_owned(), email: Some(email), time_zone: None }
        }
        (Err(error), _) => return Err(call::failure(&error, principal)),
    };
    if !attempt.is_current() {
        // The answer may be about another attempt's secret.
        let message = "another `credential add` for the same connection runs at the same time";
        return Err(Failure::new(Exit::Unavailable, "concurrent_attempt", message));
    }
    Ok(account)
}

/// The account that calls act under. What the operator said goes before what the connector says: the address is
/// sent to the upstream as the one who acts.
fn acting(account: Account, account_email: Option<String>) -> Account {
    Account { email: account_email.or(account.email), ..account }
}

/// Makes a proven credential the one that calls use, and records it; puts back what was there before if it
/// cannot be recorded.
async fn put(keep: &Keep, principal: &Principal, new: NewConnection) -> Result<Connection, Failure> {
    let key = new.key.clone();
    let before = keep.vault.resolve(&key).ok();
    let connection = keep.vault.connect(new).map_err(|error| vault_failure(&error))?;
    let details = json!({
        "connector": key.connector, "name": key.name, "version": connection.version, "kind": connection.kind,
        "base": connection.base, "account": connection.account.as_ref().map(|account| &account.id),
    });
    let recorded = keep.record(EventKind::ConnectionAdded, Some(principal), connection.id.as_str(), details).await;
    if let Err(failure) = recorded {
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
        return Err(failure);
    }
    Ok(connection)
}

/// Whether `identify` came as far as the upstream, with a credential that it takes, and found nobody.
fn knows_no_person(error: &ToolError) -> bool {
    matches!(
        error,
        ToolError::InvalidArguments(_) | ToolError::NotFound(_) | ToolError::Forbidden(_) | ToolError::Other(_)
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what failed by panicking")]
    use super::*;
    use secrecy::{ExposeSecret, SecretString};
    use toolkeep_audit::{Query, RecordKind};
    use toolkeep_vault::{CredentialKind, VaultError};

    fn new(name: &str, secret: &str) -> NewConnection {
        let (tenant, user) = ("acme".parse().unwrap(), "kim".parse().unwrap());
        NewConnection {
            key: ConnectionKey { tenant, user, connector: "nobody".to_owned(), name: name.to_owned() },
            secret: SecretString::from(secret),
            kind: CredentialKind::ApiKey,
            granted_scopes: None,
            base: None,
            account: None,
        }
    }

    #[test]
    fn an_account_key_is_one_that_the_upstream_takes() {
        assert!(knows_no_person(&ToolError::Forbidden("no user".to_owned())));
        assert!(!knows_no_person(&ToolError::Unauthenticated("401".to_owned())));
        assert!(!knows_no_person(&ToolError::Unavailable("down".to_owned())));
        assert!(!knows_no_person(&ToolError::RateLimited { retry_after_s: None }));
    }

    #[test]
    fn the_operators_word_goes_before_the_connectors() {
        let told = |email: Option<&str>| Account {
            id: "P1".to_owned(),
            name: "Kim".to_owned(),
            email: email.map(str::to_owned),
            time_zone: None,
        };
        let given = || Some("kim@acme.example".to_owned());
        assert_eq!(acting(told(Some("chief@acme.example")), given()).email, given());
        assert_eq!(acting(told(None), given()).email, given());
        assert_eq!(acting(told(Some("kim@acme.example")), None).email, given());
    }

    #[tokio::test]
    async fn a_secret_that_is_not_proved_leaves_nothing_but_a_record() {
        let keep = Keep::in_memory(None).unwrap();
        let principal = Principal::new("acme".parse().unwrap(), "kim".parse().unwrap());
        // No connector is loaded, so nothing can be proved.
        let host = Host::builder(Arc::clone(&keep.vault), keep.audit.clone()).build().unwrap();
        keep.vault.connect(new("default", "the good one")).unwrap();
        let failure = store(&keep, &host, &principal, new("default", "the wrong one"), None).await.unwrap_err();
        assert_eq!(failure.code(), "unknown_connector");

        let live = keep.vault.resolve(&new("default", "").key).unwrap();
        assert_eq!(live.secret.expose_secret(), "the good one");
        assert_eq!(live.connection.version, 1, "the live connection was not written");
        let left = keep.vault.resolve(&new("default.verifying", "").key);
        assert!(matches!(left, Err(VaultError::NotActive { .. })), "the unproven secret is gone");
        let query = Query { kind: Some(RecordKind::Refusal), ..Query::default() };
        let refusals = keep.audit.records(&query).unwrap();
        assert_eq!(refusals.last().unwrap().content["tool"], ATTEMPT);
        assert_eq!(refusals.last().unwrap().content["user"], "kim");
    }

    #[test]
    fn an_attempt_ends_its_own_secret_and_no_other() {
        let vault = Arc::new(Vault::in_memory().unwrap());
        let begin = || {
            let trial = trial(&new("default", "some secret")).unwrap();
            let key = trial.key.clone();
            let version = vault.connect(trial).unwrap().version;
            Attempt { vault: Arc::clone(&vault), key, version }
        };
        let first = begin();
        let second = begin();
        assert!(!first.is_current() && second.is_current());
        drop(first);
        assert!(second.is_current(), "the later attempt goes on");
        let key = second.key.clone();
        drop(second);
        assert!(vault.resolve(&key).is_err());
    }

    #[test]
    fn names_for_unproven_secrets_are_reserved() {
        assert!(trial(&new("default.verifying", "some secret")).is_err());
        assert!(trial(&new(&"x".repeat(MAX_NAME_BYTES - 5), "some secret")).is_err());
        assert!(is_for_verifying(&trial(&new("default", "some secret")).unwrap().key.name));
    }
}

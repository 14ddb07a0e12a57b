//! A connection that ends while a call runs: what was sent was sent, and nothing more is.

use std::sync::{Arc, OnceLock};

use secrecy::SecretString;
use serde_json::json;
use toolkeep_host::Limits;
use toolkeep_tests::api_key_canary;
use toolkeep_vault::{ConnectionKey, CredentialKind, NewConnection, Vault};

use crate::egress::misbehaving;
use crate::upstreams::{Upstream, json as json_answer};

/// An upstream that does something to the vault when it is first asked.
async fn upstream(
    first: impl Fn(&Vault, &ConnectionKey) + Send + Sync + 'static,
) -> (Upstream, Arc<OnceLock<(Arc<Vault>, ConnectionKey)>>) {
    let vault: Arc<OnceLock<(Arc<Vault>, ConnectionKey)>> = Arc::default();
    let its_vault = Arc::clone(&vault);
    let done = OnceLock::new();
    let upstream = Upstream::start(move |_| {
        let (vault, key) = its_vault.get().unwrap();
        done.get_or_init(|| first(vault, key));
        json_answer("{\"id\":1}")
    })
    .await;
    (upstream, vault)
}

#[tokio::test]
async fn a_call_is_cut_at_its_next_request_when_the_user_disconnects() {
    let (upstream, vault) = upstream(|vault, key| assert!(vault.disconnect(key).unwrap())).await;
    let stage = misbehaving("disconnects", &upstream, Limits::default()).await;
    let key = ConnectionKey::new(stage.kim.tenant.clone(), stage.kim.user.clone(), "misbehaves");
    vault.set((Arc::clone(stage.host.vault()), key)).ok().unwrap();
    let error = stage.call("misbehaves_do", json!({ "how": "many_requests" })).await.unwrap_err();
    assert_eq!(error.code(), "connection_ended", "{error}");
    assert!(error.public_message().contains("Connect your account again"), "{}", error.public_message());
    assert_eq!(upstream.count(), 1, "the request that was under way, and no other");
    let record = stage.records().unwrap();
    assert!(format!("{record:?}").contains("connection_ended"), "the record says why");
    let next = stage.call("misbehaves_do", json!({ "how": "thing", "with": "1" })).await.unwrap_err();
    assert_eq!(next.code(), "no_connection");
    assert_eq!(upstream.count(), 1);
}

#[tokio::test]
async fn a_call_does_not_go_on_with_a_credential_that_was_replaced() {
    let (upstream, vault) = upstream(|vault, key| {
        let new = NewConnection {
            key: key.clone(),
            secret: SecretString::from(api_key_canary("replacing")),
            kind: CredentialKind::ApiKey,
            granted_scopes: None,
            base: vault.connection(key).unwrap().base,
            account: None,
        };
        vault.connect(new).unwrap();
    })
    .await;
    let stage = misbehaving("replaced", &upstream, Limits::default()).await;
    let key = ConnectionKey::new(stage.kim.tenant.clone(), stage.kim.user.clone(), "misbehaves");
    vault.set((Arc::clone(stage.host.vault()), key)).ok().unwrap();
    let error = stage.call("misbehaves_do", json!({ "how": "many_requests" })).await.unwrap_err();
    assert_eq!(error.code(), "connection_ended", "{error}");
    assert_eq!(upstream.count(), 1);
    // The next call is made with the new one.
    stage.structured("misbehaves_do", json!({ "how": "thing", "with": "1" })).await.unwrap();
    let asked = upstream.asked.lock().unwrap().pop().unwrap();
    assert_eq!(asked.headers["x-api-key"].to_str().unwrap(), api_key_canary("replacing"));
}

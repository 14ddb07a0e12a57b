//! Names: whatever a resolver says is checked, and what was checked is what is dialled.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use serde_json::json;
use toolkeep_host::{Limits, Lookup, Resolver};
use toolkeep_tests::{Stage, api_key_canary, guest};
use toolkeep_vault::{CredentialKind, NewConnection};

use crate::raw_answers::error_codes;
use crate::upstreams::{Upstream, json as json_answer};

/// Gives one answer after the other, the last of them for good.
pub(crate) struct Says(Mutex<Vec<Vec<IpAddr>>>);

impl Says {
    pub(crate) fn new(answers: &[&[&str]]) -> Arc<Self> {
        let answers = answers.iter().map(|answer| answer.iter().map(|text| text.parse().unwrap()).collect());
        Arc::new(Self(Mutex::new(answers.rev().collect())))
    }

    fn left(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

impl Resolver for Says {
    fn resolve<'a>(&'a self, _: &'a str) -> Lookup<'a> {
        let mut answers = self.0.lock().unwrap();
        let answer = if answers.len() > 1 { answers.pop() } else { answers.last().cloned() };
        Box::pin(std::future::ready(Ok(answer.unwrap())))
    }
}

/// A stage on which the connector's declared public name is what `resolver` says.
async fn public(name: &str, resolver: Arc<dyn Resolver>) -> Stage {
    let mut limits = Limits::default();
    limits.connect_ms = 200;
    let stage = Stage::configured("http://127.0.0.1:1", limits, |builder| Ok(builder.resolver(resolver))).unwrap();
    let connection = NewConnection {
        key: stage.key("misbehaves"),
        secret: api_key_canary(name).into(),
        kind: CredentialKind::ApiKey,
        granted_scopes: None,
        base: None,
        account: None,
    };
    stage.host.vault().connect(connection).unwrap();
    stage.host.load(&guest("misbehaves").unwrap()).await.unwrap();
    stage
}

#[tokio::test]
async fn a_public_name_with_any_address_that_is_not_is_not_dialled() {
    for answer in [
        &["127.0.0.1"][..],
        &["10.1.2.3"],
        &["169.254.169.254"],
        &["::ffff:127.0.0.1"],
        &["64:ff9b::7f00:1"],
        &["fd00::1"],
        // One good address does not make up for a bad one, wherever it stands.
        &["8.8.8.8", "127.0.0.1"],
        &["127.0.0.1", "8.8.8.8"],
    ] {
        let stage = public("private", Says::new(&[answer])).await;
        let refused = stage.call("misbehaves_do", json!({ "how": "thing", "with": "1" })).await.unwrap_err();
        assert_eq!(refused.code(), "address_not_public", "{answer:?}");
        assert_eq!(error_codes(&stage), ["address_not_public"]);
        let request = stage.records().unwrap().pop().unwrap().content["requests"][0].clone();
        assert_eq!(request["decision"], "refused", "{request}");
    }
}

#[tokio::test]
async fn a_name_without_an_address_is_said_to_have_none() {
    let many = vec!["8.8.8.8"; 65];
    for (answer, code) in [(&[][..], "name_not_resolved"), (&many, "lookup_too_large")] {
        let stage = public("nowhere", Says::new(&[answer])).await;
        stage.call("misbehaves_do", json!({ "how": "thing", "with": "1" })).await.unwrap_err();
        assert_eq!(error_codes(&stage), [code]);
    }
}

#[tokio::test]
async fn a_look_up_that_never_ends_does() {
    struct Never;
    impl Resolver for Never {
        fn resolve<'a>(&'a self, _: &'a str) -> Lookup<'a> {
            Box::pin(std::future::pending())
        }
    }
    let stage = public("never", Arc::new(Never)).await;
    stage.call("misbehaves_do", json!({ "how": "thing", "with": "1" })).await.unwrap_err();
    assert_eq!(error_codes(&stage), ["lookup_timeout"]);
}

#[tokio::test]
async fn a_name_is_looked_up_once_for_a_connection() {
    // The first answer is checked and dialled; a second look-up would find an address that nobody may dial.
    let upstream = Upstream::start(|_| json_answer("{\"id\":1}")).await;
    let port = upstream.base.rsplit(':').next().unwrap();
    let base = format!("http://localhost:{port}");
    let says = Says::new(&[&["127.0.0.1"], &["192.0.2.1"]]);
    let resolver: Arc<dyn Resolver> = says.clone();
    let mut stage = Stage::configured(&base, Limits::default(), |builder| Ok(builder.resolver(resolver))).unwrap();
    stage.connect("misbehaves", &api_key_canary("once"), CredentialKind::ApiKey, None, &base).unwrap();
    stage.host.load(&guest("misbehaves").unwrap()).await.unwrap();
    stage.structured("misbehaves_do", json!({ "how": "thing", "with": "1" })).await.unwrap();
    assert_eq!((upstream.count(), says.left()), (1, 1));
}

#[tokio::test]
async fn a_loopback_base_without_tls_is_not_led_off_the_machine() {
    let says = Says::new(&[&["127.0.0.1", "8.8.8.8"]]);
    let base = "http://localhost:9";
    let mut stage = Stage::configured(base, Limits::default(), |builder| Ok(builder.resolver(says))).unwrap();
    stage.connect("misbehaves", &api_key_canary("led"), CredentialKind::ApiKey, None, base).unwrap();
    stage.host.load(&guest("misbehaves").unwrap()).await.unwrap();
    let refused = stage.call("misbehaves_do", json!({ "how": "thing", "with": "1" })).await.unwrap_err();
    assert_eq!(refused.code(), "address_not_public");
}

//! The canary: whatever an upstream sends back, in whatever form, the credential reaches nobody.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use pagerduty_simulator::TokenKind;
use serde_json::json;
use toolkeep_host::{CallError, Limits};
use toolkeep_tests::Company;

use crate::egress::misbehaving;
use crate::upstreams::Upstream;

/// Every form that a search of outputs looks for.
fn forms(canary: &str) -> Vec<String> {
    let mut forms =
        vec![canary.to_owned(), canary.replace('+', "%2B"), canary.replace('+', "\\u002b"), hex::encode(canary)];
    // Inner characters of the base64 text at each alignment: what a search can rely on.
    for offset in 0..3 {
        let text = STANDARD.encode(format!("{}{canary}", &"abc"[..offset]));
        forms.push(text[4..text.len() - 4].to_owned());
    }
    forms
}

fn holds(haystack: &[u8], canary: &str) -> Option<String> {
    forms(canary).into_iter().find(|form| haystack.windows(form.len()).any(|window| window == form.as_bytes()))
}

#[tokio::test]
async fn an_echo_in_any_form_is_dropped_and_the_call_fails() {
    // The header carries the form to use, so that one upstream serves all cases.
    let upstream = Upstream::start(|parts| {
        let key = parts.headers["x-api-key"].to_str().unwrap().to_owned();
        let (place, form) = parts
            .uri
            .path()
            .trim_start_matches("/things/")
            .split_once('-')
            .map(|(p, f)| (p.to_owned(), f.to_owned()))
            .unwrap();
        let encoded = match form.as_str() {
            "raw" => key.clone(),
            "hex" => hex::encode(&key),
            "hexupper" => hex::encode_upper(&key),
            "base64" => STANDARD.encode(&key),
            "base64a" => STANDARD.encode(format!("a{key}")),
            "base64ab" => URL_SAFE.encode(format!("ab{key}cd")),
            "percent" => key.bytes().map(|byte| format!("%{byte:02x}")).collect(),
            "json" => key.bytes().map(|byte| format!("\\u{byte:04x}")).collect(),
            _ => String::new(),
        };
        let response = axum::response::Response::builder().header("content-type", "application/json");
        match place.as_str() {
            "header" => response.header("etag", encoded).body("{}".into()).unwrap(),
            "hidden" => response.header("x-debug", encoded).body("{}".into()).unwrap(),
            "status" => response.status(500).body(encoded.into()).unwrap(),
            "chunks" => {
                // One byte a chunk: no piece holds it.
                let text = format!("{{\"echo\":\"{encoded}\"}}");
                let chunks = text.into_bytes().into_iter().map(|byte| Ok::<_, std::convert::Infallible>(vec![byte]));
                response.body(axum::body::Body::from_stream(Chunks(chunks.collect::<Vec<_>>().into_iter()))).unwrap()
            }
            _ => response.body(format!("{{\"echo\":\"{encoded}\"}}").into()).unwrap(),
        }
    })
    .await;
    let stage = misbehaving("echo", &upstream, Limits::default()).await;
    for place in ["body", "header", "hidden", "status", "chunks"] {
        for form in ["raw", "hex", "hexupper", "base64", "base64a", "base64ab", "percent", "json"] {
            let with = format!("https://fixture.example/things/{place}-{form}");
            let error = stage.call("misbehaves_do", json!({ "how": "get", "with": with })).await.unwrap_err();
            assert!(matches!(error, CallError::CredentialReflected { .. }), "{place} {form}: {error}");
            let said = format!("{error} {error:?} {} {:?}", error.public_message(), error.details());
            assert_eq!(holds(said.as_bytes(), &stage.canary), None, "{place} {form}");
        }
    }
    let recorded = format!("{:?}", stage.records().unwrap());
    assert_eq!(holds(recorded.as_bytes(), &stage.canary), None);
    let shown = format!("{:?}", stage.exchanges.all());
    assert_eq!(holds(shown.as_bytes(), &stage.canary), None);
}

struct Chunks<I>(I);

impl<I: Iterator + Unpin> futures_core::Stream for Chunks<I> {
    type Item = I::Item;
    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<I::Item>> {
        std::task::Poll::Ready(self.0.next())
    }
}

#[tokio::test]
async fn an_encoded_answer_is_refused_unread() {
    let upstream = Upstream::start(|_| {
        axum::response::Response::builder().header("content-encoding", "gzip").body("whatever".into()).unwrap()
    })
    .await;
    let stage = misbehaving("encoded", &upstream, Limits::default()).await;
    let answer = stage
        .structured("misbehaves_do", json!({ "how": "get", "with": "https://fixture.example/things/1" }))
        .await
        .unwrap();
    assert!(answer["said"].as_str().unwrap().starts_with("failed"), "{answer}");
}

#[tokio::test]
async fn nothing_on_disk_or_in_an_answer_holds_either_shape_of_token() {
    for kind in [TokenKind::UserOAuth, TokenKind::UserApiKey] {
        let company = Company::open("disk", kind, None, Limits::default()).await.unwrap();
        let stage = &company.stage;
        let mut seen = String::new();
        for (tool, arguments) in [
            ("pagerduty_incidents_list", json!({ "status": "open" })),
            ("pagerduty_incident_get", json!({ "incident": "4201" })),
            ("pagerduty_incident_create", json!({ "title": "Canary", "service": "search-api" })),
            ("pagerduty_incident_resolve", json!({ "incident": "4198", "note": "done" })),
            ("pagerduty_services_list", json!({})),
            ("pagerduty_oncalls_list", json!({ "service": "payment-service" })),
        ] {
            seen.push_str(&stage.structured(tool, arguments).await.unwrap().to_string());
        }
        assert_eq!(holds(seen.as_bytes(), &stage.canary), None);
        for (path, bytes) in stage.disk().unwrap() {
            assert_eq!(holds(&bytes, &stage.canary), None, "{}", path.display());
        }
        let asked = company.simulator.requests();
        assert!(
            asked
                .iter()
                .any(|request| request.header("authorization").is_some_and(|value| value.contains(&stage.canary))),
            "it did go where it belongs"
        );
    }
}

//! The canary: whatever an upstream sends back, in whatever form, the credential reaches nobody.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use pagerduty_simulator::TokenKind;
use serde_json::json;
use toolkeep_audit::RecordKind;
use toolkeep_host::{CallError, Limits};
use toolkeep_tests::{Company, api_key_canary, oauth_canary};
use toolkeep_vault::CredentialKind;

use crate::egress::misbehaving;
use crate::upstreams::{Upstream, json as json_answer};

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

/// Every second character escaped.
fn every_second(text: &str, escape: impl Fn(u8) -> String) -> String {
    let one = |(at, byte): (usize, u8)| if at % 2 == 0 { escape(byte) } else { char::from(byte).to_string() };
    text.bytes().enumerate().map(one).collect()
}

/// The forms in which an upstream sends the credential back.
const ECHOES: [&str; 25] = [
    "raw",
    "upper",
    "lower",
    "reversed",
    "hex",
    "hexupper",
    "base64",
    "base64a",
    "base64ab",
    "base64lines",
    "percent",
    "percentupper",
    "percentsome",
    "json",
    "jsonupper",
    "jsonsome",
    "slash",
    "decimal",
    "decimalzeros",
    "hexentity",
    "named",
    "entitysome",
    "mixed",
    "utf16le",
    "utf16be",
];

fn echo(key: &str, form: &str) -> Vec<u8> {
    let each = |escape: &dyn Fn(u8) -> String| key.bytes().map(escape).collect::<String>();
    match form {
        "raw" => key.to_owned(),
        "upper" => key.to_uppercase(),
        "lower" => key.to_lowercase(),
        "reversed" => key.chars().rev().collect(),
        "hex" => hex::encode(key),
        "hexupper" => hex::encode_upper(key),
        "base64" => STANDARD.encode(key),
        "base64a" => STANDARD.encode(format!("a{key}")),
        "base64ab" => URL_SAFE.encode(format!("ab{key}cd")),
        "base64lines" => {
            let text = STANDARD.encode(format!("{}{key}", "x".repeat(41)));
            text.as_bytes()
                .chunks(64)
                .map(|line| String::from_utf8_lossy(line).into_owned())
                .collect::<Vec<_>>()
                .join("\n")
        }
        "percent" => each(&|byte| format!("%{byte:02x}")),
        "percentupper" => each(&|byte| format!("%{byte:02X}")),
        "percentsome" => every_second(key, |byte| format!("%{byte:02x}")),
        "json" => each(&|byte| format!("\\u{byte:04x}")),
        "jsonupper" => each(&|byte| format!("\\u{byte:04X}")),
        "jsonsome" => every_second(key, |byte| format!("\\u{byte:04x}")),
        "slash" => key.replace('_', "\\_").replace('+', "\\+"),
        "decimal" => each(&|byte| format!("&#{byte};")),
        "decimalzeros" => each(&|byte| format!("&#{byte:06};")),
        "hexentity" => each(&|byte| format!("&#x{byte:X};")),
        "named" => key.replace('_', "&lowbar;").replace('+', "&plus;"),
        "entitysome" => every_second(key, |byte| format!("&#{byte};")),
        "mixed" => {
            every_second(key, |byte| if byte % 2 == 0 { format!("%{byte:02X}") } else { format!("&#x{byte:x};") })
        }
        "utf16le" => return key.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        "utf16be" => return key.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        other => panic!("no form {other}"),
    }
    .into_bytes()
}

#[tokio::test]
async fn an_echo_in_any_form_is_dropped_and_the_call_fails() {
    // The path carries the form to use, so that one upstream serves all cases.
    let upstream = Upstream::start(|parts| {
        let key = parts.headers["x-api-key"].to_str().unwrap().to_owned();
        let (place, form) = parts.uri.path().trim_start_matches("/things/").split_once('-').unwrap();
        let encoded = echo(&key, form);
        let in_body = [b"{\"echo\":\"".as_slice(), &encoded, b"\"}"].concat();
        let response = axum::response::Response::builder().header("content-type", "application/json");
        let with_header = |name: &str| response_with_header(name, &encoded);
        match place {
            "header" => with_header("etag"),
            "hidden" => with_header("x-debug"),
            "location" => with_header("location"),
            "cookie" => with_header("set-cookie"),
            "status" => response.status(500).body(in_body.into()).unwrap(),
            "chunks" => {
                // One byte a chunk: no piece holds it.
                let chunks = in_body.into_iter().map(|byte| Ok::<_, std::convert::Infallible>(vec![byte]));
                response.body(axum::body::Body::from_stream(Chunks(chunks.collect::<Vec<_>>().into_iter()))).unwrap()
            }
            _ => response.body(in_body.into()).unwrap(),
        }
    })
    .await;
    for canary in [api_key_canary("echo"), oauth_canary("echo")] {
        let mut stage = misbehaving("echo", &upstream, Limits::default()).await;
        stage.connect("misbehaves", &canary, CredentialKind::ApiKey, None, &upstream.base).unwrap();
        for place in ["body", "header", "hidden", "location", "cookie", "status", "chunks"] {
            for form in ECHOES {
                // What a header cannot hold.
                if !matches!(place, "body" | "status" | "chunks")
                    && matches!(form, "base64lines" | "utf16le" | "utf16be")
                {
                    continue;
                }
                let with = format!("https://fixture.example/things/{place}-{form}");
                let error = stage.call("misbehaves_do", json!({ "how": "get", "with": with })).await.unwrap_err();
                assert!(matches!(error, CallError::CredentialReflected { .. }), "{place} {form}: {error}");
                let said = format!("{error} {error:?} {} {:?}", error.public_message(), error.details());
                assert_eq!(holds(said.as_bytes(), &stage.canary), None, "{place} {form}");
            }
        }
        let records = stage.records().unwrap();
        let outcomes = records.iter().filter(|record| record.kind == RecordKind::Outcome);
        for outcome in outcomes {
            let request = &outcome.content["requests"][0];
            assert_eq!(
                (&request["error"], &request["redactions"]),
                (&json!("credential_reflected"), &json!(1)),
                "{request}"
            );
        }
        assert_eq!(holds(format!("{records:?}").as_bytes(), &stage.canary), None);
        let shown: Vec<String> = stage
            .exchanges
            .all()
            .iter()
            .map(|seen| format!("{seen:?} {} {}", seen.asked, seen.sent.as_ref().unwrap()))
            .collect();
        assert_eq!(holds(shown.concat().as_bytes(), &stage.canary), None);
    }
}

fn response_with_header(name: &str, value: &[u8]) -> axum::response::Response {
    axum::response::Response::builder().header(name, value).body("{}".into()).unwrap()
}

#[tokio::test]
async fn a_view_of_a_request_can_be_logged_without_saying_what_was_asked() {
    let upstream = Upstream::start(|_| json_answer("{}")).await;
    let stage = misbehaving("views", &upstream, Limits::default()).await;
    let with = "https://fixture.example/things/1?about=a-private-matter";
    stage.structured("misbehaves_do", json!({ "how": "get", "with": with })).await.unwrap();
    let exchange = stage.exchanges.all().pop().unwrap();
    assert!(exchange.asked.to_string().contains("a-private-matter"), "shown, it is whole");
    let logged = format!("{exchange:?}");
    assert!(logged.contains("/things/1") && !logged.contains("a-private-matter"), "{logged}");
    assert!(logged.contains("x-api-key") && !logged.contains("application/json"), "{logged}");
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

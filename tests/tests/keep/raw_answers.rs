//! Answers as no proper server gives them, byte for byte: what is not plain HTTP with all of the answer in it is
//! refused, and the credential is found wherever in it it stands.

use std::sync::Arc;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use toolkeep_audit::RecordKind;
use toolkeep_host::{CallError, Limits};
use toolkeep_tests::{Stage, api_key_canary, guest};
use toolkeep_vault::CredentialKind;

/// What comes after the bytes of an answer.
#[derive(Clone, Copy, PartialEq)]
enum Then {
    /// The connection is closed.
    Close,
    /// Nothing, for good.
    Silence,
}

/// A server on loopback that writes the bytes it is told to. It sees the head of the request.
struct Raw {
    base: String,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Raw {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Raw {
    async fn start(then: Then, answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let answer = Arc::new(answer);
        let task = tokio::spawn(async move {
            loop {
                let (mut connection, _) = listener.accept().await.unwrap();
                let answer = Arc::clone(&answer);
                tokio::spawn(async move {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        match connection.read_u8().await {
                            Ok(byte) => head.push(byte),
                            Err(_) => return,
                        }
                    }
                    // The host may have turned away before all of it is written.
                    let _ = connection.write_all(&answer(&String::from_utf8_lossy(&head))).await;
                    if then == Then::Silence {
                        std::future::pending::<()>().await;
                    }
                    let _ = connection.shutdown().await;
                });
            }
        });
        Self { base, task }
    }
}

/// A stage with the misbehaving guest in front of `base`.
async fn misbehaving(name: &str, base: &str) -> Stage {
    let mut stage = Stage::new(base, Limits::default()).unwrap();
    stage.connect("misbehaves", &api_key_canary(name), CredentialKind::ApiKey, None, base).unwrap();
    stage.host.load(&guest("misbehaves").unwrap()).await.unwrap();
    stage
}

/// The codes of all upstream requests that gave no answer, as they are on record.
pub(crate) fn error_codes(stage: &Stage) -> Vec<String> {
    let records = stage.records().unwrap();
    let outcomes = records.iter().filter(|record| record.kind == RecordKind::Outcome);
    let requests = outcomes.flat_map(|outcome| outcome.content["requests"].as_array().cloned().unwrap_or_default());
    requests.filter_map(|request| request["error"].as_str().map(ToOwned::to_owned)).collect()
}

async fn get(stage: &Stage) -> Result<String, CallError> {
    let with = "https://fixture.example/things/1";
    let answer = stage.call("misbehaves_do", json!({ "how": "get", "with": with })).await?;
    Ok(answer.structured.unwrap().get().to_owned())
}

#[tokio::test]
async fn an_answer_in_another_shape_than_asked_for_is_refused_and_recorded() {
    let header_flood = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x-flood: y\r\n".repeat(150));
    let header_bulk = format!("HTTP/1.1 200 OK\r\nx-bulk: {}\r\n\r\n", "y".repeat(200 << 10));
    let cases: &[(&str, &str)] = &[
        ("HTTP/1.1 206 Partial Content\r\ncontent-length: 2\r\n\r\n{}", "response_partial"),
        ("HTTP/1.1 200 OK\r\ncontent-range: bytes 0-1/9\r\ncontent-length: 2\r\n\r\n{}", "response_partial"),
        (
            "HTTP/1.1 200 OK\r\ncontent-type: multipart/byteranges; boundary=b\r\ncontent-length: 2\r\n\r\n{}",
            "response_partial",
        ),
        ("HTTP/1.1 200 OK\r\ncontent-encoding: br\r\ncontent-length: 2\r\n\r\n{}", "response_encoding"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "response_framing"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: identity\r\n\r\n{}", "response_framing"),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
            "response_framing",
        ),
        ("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", "response_status"),
        ("HTTP/1.1 600 More\r\ncontent-length: 2\r\n\r\n{}", "response_status"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 200\r\n\r\n{}", "response_incomplete"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n5\r\nab", "response_incomplete"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n", "response_incomplete"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}", "response_malformed"),
        ("HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "response_malformed"),
        ("SSH-2.0-OpenSSH_9.9\r\n", "response_malformed"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "response_malformed"),
        ("HTTP/1.1 200 OK\r\nx-fold: a\r\n b\r\ncontent-length: 2\r\n\r\n{}", "response_malformed"),
        (&header_flood, "response_headers"),
        (&header_bulk, "response_headers"),
        ("", "response_incomplete"),
        ("HTTP/1.1 200 OK\r\ncontent-le", "response_incomplete"),
    ];
    for (bytes, code) in cases {
        let answer = (*bytes).to_owned();
        let raw = Raw::start(Then::Close, move |_| answer.clone().into_bytes()).await;
        let stage = misbehaving("shape", &raw.base).await;
        let said = get(&stage).await.unwrap();
        assert!(said.contains("failed"), "{bytes:.60}: {said}");
        assert_eq!(error_codes(&stage), [*code], "{bytes:.60}");
    }
}

#[tokio::test]
async fn the_credential_is_found_in_every_part_of_an_answer() {
    type Answer = fn(&str) -> String;
    let cases: [(&str, Answer); 8] = [
        ("reason phrase", |key| format!("HTTP/1.1 200 {key}\r\ncontent-length: 2\r\n\r\n{{}}")),
        ("escaped reason phrase", |key| {
            let key: String = key.bytes().map(|byte| format!("%{byte:02x}")).collect();
            format!("HTTP/1.1 418 I am {key}\r\ncontent-length: 2\r\n\r\n{{}}")
        }),
        ("header name", |key| format!("HTTP/1.1 200 OK\r\n{key}: x\r\ncontent-length: 2\r\n\r\n{{}}")),
        ("trailer value", |key| {
            format!(
                "HTTP/1.1 200 OK\r\ntrailer: x-t\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\nx-t: {key}\r\n\r\n"
            )
        }),
        ("trailer name", |key| {
            format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n{key}: x\r\n\r\n")
        }),
        ("head of a part", |key| format!("HTTP/1.1 206 Partial Content\r\nx: {key}\r\ncontent-length: 2\r\n\r\n{{}}")),
        ("body that is cut off", |key| format!("HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{{\"a\":\"{key}\"")),
        ("chunks of one byte", |key| {
            let chunks: String = key.chars().map(|one| format!("1\r\n{one}\r\n")).collect();
            format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{chunks}0\r\n\r\n")
        }),
    ];
    for (place, answer) in cases {
        let raw = Raw::start(Then::Close, move |head| answer(key_in(head)).into_bytes()).await;
        let stage = misbehaving("places", &raw.base).await;
        let error = get(&stage).await.unwrap_err();
        assert!(matches!(error, CallError::CredentialReflected { .. }), "{place}: {error}");
        assert_eq!(error_codes(&stage), ["credential_reflected"], "{place}");
    }
}

fn key_in(head: &str) -> &str {
    head.split("\r\n").find_map(|line| line.strip_prefix("x-api-key: ")).unwrap()
}

#[tokio::test]
async fn a_hit_stops_the_reading() {
    // The rest of the body never comes: whoever waited for it would find a time-out instead.
    let raw = Raw::start(Then::Silence, |head| {
        format!("HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n{{\"a\":\"{}\"", key_in(head)).into_bytes()
    })
    .await;
    let stage = misbehaving("stop", &raw.base).await;
    let error = get(&stage).await.unwrap_err();
    assert!(matches!(error, CallError::CredentialReflected { .. }), "{error}");
}

#[tokio::test]
async fn trailers_interim_answers_and_fields_for_the_connection_are_not_shown() {
    let raw = Raw::start(Then::Close, |head| {
        let key = key_in(head);
        [
            // Interim answers are passed over unread, so what they hold goes nowhere.
            format!("HTTP/1.1 100 Continue\r\nx-key: {key}\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: {key}\r\n\r\n"),
            "HTTP/1.1 200 OK\r\nconnection: close, etag\r\netag: for-the-connection\r\ncontent-type: text/plain\r\n"
                .to_owned(),
            "transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nx-trailing: field\r\netag: later\r\n\r\n".to_owned(),
        ]
        .concat()
        .into_bytes()
    })
    .await;
    let stage = misbehaving("unshown", &raw.base).await;
    let said = get(&stage).await.unwrap();
    assert!(said.contains(r#""answered: 200\ncontent-type: text/plain\n\n{}""#), "{said}");
    assert!(!said.contains("trailing") && !said.contains("etag") && !said.contains(&stage.canary), "{said}");
}

#[tokio::test]
async fn an_answer_that_the_next_request_did_not_ask_for_is_not_its_answer() {
    // Two answers to one request: the second must not become the answer to the next one.
    let raw = Raw::start(Then::Silence, |_| {
        let one = "HTTP/1.1 200 OK\r\ncontent-type: text/first\r\ncontent-length: 2\r\n\r\n{}";
        [one, &one.replace("first", "smuggled")].concat().into_bytes()
    })
    .await;
    let stage = misbehaving("smuggled", &raw.base).await;
    for _ in 0..3 {
        let said = get(&stage).await.unwrap();
        assert!(!said.contains("smuggled"), "{said}");
    }
}

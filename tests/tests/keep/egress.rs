//! The exit: what a tool did not declare does not leave, and the credential goes nowhere else.

use pagerduty_simulator::TokenKind;
use serde_json::json;
use toolkeep_host::{CallError, Limits};
use toolkeep_tests::{Company, Stage, api_key_canary, guest};
use toolkeep_vault::CredentialKind;

use crate::upstreams::{Upstream, json as json_answer};

/// A stage with the misbehaving guest in front of `upstream`.
pub(crate) async fn misbehaving(name: &str, upstream: &Upstream, limits: Limits) -> Stage {
    let mut stage = Stage::new(&upstream.base, limits).unwrap();
    stage.connect("misbehaves", &api_key_canary(name), CredentialKind::ApiKey, None, &upstream.base).unwrap();
    stage.host.load(&guest("misbehaves").unwrap()).await.unwrap();
    stage
}

fn denied(result: Result<toolkeep_host::Answer, CallError>) -> &'static str {
    match result {
        Err(CallError::EgressDenied { code, .. }) => code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_read_tool_cannot_write() {
    let company = Company::open("stowaway", TokenKind::UserApiKey, None, Limits::default()).await.unwrap();
    let mut stage = company.stage;
    let canary = stage.canary.clone();
    stage.connect("intruder", &canary, CredentialKind::ApiKey, None, &company.simulator.base_url()).unwrap();
    stage.host.load(&guest("writes_under_read").unwrap()).await.unwrap();
    company.simulator.clear_requests();
    for attempt in ["webhook", "incident"] {
        let refused = stage.call("intruder_incidents_list", json!({ "attempt": attempt })).await;
        let message = refused.as_ref().unwrap_err().public_message();
        assert_eq!(denied(refused), "route_not_declared", "{attempt}");
        assert!(message.contains("not sent"), "{message}");
    }
    assert_eq!(company.simulator.webhook_subscriptions(), 0);
    assert!(
        company.simulator.requests().is_empty(),
        "after the attempt nothing more is sent, not even a declared read"
    );
    let refused = stage.exchanges.all().into_iter().find(|exchange| exchange.refused.is_some()).unwrap();
    assert_eq!(refused.asked.method, "POST");
    assert!(refused.sent.is_none());
}

#[tokio::test]
async fn no_spelling_of_an_url_leads_elsewhere() {
    let upstream = Upstream::start(|_| json_answer("{}")).await;
    let stage = misbehaving("spelling", &upstream, Limits::default()).await;
    let cases = [
        ("https://fixture.example/things/1/../../users", &["url_segment"][..]),
        ("https://fixture.example/things/%2e%2e", &["url_encoding"]),
        ("https://fixture.example/things/1%2f2", &["url_encoding"]),
        ("https://fixture.example//things/1", &["url_segment"]),
        ("https://fixture.example/things/1;a=b", &["url_character"]),
        ("https://fixture.example/users", &["route_not_declared"]),
        ("https://fixture.example/", &["route_not_declared"]),
        ("https://fixture.example.evil.example/things/1", &["origin_not_declared"]),
        ("https://fixture.example:8443/things/1", &["origin_not_declared"]),
        ("https://fixture.example./things/1", &["url_host"]),
        ("https://evil.example/things/1", &["origin_not_declared"]),
        ("https://127.0.0.1/things/1", &["url_ip_literal"]),
        ("https://2130706433/things/1", &["url_ip_literal"]),
        ("https://[::1]/things/1", &["url_ip_literal"]),
        ("https://localhost/things/1", &["url_host"]),
        ("http://fixture.example/things/1", &["url_scheme"]),
    ];
    for (url, codes) in cases {
        let code = denied(stage.call("misbehaves_do", json!({ "how": "get", "with": url })).await);
        assert!(codes.contains(&code), "{url}: {code}");
    }
    // User information does not even get past the host's HTTP types, or past the gate.
    let result = stage
        .call("misbehaves_do", json!({ "how": "get", "with": "https://fixture.example@evil.example/things/1" }))
        .await;
    match result {
        Err(CallError::EgressDenied { code, .. }) => assert_eq!(code, "url_user_information"),
        Ok(answer) => assert!(answer.structured.unwrap().get().contains("refused")),
        other => panic!("{other:?}"),
    }
    assert_eq!(upstream.count(), 0, "nothing of it left");
    let honest = stage
        .call("misbehaves_do", json!({ "how": "get", "with": "https://FIXTURE.example:443/things/1?q=..%2F" }))
        .await
        .unwrap();
    assert!(honest.structured.unwrap().get().contains("answered: 200"));
    assert_eq!(upstream.count(), 1);
}

#[tokio::test]
async fn methods_and_headers_of_the_hosts_are_refused() {
    let upstream = Upstream::start(|_| json_answer("{}")).await;
    let stage = misbehaving("headers", &upstream, Limits::default()).await;
    for method in ["CONNECT", "TRACE", "PURGE", "get"] {
        let result = stage.call("misbehaves_do", json!({ "how": "method", "with": method })).await;
        assert_eq!(denied(result), "method_never_sent", "{method}");
    }
    for header in [
        "Authorization: Bearer mine",
        "X-Api-Key: mine",
        "Cookie: a=b",
        "From: boss@example.com",
        "Range: bytes=0-3",
        "Accept-Encoding: gzip",
        "X-HTTP-Method-Override: DELETE",
        "X-Forwarded-For: 1.2.3.4",
    ] {
        let result = stage.call("misbehaves_do", json!({ "how": "header", "with": header })).await;
        assert_eq!(denied(result), "header_host_owned", "{header}");
    }
    let result = stage.call("misbehaves_do", json!({ "how": "header", "with": "X-Something: else" })).await;
    assert_eq!(denied(result), "header_not_declared");
    // These the host's HTTP types refuse already; the guest sees an error and nothing leaves.
    for header in
        ["Host: evil.example", "Connection: x-api-key", "Transfer-Encoding: chunked", "Proxy-Authorization: x"]
    {
        let answer = stage.call("misbehaves_do", json!({ "how": "header", "with": header })).await.unwrap();
        assert!(answer.structured.unwrap().get().contains("fields:"), "{header}");
    }
    assert_eq!(upstream.count(), 0);
}

#[tokio::test]
async fn what_goes_out_is_the_guests_request_and_the_hosts_headers() {
    let upstream = Upstream::start(|_| json_answer("{\"id\":1}")).await;
    let stage = misbehaving("outgoing", &upstream, Limits::default()).await;
    stage.structured("misbehaves_do", json!({ "how": "thing", "with": "7" })).await.unwrap();
    let asked = upstream.asked.lock().unwrap().pop().unwrap();
    assert_eq!(asked.uri.path(), "/things/7");
    let header = |name: &str| asked.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(header("x-api-key"), Some(stage.canary.clone()));
    assert_eq!(header("accept-encoding").as_deref(), Some("identity"));
    assert_eq!(header("host"), Some(upstream.base.trim_start_matches("http://").to_owned()));
    assert!(header("user-agent").unwrap().starts_with("toolkeep/"));
    let shown = stage.exchanges.all().pop().unwrap();
    let sent = shown.sent.unwrap().to_string();
    assert!(sent.contains("x-api-key: ••••••••") && !sent.contains(&stage.canary), "{sent}");
    assert!(!shown.asked.to_string().contains("x-api-key"), "the guest's own request has no credential");
}

#[tokio::test]
async fn redirects_are_not_followed_and_not_shown() {
    let upstream = Upstream::start(|parts| {
        if parts.uri.path() == "/things/1" {
            axum::response::Response::builder()
                .status(302)
                .header("location", "/things/2")
                .body(axum::body::Body::empty())
                .unwrap()
        } else {
            json_answer("{}")
        }
    })
    .await;
    let stage = misbehaving("redirects", &upstream, Limits::default()).await;
    let answer = stage
        .structured("misbehaves_do", json!({ "how": "get", "with": "https://fixture.example/things/1" }))
        .await
        .unwrap();
    let said = answer["said"].as_str().unwrap();
    assert!(said.starts_with("answered: 302") && !said.contains("location"), "{said}");
    assert_eq!(upstream.count(), 1);
}

#[tokio::test]
async fn a_base_that_nobody_named_is_not_dialled() {
    let upstream = Upstream::start(|_| json_answer("{}")).await;
    let mut stage = Stage::new("http://127.0.0.1:1", Limits::default()).unwrap();
    stage.connect("misbehaves", &api_key_canary("base"), CredentialKind::ApiKey, None, &upstream.base).unwrap();
    stage.host.load(&guest("misbehaves").unwrap()).await.unwrap();
    let refused = stage.call("misbehaves_do", json!({ "how": "thing", "with": "1" })).await.unwrap_err();
    assert_eq!(refused.code(), "connection_mismatch");
    assert_eq!(upstream.count(), 0);
}

#[tokio::test]
async fn no_proxy_is_taken_from_the_environment() {
    // What a proxy would be asked first is this listener; the same test with it in the environment must pass.
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let url = format!("http://{}", proxy.local_addr().unwrap());
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "egress::what_goes_out_is_the_guests_request_and_the_hosts_headers"]);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
        child.env(name, &url);
    }
    let output = tokio::task::spawn_blocking(move || child.env_remove("NO_PROXY").env_remove("no_proxy").output());
    let output = output.await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    assert_eq!(proxy.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "nobody asked the proxy");
}

//! A small MCP client, as honest as any other: it knows a URL and a key, and speaks JSON-RPC over
//! Streamable HTTP (revision 2025-11-25). It shares nothing with the server but the process.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Method, Request};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::failure::{Exit, Failure};

/// The revision of the protocol that this client speaks.
const PROTOCOL_VERSION: &str = "2025-11-25";
/// Longest wait for an answer, in milliseconds: a little more than a call may take.
const ANSWER_MS: u64 = 65_000;
/// Largest answer, in bytes: eight times what a tool may return.
const MAX_ANSWER_BYTES: usize = 8 << 20;

/// A client with its key.
pub(super) struct Client {
    http: HttpClient<HttpConnector, Full<Bytes>>,
    url: String,
    authorization: HeaderValue,
    last_id: u64,
}

/// An answer and its size on the wire.
pub(super) struct Received {
    /// The `result` of the JSON-RPC response.
    pub(super) result: Value,
    /// The body, in bytes.
    pub(super) bytes: usize,
}

/// What a tool answered.
pub(super) struct ToolAnswer {
    /// `isError`.
    pub(super) is_error: bool,
    /// The first text.
    pub(super) text: String,
    /// `structuredContent`, or null.
    pub(super) structured: Value,
}

impl Client {
    /// A client that has not said anything yet.
    pub(super) fn new(url: String, key: &SecretString) -> Result<Self, Failure> {
        let mut authorization = HeaderValue::from_str(&format!("Bearer {}", key.expose_secret()))
            .map_err(|error| Failure::internal(error.to_string()))?;
        authorization.set_sensitive(true);
        #[expect(clippy::disallowed_methods, reason = "the demo's client talks to the demo's own server on loopback")]
        let http = HttpClient::builder(TokioExecutor::new()).build_http();
        Ok(Self { http, url, authorization, last_id: 0 })
    }

    /// The handshake. Gives what the server says of itself.
    pub(super) async fn initialize(&mut self) -> Result<Value, Failure> {
        let parameters = json!({
            "protocolVersion": PROTOCOL_VERSION,
            "capabilities": {},
            "clientInfo": { "name": "toolkeep-demo", "version": env!("CARGO_PKG_VERSION") },
        });
        let received = self.request("initialize", parameters).await?;
        let message = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        self.post(&message).await?;
        Ok(received.result)
    }

    /// Calls a tool.
    pub(super) async fn call(&mut self, tool: &str, arguments: &Value) -> Result<ToolAnswer, Failure> {
        let received = self.request("tools/call", json!({ "name": tool, "arguments": arguments })).await?;
        let text = received.result.pointer("/content/0/text").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(ToolAnswer {
            is_error: received.result.get("isError").and_then(Value::as_bool).unwrap_or(false),
            text,
            structured: received.result.get("structuredContent").cloned().unwrap_or(Value::Null),
        })
    }

    /// One request and the response that belongs to it.
    pub(super) async fn request(&mut self, method: &str, parameters: Value) -> Result<Received, Failure> {
        self.last_id += 1;
        let id = self.last_id;
        let message = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": parameters });
        let (bytes, messages) = self.post(&message).await?;
        let response = messages
            .into_iter()
            .find(|message| message.get("id").and_then(Value::as_u64) == Some(id))
            .ok_or_else(|| broken(format!("no response to {method}")))?;
        match (response.get("result"), response.get("error")) {
            (Some(result), None) => Ok(Received { result: result.clone(), bytes }),
            (_, error) => Err(broken(format!("{method} failed: {}", error.unwrap_or(&Value::Null)))),
        }
    }

    /// Sends a message and reads what comes back: JSON, or a stream of events that each hold JSON.
    async fn post(&self, message: &Value) -> Result<(usize, Vec<Value>), Failure> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(&self.url)
            .header(ACCEPT, "application/json, text/event-stream")
            .header(CONTENT_TYPE, "application/json")
            .header(AUTHORIZATION, &self.authorization)
            .header(USER_AGENT, concat!("toolkeep-demo/", env!("CARGO_PKG_VERSION")))
            .header("mcp-protocol-version", PROTOCOL_VERSION)
            .body(Full::new(Bytes::from(message.to_string())))
            .map_err(|error| Failure::internal(error.to_string()))?;
        let exchange = async {
            let response = self.http.request(request).await.map_err(|error| broken(error.to_string()))?;
            let (parts, body) = response.into_parts();
            let body =
                Limited::new(body, MAX_ANSWER_BYTES).collect().await.map_err(|error| broken(error.to_string()))?;
            Ok::<_, Failure>((parts, body.to_bytes()))
        };
        let (parts, body) = tokio::time::timeout(Duration::from_millis(ANSWER_MS), exchange)
            .await
            .map_err(|_| broken(format!("no answer within {ANSWER_MS} ms")))??;
        let text = String::from_utf8_lossy(&body);
        if !parts.status.is_success() {
            return Err(broken(format!("{}: {text}", parts.status)));
        }
        let streamed =
            parts.headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        Ok((body.len(), messages(&text, streamed)?))
    }
}

fn messages(text: &str, streamed: bool) -> Result<Vec<Value>, Failure> {
    let parse = |json: &str| serde_json::from_str(json).map_err(|error| broken(format!("not JSON: {error}")));
    match (text.trim(), streamed) {
        ("", _) => Ok(Vec::new()),
        (text, false) => Ok(vec![parse(text)?]),
        (text, true) => text
            .lines()
            .filter_map(|line| line.strip_prefix("data:"))
            .map(str::trim)
            .filter(|data| !data.is_empty())
            .map(parse)
            .collect(),
    }
}

fn broken(what: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Failed, "demo_client", format!("the demo's client: {what}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;

    #[test]
    fn answers_come_as_json_or_as_events() {
        assert_eq!(messages("{\"id\":1}", false).unwrap(), [json!({ "id": 1 })]);
        let stream = "data: {\"method\":\"notifications/progress\"}\n\n: ping\n\nid: 1\ndata: {\"id\":1}\n\n";
        assert_eq!(messages(stream, true).unwrap().len(), 2);
        assert!(messages("", false).unwrap().is_empty());
        assert!(messages("<html>", false).is_err());
    }
}

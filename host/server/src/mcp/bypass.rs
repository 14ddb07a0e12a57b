//! A structured answer's way past the protocol library.
//!
//! An answer comes from a connector as JSON text and leaves as JSON text, and the library holds results as trees of
//! values: to take the text apart and to put it together again is a tenth of what the server does for a call. So the
//! handler leaves the text here, the library writes the message without it, and it is put in as the message leaves.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, Bytes};
use axum::response::Response;
use http::header::CONTENT_LENGTH;
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};

/// Where the handler leaves the answer. Each HTTP request has its own, in its extensions.
#[derive(Clone, Default)]
pub(crate) struct Bypass(Arc<Mutex<Option<Box<RawValue>>>>);

/// A JSON-RPC response, read no further than it must be.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Message<'a> {
    #[serde(borrow)]
    jsonrpc: &'a RawValue,
    #[serde(borrow)]
    id: &'a RawValue,
    #[serde(borrow)]
    result: BTreeMap<&'a str, &'a RawValue>,
}

impl Bypass {
    /// Leaves a call's structured answer. The result that goes through the library must have no content of its own.
    pub(crate) fn leave(&self, structured: Box<RawValue>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(structured);
    }

    /// Puts what was left, if anything was, into the library's message.
    ///
    /// # Errors
    /// The message is not one result: the answer cannot be given.
    pub(crate) async fn rejoin<B>(&self, message: Response<B>) -> serde_json::Result<Response>
    where
        B: http_body::Body<Data = Bytes, Error = std::convert::Infallible> + Send + 'static,
    {
        let left = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(structured) = left else { return Ok(message.map(Body::new)) };
        let (mut head, body) = message.into_parts();
        let whole = match body.collect().await {
            Ok(whole) => whole.to_bytes(),
            Err(never) => match never {},
        };
        let joined = join(&whole, &structured)?;
        head.headers.remove(CONTENT_LENGTH);
        Ok(Response::from_parts(head, Body::from(joined)))
    }
}

fn join(message: &[u8], structured: &RawValue) -> serde_json::Result<Vec<u8>> {
    let mut message: Message<'_> = serde_json::from_slice(message)?;
    // Clients before 2025-06-18 know no structured content, and models of later ones often see only text.
    let text = to_raw_value(&[json!({ "type": "text", "text": structured.get() })])?;
    message.result.insert("content", &text);
    message.result.insert("structuredContent", structured);
    serde_json::to_vec(&message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use http_body_util::Full;
    use rmcp::model::CallToolResult;
    use serde_json::Value;

    use super::*;
    use crate::mcp::answer;

    const STRUCTURED: &str = r#"{"b":[1.50,"a \"quoted\" line\n"],"a":null}"#;

    fn structured() -> Box<RawValue> {
        RawValue::from_string(STRUCTURED.to_owned()).unwrap()
    }

    fn message(result: &CallToolResult) -> Vec<u8> {
        serde_json::to_vec(&json!({ "jsonrpc": "2.0", "id": "a-\"7\"", "result": result })).unwrap()
    }

    #[tokio::test]
    async fn an_answer_is_the_same_on_both_ways() {
        let bypass = Bypass::default();
        let through = message(&answer::result(Some(structured()), Vec::new(), None).unwrap());
        let around = message(&answer::result(Some(structured()), Vec::new(), Some(&bypass)).unwrap());
        assert!(!around.windows(6).any(|part| part == b"quoted"));
        let around = bypass.rejoin(Response::new(Full::new(Bytes::from(around)))).await.unwrap();
        let around = around.into_body().collect().await.unwrap().to_bytes();
        // The text itself is passed on as the connector wrote it.
        assert!(around.windows(STRUCTURED.len()).any(|part| part == STRUCTURED.as_bytes()));
        let (through, around): (Value, Value) =
            (serde_json::from_slice(&through).unwrap(), serde_json::from_slice(&around).unwrap());
        assert_eq!(through, around);
    }

    #[tokio::test]
    async fn an_answer_is_put_into_one_result_and_into_nothing_else() {
        for message in [
            &br#"{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"no"}}"#[..],
            br#"{"jsonrpc":"2.0","id":1,"result":{},"more":1}"#,
            br#"[{"jsonrpc":"2.0","id":1,"result":{}}]"#,
            b"event: message\ndata: {}\n\n",
            b"",
        ] {
            let bypass = Bypass::default();
            bypass.leave(structured());
            let message = Response::new(Full::new(Bytes::from_static(message)));
            assert!(bypass.rejoin(message).await.is_err());
        }
    }

    #[tokio::test]
    async fn where_nothing_was_left_a_message_stays_as_it_is() {
        let message = Response::new(Full::new(Bytes::from_static(b"event: message\ndata: {}\n\n")));
        let same = Bypass::default().rejoin(message).await.unwrap();
        assert_eq!(same.into_body().collect().await.unwrap().to_bytes(), &b"event: message\ndata: {}\n\n"[..]);
    }
}

//! The same work without a sandbox: `reqwest` over a kept connection, `serde`, no policy, no vault, no audit.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use reqwest::header::{AUTHORIZATION, HOST, HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use toolkeep_host::RequestView;

use crate::rows;

/// Longest wait for one answer, in seconds.
const ANSWER_LIMIT_S: u64 = 30;
/// Idle connections: twice the calls that are ever in flight.
const IDLE_CONNECTIONS: usize = 64;

/// A client that asks as the connector asks.
pub(crate) struct Native {
    client: reqwest::Client,
    url: String,
    headers: HeaderMap,
}

/// A client as a native program would have it.
pub(crate) fn client() -> anyhow::Result<reqwest::Client> {
    Ok(reqwest::Client::builder()
        .no_proxy()
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        .timeout(Duration::from_secs(ANSWER_LIMIT_S))
        .build()?)
}

impl Native {
    /// Repeats a request that the gate let out, with the credential that was masked in its picture.
    pub(crate) fn like(sent: &RequestView, token: &str) -> anyhow::Result<Self> {
        ensure!(sent.method == "GET", "the connector asked with {}", sent.method);
        let mut headers = HeaderMap::new();
        for (name, value) in &sent.headers {
            let name = HeaderName::from_bytes(name.as_bytes())?;
            // The client writes the host itself; the credential's picture is a mask.
            if name != HOST && name != AUTHORIZATION {
                headers.append(name, HeaderValue::from_str(value)?);
            }
        }
        headers.insert(AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {token}"))?);
        Ok(Self { client: client()?, url: sent.url.clone(), headers })
    }

    /// One call: asks, parses, reshapes, prints.
    pub(crate) async fn call(&self) -> anyhow::Result<String> {
        let answer = self.client.get(&self.url).headers(self.headers.clone()).send().await?;
        if !answer.status().is_success() {
            bail!("the simulator answered {}", answer.status());
        }
        Ok(rows::answer(&answer.bytes().await?)?)
    }
}

/// Whether two answers say the same, except for the moment at which they were asked.
pub(crate) fn ensure_same(native: &str, sandboxed: &str) -> anyhow::Result<()> {
    let (native, sandboxed) = (timeless(native)?, timeless(sandboxed)?);
    ensure!(native == sandboxed, "the native call and the connector differ:\n{native}\n{sandboxed}");
    Ok(())
}

fn timeless(answer: &str) -> anyhow::Result<Value> {
    let mut answer: Value = serde_json::from_str(answer)?;
    let object = answer.as_object_mut().context("an answer is an object")?;
    object.remove("window").context("an answer has a window")?;
    let rows = object.get_mut("incidents").and_then(Value::as_array_mut).context("an answer has incidents")?;
    for row in rows {
        // The host gives out no control characters; some of the simulator's titles hold them.
        if let Some(Value::String(title)) = row.get_mut("title") {
            *title = title.replace(char::is_control, "\u{FFFD}");
        }
        row.as_object_mut().and_then(|row| row.remove("open_minutes")).context("a row has its minutes")?;
    }
    Ok(answer)
}

//! A simulator and a small client for it.

use pagerduty_simulator::{Config, DEMO_ACCOUNT_API_KEY, DEMO_OAUTH_TOKEN, DEMO_USER_API_KEY, Simulator};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;

/// A fixed present, in winter: London is on UTC.
pub(crate) const NOW: &str = "2026-11-20T12:00:00Z";

pub(crate) struct Pager {
    pub(crate) simulator: Simulator,
    http: reqwest::Client,
}

/// Credentials as header values.
pub(crate) fn key(secret: &str) -> String {
    format!("Token token={secret}")
}

pub(crate) fn bearer(secret: &str) -> String {
    format!("Bearer {secret}")
}

/// J. Lee, with every scope.
pub(crate) fn j_lee() -> String {
    key(DEMO_USER_API_KEY)
}

/// K. Moore's OAuth token.
pub(crate) fn k_moore() -> String {
    bearer(DEMO_OAUTH_TOKEN)
}

/// Nobody in particular.
pub(crate) fn account() -> String {
    key(DEMO_ACCOUNT_API_KEY)
}

pub(crate) fn config() -> Config {
    Config { now: Some(NOW.parse().unwrap()), ..Config::default() }
}

impl Pager {
    pub(crate) async fn start() -> Pager {
        Pager::with(config()).await
    }

    pub(crate) async fn with(config: Config) -> Pager {
        Pager { simulator: Simulator::start(config).await.unwrap(), http: reqwest::Client::new() }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.simulator.base_url()))
    }

    /// GET as J. Lee.
    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        self.get_as(&j_lee(), path).await
    }

    pub(crate) async fn get_as(&self, authorization: &str, path: &str) -> (u16, Value) {
        read(self.request(Method::GET, path).header("authorization", authorization).send().await.unwrap()).await
    }

    /// GET as J. Lee that must succeed.
    pub(crate) async fn ok(&self, path: &str) -> Value {
        let (status, body) = self.get(path).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// A write as J. Lee.
    pub(crate) async fn write(&self, method: Method, path: &str, body: &Value) -> (u16, Value) {
        self.write_as(&j_lee(), None, method, path, body).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> (u16, Value) {
        self.write(Method::PUT, path, body).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.write(Method::POST, path, body).await
    }

    pub(crate) async fn write_as(
        &self,
        authorization: &str,
        from: Option<&str>,
        method: Method,
        path: &str,
        body: &Value,
    ) -> (u16, Value) {
        let mut request = self.request(method, path).header("authorization", authorization).json(body);
        if let Some(from) = from {
            request = request.header("from", from);
        }
        read(request.send().await.unwrap()).await
    }

    /// The incident of that number.
    pub(crate) async fn incident(&self, number: u32) -> Value {
        self.ok(&format!("/incidents/{number}")).await["incident"].clone()
    }

    /// The identifier of the incident of that number.
    pub(crate) async fn id(&self, number: u32) -> String {
        self.incident(number).await["id"].as_str().unwrap().to_owned()
    }

    /// The identifier of the named service, team, policy…
    pub(crate) async fn named(&self, collection: &str, name: &str) -> String {
        let body = self.ok(&format!("/{collection}?limit=100")).await;
        let rows = body[collection].as_array().unwrap();
        let row = rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("no {name} in {collection}"));
        row["id"].as_str().unwrap().to_owned()
    }
}

/// Status and JSON; null where the body is empty or not JSON.
pub(crate) async fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let body = response.bytes().await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

/// The rows of a list.
pub(crate) fn rows<'a>(body: &'a Value, name: &str) -> &'a Vec<Value> {
    body[name].as_array().unwrap_or_else(|| panic!("no list {name} in {body}"))
}

/// The incident numbers of a list.
pub(crate) fn numbers(body: &Value) -> Vec<u64> {
    rows(body, "incidents").iter().map(|row| row["incident_number"].as_u64().unwrap()).collect()
}

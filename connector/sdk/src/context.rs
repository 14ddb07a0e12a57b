//! What a running tool has in hand: its upstream, its clock, the account it acts for, a way to say how
//! far it has come. Nothing else exists for it.

use crate::request::{Method, Request};
use crate::{Account, Connector, Response};

pub use crate::bindings::toolkeep::connector::host::Level;

/// Where a connector runs: inside the host, or in a test ([`crate::testing::Script`]).
pub trait Environment {
    /// Sends one request and reads the whole answer, at most [`crate::RESPONSE_MAX_BYTES`].
    ///
    /// # Errors
    /// [`SendError`] when no whole answer came; an answer of any status is no error here.
    fn send(&mut self, request: &Outgoing) -> Result<Incoming, SendError>;
    /// Milliseconds since 1970-01-01T00:00:00Z.
    fn now_ms(&self) -> i64;
    /// The connected account, as `identify` reported it.
    fn account(&self) -> Option<Account>;
    /// Tells the caller how far the call has come.
    fn progress(&mut self, done: u32, total: Option<u32>, message: &str);
    /// Writes to the operator's log.
    fn log(&mut self, level: Level, message: &str);
}

/// A request on its way out.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// The method.
    pub method: Method,
    /// `host` or `host:port` of the declared base.
    pub authority: String,
    /// Path and query, percent-encoded.
    pub path_with_query: String,
    /// Names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// The body of a write.
    pub body: Option<Vec<u8>>,
}

/// An answer, of whatever status.
#[derive(Debug, Clone, Default)]
pub struct Incoming {
    /// HTTP status.
    pub status: u16,
    /// The headers that the host lets through, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

/// Why no whole answer came.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The host refused the request: no route of the running tool covers it, or a policy forbids it.
    Denied,
    /// Nobody answered: DNS, connection, TLS. The request did not reach the upstream.
    Unreachable(String),
    /// Sent, but no whole answer came in time or the connection broke: a write may have happened.
    Interrupted(String),
    /// The answer exceeds [`crate::RESPONSE_MAX_BYTES`] or the host's own limit.
    TooLarge,
    /// The request cannot be sent as it is: a fault of the connector.
    Malformed(String),
}

/// What a tool's function is given.
pub struct Context {
    pub(crate) environment: Box<dyn Environment>,
    pub(crate) connector: &'static Connector,
}

impl Context {
    /// A context for one call.
    pub fn new(connector: &'static Connector, environment: Box<dyn Environment>) -> Self {
        Self { environment, connector }
    }

    /// Starts a `GET` of a path template at the first origin, e.g. `/orders/{id}`.
    pub fn get(&mut self, path: &'static str) -> Request<'_> {
        self.request(Method::Get, path)
    }
    /// Starts a `POST`.
    pub fn post(&mut self, path: &'static str) -> Request<'_> {
        self.request(Method::Post, path)
    }
    /// Starts a `PUT`.
    pub fn put(&mut self, path: &'static str) -> Request<'_> {
        self.request(Method::Put, path)
    }
    /// Starts a `PATCH`.
    pub fn patch(&mut self, path: &'static str) -> Request<'_> {
        self.request(Method::Patch, path)
    }
    /// Starts a `DELETE`.
    pub fn delete(&mut self, path: &'static str) -> Request<'_> {
        self.request(Method::Delete, path)
    }
    fn request(&mut self, method: Method, path: &'static str) -> Request<'_> {
        Request::new(self, method, path)
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub fn now_ms(&self) -> i64 {
        self.environment.now_ms()
    }
    /// The account behind this call, where the upstream said.
    pub fn account(&self) -> Option<Account> {
        self.environment.account()
    }
    /// Says how far a long call has come.
    pub fn progress(&mut self, done: u32, total: Option<u32>, message: &str) {
        self.environment.progress(done, total, message);
    }
    /// Writes to the operator's log: for facts about the call, never for what the upstream said.
    pub fn log(&mut self, level: Level, message: &str) {
        self.environment.log(level, message);
    }
    /// The error that an answer means, as [`Request::send`] would have reported it.
    pub fn explain(&self, response: &Response) -> crate::ToolError {
        crate::error::explain(self.connector, response)
    }
}

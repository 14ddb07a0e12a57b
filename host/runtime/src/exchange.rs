//! One upstream exchange as it may be shown: the request as the connector made it, the request as it went
//! out with the credential masked, and what came of it.

use std::fmt;
use std::time::Duration;

/// What stands in the place of a credential.
pub const MASK: &str = "••••••••";

/// A request as it may be shown. To show is one thing, to log another: `Debug`, which is what ends up in logs,
/// prints neither the query nor any header's value.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestView {
    /// The method.
    pub method: String,
    /// The whole URL. It may hold personal data in its query: show it, do not log it.
    pub url: String,
    /// Name and value, in order. A credential's value is [`MASK`].
    pub headers: Vec<(String, String)>,
    /// Size of the body, in bytes.
    pub body_bytes: usize,
}

impl fmt::Display for RequestView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}", self.method, self.url)?;
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {value}")?;
        }
        if self.body_bytes > 0 {
            writeln!(f, "({} bytes of body)", self.body_bytes)?;
        }
        Ok(())
    }
}

impl fmt::Debug for RequestView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let without_query = self.url.split(['?', '#']).next().unwrap_or_default();
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("RequestView")
            .field("method", &self.method)
            .field("url", &without_query)
            .field("headers", &names)
            .field("body_bytes", &self.body_bytes)
            .finish()
    }
}

/// One exchange.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The tool that was running.
    pub tool: String,
    /// The request as the connector made it.
    pub asked: RequestView,
    /// The request as it was made ready to go out; nothing where it was stopped before.
    pub sent: Option<RequestView>,
    /// Whether it left, or may have.
    pub left: bool,
    /// The rule that decided.
    pub decision: String,
    /// The rule's code, where the request was refused.
    pub refused: Option<&'static str>,
    /// The code of what went wrong, refusals among it.
    pub error: Option<&'static str>,
    /// The answer's status.
    pub status: Option<u16>,
    /// From the connector's asking to the clean answer.
    pub duration: Duration,
}

/// Sees every exchange of a host: for demonstrations and for authors of connectors.
pub trait ExchangeObserver: Send + Sync {
    /// Called after each exchange, on the path of the call, which may be its caller's own task: be quick, and wait
    /// for nobody.
    fn exchanged(&self, exchange: &Exchange);
}

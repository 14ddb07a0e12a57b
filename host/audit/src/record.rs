//! What is recorded. Never a URL's query, a body, an upstream's error text or a secret.

use serde::Serialize;
use serde_json::{Map, Value};
use toolkeep_policy::Principal;

use crate::call_id::CallId;
use crate::error::AuditError;

/// Largest content of one record, in bytes of JSON. A call of a hundred upstream requests needs about 40 KiB.
pub const MAX_CONTENT_BYTES: usize = 256 * 1024;
/// Longest field of a refusal, in bytes: it comes from a stranger, and what is longer is cut.
pub const MAX_REFUSAL_FIELD_BYTES: usize = 512;

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PrincipalFields {
    /// The customer.
    pub tenant: String,
    /// The person.
    pub user: String,
    /// The agent that says it acts for the person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
}

impl From<&Principal> for PrincipalFields {
    fn from(principal: &Principal) -> Self {
        Self {
            tenant: principal.tenant.as_str().to_owned(),
            user: principal.user.as_str().to_owned(),
            agent: principal.agent.clone(),
        }
    }
}

/// A call that was allowed and has not run yet.
#[derive(Debug, Clone, Serialize)]
pub struct Intent {
    /// Its name. It has its own column, so it is not in the content.
    #[serde(skip)]
    pub call: CallId,
    /// Who calls.
    #[serde(flatten)]
    pub principal: PrincipalFields,
    /// Which connector.
    pub connector: String,
    /// Its version.
    pub connector_version: String,
    /// SHA-256 of the component, in hexadecimal.
    pub connector_digest: String,
    /// Which tool.
    pub tool: String,
    /// The tool's access, such as `read`.
    pub access: String,
    /// The rule that allowed it.
    pub rule: String,
    /// The id of the connection it will use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
    /// The connection's version, which goes up with every change: one that is lower than in an earlier
    /// record means that somebody put an old row back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection_version: Option<u64>,
    /// [`crate::AuditLog::digest`] of the arguments.
    pub arguments_digest: String,
    /// The arguments that are on the allow-list of clear fields.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub clear_arguments: Map<String, Value>,
    /// The trace it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// It left for the upstream, or may have.
    Allowed,
    /// A rule kept it from leaving.
    Refused,
    /// No rule was against it, and it did not leave: the call or its time ended first, the connector gave it up or did
    /// not finish it, or no connection to its upstream could be made. `error` says more.
    NotSent,
}

/// One request of a guest to an upstream.
#[derive(Debug, Clone, Serialize)]
pub struct UpstreamRequest {
    /// When the gate decided, in microseconds since 1970.
    pub at_us: i64,
    /// The HTTP method.
    pub method: String,
    /// The logical origin.
    pub origin: String,
    /// The declared path template that it matched; none when none did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_template: Option<String>,
    /// What the host itself matched in the path, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub path_parameters: Vec<(String, String)>,
    /// What became of it.
    pub decision: Decision,
    /// The rule that decided.
    pub rule: String,
    /// The upstream's status, when it answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Size of the request's body, in bytes.
    pub request_bytes: u64,
    /// Size of the response's body, in bytes.
    pub response_bytes: u64,
    /// From the decision to the end of the response, in microseconds.
    pub duration_us: u64,
    /// The id of the credential slot that was injected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub injected: Option<String>,
    /// The code of what went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How often the secret was cut out of the response.
    pub redactions: u32,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeStatus {
    /// The tool gave a result.
    Succeeded,
    /// The tool gave an error of its own.
    ToolError,
    /// The host refused it after the intent.
    Refused,
    /// It broke: a trap, a timeout, a limit.
    Failed,
    /// Nobody saw the end.
    #[default]
    Unknown,
}

/// The end of a call.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Outcome {
    /// How it ended.
    pub status: OutcomeStatus,
    /// The error's code, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Each request to an upstream, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<UpstreamRequest>,
    /// How many requests are not in the record: callers count those that they leave out, the log adds those that do
    /// not fit.
    #[serde(skip_serializing_if = "is_zero")]
    pub requests_left_out: usize,
    /// [`crate::AuditLog::digest`] of the result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result_digest: Option<String>,
    /// Size of the result, in bytes.
    pub result_bytes: u64,
    /// From the intent to the outcome, in microseconds.
    pub duration_us: u64,
    /// The most memory that the guest had, in bytes, where it was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
}

/// A call that was refused before there was an intent.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Refusal {
    /// Who, as far as known.
    #[serde(flatten)]
    pub principal: Option<PrincipalFields>,
    /// Which connector, as far as known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connector: Option<String>,
    /// Which tool was asked for; the asker's own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// Why, as a code.
    pub code: String,
    /// The rule that refused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The trace it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

/// Something that is no call and changes what calls may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventKind {
    /// The host started.
    Started,
    /// The host stopped in order.
    Stopped,
    /// A user connected.
    ConnectionAdded,
    /// A connection ended.
    ConnectionRemoved,
    /// A token was refreshed.
    ConnectionRefreshed,
    /// A caller's key was made.
    ApiKeyCreated,
    /// A caller's key was revoked.
    ApiKeyRevoked,
    /// A connector was approved for this host.
    ConnectorApproved,
    /// A connector was loaded.
    ConnectorLoaded,
    /// A connector was taken away.
    ConnectorRemoved,
    /// The policy changed.
    PolicyChanged,
    /// The master key changed.
    KeyChanged,
}

/// One [`EventKind`], with whom and what it was about.
#[derive(Debug, Clone, Serialize)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// Who did it, where somebody did.
    #[serde(flatten)]
    pub principal: Option<PrincipalFields>,
    /// What it happened to: a connection's id, a connector's name.
    pub subject: String,
    /// More, in clear; never a secret.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub details: Map<String, Value>,
}

/// Who called what: repeated in the outcome, so that each record can be read alone.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct CallFields {
    #[serde(flatten)]
    pub(crate) principal: PrincipalFields,
    pub(crate) connector: String,
    pub(crate) tool: String,
}

#[derive(Serialize)]
struct OutcomeContent<'a> {
    #[serde(flatten)]
    fields: &'a CallFields,
    #[serde(flatten)]
    outcome: &'a Outcome,
}

/// The content of an intent, a refusal or an event.
pub(crate) fn encode(record: &impl Serialize) -> Result<Vec<u8>, AuditError> {
    let mut content = Vec::with_capacity(768);
    serde_json::to_writer(&mut content, record).map_err(|e| AuditError::unavailable("write a record as JSON", e))?;
    if content.len() > MAX_CONTENT_BYTES {
        return Err(AuditError::TooLarge { bytes: content.len(), max_bytes: MAX_CONTENT_BYTES });
    }
    Ok(content)
}

/// The content of an outcome. What happened must be recorded however much it was, so requests at the end
/// are left out, and counted, until it fits.
pub(crate) fn encode_outcome(fields: &CallFields, mut outcome: Outcome) -> Result<Vec<u8>, AuditError> {
    loop {
        match encode(&OutcomeContent { fields, outcome: &outcome }) {
            Err(AuditError::TooLarge { .. }) if !outcome.requests.is_empty() => {
                let kept = outcome.requests.len() / 2;
                outcome.requests_left_out = outcome.requests_left_out.saturating_add(outcome.requests.len() - kept);
                outcome.requests.truncate(kept);
            }
            other => return other,
        }
    }
}

impl Refusal {
    /// Cuts what a stranger sent to what the log takes.
    pub(crate) fn bounded(mut self) -> Self {
        let principal =
            self.principal.iter_mut().flat_map(|who| [Some(&mut who.tenant), Some(&mut who.user), who.agent.as_mut()]);
        let rest = [
            self.connector.as_mut(),
            self.tool.as_mut(),
            Some(&mut self.code),
            self.rule.as_mut(),
            self.trace.as_mut(),
        ];
        for field in principal.chain(rest).flatten() {
            if field.len() > MAX_REFUSAL_FIELD_BYTES {
                field.truncate(field.floor_char_boundary(MAX_REFUSAL_FIELD_BYTES));
                field.push('\u{2026}');
            }
        }
        self
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;

    fn request() -> UpstreamRequest {
        UpstreamRequest {
            at_us: 1,
            method: "GET".into(),
            origin: "https://api.example.com".into(),
            path_template: Some("/things/{id}".into()),
            path_parameters: vec![("id".into(), "P".repeat(400))],
            decision: Decision::Allowed,
            rule: "route 1".into(),
            status: Some(200),
            request_bytes: 0,
            response_bytes: 10,
            duration_us: 5,
            injected: None,
            error: None,
            redactions: 0,
        }
    }

    #[test]
    fn an_outcome_of_too_many_requests_keeps_what_fits_and_counts_the_rest() {
        let fields = CallFields {
            principal: PrincipalFields { tenant: "t".into(), user: "u".into(), agent: None },
            connector: "c".into(),
            tool: "t".into(),
        };
        let outcome = Outcome { requests: vec![request(); 2000], ..Outcome::default() };
        let content = encode_outcome(&fields, outcome).unwrap();
        assert!(content.len() <= MAX_CONTENT_BYTES);
        let content: Value = serde_json::from_slice(&content).unwrap();
        let kept = content["requests"].as_array().unwrap().len() as u64;
        assert!(kept > 100);
        assert_eq!(content["requests_left_out"].as_u64().unwrap(), 2000 - kept);
    }

    #[test]
    fn a_strangers_words_are_cut() {
        let refusal = Refusal { tool: Some("\u{e9}".repeat(5000)), code: "no_such_tool".into(), ..Refusal::default() };
        let tool = refusal.bounded().tool.unwrap();
        assert!(tool.len() <= MAX_REFUSAL_FIELD_BYTES + 3 && tool.ends_with('\u{2026}'));
    }
}

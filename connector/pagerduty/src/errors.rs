//! PagerDuty's error answers, which come in several forms, and what a few of them really mean.
//!
//! Codes are those of PagerDuty's "Errors" page for the REST API v2. A form that nobody has seen yet is
//! no fault: then the status alone decides.

use serde_json::Value;
use toolkeep_connector::{Response, ToolError, Upstream, quote};

/// Codes of an incident that is already resolved, acknowledged or merged.
const ALREADY: [i64; 3] = [1001, 1002, 1019];
/// Codes of a `From` header that names nobody: unknown, malformed, missing.
const FROM: [i64; 3] = [1008, 1028, 2016];
/// The user's role does not allow it.
const ACCESS_DENIED: i64 = 2010;
/// Nothing with that identifier.
const NOT_FOUND: [i64; 2] = [2100, 5001];
/// Pieces of an error list that are told: what is wrong with a request fits in a few.
const PIECES_MAX: usize = 5;

/// An error body in one form.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) code: Option<i64>,
    pub(crate) text: String,
    pub(crate) required_scopes: Option<String>,
}

/// Reads an error answer; the connector's `errors` function.
pub(crate) fn read(response: &Response) -> Upstream {
    let Some(told) = parse(response.body()) else { return Upstream::Silent };
    let quoted = quote(&told.text);
    let lower = told.text.to_lowercase();
    let about_from = lower.contains("from header") || lower.contains("`from`") || lower.contains("requester user");
    match (response.status(), told.code) {
        (403, _) if told.required_scopes.is_some() || lower.contains("required scope") => {
            let scopes = told.required_scopes.as_deref().map_or_else(|| "that it names".to_owned(), quote);
            Upstream::Means(ToolError::Forbidden(format!(
                "The PagerDuty connection lacks the OAuth scope {scopes}. Connect PagerDuty again and grant it."
            )))
        }
        (403, Some(ACCESS_DENIED)) => Upstream::Means(ToolError::Forbidden(format!(
            "The user's role in PagerDuty does not allow this (403, code {ACCESS_DENIED}): {quoted}. A manager of the team or an administrator can do it or raise the role."
        ))),
        (400, Some(code)) if ALREADY.contains(&code) => Upstream::Means(ToolError::Conflict(format!(
            "PagerDuty: the incident is already in that state ({quoted})."
        ))),
        (400, Some(code)) if FROM.contains(&code) && (code != 2016 || about_from) => {
            Upstream::Means(ToolError::Forbidden(format!(
                "PagerDuty does not know on whose behalf this is ({quoted}). Connect PagerDuty as a user, or have the operator name the address that an account-level key acts under (--account-email)."
            )))
        }
        (400 | 404, Some(code)) if NOT_FOUND.contains(&code) => {
            Upstream::Means(ToolError::NotFound(format!("PagerDuty has nothing with that identifier ({quoted}).")))
        }
        (400, _) if lower.contains("incident key") || lower.contains("incident_key") => {
            Upstream::Means(ToolError::Conflict(format!(
                "PagerDuty already has an open incident with this incident_key on the service ({quoted})."
            )))
        }
        (_, Some(code)) => Upstream::Says(format!("{} (code {code})", told.text)),
        (_, None) => Upstream::Says(told.text),
    }
}

/// Finds code and text in any of the forms: `{"error": {…}}`, `{"error": […]}`, `{"error": "…"}`,
/// `{"errors": […]}` and `{"message": "…"}`.
pub(crate) fn parse(body: &[u8]) -> Option<Told> {
    let value: Value = toolkeep_connector::json::read(body).ok()?;
    let mut told = Told::default();
    let mut pieces: Vec<String> = Vec::new();
    let error = value.get("error").unwrap_or(&value);
    match error {
        Value::String(text) => pieces.push(text.clone()),
        Value::Array(list) => add_all(&mut pieces, list),
        Value::Object(object) => {
            told.code = object.get("code").and_then(|code| match code {
                Value::Number(number) => number.as_i64(),
                Value::String(text) => text.parse().ok(),
                _ => None,
            });
            told.required_scopes = object.get("required_scopes").and_then(scopes);
            if let Some(Value::String(message)) = object.get("message") {
                pieces.push(message.clone());
            }
            match object.get("errors") {
                Some(Value::Array(list)) => add_all(&mut pieces, list),
                Some(Value::String(text)) => pieces.push(text.clone()),
                _ => {}
            }
        }
        _ => {}
    }
    told.text = pieces.join("; ");
    (!told.text.is_empty() || told.code.is_some() || told.required_scopes.is_some()).then_some(told)
}

fn scopes(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(list) => Some(list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")),
        _ => None,
    }
}

fn add_all(pieces: &mut Vec<String>, list: &[Value]) {
    for value in list.iter().take(PIECES_MAX) {
        match value {
            Value::String(text) => pieces.push(text.clone()),
            Value::Object(object) => {
                if let Some(Value::String(text)) = object.get("message") {
                    pieces.push(text.clone());
                }
            }
            _ => {}
        }
    }
}

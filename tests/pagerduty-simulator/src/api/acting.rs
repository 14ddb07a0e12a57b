//! On whose behalf an incident is written: the `From` rules, and finding what a body refers to.

use crate::company::User;
use crate::http::Call;
use crate::http::error::ApiError;
use serde_json::Value;
use std::sync::Arc;

/// The acting user: the token's own, or, for an account-level key, the one that `From` names. A user's
/// token makes `From` unnecessary, and it is then not looked at.
pub(crate) fn acting_user(call: &Call<'_>) -> Result<Arc<User>, ApiError> {
    if let Some(user) = &call.principal.user {
        return Ok(Arc::clone(user));
    }
    let from = call.headers.get(http::header::FROM).ok_or_else(|| {
        ApiError::refused(2016, "Requester User Not Found: the From header with a user's email address is required")
    })?;
    let email = from.to_str().unwrap_or_default().trim();
    let malformed = || ApiError::refused(1028, "From header is not a valid email address");
    let (local, domain) = email.split_once('@').ok_or_else(malformed)?;
    if local.is_empty() || !domain.contains('.') || email.contains(char::is_whitespace) {
        return Err(malformed());
    }
    let found = call.app.company.user_by_email(email);
    found.map(Arc::clone).ok_or_else(|| ApiError::refused(1008, "Requester User Not Found"))
}

/// The JSON object of a write; anything else is "not a Hash".
pub(crate) fn object(call: &Call<'_>) -> Result<Value, ApiError> {
    serde_json::from_slice::<Value>(call.body).ok().filter(Value::is_object).ok_or_else(ApiError::not_a_hash)
}

/// The identifier inside a reference `{id, type}` whose type is `kind` or `kind_reference`.
pub(crate) fn referenced<'a>(reference: &'a Value, kind: &str) -> Result<&'a str, ApiError> {
    let given = reference.get("type").and_then(Value::as_str).unwrap_or_default();
    if given.strip_suffix("_reference").unwrap_or(given) != kind {
        return Err(ApiError::invalid(&format!("{kind} must have the type {kind}_reference")));
    }
    let id = reference.get("id").and_then(Value::as_str);
    id.ok_or_else(|| ApiError::invalid(&format!("{kind} must have an id")))
}

//! `POST /webhook_subscriptions`: works, and remembers. Whoever creates one sends every incident to a URL of
//! their choice, so the tests look here to see that nothing got through.

use crate::http::error::ApiError;
use crate::http::{Call, Reply};
use serde_json::{Value, json};

/// More than this are not kept, only counted as refused.
const MAX_SUBSCRIPTIONS: usize = 1_000;

/// `POST /webhook_subscriptions`.
pub(crate) fn create(call: &Call<'_>) -> Result<Reply, ApiError> {
    let body: Value = serde_json::from_slice(call.body).map_err(|_| ApiError::not_a_hash())?;
    let wanted = body.get("webhook_subscription").filter(|value| value.is_object());
    let mut subscription = wanted.cloned().ok_or_else(|| ApiError::invalid("webhook_subscription is required"))?;
    let mut state = call.app.state_mut();
    let number = state.webhook_subscriptions.len();
    if number >= MAX_SUBSCRIPTIONS {
        return Err(ApiError::invalid("the account has too many webhook subscriptions"));
    }
    let id = crate::random::identifier("P", 7, "webhook", "", u64::try_from(number).unwrap_or_default());
    super::render::extend(&mut subscription, json!({"id": id, "type": "webhook_subscription", "active": true}));
    state.webhook_subscriptions.push(subscription.clone());
    Ok(Reply::created(&json!({"webhook_subscription": subscription})))
}

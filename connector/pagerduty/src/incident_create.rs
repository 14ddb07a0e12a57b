//! `pagerduty_incident_create`: opens an incident, which pages whoever is on call.
//!
//! Names are looked up before anything is written, so that a doubt costs a question and not a page.

use serde::Serialize;
use serde_json::{Map, Value, json};
use toolkeep_connector::{Context, ToolError, quote};

use crate::arguments::{bounded, either, urgency};
use crate::names::{Kind, identifier, looks_like_identifier};
use crate::object::arguments;
use crate::row::Row;
use crate::window::Clock;
use crate::wire::{IncidentAnswer, PrioritiesAnswer, labels};

/// Longest title, in characters (PagerDuty's own limit).
const TITLE_MAX_CHARS: usize = 1_024;
/// Longest description, in characters: a long page of text.
const DETAILS_MAX_CHARS: usize = 10_000;
/// Longest deduplication key, in characters (PagerDuty's own limit).
const KEY_MAX_CHARS: usize = 255;

arguments! {
    /// What to open.
    Arguments {
        /// What is wrong, one line.
        title: String;
        /// Service name or ID. Needed.
        service: String;
        /// high (default of most services) or low.
        urgency: String;
        /// Longer description.
        details: String;
        /// Priority name, e.g. P1, or ID.
        priority: String;
        /// Deduplication key: a second open incident with it on the service is refused.
        incident_key: String;
        /// Name or ID, instead of the service's own.
        escalation_policy: String;
        service_id: String;
        body_details: String;
        priority_id: String;
        escalation_policy_id: String;
        /// Ignored: the connected user acts.
        from_email: String;
    } required ["title"]
}

/// The answer.
#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    created: bool,
    incident: Row,
    url: Option<String>,
}

pub(crate) fn run(context: &mut Context, arguments: Arguments) -> Result<Answer, ToolError> {
    let title = bounded("title", arguments.title.as_deref().unwrap_or_default().trim(), TITLE_MAX_CHARS)?;
    if title.is_empty() {
        return Err(ToolError::InvalidArguments("title is empty: say what is wrong.".into()));
    }
    let Some(service) = either(&arguments.service, &arguments.service_id)? else {
        return Err(ToolError::InvalidArguments(
            "Say which service: its name or ID; pagerduty_services_list shows them.".into(),
        ));
    };
    let details = arguments.details.as_deref().or(arguments.body_details.as_deref()).filter(|text| !text.is_empty());

    let mut incident = Map::new();
    let mut set = |name: &str, value: Value| incident.insert(name.to_owned(), value);
    set("type", json!("incident"));
    set("title", json!(title));
    if let Some(text) = arguments.urgency.as_deref() {
        set("urgency", json!(urgency(text)?));
    }
    if let Some(details) = details {
        let details = bounded("details", details, DETAILS_MAX_CHARS)?;
        set("body", json!({"type": "incident_body", "details": details}));
    }
    if let Some(key) = arguments.incident_key.as_deref().filter(|key| !key.is_empty()) {
        set("incident_key", json!(bounded("incident_key", key, KEY_MAX_CHARS)?));
    }
    let service = identifier(context, Kind::Service, service)?;
    set("service", json!({"id": service, "type": "service_reference"}));
    if let Some(policy) = either(&arguments.escalation_policy, &arguments.escalation_policy_id)? {
        let policy = identifier(context, Kind::EscalationPolicy, policy)?;
        set("escalation_policy", json!({"id": policy, "type": "escalation_policy_reference"}));
    }
    if let Some(priority) = either(&arguments.priority, &arguments.priority_id)? {
        let priority = priority_identifier(context, priority)?;
        set("priority", json!({"id": priority, "type": "priority_reference"}));
    }

    let clock = Clock::new(context, None)?;
    let answer: IncidentAnswer = context.post("/incidents").json(&json!({"incident": incident})).fetch()?;
    let incident = answer.incident.unwrap_or_default();
    Ok(Answer { created: true, incident: incident.row(clock.now), url: incident.html_url })
}

/// Priorities are few and named by the account.
fn priority_identifier(context: &mut Context, text: &str) -> Result<String, ToolError> {
    if looks_like_identifier(text) {
        return Ok(text.to_owned());
    }
    let answer: PrioritiesAnswer = context.get("/priorities").fetch()?;
    let priorities = answer.priorities.unwrap_or_default();
    let found = priorities.iter().find(|priority| {
        let mut names = [&priority.name, &priority.summary].into_iter();
        names.any(|name| name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(text)))
    });
    match found.and_then(|priority| priority.id.clone()) {
        Some(id) => Ok(id),
        None => Err(ToolError::NotFound(format!(
            "PagerDuty has no priority called {}. This account's are: {}.",
            quote(text),
            labels(Some(&priorities)).take(10).map(quote).collect::<Vec<_>>().join(", ")
        ))),
    }
}

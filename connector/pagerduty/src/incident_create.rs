//! `pagerduty_incident_create`: opens an incident, which pages whoever is on call.
//!
//! Names are looked up before anything is written, and must be whole, so that a doubt costs a question and
//! not a page.

use serde::Serialize;
use toolkeep_connector::json::Written;
use toolkeep_connector::{Context, Paging, ToolError};

use crate::arguments::{bounded, either, same, urgency};
use crate::gather::each_page;
use crate::names::{Kind, identifier, looks_like_identifier, priorities, priority};
use crate::object::arguments;
use crate::window::Clock;
use crate::wire::{Listed, One};

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
    incident: Written,
    url: Option<String>,
}

/// What is posted.
#[derive(Serialize)]
struct Body<'a> {
    incident: New<'a>,
}

/// An incident to be.
#[derive(Serialize, Default)]
struct New<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    urgency: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Details<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    incident_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<Pointer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    escalation_policy: Option<Pointer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<Pointer>,
}

#[derive(Serialize)]
struct Details<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    details: &'a str,
}

/// Another object, by its identifier.
#[derive(Serialize)]
struct Pointer {
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
}

pub(crate) fn run(context: &mut Context, arguments: Arguments) -> Result<Answer, ToolError> {
    let title = bounded("title", arguments.title.as_deref().unwrap_or_default().trim(), TITLE_MAX_CHARS)?;
    if title.is_empty() {
        return Err(ToolError::InvalidArguments("title is empty: say what is wrong.".into()));
    }
    let Some(service) = either(("service", &arguments.service), ("service_id", &arguments.service_id))? else {
        return Err(ToolError::InvalidArguments(
            "Say which service: its name or ID; pagerduty_services_list shows them.".into(),
        ));
    };
    let details = same(("details", &arguments.details), ("body_details", &arguments.body_details))?;
    let policy = either(
        ("escalation_policy", &arguments.escalation_policy),
        ("escalation_policy_id", &arguments.escalation_policy_id),
    )?;
    let wanted = either(("priority", &arguments.priority), ("priority_id", &arguments.priority_id))?;
    let key = arguments.incident_key.as_deref().filter(|key| !key.is_empty());

    let mut incident = New { kind: "incident", title, ..New::default() };
    if let Some(text) = arguments.urgency.as_deref() {
        incident.urgency = Some(urgency(text)?);
    }
    if let Some(details) = details {
        let details = bounded("details", details, DETAILS_MAX_CHARS)?;
        incident.body = Some(Details { kind: "incident_body", details });
    }
    if let Some(key) = key {
        incident.incident_key = Some(bounded("incident_key", key, KEY_MAX_CHARS)?);
    }
    let service = identifier(context, Kind::Service, service, true)?;
    incident.service = Some(Pointer { id: service.clone(), kind: "service_reference" });
    if let Some(policy) = policy {
        let id = identifier(context, Kind::EscalationPolicy, policy, true)?;
        incident.escalation_policy = Some(Pointer { id, kind: "escalation_policy_reference" });
    }
    if let Some(wanted) = wanted {
        let id = match priorities(context) {
            Ok(known) => priority(&known, wanted)?,
            // PagerDuty itself refuses an identifier that is none.
            Err(ToolError::Forbidden(_)) if looks_like_identifier(wanted) => wanted.to_owned(),
            Err(error) => return Err(error),
        };
        incident.priority = Some(Pointer { id, kind: "priority_reference" });
    }

    let clock = Clock::new(context, None)?;
    let body = Body { incident };
    let answer = match (context.post("/incidents").json(&body).fetch::<One>(), key) {
        (Err(ToolError::Conflict(why)), Some(key)) => {
            return Err(ToolError::Conflict(why + &holder(context, key, &service)));
        }
        (answer, _) => answer?,
    };
    let incident = answer.incident.unwrap_or_default();
    Ok(Answer { created: true, incident: incident.listed().write(clock.now)?, url: incident.html_url })
}

/// Which open incident has the key. Not to know is no second error.
fn holder(context: &mut Context, key: &str, service: &str) -> String {
    let request = context
        .get("/incidents")
        .query("date_range", "all")
        .query("incident_key", key)
        .query("service_ids[]", service)
        .queries("statuses[]", ["triggered", "acknowledged"]);
    let mut text = String::new();
    let paging = Paging { page_rows: 1, pages_max: 1, ..Paging::USUAL };
    let _ = each_page::<Listed<'static>>(request, "incidents", paging, &mut |page| {
        // Should PagerDuty have ignored the key, the row says so.
        if let Some(found) = page.rows.first().filter(|row| row.incident_key.as_deref() == Some(key))
            && let (Some(number), Some(id)) = (found.incident_number, &found.id)
        {
            text = format!(" It is incident {number} ({id}): work on that one, or use another key.");
        }
        std::ops::ControlFlow::Break(())
    });
    text
}

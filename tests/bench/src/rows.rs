//! The work of a native program that does what the PagerDuty connector does: read a page of incidents, make
//! compact rows of it, write the answer. The fields are the connector's own, so that both parse and print
//! the same.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Longest text of a row, in characters, as in the connector.
const TEXT_MAX_CHARS: usize = 100;
/// People named in a row, as in the connector.
const ASSIGNED_MAX: usize = 5;
/// The user's zone, which the connector has from the connected account.
const TIME_ZONE: &str = "Europe/London";

/// A page of incidents.
#[derive(Deserialize)]
pub(crate) struct Page {
    incidents: Vec<Incident>,
    more: Option<bool>,
    total: Option<u32>,
}

#[derive(Deserialize, Default)]
struct Reference {
    id: Option<String>,
    summary: Option<String>,
    name: Option<String>,
}

#[derive(Deserialize)]
struct Assignment {
    assignee: Option<Reference>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "the connector reads these fields too, for its other tools")]
struct AlertCounts {
    all: Option<u32>,
    triggered: Option<u32>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "the connector reads these fields too, for its other tools")]
struct Body {
    details: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "the connector reads these fields too, for its other tools")]
struct Incident {
    id: Option<String>,
    incident_number: Option<u64>,
    title: Option<String>,
    summary: Option<String>,
    status: Option<String>,
    urgency: Option<String>,
    priority: Option<Reference>,
    service: Option<Reference>,
    created_at: Option<Timestamp>,
    resolved_at: Option<Timestamp>,
    last_status_change_at: Option<Timestamp>,
    assignments: Option<Vec<Assignment>>,
    escalation_policy: Option<Reference>,
    teams: Option<Vec<Reference>>,
    html_url: Option<String>,
    incident_key: Option<String>,
    alert_counts: Option<AlertCounts>,
    body: Option<Body>,
}

#[derive(Serialize)]
struct Answer {
    count: u32,
    shown: u32,
    complete: bool,
    window: Window,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    incidents: Vec<Row>,
}

#[derive(Serialize)]
struct Window {
    since: Option<String>,
    until: String,
    time_zone: &'static str,
}

#[derive(Serialize)]
struct Row {
    number: Option<u64>,
    id: Option<String>,
    title: String,
    status: Option<String>,
    urgency: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<String>,
    service: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    open_minutes: Option<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    assigned: Vec<String>,
}

impl Reference {
    fn label(&self) -> Option<&str> {
        [&self.summary, &self.name, &self.id]
            .into_iter()
            .find_map(|text| text.as_deref().filter(|text| !text.is_empty()))
    }
}

/// Reshapes a page of open incidents into the connector's answer.
pub(crate) fn answer(page: &[u8]) -> serde_json::Result<String> {
    let page: Page = serde_json::from_slice(page)?;
    let now = Timestamp::now();
    let incidents: Vec<Row> = page.incidents.iter().map(|incident| row(incident, now)).collect();
    let shown = u32::try_from(incidents.len()).unwrap_or(u32::MAX);
    let count = page.total.unwrap_or(shown);
    let complete = page.more != Some(true);
    serde_json::to_string(&Answer {
        count,
        shown,
        complete,
        window: Window { since: None, until: format!("{now:.0}"), time_zone: TIME_ZONE },
        hint: (!complete).then(|| format!("Call again with offset={shown} for more.")),
        incidents,
    })
}

fn row(incident: &Incident, now: Timestamp) -> Row {
    let label = |reference: &Option<Reference>| reference.as_ref().and_then(Reference::label).map(cut);
    let assignees = incident.assignments.iter().flatten().filter_map(|one| one.assignee.as_ref());
    Row {
        number: incident.incident_number,
        id: incident.id.clone(),
        title: cut(incident.title.as_deref().or(incident.summary.as_deref()).unwrap_or_default()),
        status: incident.status.clone(),
        urgency: incident.urgency.clone(),
        priority: label(&incident.priority),
        service: label(&incident.service),
        open_minutes: incident.created_at.map(|created| (now.as_second() - created.as_second()).max(0) / 60),
        assigned: assignees.filter_map(Reference::label).take(ASSIGNED_MAX).map(cut).collect(),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(TEXT_MAX_CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

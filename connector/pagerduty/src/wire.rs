//! PagerDuty's objects, as far as these tools read them (REST API v2).
//!
//! Everything is optional: fields are added, left out and set to null without notice, and a tool that
//! refuses an incident because of its conference bridge helps nobody.

use jiff::Timestamp;
use serde::Deserialize;

/// A pointer to another object; `summary` is its name.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Reference {
    pub(crate) id: Option<String>,
    pub(crate) summary: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
}

impl Reference {
    /// What people call it.
    pub(crate) fn label(&self) -> Option<&str> {
        [&self.summary, &self.name, &self.id].into_iter().find_map(|text| text.as_deref().filter(|text| !text.is_empty()))
    }
}

/// Labels of a list that may be null.
pub(crate) fn labels(references: Option<&[Reference]>) -> impl Iterator<Item = &str> {
    references.unwrap_or_default().iter().filter_map(Reference::label)
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Incident {
    pub(crate) id: Option<String>,
    pub(crate) incident_number: Option<u64>,
    pub(crate) title: Option<String>,
    pub(crate) summary: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) urgency: Option<String>,
    pub(crate) priority: Option<Reference>,
    pub(crate) service: Option<Reference>,
    pub(crate) created_at: Option<Timestamp>,
    pub(crate) resolved_at: Option<Timestamp>,
    pub(crate) last_status_change_at: Option<Timestamp>,
    pub(crate) assignments: Option<Vec<Assignment>>,
    pub(crate) escalation_policy: Option<Reference>,
    pub(crate) teams: Option<Vec<Reference>>,
    pub(crate) html_url: Option<String>,
    pub(crate) incident_key: Option<String>,
    pub(crate) alert_counts: Option<AlertCounts>,
    pub(crate) body: Option<Body>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Assignment {
    pub(crate) assignee: Option<Reference>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct AlertCounts {
    pub(crate) all: Option<u32>,
    pub(crate) triggered: Option<u32>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Body {
    pub(crate) details: Option<serde_json::Value>,
}

/// `{"incident": …}`, the answer to reading or writing one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct IncidentAnswer {
    pub(crate) incident: Incident,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Note {
    pub(crate) id: Option<String>,
    pub(crate) content: Option<String>,
    pub(crate) created_at: Option<Timestamp>,
    pub(crate) user: Option<Reference>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct NoteAnswer {
    pub(crate) note: Note,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct NotesAnswer {
    pub(crate) notes: Option<Vec<Note>>,
}

/// One line of an incident's history. `kind` is open: new types appear at any time.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct LogEntry {
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    pub(crate) summary: Option<String>,
    pub(crate) created_at: Option<Timestamp>,
    pub(crate) agent: Option<Reference>,
    pub(crate) user: Option<Reference>,
    pub(crate) assignees: Option<Vec<Reference>>,
    pub(crate) channel: Option<Channel>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Channel {
    pub(crate) summary: Option<String>,
    pub(crate) content: Option<String>,
    pub(crate) note: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Service {
    pub(crate) id: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) summary: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) teams: Option<Vec<Reference>>,
    pub(crate) escalation_policy: Option<Reference>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ServiceAnswer {
    pub(crate) service: Service,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct OnCall {
    pub(crate) user: Option<Reference>,
    pub(crate) schedule: Option<Reference>,
    pub(crate) escalation_policy: Option<Reference>,
    pub(crate) escalation_level: Option<u32>,
    pub(crate) end: Option<Timestamp>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct User {
    pub(crate) id: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) time_zone: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct UserAnswer {
    pub(crate) user: User,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PrioritiesAnswer {
    pub(crate) priorities: Option<Vec<Reference>>,
}

//! PagerDuty's objects, as far as these tools read them (REST API v2).
//!
//! Everything is optional: fields are added, left out and set to null without notice, and a tool that
//! refuses an incident because of its conference bridge helps nobody.

use serde_json::Value;

use crate::civil::Timestamp;
use crate::object::object;

object! {
    /// A pointer to another object; `summary` is its name.
    Reference {
        id: String;
        summary: String;
        name: String;
    }

    /// An incident.
    Incident {
        id: String;
        incident_number: u64;
        title: String;
        summary: String;
        status: String;
        urgency: String;
        priority: Reference;
        service: Reference;
        created_at: Timestamp, by moment;
        resolved_at: Timestamp, by moment;
        last_status_change_at: Timestamp, by moment;
        assignments: Vec<Assignment>;
        escalation_policy: Reference;
        teams: Vec<Reference>;
        html_url: String;
        incident_key: String;
        alert_counts: AlertCounts;
        body: Body;
    }

    /// Who has an incident.
    Assignment {
        assignee: Reference;
    }

    /// How many alerts an incident has.
    AlertCounts {
        all: u32;
        triggered: u32;
    }

    /// The description that came with an incident.
    Body {
        details: Value;
    }

    /// A note on an incident.
    Note {
        id: String;
        content: String;
        created_at: Timestamp, by moment;
        user: Reference;
    }

    /// One line of an incident's history. `kind` is open: new types appear at any time.
    LogEntry {
        kind as "type": String;
        summary: String;
        created_at: Timestamp, by moment;
        agent: Reference;
        user: Reference;
        assignees: Vec<Reference>;
        channel: Channel;
    }

    /// What a log entry came through, with the text of a note.
    Channel {
        summary: String;
        content: String;
        note: String;
    }

    /// Somebody on call, one way.
    OnCall {
        user: Reference;
        schedule: Reference;
        escalation_policy: Reference;
        escalation_level: u32;
        end: Timestamp, by moment;
    }

    /// Anything with a name: a service, a user, a team, an escalation policy, a schedule. One type for all of
    /// them, because every further one is some kilobytes of the component.
    Named {
        id: String;
        name: String;
        summary: String;
        status: String;
        teams: Vec<Reference>;
        email: String;
        time_zone: String;
        escalation_policy: Reference;
    }

    /// An answer that is no list of pages: each has one of these.
    One {
        incident: Incident;
        note: Note;
        notes: Vec<Note>;
        priorities: Vec<Reference>;
        service: Named;
        team: Named;
        user: Named;
        escalation_policy: Named;
        schedule: Named;
    }
}

impl Reference {
    /// What people call it.
    pub(crate) fn label(&self) -> Option<&str> {
        [&self.summary, &self.name, &self.id]
            .into_iter()
            .find_map(|text| text.as_deref().filter(|text| !text.is_empty()))
    }
}

/// Labels of a list that may be null.
pub(crate) fn labels(references: Option<&[Reference]>) -> impl Iterator<Item = &str> {
    references.unwrap_or_default().iter().filter_map(Reference::label)
}

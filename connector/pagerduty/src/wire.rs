//! PagerDuty's objects, as far as these tools read them (REST API v2).
//!
//! Everything is optional: fields are added, left out and set to null without notice, and a tool that
//! refuses an incident because of its conference bridge helps nobody.

use serde_json::Value;
use toolkeep_connector::json::Text;

use crate::civil::Timestamp;
use crate::object::object;

object! {
    /// A pointer to another object; `summary` is its name.
    Reference {
        id: String;
        summary: String;
        name: String;
    }

    /// The same in a row of a list, as it stands on the page.
    Label<'de> {
        id: Text<'de>;
        summary: Text<'de>;
        name: Text<'de>;
    }

    /// An incident in a list: what a row needs.
    Listed<'de> {
        id: Text<'de>;
        incident_number: u64;
        title: Text<'de>;
        summary: Text<'de>;
        status: Text<'de>;
        urgency: Text<'de>;
        priority: Label<'de>;
        service: Label<'de>;
        created_at: Timestamp, by moment;
        resolved_at: Timestamp, by moment;
        last_status_change_at: Timestamp, by moment;
        assignments: Vec<Assigned<'de>>;
        incident_key: Text<'de>;
    }

    /// Who has it.
    Assigned<'de> {
        assignee: Label<'de>;
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

/// What people call something: the first of its names that says anything.
fn first(names: [Option<&str>; 3]) -> Option<&str> {
    names.into_iter().flatten().find(|name| !name.is_empty())
}

impl Reference {
    /// What people call it.
    pub(crate) fn label(&self) -> Option<&str> {
        first([self.summary.as_deref(), self.name.as_deref(), self.id.as_deref()])
    }

    fn lend(&self) -> Label<'_> {
        Label { id: lend(&self.id), summary: lend(&self.summary), name: lend(&self.name) }
    }
}

impl Label<'_> {
    /// What people call it.
    pub(crate) fn label(&self) -> Option<&str> {
        first([self.summary.as_deref(), self.name.as_deref(), self.id.as_deref()])
    }

    /// The same without its page.
    pub(crate) fn owned(&self) -> Label<'static> {
        let owned = |text: &Option<Text<'_>>| text.clone().map(Text::into_owned);
        Label { id: owned(&self.id), summary: owned(&self.summary), name: owned(&self.name) }
    }
}

impl Assignment {
    fn lend(&self) -> Assigned<'_> {
        Assigned { assignee: self.assignee.as_ref().map(Reference::lend) }
    }
}

impl Incident {
    /// As much of it as a list has.
    pub(crate) fn listed(&self) -> Listed<'_> {
        Listed {
            id: lend(&self.id),
            incident_number: self.incident_number,
            title: lend(&self.title),
            summary: lend(&self.summary),
            status: lend(&self.status),
            urgency: lend(&self.urgency),
            priority: self.priority.as_ref().map(Reference::lend),
            service: self.service.as_ref().map(Reference::lend),
            created_at: self.created_at,
            resolved_at: self.resolved_at,
            last_status_change_at: self.last_status_change_at,
            assignments: self.assignments.as_ref().map(|all| all.iter().map(Assignment::lend).collect()),
            incident_key: lend(&self.incident_key),
        }
    }
}

fn lend(text: &Option<String>) -> Option<Text<'_>> {
    text.as_deref().map(Text::from)
}

/// Labels of a list that may be null.
pub(crate) fn labels(references: Option<&[Reference]>) -> impl Iterator<Item = &str> {
    references.unwrap_or_default().iter().filter_map(Reference::label)
}

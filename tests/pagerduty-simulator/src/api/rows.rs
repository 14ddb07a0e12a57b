//! One incident as the API shows it: about 2,300 bytes, most of them references.
//!
//! The plain row (UTC, no `include[]`) is made once and kept with the incident until it changes; a page of
//! 25 is then copying, which is what lets the simulator stay in the background of a benchmark.

use super::render;
use crate::clock::Zone;
use crate::company::{Company, SUBDOMAIN};
use crate::http::query::Query;
use crate::state::{Incident, State};
use bytes::Bytes;
use serde_json::{Value, json};

/// Which references of an incident are sent whole.
#[derive(Clone, Copy, Default)]
pub(crate) struct Includes {
    services: bool,
    teams: bool,
    policies: bool,
    people: bool,
    trigger: bool,
}

impl Includes {
    pub(crate) fn of(query: &Query) -> Includes {
        Includes {
            services: query.includes("services"),
            teams: query.includes("teams"),
            policies: query.includes("escalation_policies"),
            people: ["assignees", "users", "acknowledgers", "agents"].iter().any(|name| query.includes(name)),
            trigger: query.includes("first_trigger_log_entries"),
        }
    }

    fn is_plain(self) -> bool {
        !(self.services || self.teams || self.policies || self.people || self.trigger)
    }
}

/// The row's bytes, ready or made now.
pub(crate) fn bytes(incident: &Incident, state: &State, company: &Company, zone: &Zone, includes: Includes) -> Bytes {
    if zone.is_utc() && includes.is_plain() {
        let row = incident.row.get_or_init(|| Bytes::from(value(incident, state, company, zone, includes).to_string()));
        return row.clone();
    }
    Bytes::from(value(incident, state, company, zone, includes).to_string())
}

/// `[#4201] Title`, the summary of an incident.
pub(crate) fn summary(incident: &Incident) -> String {
    format!("[#{}] {}", incident.number, incident.title)
}

pub(crate) fn reference(incident: &Incident) -> Value {
    json!({
        "id": incident.id,
        "type": "incident_reference",
        "summary": summary(incident),
        "self": format!("https://api.pagerduty.com/incidents/{}", incident.id),
        "html_url": format!("https://{SUBDOMAIN}.pagerduty.com/incidents/{}", incident.id),
    })
}

/// The whole object.
pub(crate) fn value(incident: &Incident, state: &State, company: &Company, zone: &Zone, includes: Includes) -> Value {
    let person = |user: &crate::company::User| {
        if includes.people { render::user(user) } else { render::user_reference(user) }
    };
    let assignments: Vec<Value> = incident
        .assignments
        .iter()
        .map(|one| json!({"at": zone.show(one.at_s), "assignee": person(&one.user)}))
        .collect();
    let acknowledgements: Vec<Value> = incident
        .acknowledgements
        .iter()
        .map(|one| json!({"at": zone.show(one.at_s), "acknowledger": person(&one.user)}))
        .collect();
    let resolved = incident.alerts.iter().filter(|alert| alert.resolved_at_s.is_some()).count();
    let all = incident.alerts.len();
    let mut pending: Vec<Value> = Vec::new();
    if let Some(until_s) = incident.snoozed_until_s {
        pending.push(json!({"type": "unacknowledge", "at": zone.show(until_s)}));
    }
    let service = if includes.services {
        render::service(&incident.service, state, company, zone, render::Includes::default())
    } else {
        render::service_reference(&incident.service)
    };
    let team = &incident.policy.team;
    let trigger = match incident.log.first() {
        Some(entry) if includes.trigger => super::timeline::log_entry(incident, 0, entry, zone, Default::default()),
        _ => super::timeline::trigger_reference(incident),
    };
    let mut row = reference(incident);
    render::extend(
        &mut row,
        json!({
            "type": "incident",
            "incident_number": incident.number,
            "title": incident.title,
            "created_at": zone.show(incident.created_at_s),
            "updated_at": zone.show(incident.updated_at_s),
            "status": incident.status.name(),
            "incident_key": incident.key,
            "service": service,
            "assignments": assignments,
            "assigned_via": if incident.directly_assigned { "direct_assignment" } else { "escalation_policy" },
            "last_status_change_at": zone.show(incident.last_status_change_at_s),
            "resolved_at": incident.resolved_at_s.map(|at_s| zone.show(at_s)),
            "first_trigger_log_entry": trigger,
            "alert_counts": {"all": all, "triggered": all.saturating_sub(resolved), "resolved": resolved},
            "is_mergeable": incident.merged_into.is_none(),
            "incident_type": {"name": "incident_default"},
            "escalation_policy": if includes.policies {
                render::policy(&incident.policy, company, false)
            } else {
                render::policy_reference(&incident.policy)
            },
            "teams": [if includes.teams { render::team(team) } else { render::team_reference(team) }],
            "impacted_services": [],
            "pending_actions": pending,
            "acknowledgements": acknowledgements,
            "basic_alert_grouping": null,
            "alert_grouping": null,
            "last_status_change_by": render::agent(&incident.last_status_change_by),
            "priority": incident.priority.as_ref().map(|one| render::priority(one)),
            "resolve_reason": incident.merged_into.as_ref().map(|id| json!({
                "type": "merge_resolve_reason",
                "incident": {"id": id, "type": "incident_reference"},
            })),
            "conference_bridge": null,
            "incidents_responders": [],
            "responder_requests": [],
            "subscriber_requests": [],
            "external_references": [],
            "urgency": incident.urgency.name(),
            "cell_hint": "eu-3",
        }),
    );
    row
}

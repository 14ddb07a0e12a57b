//! What hangs on an incident: its log, its notes, its alerts.

use super::acting::{acting_user, object};
use super::incidents::by_id_or_number;
use super::page::paged;
use super::{render, rows};
use crate::clock::Zone;
use crate::company::SUBDOMAIN;
use crate::http::error::ApiError;
use crate::http::{Call, Reply};
use crate::random::identifier;
use crate::state::{Alert, Channel, Incident, LogEntry, LogKind, Note};
use serde_json::{Value, json};

/// A longer note is refused, as PagerDuty does.
const MAX_NOTE_CHARS: usize = 25_000;
/// Notes of one incident; more are refused.
const MAX_NOTES: usize = 2_000;

/// What `include[]` asks of log entries.
#[derive(Clone, Copy, Default)]
pub(crate) struct Includes {
    channels: bool,
    teams: bool,
}

fn log_id(incident: &Incident, place: usize) -> String {
    identifier("R", 14, "log", &incident.id, u64::try_from(place).unwrap_or_default())
}

/// The reference to the entry that opened the incident.
pub(crate) fn trigger_reference(incident: &Incident) -> Value {
    let id = log_id(incident, 0);
    json!({
        "id": id,
        "type": "trigger_log_entry_reference",
        "summary": "Triggered through the monitoring integration",
        "self": format!("https://api.pagerduty.com/log_entries/{id}?incident_id={}", incident.id),
        "html_url": format!("https://{SUBDOMAIN}.pagerduty.com/incidents/{}/log_entries/{id}", incident.id),
    })
}

fn told(entry: &LogEntry) -> String {
    let by = match &entry.agent {
        crate::state::Agent::User(user) => user.name,
        crate::state::Agent::Service(service) => service.name,
    };
    let names = |users: &[std::sync::Arc<crate::company::User>]| {
        users.iter().map(|user| user.name).collect::<Vec<_>>().join(", ")
    };
    match &entry.kind {
        LogKind::Trigger => format!("Triggered through {by}"),
        LogKind::Notify(user) => format!("Notified {}", user.name),
        LogKind::Acknowledge => format!("Acknowledged by {by}"),
        LogKind::Assign(users) => format!("Assigned to {}", names(users)),
        LogKind::Escalate(users) => format!("Escalated to {} by {by}", names(users)),
        LogKind::Annotate(_) => format!("Note added by {by}"),
        LogKind::Unacknowledge => format!("Unacknowledged by {by}"),
        LogKind::Snooze { .. } => format!("Snoozed by {by}"),
        LogKind::UrgencyChange(urgency) => format!("Urgency set to {} by {by}", urgency.name()),
        LogKind::PriorityChange(Some(priority)) => format!("Priority set to {} by {by}", priority.name),
        LogKind::PriorityChange(None) => format!("Priority removed by {by}"),
        LogKind::TitleChange(_) => format!("Title changed by {by}"),
        LogKind::Resolve(_) => format!("Resolved by {by}"),
        LogKind::Merge { .. } => format!("Merged by {by}"),
        LogKind::RelayHealth => "Relay reported healthy".to_owned(),
    }
}

/// One log entry. The text of a note comes only with `include[]=channels`.
pub(crate) fn log_entry(incident: &Incident, place: usize, entry: &LogEntry, zone: &Zone, includes: Includes) -> Value {
    let id = log_id(incident, place);
    let mut channel = json!({"type": entry.channel.name()});
    if includes.channels {
        match &entry.kind {
            LogKind::Annotate(text) => render::extend(&mut channel, json!({"summary": text})),
            LogKind::Trigger => render::extend(
                &mut channel,
                json!({"summary": incident.title, "details": incident.alerts.first().and_then(|one| one.detail.clone())}),
            ),
            _ => {}
        }
    }
    let team = &incident.policy.team;
    let mut value = json!({
        "id": id,
        "type": entry.kind.type_name(),
        "summary": told(entry),
        "self": format!("https://api.pagerduty.com/log_entries/{id}?incident_id={}", incident.id),
        "html_url": null,
        "created_at": zone.show(entry.at_s),
        "agent": render::agent(&entry.agent),
        "channel": channel,
        "service": render::service_reference(&incident.service),
        "incident": rows::reference(incident),
        "teams": [if includes.teams { render::team(team) } else { render::team_reference(team) }],
        "contexts": [],
        "event_details": {},
    });
    let more = match &entry.kind {
        LogKind::Trigger => json!({"event_details": {"description": incident.title}}),
        LogKind::Notify(user) => json!({"user": render::user_reference(user)}),
        LogKind::Assign(users) | LogKind::Escalate(users) => {
            json!({"assignees": users.iter().map(|user| render::user_reference(user)).collect::<Vec<_>>()})
        }
        LogKind::Snooze { until_s } => {
            json!({"changed_actions": [{"type": "unacknowledge", "at": zone.show(*until_s)}]})
        }
        LogKind::UrgencyChange(urgency) => json!({"urgency": urgency.name()}),
        LogKind::PriorityChange(priority) => json!({"priority": priority.as_ref().map(|one| render::priority(one))}),
        LogKind::TitleChange(title) => json!({"changeset": [{"name": "title", "new_value": title}]}),
        LogKind::Resolve(Some(resolution)) => json!({"note": resolution}),
        LogKind::Merge { into } => json!({"merged_into": {"id": into, "type": "incident_reference"}}),
        _ => json!({}),
    };
    render::extend(&mut value, more);
    value
}

/// `GET /incidents/{id}/log_entries`: newest first, as PagerDuty usually sends them; `is_overview`,
/// `since`, `until`, `time_zone`, `include[]=channels`.
pub(crate) fn log_entries(call: &Call<'_>) -> Result<Reply, ApiError> {
    let page = call.query.page()?;
    let zone = call.query.zone()?.unwrap_or_else(Zone::account);
    let since_s = call.query.moment("since", &zone)?;
    let until_s = call.query.moment("until", &zone)?;
    let overview = call.query.is_true("is_overview");
    let includes = Includes { channels: call.query.includes("channels"), teams: call.query.includes("teams") };
    let state = call.app.state();
    let incident = by_id_or_number(&state, call.id)?;
    let mut entries: Vec<_> = incident
        .log
        .iter()
        .enumerate()
        .filter(|(_, entry)| !overview || entry.kind.is_overview())
        .filter(|(_, entry)| since_s.is_none_or(|since_s| entry.at_s >= since_s))
        .filter(|(_, entry)| until_s.is_none_or(|until_s| entry.at_s <= until_s))
        .collect();
    entries.reverse();
    Ok(paged("log_entries", &entries, page, |(place, entry)| log_entry(incident, *place, entry, &zone, includes)))
}

fn note(incident: &Incident, place: usize, note: &Note, zone: &Zone) -> Value {
    json!({
        "id": identifier("P", 7, "note", &incident.id, u64::try_from(place).unwrap_or_default()),
        "user": render::user_reference(&note.user),
        "channel": {"summary": "The PagerDuty website or APIs"},
        "content": note.content,
        "created_at": zone.show(note.at_s),
        "updated_at": zone.show(note.at_s),
    })
}

/// `GET /incidents/{id}/notes`: all of them, oldest first; this list has no pages.
pub(crate) fn notes(call: &Call<'_>) -> Result<Reply, ApiError> {
    let state = call.app.state();
    let incident = by_id_or_number(&state, call.id)?;
    let zone = Zone::account();
    let notes: Vec<Value> =
        incident.notes.iter().enumerate().map(|(place, one)| note(incident, place, one, &zone)).collect();
    Ok(Reply::ok(&json!({"notes": notes})))
}

/// `POST /incidents/{id}/notes {"note":{"content":"…"}}`, also on a resolved incident.
pub(crate) fn add_note(call: &Call<'_>) -> Result<Reply, ApiError> {
    let user = acting_user(call)?;
    let body = object(call)?;
    let content = body.pointer("/note/content").and_then(Value::as_str).map(str::trim).unwrap_or_default();
    if content.is_empty() {
        return Err(ApiError::invalid("Content cannot be empty"));
    }
    if content.chars().count() > MAX_NOTE_CHARS {
        return Err(ApiError::invalid("Content is too long (maximum is 25000 characters)"));
    }
    let now_s = call.app.clock.now_s();
    let mut state = call.app.state_mut();
    let place = state.place_of(call.id).ok_or_else(ApiError::not_found)?;
    if state.at(place).is_some_and(|incident| incident.notes.len() >= MAX_NOTES) {
        return Err(ApiError::invalid("the incident has too many notes"));
    }
    state.update(place, now_s, |incident| incident.annotate(now_s, &user, content.to_owned()));
    let incident = state.at(place).ok_or_else(ApiError::not_found)?;
    let last = incident.notes.len().saturating_sub(1);
    let shown = incident.notes.last().map(|one| note(incident, last, one, &Zone::account()));
    Ok(Reply::ok(&json!({"note": shown})))
}

fn alert(incident: &Incident, place: usize, alert: &Alert, zone: &Zone) -> Value {
    let id = identifier("Q", 14, "alert", &incident.id, u64::try_from(place).unwrap_or_default());
    let integration = identifier("P", 7, "integration", incident.service.name, 0);
    json!({
        "id": id,
        "type": "alert",
        "summary": alert.summary,
        "self": format!("https://api.pagerduty.com/incidents/{}/alerts/{id}", incident.id),
        "html_url": format!("https://{SUBDOMAIN}.pagerduty.com/alerts/{id}"),
        "created_at": zone.show(alert.created_at_s),
        "resolved_at": alert.resolved_at_s.map(|at_s| zone.show(at_s)),
        "status": if alert.resolved_at_s.is_some() { "resolved" } else { "triggered" },
        "alert_key": alert.key,
        "service": render::service_reference(&incident.service),
        "body": {
            "type": "alert_body",
            "contexts": [{"type": "link", "href": "https://grafana.harbourandfinch.example/d/service", "text": "Dashboard"}],
            "cef_details": null,
            "details": {
                "service": incident.service.name,
                "monitor": incident.service.integration,
                "message": alert.detail.as_deref().unwrap_or(&alert.summary),
            },
        },
        "incident": rows::reference(incident),
        "suppressed": false,
        "severity": alert.severity,
        "integration": {
            "id": integration,
            "type": "events_api_v2_inbound_integration_reference",
            "summary": incident.service.integration,
            "self": format!("https://api.pagerduty.com/services/{}/integrations/{integration}", incident.service.id),
            "html_url": null,
        },
        "first_trigger_log_entry": trigger_reference(incident),
        "privilege": null,
    })
}

/// `GET /incidents/{id}/alerts`: `statuses[]`, `alert_key`.
pub(crate) fn alerts(call: &Call<'_>) -> Result<Reply, ApiError> {
    let page = call.query.page()?;
    let statuses = call.query.set("statuses[]");
    let key = call.query.one("alert_key");
    let state = call.app.state();
    let incident = by_id_or_number(&state, call.id)?;
    let alerts: Vec<_> = incident
        .alerts
        .iter()
        .enumerate()
        .filter(|(_, one)| {
            let status = if one.resolved_at_s.is_some() { "resolved" } else { "triggered" };
            statuses.is_empty() || statuses.contains(&status)
        })
        .filter(|(_, one)| key.is_none_or(|key| one.key == key))
        .collect();
    let zone = Zone::account();
    Ok(paged("alerts", &alerts, page, |(place, one)| alert(incident, *place, one, &zone)))
}

/// The way that requests of this API come in.
pub(crate) const API: Channel = Channel::Api;

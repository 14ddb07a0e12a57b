//! Writes to incidents: create, change one, change many, merge, snooze.

use super::acting::{acting_user, object, referenced};
use super::rows::{self, Includes};
use super::timeline::API;
use crate::clock::Zone;
use crate::company::{Priority, User};
use crate::http::error::ApiError;
use crate::http::{Call, Reply};
use crate::random::identifier;
use crate::state::history::incident_id;
use crate::state::{
    Agent, Assignment, Change, Incident, LogKind, Place, Reassignment, Refusal, State, Status, Urgency,
};
use serde_json::{Value, json};
use std::sync::Arc;

/// More resources in one write are 413.
const MAX_RESOURCES: usize = 250;
/// A longer title is refused.
const MAX_TITLE_CHARS: usize = 1_024;
/// The longest snooze: a week.
const MAX_SNOOZE_S: i64 = 604_800;
/// The simulator holds no more incidents than this; a runaway client must not take all memory.
const MAX_INCIDENTS: usize = 400_000;

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> ApiError {
        match refusal {
            Refusal::AlreadyResolved => ApiError::refused(1001, "Incident Already Resolved"),
            Refusal::AlreadyAcknowledged => ApiError::refused(1002, "Incident Already Acknowledged"),
            Refusal::NoSuchLevel => ApiError::invalid("the escalation policy has no such level"),
        }
    }
}

fn text<'a>(value: &'a Value, name: &str) -> Result<Option<&'a str>, ApiError> {
    match value.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(ApiError::invalid(&format!("{name} must be a string"))),
    }
}

fn title(value: &Value) -> Result<Option<String>, ApiError> {
    match text(value, "title")? {
        Some(title) if title.trim().is_empty() => Err(ApiError::invalid("Title cannot be empty")),
        Some(title) if title.chars().count() > MAX_TITLE_CHARS => {
            Err(ApiError::invalid("Title is too long (maximum is 1024 characters)"))
        }
        title => Ok(title.map(str::to_owned)),
    }
}

fn urgency(value: &Value) -> Result<Option<Urgency>, ApiError> {
    let name = text(value, "urgency")?;
    name.map(|name| Urgency::named(name).ok_or_else(|| ApiError::invalid("Urgency must be high or low"))).transpose()
}

/// A priority as an object `{id, type}`, as its name, or null to take it away.
fn priority(call: &Call<'_>, value: &Value) -> Result<Option<Option<Arc<Priority>>>, ApiError> {
    let priorities = &call.app.company.priorities;
    let found = match value.get("priority") {
        None => return Ok(None),
        Some(Value::Null) => return Ok(Some(None)),
        Some(Value::String(name)) => priorities.iter().find(|one| one.name == name),
        Some(reference) => {
            let id = referenced(reference, "priority")?;
            priorities.iter().find(|one| one.id == id)
        }
    };
    found.map(|one| Some(Some(Arc::clone(one)))).ok_or_else(|| ApiError::invalid("Priority not found"))
}

fn assignees(call: &Call<'_>, value: &Value) -> Result<Option<Vec<Arc<User>>>, ApiError> {
    let list = match value.get("assignments") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Array(list)) if !list.is_empty() => list,
        Some(_) => return Err(ApiError::invalid("Assignments must be a list of at least one assignee")),
    };
    let users = list.iter().map(|one| {
        let id = referenced(one.get("assignee").unwrap_or(&Value::Null), "user")?;
        call.app.company.user(id).map(Arc::clone).ok_or_else(|| ApiError::invalid("Assignee not found"))
    });
    users.collect::<Result<Vec<_>, _>>().map(Some)
}

fn reassignment(call: &Call<'_>, value: &Value) -> Result<Option<Reassignment>, ApiError> {
    let users = assignees(call, value)?.map(Reassignment::Users);
    let policy = match value.get("escalation_policy") {
        None | Some(Value::Null) => None,
        Some(reference) => {
            let id = referenced(reference, "escalation_policy")?;
            let policy = call.app.company.policy(id).ok_or_else(|| ApiError::invalid("Escalation policy not found"))?;
            Some(Reassignment::Policy(Arc::clone(policy)))
        }
    };
    let level = match value.get("escalation_level") {
        None | Some(Value::Null) => None,
        Some(level) => {
            let level = level.as_u64().and_then(|level| usize::try_from(level).ok());
            Some(Reassignment::Level(
                level.ok_or_else(|| ApiError::invalid("Escalation level must be a whole number"))?,
            ))
        }
    };
    let mut given = [users, policy, level].into_iter().flatten();
    match (given.next(), given.next()) {
        (_, Some(_)) => {
            Err(ApiError::invalid("Only one of assignments, escalation_policy and escalation_level can be given"))
        }
        (one, None) => Ok(one),
    }
}

fn change(call: &Call<'_>, value: &Value) -> Result<Change, ApiError> {
    if !matches!(value.get("type").and_then(Value::as_str), Some("incident" | "incident_reference")) {
        return Err(ApiError::invalid("Incident type must be incident or incident_reference"));
    }
    let status = text(value, "status")?;
    let status = status
        .map(|name| {
            Status::named(name).ok_or_else(|| ApiError::invalid("Status must be triggered, acknowledged or resolved"))
        })
        .transpose()?;
    Ok(Change {
        status,
        resolution: text(value, "resolution")?.map(str::to_owned),
        title: title(value)?,
        urgency: urgency(value)?,
        priority: priority(call, value)?,
        reassignment: reassignment(call, value)?,
    })
}

fn shown(call: &Call<'_>, state: &State, place: Place) -> Result<Value, ApiError> {
    let incident = state.at(place).ok_or_else(ApiError::not_found)?;
    Ok(rows::value(incident, state, &call.app.company, &Zone::UTC, Includes::default()))
}

/// `POST /incidents`: title and service; an open incident of the service with the same `incident_key` is 400.
pub(crate) fn create(call: &Call<'_>) -> Result<Reply, ApiError> {
    let user = acting_user(call)?;
    let body = object(call)?;
    let wanted = body.get("incident").filter(|value| value.is_object());
    let wanted = wanted.ok_or_else(|| ApiError::invalid("incident is required"))?;
    if wanted.get("type").and_then(Value::as_str) != Some("incident") {
        return Err(ApiError::invalid("Incident type must be incident"));
    }
    let title = title(wanted)?.ok_or_else(|| ApiError::invalid("Title cannot be empty"))?;
    let service = wanted.get("service").ok_or_else(|| ApiError::invalid("Service cannot be empty"))?;
    let service = call
        .app
        .company
        .service(referenced(service, "service")?)
        .ok_or_else(|| ApiError::invalid("Service not found"))?;
    let priority = priority(call, wanted)?.flatten();
    let reassignment = reassignment(call, wanted)?;
    let urgency = urgency(wanted)?.unwrap_or(Urgency::High);
    let details = wanted.pointer("/body/details").and_then(Value::as_str).map(str::to_owned);
    let key = text(wanted, "incident_key")?;

    let mut state = call.app.state_mut();
    if state.all().len() >= MAX_INCIDENTS {
        return Err(ApiError::invalid("the account has too many incidents"));
    }
    if key.is_some_and(|key| state.open_key(&service.id, key)) {
        return Err(ApiError::invalid("Open incident already exists on the service with this incident key"));
    }
    if let Some(Reassignment::Level(level)) = reassignment
        && (level == 0 || level > service.policy.rules.len())
    {
        return Err(Refusal::NoSuchLevel.into());
    }
    // Read under the lock, so that creation times stay in the order of the list.
    let now_s = call.app.clock.now_s();
    let number = state.take_number();
    let made_key = || identifier("", 32, "key", &service.id, u64::from(number)).to_ascii_lowercase();
    let agent = Agent::User(Arc::clone(&user));
    let mut incident = Incident::triggered(
        incident_id(number),
        number,
        title,
        key.map_or_else(made_key, str::to_owned),
        now_s,
        urgency,
        priority,
        Arc::clone(service),
        Arc::clone(&service.policy),
        agent.clone(),
        API,
    );
    incident.body = details;
    let (people, direct) = match reassignment {
        Some(Reassignment::Users(users)) => {
            (users.into_iter().map(|user| Assignment { at_s: now_s, user }).collect(), true)
        }
        Some(Reassignment::Policy(policy)) => {
            incident.policy = policy;
            (State::assignments(&incident.policy, 1, now_s), false)
        }
        Some(Reassignment::Level(level)) => {
            incident.level = level;
            (State::assignments(&incident.policy, level, now_s), false)
        }
        None => (State::assignments(&incident.policy, 1, now_s), false),
    };
    incident.directly_assigned = direct;
    incident.assign(people, now_s, &agent, API);
    let place = state.insert(incident);
    let mut row = shown(call, &state, place)?;
    if let Some(details) = state.at(place).and_then(|incident| incident.body.as_ref()) {
        super::render::extend(&mut row, json!({"body": {"type": "incident_body", "details": details}}));
    }
    Ok(Reply::created(&json!({"incident": row})))
}

/// `PUT /incidents/{id}`: takes the identifier only; an incident number is 404.
pub(crate) fn one(call: &Call<'_>) -> Result<Reply, ApiError> {
    let user = acting_user(call)?;
    let body = object(call)?;
    let wanted = body.get("incident").filter(|value| value.is_object());
    let wanted = wanted.ok_or_else(|| ApiError::invalid("incident is required"))?;
    let now_s = call.app.clock.now_s();
    let mut state = call.app.state_mut();
    let place = state.place_of(call.id).ok_or_else(ApiError::not_found)?;
    let change = change(call, wanted)?;
    change.check(state.at(place).ok_or_else(ApiError::not_found)?)?;
    state.update(place, now_s, |incident| change.apply(incident, now_s, &user, API));
    Ok(Reply::ok(&json!({"incident": shown(call, &state, place)?})))
}

/// `PUT /incidents`: at most 250. All are checked first, so that either all change or none.
pub(crate) fn many(call: &Call<'_>) -> Result<Reply, ApiError> {
    let user = acting_user(call)?;
    let body = object(call)?;
    let list = body.get("incidents").and_then(Value::as_array);
    let list = list.ok_or_else(|| ApiError::invalid("incidents must be a list"))?;
    if list.len() > MAX_RESOURCES {
        return Err(ApiError::too_large("more than 250 incidents in one request"));
    }
    let now_s = call.app.clock.now_s();
    let mut state = call.app.state_mut();
    let mut changes: Vec<(Place, Change)> = Vec::with_capacity(list.len());
    for wanted in list {
        let place = text(wanted, "id")?.and_then(|id| state.place_of(id)).ok_or_else(ApiError::not_found)?;
        if changes.iter().any(|(other, _)| *other == place) {
            return Err(ApiError::invalid("an incident is listed twice"));
        }
        let change = change(call, wanted)?;
        change.check(state.at(place).ok_or_else(ApiError::not_found)?)?;
        changes.push((place, change));
    }
    let places: Vec<Place> = changes.iter().map(|(place, _)| *place).collect();
    for (place, change) in changes {
        state.update(place, now_s, |incident| change.apply(incident, now_s, &user, API));
    }
    let rows = places.into_iter().map(|place| shown(call, &state, place)).collect::<Result<Vec<_>, _>>()?;
    Ok(Reply::ok(&json!({"incidents": rows})))
}

/// `PUT /incidents/{id}/merge {"source_incidents":[{id,type}]}`: the sources close, their alerts move.
pub(crate) fn merge(call: &Call<'_>) -> Result<Reply, ApiError> {
    let user = acting_user(call)?;
    let agent = Agent::User(Arc::clone(&user));
    let body = object(call)?;
    let list = body.get("source_incidents").and_then(Value::as_array).filter(|list| !list.is_empty());
    let list = list.ok_or_else(|| ApiError::invalid("source_incidents must be a list of at least one incident"))?;
    if list.len() > MAX_RESOURCES {
        return Err(ApiError::too_large("more than 250 incidents in one request"));
    }
    let now_s = call.app.clock.now_s();
    let mut state = call.app.state_mut();
    let target = state.place_of(call.id).ok_or_else(ApiError::not_found)?;
    if state.at(target).is_none_or(|incident| !incident.status.is_open()) {
        return Err(Refusal::AlreadyResolved.into());
    }
    let mut sources: Vec<Place> = Vec::with_capacity(list.len());
    for source in list {
        let place = state.place_of(referenced(source, "incident")?).ok_or_else(ApiError::not_found)?;
        if place == target || sources.contains(&place) {
            return Err(ApiError::invalid("an incident cannot be merged into itself or twice"));
        }
        if state.at(place).is_some_and(|incident| incident.merged_into.is_some()) {
            return Err(ApiError::refused(1019, "Incident Already Merged"));
        }
        sources.push(place);
    }
    for place in sources {
        let moved = state.update(place, now_s, |incident| {
            let alerts = std::mem::take(&mut incident.alerts);
            if incident.status.is_open() {
                incident.resolve(now_s, &agent, None, API);
            }
            incident.merged_into = Some(call.id.to_owned());
            incident.record(now_s, LogKind::Merge { into: call.id.to_owned() }, &agent, API);
            alerts
        });
        state.update(target, now_s, |incident| incident.alerts.extend(moved.unwrap_or_default()));
    }
    Ok(Reply::ok(&json!({"incident": shown(call, &state, target)?})))
}

/// `POST /incidents/{id}/snooze {"duration":seconds}`: acknowledged, with a pending un-acknowledgement.
pub(crate) fn snooze(call: &Call<'_>) -> Result<Reply, ApiError> {
    let user = acting_user(call)?;
    let body = object(call)?;
    let duration_s =
        body.get("duration").and_then(Value::as_i64).filter(|seconds| (1..=MAX_SNOOZE_S).contains(seconds));
    let duration_s = duration_s.ok_or_else(|| ApiError::invalid("Duration must be 1 to 604800 seconds"))?;
    let now_s = call.app.clock.now_s();
    let mut state = call.app.state_mut();
    let place = state.place_of(call.id).ok_or_else(ApiError::not_found)?;
    if state.at(place).is_none_or(|incident| !incident.status.is_open()) {
        return Err(Refusal::AlreadyResolved.into());
    }
    state.update(place, now_s, |incident| {
        if incident.status == Status::Triggered {
            incident.acknowledge(now_s, &user, API);
        }
        let until_s = now_s.saturating_add(duration_s);
        incident.snoozed_until_s = Some(until_s);
        incident.record(now_s, LogKind::Snooze { until_s }, &Agent::User(Arc::clone(&user)), API);
    });
    Ok(Reply::created(&json!({"incident": shown(call, &state, place)?})))
}

//! Escalation policies and schedules.

use super::directory::name_matches;
use super::page::paged;
use super::render;
use crate::clock::Zone;
use crate::company::{Schedule, Shift, Target};
use crate::http::error::ApiError;
use crate::http::{Call, Reply};
use serde_json::{Value, json};

/// A rendered schedule covers two weeks when no end is given.
const DEFAULT_SPAN_S: i64 = 14 * 86_400;
/// The longest schedule that is rendered: three months, which bounds the answer.
const MAX_SPAN_S: i64 = 93 * 86_400;
/// More shifts than half-day turns fit in three months; a second bound for the same answer.
const MAX_SHIFTS: usize = 256;

/// `GET /escalation_policies`: `query`, `user_ids[]`, `team_ids[]`, `sort_by=name[:desc]`, `include[]=targets`.
pub(crate) fn policies(call: &Call<'_>) -> Result<Reply, ApiError> {
    let page = call.query.page()?;
    let query = call.query.one("query");
    let users = call.query.set("user_ids[]");
    let teams = call.query.set("team_ids[]");
    let mut policies: Vec<_> = call
        .app
        .company
        .policies
        .iter()
        .filter(|policy| name_matches(policy.name, query))
        .filter(|policy| teams.is_empty() || teams.contains(&policy.team.id.as_str()))
        .filter(|policy| {
            users.is_empty()
                || policy.rules.iter().flat_map(|rule| &rule.targets).any(|target| match target {
                    Target::User(user) => users.contains(&user.id.as_str()),
                    Target::Schedule(schedule) => schedule.users.iter().any(|user| users.contains(&user.id.as_str())),
                })
        })
        .collect();
    policies.sort_by_key(|policy| policy.name);
    match call.query.one("sort_by") {
        None | Some("name" | "name:asc") => {}
        Some("name:desc") => policies.reverse(),
        Some(_) => return Err(ApiError::invalid("sort_by must be name, name:asc or name:desc")),
    }
    let targets = call.query.includes("targets");
    Ok(paged("escalation_policies", &policies, page, |policy| render::policy(policy, &call.app.company, targets)))
}

/// `GET /escalation_policies/{id}`.
pub(crate) fn policy(call: &Call<'_>) -> Result<Reply, ApiError> {
    let policy = call.app.company.policy(call.id).ok_or_else(ApiError::not_found)?;
    let shown = render::policy(policy, &call.app.company, call.query.includes("targets"));
    Ok(Reply::ok(&json!({"escalation_policy": shown})))
}

/// `GET /schedules`: `query`, `team_ids[]`.
pub(crate) fn schedules(call: &Call<'_>) -> Result<Reply, ApiError> {
    let page = call.query.page()?;
    let query = call.query.one("query");
    let teams = call.query.set("team_ids[]");
    let schedules: Vec<_> = call
        .app
        .company
        .schedules
        .iter()
        .filter(|schedule| name_matches(schedule.name, query))
        .filter(|schedule| teams.is_empty() || teams.contains(&schedule.team.id.as_str()))
        .collect();
    Ok(paged("schedules", &schedules, page, |schedule| render::schedule(schedule, &call.app.company)))
}

/// `GET /schedules/{id}`: with the rendered shifts between `since` (now) and `until` (two weeks later).
pub(crate) fn schedule(call: &Call<'_>) -> Result<Reply, ApiError> {
    let found = call.app.company.schedules.iter().find(|schedule| schedule.id == call.id);
    let schedule = found.ok_or_else(ApiError::not_found)?;
    let zone = match call.query.zone()? {
        Some(zone) => zone,
        None => Zone::named(schedule.time_zone).unwrap_or_else(Zone::account),
    };
    let since_s = call.query.moment("since", &zone)?.unwrap_or_else(|| call.app.clock.now_s());
    let until_s = call.query.moment("until", &zone)?.unwrap_or_else(|| since_s.saturating_add(DEFAULT_SPAN_S));
    let span_s = until_s.saturating_sub(since_s);
    if !(0..=MAX_SPAN_S).contains(&span_s) {
        return Err(ApiError::invalid("until must follow since by at most three months"));
    }
    let mut shown = render::schedule(schedule, &call.app.company);
    render::extend(&mut shown, layers(schedule, since_s, until_s, &zone));
    Ok(Reply::ok(&json!({"schedule": shown})))
}

fn layers(schedule: &Schedule, since_s: i64, until_s: i64, zone: &Zone) -> Value {
    let entries: Vec<Value> = schedule
        .shifts(since_s, until_s, MAX_SHIFTS)
        .iter()
        .map(|shift| entry(shift, since_s, until_s, zone))
        .collect();
    let users: Vec<Value> = schedule.users.iter().map(|user| json!({"user": render::user_reference(user)})).collect();
    let layer = json!({
        "id": crate::random::identifier("P", 7, "layer", schedule.name, 0),
        "name": "Layer 1",
        "start": zone.show(schedule.anchor_s),
        "end": null,
        "rotation_virtual_start": zone.show(schedule.anchor_s),
        "rotation_turn_length_seconds": schedule.turn_s,
        "users": users,
        "restrictions": [],
        "rendered_schedule_entries": entries,
        "rendered_coverage_percentage": 100.0,
    });
    json!({
        "schedule_layers": [layer],
        "overrides_subschedule": {
            "name": "Overrides", "rendered_schedule_entries": [], "rendered_coverage_percentage": 0.0,
        },
        "final_schedule": {
            "name": "Final Schedule", "rendered_schedule_entries": entries, "rendered_coverage_percentage": 100.0,
        },
    })
}

/// A shift cut to the span that was asked for.
fn entry(shift: &Shift, since_s: i64, until_s: i64, zone: &Zone) -> Value {
    json!({
        "start": zone.show(shift.start_s.max(since_s)),
        "end": zone.show(shift.end_s.min(until_s)),
        "user": render::user_reference(&shift.user),
    })
}

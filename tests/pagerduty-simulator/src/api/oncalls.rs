//! `GET /oncalls`: who is on call for which policy and level, when.
//!
//! A person who is a target themselves is on call for good: `schedule`, `start` and `end` are null. The
//! same person can stand on several levels, and appears once for each.

use super::page::paged;
use super::render;
use crate::clock::Zone;
use crate::company::{Policy, Schedule, Target, User};
use crate::http::error::ApiError;
use crate::http::{Call, Reply};
use serde_json::json;
use std::collections::HashSet;
use std::sync::Arc;

/// Shifts are known this far ahead.
const MAX_AHEAD_S: i64 = 90 * 86_400;
/// Shifts of one schedule in one answer; half-day turns over 90 days make 181.
const MAX_SHIFTS: usize = 256;

struct OnCall<'a> {
    policy: &'a Policy,
    level: usize,
    schedule: Option<&'a Schedule>,
    user: Arc<User>,
    /// Unix seconds; none is for good.
    span_s: Option<(i64, i64)>,
}

/// `GET /oncalls`: `user_ids[]`, `escalation_policy_ids[]`, `schedule_ids[]` (`null` for the permanent
/// ones), `since`, `until` (both now unless given), `earliest`, `include[]=users`.
pub(crate) fn list(call: &Call<'_>) -> Result<Reply, ApiError> {
    let page = call.query.page()?;
    let zone = call.query.zone()?.unwrap_or_else(Zone::account);
    let now_s = call.app.clock.now_s();
    let since_s = call.query.moment("since", &zone)?.unwrap_or(now_s);
    let until_s = call.query.moment("until", &zone)?.unwrap_or_else(|| since_s.max(now_s));
    if until_s < since_s {
        return Err(ApiError::invalid("until must not be before since"));
    }
    let until_s = until_s.min(now_s.saturating_add(MAX_AHEAD_S)).max(since_s);
    let mut oncalls = wanted(call, since_s, until_s);
    if call.query.is_true("earliest") {
        let mut seen = HashSet::new();
        oncalls.sort_by_key(|one| one.span_s.map_or(i64::MIN, |(start_s, _)| start_s));
        oncalls.retain(|one| seen.insert((one.policy.id.clone(), one.level, one.user.id.clone())));
    }
    let whole_users = call.query.includes("users");
    let whole_policies = call.query.includes("escalation_policies");
    let whole_schedules = call.query.includes("schedules");
    let company = &call.app.company;
    Ok(paged("oncalls", &oncalls, page, |one| {
        json!({
            "user": if whole_users { render::user(&one.user) } else { render::user_reference(&one.user) },
            "schedule": one.schedule.map(|schedule| if whole_schedules {
                render::schedule(schedule, company)
            } else {
                render::schedule_reference(schedule)
            }),
            "escalation_policy": if whole_policies {
                render::policy(one.policy, company, false)
            } else {
                render::policy_reference(one.policy)
            },
            "escalation_level": one.level,
            "start": one.span_s.map(|(start_s, _)| zone.show(start_s)),
            "end": one.span_s.map(|(_, end_s)| zone.show(end_s)),
        })
    }))
}

fn wanted<'a>(call: &Call<'a>, since_s: i64, until_s: i64) -> Vec<OnCall<'a>> {
    let users = call.query.set("user_ids[]");
    let policies = call.query.set("escalation_policy_ids[]");
    let schedules = call.query.set("schedule_ids[]");
    let app = call.app;
    let mut found = Vec::new();
    for policy in app.company.policies.iter().filter(|one| policies.is_empty() || policies.contains(&one.id.as_str())) {
        for (level, rule) in (1_usize..).zip(&policy.rules) {
            for target in &rule.targets {
                match target {
                    Target::User(user) => {
                        if schedules.is_empty() || schedules.contains(&"null") {
                            let user = Arc::clone(user);
                            found.push(OnCall { policy, level, schedule: None, user, span_s: None });
                        }
                    }
                    Target::Schedule(schedule) => {
                        if schedules.is_empty() || schedules.contains(&schedule.id.as_str()) {
                            found.extend(schedule.shifts(since_s, until_s, MAX_SHIFTS).into_iter().map(|shift| {
                                let span_s = Some((shift.start_s, shift.end_s));
                                OnCall { policy, level, schedule: Some(schedule), user: shift.user, span_s }
                            }));
                        }
                    }
                }
            }
        }
    }
    found.retain(|one| users.is_empty() || users.contains(&one.user.id.as_str()));
    found
}

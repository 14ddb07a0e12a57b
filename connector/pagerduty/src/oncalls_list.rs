//! `pagerduty_oncalls_list`: who is on call now.
//!
//! PagerDuty answers one row for each way in which somebody is on call, so one person comes several times;
//! here a person comes once per escalation policy, at the first level that reaches them.

use std::ops::ControlFlow;

use serde::Serialize;
use toolkeep_connector::{Context, End, Paging, ToolError};

use crate::arguments::{Rows, either, limit};
use crate::civil::Timestamp;
use crate::gather::each_page;
use crate::names::{Kind, identifiers, policy_of_service, several};
use crate::object::arguments;
use crate::row::{TITLE_MAX_CHARS, cut, sorted};
use crate::window::{Clock, Told, Window};
use crate::wire::{Named, OnCall, Reference};

/// Rows when nobody says how many.
const LIMIT_DEFAULT: u32 = 25;
/// Rows at most: about 20 KB.
const LIMIT_MAX: u32 = 100;
/// Pages of 100 read: an account with more shifts at one moment needs a filter.
const PAGES_MAX: u32 = 10;
/// Escalation policies of a team that are asked about: their identifiers must fit into one address.
const POLICIES_MAX: usize = 100;

arguments! {
    /// Whose turn; everything is optional.
    Arguments {
        /// Service name or ID: who is on call for it.
        service: String;
        /// Name or ID; several by comma.
        escalation_policy: String;
        /// Name or ID; several by comma.
        schedule: String;
        /// me, name, email or ID; several by comma.
        user: String;
        /// Team name or ID: its escalation policies.
        team: String;
        /// Rows to show, 1 to 100. Default 25.
        limit: Rows<LIMIT_MAX>;
        /// IANA name. Default: the user's.
        time_zone: String;
        escalation_policy_ids: String;
        schedule_ids: String;
        user_ids: String;
    } required []
}

/// The answer.
#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    count: usize,
    shown: usize,
    complete: bool,
    window: Told,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    oncalls: Vec<Line>,
}

/// One person of one escalation policy.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub(crate) struct Line {
    level: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    also_levels: Vec<u32>,
    user: Option<String>,
    user_id: Option<String>,
    schedule: Option<String>,
    /// Null: for good.
    until: Option<String>,
    escalation_policy: Option<String>,
}

pub(crate) fn run(context: &mut Context, arguments: Arguments) -> Result<Answer, ToolError> {
    let rows =
        usize::try_from(limit(arguments.limit.map(|rows| rows.0), LIMIT_DEFAULT, LIMIT_MAX)?).unwrap_or(usize::MAX);
    let clock = Clock::new(context, arguments.time_zone.as_deref())?;
    let Some(policies) = policies(context, &arguments)? else {
        return Ok(answer(&clock, Vec::new(), 0, None));
    };
    let schedules = identifiers(
        context,
        Kind::Schedule,
        either(("schedule", &arguments.schedule), ("schedule_ids", &arguments.schedule_ids))?,
    )?;
    let users =
        identifiers(context, Kind::User, either(("user", &arguments.user), ("user_ids", &arguments.user_ids))?)?;

    let mut found: Vec<OnCall> = Vec::new();
    let end = context
        .get("/oncalls")
        .queries("escalation_policy_ids[]", &policies.identifiers)
        .queries("schedule_ids[]", &schedules)
        .queries("user_ids[]", &users)
        .pages("oncalls", Paging { pages_max: PAGES_MAX, ..Paging::USUAL }, |_, page| {
            found.extend(page.rows);
            ControlFlow::Continue(())
        })?;
    let mut lines = merge(&clock, found);
    let count = lines.len();
    lines.truncate(rows);
    let mut hints = Vec::new();
    if count > lines.len() {
        hints.push(format!("Raise limit (up to {LIMIT_MAX}) or name a service, team, schedule or user."));
    }
    if end != End::Complete || policies.cut {
        hints.push("Not everything could be read: name a service, escalation policy, schedule or user.".to_owned());
    }
    Ok(answer(&clock, lines, count, (!hints.is_empty()).then(|| hints.join(" "))))
}

fn answer(clock: &Clock, oncalls: Vec<Line>, count: usize, hint: Option<String>) -> Answer {
    Answer { count, shown: oncalls.len(), complete: hint.is_none(), window: Window::now(clock), hint, oncalls }
}

/// Escalation policies to ask about.
#[derive(Default)]
struct Policies {
    /// None: all.
    identifiers: Vec<String>,
    /// There were more than [`POLICIES_MAX`].
    cut: bool,
}

/// The escalation policies that the arguments mean. Nothing: they mean some, but there are none, which
/// must not become a question about everybody.
fn policies(context: &mut Context, arguments: &Arguments) -> Result<Option<Policies>, ToolError> {
    let mut named = identifiers(
        context,
        Kind::EscalationPolicy,
        either(
            ("escalation_policy", &arguments.escalation_policy),
            ("escalation_policy_ids", &arguments.escalation_policy_ids),
        )?,
    )?;
    for service in several(Kind::Service, arguments.service.as_deref())? {
        named.push(policy_of_service(context, service)?);
    }
    let teams = identifiers(context, Kind::Team, arguments.team.as_deref())?;
    if teams.is_empty() {
        return Ok(Some(Policies { identifiers: named, cut: false }));
    }
    let mut of_teams: Vec<String> = Vec::new();
    let request = context.get("/escalation_policies").queries("team_ids[]", &teams);
    let first_page = Paging { pages_max: 1, ..Paging::USUAL };
    let end = each_page::<Named>(request, "escalation_policies", first_page, &mut |page| {
        of_teams.extend(page.rows.into_iter().filter_map(|policy| policy.id));
        ControlFlow::Continue(())
    })?;
    let cut = end != End::Complete || of_teams.len() > POLICIES_MAX;
    of_teams.truncate(POLICIES_MAX);
    if !named.is_empty() {
        of_teams.retain(|policy| named.contains(policy));
    }
    Ok((!of_teams.is_empty()).then_some(Policies { identifiers: of_teams, cut }))
}

/// One line for each person of each policy, by policy and level.
fn merge(clock: &Clock, found: Vec<OnCall>) -> Vec<Line> {
    struct Shift {
        policy: (String, String),
        level: u32,
        person: String,
        until: Option<Timestamp>,
        oncall: OnCall,
    }
    let key = |reference: &Option<Reference>| {
        let label = reference.as_ref().and_then(|reference| reference.label()).unwrap_or_default().to_owned();
        let id = reference.as_ref().and_then(|reference| reference.id.clone()).unwrap_or_default();
        (label, id)
    };
    let shifts: Vec<Shift> = found
        .into_iter()
        .map(|oncall| Shift {
            policy: key(&oncall.escalation_policy),
            level: oncall.escalation_level.unwrap_or(u32::MAX),
            person: key(&oncall.user).1,
            until: oncall.end,
            oncall,
        })
        .collect();
    // On one level, being on call for good comes before any end, and a later end before an earlier one.
    let shifts = sorted(shifts, |one, other| {
        let until = |shift: &Shift| std::cmp::Reverse(shift.until.unwrap_or(Timestamp::MAX));
        (&one.policy, one.level, until(one)) <= (&other.policy, other.level, until(other))
    });
    let mut lines: Vec<Line> = Vec::new();
    let mut keys: Vec<(String, String)> = Vec::new();
    for shift in shifts {
        let known = (shift.policy.1.clone(), shift.person.clone());
        let level = shift.oncall.escalation_level;
        if let Some(line) = keys.iter().position(|key| *key == known).and_then(|place| lines.get_mut(place)) {
            if let Some(level) = level
                && line.level != Some(level)
                && !line.also_levels.contains(&level)
            {
                line.also_levels.push(level);
            }
            continue;
        }
        let label = |reference: &Option<Reference>| {
            reference.as_ref().and_then(|reference| reference.label()).map(|label| cut(label, TITLE_MAX_CHARS))
        };
        keys.push(known);
        lines.push(Line {
            level,
            also_levels: Vec::new(),
            user: label(&shift.oncall.user),
            user_id: shift.oncall.user.as_ref().and_then(|user| user.id.clone()),
            schedule: label(&shift.oncall.schedule),
            until: shift.until.map(|at| clock.write(at)),
            escalation_policy: label(&shift.oncall.escalation_policy),
        });
    }
    lines
}

//! `pagerduty_incidents_list`: which incidents there are.
//!
//! Two traps of `GET /incidents` are kept from the model. Without dates it covers a month, so what is open
//! is asked for with `date_range=all`. And it has no filter for priority or duration: those are applied
//! here, to every incident of the window.

use serde::Serialize;
use toolkeep_connector::{Context, ToolError, quote};

use crate::arguments::{either, limit, urgency};
use crate::gather::Gather;
use crate::names::{Kind, identifiers, split};
use crate::object::arguments;
use crate::row::Row;
use crate::window::{Clock, Told, Window};
use crate::wire::Incident;

/// Rows when nobody says how many: PagerDuty's own page.
const LIMIT_DEFAULT: u32 = 25;
/// Rows at most: about 25 KB.
const LIMIT_MAX: u32 = 100;

arguments! {
    /// What to look for; everything is optional.
    Arguments {
        /// open (triggered or acknowledged), triggered, acknowledged, resolved or all; several by comma. Default all.
        status: String;
        /// high or low.
        urgency: String;
        /// Priority name, e.g. P1; several by comma; none for incidents without one.
        priority: String;
        /// Service name or ID; several by comma.
        service: String;
        /// Team name or ID; several by comma.
        team: String;
        /// Assigned user: me, name, email or ID. Open incidents only.
        assigned: String;
        /// When created: today, yesterday, this_week, last_week, this_month, last_month, last_7_days, last_24_hours, all, … Default: any time for open ones, else the last 30 days.
        period: String;
        /// Instead of period: date or RFC 3339 time.
        since: String;
        /// End of since.
        until: String;
        /// Only open for at least so long.
        min_open_minutes: u32;
        /// Only resolved within so long.
        max_resolution_minutes: u32;
        /// Rows to show, 1 to 100. Default 25.
        limit: u32;
        /// Rows to skip.
        offset: u32;
        /// IANA name. Default: the user's.
        time_zone: String;
        // The words of other PagerDuty tools, for agents that come from there.
        statuses: String;
        urgencies: String;
        service_ids: String;
        team_ids: String;
        user_ids: String;
        date_range: String;
    } required []
}

/// The answer.
#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    count: u32,
    shown: u32,
    complete: bool,
    window: Told,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    incidents: Vec<Row>,
}

/// What PagerDuty cannot filter.
struct Local {
    now: crate::civil::Timestamp,
    priorities: Vec<String>,
    min_open_s: Option<i64>,
    max_resolution_s: Option<i64>,
}

impl Local {
    fn is_idle(&self) -> bool {
        self.priorities.is_empty() && self.min_open_s.is_none() && self.max_resolution_s.is_none()
    }

    fn matches(&self, incident: &Incident) -> bool {
        let priority = incident.priority_label().map_or_else(|| "none".to_owned(), str::to_lowercase);
        (self.priorities.is_empty() || self.priorities.contains(&priority))
            && self.min_open_s.is_none_or(|min| incident.open_s(self.now).is_some_and(|open| open >= min))
            && self.max_resolution_s.is_none_or(|max| incident.resolve_s().is_some_and(|took| took <= max))
    }
}

pub(crate) fn run(context: &mut Context, arguments: Arguments) -> Result<Answer, ToolError> {
    let rows = limit(arguments.limit, LIMIT_DEFAULT, LIMIT_MAX)?;
    let offset = arguments.offset.unwrap_or(0);
    let clock = Clock::new(context, arguments.time_zone.as_deref())?;
    let assigned = either(&arguments.assigned, &arguments.user_ids)?;
    let statuses = statuses(&arguments, assigned.is_some())?;
    let window = window(&clock, &arguments, &statuses)?;
    let mut urgencies = Vec::new();
    for text in either(&arguments.urgency, &arguments.urgencies)?.into_iter().flat_map(split) {
        urgencies.push(urgency(text)?);
    }
    let local = Local {
        now: clock.now,
        priorities: split(arguments.priority.as_deref().unwrap_or_default()).map(str::to_lowercase).collect(),
        min_open_s: arguments.min_open_minutes.map(|minutes| i64::from(minutes) * 60),
        max_resolution_s: arguments.max_resolution_minutes.map(|minutes| i64::from(minutes) * 60),
    };
    let services = identifiers(context, Kind::Service, either(&arguments.service, &arguments.service_ids)?)?;
    let teams = identifiers(context, Kind::Team, either(&arguments.team, &arguments.team_ids)?)?;
    let users = identifiers(context, Kind::User, assigned)?;

    let mut gather = Gather::new(rows, offset);
    for chunk in window.chunks() {
        let mut request = context.get("/incidents").query("sort_by", "created_at:desc");
        request = match chunk {
            None => request.query("date_range", "all"),
            Some((since, until)) => request.query("since", since).query("until", until),
        };
        let request = request
            .queries("statuses[]", &statuses)
            .queries("urgencies[]", &urgencies)
            .queries("service_ids[]", &services)
            .queries("team_ids[]", &teams)
            .queries("user_ids[]", &users);
        let shape = |incident: &Incident| incident.row(clock.now);
        if local.is_idle() {
            gather.counted(request, "incidents", shape)?;
        } else {
            gather.filtered(request, "incidents", |incident| local.matches(incident), shape)?;
        }
    }
    Ok(Answer {
        count: gather.count,
        shown: gather.shown(),
        complete: gather.complete(),
        window: window.told(&clock),
        hint: gather.hint("narrow it by period, service or team."),
        incidents: gather.rows,
    })
}

/// PagerDuty's statuses for what was asked; none: all of them.
fn statuses(arguments: &Arguments, assigned: bool) -> Result<Vec<&'static str>, ToolError> {
    let mut statuses: Vec<&'static str> = Vec::new();
    let mut add = |status| {
        if !statuses.contains(&status) {
            statuses.push(status);
        }
    };
    let asked = either(&arguments.status, &arguments.statuses)?;
    for text in asked.into_iter().flat_map(split) {
        match text.to_lowercase().as_str() {
            "open" => ["triggered", "acknowledged"].into_iter().for_each(&mut add),
            "triggered" => add("triggered"),
            "acknowledged" => add("acknowledged"),
            "resolved" => add("resolved"),
            "all" => ["triggered", "acknowledged", "resolved"].into_iter().for_each(&mut add),
            _ => {
                return Err(ToolError::InvalidArguments(format!(
                    "status {} is not known. Use open, triggered, acknowledged, resolved or all.",
                    quote(text)
                )));
            }
        }
    }
    // A duration or an assignee says by itself which incidents can be meant.
    if asked.is_none() {
        match (arguments.min_open_minutes.is_some() || assigned, arguments.max_resolution_minutes.is_some()) {
            (true, false) => ["triggered", "acknowledged"].into_iter().for_each(&mut add),
            (false, true) => add("resolved"),
            _ => {}
        }
    }
    let may_be_resolved = statuses.is_empty() || statuses.contains(&"resolved");
    if assigned && may_be_resolved {
        return Err(ToolError::InvalidArguments(
            "assigned works for open incidents only: PagerDuty forgets who was assigned once an incident is resolved. Use status open.".into(),
        ));
    }
    if statuses.len() == 3 {
        statuses.clear();
    }
    Ok(statuses)
}

/// Open incidents are asked for whatever their age, everything else for a stretch of time.
fn window(clock: &Clock, arguments: &Arguments, statuses: &[&str]) -> Result<Window, ToolError> {
    if arguments.date_range.as_deref().is_some_and(|range| range.eq_ignore_ascii_case("all")) {
        return Ok(Window::All);
    }
    let undated = arguments.period.is_none() && arguments.since.is_none() && arguments.until.is_none();
    let open_only = !statuses.is_empty() && !statuses.contains(&"resolved");
    if undated && open_only {
        return Ok(Window::All);
    }
    Window::read(clock, arguments.period.as_deref(), arguments.since.as_deref(), arguments.until.as_deref())
}

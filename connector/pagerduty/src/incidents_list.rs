//! `pagerduty_incidents_list`: which incidents there are.
//!
//! Two traps of `GET /incidents` are kept from the model. Without dates it covers a month, so what is open
//! is asked for with `date_range=all`. And it has no filter for priority or duration: those are applied
//! here, to every incident of the window. A priority that no incident has is looked up among the account's,
//! so that a wrong name is not answered with "none".

use std::cell::RefCell;

use serde::Serialize;
use toolkeep_connector::json::Written;
use toolkeep_connector::{Context, ToolError, quote};

use crate::arguments::{Any, Rows, either, limit, urgency};
use crate::civil::Timestamp;
use crate::gather::Gather;
use crate::names::{Kind, identifiers, listed, priorities, priority, split};
use crate::object::arguments;
use crate::window::{Clock, Told, Window};
use crate::wire::{Label, Listed};

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
        /// Only open for at least so long; oldest first.
        min_open_minutes: Any;
        /// Only resolved within so long.
        max_resolution_minutes: Any;
        /// Rows to show, 1 to 100. Default 25.
        limit: Rows<LIMIT_MAX>;
        /// Rows to skip.
        offset: Any;
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
    incidents: Vec<Written>,
}

/// What PagerDuty cannot filter.
struct Local {
    now: Timestamp,
    priorities: Vec<String>,
    /// Every priority that a row had.
    seen: RefCell<Vec<Label<'static>>>,
    min_open_s: Option<i64>,
    max_resolution_s: Option<i64>,
}

impl Local {
    fn is_idle(&self) -> bool {
        self.priorities.is_empty() && self.min_open_s.is_none() && self.max_resolution_s.is_none()
    }

    fn matches(&self, incident: &Listed<'_>) -> bool {
        (self.priorities.is_empty() || self.has_priority(incident))
            && self.min_open_s.is_none_or(|min| incident.open_s(self.now).is_some_and(|open| open >= min))
            && self.max_resolution_s.is_none_or(|max| incident.resolve_s().is_some_and(|took| took <= max))
    }
}

impl Local {
    fn has_priority(&self, incident: &Listed<'_>) -> bool {
        let Some(priority) = &incident.priority else { return self.priorities.iter().any(|name| is_none(name)) };
        let mut seen = self.seen.borrow_mut();
        if !seen.iter().any(|known| known.id == priority.id && known.summary == priority.summary) {
            seen.push(priority.owned());
        }
        self.priorities.iter().any(|name| is_called(priority, name))
    }

    /// Makes sure that the priorities which no row had are priorities at all. A hint: that cannot be known.
    fn doubt(&self, context: &mut Context) -> Result<Option<String>, ToolError> {
        let seen = self.seen.borrow();
        let is_seen = |name: &&String| is_none(name) || seen.iter().any(|known| is_called(known, name));
        let unseen: Vec<&str> = self.priorities.iter().filter(|name| !is_seen(name)).map(String::as_str).collect();
        if unseen.is_empty() {
            return Ok(None);
        }
        let Ok(known) = priorities(context) else {
            return Ok(Some(format!(
                "The account's priorities cannot be read, so {} may not be one; the incidents read have: {}.",
                listed(unseen.into_iter()),
                listed(seen.iter().filter_map(Label::label))
            )));
        };
        for name in unseen {
            priority(&known, name)?;
        }
        Ok(None)
    }
}

/// The word for incidents without a priority.
fn is_none(name: &str) -> bool {
    name.eq_ignore_ascii_case("none")
}

fn is_called(priority: &Label<'_>, name: &str) -> bool {
    [&priority.summary, &priority.name, &priority.id]
        .into_iter()
        .any(|known| known.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(name)))
}

pub(crate) fn run(context: &mut Context, arguments: Arguments) -> Result<Answer, ToolError> {
    let rows = limit(arguments.limit.map(|rows| rows.0), LIMIT_DEFAULT, LIMIT_MAX)?;
    let offset = arguments.offset.map_or(0, |rows| rows.0);
    let clock = Clock::new(context, arguments.time_zone.as_deref())?;
    let assigned = either(("assigned", &arguments.assigned), ("user_ids", &arguments.user_ids))?;
    let statuses = statuses(&arguments, assigned.is_some())?;
    let (window, mut asks) = asks(&clock, &arguments, statuses)?;
    // The oldest are what a question about durations is about: a limit must not cut them off.
    let oldest_first = arguments.min_open_minutes.is_some();
    let order = if oldest_first { "created_at:asc" } else { "created_at:desc" };
    if oldest_first {
        asks.reverse();
    }
    let mut urgencies = Vec::new();
    for text in
        either(("urgency", &arguments.urgency), ("urgencies", &arguments.urgencies))?.into_iter().flat_map(split)
    {
        urgencies.push(urgency(text)?);
    }
    let local = Local {
        now: clock.now,
        priorities: split(arguments.priority.as_deref().unwrap_or_default()).map(str::to_owned).collect(),
        seen: RefCell::default(),
        min_open_s: arguments.min_open_minutes.map(|minutes| i64::from(minutes.0) * 60),
        max_resolution_s: arguments.max_resolution_minutes.map(|minutes| i64::from(minutes.0) * 60),
    };
    let services = either(("service", &arguments.service), ("service_ids", &arguments.service_ids))?;
    let teams = either(("team", &arguments.team), ("team_ids", &arguments.team_ids))?;
    let services = identifiers(context, Kind::Service, services)?;
    let teams = identifiers(context, Kind::Team, teams)?;
    let users = identifiers(context, Kind::User, assigned)?;

    let mut gather = Gather::new(rows, offset);
    for (mut statuses, chunk) in asks {
        if statuses.len() == ALL.len() {
            statuses.clear();
        }
        let mut request = context.get("/incidents").query("sort_by", order);
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
        let shape = |incident: &Listed<'_>| incident.write(clock.now);
        if local.is_idle() {
            gather.counted::<Listed<'static>>(request, "incidents", shape)?;
        } else {
            gather.filtered::<Listed<'static>>(request, "incidents", |incident| local.matches(incident), shape)?;
        }
    }
    let mut hint = gather.hint("narrow it by period, service or team.");
    if let Some(doubt) = local.doubt(context)? {
        hint = Some(hint.map_or_else(String::new, |hint| hint + " ") + &doubt);
    }
    Ok(Answer {
        count: gather.count,
        shown: gather.shown(),
        complete: hint.is_none(),
        window: window.told(&clock),
        hint,
        incidents: gather.rows,
    })
}

/// Statuses of an open incident.
const OPEN: [&str; 2] = ["triggered", "acknowledged"];
/// Every status.
const ALL: [&str; 3] = ["triggered", "acknowledged", "resolved"];

/// PagerDuty's statuses for what was asked.
fn statuses(arguments: &Arguments, assigned: bool) -> Result<Vec<&'static str>, ToolError> {
    let mut statuses: Vec<&'static str> = Vec::new();
    let asked = either(("status", &arguments.status), ("statuses", &arguments.statuses))?;
    for text in asked.into_iter().flat_map(split) {
        let lower = text.to_lowercase();
        match lower.as_str() {
            "open" => statuses.extend(OPEN),
            "all" => statuses.extend(ALL),
            _ => match ALL.into_iter().find(|known| *known == lower) {
                Some(status) => statuses.push(status),
                None => {
                    return Err(invalid(format!(
                        "status {} is not known. Use open, triggered, acknowledged, resolved or all.",
                        quote(text)
                    )));
                }
            },
        }
    }
    if assigned && statuses.contains(&"resolved") {
        return Err(invalid(
            "assigned works for open incidents only: PagerDuty forgets who was assigned once an incident is resolved. Use status open.".into(),
        ));
    }
    let any = statuses.is_empty();
    // A duration or an assignee says by itself which incidents can be meant.
    let opens = assigned || arguments.min_open_minutes.is_some();
    let ends = arguments.max_resolution_minutes.is_some();
    let statuses: Vec<_> = ALL
        .into_iter()
        .filter(|status| any || statuses.contains(status))
        .filter(|status| if *status == "resolved" { !opens } else { !ends })
        .collect();
    if statuses.is_empty() {
        return Err(invalid(
            "No incident can be all of that: assigned and min_open_minutes mean open ones, max_resolution_minutes means resolved ones.".into(),
        ));
    }
    Ok(statuses)
}

/// One list to read: its statuses and its range; no range: all time.
type Ask = (Vec<&'static str>, Option<(Timestamp, Timestamp)>);

/// Open incidents are asked for whatever their age, everything else for a stretch of time: without dates that
/// makes two lists, the open ones first.
fn asks(clock: &Clock, arguments: &Arguments, statuses: Vec<&'static str>) -> Result<(Window, Vec<Ask>), ToolError> {
    let given = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.trim().is_empty());
    let dated = given(&arguments.period) || given(&arguments.since) || given(&arguments.until);
    if given(&arguments.date_range) {
        let is_all = arguments.date_range.as_deref().is_some_and(|range| range.trim().eq_ignore_ascii_case("all"));
        if dated || !is_all {
            return Err(invalid("date_range can only be all, and not beside period, since or until.".into()));
        }
        return Ok((Window::All, vec![(statuses, None)]));
    }
    let open: Vec<_> = statuses.iter().copied().filter(|status| *status != "resolved").collect();
    if !dated && open.len() == statuses.len() {
        return Ok((Window::All, vec![(open, None)]));
    }
    let window =
        Window::read(clock, arguments.period.as_deref(), arguments.since.as_deref(), arguments.until.as_deref())?;
    let mut asks: Vec<Ask> = Vec::new();
    let mut rest = statuses;
    if !dated && !open.is_empty() {
        asks.push((open, None));
        rest = vec!["resolved"];
    }
    asks.extend(window.chunks().into_iter().map(|chunk| (rest.clone(), chunk)));
    Ok((window, asks))
}

fn invalid(text: String) -> ToolError {
    ToolError::InvalidArguments(text)
}

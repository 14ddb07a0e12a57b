//! `pagerduty_services_list`: which services there are, and which of them have open incidents.
//!
//! A service's status says `critical` or `warning` when it has open incidents, but `disabled` or `maintenance`
//! hide that. So the open incidents themselves are asked for too.

use std::ops::ControlFlow;

use serde::Serialize;
use toolkeep_connector::{Context, End, Paging, ToolError, quote};

use crate::arguments::{Any, Rows, either, limit};
use crate::gather::{Gather, PAGES_MAX, each_page};
use crate::names::{Kind, identifiers, split};
use crate::object::arguments;
use crate::row::{TITLE_MAX_CHARS, cut};
use crate::window::{Clock, Told, Window};
use crate::wire::{Listed, Named, labels};

/// Rows when nobody says how many.
const LIMIT_DEFAULT: u32 = 50;
/// Rows at most: about 15 KB.
const LIMIT_MAX: u32 = 100;
/// Teams named in a row.
const TEAMS_MAX: usize = 5;

arguments! {
    /// What to look for; everything is optional.
    Arguments {
        /// Part of the name.
        query: String;
        /// Team name or ID; several by comma.
        team: String;
        /// open (has open incidents, even if disabled or in maintenance), critical (has triggered ones), warning (all acknowledged), active, maintenance or disabled; several by comma.
        status: String;
        /// Rows to show, 1 to 100. Default 50.
        limit: Rows<LIMIT_MAX>;
        /// Rows to skip.
        offset: Any;
        name: String;
        team_ids: String;
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
    services: Vec<Line>,
}

/// One service.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub(crate) struct Line {
    id: Option<String>,
    name: String,
    status: Option<String>,
    /// Said when open incidents were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    open_incidents: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    teams: Vec<String>,
    escalation_policy: Option<String>,
}

pub(crate) fn run(context: &mut Context, arguments: Arguments) -> Result<Answer, ToolError> {
    let rows = limit(arguments.limit.map(|rows| rows.0), LIMIT_DEFAULT, LIMIT_MAX)?;
    let statuses = statuses(arguments.status.as_deref().unwrap_or_default())?;
    let query = either(("query", &arguments.query), ("name", &arguments.name))?;
    let teams = either(("team", &arguments.team), ("team_ids", &arguments.team_ids))?;
    let teams = identifiers(context, Kind::Team, teams)?;
    let clock = Clock::new(context, None)?;
    let open = if statuses.contains(&"open") { Some(Open::read(context)?) } else { None };

    let mut gather = Gather::new(rows, arguments.offset.map_or(0, |rows| rows.0));
    let mut request = context.get("/services").query("sort_by", "name:asc").queries("team_ids[]", &teams);
    if let Some(query) = query {
        request = request.query("query", query);
    }
    if statuses.is_empty() {
        gather.counted::<Named>(request, "services", |service| Ok(line(service, None)))?;
    } else {
        let matches = |service: &Named| {
            service.status.as_deref().is_some_and(|status| statuses.contains(&status))
                || open.as_ref().is_some_and(|open| open.of(service) > 0)
        };
        gather.filtered::<Named>(request, "services", matches, |service| Ok(line(service, open.as_ref())))?;
    }
    let mut hint = gather.hint("narrow it by query or team.");
    let doubt = open.and_then(|open| open.doubt);
    let complete = hint.is_none() && doubt.is_none();
    if let Some(doubt) = doubt {
        hint = Some(hint.map_or_else(String::new, |hint| hint + " ") + doubt);
    }
    Ok(Answer {
        count: gather.count,
        shown: gather.shown(),
        complete,
        window: Window::now(&clock),
        hint,
        services: gather.rows,
    })
}

/// How many open incidents each service has.
struct Open {
    services: Vec<(String, u32)>,
    /// Why a service may be missing.
    doubt: Option<&'static str>,
}

impl Open {
    /// Reads all open incidents, however old. Without the right to see incidents a service's status must do.
    fn read(context: &mut Context) -> Result<Self, ToolError> {
        let mut services: Vec<(String, u32)> = Vec::new();
        let request = context
            .get("/incidents")
            .query("date_range", "all")
            .queries("statuses[]", ["triggered", "acknowledged"])
            .query("total", "true");
        let paging = Paging { pages_max: PAGES_MAX, ..Paging::USUAL };
        let end = each_page::<Listed<'static>>(request, "incidents", paging, &mut |page| {
            for id in page.rows.into_iter().filter_map(|incident| incident.service?.id) {
                match services.iter_mut().find(|(known, _)| **known == *id) {
                    Some((_, count)) => *count = count.saturating_add(1),
                    None => services.push((id.to_string(), 1)),
                }
            }
            ControlFlow::Continue(())
        });
        let doubt = match end {
            Ok(End::Complete) => None,
            Ok(_) => Some(
                "There are more open incidents than could be read: disabled services and those in maintenance may be missing.",
            ),
            Err(ToolError::Forbidden(_)) => Some(
                "Incidents cannot be read with this connection (scope incidents.read), so disabled services and those in maintenance are missing.",
            ),
            Err(error) => return Err(error),
        };
        Ok(Self { services, doubt })
    }

    fn of(&self, service: &Named) -> u32 {
        let known = self.services.iter().find(|(id, _)| Some(id) == service.id.as_ref());
        known.map_or(0, |(_, count)| *count)
    }
}

fn statuses(text: &str) -> Result<Vec<&'static str>, ToolError> {
    let mut statuses = Vec::new();
    for status in split(text) {
        match status.to_lowercase().as_str() {
            "open" => statuses.extend(["open", "critical", "warning"]),
            "critical" => statuses.push("critical"),
            "warning" => statuses.push("warning"),
            "active" => statuses.push("active"),
            "maintenance" => statuses.push("maintenance"),
            "disabled" => statuses.push("disabled"),
            "all" => return Ok(Vec::new()),
            _ => {
                return Err(ToolError::InvalidArguments(format!(
                    "status {} is not known. Use open, critical, warning, active, maintenance or disabled.",
                    quote(status)
                )));
            }
        }
    }
    Ok(statuses)
}

fn line(service: &Named, open: Option<&Open>) -> Line {
    Line {
        id: service.id.clone(),
        name: cut(service.name.as_deref().or(service.summary.as_deref()).unwrap_or_default(), TITLE_MAX_CHARS),
        status: service.status.clone(),
        // A count that may be short is none.
        open_incidents: open.filter(|open| open.doubt.is_none()).map(|open| open.of(service)),
        teams: labels(service.teams.as_deref()).take(TEAMS_MAX).map(|label| cut(label, TITLE_MAX_CHARS)).collect(),
        escalation_policy: service
            .escalation_policy
            .as_ref()
            .and_then(|policy| policy.label())
            .map(|label| cut(label, TITLE_MAX_CHARS)),
    }
}

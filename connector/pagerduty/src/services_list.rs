//! `pagerduty_services_list`: which services there are, and which of them have open incidents.

use serde::Serialize;
use toolkeep_connector::{Context, ToolError, quote};

use crate::arguments::{either, limit};
use crate::gather::Gather;
use crate::names::{Kind, identifiers, split};
use crate::object::arguments;
use crate::row::{TITLE_MAX_CHARS, cut};
use crate::window::{Clock, Told, Window};
use crate::wire::{Service, labels};

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
        /// open (has open incidents: critical or warning), critical (has triggered ones), warning (all acknowledged), active, maintenance or disabled; several by comma.
        status: String;
        /// Rows to show, 1 to 100. Default 50.
        limit: u32;
        /// Rows to skip.
        offset: u32;
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
    #[serde(skip_serializing_if = "Vec::is_empty")]
    teams: Vec<String>,
    escalation_policy: Option<String>,
}

pub(crate) fn run(context: &mut Context, arguments: Arguments) -> Result<Answer, ToolError> {
    let rows = limit(arguments.limit, LIMIT_DEFAULT, LIMIT_MAX)?;
    let statuses = statuses(arguments.status.as_deref().unwrap_or_default())?;
    let query = either(&arguments.query, &arguments.name)?;
    let teams = identifiers(context, Kind::Team, either(&arguments.team, &arguments.team_ids)?)?;
    let clock = Clock::new(context, None)?;

    let mut gather = Gather::new(rows, arguments.offset.unwrap_or(0));
    let mut request = context.get("/services").query("sort_by", "name:asc").queries("team_ids[]", &teams);
    if let Some(query) = query {
        request = request.query("query", query);
    }
    if statuses.is_empty() {
        gather.counted(request, "services", line)?;
    } else {
        let matches = |service: &Service| service.status.as_deref().is_some_and(|status| statuses.contains(&status));
        gather.filtered(request, "services", matches, line)?;
    }
    Ok(Answer {
        count: gather.count,
        shown: gather.shown(),
        complete: gather.complete(),
        window: Window::now(&clock),
        hint: gather.hint("narrow it by query or team."),
        services: gather.rows,
    })
}

fn statuses(text: &str) -> Result<Vec<&'static str>, ToolError> {
    let mut statuses = Vec::new();
    for status in split(text) {
        match status.to_lowercase().as_str() {
            "open" => statuses.extend(["critical", "warning"]),
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

fn line(service: &Service) -> Line {
    Line {
        id: service.id.clone(),
        name: cut(service.name.as_deref().or(service.summary.as_deref()).unwrap_or_default(), TITLE_MAX_CHARS),
        status: service.status.clone(),
        teams: labels(service.teams.as_deref()).take(TEAMS_MAX).map(|label| cut(label, TITLE_MAX_CHARS)).collect(),
        escalation_policy: service
            .escalation_policy
            .as_ref()
            .and_then(|policy| policy.label())
            .map(|label| cut(label, TITLE_MAX_CHARS)),
    }
}

//! `pagerduty_incident_get`: one incident with its notes and what happened to it, oldest first.

use serde::Serialize;
use serde_json::Value;
use toolkeep_connector::json::{self, Written};
use toolkeep_connector::{Context, End, Paging, ToolError};

use crate::arguments::{IncidentRef, Rows, incident, limit};
use crate::object::arguments;
use crate::row::{Row, cut, sorted};
use crate::window::{Clock, Told, Window};
use crate::wire::{Incident, LogEntry, Note, One, labels};

/// Timeline entries when nobody says how many.
const ENTRIES_DEFAULT: u32 = 50;
/// Timeline entries at most: about 30 KB.
const ENTRIES_MAX: u32 = 200;
/// Pages of 100 entries read, so that the newest are seen even of a long storm.
const PAGES_MAX: u32 = 10;
/// Notes shown, the latest.
const NOTES_MAX: usize = 20;
/// Longest title, in characters: PagerDuty's own limit.
const TITLE_MAX_CHARS: usize = 1_024;
/// Longest note or description, in characters: two pages of text.
const NOTE_MAX_CHARS: usize = 4_000;
/// Longest text of a timeline entry, in characters: 200 of them must fit into an answer.
const ENTRY_MAX_CHARS: usize = 1_000;

arguments! {
    /// Which incident, and how much of its story.
    Arguments {
        /// Incident number, e.g. 4201, or ID. Needed.
        incident: IncidentRef;
        /// true: every log entry, also notifications. Default: key events.
        full: bool;
        /// Latest timeline entries to show, 1 to 200. Default 50.
        limit: Rows<ENTRIES_MAX>;
        /// IANA name. Default: the user's.
        time_zone: String;
        id: IncidentRef;
    } required []
}

/// The answer.
#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    incident: Written,
    notes: Vec<Entry>,
    timeline: Vec<Entry>,
    /// Timeline entries that were found.
    count: usize,
    shown: usize,
    complete: bool,
    window: Told,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

/// The row and what a list leaves out.
#[derive(Debug, Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    row: Row<'a>,
    created_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolved_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    escalation_policy: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    teams: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alerts: Option<Alerts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    incident_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Alerts {
    all: u32,
    triggered: u32,
}

/// One note, or one line of the timeline.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub(crate) struct Entry {
    at: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

pub(crate) fn run(context: &mut Context, arguments: Arguments) -> Result<Answer, ToolError> {
    let wanted = incident(&arguments.incident, &arguments.id)?.to_owned();
    let shown_max = limit(arguments.limit.map(|rows| rows.0), ENTRIES_DEFAULT, ENTRIES_MAX)?;
    let clock = Clock::new(context, arguments.time_zone.as_deref())?;
    let found = read(context, &wanted)?;
    let id = found.id.clone().unwrap_or(wanted);

    let notes: One = context.get("/incidents/{id}/notes").path("id", &id).fetch()?;
    let mut notes = notes.notes.unwrap_or_default();
    // Neither list comes in a promised order, and a second may hold several rows: rows that come newest first
    // are turned before they are sorted.
    if notes.first().map(|note| note.created_at) > notes.last().map(|note| note.created_at) {
        notes.reverse();
    }
    let notes = sorted(notes, |one, other| one.created_at <= other.created_at);
    let hidden_notes = notes.len().saturating_sub(NOTES_MAX);

    let mut entries: Vec<LogEntry> = Vec::new();
    let overview = !arguments.full.unwrap_or(false);
    let end = context
        .get("/incidents/{id}/log_entries")
        .path("id", &id)
        .query("is_overview", overview)
        .query("include[]", "channels")
        .pages("log_entries", Paging { pages_max: PAGES_MAX, ..Paging::USUAL }, |_, page| {
            entries.extend(page.rows);
            std::ops::ControlFlow::Continue(())
        })?;
    // PagerDuty's usual order, also where all is of one second, is newest first.
    if entries.first().map(|entry| entry.created_at) >= entries.last().map(|entry| entry.created_at) {
        entries.reverse();
    }
    let entries = sorted(entries, |one, other| one.created_at <= other.created_at);
    let count = entries.len();
    let hidden = count.saturating_sub(usize::try_from(shown_max).unwrap_or(usize::MAX));
    let mut is_cut = false;
    let mut note_is_cut = false;
    let whole = whole(&clock, &found, &mut is_cut)?;
    let notes: Vec<Entry> = notes.iter().skip(hidden_notes).map(|note| quoted(&clock, note, &mut is_cut)).collect();
    let timeline: Vec<Entry> =
        entries.iter().skip(hidden).map(|entry| line(&clock, entry, &mut is_cut, &mut note_is_cut)).collect();

    let mut hints = Vec::new();
    if hidden > 0 {
        hints.push(format!("{hidden} older entries are not shown; limit goes up to {ENTRIES_MAX}."));
    }
    if end != End::Complete {
        hints.push(format!("Only {count} entries were read; PagerDuty has more."));
    }
    if hidden_notes > 0 {
        hints.push(format!("{hidden_notes} older notes are not shown; full=true has them in the timeline."));
    }
    // A note that the timeline cuts stands among the notes, unless it is too old for them.
    if is_cut || (note_is_cut && hidden_notes > 0) {
        hints.push(format!(
            "Texts that end in … are cut: notes and details at {NOTE_MAX_CHARS} characters, timeline entries at {ENTRY_MAX_CHARS}; PagerDuty has all of them."
        ));
    }
    let window = match found.created_at {
        Some(created) => Window::Range(created, clock.now),
        None => Window::All,
    };
    Ok(Answer {
        incident: whole,
        notes,
        shown: timeline.len(),
        timeline,
        count,
        complete: hints.is_empty(),
        window: window.told(&clock),
        hint: (!hints.is_empty()).then(|| hints.join(" ")),
    })
}

/// Reads one incident by number or identifier.
pub(crate) fn read(context: &mut Context, wanted: &str) -> Result<Incident, ToolError> {
    match context.get("/incidents/{id}").path("id", wanted).fetch::<One>() {
        Ok(answer) => Ok(answer.incident.unwrap_or_default()),
        Err(ToolError::NotFound(_)) => Err(ToolError::NotFound(format!(
            "PagerDuty has no incident {wanted} that this user may see. pagerduty_incidents_list shows numbers and IDs."
        ))),
        Err(error) => Err(error),
    }
}

/// Cuts a text and remembers that it was.
fn short(text: &str, max_chars: usize, is_cut: &mut bool) -> String {
    let short = cut(text, max_chars);
    *is_cut |= short != text;
    short
}

fn whole(clock: &Clock, incident: &Incident, is_cut: &mut bool) -> Result<Written, ToolError> {
    let title = incident.title.as_deref().or(incident.summary.as_deref()).unwrap_or_default();
    let listed = incident.listed();
    let row = Row { title: short(title, TITLE_MAX_CHARS, is_cut).into(), ..listed.row(clock.now) };
    let details = incident.body.as_ref().and_then(|body| match &body.details {
        Some(Value::String(text)) if !text.is_empty() => Some(short(text, NOTE_MAX_CHARS, is_cut)),
        Some(Value::Null | Value::String(_)) | None => None,
        Some(other) => Some(short(&other.to_string(), NOTE_MAX_CHARS, is_cut)),
    });
    Ok(json::write(&Whole {
        row,
        created_at: incident.created_at.map(|at| clock.write(at)),
        resolved_at: incident.resolved_at.map(|at| clock.write(at)),
        escalation_policy: incident.escalation_policy.as_ref().and_then(|policy| policy.label()).map(str::to_owned),
        teams: labels(incident.teams.as_deref()).map(str::to_owned).collect(),
        alerts: incident
            .alert_counts
            .as_ref()
            .map(|counts| Alerts { all: counts.all.unwrap_or(0), triggered: counts.triggered.unwrap_or(0) }),
        incident_key: incident.incident_key.as_deref().filter(|key| !key.is_empty()).map(|key| cut(key, 255)),
        details,
        url: incident.html_url.as_deref(),
    })?)
}

fn quoted(clock: &Clock, note: &Note, is_cut: &mut bool) -> Entry {
    Entry {
        at: note.created_at.map(|at| clock.write(at)),
        kind: None,
        by: note.user.as_ref().and_then(|user| user.label()).map(str::to_owned),
        text: note.content.as_deref().map(|text| short(text, NOTE_MAX_CHARS, is_cut)),
    }
}

/// One line. A type that nobody knows yet keeps its own name, and its summary speaks for it.
fn line(clock: &Clock, entry: &LogEntry, is_cut: &mut bool, note_is_cut: &mut bool) -> Entry {
    let kind = entry.kind.as_deref().unwrap_or("unknown");
    let kind = kind.strip_suffix("_reference").unwrap_or(kind);
    let kind = kind.strip_suffix("_log_entry").unwrap_or(kind);
    let channel = entry.channel.as_ref();
    let note = channel.and_then(|channel| {
        [&channel.content, &channel.note, &channel.summary].into_iter().find_map(|text| text.as_deref())
    });
    let people = match kind {
        "assign" | "escalate" | "delegate" => labels(entry.assignees.as_deref()).collect::<Vec<_>>().join(", "),
        "notify" => entry.user.as_ref().and_then(|user| user.label()).unwrap_or_default().to_owned(),
        _ => String::new(),
    };
    let summary = entry.summary.as_deref();
    let text = match kind {
        "annotate" => note.or(summary).map(str::to_owned),
        _ if !people.is_empty() => Some(format!("to {people}")),
        _ => summary.map(str::to_owned),
    };
    Entry {
        at: entry.created_at.map(|at| clock.write(at)),
        kind: Some(cut(kind, 64)),
        by: entry.agent.as_ref().and_then(|agent| agent.label()).map(str::to_owned),
        text: text
            .filter(|text| !text.is_empty())
            .map(|text| short(&text, ENTRY_MAX_CHARS, if kind == "annotate" { note_is_cut } else { is_cut })),
    }
}

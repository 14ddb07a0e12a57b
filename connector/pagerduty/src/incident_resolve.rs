//! `pagerduty_incident_resolve`: ends an incident, with a note if one is given.
//!
//! Two writes make one act, and the second may fail: then the answer says which half is done. Nothing is
//! undone and nothing is tried twice.

use serde::Serialize;
use toolkeep_connector::json::{self, Written};
use toolkeep_connector::{Context, ToolError};

use crate::arguments::{IncidentRef, bounded, incident};
use crate::incident_get::read;
use crate::object::arguments;
use crate::window::Clock;
use crate::wire::{Incident, One};

/// Longest note, in characters: a long page of text.
const NOTE_MAX_CHARS: usize = 10_000;

arguments! {
    /// Which incident, and what to leave behind.
    Arguments {
        /// Incident number, e.g. 4201, or ID. Needed.
        incident: IncidentRef;
        /// Note to add: what was wrong, what helped.
        note: String;
        id: IncidentRef;
        /// Ignored: the connected user acts.
        from_email: String;
    } required []
}

/// The answer.
#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    resolved: bool,
    /// It was resolved before this call.
    already_resolved: bool,
    note_added: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    note_id: Option<String>,
    incident: Written,
}

/// What is put.
#[derive(Serialize)]
struct Body {
    incident: State,
}

#[derive(Serialize)]
struct State {
    #[serde(rename = "type")]
    kind: &'static str,
    status: &'static str,
}

/// What is posted.
#[derive(Serialize)]
struct NoteBody<'a> {
    note: Content<'a>,
}

#[derive(Serialize)]
struct Content<'a> {
    content: &'a str,
}

/// What a half-done call says.
#[derive(Serialize)]
struct HalfDone {
    message: &'static str,
    done: Done,
    not_done: NotDone,
}

#[derive(Serialize)]
struct Done {
    resolved: bool,
    already_resolved: bool,
    incident: Written,
}

#[derive(Serialize)]
struct NotDone {
    note: bool,
    code: &'static str,
    reason: String,
}

pub(crate) fn run(context: &mut Context, arguments: Arguments) -> Result<Answer, ToolError> {
    let wanted = incident(&arguments.incident, &arguments.id)?.to_owned();
    let note = match arguments.note.as_deref().map(str::trim).filter(|note| !note.is_empty()) {
        Some(note) => Some(bounded("note", note, NOTE_MAX_CHARS)?),
        None => None,
    };
    let clock = Clock::new(context, None)?;
    // PUT wants the identifier, people have the number; and only reading tells whether there is work.
    let before = read(context, &wanted)?;
    let Some(id) = before.id.clone() else {
        return Err(ToolError::Other(format!(
            "PagerDuty gave incident {wanted} without an ID, so it cannot be changed."
        )));
    };
    let already_resolved = before.listed().is_resolved();
    let (after, already_resolved) = if already_resolved { (before, true) } else { resolve(context, &id)? };
    let row = after.listed().write(clock.now)?;
    let Some(note) = note else {
        return Ok(Answer { resolved: true, already_resolved, note_added: false, note_id: None, incident: row });
    };
    let body = NoteBody { note: Content { content: note } };
    match context.post("/incidents/{id}/notes").path("id", &id).json(&body).fetch::<One>() {
        Ok(answer) => Ok(Answer {
            resolved: true,
            already_resolved,
            note_added: true,
            note_id: answer.note.and_then(|note| note.id),
            incident: row,
        }),
        Err(error) => Err(half_done(error, already_resolved, row)),
    }
}

/// Resolves it. If somebody else was quicker, that is the state which was asked for.
fn resolve(context: &mut Context, id: &str) -> Result<(Incident, bool), ToolError> {
    let body = Body { incident: State { kind: "incident_reference", status: "resolved" } };
    match context.put("/incidents/{id}").path("id", id).json(&body).fetch::<One>() {
        Ok(answer) => {
            let after = answer.incident.unwrap_or_default();
            if after.status.as_deref().is_some_and(|status| status != "resolved") {
                return Err(ToolError::Conflict(
                    "PagerDuty accepted the change, but the incident is not resolved. Look at it again.".into(),
                ));
            }
            Ok((after, false))
        }
        Err(ToolError::Conflict(why)) => {
            let now = read(context, id)?;
            if now.listed().is_resolved() { Ok((now, true)) } else { Err(ToolError::Conflict(why)) }
        }
        Err(error) => Err(error),
    }
}

/// The note failed after the incident was resolved.
fn half_done(error: ToolError, already_resolved: bool, incident: Written) -> ToolError {
    let (code, reason) = match error {
        ToolError::InvalidArguments(text) => ("invalid-arguments", text),
        ToolError::NotFound(text) => ("not-found", text),
        ToolError::Conflict(text) => ("conflict", text),
        ToolError::Unauthenticated(text) => ("unauthenticated", text),
        ToolError::Forbidden(text) => ("forbidden", text),
        ToolError::RateLimited(seconds) => {
            let wait = seconds.map_or_else(|| "a minute".to_owned(), |seconds| format!("{seconds} s"));
            ("rate-limited", format!("PagerDuty asks to wait {wait}."))
        }
        ToolError::Unavailable(text) => ("unavailable", text),
        ToolError::Other(text) | ToolError::Ambiguous(text) | ToolError::Partial(text) => ("other", text),
    };
    let message = if already_resolved {
        "The incident was already resolved; the note was not added."
    } else {
        "The incident is resolved; the note was not added. Do not resolve again; add the note once the reason is gone."
    };
    let told = HalfDone {
        message,
        done: Done { resolved: true, already_resolved, incident },
        not_done: NotDone { note: true, code, reason },
    };
    match json::write(&told) {
        Ok(told) => ToolError::Partial(told.into_string()),
        Err(error) => error.into(),
    }
}

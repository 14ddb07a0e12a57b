//! An incident in about two hundred bytes: what a person on call wants in one line.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use toolkeep_connector::ToolError;
use toolkeep_connector::json::{self, Written};

use crate::civil::Timestamp;
use crate::wire::{Assigned, Label, Listed};

/// Longest title in a list, in characters: a line's worth.
pub(crate) const TITLE_MAX_CHARS: usize = 100;
/// People named in a row; an incident assigned to more is assigned to everybody.
const ASSIGNED_MAX: usize = 5;

/// One incident, its texts those of what it is made from.
#[derive(Debug, Serialize)]
pub(crate) struct Row<'a> {
    pub(crate) number: Option<u64>,
    pub(crate) id: Option<&'a str>,
    pub(crate) title: Cow<'a, str>,
    pub(crate) status: Option<&'a str>,
    pub(crate) urgency: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) priority: Option<Cow<'a, str>>,
    pub(crate) service: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) open_minutes: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resolve_minutes: Option<i64>,
    #[serde(skip_serializing_if = "People::is_nobody")]
    pub(crate) assigned: People<'a>,
}

/// Who has an incident: a list of names.
#[derive(Debug)]
pub(crate) struct People<'a>(&'a [Assigned<'a>]);

impl People<'_> {
    fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|one| one.assignee.as_ref()?.label())
    }

    fn is_nobody(&self) -> bool {
        self.names().next().is_none()
    }
}

impl Serialize for People<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.names().take(ASSIGNED_MAX).map(|name| shown(name, TITLE_MAX_CHARS)))
    }
}

/// A text cut at a number of characters; an ellipsis says that something is gone.
pub(crate) fn shown(text: &str, max_chars: usize) -> Cow<'_, str> {
    // No character has less than a byte.
    if text.len() <= max_chars {
        return Cow::Borrowed(text);
    }
    match text.char_indices().nth(max_chars) {
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
        None => Cow::Borrowed(text),
    }
}

/// As [`shown`], owned.
pub(crate) fn cut(text: &str, max_chars: usize) -> String {
    shown(text, max_chars).into_owned()
}

/// Sorts a list, keeping the order of equal rows. `comes_first`: whether the first row comes before the second
/// or is equal to it. A list of a few hundred rows that is nearly sorted already needs no faster way, and the
/// library's sort is six kilobytes for each kind of row.
pub(crate) fn sorted<T>(rows: Vec<T>, comes_first: impl Fn(&T, &T) -> bool) -> Vec<T> {
    let mut sorted: Vec<T> = Vec::with_capacity(rows.len());
    for row in rows {
        let place = sorted.partition_point(|known| comes_first(known, &row));
        sorted.insert(place, row);
    }
    sorted
}

impl Listed<'_> {
    pub(crate) fn is_resolved(&self) -> bool {
        self.status.as_deref() == Some("resolved")
    }

    /// Seconds that it has been open, for one that is.
    pub(crate) fn open_s(&self, now: Timestamp) -> Option<i64> {
        if self.is_resolved() { None } else { Some((now.0 - self.created_at?.0).max(0)) }
    }

    /// Seconds from its creation to its end, for one that has ended.
    pub(crate) fn resolve_s(&self) -> Option<i64> {
        if !self.is_resolved() {
            return None;
        }
        let end = self.resolved_at.or(self.last_status_change_at)?;
        Some((end.0 - self.created_at?.0).max(0))
    }

    /// Its line.
    pub(crate) fn row(&self, now: Timestamp) -> Row<'_> {
        fn label<'a>(label: &'a Option<Label<'_>>) -> Option<Cow<'a, str>> {
            label.as_ref().and_then(Label::label).map(|label| shown(label, TITLE_MAX_CHARS))
        }
        Row {
            number: self.incident_number,
            id: self.id.as_deref(),
            title: shown(self.title.as_deref().or(self.summary.as_deref()).unwrap_or_default(), TITLE_MAX_CHARS),
            status: self.status.as_deref(),
            urgency: self.urgency.as_deref(),
            priority: label(&self.priority),
            service: label(&self.service),
            open_minutes: self.open_s(now).map(|seconds| seconds / 60),
            resolve_minutes: self.resolve_s().map(|seconds| seconds / 60),
            assigned: People(self.assignments.as_deref().unwrap_or_default()),
        }
    }

    /// Its line, written.
    pub(crate) fn write(&self, now: Timestamp) -> Result<Written, ToolError> {
        Ok(json::write(&self.row(now))?)
    }
}

//! An incident in about two hundred bytes: what a person on call wants in one line.

use serde::Serialize;

use crate::civil::Timestamp;
use crate::wire::{Incident, labels};

/// Longest title in a list, in characters: a line's worth.
pub(crate) const TITLE_MAX_CHARS: usize = 100;
/// People named in a row; an incident assigned to more is assigned to everybody.
const ASSIGNED_MAX: usize = 5;

/// One incident.
#[derive(Debug, Serialize, PartialEq, Eq, Clone)]
pub(crate) struct Row {
    pub(crate) number: Option<u64>,
    pub(crate) id: Option<String>,
    pub(crate) title: String,
    pub(crate) status: Option<String>,
    pub(crate) urgency: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) priority: Option<String>,
    pub(crate) service: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) open_minutes: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resolve_minutes: Option<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) assigned: Vec<String>,
}

/// Cuts a text at a number of characters; an ellipsis says that something is gone.
pub(crate) fn cut(text: &str, max_chars: usize) -> String {
    match text.char_indices().nth(max_chars) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
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

impl Incident {
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
    pub(crate) fn row(&self, now: Timestamp) -> Row {
        let label = |reference: &Option<crate::wire::Reference>| {
            reference.as_ref().and_then(|reference| reference.label()).map(|label| cut(label, TITLE_MAX_CHARS))
        };
        let assignees: Vec<_> = self.assignments.iter().flatten().filter_map(|one| one.assignee.clone()).collect();
        Row {
            number: self.incident_number,
            id: self.id.clone(),
            title: cut(self.title.as_deref().or(self.summary.as_deref()).unwrap_or_default(), TITLE_MAX_CHARS),
            status: self.status.clone(),
            urgency: self.urgency.clone(),
            priority: label(&self.priority),
            service: label(&self.service),
            open_minutes: self.open_s(now).map(|seconds| seconds / 60),
            resolve_minutes: self.resolve_s().map(|seconds| seconds / 60),
            assigned: labels(Some(&assignees)).take(ASSIGNED_MAX).map(|label| cut(label, TITLE_MAX_CHARS)).collect(),
        }
    }
}

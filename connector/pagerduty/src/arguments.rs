//! Arguments that several tools share: an incident however people name it, limits, and lists in a text.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};
use toolkeep_connector::{ToolError, quote};

use crate::object::Argument;

/// Longest name, identifier or list argument, in characters: far more than PagerDuty's longest name.
const NAME_MAX_CHARS: usize = 512;

/// An incident's number, identifier or web address. Models send numbers as often as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IncidentRef(String);

impl Argument for IncidentRef {
    const TYPES: &'static [&'static str] = &["string", "integer"];
}

impl<'de> Deserialize<'de> for IncidentRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = IncidentRef;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an incident number or ID")
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<IncidentRef, E> {
                Ok(IncidentRef(number.to_string()))
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<IncidentRef, E> {
                Ok(IncidentRef(number.to_string()))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<IncidentRef, E> {
                Ok(IncidentRef(text.to_owned()))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl IncidentRef {
    /// The number or identifier by itself: `#4201`, `4201`, `Q1ABC…`, `https://acme.pagerduty.com/incidents/Q1ABC…`.
    pub(crate) fn identifier(&self) -> Result<&str, ToolError> {
        let text = self.0.trim().trim_end_matches('/');
        let last = match text.contains("://") {
            true => text.split(['?', '#']).next().unwrap_or_default().rsplit('/').next().unwrap_or_default(),
            false => text.trim_start_matches('#'),
        };
        if last.is_empty() || last.len() > 64 || !last.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(ToolError::InvalidArguments(format!(
                "{} is no incident. Give its number, e.g. 4201, or its ID; pagerduty_incidents_list shows both.",
                quote(text)
            )));
        }
        Ok(last)
    }
}

/// The incident of one of two arguments that mean the same.
pub(crate) fn incident<'a>(one: &'a Option<IncidentRef>, other: &'a Option<IncidentRef>) -> Result<&'a str, ToolError> {
    match one.as_ref().or(other.as_ref()) {
        Some(reference) => reference.identifier(),
        None => Err(ToolError::InvalidArguments("Say which incident: its number, e.g. 4201, or its ID.".into())),
    }
}

/// One text out of several arguments that mean the same; empty ones do not count.
pub(crate) fn either<'a>(one: &'a Option<String>, other: &'a Option<String>) -> Result<Option<&'a str>, ToolError> {
    let text = [one, other].into_iter().find_map(|text| text.as_deref().map(str::trim).filter(|text| !text.is_empty()));
    match text {
        Some(text) => bounded("a name", text, NAME_MAX_CHARS).map(Some),
        None => Ok(None),
    }
}

/// Refuses a text that is too long, rather than cutting what a person wrote.
pub(crate) fn bounded<'a>(what: &str, text: &'a str, max_chars: usize) -> Result<&'a str, ToolError> {
    if text.chars().nth(max_chars).is_some() {
        return Err(ToolError::InvalidArguments(format!("{what} is longer than {max_chars} characters. Shorten it.")));
    }
    Ok(text)
}

/// A limit between one and a maximum.
pub(crate) fn limit(asked: Option<u32>, default: u32, max: u32) -> Result<u32, ToolError> {
    match asked {
        None => Ok(default),
        Some(limit) if (1..=max).contains(&limit) => Ok(limit),
        Some(limit) => Err(ToolError::InvalidArguments(format!("limit is {limit}; it must be 1 to {max}."))),
    }
}

/// The urgency of an argument, in PagerDuty's words.
pub(crate) fn urgency(text: &str) -> Result<&'static str, ToolError> {
    match text.to_lowercase().as_str() {
        "high" => Ok("high"),
        "low" => Ok("low"),
        _ => Err(ToolError::InvalidArguments(format!("urgency {} is not known. Use high or low.", quote(text)))),
    }
}

//! Arguments that several tools share: an incident however people name it, limits, and lists in a text.

use std::fmt;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use toolkeep_connector::{ToolError, quote};

use crate::object::Argument;

/// Longest name, identifier or list argument, in characters: far more than PagerDuty's longest name.
const NAME_MAX_CHARS: usize = 512;

/// An incident's number, identifier or web address. Models send numbers as often as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IncidentRef(String);

/// A whole number from `MIN` to `MAX`, which the schema says. Some clients write every number as a float: 5.0
/// is five.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count<const MIN: u32, const MAX: u32>(pub(crate) u32);

/// A number of rows to show.
pub(crate) type Rows<const MAX: u32> = Count<1, MAX>;
/// Any number of rows or minutes.
pub(crate) type Any = Count<0, { u32::MAX }>;

impl<const MIN: u32, const MAX: u32> Argument for Count<MIN, MAX> {
    const TYPES: &'static [&'static str] = &["integer"];
    const RANGE: (u32, u32) = (MIN, MAX);
}

impl<'de, const MIN: u32, const MAX: u32> Deserialize<'de> for Count<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The schema lets numbers through and no texts, so this need not tell them apart.
        let text = IncidentRef::deserialize(deserializer)?.0;
        text.parse().map(Self).map_err(|_| D::Error::custom("a number is too large or below 0"))
    }
}

/// The whole number that a float is, if it is one below 2^53, where floats are still exact.
fn whole_float(float: f64) -> Option<u64> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, not negative, below 2^53")]
    (float.fract() == 0.0 && (0.0..9_007_199_254_740_992.0).contains(&float)).then_some(float as u64)
}

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
            fn visit_f64<E: Error>(self, number: f64) -> Result<IncidentRef, E> {
                match whole_float(number) {
                    Some(whole) => self.visit_u64(whole),
                    None => Err(E::invalid_type(Unexpected::Other("a broken number"), &self)),
                }
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

/// The incident of `incident` or `id`, which mean the same.
pub(crate) fn incident<'a>(
    incident: &'a Option<IncidentRef>,
    id: &'a Option<IncidentRef>,
) -> Result<&'a str, ToolError> {
    let identifier = |given: &'a Option<IncidentRef>| given.as_ref().map(IncidentRef::identifier).transpose();
    match one_of("incident", identifier(incident)?, "id", identifier(id)?)? {
        Some(identifier) => Ok(identifier),
        None => Err(ToolError::InvalidArguments("Say which incident: its number, e.g. 4201, or its ID.".into())),
    }
}

/// An argument: its name and what was given.
pub(crate) type Given<'a> = (&'static str, &'a Option<String>);

/// One text out of two arguments that mean the same; empty ones do not count. Two that differ are refused:
/// whichever were taken, somebody meant the other.
pub(crate) fn same<'a>(one: Given<'a>, other: Given<'a>) -> Result<Option<&'a str>, ToolError> {
    let text = |given: Given<'a>| given.1.as_deref().map(str::trim).filter(|text| !text.is_empty());
    one_of(one.0, text(one), other.0, text(other))
}

/// As [`same`], for names.
pub(crate) fn either<'a>(one: Given<'a>, other: Given<'a>) -> Result<Option<&'a str>, ToolError> {
    same(one, other)?.map(|text| bounded(one.0, text, NAME_MAX_CHARS)).transpose()
}

fn one_of<'a>(
    one_name: &str,
    one: Option<&'a str>,
    other_name: &str,
    other: Option<&'a str>,
) -> Result<Option<&'a str>, ToolError> {
    match (one, other) {
        (Some(one), Some(other)) if !one.eq_ignore_ascii_case(other) => Err(ToolError::InvalidArguments(format!(
            "{one_name} and {other_name} mean the same, but {} is not {}. Give one of them.",
            quote(one),
            quote(other)
        ))),
        _ => Ok(one.or(other)),
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

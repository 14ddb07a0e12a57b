//! Stretches of time, as people name them: "this week" begins at midnight on Monday where the user is,
//! also in the week when clocks change.

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp, Zoned};
use serde::Serialize;
use toolkeep_connector::{Context, ToolError};

/// Longest range that one request may ask for, in days: PagerDuty says six months, and no six months in a
/// row have fewer than 181 days.
const CHUNK_MAX_DAYS: i64 = 180;
/// Longest range that a call may ask for, in days: two years, five requests at least.
const RANGE_MAX_DAYS: i64 = 732;
/// Range when nobody names one, in days: PagerDuty's own default is a month.
const DEFAULT_DAYS: i64 = 30;

/// A clock on the wall of whoever asks.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    pub(crate) now: Timestamp,
    pub(crate) zone: TimeZone,
    pub(crate) zone_name: String,
}

impl Clock {
    /// The zone that was asked for, else the connected account's, else UTC.
    pub(crate) fn new(context: &Context, asked: Option<&str>) -> Result<Self, ToolError> {
        let now = Timestamp::from_millisecond(context.now_ms())
            .map_err(|_| ToolError::Other("The clock tells a time that no calendar has.".into()))?;
        if let Some(name) = asked.map(str::trim).filter(|name| !name.is_empty()) {
            let zone = TimeZone::get(name).map_err(|_| {
                ToolError::InvalidArguments(format!(
                    "time_zone {} is not a time zone. Give an IANA name, e.g. Europe/Berlin.",
                    toolkeep_connector::quote(name)
                ))
            })?;
            return Ok(Self { now, zone, zone_name: name.to_owned() });
        }
        let own = context.account().and_then(|account| account.time_zone);
        let known = own.and_then(|name| TimeZone::get(&name).ok().map(|zone| (zone, name)));
        let (zone, zone_name) = known.unwrap_or_else(|| (TimeZone::UTC, "UTC".to_owned()));
        Ok(Self { now, zone, zone_name })
    }

    /// RFC 3339 with the zone's offset at that moment, whole seconds.
    pub(crate) fn write(&self, at: Timestamp) -> String {
        let whole = Timestamp::from_second(at.as_second()).unwrap_or(at);
        whole.display_with_offset(self.zone.to_offset(whole)).to_string()
    }

    fn today(&self) -> Date {
        self.now.to_zoned(self.zone.clone()).date()
    }

    /// First moment of a day: not always midnight, because some zones skip it.
    fn start(&self, day: Date) -> Option<Timestamp> {
        let midnight: Zoned = day.to_zoned(self.zone.clone()).ok()?;
        Some(midnight.start_of_day().ok()?.timestamp())
    }
}

/// What is said about the time that an answer covers.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub(crate) struct Told {
    /// Null: without a beginning.
    pub(crate) since: Option<String>,
    pub(crate) until: String,
    pub(crate) time_zone: String,
}

/// A stretch of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Window {
    /// All time until now: `date_range=all`.
    All,
    /// From the first moment up to, but not including, the second.
    Range(Timestamp, Timestamp),
}

impl Window {
    /// Reads `period`, or `since` and `until`; nothing of it: the last thirty days up to now.
    pub(crate) fn read(
        clock: &Clock,
        period: Option<&str>,
        since: Option<&str>,
        until: Option<&str>,
    ) -> Result<Self, ToolError> {
        let (begin, end) = match (period.map(str::trim).filter(|text| !text.is_empty()), since, until) {
            (Some(_), Some(_), _) | (Some(_), _, Some(_)) => {
                return Err(invalid("Give either period or since/until, not both."));
            }
            (Some(name), None, None) => {
                let name = name.to_lowercase().replace([' ', '-'], "_");
                if name == "all" {
                    return Ok(Self::All);
                }
                named(clock, &name).ok_or_else(|| {
                    invalid(&format!(
                        "period {} is not known. Use today, yesterday, this_ or last_ with week, month, quarter or year, last_N_hours, last_N_days, or all.",
                        toolkeep_connector::quote(&name)
                    ))
                })?
            }
            (None, since, until) => {
                let end = match until {
                    Some(text) => moment(clock, "until", text, true)?,
                    None => clock.now,
                };
                let begin = match since {
                    Some(text) => moment(clock, "since", text, false)?,
                    None => end.checked_sub(SignedDuration::from_hours(24 * DEFAULT_DAYS)).unwrap_or(end),
                };
                (begin, end)
            }
        };
        if begin >= end {
            return Err(invalid("The range is empty: since is not before until."));
        }
        if end.duration_since(begin) > SignedDuration::from_hours(24 * RANGE_MAX_DAYS) {
            return Err(invalid("The range is longer than two years. Ask for two years at most, or several times."));
        }
        Ok(Self::Range(begin, end))
    }

    /// The ranges to ask for, newest first, each short enough for one request. None: all time.
    pub(crate) fn chunks(&self) -> Vec<Option<(Timestamp, Timestamp)>> {
        let Self::Range(since, until) = *self else { return vec![None] };
        let mut chunks = Vec::new();
        let mut end = until;
        while end > since {
            let begin = end.checked_sub(SignedDuration::from_hours(24 * CHUNK_MAX_DAYS)).unwrap_or(since).max(since);
            chunks.push(Some((begin, end)));
            end = begin;
        }
        chunks
    }

    /// What is said of an answer about this moment.
    pub(crate) fn now(clock: &Clock) -> Told {
        Self::Range(clock.now, clock.now).told(clock)
    }

    pub(crate) fn told(&self, clock: &Clock) -> Told {
        let (since, until) = match *self {
            Self::All => (None, clock.now),
            Self::Range(since, until) => (Some(clock.write(since)), until),
        };
        Told { since, until: clock.write(until), time_zone: clock.zone_name.clone() }
    }
}

fn invalid(text: &str) -> ToolError {
    ToolError::InvalidArguments(text.to_owned())
}

/// `today`, `last_month`, `last_7_days` and their kin. A stretch that still runs ends now.
fn named(clock: &Clock, name: &str) -> Option<(Timestamp, Timestamp)> {
    let today = clock.today();
    if let Some(rest) = name.strip_prefix("last_")
        && let Some((count, unit)) = rest.split_once('_')
    {
        let count: i64 = count.parse().ok().filter(|count| (1..=17_568).contains(count))?;
        let hours = match unit {
            "hour" | "hours" => count,
            "day" | "days" => count * 24,
            "week" | "weeks" => count * 24 * 7,
            _ => return None,
        };
        return Some((clock.now.checked_sub(SignedDuration::from_hours(hours)).ok()?, clock.now));
    }
    let (which, unit) = match name {
        "today" => ("this", "day"),
        "yesterday" => ("last", "day"),
        other => other.split_once('_')?,
    };
    let first = match unit {
        "day" => today,
        "week" => today.checked_sub(Span::new().days(i64::from(today.weekday().since(Weekday::Monday)))).ok()?,
        "month" => today.first_of_month(),
        "quarter" => Date::new(today.year(), (today.month() - 1) / 3 * 3 + 1, 1).ok()?,
        "year" => Date::new(today.year(), 1, 1).ok()?,
        _ => return None,
    };
    match which {
        "this" => Some((clock.start(first)?, clock.now)),
        "last" => {
            let length = match unit {
                "day" => Span::new().days(1),
                "week" => Span::new().days(7),
                "month" => Span::new().months(1),
                "quarter" => Span::new().months(3),
                _ => Span::new().years(1),
            };
            Some((clock.start(first.checked_sub(length).ok()?)?, clock.start(first)?))
        }
        _ => None,
    }
}

/// A timestamp with an offset, a date and time in the clock's zone, or a date. A date as an end means the
/// whole of that day.
fn moment(clock: &Clock, name: &str, text: &str, ends: bool) -> Result<Timestamp, ToolError> {
    let text = text.trim();
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let local = if text.len() <= "2026-11-22".len() {
        text.parse::<Date>().ok().and_then(|day| clock.start(if ends { day.tomorrow().ok()? } else { day }))
    } else {
        text.parse::<DateTime>().ok().and_then(|at| at.to_zoned(clock.zone.clone()).ok()).map(|at| at.timestamp())
    };
    local.ok_or_else(|| {
        invalid(&format!("{name} {} is not a time. Give 2026-11-22 or 2026-11-22T09:00:00Z.", toolkeep_connector::quote(text)))
    })
}

//! Stretches of time, as people name them: "this week" begins at midnight on Monday where the user is,
//! also in the week when clocks change.

use serde::Serialize;
use toolkeep_connector::{Context, ToolError, quote};

use crate::civil::{DAY_S, Date, Timestamp, parse};
use crate::zone::Zone;

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
    zone: Zone,
    zone_name: &'static str,
}

impl Clock {
    /// The zone that was asked for, else the connected account's, else UTC.
    pub(crate) fn new(context: &Context, asked: Option<&str>) -> Result<Self, ToolError> {
        let now = Timestamp(context.now_ms().div_euclid(1_000));
        if let Some(name) = asked.map(str::trim).filter(|name| !name.is_empty()) {
            let Some((zone, zone_name)) = Zone::named(name) else {
                let name = quote(name);
                return Err(invalid(format!(
                    "time_zone {name} is not a time zone. Give an IANA name, e.g. Europe/Berlin."
                )));
            };
            return Ok(Self { now, zone, zone_name });
        }
        let own = context.account().and_then(|account| account.time_zone);
        let (zone, zone_name) = own.and_then(|name| Zone::named(&name)).unwrap_or((Zone::UTC, "UTC"));
        Ok(Self { now, zone, zone_name })
    }

    /// RFC 3339 with the zone's offset at that moment.
    pub(crate) fn write(&self, at: Timestamp) -> String {
        at.write(self.zone.offset_s(at))
    }

    fn today(&self) -> Date {
        Date::from_days((self.now.0 + self.zone.offset_s(self.now)).div_euclid(DAY_S))
    }

    /// First moment of a day: not always midnight, because some zones skip it.
    fn start(&self, day: Date) -> Timestamp {
        self.zone.moment(day.days() * DAY_S)
    }
}

/// What is said about the time that an answer covers.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub(crate) struct Told {
    /// Null: without a beginning.
    pub(crate) since: Option<String>,
    pub(crate) until: String,
    pub(crate) time_zone: &'static str,
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
        let given = |text: Option<&'_ str>| text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let (begin, end) = match (given(period), given(since), given(until)) {
            (Some(_), Some(_), _) | (Some(_), _, Some(_)) => {
                return Err(invalid("Give either period or since/until, not both.".into()));
            }
            (Some(name), None, None) => {
                let name = name.to_ascii_lowercase().replace([' ', '-'], "_");
                if name == "all" {
                    return Ok(Self::All);
                }
                let Some(range) = named(clock, &name) else {
                    return Err(invalid(format!(
                        "period {} is not known. Use today, yesterday, this_ or last_ with week, month, quarter or year, last_N_hours, last_N_days, or all.",
                        quote(&name)
                    )));
                };
                range
            }
            (None, since, until) => {
                let end = match until {
                    Some(text) => moment(clock, "until", &text, true)?,
                    None => clock.now,
                };
                let begin = match since {
                    Some(text) => moment(clock, "since", &text, false)?,
                    None => end.earlier(DEFAULT_DAYS * DAY_S),
                };
                (begin, end)
            }
        };
        if begin >= end {
            return Err(invalid("The range is empty: since is not before until.".into()));
        }
        if end.0 - begin.0 > RANGE_MAX_DAYS * DAY_S {
            return Err(invalid(
                "The range is longer than two years. Ask for two years at most, or several times.".into(),
            ));
        }
        Ok(Self::Range(begin, end))
    }

    /// The ranges to ask for, newest first, each short enough for one request. None: all time.
    pub(crate) fn chunks(&self) -> Vec<Option<(Timestamp, Timestamp)>> {
        let Self::Range(since, until) = *self else { return vec![None] };
        let mut chunks = Vec::new();
        let mut end = until;
        while end > since {
            let begin = end.earlier(CHUNK_MAX_DAYS * DAY_S).max(since);
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
        Told { since, until: clock.write(until), time_zone: clock.zone_name }
    }
}

fn invalid(text: String) -> ToolError {
    ToolError::InvalidArguments(text)
}

/// `today`, `last_month`, `last_7_days` and their kin. A stretch that still runs ends now.
fn named(clock: &Clock, name: &str) -> Option<(Timestamp, Timestamp)> {
    let today = clock.today();
    if let Some(rest) = name.strip_prefix("last_")
        && let Some((count, unit)) = rest.split_once('_')
    {
        // No range is longer than two years, in hours 17,568.
        let count: i64 = count.parse().ok().filter(|count| (1..=17_568).contains(count))?;
        let seconds = match unit {
            "hour" | "hours" => 3_600,
            "day" | "days" => DAY_S,
            "week" | "weeks" => 7 * DAY_S,
            _ => return None,
        };
        return Some((clock.now.earlier(count * seconds), clock.now));
    }
    let (which, unit) = match name {
        "today" => ("this", "day"),
        "yesterday" => ("last", "day"),
        other => other.split_once('_')?,
    };
    let month_of = |back: i64| Date { month: today.month - back, day: 1, ..today };
    let quarter = (today.month - 1) % 3;
    // The first day of the stretch that runs, and of the one before it. A month below one carries over.
    let (first, before) = match unit {
        "day" => (today, Date::from_days(today.days() - 1)),
        "week" => {
            let monday = today.days() - today.weekday();
            (Date::from_days(monday), Date::from_days(monday - 7))
        }
        "month" => (month_of(0), month_of(1)),
        "quarter" => (month_of(quarter), month_of(quarter + 3)),
        "year" => (month_of(today.month - 1), month_of(today.month + 11)),
        _ => return None,
    };
    match which {
        "this" => Some((clock.start(first), clock.now)),
        "last" => Some((clock.start(before), clock.start(first))),
        _ => None,
    }
}

/// A timestamp with an offset, a date and time in the clock's zone, or a date. A date as an end means the
/// whole of that day.
fn moment(clock: &Clock, name: &str, text: &str, ends: bool) -> Result<Timestamp, ToolError> {
    let is_date = text.len() == "2026-11-22".len();
    match parse(text) {
        Some((local_s, Some(offset_s))) => Ok(Timestamp(local_s - offset_s)),
        Some((local_s, None)) if is_date && ends => Ok(clock.zone.moment(local_s + DAY_S)),
        Some((local_s, None)) => Ok(clock.zone.moment(local_s)),
        None => Err(invalid(format!("{name} {} is not a time. Give 2026-11-22 or 2026-11-22T09:00:00Z.", quote(text)))),
    }
}

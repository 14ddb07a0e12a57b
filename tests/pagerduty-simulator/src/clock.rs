//! The simulator's clock and the spellings of time that the API takes and gives.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use std::time::Instant;

/// The account's time zone: dates without an offset are read in it, and shifts are shown in it.
pub(crate) const ACCOUNT_ZONE: &str = "Europe/London";

/// Starts at a given moment and then runs with real time.
pub(crate) struct Clock {
    start_s: i64,
    started: Instant,
}

impl Clock {
    /// A clock that shows `now` at this moment.
    pub(crate) fn starting_at(now: Timestamp) -> Clock {
        Clock { start_s: now.as_second(), started: Instant::now() }
    }

    /// The moment the clock started at, in Unix seconds. The data is laid out around it.
    pub(crate) fn start_s(&self) -> i64 {
        self.start_s
    }

    /// The simulator's present, in Unix seconds. The API shows whole seconds only.
    pub(crate) fn now_s(&self) -> i64 {
        self.start_s.saturating_add_unsigned(self.started.elapsed().as_secs())
    }
}

/// How timestamps are shown: in UTC (`Z`) or in a zone (with its offset).
#[derive(Clone)]
pub(crate) struct Zone(Option<TimeZone>);

impl Zone {
    pub(crate) const UTC: Zone = Zone(None);

    /// The account's own zone.
    pub(crate) fn account() -> Zone {
        Zone(TimeZone::get(ACCOUNT_ZONE).ok())
    }

    /// A zone by its IANA name; none if there is no such zone.
    pub(crate) fn named(name: &str) -> Option<Zone> {
        if name.eq_ignore_ascii_case("UTC") || name.eq_ignore_ascii_case("Etc/UTC") {
            return Some(Zone::UTC);
        }
        TimeZone::get(name).ok().map(|zone| Zone(Some(zone)))
    }

    /// Whether this is plain UTC, the one spelling that rows are kept ready in.
    pub(crate) fn is_utc(&self) -> bool {
        self.0.is_none()
    }

    /// ISO 8601 with seconds, as the API writes it.
    pub(crate) fn show(&self, at_s: i64) -> String {
        let at = Timestamp::from_second(at_s).unwrap_or(Timestamp::UNIX_EPOCH);
        match &self.0 {
            None => at.to_string(),
            Some(zone) => at.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
        }
    }

    /// Reads a timestamp, a date and time without offset (in this zone), or a date alone (its midnight here).
    pub(crate) fn read(&self, text: &str) -> Option<i64> {
        if let Ok(at) = text.parse::<Timestamp>() {
            return Some(at.as_second());
        }
        let civil =
            text.parse::<DateTime>().ok().or_else(|| text.parse::<Date>().ok().map(|date| date.at(0, 0, 0, 0)))?;
        let zone = self.0.clone().unwrap_or(TimeZone::UTC);
        civil.to_zoned(zone).ok().map(|at| at.timestamp().as_second())
    }
}

/// The moment `months` calendar months before (negative) or after `at_s`, counted in UTC.
pub(crate) fn months_from(at_s: i64, months: i32) -> i64 {
    Timestamp::from_second(at_s)
        .ok()
        .and_then(|at| at.to_zoned(TimeZone::UTC).checked_add(Span::new().months(months)).ok())
        .map_or(at_s, |at| at.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;

    #[test]
    fn reads_every_spelling_in_its_zone() {
        let new_york = Zone::named("America/New_York").unwrap();
        assert_eq!(Zone::UTC.read("2026-01-02T03:04:05Z"), Some(1_767_323_045));
        assert_eq!(new_york.read("2026-01-01T22:04:05"), Some(1_767_323_045));
        assert_eq!(new_york.show(1_767_323_045), "2026-01-01T22:04:05-05:00");
        assert_eq!(Zone::UTC.show(1_767_323_045), "2026-01-02T03:04:05Z");
        assert_eq!(Zone::UTC.read("2026-01-02"), Some(1_767_312_000));
        assert_eq!(Zone::UTC.read("yesterday"), None);
        assert!(Zone::named("Mars/Olympus").is_none());
    }

    #[test]
    fn months_are_calendar_months() {
        let end_of_march = Zone::UTC.read("2026-03-31T00:00:00Z").unwrap();
        assert_eq!(Zone::UTC.show(months_from(end_of_march, -1)), "2026-02-28T00:00:00Z");
    }
}

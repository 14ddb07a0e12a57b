//! Time zones by their IANA names, each with the rule that holds now: its POSIX `TZ` string.
//!
//! Right for today, the last two years and what lies ahead, wherever the rule did not change meanwhile.
//! One kind of zone has no such rule: where clocks follow the moon (Morocco), the hour of Ramadan is missed.

use std::cmp::Ordering;

use crate::civil::{DAY_S, Date, Timestamp};

/// Lines of `Europe/Berlin CET-1CEST,M3.5.0,M10.5.0/3`, written by the build script, in the order of their
/// names in lower case.
const ZONES: &str = include_str!(concat!(env!("OUT_DIR"), "/zones.txt"));

/// Offsets from UTC over the year.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Zone {
    standard_s: i64,
    daylight: Option<Daylight>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Daylight {
    offset_s: i64,
    begins: Change,
    ends: Change,
}

/// A moment of each year, by the clock that is in force just before it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Change {
    day: Day,
    /// May be negative or past the day's end.
    of_day_s: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Day {
    /// `Mm.w.d`: weekday `d` (0 is Sunday) of the `w`th week of a month; the fifth is the last.
    Week { month: i64, week: i64, weekday: i64 },
    /// `Jn`: 1 to 365, the leap day never counted.
    Julian(i64),
    /// `n`: 0 to 365, the leap day counted.
    OfYear(i64),
}

impl Zone {
    /// No offset.
    pub(crate) const UTC: Self = Self { standard_s: 0, daylight: None };

    /// The zone of that name, whatever its case, and the name as the database writes it.
    pub(crate) fn named(name: &str) -> Option<(Self, &'static str)> {
        let (known, rule) = line(name)?.split_once(' ')?;
        Some((Self::parse(rule)?, known))
    }

    /// Reads a POSIX `TZ` string (IEEE Std 1003.1, section 8.3, with the wider hours of RFC 9636).
    fn parse(text: &str) -> Option<Self> {
        let mut left = text;
        abbreviation(&mut left)?;
        let standard_s = -clock(&mut left)?;
        if left.is_empty() {
            return Some(Self { standard_s, daylight: None });
        }
        abbreviation(&mut left)?;
        let offset_s = if left.starts_with(',') { standard_s + 3_600 } else { -clock(&mut left)? };
        let mut changes = left.strip_prefix(',')?.split(',');
        let begins = Change::parse(changes.next()?)?;
        let ends = Change::parse(changes.next()?)?;
        Some(Self { standard_s, daylight: Some(Daylight { offset_s, begins, ends }) })
    }

    /// Seconds east of UTC at a moment.
    pub(crate) fn offset_s(&self, at: Timestamp) -> i64 {
        let Some(daylight) = &self.daylight else { return self.standard_s };
        let year = Date::from_days((at.0 + self.standard_s).div_euclid(DAY_S)).year;
        let begin = daylight.begins.local_s(year) - self.standard_s;
        let end = daylight.ends.local_s(year) - daylight.offset_s;
        // In the south the year begins and ends in daylight time.
        let is_daylight = if begin < end { begin <= at.0 && at.0 < end } else { at.0 < end || begin <= at.0 };
        if is_daylight { daylight.offset_s } else { self.standard_s }
    }

    /// The moment when the wall clock shows so many seconds since the epoch. Shown twice: the first time.
    /// Never shown: as far past the gap as the clock would have been.
    pub(crate) fn moment(&self, local_s: i64) -> Timestamp {
        let other_s = self.daylight.as_ref().map_or(self.standard_s, |daylight| daylight.offset_s);
        let mut offsets = [self.standard_s, other_s];
        // The larger offset gives the earlier moment.
        offsets.sort_unstable_by(|one, other| other.cmp(one));
        let moments = offsets.map(|offset_s| (offset_s, Timestamp(local_s - offset_s)));
        let shown = moments.iter().find(|(offset_s, at)| self.offset_s(*at) == *offset_s);
        let [_, (_, past_gap)] = moments;
        shown.map_or(past_gap, |(_, at)| *at)
    }
}

/// The line of a name, by halving: there are six hundred, and every call asks for one.
fn line(name: &str) -> Option<&'static str> {
    let mut left = ZONES;
    while !left.is_empty() {
        let (before, after) = left.split_at_checked(left.len() / 2)?;
        let begin = before.rfind('\n').map_or(0, |place| place + 1);
        let end = after.find('\n').map_or(left.len(), |place| before.len() + place + 1);
        let line = left.get(begin..end)?;
        let (known, _) = line.split_once(' ')?;
        let known = known.bytes().map(|byte| byte.to_ascii_lowercase());
        match known.cmp(name.bytes().map(|byte| byte.to_ascii_lowercase())) {
            Ordering::Equal => return Some(line.trim_end()),
            Ordering::Less => left = left.get(end..)?,
            Ordering::Greater => left = left.get(..begin)?,
        }
    }
    None
}

impl Change {
    fn parse(text: &str) -> Option<Self> {
        let (day, time) = text.split_once('/').unwrap_or((text, "2"));
        let mut left = time;
        let of_day_s = clock(&mut left)?;
        let day = if let Some(rule) = day.strip_prefix('M') {
            let mut parts = rule.splitn(3, '.').map(|part| part.parse::<i64>().ok());
            Day::Week { month: parts.next()??, week: parts.next()??, weekday: parts.next()?? }
        } else if let Some(number) = day.strip_prefix('J') {
            Day::Julian(number.parse().ok()?)
        } else {
            Day::OfYear(day.parse().ok()?)
        };
        left.is_empty().then_some(Self { day, of_day_s })
    }

    /// By the wall clock, in seconds since the epoch.
    fn local_s(&self, year: i64) -> i64 {
        let first = Date { year, month: 1, day: 1 }.days();
        let days = match self.day {
            Day::Week { month, week, weekday } => {
                let first = Date { year, month, day: 1 };
                let next = Date { year, month: month + 1, day: 1 }.days();
                // `weekday` counts from Sunday, `Date::weekday` from Monday.
                let ahead = (weekday + 6 - first.weekday()).rem_euclid(7);
                let day = first.days() + ahead + (week - 1) * 7;
                if day >= next { day - 7 } else { day }
            }
            Day::Julian(number) => {
                let march = Date { year, month: 3, day: 1 }.days();
                let leap = march - first == 60;
                first + number - 1 + i64::from(leap && number >= 60)
            }
            Day::OfYear(number) => first + number,
        };
        days * DAY_S + self.of_day_s
    }
}

/// `CEST` or `<+0330>`: of no use here.
fn abbreviation(left: &mut &str) -> Option<()> {
    *left = match left.strip_prefix('<') {
        Some(quoted) => quoted.split_once('>')?.1,
        None => {
            let rest = left.trim_start_matches(|character: char| character.is_ascii_alphabetic());
            if rest.len() == left.len() {
                return None;
            }
            rest
        }
    };
    Some(())
}

/// `[+-]h[:m[:s]]` in seconds.
fn clock(left: &mut &str) -> Option<i64> {
    let (sign, text) = match left.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, left.strip_prefix('+').unwrap_or(left)),
    };
    let end = text.find(|character: char| !character.is_ascii_digit() && character != ':').unwrap_or(text.len());
    let (time, rest) = text.split_at_checked(end)?;
    let mut seconds = 0;
    for (part, unit_s) in time.split(':').zip([3_600, 60, 1]) {
        seconds += part.parse::<i64>().ok()? * unit_s;
    }
    *left = rest;
    Some(sign * seconds)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;

    /// Clocks there follow the moon, which no rule of this form can say.
    const LUNAR: [&str; 2] = ["Africa/Casablanca", "Africa/El_Aaiun"];

    /// Every zone, every six hours from the middle of 2026 for three years, against a full library.
    #[test]
    fn offsets_are_those_of_a_full_library() {
        let mut zones = 0;
        for line in ZONES.lines() {
            let (name, _) = line.split_once(' ').unwrap();
            let (zone, known) = Zone::named(&name.to_uppercase()).unwrap();
            assert_eq!(known, name);
            if LUNAR.contains(&name) {
                continue;
            }
            let theirs = jiff::tz::TimeZone::get(name).unwrap();
            zones += 1;
            for at_s in (1_782_864_000..1_877_472_000).step_by(6 * 3_600) {
                let there = jiff::Timestamp::from_second(at_s).unwrap();
                assert_eq!(
                    zone.offset_s(Timestamp(at_s)),
                    i64::from(theirs.to_offset(there).seconds()),
                    "{name} {there}"
                );
            }
        }
        assert!(zones > 400, "{zones}");
    }

    /// Every quarter of an hour of the days on which clocks change, also where they are shown never or twice.
    #[test]
    fn wall_clocks_are_those_of_a_full_library() {
        for name in [
            "Europe/Berlin",
            "America/New_York",
            "Europe/Dublin",
            "Australia/Lord_Howe",
            "America/Santiago",
            "America/Havana",
            "Asia/Kolkata",
        ] {
            let (zone, _) = Zone::named(name).unwrap();
            let theirs = jiff::tz::TimeZone::get(name).unwrap();
            for local_s in (1_767_225_600..1_798_761_600).step_by(900) {
                let civil = jiff::Timestamp::from_second(local_s).unwrap().to_zoned(jiff::tz::TimeZone::UTC).datetime();
                let there = civil.to_zoned(theirs.clone()).unwrap().timestamp().as_second();
                assert_eq!(zone.moment(local_s), Timestamp(there), "{name} {civil}");
            }
        }
    }

    #[test]
    fn unknown_names_and_broken_rules_are_nothing() {
        assert_eq!(Zone::named("Mars/Olympus"), None);
        assert_eq!(Zone::named(""), None);
        for rule in ["", "CET", "CET-1CEST", "CET-1CEST,M3.5", "CET-1CEST,M3.5.0/x,M10.5.0", "<+03"] {
            assert_eq!(Zone::parse(rule), None, "{rule}");
        }
    }
}

//! Dates and moments, as much of them as these tools need: days of the proleptic Gregorian calendar and
//! RFC 3339 in both directions.
//!
//! A full time library costs this component twice its size; what is here is held against one in the tests.

use std::fmt;

/// Seconds in a day; leap seconds do not exist in POSIX time.
pub(crate) const DAY_S: i64 = 86_400;

/// A moment: whole seconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timestamp(pub(crate) i64);

impl Timestamp {
    /// Later than any moment that is written with four digits of a year.
    pub(crate) const MAX: Self = Self(253_402_300_800);

    /// The moment so many seconds earlier.
    pub(crate) fn earlier(self, seconds: i64) -> Self {
        Self(self.0.saturating_sub(seconds))
    }

    /// RFC 3339 with an offset from UTC, in seconds; `Z` for none.
    pub(crate) fn write(self, offset_s: i64) -> String {
        let local = self.0.saturating_add(offset_s);
        let date = Date::from_days(local.div_euclid(DAY_S));
        let of_day = local.rem_euclid(DAY_S);
        let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
        let (year, month, day) = (date.year, date.month, date.day);
        let mut text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
        if offset_s == 0 {
            text.push('Z');
        } else {
            let sign = if offset_s < 0 { '-' } else { '+' };
            let minutes = offset_s.abs() / 60;
            text.push_str(&format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60));
        }
        text
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.write(0))
    }
}

/// A day of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Date {
    pub(crate) year: i64,
    /// 1 to 12.
    pub(crate) month: i64,
    /// 1 to 31.
    pub(crate) day: i64,
}

impl Date {
    /// The day with that number; 0 is 1970-01-01. Counts in eras of 400 years that begin in March, so that
    /// the leap day is the last of its year.
    pub(crate) fn from_days(days: i64) -> Self {
        let days = days + 719_468;
        let era = days.div_euclid(146_097);
        let of_era = days.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * march_month + 2) / 5 + 1;
        let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Self { year, month, day }
    }

    /// Its number; the inverse of [`Date::from_days`]. A month may be out of range and carries over.
    pub(crate) fn days(self) -> i64 {
        let months = self.year * 12 + self.month - 1;
        let (year, month) = (months.div_euclid(12), months.rem_euclid(12) + 1);
        let year = year - i64::from(month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let march_month = (month + 9) % 12;
        let of_year = (153 * march_month + 2) / 5 + self.day - 1;
        let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
        era * 146_097 + of_era - 719_468
    }

    /// Whether the calendar has it.
    fn exists(self) -> bool {
        let leap = self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0);
        let last = match self.month {
            2 => 28 + i64::from(leap),
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return false,
        };
        (1..=last).contains(&self.day)
    }

    /// Day of the week; 0 is Monday.
    pub(crate) fn weekday(self) -> i64 {
        (self.days() + 3).rem_euclid(7)
    }
}

/// Reads `2026-11-22`, `2026-11-22T09:00[:00[.5]]` and the same with `Z` or an offset: seconds of the
/// local clock since the epoch, and the offset from UTC where there is one.
pub(crate) fn parse(text: &str) -> Option<(i64, Option<i64>)> {
    let mut left = text.as_bytes();
    // Few moments have space around them, and looking for all that is space takes as long as reading one.
    if !matches!(left, [b'0'..=b'9', .., b'0'..=b'9' | b'Z']) {
        left = text.trim().as_bytes();
    }
    let year = digits(&mut left, 4)?;
    take(&mut left, b"-")?;
    let month = digits(&mut left, 2)?;
    take(&mut left, b"-")?;
    let day = digits(&mut left, 2)?;
    let date = Date { year, month, day };
    if !date.exists() {
        return None;
    }
    let midnight = date.days() * DAY_S;
    if left.is_empty() {
        return Some((midnight, None));
    }
    take(&mut left, b"Tt ")?;
    let hour = digits(&mut left, 2)?;
    take(&mut left, b":")?;
    let minute = digits(&mut left, 2)?;
    let mut second = 0;
    if take(&mut left, b":").is_some() {
        second = digits(&mut left, 2)?;
        if take(&mut left, b".,").is_some() {
            digits(&mut left, 1)?;
            while digits(&mut left, 1).is_some() {}
        }
    }
    // 60 is a leap second, which counts as the second after it.
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let local = midnight + hour * 3_600 + minute * 60 + second;
    if left.is_empty() {
        return Some((local, None));
    }
    if let [b'Z' | b'z'] = left {
        return Some((local, Some(0)));
    }
    let sign = if take(&mut left, b"+").is_some() {
        1
    } else {
        take(&mut left, b"-")?;
        -1
    };
    let hours = digits(&mut left, 2)?;
    let _ = take(&mut left, b":");
    let minutes = if left.is_empty() { 0 } else { digits(&mut left, 2)? };
    (left.is_empty() && hours < 24 && minutes < 60).then_some((local, Some(sign * (hours * 3_600 + minutes * 60))))
}

#[inline]
fn digits(left: &mut &[u8], count: usize) -> Option<i64> {
    let (number, rest) = left.split_at_checked(count)?;
    let mut value = 0;
    for byte in number {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = value * 10 + i64::from(byte - b'0');
    }
    *left = rest;
    Some(value)
}

#[inline]
fn take(left: &mut &[u8], wanted: &[u8]) -> Option<()> {
    let (byte, rest) = left.split_first()?;
    if !wanted.contains(byte) {
        return None;
    }
    *left = rest;
    Some(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;

    #[test]
    fn days_and_dates_are_those_of_a_full_library() {
        for days in (-100_000..100_000).step_by(7).chain(20_000..22_000) {
            let date = Date::from_days(days);
            assert_eq!(date.days(), days);
            assert!(date.exists());
            let theirs = jiff::civil::date(1970, 1, 1) + jiff::Span::new().days(days);
            assert_eq!(
                (date.year, date.month, date.day),
                (theirs.year().into(), theirs.month().into(), theirs.day().into())
            );
            assert_eq!(date.weekday(), i64::from(theirs.weekday().to_monday_zero_offset()));
        }
    }

    #[test]
    fn days_that_a_full_library_does_not_know_do_not_exist() {
        for year in [1600, 1900, 2000, 2023, 2024, 2100, 2400] {
            for (month, day) in (0..=14).flat_map(|month| (0..=33).map(move |day| (month, day))) {
                let theirs = jiff::civil::Date::new(year, month, day);
                let date = Date { year: year.into(), month: month.into(), day: day.into() };
                assert_eq!(date.exists(), theirs.is_ok(), "{date:?}");
            }
        }
    }

    #[test]
    fn reads_what_rfc_3339_writes_and_nothing_else() {
        let cases = [
            "2026-11-22T09:30:15Z",
            "2026-11-22t09:30:15.123456z",
            " 2026-11-22T09:30:15Z\n",
            "2024-02-29T23:59:59+05:30",
            "2026-03-29T02:30:00-09:30",
            "1969-12-31T23:59:59Z",
        ];
        for text in cases {
            let (local, offset) = parse(text).unwrap();
            let theirs: jiff::Timestamp = text.trim().parse().unwrap();
            let ours = local - offset.unwrap();
            assert_eq!(ours, theirs.as_millisecond().div_euclid(1_000), "{text}");
        }
        assert_eq!(parse("2026-11-22"), Some((1_795_305_600, None)));
        assert_eq!(parse("2026-11-22 09:30"), Some((1_795_305_600 + 34_200, None)));
        for text in [
            "",
            "2026",
            "2026-1-2",
            "2026-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-11-31",
            "2026-11-22T",
            "2026-11-22T24:00",
            "2026-11-22T09:00:00.",
            "2026-11-22T09:00:00+",
            "2026-11-22T09:00:00+25:00",
            "2026-11-22T09:00:00Zx",
            "heute",
            "２０２６-11-22",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn writes_with_an_offset() {
        assert_eq!(Timestamp(1_795_305_600).write(0), "2026-11-22T00:00:00Z");
        assert_eq!(Timestamp(1_795_305_600).write(-12_600), "2026-11-21T20:30:00-03:30");
        assert_eq!(Timestamp(1_795_305_600).write(20_700), "2026-11-22T05:45:00+05:45");
    }
}

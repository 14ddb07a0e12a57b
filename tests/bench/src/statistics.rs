//! Medians and other points of sorted times.

use std::time::Duration;

use serde::Serialize;

/// How long calls took.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Times {
    /// Half of them took no longer, in microseconds.
    pub(crate) p50_us: f64,
    /// Nine tenths.
    pub(crate) p90_us: f64,
    /// Ninety-nine hundredths.
    pub(crate) p99_us: f64,
    /// How many there were.
    pub(crate) calls: usize,
}

impl Times {
    pub(crate) fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |percent: usize| {
            let place = (times.len() * percent / 100).min(times.len().saturating_sub(1));
            times.get(place).map_or(0.0, |time| time.as_secs_f64() * 1e6)
        };
        Self { p50_us: at(50), p90_us: at(90), p99_us: at(99), calls: times.len() }
    }
}

/// The middle of some values; between the two middle ones of an even number.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let upper = values.len() / 2;
    let lower = values.len().saturating_sub(1) / 2;
    match (values.get(lower), values.get(upper)) {
        (Some(lower), Some(upper)) => f64::midpoint(*lower, *upper),
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_of_the_sorted_times() {
        let times = Times::of((1..=100).rev().map(Duration::from_micros).collect());
        let near = |is: f64, wanted: f64| (is - wanted).abs() < 0.001;
        assert!(near(times.p50_us, 51.0) && near(times.p90_us, 91.0) && near(times.p99_us, 100.0), "{times:?}");
        assert_eq!(Times::of(Vec::new()).calls, 0);
    }

    #[test]
    fn the_median_is_the_middle() {
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(vec![4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < f64::EPSILON);
        assert!(median(Vec::new()).abs() < f64::EPSILON);
    }
}

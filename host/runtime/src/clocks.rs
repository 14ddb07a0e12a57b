//! The clocks that a guest is given: good enough for dates and waits, too coarse to time the host with.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use wasmtime_wasi::clocks::{HostMonotonicClock, HostWallClock};

/// The step of both clocks, in milliseconds. APIs tell time in seconds; what the host does for one request takes
/// a tenth of this, and should not be measured from inside.
const STEP_MS: u64 = 1;

/// A step in nanoseconds.
const STEP_NS: u64 = STEP_MS * 1_000_000;

/// The time of day.
pub(crate) struct CoarseWallClock;

impl HostWallClock for CoarseWallClock {
    fn resolution(&self) -> Duration {
        Duration::from_millis(STEP_MS)
    }

    fn now(&self) -> Duration {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let ns = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(ns - ns % STEP_NS)
    }
}

/// Time since the instance was made.
pub(crate) struct CoarseMonotonicClock(Instant);

impl CoarseMonotonicClock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }
}

impl HostMonotonicClock for CoarseMonotonicClock {
    fn resolution(&self) -> u64 {
        STEP_NS
    }

    fn now(&self) -> u64 {
        let ns = u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX);
        ns - ns % STEP_NS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_move_in_whole_steps() {
        let monotonic = CoarseMonotonicClock::start();
        for _ in 0..1_000 {
            assert_eq!(monotonic.now() % STEP_NS, 0);
            assert_eq!(CoarseWallClock.now().subsec_nanos() % 1_000_000, 0);
        }
    }
}

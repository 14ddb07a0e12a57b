//! Rate limits: so many requests a minute for one token, fewer for the dear endpoints.

use super::auth::Principal;
use crate::config::Config;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// PagerDuty counts by the minute.
const WINDOW_S: u64 = 60;

/// What a request is counted in besides the token's whole.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Bucket {
    Ordinary,
    IncidentWrites,
    Oncalls,
}

/// What is left after a request.
pub(crate) struct Allowance {
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
    /// Seconds until the window starts anew.
    pub(crate) reset_s: u64,
    pub(crate) exhausted: bool,
}

struct Window {
    started: Instant,
    used: u32,
}

/// The counters. At most three for each token, so they are bounded by the configuration.
pub(crate) struct Limits {
    ordinary: u32,
    incident_writes: u32,
    oncalls: u32,
    windows: Mutex<HashMap<(usize, Bucket), Window>>,
}

impl Limits {
    pub(crate) fn from_config(config: &Config) -> Option<Limits> {
        config.rate_limits.then(|| Limits {
            ordinary: config.requests_per_minute,
            incident_writes: config.incident_writes_per_minute,
            oncalls: config.oncalls_per_minute,
            windows: Mutex::new(HashMap::new()),
        })
    }

    /// Counts a request and says what is left of the tighter of its limits.
    pub(crate) fn take(&self, principal: &Principal, bucket: Bucket) -> Allowance {
        let whole = self.count(principal.number, Bucket::Ordinary, self.ordinary);
        let special = match bucket {
            Bucket::Ordinary => return whole,
            Bucket::IncidentWrites => self.count(principal.number, bucket, self.incident_writes),
            Bucket::Oncalls => self.count(principal.number, bucket, self.oncalls),
        };
        if whole.exhausted || (!special.exhausted && whole.remaining < special.remaining) { whole } else { special }
    }

    fn count(&self, token: usize, bucket: Bucket, limit: u32) -> Allowance {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let window = windows.entry((token, bucket)).or_insert(Window { started: now, used: 0 });
        let mut elapsed_s = now.duration_since(window.started).as_secs();
        if elapsed_s >= WINDOW_S {
            *window = Window { started: now, used: 0 };
            elapsed_s = 0;
        }
        let exhausted = window.used >= limit;
        if !exhausted {
            window.used = window.used.saturating_add(1);
        }
        Allowance {
            limit,
            remaining: limit.saturating_sub(window.used),
            reset_s: WINDOW_S.saturating_sub(elapsed_s),
            exhausted,
        }
    }
}

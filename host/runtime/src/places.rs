//! Whose turn it is: how many calls run at once, and how many one principal may make. One principal's
//! eagerness is never another's wait.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use governor::clock::{Clock, MonotonicClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use toolkeep_policy::Principal;

use crate::error::CallError;
use crate::limits::Limits;

/// Principals that are remembered before those who have not called for a while are forgotten.
const MAX_REMEMBERED: usize = 4_096;

/// How often calls of one principal that are too many are recorded, in seconds. A record is made durable before its
/// caller is answered, so one for each would hold up everybody's; one in a minute says who, since when, and how many.
const REFUSALS_RECORDED_S: u64 = 60;

/// Who calls: a tenant and a user. Keys and agents of one person share one allowance, because its upstream
/// counts them together too.
type Who = (String, String);

/// The places of a host.
pub(crate) struct Places {
    all: Arc<Semaphore>,
    of_each: Mutex<HashMap<Who, Weak<Semaphore>>>,
    rate: Option<RateLimiter<Who, HashMapStateStore<Who>, MonotonicClock>>,
    refused: Mutex<HashMap<Who, Refused>>,
    clock: MonotonicClock,
    concurrent: u32,
    concurrent_each: u32,
    wait: Duration,
}

/// Calls of one principal that were too many.
struct Refused {
    /// When one of them was recorded.
    recorded: Instant,
    /// How many came after it and were not.
    left_out: u64,
}

/// A place among the running calls; dropping it gives it back.
pub(crate) struct Place {
    _of_each: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Places {
    pub(crate) fn new(limits: &Limits) -> Self {
        let quota = NonZeroU32::new(limits.calls_per_minute_per_principal).map(|per_minute| {
            let burst = NonZeroU32::new(limits.calls_burst_per_principal).unwrap_or(NonZeroU32::MIN);
            Quota::per_minute(per_minute).allow_burst(burst)
        });
        let clock = MonotonicClock;
        Self {
            all: Arc::new(Semaphore::new(limits.concurrent_calls as usize)),
            of_each: Mutex::default(),
            rate: quota.map(|quota| RateLimiter::new(quota, HashMapStateStore::default(), clock.clone())),
            refused: Mutex::default(),
            clock,
            concurrent: limits.concurrent_calls,
            concurrent_each: limits.concurrent_calls_per_principal,
            wait: Duration::from_millis(limits.queue_ms),
        }
    }

    /// Counts one call against its principal's rate. Nothing waits here: a caller that is too fast is told
    /// when to come back.
    pub(crate) fn count(&self, principal: &Principal) -> Result<(), CallError> {
        let Some(rate) = &self.rate else { return Ok(()) };
        if rate.len() > MAX_REMEMBERED {
            rate.retain_recent();
        }
        rate.check_key(&who(principal)).map_err(|too_early| {
            let wait = too_early.wait_time_from(self.clock.now());
            // Rounded up: coming back on the second is coming back in time.
            CallError::RateLimited {
                retry_after_s: u32::try_from(wait.as_secs().saturating_add(1)).unwrap_or(u32::MAX),
            }
        })
    }

    /// Whether a call that [`Places::count`] refused is recorded, and then how many of this principal's before it
    /// were not. Of at most [`MAX_REMEMBERED`] principals it is known; who was recorded longest ago is forgotten,
    /// with the number.
    pub(crate) fn is_recorded(&self, principal: &Principal) -> Option<u64> {
        self.is_recorded_at(principal, self.clock.now())
    }

    fn is_recorded_at(&self, principal: &Principal, now: Instant) -> Option<u64> {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let who = who(principal);
        if let Some(known) = refused.get_mut(&who) {
            if now.saturating_duration_since(known.recorded) < Duration::from_secs(REFUSALS_RECORDED_S) {
                known.left_out = known.left_out.saturating_add(1);
                return None;
            }
            known.recorded = now;
            return Some(std::mem::take(&mut known.left_out));
        }
        if refused.len() >= MAX_REMEMBERED {
            let oldest = refused.iter().min_by_key(|(_, known)| known.recorded).map(|(who, _)| who.clone());
            if let Some(oldest) = oldest {
                refused.remove(&oldest);
            }
        }
        refused.insert(who, Refused { recorded: now, left_out: 0 });
        Some(0)
    }

    /// A place, first among the principal's own calls, then among all: who has many waiting waits for itself.
    pub(crate) async fn take(&self, principal: &Principal) -> Result<Place, CallError> {
        let own = self.of(principal);
        let taken = async {
            let of_each = own.acquire_owned().await.ok()?;
            let of_all = Arc::clone(&self.all).acquire_owned().await.ok()?;
            Some(Place { _of_each: of_each, _of_all: of_all })
        };
        let waited_ms = u64::try_from(self.wait.as_millis()).unwrap_or(u64::MAX);
        let busy = || CallError::Busy { limit: self.concurrent.min(self.concurrent_each), waited_ms };
        tokio::time::timeout(self.wait, taken).await.ok().flatten().ok_or_else(busy)
    }

    fn of(&self, principal: &Principal) -> Arc<Semaphore> {
        let mut of_each = self.of_each.lock().unwrap_or_else(PoisonError::into_inner);
        let who = who(principal);
        if let Some(own) = of_each.get(&who).and_then(Weak::upgrade) {
            return own;
        }
        if of_each.len() >= MAX_REMEMBERED {
            of_each.retain(|_, own| own.strong_count() > 0);
        }
        let own = Arc::new(Semaphore::new(self.concurrent_each as usize));
        of_each.insert(who, Arc::downgrade(&own));
        own
    }
}

fn who(principal: &Principal) -> Who {
    (principal.tenant.as_str().to_owned(), principal.user.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what failed by panicking")]
    use super::*;

    fn principal(user: &str) -> Principal {
        Principal::new("acme".parse().unwrap(), user.parse().unwrap())
    }

    #[test]
    fn a_burst_is_served_and_what_comes_after_it_is_told_when_to_come_back() {
        let limits = Limits { calls_per_minute_per_principal: 6, calls_burst_per_principal: 3, ..Limits::default() };
        let places = Places::new(&limits);
        for _ in 0..3 {
            places.count(&principal("kim")).unwrap();
        }
        match places.count(&principal("kim")) {
            Err(CallError::RateLimited { retry_after_s }) => assert!((1..=11).contains(&retry_after_s)),
            other => panic!("{other:?}"),
        }
        places.count(&principal("lee")).unwrap();
    }

    #[test]
    fn of_many_refusals_in_a_minute_one_is_recorded_and_the_others_are_counted() {
        let places = Places::new(&Limits::default());
        let begun = places.clock.now();
        let after = |seconds| begun + Duration::from_secs(seconds);
        let kim = principal("kim");
        assert_eq!(places.is_recorded_at(&kim, begun), Some(0));
        for second in 1..60 {
            assert_eq!(places.is_recorded_at(&kim, after(second)), None);
        }
        assert_eq!(places.is_recorded_at(&principal("lee"), after(30)), Some(0), "another principal has its own");
        assert_eq!(places.is_recorded_at(&kim, after(60)), Some(59));
        assert_eq!(places.is_recorded_at(&kim, after(61)), None);
        assert_eq!(places.is_recorded_at(&kim, after(7_200)), Some(1));
        for number in 0..2 * MAX_REMEMBERED {
            assert_eq!(places.is_recorded_at(&principal(&format!("u{number}")), after(7_201)), Some(0));
        }
        assert_eq!(places.refused.lock().unwrap().len(), MAX_REMEMBERED);
    }

    #[test]
    fn no_rate_is_no_limit() {
        let limits = Limits { calls_per_minute_per_principal: 0, ..Limits::default() };
        let places = Places::new(&limits);
        for _ in 0..100_000 {
            places.count(&principal("kim")).unwrap();
        }
    }

    #[tokio::test]
    async fn who_has_many_calls_waits_for_itself_and_nobody_else() {
        let limits =
            Limits { concurrent_calls: 4, concurrent_calls_per_principal: 2, queue_ms: 50, ..Limits::default() };
        let places = Places::new(&limits);
        let kim = principal("kim");
        let held = (places.take(&kim).await.unwrap(), places.take(&kim).await.unwrap());
        assert!(matches!(places.take(&kim).await, Err(CallError::Busy { limit: 2, waited_ms: 50 })));
        let lee = places.take(&principal("lee")).await.unwrap();
        drop(held);
        places.take(&kim).await.unwrap();
        drop(lee);
        // Nobody who is gone is kept.
        assert_eq!(places.of_each.lock().unwrap().values().filter(|own| own.strong_count() > 0).count(), 0);
    }
}

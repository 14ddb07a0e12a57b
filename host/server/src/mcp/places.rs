//! Places for requests: so many at once, and of them so many for one principal, so that no single key can take
//! them all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use toolkeep_policy::{Principal, TenantId, UserId};

/// Requests that are read or answered at once. Each may hold [`super::http::MAX_BODY_BYTES`] and a parsed copy of
/// it, so this bounds memory; the host runs half as many calls at a time and lets the others wait.
const MAX_IN_FLIGHT: usize = 128;
/// Of those, requests of one principal. Three eighths: the agents of one user rarely have ten under way, and two
/// users who take all they can still leave a quarter to the others.
const MAX_PER_PRINCIPAL: usize = 48;
/// Longest wait for a place, in milliseconds; then the client is told to come back.
const QUEUE_MS: u64 = 5_000;

/// Whose share it is. Every key of one user draws on the same.
type Owner = (TenantId, UserId);

/// The places that there are, and who has how many.
pub(crate) struct Places {
    all: Semaphore,
    shares: Mutex<HashMap<Owner, Share>>,
}

/// What one principal has. It is kept for as long as a request of theirs has a place or waits for one, so the map
/// is never longer than there are connections.
struct Share {
    places: Arc<Semaphore>,
    requests: usize,
}

/// A place. It is free again when this is dropped.
pub(crate) struct Place<'a> {
    // In this order: the place of all is free before the principal's own, and the share is forgotten last.
    _of_all: SemaphorePermit<'a>,
    _of_own: tokio::sync::OwnedSemaphorePermit,
    _request: Request<'a>,
}

/// A request that is counted in its principal's share.
struct Request<'a> {
    places: &'a Places,
    owner: Owner,
}

impl Default for Places {
    fn default() -> Self {
        Self { all: Semaphore::new(MAX_IN_FLIGHT), shares: Mutex::default() }
    }
}

impl Places {
    /// A place for a request of `principal`: first one of their own, then one of all. `None` where there was none
    /// for too long.
    pub(crate) async fn take(&self, principal: &Principal) -> Option<Place<'_>> {
        self.take_within(principal, Duration::from_millis(QUEUE_MS)).await
    }

    async fn take_within(&self, principal: &Principal, longest: Duration) -> Option<Place<'_>> {
        let (request, own) = self.count((principal.tenant.clone(), principal.user.clone()));
        let taken = tokio::time::timeout(longest, async {
            // Whoever has taken their share waits here, where nobody else waits for them.
            let of_own = own.acquire_owned().await.ok()?;
            let of_all = self.all.acquire().await.ok()?;
            Some(Place { _of_all: of_all, _of_own: of_own, _request: request })
        });
        taken.await.ok().flatten()
    }

    fn count(&self, owner: Owner) -> (Request<'_>, Arc<Semaphore>) {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        let share = shares
            .entry(owner.clone())
            .or_insert_with(|| Share { places: Arc::new(Semaphore::new(MAX_PER_PRINCIPAL)), requests: 0 });
        share.requests += 1;
        (Request { places: self, owner }, Arc::clone(&share.places))
    }
}

impl Drop for Request<'_> {
    fn drop(&mut self) {
        let mut shares = self.places.shares.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = shares.get_mut(&self.owner) {
            share.requests -= 1;
            if share.requests == 0 {
                shares.remove(&self.owner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;

    fn principal(user: &str) -> Principal {
        Principal::new("acme".parse().unwrap(), user.parse().unwrap())
    }

    /// A place, if there is one now.
    async fn now<'a>(places: &'a Places, user: &str) -> Option<Place<'a>> {
        // The runtime lets a task take only so much in one go; without this, that would look like no place.
        tokio::task::yield_now().await;
        places.take_within(&principal(user), Duration::ZERO).await
    }

    #[tokio::test]
    async fn nobody_has_more_than_their_share_and_all_have_no_more_than_there_is() {
        let places = Places::default();
        let mut taken = Vec::new();
        for user in ["kim", "lee"] {
            for _ in 0..MAX_PER_PRINCIPAL {
                taken.push(now(&places, user).await.unwrap());
            }
            assert!(now(&places, user).await.is_none(), "{user} has taken all that one may");
        }
        for _ in 0..MAX_IN_FLIGHT - 2 * MAX_PER_PRINCIPAL {
            taken.push(now(&places, "sam").await.unwrap());
        }
        assert!(now(&places, "sam").await.is_none(), "there is no more for anybody");
        taken.remove(0);
        assert!(now(&places, "sam").await.is_some(), "what kim gave back is sam's");
    }

    #[tokio::test]
    async fn those_who_ask_for_nothing_are_forgotten() {
        let places = Places::default();
        let place = now(&places, "kim").await.unwrap();
        let other = now(&places, "kim").await.unwrap();
        drop(place);
        assert_eq!(places.shares.lock().unwrap().len(), 1);
        drop(other);
        assert!(places.shares.lock().unwrap().is_empty());
        let mut all = Vec::new();
        for _ in 0..MAX_PER_PRINCIPAL {
            all.push(now(&places, "kim").await.unwrap());
        }
        assert!(now(&places, "kim").await.is_none());
        drop(all);
        assert!(places.shares.lock().unwrap().is_empty(), "a refused one is forgotten too");
    }
}

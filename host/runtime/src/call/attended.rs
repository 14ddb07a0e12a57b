//! Where a call runs. It must come to its end, on time and on record, whatever its caller does; and a task of its own
//! for every call costs more than most steps of one: each wake-up between two tasks may move it to another thread.
//!
//! So a call begins in its caller's task, and is taken over by one of its own when its caller drops it, and when it has
//! run for [`CALLERS_TIME`]: a caller that holds a call without polling it delays the call's limits by so much, and
//! does not stop them. Few calls that wait for a network end before; they do not notice, and those that a cache or a
//! service nearby answers gain a third of their time.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// How long a call is its caller's to drive: long enough for one that waits for nobody far away, and nothing beside
/// the seconds that the limits are.
const CALLERS_TIME: Duration = Duration::from_millis(20);

/// The calls that have begun in the last moments, oldest first. The host's clock looks after them.
#[derive(Clone, Default)]
pub(crate) struct Begun(Arc<Mutex<VecDeque<(Instant, Weak<dyn TakeOver>)>>>);

/// A call that its caller drives, or a task of its own. Dropped, it goes on in the latter.
pub(crate) struct Attended<T: Send + 'static>(Arc<Seat<T>>);

struct Seat<T> {
    runtime: Handle,
    driven: Mutex<Driven<T>>,
}

type Running<T> = Pin<Box<dyn Future<Output = T> + Send>>;

enum Driven<T> {
    ByCaller(Running<T>, Option<Waker>),
    ByTask(JoinHandle<T>),
    Over,
}

trait TakeOver: Send + Sync {
    /// Puts the call into a task of its own, if its caller still drives it. Says no while the caller is just doing so.
    fn take_over(&self) -> bool;
}

impl Begun {
    /// A call that its caller drives from here on. Must be called within a tokio runtime.
    pub(crate) fn attend<T: Send + 'static>(&self, call: impl Future<Output = T> + Send + 'static) -> Attended<T> {
        let driven = Mutex::new(Driven::ByCaller(Box::pin(call), None));
        let seat = Arc::new(Seat { runtime: Handle::current(), driven });
        let weak: Weak<Seat<T>> = Arc::downgrade(&seat);
        self.calls().push_back((Instant::now(), weak));
        Attended(seat)
    }

    /// Takes over what its caller has had for long enough.
    pub(crate) fn look_after(&self) {
        let due: Vec<_> = {
            let mut calls = self.calls();
            let due = calls.partition_point(|(since, _)| since.elapsed() >= CALLERS_TIME);
            calls.drain(..due).collect()
        };
        for (since, call) in due.into_iter().rev() {
            if call.upgrade().is_some_and(|call| !call.take_over()) {
                self.calls().push_front((since, call));
            }
        }
    }

    fn calls(&self) -> MutexGuard<'_, VecDeque<(Instant, Weak<dyn TakeOver>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Send + 'static> Future for Attended<T> {
    /// What the call gave, or what it said when it panicked.
    type Output = Result<T, String>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut driven = self.0.driven.lock().unwrap_or_else(PoisonError::into_inner);
        let polled = match &mut *driven {
            Driven::ByCaller(call, caller) => {
                if !caller.as_ref().is_some_and(|caller| caller.will_wake(context.waker())) {
                    *caller = Some(context.waker().clone());
                }
                match catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(context))) {
                    Ok(polled) => polled.map(Ok),
                    Err(panic) => Poll::Ready(Err(words(panic.as_ref()))),
                }
            }
            Driven::ByTask(task) => Pin::new(task).poll(context).map_err(|error| error.to_string()),
            Driven::Over => Poll::Ready(Err("it is over".to_owned())),
        };
        if polled.is_ready() {
            *driven = Driven::Over;
        }
        polled
    }
}

impl<T: Send + 'static> Drop for Attended<T> {
    fn drop(&mut self) {
        let mut driven = self.0.driven.lock().unwrap_or_else(PoisonError::into_inner);
        if let Driven::ByCaller(call, _) = std::mem::replace(&mut *driven, Driven::Over) {
            drop(self.0.runtime.spawn(call));
        }
    }
}

impl<T: Send + 'static> TakeOver for Seat<T> {
    fn take_over(&self) -> bool {
        let Ok(mut driven) = self.driven.try_lock() else { return false };
        match std::mem::replace(&mut *driven, Driven::Over) {
            Driven::ByCaller(call, caller) => {
                *driven = Driven::ByTask(self.runtime.spawn(call));
                drop(driven);
                // From now on it waits for that task.
                if let Some(caller) = caller {
                    caller.wake();
                }
            }
            other => *driven = other,
        }
        true
    }
}

fn words(panic: &(dyn Any + Send)) -> String {
    let said = panic.downcast_ref::<&str>().copied();
    let said = said.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("it panicked: {}", said.unwrap_or("without words"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what failed by panicking")]
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    /// A call that takes so long, and says where it ended; and whether it has.
    fn call(time: Duration) -> (impl Future<Output = tokio::task::Id> + Send + 'static, Arc<AtomicBool>) {
        let ended = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&ended);
        let call = async move {
            tokio::time::sleep(time).await;
            end.store(true, Ordering::SeqCst);
            tokio::task::id()
        };
        (call, ended)
    }

    /// Polls it once.
    async fn begin<T: Send + 'static>(attended: &mut Attended<T>) {
        let begun = std::future::poll_fn(|context| Poll::Ready(Pin::new(&mut *attended).poll(context).is_pending()));
        assert!(begun.await);
    }

    async fn until(ended: &AtomicBool) {
        while !ended.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    #[tokio::test]
    async fn a_short_call_stays_with_its_caller() {
        tokio::spawn(async {
            let begun = Begun::default();
            let attended = begun.attend(call(Duration::from_millis(1)).0);
            begun.look_after();
            assert_eq!(attended.await.unwrap(), tokio::task::id());
        })
        .await
        .unwrap();
    }

    #[tokio::test]
    async fn a_longer_one_is_taken_over_and_its_answer_reaches_the_caller() {
        tokio::spawn(async {
            let begun = Begun::default();
            let attended = begun.attend(call(CALLERS_TIME * 3).0);
            let clock = tokio::spawn(async move {
                tokio::time::sleep(CALLERS_TIME * 2).await;
                begun.look_after();
                assert!(begun.calls().is_empty());
            });
            assert_ne!(attended.await.unwrap(), tokio::task::id());
            clock.await.unwrap();
        })
        .await
        .unwrap();
    }

    #[tokio::test]
    async fn a_caller_that_does_not_poll_does_not_stop_its_call() {
        let begun = Begun::default();
        let (call, ended) = call(CALLERS_TIME);
        let mut attended = begun.attend(call);
        begin(&mut attended).await;
        tokio::time::sleep(CALLERS_TIME * 2).await;
        assert!(!ended.load(Ordering::SeqCst));
        begun.look_after();
        until(&ended).await;
        attended.await.unwrap();
    }

    #[tokio::test]
    async fn a_caller_that_goes_away_does_not_take_its_call_with_it() {
        let begun = Begun::default();
        let (call, ended) = call(Duration::from_millis(1));
        let mut attended = begun.attend(call);
        begin(&mut attended).await;
        drop(attended);
        until(&ended).await;
    }

    #[tokio::test]
    async fn a_call_that_panics_says_so_wherever_it_runs() {
        let begun = Begun::default();
        let broken = || async {
            tokio::task::yield_now().await;
            panic!("broken");
        };
        assert_eq!(begun.attend::<()>(broken()).await.unwrap_err(), "it panicked: broken");
        let mut attended = begun.attend::<()>(broken());
        begin(&mut attended).await;
        assert!(attended.0.take_over());
        assert!(attended.await.unwrap_err().contains("broken"));
    }

    #[tokio::test]
    async fn who_is_just_polling_is_asked_again() {
        let begun = Begun::default();
        let attended = begun.attend(std::future::pending::<()>());
        tokio::time::sleep(CALLERS_TIME).await;
        let polling = attended.0.driven.lock().unwrap();
        begun.look_after();
        assert_eq!(begun.calls().len(), 1);
        drop(polling);
        begun.look_after();
        assert!(begun.calls().is_empty());
    }
}

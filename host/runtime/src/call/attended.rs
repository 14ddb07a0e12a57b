//! Where a call runs. It must come to its end, on time and on record, although its caller may turn away or busy itself
//! with something else; and a task of its own for every call costs more than most steps of one: each wake-up between
//! two tasks may move it to another thread.
//!
//! So a call begins in its caller's task, and is taken over by one of its own when its caller drops it, and when it has
//! run for [`CALLERS_TIME`]. A caller that holds a call without polling it delays the call's limits by so much, and
//! does not stop them. Few calls that wait for a network end before, and they do not notice; one whose upstream is near
//! gains a tenth of its time.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::limits::TICK_MS;

/// How long a call is its caller's to drive: long enough for one that waits for nobody far away, and nothing beside
/// the seconds that the limits are.
const CALLERS_TIME: Duration = Duration::from_millis(20);

/// The calls that have begun in the last moments, oldest first. The host's clock looks after them.
#[derive(Clone)]
pub(crate) struct Begun {
    calls: Arc<Mutex<VecDeque<Weak<dyn Attend>>>>,
    callers_time: Duration,
}

impl Default for Begun {
    fn default() -> Self {
        Self { calls: Arc::default(), callers_time: CALLERS_TIME }
    }
}

/// A call that its caller drives, or a task of its own. Dropped, it goes on in the latter.
pub(crate) struct Attended<T: Send + 'static>(Arc<Seat<T>>);

struct Seat<T> {
    due: Instant,
    runtime: Handle,
    driven: Mutex<Driven<T>>,
}

type Running<T> = Pin<Box<dyn Future<Output = T> + Send>>;

enum Driven<T> {
    ByCaller(Running<T>, Option<Waker>),
    ByTask(JoinHandle<T>),
    Over,
}

trait Attend: Send + Sync {
    /// When its caller has had it for long enough.
    fn due(&self) -> Instant;

    /// Sees to it that the call is taken over, without waiting for it.
    fn take_over_soon(self: Arc<Self>);
}

impl Begun {
    /// A call that its caller drives from here on. Must be called within a tokio runtime.
    pub(crate) fn attend<T: Send + 'static>(&self, call: impl Future<Output = T> + Send + 'static) -> Attended<T> {
        let driven = Mutex::new(Driven::ByCaller(Box::pin(call), None));
        let mut calls = self.calls();
        let seat = Arc::new(Seat { due: Instant::now() + self.callers_time, runtime: Handle::current(), driven });
        let weak: Weak<Seat<T>> = Arc::downgrade(&seat);
        calls.push_back(weak);
        Attended(seat)
    }

    /// Sees to the calls that are due by then.
    pub(crate) fn look_after(&self, now: Instant) {
        loop {
            let due = {
                let mut calls = self.calls();
                match calls.front().map(Weak::upgrade) {
                    None => return,
                    Some(Some(call)) if call.due() > now => return,
                    Some(call) => {
                        calls.pop_front();
                        call
                    }
                }
            };
            if let Some(call) = due {
                call.take_over_soon();
            }
        }
    }

    fn calls(&self) -> MutexGuard<'_, VecDeque<Weak<dyn Attend>>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Send + 'static> Future for Attended<T> {
    /// What the call gave, or what it said when it panicked.
    type Output = Result<T, String>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let seat = &self.0;
        let mut driven = seat.driven.lock().unwrap_or_else(PoisonError::into_inner);
        if let Driven::ByCaller(call, caller) = &mut *driven {
            if !caller.as_ref().is_some_and(|caller| caller.will_wake(context.waker())) {
                *caller = Some(context.waker().clone());
            }
            let polled = match catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(context))) {
                Ok(polled) => polled.map(Ok),
                Err(panic) => Poll::Ready(Err(words(panic.as_ref()))),
            };
            if polled.is_ready() {
                *driven = Driven::Over;
                return polled;
            }
            if Instant::now() < seat.due {
                return Poll::Pending;
            }
            seat.take_over(&mut driven);
        }
        let polled = match &mut *driven {
            Driven::ByTask(task) => Pin::new(task).poll(context).map_err(|error| error.to_string()),
            Driven::ByCaller(..) | Driven::Over => Poll::Ready(Err("it is over".to_owned())),
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

impl<T: Send + 'static> Seat<T> {
    /// Puts the call into a task of its own, and gives the caller that has to hear of it.
    fn take_over(&self, driven: &mut Driven<T>) -> Option<Waker> {
        match std::mem::replace(driven, Driven::Over) {
            Driven::ByCaller(call, caller) => {
                *driven = Driven::ByTask(self.runtime.spawn(call));
                caller
            }
            other => {
                *driven = other;
                None
            }
        }
    }

    /// The same, unless its caller is polling it just now.
    fn try_to_take_over(&self) -> bool {
        let caller = match self.driven.try_lock() {
            Ok(mut driven) => self.take_over(&mut driven),
            Err(TryLockError::Poisoned(driven)) => self.take_over(&mut driven.into_inner()),
            Err(TryLockError::WouldBlock) => return false,
        };
        // From now on it waits for that task.
        if let Some(caller) = caller {
            caller.wake();
        }
        true
    }
}

impl<T: Send + 'static> Attend for Seat<T> {
    fn due(&self) -> Instant {
        self.due
    }

    fn take_over_soon(self: Arc<Self>) {
        if self.driven.try_lock().is_ok_and(|driven| !matches!(&*driven, Driven::ByCaller(..))) {
            return;
        }
        let seat = Arc::downgrade(&self);
        // In the call's own runtime: what is woken and dropped there is not the clock's to wait for.
        self.runtime.spawn(async move {
            while seat.upgrade().is_some_and(|seat| !seat.try_to_take_over()) {
                tokio::time::sleep(Duration::from_millis(TICK_MS)).await;
            }
        });
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

    const HOUR: Duration = Duration::from_hours(1);

    /// Calls that nobody takes over by accident.
    fn patient() -> Begun {
        Begun { callers_time: HOUR, ..Begun::default() }
    }

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
    async fn a_call_that_waits_for_nothing_stays_with_its_caller() {
        tokio::spawn(async {
            let begun = patient();
            let attended = begun.attend(async { tokio::task::id() });
            begun.look_after(Instant::now());
            assert_eq!(begun.calls().len(), 1);
            assert_eq!(attended.await.unwrap(), tokio::task::id());
        })
        .await
        .unwrap();
    }

    #[tokio::test]
    async fn a_long_call_that_is_polled_gets_its_own_task_and_answers() {
        tokio::spawn(async {
            let caller = tokio::task::id();
            let long = async move {
                while tokio::task::id() == caller {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            tokio::time::timeout(HOUR / 60, Begun::default().attend(long)).await.unwrap().unwrap();
        })
        .await
        .unwrap();
    }

    #[tokio::test]
    async fn a_caller_that_does_not_poll_does_not_stop_its_call() {
        let begun = patient();
        let (call, ended) = call(Duration::from_millis(1));
        let mut attended = begun.attend(call);
        begin(&mut attended).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!ended.load(Ordering::SeqCst), "nobody has looked after it");
        begun.look_after(Instant::now() + HOUR);
        assert!(begun.calls().is_empty());
        until(&ended).await;
        attended.await.unwrap();
    }

    #[tokio::test]
    async fn a_caller_that_goes_away_does_not_take_its_call_with_it() {
        let begun = patient();
        let (call, ended) = call(Duration::from_millis(1));
        let mut attended = begun.attend(call);
        begin(&mut attended).await;
        drop(attended);
        until(&ended).await;
        begun.look_after(Instant::now() + HOUR);
        assert!(begun.calls().is_empty());
    }

    #[tokio::test]
    async fn a_call_that_panics_says_so_wherever_it_runs() {
        let begun = patient();
        let broken = || async {
            tokio::task::yield_now().await;
            panic!("broken");
        };
        assert_eq!(begun.attend::<()>(broken()).await.unwrap_err(), "it panicked: broken");
        let mut attended = begun.attend::<()>(broken());
        begin(&mut attended).await;
        assert!(attended.0.try_to_take_over());
        assert!(attended.await.unwrap_err().contains("broken"));
    }

    #[tokio::test]
    #[expect(clippy::await_holding_lock, reason = "the caller that is polling is this lock")]
    async fn who_is_just_polling_is_asked_again() {
        let begun = patient();
        let (call, ended) = call(Duration::from_millis(1));
        let attended = begun.attend(call);
        let polling = attended.0.driven.lock().unwrap();
        begun.look_after(Instant::now() + HOUR);
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!ended.load(Ordering::SeqCst));
        drop(polling);
        until(&ended).await;
        attended.await.unwrap();
    }
}

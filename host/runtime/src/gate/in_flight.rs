//! A guest's requests that have no answer yet, and who drives them: the guest's own run does. Whenever it is polled
//! they are too, so they go on while the guest waits for whatever it waits for, and while it computes from the next
//! time that it gives way. No request has a task of its own: a task's wake-ups moved a lone call from one thread to
//! another several times, and each time cost more than the gate does.
//!
//! A request may leave from the guest's giving way for the first time after it asked. One that never does, and returns,
//! has sent nothing.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use http::Response;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::Pollable;
use wasmtime_wasi_http::WasiBody;
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;

/// What comes of a request.
pub(crate) type Answer = Result<Response<WasiBody>, ErrorCode>;

/// The requests of one guest.
#[derive(Clone, Default)]
pub(crate) struct InFlight(Arc<Mutex<Vec<Flight>>>);

/// One of them.
struct Flight {
    exchange: Pin<Box<dyn Future<Output = Answer> + Send>>,
    slot: Arc<Slot>,
    was_polled: bool,
}

/// Where its answer is put.
struct Slot(Mutex<Held>);

enum Held {
    /// Not here yet; and who waits for it.
    Nothing(Option<Waker>),
    Answer(Answer),
    /// It was here, and is given away.
    Given,
}

/// What the guest holds of a request: `wasi:http/types.future-incoming-response`. The request ends with it, if it has
/// not before.
pub(crate) struct FutureAnswer {
    slot: Arc<Slot>,
    flights: InFlight,
}

impl InFlight {
    /// Takes a request up.
    pub(crate) fn begin(&self, exchange: impl Future<Output = Answer> + Send + 'static) -> FutureAnswer {
        let slot = Arc::new(Slot(Mutex::new(Held::Nothing(None))));
        let flight = Flight { exchange: Box::pin(exchange), slot: Arc::clone(&slot), was_polled: false };
        self.flights().push(flight);
        FutureAnswer { slot, flights: self.clone() }
    }

    /// A request that was answered where it was asked for.
    pub(crate) fn answered(&self, answer: Answer) -> FutureAnswer {
        FutureAnswer { slot: Arc::new(Slot(Mutex::new(Held::Answer(answer)))), flights: self.clone() }
    }

    /// Runs the guest, and with it all requests that it makes. None goes on without it.
    pub(crate) async fn drive<F: Future>(&self, guest: F) -> F::Output {
        let mut guest = pin!(guest);
        poll_fn(|context| {
            // Nobody is always first: one that is busy uses up what a task may do before it gives way.
            self.take_turns();
            // What has come meanwhile is there when the guest looks.
            self.advance(context, |_| true, Wake::Others);
            let ran = guest.as_mut().poll(context);
            if ran.is_pending() {
                // What it has just asked for leaves now, in the order in which it asked.
                self.advance(context, |flight| !flight.was_polled, Wake::All);
            }
            ran
        })
        .await
    }

    fn take_turns(&self) {
        let mut flights = self.flights();
        if flights.len() > 1 {
            flights.rotate_left(1);
        }
    }

    fn advance(&self, context: &mut Context<'_>, whose: impl Fn(&Flight) -> bool, wake: Wake) {
        self.flights().retain_mut(|flight| {
            if !whose(flight) {
                return true;
            }
            flight.was_polled = true;
            match flight.exchange.as_mut().poll(context) {
                Poll::Pending => true,
                Poll::Ready(answer) => {
                    if let Some(waiting) = flight.slot.put(answer)
                        && (wake == Wake::All || !waiting.will_wake(context.waker()))
                    {
                        waiting.wake();
                    }
                    false
                }
            }
        });
    }

    fn flights(&self) -> MutexGuard<'_, Vec<Flight>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who is woken when an answer is there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wake {
    All,
    /// Not the guest's own run: it is polled next.
    Others,
}

impl Slot {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the answer here, and gives who waits for it.
    fn put(&self, answer: Answer) -> Option<Waker> {
        match std::mem::replace(&mut *self.held(), Held::Answer(answer)) {
            Held::Nothing(waiting) => waiting,
            Held::Answer(_) | Held::Given => None,
        }
    }
}

impl FutureAnswer {
    /// The answer, once: `None` while there is none, and an error when it was given already.
    pub(crate) fn take(&self) -> Option<Result<Answer, ()>> {
        let mut held = self.slot.held();
        if matches!(&*held, Held::Nothing(_)) {
            return None;
        }
        Some(match std::mem::replace(&mut *held, Held::Given) {
            Held::Answer(answer) => Ok(answer),
            Held::Nothing(_) | Held::Given => Err(()),
        })
    }
}

#[async_trait]
impl Pollable for FutureAnswer {
    async fn ready(&mut self) {
        poll_fn(|context| match &mut *self.slot.held() {
            Held::Nothing(waiting) => {
                *waiting = Some(context.waker().clone());
                Poll::Pending
            }
            Held::Answer(_) | Held::Given => Poll::Ready(()),
        })
        .await;
    }
}

impl Drop for FutureAnswer {
    fn drop(&mut self) {
        let ended = {
            let mut flights = self.flights.flights();
            let at = flights.iter().position(|flight| Arc::ptr_eq(&flight.slot, &self.slot));
            at.map(|at| flights.remove(at))
        };
        drop(ended);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use std::future::{pending, ready};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use tokio::sync::oneshot;

    use super::*;

    fn denied() -> Answer {
        Err(ErrorCode::HttpRequestDenied)
    }

    /// Whether a request was answered, and how.
    fn outcome(answer: &FutureAnswer) -> Option<&'static str> {
        Some(match answer.take()? {
            Ok(Err(ErrorCode::HttpRequestDenied)) => "denied",
            Ok(_) => "other",
            Err(()) => "given before",
        })
    }

    #[tokio::test]
    async fn a_request_goes_on_while_the_guest_waits_for_something_else() {
        let flights = InFlight::default();
        let (heard, hears) = oneshot::channel();
        let guest = async {
            let answer = flights.begin(async move {
                tokio::time::sleep(Duration::from_millis(1)).await;
                heard.send(()).unwrap();
                denied()
            });
            // The request itself says that it has got so far; nobody asks for its answer.
            hears.await.unwrap();
            outcome(&answer)
        };
        assert_eq!(flights.drive(guest).await, Some("denied"));
    }

    #[tokio::test]
    async fn a_request_leaves_when_the_guest_gives_way_and_not_before() {
        let flights = InFlight::default();
        let polls = Arc::new(AtomicUsize::new(0));
        let begin = || {
            let polls = Arc::clone(&polls);
            flights.begin(async move {
                polls.fetch_add(1, Ordering::SeqCst);
                denied()
            })
        };
        let never_waits = async {
            let _answer = begin();
        };
        flights.drive(never_waits).await;
        assert_eq!(polls.load(Ordering::SeqCst), 0);
        let waits = async {
            let mut answer = begin();
            answer.ready().await;
            outcome(&answer)
        };
        assert_eq!(flights.drive(waits).await, Some("denied"));
        assert_eq!(polls.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn they_leave_as_they_were_asked_for_and_take_turns_at_being_first() {
        let flights = InFlight::default();
        let polled = Arc::new(Mutex::new(Vec::new()));
        let guest = async {
            let begin = |number: usize| {
                let polled = Arc::clone(&polled);
                flights.begin(poll_fn(move |_| {
                    polled.lock().unwrap().push(number);
                    Poll::Pending
                }))
            };
            let _both = (begin(1), begin(2));
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
        };
        flights.drive(guest).await;
        assert_eq!(*polled.lock().unwrap(), [1, 2, 2, 1, 1, 2, 2, 1]);
    }

    #[tokio::test]
    async fn one_that_is_given_up_ends_and_the_others_go_on() {
        let flights = InFlight::default();
        let (ends, ended) = oneshot::channel::<()>();
        let guest = async {
            let given_up = flights.begin(async move {
                let _ends = ends;
                pending().await
            });
            let mut other = flights.begin(async {
                tokio::task::yield_now().await;
                denied()
            });
            tokio::task::yield_now().await;
            drop(given_up);
            assert!(ended.await.is_err(), "it is gone");
            other.ready().await;
            (outcome(&other), outcome(&other))
        };
        assert_eq!(flights.drive(guest).await, (Some("denied"), Some("given before")));
        assert!(flights.flights().is_empty());
    }

    #[tokio::test]
    async fn who_waits_behind_a_waker_of_its_own_is_woken() {
        struct Counts(AtomicUsize);
        impl std::task::Wake for Counts {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::SeqCst);
            }
        }
        let flights = InFlight::default();
        let wakes = Arc::new(Counts(AtomicUsize::new(0)));
        let guest = async {
            let mut answer = flights.begin(async {
                tokio::task::yield_now().await;
                denied()
            });
            let waker = Waker::from(Arc::clone(&wakes));
            let mut ready = answer.ready();
            assert!(ready.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            while wakes.0.load(Ordering::SeqCst) == 0 {
                tokio::task::yield_now().await;
            }
            drop(ready);
            outcome(&answer)
        };
        let ended = tokio::time::timeout(Duration::from_secs(10), flights.drive(guest)).await;
        assert_eq!(ended.unwrap(), Some("denied"));
    }

    #[test]
    fn what_is_answered_at_once_is_there() {
        let flights = InFlight::default();
        assert_eq!(outcome(&flights.answered(denied())), Some("denied"));
        assert_eq!(outcome(&flights.begin(ready(denied()))), None);
        assert!(flights.flights().is_empty(), "it ended with its answer");
    }
}

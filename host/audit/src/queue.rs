//! What waits to be written: a bounded queue between the callers and the one writer.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};

use crate::call_id::CallId;
use crate::error::AuditError;
use crate::record::{CallFields, Outcome, OutcomeStatus, encode_outcome};
use crate::store::{Kind, NewRow};

/// Records that may wait at once, which is also the largest batch. More callers wait for room.
pub(crate) const MAX_WAITING: usize = 1024;
/// How long the writer waits before it tries again to write what it owes.
const RETRY_INTERVAL_MS: u64 = 1_000;
/// Longest write, on average, that a caller does itself. It holds up the caller's thread, which an
/// asynchronous runtime shares among its tasks, so it must stay in the order of a task's own work.
const MAX_OWN_WRITE_US: u64 = 500;

/// A record and whoever waits for it.
pub(crate) struct Entry {
    pub(crate) row: NewRow,
    pub(crate) role: Role,
    pub(crate) reply: oneshot::Sender<Result<Written, AuditError>>,
}

/// What a record does to its call.
pub(crate) enum Role {
    /// An intent: opens the call.
    Opens(CallFields),
    /// An outcome: closes the intent with this sequence number.
    Closes(u64),
    /// Anything else.
    Stands,
}

/// The writer's answer: the record is durable.
pub(crate) struct Written {
    pub(crate) seq: u64,
    /// For an intent.
    pub(crate) open: Option<OpenCall>,
}

/// An intent whose outcome has not been handed over. Dropping it hands over `unknown`.
pub(crate) struct OpenCall {
    pub(crate) call: CallId,
    pub(crate) seq: u64,
    pub(crate) fields: CallFields,
    queue: Arc<Queue>,
    /// The outcome to write if this is dropped: the real one, once it is known.
    outcome: Option<Vec<u8>>,
    armed: bool,
}

/// An outcome that nobody waits for.
pub(crate) struct Owed {
    pub(crate) intent_seq: u64,
    pub(crate) row: NewRow,
}

/// The queue itself.
pub(crate) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
    room: Semaphore,
    write_us: AtomicU64,
    newest_records: AtomicUsize,
    last_records: AtomicUsize,
}

#[derive(Default)]
struct State {
    waiting: Vec<Entry>,
    owed: Vec<Owed>,
    closed: bool,
    /// There is something to do that is not in here.
    nudged: bool,
    writer_sleeps: bool,
}

impl Queue {
    pub(crate) fn new() -> Arc<Self> {
        let state = Mutex::new(State { waiting: Vec::with_capacity(MAX_WAITING), ..State::default() });
        Arc::new(Self {
            state,
            wake: Condvar::new(),
            room: Semaphore::new(MAX_WAITING),
            write_us: AtomicU64::new(0),
            newest_records: AtomicUsize::new(0),
            last_records: AtomicUsize::new(0),
        })
    }

    /// Waits until one more record may wait.
    pub(crate) async fn reserve(&self) -> Result<Reserved<'_>, AuditError> {
        let permit = self.room.acquire().await.map_err(|_| stopped())?;
        // The writer gives the place back when it takes the record.
        permit.forget();
        Ok(Reserved { queue: self, used: false })
    }

    /// Hands over the outcome of a call that nobody finishes. Never waits: there are no more of these
    /// than there are open calls.
    fn owe(&self, owed: Owed) {
        let mut state = self.lock();
        state.owed.push(owed);
        self.wake_writer(state);
    }

    /// No more records come; the writer ends when it has written what waits.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        self.wake_writer(state);
    }

    /// The writer has ended: whoever waits, or comes, is refused.
    pub(crate) fn end(&self) {
        self.room.close();
        let left = std::mem::take(&mut self.lock().waiting);
        drop(left);
    }

    /// Takes everything that waits.
    pub(crate) fn drain(&self, entries: &mut Vec<Entry>, owed: &mut Vec<Owed>) {
        let mut state = self.lock();
        std::mem::swap(entries, &mut state.waiting);
        owed.append(&mut state.owed);
        drop(state);
        self.room.add_permits(entries.len());
    }

    /// Blocks the writer's thread until there is something to do; with `retry` only for a while. False
    /// when no more comes.
    pub(crate) fn wait(&self, retry: bool) -> bool {
        let mut state = self.lock();
        while state.waiting.is_empty() && state.owed.is_empty() && !state.closed && !state.nudged {
            state.writer_sleeps = true;
            if retry {
                let interval = Duration::from_millis(RETRY_INTERVAL_MS);
                let (woken, timeout) = self.wake.wait_timeout(state, interval).unwrap_or_else(PoisonError::into_inner);
                state = woken;
                if timeout.timed_out() {
                    break;
                }
            } else {
                state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
        state.writer_sleeps = false;
        state.nudged = false;
        !state.closed
    }

    /// Wakes the writer's thread for whatever there is to do.
    pub(crate) fn nudge(&self) {
        let mut state = self.lock();
        state.nudged = true;
        self.wake_writer(state);
    }

    pub(crate) fn has_waiting(&self) -> bool {
        let state = self.lock();
        !state.waiting.is_empty() || !state.owed.is_empty()
    }

    /// Learns how long a write took, as a moving average over about eight of them, and how many records
    /// the last two had.
    pub(crate) fn took(&self, time: Duration, records: usize) {
        // One slow write among quick ones is a hiccup of the disk; it takes several to call the disk slow.
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX).min(2 * MAX_OWN_WRITE_US);
        let before = self.write_us.load(Ordering::Relaxed);
        self.write_us.store(before - before / 8 + us / 8, Ordering::Relaxed);
        self.last_records.store(self.newest_records.swap(records, Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Whether a caller may write its record itself: writes are short, and nobody else was about lately.
    /// Under load the thread is better: it gathers a large batch while the callers' threads go on.
    pub(crate) fn is_calm(&self) -> bool {
        self.write_us.load(Ordering::Relaxed) <= MAX_OWN_WRITE_US
            && self.newest_records.load(Ordering::Relaxed) <= 1
            && self.last_records.load(Ordering::Relaxed) <= 1
    }

    fn wake_writer(&self, mut state: MutexGuard<'_, State>) {
        let sleeps = std::mem::take(&mut state.writer_sleeps);
        drop(state);
        if sleeps {
            self.wake.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the queue.
pub(crate) struct Reserved<'a> {
    queue: &'a Queue,
    used: bool,
}

impl Reserved<'_> {
    /// The receiver of the answer, and whether nothing else waits: then the writer's thread was not
    /// woken, and the caller must write itself or [`Queue::nudge`].
    pub(crate) fn push(mut self, row: NewRow, role: Role) -> (oneshot::Receiver<Result<Written, AuditError>>, bool) {
        self.used = true;
        let (reply, answer) = oneshot::channel();
        let mut state = self.queue.lock();
        let alone = state.waiting.is_empty() && state.owed.is_empty();
        state.waiting.push(Entry { row, role, reply });
        if !alone {
            self.queue.wake_writer(state);
        }
        (answer, alone)
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        if !self.used {
            self.queue.room.add_permits(1);
        }
    }
}

impl OpenCall {
    pub(crate) fn new(call: CallId, seq: u64, fields: CallFields, queue: Arc<Queue>) -> Self {
        Self { call, seq, fields, queue, outcome: None, armed: true }
    }

    /// From now on this outcome is written even if nobody waits for it.
    pub(crate) fn set_outcome(&mut self, content: Vec<u8>) {
        self.outcome = Some(content);
    }

    /// Takes the outcome, to be pushed at once by the caller.
    pub(crate) fn take_outcome(mut self) -> (NewRow, u64) {
        self.armed = false;
        let content = self.outcome.take().unwrap_or_default();
        (NewRow { kind: Kind::Outcome, call: Some(self.call), content }, self.seq)
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        if self.armed {
            let content = self.outcome.take().unwrap_or_else(|| unknown(&self.fields, "abandoned"));
            let row = NewRow { kind: Kind::Outcome, call: Some(self.call), content };
            self.queue.owe(Owed { intent_seq: self.seq, row });
        }
    }
}

/// The content of an outcome that nobody saw.
pub(crate) fn unknown(fields: &CallFields, code: &str) -> Vec<u8> {
    let outcome = Outcome { status: OutcomeStatus::Unknown, code: Some(code.to_owned()), ..Outcome::default() };
    // An intent of these fields fitted into a record, so this does; and an empty content still closes it.
    encode_outcome(fields, outcome).unwrap_or_else(|_| b"{\"status\":\"unknown\"}".to_vec())
}

pub(crate) fn stopped() -> AuditError {
    AuditError::unavailable("write", "its writer has stopped; restart the host")
}

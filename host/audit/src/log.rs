//! The log as callers see it.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use aws_lc_rs::hmac;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use crate::call_id::CallId;
use crate::error::AuditError;
use crate::query::{self, Query, Record};
use crate::queue::{OpenCall, Queue, Reserved, Role, Written, stopped};
use crate::record::{CallFields, Event, Intent, Outcome, Refusal, encode, encode_outcome};
use crate::store::{Kind, NewRow, Reader, SqliteStore, Store};
use crate::writer::{self, Writer};

/// The audit log. Clones share one. The last clone's drop, and that of the last [`Open`], waits until what
/// was handed over is written.
#[derive(Clone)]
pub struct AuditLog {
    inner: Arc<Inner>,
}

struct Inner {
    queue: Arc<Queue>,
    reader: Mutex<Box<dyn Reader>>,
    digest_key: hmac::Key,
    writer: Arc<Mutex<Writer>>,
    thread: Option<JoinHandle<()>>,
}

/// Proof that an intent is durable: the licence to run one call. Dropped without
/// [`AuditLog::finish`], the call's outcome is recorded as `unknown`, code `abandoned`.
#[must_use = "a call that was begun must be finished; dropping this records its outcome as unknown"]
pub struct Open {
    call: OpenCall,
    // The writer lives as long as somebody may still hand an outcome over.
    _log: Arc<Inner>,
}

/// Proof that an outcome, or a refusal, is durable: the licence to answer.
#[derive(Debug)]
#[must_use = "the answer to the caller needs this proof"]
pub struct Receipt {
    call: Option<CallId>,
    seq: u64,
}

impl AuditLog {
    /// Opens the log in `directory` (`audit.db`), or makes it. Intents that a crash left open get an
    /// outcome of `unknown`, code `host_ended`, unless another process has the log open. Blocks.
    ///
    /// # Errors
    /// `audit_permissions` when others can reach a file, with the command that mends it; `audit_format`;
    /// `audit_unavailable`. Without a log the host must not start.
    pub fn open(directory: &Path, digest_key: Zeroizing<[u8; 32]>) -> Result<Self, AuditError> {
        let (store, reader) = SqliteStore::open(directory)?;
        Self::with(store, Box::new(reader), &digest_key)
    }

    /// A log that dies with the process: the same path but for the disk. For tests and benchmarks.
    ///
    /// # Errors
    /// `audit_unavailable`.
    pub fn in_memory(digest_key: Zeroizing<[u8; 32]>) -> Result<Self, AuditError> {
        let (store, reader) = SqliteStore::in_memory()?;
        Self::with(store, Box::new(reader), &digest_key)
    }

    fn with(
        mut store: impl Store + 'static,
        reader: Box<dyn Reader>,
        digest_key: &[u8; 32],
    ) -> Result<Self, AuditError> {
        writer::recover(&mut store)?;
        let queue = Queue::new();
        let writer = Arc::new(Mutex::new(Writer::new(Box::new(store))));
        let (for_thread, its_queue) = (Arc::clone(&writer), Arc::clone(&queue));
        let thread = std::thread::Builder::new()
            .name("toolkeep-audit".to_owned())
            .spawn(move || writer::run(&for_thread, &its_queue))
            .map_err(|e| AuditError::unavailable("start its thread", e))?;
        let digest_key = hmac::Key::new(hmac::HMAC_SHA256, digest_key);
        Ok(Self {
            inner: Arc::new(Inner { queue, reader: Mutex::new(reader), digest_key, writer, thread: Some(thread) }),
        })
    }

    /// Records that a call is about to run. When this returns, that is on disk. A caller that goes away
    /// before leaves an outcome of `unknown` behind.
    ///
    /// # Errors
    /// `audit_unavailable`, `audit_record_too_large`: the call must not run.
    pub async fn begin(&self, intent: Intent) -> Result<Open, AuditError> {
        let content = encode(&intent)?;
        let row = NewRow { kind: Kind::Intent, call: Some(intent.call), content };
        let fields = CallFields { principal: intent.principal, connector: intent.connector, tool: intent.tool };
        let written = self.write(row, Role::Opens(fields)).await?;
        let call = written.open.ok_or_else(stopped)?;
        Ok(Open { call, _log: Arc::clone(&self.inner) })
    }

    /// Records how a call ended. When this returns, that is on disk. The outcome is recorded even if the
    /// returned future is dropped after its first poll.
    ///
    /// # Errors
    /// `audit_unavailable`: the caller must not hear the result. The outcome is kept and written as soon
    /// as that works.
    pub async fn finish(&self, open: Open, outcome: Outcome) -> Result<Receipt, AuditError> {
        let mut call = open.call;
        let content = encode_outcome(&call.fields, outcome)?;
        call.set_outcome(content);
        let id = call.call;
        let place = self.inner.queue.reserve().await?;
        let (row, intent_seq) = call.take_outcome();
        let answer = self.inner.hand_over(place, row, Role::Closes(intent_seq));
        let written = answer.await.map_err(|_| stopped())??;
        Ok(Receipt { call: Some(id), seq: written.seq })
    }

    /// Records a call that was refused before there was an intent. Long fields are cut.
    ///
    /// # Errors
    /// `audit_unavailable`.
    pub async fn refuse(&self, refusal: Refusal) -> Result<Receipt, AuditError> {
        let row = NewRow { kind: Kind::Refusal, call: None, content: encode(&refusal.bounded())? };
        let written = self.write(row, Role::Stands).await?;
        Ok(Receipt { call: None, seq: written.seq })
    }

    /// Records what is no call.
    ///
    /// # Errors
    /// `audit_unavailable`, `audit_record_too_large`: what was to be done must not be done.
    pub async fn record(&self, event: Event) -> Result<(), AuditError> {
        let row = NewRow { kind: Kind::Event, call: None, content: encode(&event)? };
        self.write(row, Role::Stands).await.map(|_| ())
    }

    /// The newest records that match, oldest first. Blocks; a filter that matches little reads the whole log.
    ///
    /// # Errors
    /// `audit_unavailable`.
    pub fn records(&self, query: &Query) -> Result<Vec<Record>, AuditError> {
        let reader = self.inner.reader.lock().unwrap_or_else(PoisonError::into_inner);
        query::run(reader.as_ref(), query)
    }

    /// HMAC-SHA-256 in hexadecimal. Keyed, because arguments and results are often few enough to be
    /// guessed from a bare hash.
    #[must_use]
    pub fn digest(&self, bytes: &[u8]) -> String {
        hex::encode(hmac::sign(&self.inner.digest_key, bytes))
    }

    async fn write(&self, row: NewRow, role: Role) -> Result<Written, AuditError> {
        let place = self.inner.queue.reserve().await?;
        let answer = self.inner.hand_over(place, row, role);
        answer.await.map_err(|_| stopped())?
    }
}

impl Inner {
    /// Puts a record into the queue. If it is the only one, in calm times, it is written here and
    /// now; in all other cases the writer's thread does it.
    fn hand_over(
        &self,
        place: Reserved<'_>,
        row: NewRow,
        role: Role,
    ) -> oneshot::Receiver<Result<Written, AuditError>> {
        let (answer, alone) = place.push(row, role);
        if alone {
            let free = if self.queue.is_calm() { self.writer.try_lock().ok() } else { None };
            let left = free.is_none_or(|mut writer| {
                writer.step(&self.queue);
                writer.upkeep_due() || writer.owes()
            });
            if left {
                self.queue.nudge();
            }
        }
        answer
    }
}

impl Open {
    /// The call's name.
    #[must_use]
    pub fn call(&self) -> CallId {
        self.call.call
    }
}

impl Receipt {
    /// The call's name; a refusal before an intent has none.
    #[must_use]
    pub fn call(&self) -> Option<CallId> {
        self.call
    }

    /// The record's place in the log.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }
}

impl fmt::Debug for AuditLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuditLog")
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Open").field("call", &self.call.call).finish_non_exhaustive()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

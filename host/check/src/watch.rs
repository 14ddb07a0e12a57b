//! Everything that a case can leave a canary in, collected: log lines, progress, exchanges, memories.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use toolkeep_host::{Exchange, ExchangeObserver, MemoryObserver, ProgressSink};
use tracing_subscriber::fmt::MakeWriter;

use crate::finder::{Finder, Hit};

/// Most bytes of log that one case may leave; a connector has 64 lines of a kilobyte, the host a few more.
const MAX_LOG_BYTES: usize = 1 << 20;

/// What one case left behind.
#[derive(Default)]
pub(crate) struct Seen {
    /// What the host logged, at every level.
    pub(crate) log: Vec<u8>,
    /// Progress messages.
    pub(crate) progress: Vec<String>,
    /// Exchanges, as an observer is shown them.
    pub(crate) exchanges: Vec<String>,
    /// Canaries in a guest's memory.
    pub(crate) memory_hits: Vec<Hit>,
    /// How many memories were looked through.
    pub(crate) memories: usize,
    /// Their size together, in bytes.
    pub(crate) memory_bytes: u64,
}

/// Watches a host. One case runs at a time, so that what is seen belongs to it.
pub(crate) struct Watch {
    finder: Arc<Finder>,
    seen: Mutex<Seen>,
}

impl Watch {
    pub(crate) fn new(finder: Arc<Finder>) -> Self {
        Self { finder, seen: Mutex::default() }
    }

    /// What was seen since the last time.
    pub(crate) fn take(&self) -> Seen {
        std::mem::take(&mut *self.seen())
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MemoryObserver for Watch {
    fn memory(&self, bytes: &[u8]) {
        // Looked through here and now: a copy of each would cost more.
        let hit = self.finder.find(bytes);
        let mut seen = self.seen();
        seen.memories += 1;
        seen.memory_bytes += bytes.len() as u64;
        seen.memory_hits.extend(hit);
    }
}

impl ExchangeObserver for Watch {
    fn exchanged(&self, exchange: &Exchange) {
        // As it may be shown, which is everything, and as it may be logged.
        let sent = exchange.sent.as_ref().map(ToString::to_string).unwrap_or_default();
        self.seen().exchanges.push(format!("{}\n{sent}\n{exchange:?}", exchange.asked));
    }
}

impl ProgressSink for Watch {
    fn report(&self, _done: u32, _total: Option<u32>, message: &str) {
        self.seen().progress.push(message.to_owned());
    }
}

/// Where a log goes that is only looked through.
#[derive(Clone)]
pub(crate) struct Log(pub(crate) Arc<Watch>);

impl io::Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut seen = self.0.seen();
        let room = MAX_LOG_BYTES.saturating_sub(seen.log.len()).min(line.len());
        seen.log.extend_from_slice(line.get(..room).unwrap_or_default());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

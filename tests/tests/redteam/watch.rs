//! Everything that is looked through for the canary besides answers: the log at its most talkative, the memory of
//! guests, the progress that callers see.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use toolkeep_host::ProgressSink;
use tracing_subscriber::fmt::MakeWriter;

use crate::canary::{Canary, Leak};

/// What all cases log, one after the other. Canaries are unique, so it does not matter whose line is whose.
#[derive(Default)]
pub(crate) struct Log(Mutex<Vec<u8>>);

static LOG: OnceLock<Log> = OnceLock::new();

impl Log {
    /// The one log of this process.
    pub(crate) fn global() -> &'static Self {
        LOG.get_or_init(Self::default)
    }

    /// Takes in everything that is logged from now on, at every level: what is in the log at `trace` can be in an
    /// operator's log. What the libraries of WASI log there, every argument of a component's own calls, the program
    /// leaves out (`host/server/src/logging.rs`), and so does this.
    pub(crate) fn install() -> anyhow::Result<()> {
        tracing_subscriber::fmt()
            .with_env_filter("trace,wasmtime_wasi=info,wasmtime_wasi_http=info")
            .with_ansi(false)
            .with_writer(Writer)
            .try_init()
            .map_err(|error| anyhow::anyhow!("the log cannot be watched: {error}"))
    }

    /// How long it is by now, in bytes.
    pub(crate) fn len(&self) -> usize {
        self.bytes().len()
    }

    /// What was logged since it was that long.
    pub(crate) fn since(&self, start: usize) -> Vec<u8> {
        self.bytes().get(start..).unwrap_or_default().to_vec()
    }

    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes into the log.
#[derive(Clone, Copy)]
pub(crate) struct Writer;

impl<'a> MakeWriter<'a> for Writer {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        *self
    }
}

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Log::global().bytes().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Looks through each memory that it is shown.
pub(crate) struct Memories {
    canary: Arc<Canary>,
    seen: Mutex<Seen>,
}

/// What was seen of guests' memories.
#[derive(Debug, Default, Clone)]
pub(crate) struct Seen {
    pub(crate) memories: usize,
    pub(crate) bytes: usize,
    pub(crate) leaks: Vec<Leak>,
}

impl Memories {
    pub(crate) fn new(canary: Arc<Canary>) -> Self {
        Self { canary, seen: Mutex::default() }
    }

    pub(crate) fn seen(&self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl toolkeep_host::MemoryObserver for Memories {
    fn memory(&self, bytes: &[u8]) {
        let form = self.canary.find(bytes);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.memories += 1;
        seen.bytes += bytes.len();
        seen.leaks.extend(form.map(|form| Leak { place: "the guest's memory".to_owned(), form }));
    }
}

/// Keeps every progress report that a caller gets.
#[derive(Default)]
pub(crate) struct Progress(Mutex<Vec<String>>);

impl Progress {
    /// The messages so far, in order.
    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ProgressSink for Progress {
    fn report(&self, _done: u32, _total: Option<u32>, message: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(message.to_owned());
    }
}

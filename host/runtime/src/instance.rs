//! One guest instance: its store, its limits, what it may ask of the host, and how a run ends.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;
use wasmtime::component::{Instance, InstancePre, ResourceTable};
use wasmtime::{Engine, ResourceLimiter, Store, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::bindings::toolkeep::connector::host as wit_host;
use crate::bindings::toolkeep::connector::types as wit;
use crate::clocks::{CoarseMonotonicClock, CoarseWallClock};
use crate::gate::{Gate, Hooks, InFlight};
use crate::limits::{Limits, TICK_MS};
use crate::memory::{self, MemoryObserver};
use crate::random::Random;
use crate::telling::{Report, Telling};
use crate::text::clean_line;

/// How long a guest runs before a tick takes its thread from it: half a tick. So it keeps a thread for one and a half
/// at most, and who was only just resumed is not sent to the end of the queue.
const YIELD_AFTER: Duration = Duration::from_micros(TICK_MS * 1_000 / 2);

/// Where a call's progress goes.
pub trait ProgressSink: Send + Sync {
    /// `done` of `total` steps, where the total is known. `message` is bounded and clean. It may be called in the
    /// task that called the tool, so it must not wait for that task, nor block: the call's limits would wait with it.
    fn report(&self, done: u32, total: Option<u32>, message: &str);
}

/// Whom a call is for, as far as the guest may know.
#[derive(Default)]
pub(crate) struct Surroundings {
    pub(crate) tool: String,
    pub(crate) account: Option<toolkeep_vault::Account>,
    pub(crate) reports: Option<UnboundedSender<Report>>,
}

/// What a store holds.
pub(crate) struct State {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    table: ResourceTable,
    pub(crate) random: Random,
    hooks: Hooks,
    bounds: Bounds,
    account: Option<toolkeep_vault::Account>,
    telling: Telling,
    ticks_left: u64,
}

/// Refuses growth past the limits, and remembers that it did: the guest's trap alone does not say why.
struct Bounds {
    memory_bytes: usize,
    table_elements: usize,
    instances: usize,
    refused: Option<&'static str>,
}

impl ResourceLimiter for Bounds {
    fn memory_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let fits = desired <= self.memory_bytes;
        if !fits {
            self.refused = Some("memory");
        }
        Ok(fits)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let fits = desired <= self.table_elements;
        if !fits {
            self.refused = Some("table elements");
        }
        Ok(fits)
    }

    fn instances(&self) -> usize {
        self.instances
    }
}

/// Why a run ended without an answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A limit; the text names it with its unit.
    Limit { code: &'static str, limit: String },
    /// The guest trapped, or the engine failed.
    Trap(String),
}

/// A guest that is ready to be instantiated and run once.
pub(crate) struct Guest {
    store: Store<State>,
    in_flight: InFlight,
    resumed: Arc<Resumed>,
    memory_observer: Option<Arc<dyn MemoryObserver>>,
}

/// When the guest was last given a thread.
struct Resumed {
    origin: Instant,
    after_us: AtomicU64,
}

impl Resumed {
    fn never() -> Self {
        Self { origin: Instant::now(), after_us: AtomicU64::new(0) }
    }

    fn now(&self) {
        let after = u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.after_us.store(after, Ordering::Relaxed);
    }

    /// How long ago that is.
    fn elapsed(&self) -> Duration {
        self.origin.elapsed().saturating_sub(Duration::from_micros(self.after_us.load(Ordering::Relaxed)))
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // However the run ended, and also where it was given up in the middle.
        if let Some(observer) = &self.memory_observer {
            memory::show(&mut self.store, observer.as_ref());
        }
    }
}

impl Guest {
    /// A guest for one call.
    pub(crate) fn new(engine: &Engine, limits: &Limits, gate: Arc<Gate>, surroundings: Surroundings) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.handles);
        let hooks = Hooks::new(Arc::clone(&gate));
        let in_flight = hooks.in_flight();
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(limits.request_header_bytes);
        let state = State {
            // Nothing is inherited: no arguments, no environment, no directories; the streams are closed.
            wasi: WasiCtx::builder().wall_clock(CoarseWallClock).monotonic_clock(CoarseMonotonicClock::start()).build(),
            http,
            table,
            random: Random { most_bytes: limits.random_bytes },
            hooks,
            bounds: Bounds {
                memory_bytes: limits.memory_bytes,
                table_elements: limits.table_elements,
                instances: limits.core_instances,
                refused: None,
            },
            account: surroundings.account,
            telling: Telling::new(gate, surroundings.tool, surroundings.reports, limits),
            ticks_left: limits.cpu_ticks(),
        };
        let mut store = Store::new(engine, state);
        store.limiter(|state| &mut state.bounds);
        store.set_hostcall_fuel(limits.crossing_bytes);
        store.set_epoch_deadline(1);
        let resumed = Arc::new(Resumed::never());
        let since = Arc::clone(&resumed);
        // Called at the first guest instruction after a tick: so ticks are counted only while the guest runs.
        store.epoch_deadline_callback(move |mut context| {
            let state = context.data_mut();
            state.ticks_left = state.ticks_left.saturating_sub(1);
            Ok(match state.ticks_left {
                0 => UpdateDeadline::Interrupt,
                // Most guests that meet a tick have only just been resumed, and will soon wait by themselves.
                _ if since.elapsed() < YIELD_AFTER => UpdateDeadline::Continue(1),
                // To the end of the queue, behind whatever I/O is ready.
                _ => UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())),
            })
        });
        Self { store, in_flight, resumed, memory_observer: None }
    }

    /// Shows its memory when it is over, if there is somebody to show it to.
    pub(crate) fn shown_to(mut self, observer: Option<Arc<dyn MemoryObserver>>) -> Self {
        self.memory_observer = observer;
        self
    }

    /// A guest that can reach nothing, for `describe`.
    pub(crate) fn mute(engine: &Engine, limits: &Limits) -> Self {
        Self::new(engine, limits, Arc::new(Gate::closed()), Surroundings::default())
    }

    /// Instantiates the component and runs `work` in it, within all limits.
    pub(crate) async fn run<T>(
        mut self,
        pre: &InstancePre<State>,
        limits: &Limits,
        work: impl AsyncFnOnce(&mut Store<State>, &Instance) -> wasmtime::Result<T>,
    ) -> Result<T, Failure> {
        let store = &mut self.store;
        let (in_flight, resumed) = (&self.in_flight, &self.resumed);
        let ran = {
            let mut running = pin!(async {
                let instance = pre.instantiate_async(&mut *store).await?;
                work(&mut *store, &instance).await
            });
            let noted = poll_fn(|context| {
                resumed.now();
                running.as_mut().poll(context)
            });
            tokio::time::timeout(limits.wall_clock(), in_flight.drive(noted)).await
        };
        match ran {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(self.failure(limits, &error)),
            Err(_) => Err(Failure::Limit {
                code: "time_limit",
                limit: format!("{:?}", Duration::from_millis(limits.wall_clock_ms)),
            }),
        }
    }

    fn failure(&self, limits: &Limits, error: &wasmtime::Error) -> Failure {
        let state = self.store.data();
        match (state.ticks_left, state.bounds.refused) {
            (0, _) => Failure::Limit { code: "cpu_limit", limit: format!("{} ms of processor time", limits.cpu_ms) },
            (_, Some("memory")) => {
                Failure::Limit { code: "memory_limit", limit: format!("{} MiB of memory", limits.memory_bytes >> 20) }
            }
            (_, Some(other)) => {
                Failure::Limit { code: "memory_limit", limit: format!("{} {other}", limits.table_elements) }
            }
            _ => Failure::Trap(clean_line(&format!("{error:#}"), 500)),
        }
    }
}

impl State {
    /// What its `wasi:http` calls.
    pub(crate) fn hooks(&self) -> &Hooks {
        &self.hooks
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.hooks, table: &mut self.table, ctx: &mut self.http }
    }
}

impl wit_host::Host for State {
    fn log(&mut self, level: wit_host::Level, message: String) -> wasmtime::Result<()> {
        self.telling.log(level, &message);
        Ok(())
    }

    fn progress(&mut self, done: u32, total: Option<u32>, message: String) -> wasmtime::Result<()> {
        self.telling.progress(done, total, &message);
        Ok(())
    }

    fn connected_account(&mut self) -> wasmtime::Result<Option<wit::Account>> {
        Ok(self.account.as_ref().map(|account| wit::Account {
            id: account.id.clone(),
            name: account.name.clone(),
            email: account.email.clone(),
            time_zone: account.time_zone.clone(),
        }))
    }
}

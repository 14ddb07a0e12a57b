//! The WebAssembly engine: how instances are allocated, bounded and interrupted, and what they are linked with.

use wasmtime::component::{HasSelf, Linker};
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};
use wasmtime_wasi::WasiView;
use wasmtime_wasi::cli::{WasiCli, WasiCliView};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView};

use crate::bindings;
use crate::error::HostError;
use crate::instance::State;
use crate::limits::Limits;
use crate::random::Random;

/// Memory of a slot that is cleared in place instead of being given back to the kernel, in bytes. Clearing is
/// what makes a fresh instance for each call cheap; a PagerDuty call touches about 1 MiB.
const MEMORY_KEEP_RESIDENT_BYTES: usize = 4 << 20;
/// The same for a table, in bytes.
const TABLE_KEEP_RESIDENT_BYTES: usize = 64 << 10;
/// The same for a stack, in bytes.
const STACK_KEEP_RESIDENT_BYTES: usize = 64 << 10;
/// Host frames below the guest's stack, in bytes: what the fiber needs beyond the guest's own limit.
const HOST_STACK_BYTES: usize = 1 << 20;
/// What the engine itself keeps for one instance (imports, globals, function references), in bytes: Wasmtime's
/// default.
const INSTANCE_STATE_BYTES: usize = 1 << 20;

/// The interfaces that a connector may import, without their versions. A component that imports anything else
/// is refused when it is loaded. Two parts of `wasi:cli` are here because every program's start-up asks for
/// them: environment and arguments are empty, streams lead nowhere.
pub(crate) const LINKED_INTERFACES: [&str; 22] = [
    "toolkeep:connector/host",
    "toolkeep:connector/types",
    "wasi:http/outgoing-handler",
    "wasi:http/types",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:random/random",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/stderr",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:cli/terminal-stderr",
];

fn fail(error: impl std::fmt::Display) -> HostError {
    HostError::Engine(format!("{error:#}"))
}

/// Makes the engine. `memory_is_observed` builds it so that a guest's memory can be looked at.
pub(crate) fn engine(limits: &Limits, memory_is_observed: bool) -> Result<Engine, HostError> {
    // In-place clearing needs the PAGEMAP_SCAN ioctl (Linux 6.7); elsewhere the allocator falls back.
    let mut pool = PoolingAllocationConfig::new();
    // One more than calls: a component that is being loaded describes itself beside them.
    let instances = limits.concurrent_calls.saturating_add(1);
    let core_instances = u32::try_from(limits.core_instances).unwrap_or(u32::MAX);
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(core_instances))
        .total_memories(instances)
        .total_tables(instances.saturating_mul(limits.tables))
        .total_stacks(instances)
        .max_core_instances_per_component(core_instances)
        .max_memories_per_component(1)
        .max_tables_per_component(limits.tables)
        .max_memory_size(limits.memory_bytes)
        .table_elements(limits.table_elements)
        .max_core_instance_size(INSTANCE_STATE_BYTES)
        .max_component_instance_size(INSTANCE_STATE_BYTES)
        .linear_memory_keep_resident(MEMORY_KEEP_RESIDENT_BYTES)
        .table_keep_resident(TABLE_KEEP_RESIDENT_BYTES)
        .async_stack_keep_resident(STACK_KEEP_RESIDENT_BYTES)
        .pagemap_scan(Enabled::Auto);
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .max_wasm_stack(limits.stack_bytes)
        .async_stack_size(limits.stack_bytes.saturating_add(HOST_STACK_BYTES))
        .epoch_interruption(true)
        .wasm_component_model(true)
        .wasm_simd(true)
        .wasm_relaxed_simd(false)
        .wasm_multi_memory(false)
        .wasm_memory64(false)
        .wasm_backtrace_max_frames(None)
        .concurrency_support(false)
        .generate_address_map(false);
    if memory_is_observed {
        config.guest_debug(true);
    }
    Engine::new(&config).map_err(fail)
}

/// Links the short list: each interface by name, nothing by bundle.
pub(crate) fn linker(engine: &Engine) -> Result<Linker<State>, HostError> {
    link(engine).map_err(fail)
}

fn link(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    use wasmtime_wasi::p2::bindings::{cli, clocks, io, random};
    use wasmtime_wasi_http::p2::bindings::http;
    use wasmtime_wasi_http::{WasiHttp, WasiHttpView};

    let mut linker = Linker::new(engine);
    let l = &mut linker;
    bindings::toolkeep::connector::host::add_to_linker::<State, HasSelf<State>>(l, |state| state)?;
    http::types::add_to_linker::<State, WasiHttp>(l, &http::types::LinkOptions::default(), State::http)?;
    crate::unsent::bound(l)?;
    crate::gate::link(l)?;
    clocks::monotonic_clock::add_to_linker::<State, WasiClocks>(l, State::clocks)?;
    clocks::wall_clock::add_to_linker::<State, WasiClocks>(l, State::clocks)?;
    random::random::add_to_linker::<State, HasSelf<Random>>(l, |state| &mut state.random)?;
    random::insecure::add_to_linker::<State, HasSelf<Random>>(l, |state| &mut state.random)?;
    random::insecure_seed::add_to_linker::<State, HasSelf<Random>>(l, |state| &mut state.random)?;
    io::error::add_to_linker::<State, TableOnly>(l, |state| state.ctx().table)?;
    io::poll::add_to_linker::<State, TableOnly>(l, |state| state.ctx().table)?;
    io::streams::add_to_linker::<State, TableOnly>(l, |state| state.ctx().table)?;
    cli::environment::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::exit::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::stdin::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::stdout::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::stderr::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_input::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_output::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_stdin::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_stdout::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_stderr::add_to_linker::<State, WasiCli>(l, State::cli)?;
    Ok(linker)
}

/// The `wasi:io` implementations work on the resource table alone.
struct TableOnly;

impl wasmtime::component::HasData for TableOnly {
    type Data<'a> = &'a mut wasmtime::component::ResourceTable;
}

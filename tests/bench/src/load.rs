//! The four ways to make the same call, taking turns: one call at a time, then many in flight.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::Amounts;
use crate::durability::RawSyncs;
use crate::library::{Audit, Library, observe};
use crate::mcp::Client;
use crate::native::{Native, ensure_same};
use crate::program::processor_s;
use crate::stage::Stage;
use crate::statistics::{Times, median};

/// Calls that are in flight at once.
pub(crate) const IN_FLIGHT: usize = 32;
/// Raw syncs of the disk in each round: they take as long as a dozen calls.
const SYNCS_PER_ROUND: usize = 20;
/// Calls of a way before its turn is timed: they pay for what the other ways left in the caches.
const CALLS_BEFORE_A_TURN: usize = 8;
/// Calls of each way before anything is timed, and with many in flight in milliseconds.
const WARM_UP_CALLS: usize = 200;
const WARM_UP_FLIGHT_MS: u64 = 300;

/// The ways to make the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Way {
    /// reqwest and serde
    Native,
    /// The host library, its audit log in memory
    Library,
    /// The host library with a durable audit log
    LibraryDurable,
    /// The server over HTTP, with a durable audit log
    McpDurable,
}

/// All of them, the one that the others are compared with first.
const WAYS: [Way; 4] = [Way::Native, Way::Library, Way::LibraryDurable, Way::McpDurable];

/// Somebody who makes the call.
#[derive(Clone)]
enum Caller {
    Native(Arc<Native>),
    Library(Arc<Library>),
    Mcp(Client),
}

impl Caller {
    async fn call(&self) -> anyhow::Result<String> {
        match self {
            Self::Native(native) => native.call().await,
            Self::Library(library) => library.call().await,
            Self::Mcp(client) => client.call().await,
        }
    }
}

/// What one way took.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Calls {
    /// Which.
    pub(crate) way: Way,
    /// One at a time.
    pub(crate) alone: Times,
    /// The median of each round, in microseconds.
    pub(crate) alone_rounds_us: Vec<f64>,
    /// Median over the rounds of its median to the native one's.
    pub(crate) alone_ratio: f64,
    /// Many in flight.
    pub(crate) in_flight: Times,
    /// Calls per second with many in flight: the median over the rounds.
    pub(crate) calls_per_s: f64,
    /// Median over the rounds of that to the native one's.
    pub(crate) throughput_ratio: f64,
    /// Processor time of one call with many in flight, in microseconds: of this process (client and library),
    /// of the server, of the simulator.
    pub(crate) client_cpu_us: f64,
    pub(crate) server_cpu_us: f64,
    pub(crate) simulator_cpu_us: f64,
}

/// What is collected of one way.
#[derive(Default)]
struct Collected {
    alone: Vec<Duration>,
    alone_p50s_us: Vec<f64>,
    in_flight: Vec<Duration>,
    rates: Vec<f64>,
    cpu_s: [f64; 3],
}

/// Measures the ways that are wanted; none named means all. With them comes what a raw sync of the disk took in each
/// round of calls that were made one at a time, in microseconds.
pub(crate) async fn measure(
    stage: &Stage,
    amounts: &Amounts,
    wanted: &[Way],
) -> anyhow::Result<(Vec<Calls>, Vec<f64>)> {
    let simulator = &stage.simulator().url;
    let (request, answer) = observe(&stage.directory().join("observed"), simulator, &stage.pagerduty()?).await?;
    let native = Arc::new(Native::like(&request, pagerduty_simulator::DEMO_OAUTH_TOKEN)?);
    ensure_same(&native.call().await?, &answer)?;
    let (server, client) = stage.installation("server").await?.serve().await?;
    ensure_same(&native.call().await?, &client.call().await?)?;
    let mut turns = Vec::new();
    for way in WAYS.into_iter().filter(|way| wanted.is_empty() || wanted.contains(way)) {
        let caller = match way {
            Way::Native => Caller::Native(Arc::clone(&native)),
            Way::Library => Caller::Library(Arc::new(stage.library("memory", Audit::Memory).await?)),
            Way::LibraryDurable => Caller::Library(Arc::new(stage.library("durable", Audit::Durable).await?)),
            Way::McpDurable => Caller::Mcp(client.clone()),
        };
        alone(&caller, WARM_UP_CALLS).await?;
        turns.push((way, caller, Collected::default()));
    }
    let mut raw = RawSyncs::new(stage.directory(), amounts.rounds * SYNCS_PER_ROUND)?;
    let mut syncs_us = Vec::with_capacity(amounts.rounds);
    for round in 1..=amounts.rounds {
        let syncs;
        (raw, syncs) = syncs_between_calls(raw, &native).await?;
        syncs_us.push(Times::of(syncs).p50_us);
        for (_, caller, collected) in &mut turns {
            alone(caller, CALLS_BEFORE_A_TURN).await?;
            let times = alone(caller, amounts.calls_per_round).await?;
            collected.alone_p50s_us.push(Times::of(times.clone()).p50_us);
            collected.alone.extend(times);
        }
        // Nobody is always the one who comes first, or after the same other.
        turns.rotate_left(1);
        if round % turns.len() == 0 {
            turns.reverse();
        }
    }
    for (_, caller, _) in &turns {
        in_flight(caller, Duration::from_millis(WARM_UP_FLIGHT_MS)).await?;
    }
    let processes = [None, server.id(), stage.simulator().id()];
    for _ in 0..amounts.flights {
        for (_, caller, collected) in &mut turns {
            let before = processes.map(processor_s);
            let (times, rate) = in_flight(caller, Duration::from_millis(amounts.flight_ms)).await?;
            for ((sum, before), process) in collected.cpu_s.iter_mut().zip(before).zip(processes) {
                *sum += processor_s(process) - before;
            }
            collected.in_flight.extend(times);
            collected.rates.push(rate);
        }
        turns.rotate_left(1);
    }
    server.stop().await?;
    turns.sort_by_key(|(way, _, _)| WAYS.iter().position(|one| one == way));
    let base = turns.iter().find(|(way, _, _)| *way == Way::Native).map(|(_, _, collected)| collected);
    Ok((turns.iter().map(|(way, _, collected)| summary(*way, collected, base)).collect(), syncs_us))
}

/// Ratios are not numbers where there is nothing to compare with.
fn summary(way: Way, one: &Collected, native: Option<&Collected>) -> Calls {
    let ratio = |to: Option<&Vec<f64>>, of: &[f64]| {
        to.map_or(f64::NAN, |to| median(of.iter().zip(to).map(|(of, to)| of / to).collect()))
    };
    let calls = one.in_flight.len().max(1) as f64;
    let [client_cpu_us, server_cpu_us, simulator_cpu_us] = one.cpu_s.map(|seconds| seconds * 1e6 / calls);
    Calls {
        way,
        alone: Times::of(one.alone.clone()),
        alone_rounds_us: one.alone_p50s_us.clone(),
        alone_ratio: ratio(native.map(|native| &native.alone_p50s_us), &one.alone_p50s_us),
        in_flight: Times::of(one.in_flight.clone()),
        calls_per_s: median(one.rates.clone()),
        throughput_ratio: ratio(native.map(|native| &native.rates), &one.rates),
        client_cpu_us,
        server_cpu_us,
        simulator_cpu_us,
    }
}

/// Calls one after the other, from a task of the runtime as a service would.
async fn alone(caller: &Caller, calls: usize) -> anyhow::Result<Vec<Duration>> {
    let caller = caller.clone();
    tokio::spawn(async move {
        let mut times = Vec::with_capacity(calls);
        for _ in 0..calls {
            let begun = Instant::now();
            caller.call().await?;
            times.push(begun.elapsed());
        }
        Ok(times)
    })
    .await?
}

/// Raw syncs of the disk, each after a native call: one of a call's own syncs comes after other work as well, and takes
/// longer than one of many in a row.
async fn syncs_between_calls(mut raw: RawSyncs, native: &Arc<Native>) -> anyhow::Result<(RawSyncs, Vec<Duration>)> {
    let native = Arc::clone(native);
    tokio::spawn(async move {
        let mut times = Vec::with_capacity(SYNCS_PER_ROUND);
        for _ in 0..SYNCS_PER_ROUND {
            native.call().await?;
            times.push(raw.sync()?);
        }
        Ok((raw, times))
    })
    .await?
}

/// [`IN_FLIGHT`] tasks that call again and again for a while: the times, and calls per second.
async fn in_flight(caller: &Caller, time: Duration) -> anyhow::Result<(Vec<Duration>, f64)> {
    let begun = Instant::now();
    let tasks: Vec<_> = (0..IN_FLIGHT)
        .map(|_| {
            let caller = caller.clone();
            tokio::spawn(async move {
                let mut times = Vec::new();
                while begun.elapsed() < time {
                    let call = Instant::now();
                    caller.call().await?;
                    times.push(call.elapsed());
                }
                anyhow::Ok(times)
            })
        })
        .collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await??);
    }
    let rate = times.len() as f64 / begun.elapsed().as_secs_f64();
    Ok((times, rate))
}

//! The four ways to make the same call, taking turns: one call at a time, then many in flight.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::Amounts;
use crate::library::{Audit, Library, observe};
use crate::mcp::Client;
use crate::native::{Native, ensure_same};
use crate::program::processor_s;
use crate::stage::Stage;
use crate::statistics::{Times, median};

/// Calls that are in flight at once.
pub(crate) const IN_FLIGHT: usize = 32;
/// Calls of each way before anything is timed, and with many in flight in milliseconds.
const WARM_UP_CALLS: usize = 200;
const WARM_UP_FLIGHT_MS: u64 = 300;

/// One way to make the call.
#[derive(Clone)]
enum Way {
    Native(Arc<Native>),
    Library(Arc<Library>),
    Mcp(Client),
}

impl Way {
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
    /// `native`, `library`, `library_durable` or `mcp_durable`.
    pub(crate) way: &'static str,
    /// One at a time.
    pub(crate) alone: Times,
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

/// Measures all ways.
pub(crate) async fn measure(stage: &Stage, amounts: &Amounts) -> anyhow::Result<Vec<Calls>> {
    let simulator = &stage.simulator().url;
    let (request, answer) = observe(&stage.directory().join("observed"), simulator, &stage.pagerduty()?).await?;
    let native = Native::like(&request, pagerduty_simulator::DEMO_OAUTH_TOKEN)?;
    ensure_same(&native.call().await?, &answer)?;
    let (server, client) = stage.installation("server").await?.serve().await?;
    ensure_same(&native.call().await?, &client.call().await?)?;
    let ways = [
        ("native", Way::Native(Arc::new(native))),
        ("library", Way::Library(Arc::new(stage.library("memory", Audit::Memory).await?))),
        ("library_durable", Way::Library(Arc::new(stage.library("durable", Audit::Durable).await?))),
        ("mcp_durable", Way::Mcp(client)),
    ];
    let mut collected: Vec<Collected> = ways.iter().map(|_| Collected::default()).collect();
    let processes = [None, server.id(), stage.simulator().id()];

    for (_, way) in &ways {
        alone(way, WARM_UP_CALLS).await?;
    }
    for round in 0..amounts.rounds {
        for turn in 0..ways.len() {
            let place = (round + turn) % ways.len();
            let (Some((_, way)), Some(collected)) = (ways.get(place), collected.get_mut(place)) else { continue };
            // The first calls of a turn pay for what the other ways left in the caches.
            alone(way, amounts.calls_per_round / 10).await?;
            let times = alone(way, amounts.calls_per_round).await?;
            collected.alone_p50s_us.push(Times::of(times.clone()).p50_us);
            collected.alone.extend(times);
        }
    }
    for (_, way) in &ways {
        in_flight(way, Duration::from_millis(WARM_UP_FLIGHT_MS)).await?;
    }
    for round in 0..amounts.rounds {
        for turn in 0..ways.len() {
            let place = (round + turn) % ways.len();
            let (Some((_, way)), Some(collected)) = (ways.get(place), collected.get_mut(place)) else { continue };
            let before = processes.map(processor_s);
            let (times, rate) = in_flight(way, Duration::from_millis(amounts.flight_ms)).await?;
            for ((sum, before), process) in collected.cpu_s.iter_mut().zip(before).zip(processes) {
                *sum += processor_s(process) - before;
            }
            collected.in_flight.extend(times);
            collected.rates.push(rate);
        }
    }
    server.stop().await?;
    Ok(summarise(&ways.map(|(name, _)| name), &collected))
}

fn summarise(names: &[&'static str], collected: &[Collected]) -> Vec<Calls> {
    let Some(native) = collected.first() else { return Vec::new() };
    let ratio = |to: &[f64], of: &[f64]| median(of.iter().zip(to).map(|(of, to)| of / to).collect());
    names
        .iter()
        .zip(collected)
        .map(|(way, one)| {
            let calls = one.in_flight.len().max(1) as f64;
            let [client_cpu_us, server_cpu_us, simulator_cpu_us] = one.cpu_s.map(|seconds| seconds * 1e6 / calls);
            Calls {
                way,
                alone: Times::of(one.alone.clone()),
                alone_ratio: ratio(&native.alone_p50s_us, &one.alone_p50s_us),
                in_flight: Times::of(one.in_flight.clone()),
                calls_per_s: median(one.rates.clone()),
                throughput_ratio: ratio(&native.rates, &one.rates),
                client_cpu_us,
                server_cpu_us,
                simulator_cpu_us,
            }
        })
        .collect()
}

/// Calls one after the other, from a task of the runtime as a service would.
async fn alone(way: &Way, calls: usize) -> anyhow::Result<Vec<Duration>> {
    let way = way.clone();
    tokio::spawn(async move {
        let mut times = Vec::with_capacity(calls);
        for _ in 0..calls {
            let begun = Instant::now();
            way.call().await?;
            times.push(begun.elapsed());
        }
        Ok(times)
    })
    .await?
}

/// [`IN_FLIGHT`] tasks that call again and again for a while: the times, and calls per second.
async fn in_flight(way: &Way, time: Duration) -> anyhow::Result<(Vec<Duration>, f64)> {
    let begun = Instant::now();
    let tasks: Vec<_> = (0..IN_FLIGHT)
        .map(|_| {
            let way = way.clone();
            tokio::spawn(async move {
                let mut times = Vec::new();
                while begun.elapsed() < time {
                    let call = Instant::now();
                    way.call().await?;
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

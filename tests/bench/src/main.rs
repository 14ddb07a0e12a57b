//! `toolkeep-bench`: what a call costs through the sandbox, beside the same work done natively.
//!
//! Everything is real: PagerDuty's simulator and the MCP server are processes of their own, the library runs
//! in this one, and the durable audit log is on the disk under `target/`. The ways to make a call take turns
//! in short rounds, so that whatever else the machine does meets all of them; ratios are medians over the
//! rounds. Run it with `cargo xtask bench`.

mod durability;
mod figures;
mod gate;
mod library;
mod load;
mod machine;
mod mcp;
mod memory;
mod native;
mod program;
mod report;
mod rows;
mod stage;
mod start;
mod statistics;
mod trivial;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;

use crate::load::Way;
use crate::report::Report;
use crate::stage::Stage;

/// Measures a native call, the library and the server against the same simulator, in one run.
#[derive(Parser)]
#[command(
    version,
    after_help = "\
Examples:
  cargo xtask bench
  cargo xtask bench --quick --only calls
  cargo xtask bench --output bench.json --strict
  perf record -g target/release/toolkeep-bench --only calls --way library"
)]
pub(crate) struct Options {
    /// A short run: a sixth of the calls, rougher figures
    #[arg(long)]
    quick: bool,
    /// Print JSON instead of the tables
    #[arg(long)]
    json: bool,
    /// Write the JSON to a file as well
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// End with exit code 1 when a figure misses its target
    #[arg(long)]
    strict: bool,
    /// Where vault and audit logs are kept meanwhile [default: a new directory in the target directory]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Measure only this part; repeat for more
    #[arg(long, value_name = "PART", value_enum)]
    only: Vec<Part>,
    /// Of the calls, measure only this way, for a profiler to look at; repeat for more. Without `native` there
    /// are no ratios
    #[arg(long, value_name = "WAY", value_enum)]
    way: Vec<Way>,
    /// Another build of the PagerDuty connector
    #[arg(long, value_name = "FILE")]
    connector: Option<PathBuf>,
}

/// What can be measured by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Part {
    /// Calls: native, library, server
    Calls,
    /// An instance and a call that does nothing
    Trivial,
    /// The durable audit log
    Audit,
    /// Cold starts
    Start,
    /// Memory of the server
    Memory,
    /// Sizes of what an agent is sent
    Sizes,
    /// The exit: looking through answers, and the gate's part of a request
    Gate,
}

/// How much is measured.
pub(crate) struct Amounts {
    /// Rounds, in each of which every way has its turn, one call at a time. They are short, because it changes by the
    /// second how fast two processes on a shared machine hear of each other, and native and sandboxed calls are to
    /// meet the same.
    pub(crate) rounds: usize,
    /// Calls of one way in one round, one at a time.
    pub(crate) calls_per_round: usize,
    /// Rounds with many in flight.
    pub(crate) flights: usize,
    /// Time of one way in one of those, in milliseconds.
    pub(crate) flight_ms: u64,
    /// Calls of the trivial tool, and of the audit log.
    pub(crate) repeats: usize,
    /// Starts of the server.
    pub(crate) starts: usize,
}

impl Amounts {
    fn of(options: &Options) -> Self {
        if options.quick {
            Self { rounds: 12, calls_per_round: 40, flights: 3, flight_ms: 500, repeats: 1_000, starts: 3 }
        } else {
            Self { rounds: 70, calls_per_round: 40, flights: 7, flight_ms: 1_500, repeats: 5_000, starts: 10 }
        }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let options = Options::parse();
    let report = Box::pin(measure(&options)).await?;
    let json = serde_json::to_string_pretty(&report)?;
    if let Some(path) = &options.output {
        std::fs::write(path, &json).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let mut out = std::io::stdout().lock();
    if options.json {
        writeln!(out, "{json}")?
    } else {
        writeln!(out, "{report}")?
    }
    Ok(if options.strict && report.misses() > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn measure(options: &Options) -> anyhow::Result<Report> {
    let amounts = Amounts::of(options);
    let wanted = |part| options.only.is_empty() || options.only.contains(&part);
    let stage = Stage::set_up(options.data.as_deref(), options.connector.clone()).await?;
    let mut report = Report::new(machine::Machine::look(stage.directory()));
    if wanted(Part::Trivial) {
        progress("an instance and a call that does nothing")?;
        report.figures.extend(trivial::measure(&stage, &amounts).await?);
    }
    if wanted(Part::Audit) {
        progress("the audit log by itself")?;
        report.figures.extend(durability::measure(&stage, &amounts).await?);
    }
    if wanted(Part::Start) {
        progress("starts of the server")?;
        report.figures.extend(start::measure(&stage, &amounts).await?);
    }
    if wanted(Part::Memory) {
        progress("memory of the server")?;
        report.figures.extend(memory::measure(&stage).await?);
    }
    if wanted(Part::Sizes) {
        report.figures.extend(figures::sizes(&stage).await?);
    }
    if wanted(Part::Gate) {
        progress("the exit by itself")?;
        report.figures.extend(gate::measure(&stage, &amounts).await?);
    }
    if wanted(Part::Calls) {
        progress("calls: native, library, server")?;
        let (calls, syncs_us) = load::measure(&stage, &amounts, &options.way).await?;
        report.figures.extend(figures::of_calls(&calls, &syncs_us));
        report.calls = calls;
    }
    Ok(report)
}

/// Says on standard error what is being measured, because it takes a while.
fn progress(what: &str) -> std::io::Result<()> {
    writeln!(std::io::stderr(), "measuring {what} …")
}

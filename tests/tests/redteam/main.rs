//! The red team: hostile components, callers and upstreams against the real host and the real program. Each case
//! has a credential of its own, which is looked for everywhere when the case is over.
//!
//! It has a harness of its own, because what it says is a table of attacks, defences and verdicts:
//! `cargo xtask redteam`, or `cargo test --release --test redteam -- --help`.

#![allow(clippy::indexing_slicing, reason = "in constant evaluation there is no other way")]

mod arena;
mod canary;
mod case;
mod cases;
mod coverage;
mod options;
mod program;
mod report;
mod run;
mod upstreams;
mod watch;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::case::Case;
use crate::options::{HELP, Options};
use crate::report::Printer;

/// Threads that cases share, besides those that block: more than processors, so that one case cannot starve all.
const THREADS: usize = 4;

fn main() -> ExitCode {
    match Options::parse(std::env::args().skip(1)).and_then(|options| attack(&options)) {
        Ok(code) => code,
        Err(error) => {
            let _nobody_reads = writeln!(std::io::stderr().lock(), "error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn attack(options: &Options) -> anyhow::Result<ExitCode> {
    if options.help {
        writeln!(std::io::stdout().lock(), "{HELP}")?;
        return Ok(ExitCode::SUCCESS);
    }
    let all: Vec<&'static Case> = cases::ALL.iter().flat_map(|list| list.iter()).collect();
    let ids: BTreeSet<&str> = all.iter().map(|case| case.id).collect();
    ensure!(ids.len() == all.len(), "two cases have one ID");
    case::check_paths(&all)?;
    let chosen: Vec<&'static Case> = all.into_iter().filter(|case| options.wants(case)).collect();
    ensure!(!chosen.is_empty(), "no case fits {}; --list shows all", options.filters.join(", "));
    if options.list {
        report::list(&chosen, options.form)?;
        return Ok(ExitCode::SUCCESS);
    }
    canary::check_the_search().context("the search for canaries does not work, so no verdict would mean anything")?;
    watch::Log::install()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build()?;
    let begun = Instant::now();
    let printer = Printer::new(options.form);
    let limit = Duration::from_secs(options.limit);
    let verdicts = runtime.block_on(run::all(&chosen, options.jobs, limit, |verdict| printer.verdict(verdict)))?;
    printer.end(&verdicts, begun.elapsed())?;
    // Cases that were given up may still be running; nobody waits for them.
    runtime.shutdown_background();
    Ok(if verdicts.iter().all(|verdict| verdict.held) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

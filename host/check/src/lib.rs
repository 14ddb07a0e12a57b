//! Tries a connector before anybody trusts it: runs every tool that it declares, with arguments made from its
//! schemas and a canary for a credential, against upstreams that misbehave; then looks for the canary everywhere.
//!
//! The host is a real one, thrown away afterwards: vault and audit log in memory, every upstream on loopback, no
//! other way out. What is looked through: answers, errors, the log at every level, progress, exchanges as observers
//! see them, audit records, the guest's memory, its description, and everything that reached the upstream beside
//! the one header that may carry the credential.
//!
//! ```no_run
//! let wasm = std::fs::read("pagerduty.wasm")?;
//! let report = toolkeep_check::check(wasm, &toolkeep_check::Options::default(), &|step| eprintln!("{step}"))?;
//! assert_eq!(report.verdict, toolkeep_check::Verdict::Pass);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A pass means that none of these cases leaked. It cannot mean that no upstream can: one that enciphers the
//! credential and gives it back is beyond any search, here as in the host. What holds there is the first line:
//! where a tool may send at all.

mod arguments;
mod canary;
mod finder;
mod judge;
mod plan;
mod report;
mod run;
mod stage;
mod watch;

use std::fmt;
use std::sync::Arc;

use toolkeep_host::{HostError, Limits};

pub use finder::{Finder, Hit, MIN_PIECE_BYTES};
pub use report::{Case, Coverage, Finding, Report, ToolCoverage, Verdict};

use crate::watch::{Log, Watch};

/// Threads of the check's own runtime: the guest on one, the upstream on the other.
const THREADS: usize = 2;

/// What to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Chooses among the arguments and behaviours where there are too many; the same seed makes the same cases.
    pub seed: u64,
    /// A tenth of the cases: for while one is writing.
    pub quick: bool,
    /// Only this tool.
    pub tool: Option<String>,
    /// The limits of the host that it will run in. Those of a call's time, and of how many calls there may be, are
    /// the check's own.
    pub limits: Limits,
}

impl Default for Options {
    fn default() -> Self {
        Self { seed: 7, quick: false, tool: None, limits: Limits::default() }
    }
}

/// How far a check has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Cases that are done.
    pub done: usize,
    /// Cases that there are.
    pub of: usize,
    /// What is tried now.
    pub what: String,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}  {}", self.done, self.of, self.what)
    }
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// The component was not loaded; the host says which rule it breaks.
    #[error(transparent)]
    NotLoaded(#[from] HostError),
    /// The component has no such tool.
    #[error("the connector has no tool {tool:?}; it has {}", .tools.join(", "))]
    UnknownTool {
        /// What was asked for.
        tool: String,
        /// What there is.
        tools: Vec<String>,
    },
    /// This machine does not give what a check needs.
    #[error("the check cannot be set up: {0}")]
    Setup(String),
}

impl CheckError {
    /// A stable code for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotLoaded(error) => error.code(),
            Self::UnknownTool { .. } => "unknown_tool",
            Self::Setup(_) => "check_setup",
        }
    }
}

/// Checks a component. Blocks, up to a minute or two, on a runtime of its own: inside another one, call it from a
/// thread that may block. `tell` hears of each case before it begins.
///
/// # Errors
/// [`CheckError`] where there was nothing to try. What the component does wrong is in the report.
pub fn check(wasm: Vec<u8>, options: &Options, tell: &(dyn Fn(&Step) + Sync)) -> Result<Report, CheckError> {
    let setup = |error: std::io::Error| CheckError::Setup(error.to_string());
    let canaries = vec![canary::fresh()?, canary::fresh()?];
    let finder = Arc::new(Finder::new(&canaries));
    // A finder that sees nothing would pass everything.
    if canaries.iter().any(|canary| finder.find(canary.as_bytes()).is_none()) {
        return Err(CheckError::Setup("the finder does not find its own canary".to_owned()));
    }
    let watch = Arc::new(Watch::new(Arc::clone(&finder)));
    let log = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(Log(Arc::clone(&watch)))
        .finish();
    let log = tracing::Dispatch::new(log);
    let for_threads = log.clone();
    // Each thread of this runtime logs to the watch and nowhere else, for as long as it lives.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .thread_name("toolkeep-check")
        .on_thread_start(move || std::mem::forget(tracing::dispatcher::set_default(&for_threads)))
        .enable_all()
        .build()
        .map_err(setup)?;
    let report = tracing::dispatcher::with_default(&log, || {
        runtime.block_on(run::run(&wasm, options, tell, stage::Watching { watch, finder, canaries }))
    });
    runtime.shutdown_background();
    report
}

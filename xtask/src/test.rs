//! `cargo xtask test`: the Rust tests of the whole workspace, a short run of each fuzz target, then the tests that
//! drive the program with real MCP clients.

use std::process::{Command, ExitCode};
use std::time::Instant;

use clap::{Args, ValueEnum};

use crate::layout::{Layout, WORKSPACE};
use crate::{clients, demo, fuzz, guests, step};

/// What to run.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Run only this part
    #[arg(long, value_enum, value_name = "PART")]
    only: Option<Part>,
    /// Leave out the tests with real MCP clients, which need Python and fetch packages
    #[arg(long, conflicts_with = "only")]
    without_clients: bool,
}

/// A part of the tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Unit, integration and documentation tests
    Rust,
    /// Hostile input through the checks, a few seconds each
    Fuzz,
    /// Real MCP clients against the program
    Clients,
}

impl Options {
    fn runs(&self, part: Part) -> bool {
        self.only.is_none_or(|only| only == part) && !(self.without_clients && part == Part::Clients)
    }
}

/// How long each fuzz target runs, in seconds: the corpus, and some hundred thousand inputs near it.
const FUZZ_S: u32 = 5;

/// Runs the command.
///
/// # Errors
/// The first part that fails; what comes after it is not run.
pub(crate) fn run(layout: &Layout, options: &Options) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    // Before ten minutes of building, not after.
    let python = if options.runs(Part::Clients) { Some(clients::find_python()?) } else { None };
    if options.only != Some(Part::Fuzz) {
        guests::build(layout)?;
    }
    if options.runs(Part::Rust) {
        let mut build = Command::new("cargo");
        build.current_dir(&layout.root).arg("build").args(WORKSPACE).args(["--bins", "--tests"]);
        // Programs and tests in one go: each is compiled once, with the same features.
        step::run("build programs and tests (about ten minutes the first time)", &mut build)?;
        let mut test = Command::new("cargo");
        step::run("run the Rust tests", test.current_dir(&layout.root).arg("test").args(WORKSPACE))?;
    } else if options.runs(Part::Clients) {
        demo::build(layout)?;
    }
    if options.runs(Part::Fuzz) {
        match fuzz::find_compiler() {
            Ok(()) => fuzz::short(layout, FUZZ_S)?,
            Err(error) => step::say(&format!("==> NOT RUN: {error}")),
        }
    }
    if let Some(python) = python {
        clients::run(layout, &python)?;
    }
    step::say(&format!("All of it passed, in {}.", step::seconds(started)));
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_can_be_chosen() {
        let runs = |only, without_clients| {
            let options = Options { only, without_clients };
            (options.runs(Part::Rust), options.runs(Part::Clients))
        };
        assert_eq!(runs(None, false), (true, true));
        assert_eq!(runs(None, true), (true, false));
        assert_eq!(runs(Some(Part::Clients), false), (false, true));
        assert_eq!(runs(Some(Part::Rust), false), (true, false));
        assert_eq!(runs(Some(Part::Fuzz), false), (false, false));
    }
}

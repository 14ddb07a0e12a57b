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

/// Runs the command.
///
/// # Errors
/// The first part that fails; what comes after it is not run. A part that was asked for by name and cannot be run.
pub(crate) fn run(layout: &Layout, options: &Options) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    // Before ten minutes of building, not after.
    let python = if options.runs(Part::Clients) { Some(clients::find_python()?) } else { None };
    let mut left_out = Vec::new();
    if options.without_clients {
        left_out.push("the tests with real MCP clients, as asked".to_owned());
    }
    let mut fuzzes = options.runs(Part::Fuzz);
    if fuzzes && let Err(error) = fuzz::find_compiler() {
        if options.only == Some(Part::Fuzz) {
            return Err(error);
        }
        fuzzes = false;
        left_out.push(format!("the fuzz targets ({error})"));
    }
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
    if fuzzes {
        fuzz::short(layout)?;
    }
    if let Some(python) = python {
        clients::run(layout, &python)?;
    }
    step::say(&conclusion(&step::seconds(started), &left_out));
    Ok(ExitCode::SUCCESS)
}

/// The last line: what was not run is no part of what passed.
fn conclusion(took: &str, left_out: &[String]) -> String {
    if left_out.is_empty() {
        return format!("All of it passed, in {took}.");
    }
    format!("What was run passed, in {took}. NOT RUN: {}.", left_out.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_run_is_named_last() {
        assert_eq!(conclusion("3 s", &[]), "All of it passed, in 3 s.");
        let said = conclusion("3 s", &["the fuzz targets (no compiler)".to_owned()]);
        assert!(said.ends_with("NOT RUN: the fuzz targets (no compiler).") && !said.contains("All"), "{said}");
    }

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

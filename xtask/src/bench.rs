//! `cargo xtask bench`: builds in release, and hands over to `toolkeep-bench`, which measures a native call,
//! the library and the server against the same simulator in one run.

use std::process::{Command, ExitCode};

use anyhow::bail;

use crate::layout::{Layout, WORKSPACE};
use crate::{guests, step};

/// The package and program that measures.
const BENCH: &str = "toolkeep-bench";

/// Runs the command; the exit code is the benchmark's.
///
/// # Errors
/// Something cannot be built or started.
pub(crate) fn run(layout: &Layout, args: &[String]) -> anyhow::Result<ExitCode> {
    if !layout.has_member(BENCH) {
        bail!("the workspace has no package {BENCH}");
    }
    guests::build(layout)?;
    let mut cargo = Command::new("cargo");
    let programs = ["--bin", BENCH, "--bin", "toolkeep", "--bin", "pagerduty-simulator"];
    cargo.current_dir(&layout.root).arg("build").args(WORKSPACE).args(programs);
    step::run("build the benchmark and the program", &mut cargo)?;
    step::hand_over(BENCH, Command::new(layout.program(BENCH)).current_dir(&layout.root).args(args))
}

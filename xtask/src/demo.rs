//! `cargo xtask demo`: builds what is shown, and hands over to `toolkeep demo`.

use std::process::{Command, ExitCode};

use crate::layout::{Layout, WORKSPACE};
use crate::{guests, step};

/// Runs the command; the exit code is the demo's.
///
/// # Errors
/// Something cannot be built or started.
pub(crate) fn run(layout: &Layout, args: &[String]) -> anyhow::Result<ExitCode> {
    guests::build(layout)?;
    build(layout)?;
    let mut demo = Command::new(layout.program("toolkeep"));
    demo.arg("demo").arg("--connector").arg(layout.pagerduty());
    // The session shows a hostile connector refused; a client of one's own should find the six tools alone.
    if layout.hostile().exists() && !args.iter().any(|argument| argument == "--serve") {
        demo.arg("--hostile").arg(layout.hostile());
    }
    step::hand_over("toolkeep demo", demo.args(args))
}

/// Builds the program.
///
/// # Errors
/// It does not compile.
pub(crate) fn build(layout: &Layout) -> anyhow::Result<()> {
    if !layout.program("toolkeep").exists() {
        step::say("The first build takes about ten minutes on two cores: it compiles a WebAssembly runtime.");
    }
    let mut cargo = Command::new("cargo");
    cargo.current_dir(&layout.root).arg("build").args(WORKSPACE).args(["--bin", "toolkeep"]);
    step::run("build the program", &mut cargo)
}

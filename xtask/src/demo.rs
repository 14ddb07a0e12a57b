//! `cargo xtask demo`: builds what is shown, and hands over to `toolkeep demo`.

use std::process::{Command, ExitCode};

use crate::layout::{Layout, SAME_FEATURES};
use crate::{guests, step};

/// Runs the command; the exit code is the demo's.
///
/// # Errors
/// Something cannot be built or started.
pub(crate) fn run(layout: &Layout, args: &[String]) -> anyhow::Result<ExitCode> {
    let program = layout.program("toolkeep");
    if !program.exists() {
        step::say(
            "The first build takes about ten minutes on two cores: it compiles a WebAssembly runtime. Later ones take seconds.",
        );
    }
    guests::build(layout)?;
    let mut cargo = Command::new("cargo");
    cargo.current_dir(&layout.root).args(["build", "--release", "--package", "toolkeep"]).args(SAME_FEATURES);
    step::run("build the program", &mut cargo)?;
    let mut demo = Command::new(program);
    demo.arg("demo").arg("--connector").arg(layout.pagerduty());
    if layout.hostile().exists() {
        demo.arg("--hostile").arg(layout.hostile());
    }
    step::hand_over("toolkeep demo", demo.args(args))
}

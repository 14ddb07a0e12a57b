//! `cargo xtask lint`: format, lints, and what is depended upon.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::bail;

use crate::layout::Layout;
use crate::step;

/// cargo-deny as it was tried with this `deny.toml`.
const CARGO_DENY: &str = "0.20.2";

/// Runs every check, so that one run shows all that is wrong.
///
/// # Errors
/// Names the checks that failed.
pub(crate) fn run(layout: &Layout) -> anyhow::Result<ExitCode> {
    let mut failed = Vec::new();
    let mut check = |name: &'static str, outcome: anyhow::Result<()>| {
        if let Err(error) = outcome {
            step::say(&format!("    {error:#}"));
            failed.push(name);
        }
    };
    let cargo = |arguments: &[&str]| {
        let mut cargo = Command::new("cargo");
        cargo.current_dir(&layout.root).args(arguments);
        cargo
    };
    check("format", step::run("check the format", &mut cargo(&["fmt", "--all", "--check"])));
    let clippy = ["clippy", "--release", "--workspace", "--all-targets", "--", "--deny", "warnings"];
    check("clippy", step::run("check the lints", &mut cargo(&clippy)));
    check("dependencies", dependencies(layout));
    check("advisories", advisories(layout));
    if failed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    bail!("failed: {}", failed.join(", "))
}

/// Licences, sources and banned crates, as `deny.toml` says.
fn dependencies(layout: &Layout) -> anyhow::Result<()> {
    install(layout)?;
    step::run(
        "check licences, sources and banned crates",
        deny(layout).args(["check", "--hide-inclusion-graph", "bans", "licenses", "sources"]),
    )
}

/// Known vulnerabilities. The database is a git repository elsewhere; a machine that cannot reach it can say
/// nothing about them, and that is said and is not a failure of the code.
fn advisories(layout: &Layout) -> anyhow::Result<()> {
    if let Err(error) = step::output(deny(layout).arg("fetch").arg("db")) {
        let reason = error.to_string();
        let last = reason.lines().last().unwrap_or_default();
        step::say("==> check known vulnerabilities");
        step::say(&format!("    NOT CHECKED: the advisory database cannot be fetched from here ({last})"));
        return Ok(());
    }
    step::run(
        "check known vulnerabilities",
        deny(layout).args(["check", "--disable-fetch", "--hide-inclusion-graph", "advisories"]),
    )
}

fn tools(layout: &Layout) -> PathBuf {
    layout.target.join("tools")
}

fn deny(layout: &Layout) -> Command {
    let mut deny = Command::new(tools(layout).join("bin/cargo-deny"));
    deny.current_dir(&layout.root).args(["--all-features", "--locked"]);
    deny
}

/// Installs cargo-deny below the target folder, unless that version is there.
fn install(layout: &Layout) -> anyhow::Result<()> {
    let version = step::output(Command::new(tools(layout).join("bin/cargo-deny")).arg("--version"));
    if version.is_ok_and(|version| version == format!("cargo-deny {CARGO_DENY}")) {
        return Ok(());
    }
    let mut cargo = Command::new("cargo");
    cargo.current_dir(&layout.root).args(["install", "--locked", "--force", "--version", CARGO_DENY, "--root"]);
    step::run("install cargo-deny (some minutes, once)", cargo.arg(tools(layout)).arg("cargo-deny"))
}

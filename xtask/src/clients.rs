//! The tests with real MCP clients: makes each a Python environment of its own, since the two lines of the
//! SDK cannot be installed together, and runs pytest in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::layout::Layout;
use crate::step;

/// The suites: folders of `tests/clients`, each with its `requirements.txt`.
const SUITES: [&str; 2] = ["current", "older"];
/// The oldest Python that the pinned packages run on.
const PYTHON_MIN: (u32, u32) = (3, 10);

/// A Python that can make environments.
///
/// # Errors
/// There is none; the text says what to install.
pub(crate) fn find_python() -> anyhow::Result<PathBuf> {
    let (major, minor) = PYTHON_MIN;
    let advice = format!(
        "the tests with real MCP clients need Python {major}.{minor} or later with `venv`; install it \
         (Debian: apt-get install python3 python3-venv), or leave them out with --without-clients"
    );
    let ask = format!("import sys, venv, ensurepip; sys.exit(0 if sys.version_info >= ({major}, {minor}) else 1)");
    let works = |name: &&str| Command::new(name).args(["-c", &ask]).output().is_ok_and(|output| output.status.success());
    match ["python3", "python"].into_iter().find(works) {
        Some(name) => Ok(PathBuf::from(name)),
        None => bail!(advice),
    }
}

/// Runs every suite.
///
/// # Errors
/// An environment cannot be made, or a test fails.
pub(crate) fn run(layout: &Layout, python: &Path) -> anyhow::Result<()> {
    let mut failed = Vec::new();
    for suite in SUITES {
        let folder = layout.root.join("tests/clients").join(suite);
        let environment = layout.target.join("clients").join(suite);
        prepare(python, &environment, &folder.join("requirements.txt"))?;
        let mut pytest = Command::new(environment.join("bin/python"));
        pytest
            .current_dir(layout.root.join("tests/clients"))
            .args(["-m", "pytest", "-p", "no:cacheprovider", suite])
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("TOOLKEEP_PROGRAM", layout.program("toolkeep"))
            .env("TOOLKEEP_PAGERDUTY", layout.pagerduty());
        // Both suites are worth seeing when one fails.
        if let Err(error) = step::run(&format!("run the tests with real MCP clients: {suite}"), &mut pytest) {
            step::say(&format!("    {error:#}"));
            failed.push(suite);
        }
    }
    if failed.is_empty() { Ok(()) } else { bail!("tests with real MCP clients failed: {}", failed.join(", ")) }
}

/// Makes an environment with exactly the pinned packages, unless it has them already.
fn prepare(python: &Path, environment: &Path, requirements: &Path) -> anyhow::Result<()> {
    let wanted = fs::read_to_string(requirements).with_context(|| format!("cannot read {}", requirements.display()))?;
    let marker = environment.join("installed.txt");
    if fs::read_to_string(&marker).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    // `--clear`: a half-made environment from a run that was stopped is begun anew.
    let mut make = Command::new(python);
    step::run("make a Python environment", make.args(["-m", "venv", "--clear"]).arg(environment))?;
    let mut install = Command::new(environment.join("bin/python"));
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--requirement"]);
    step::run("install the MCP clients", install.arg(requirements))
        .context("the Python packages could not be installed; this needs the network once")?;
    let mut check = Command::new(environment.join("bin/python"));
    step::run("check that the pinned packages fit together", check.args(["-m", "pip", "check"]))?;
    fs::write(&marker, wanted).with_context(|| format!("cannot write {}", marker.display()))
}

//! The tests with real MCP clients: makes each suite the environment it needs, with exactly the pinned
//! packages, and runs pytest in it. The two lines of the Python SDK cannot be installed together.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::layout::Layout;
use crate::step;

/// The oldest Python that the tests run on: they use exception groups.
const PYTHON_MIN: (u32, u32) = (3, 11);
/// The suites of the Python SDK: folders of `tests/clients`, each with its `requirements.txt`.
const PYTHON_SUITES: [&str; 2] = ["current", "older"];
/// The suite of the Inspector, a client from npm; its tests run in the environment of the first suite.
const NPM_SUITE: &str = "inspector";
/// What a marker file says an environment holds.
const MARKER: &str = "installed.txt";

/// A Python that can make environments.
///
/// # Errors
/// There is none; the text says what to install.
pub(crate) fn find_python() -> anyhow::Result<PathBuf> {
    let (major, minor) = PYTHON_MIN;
    let ask = format!("import sys, venv, ensurepip; sys.exit(0 if sys.version_info >= ({major}, {minor}) else 1)");
    let works =
        |name: &&str| Command::new(name).args(["-c", &ask]).output().is_ok_and(|output| output.status.success());
    match ["python3", "python"].into_iter().find(works) {
        Some(name) => Ok(PathBuf::from(name)),
        None => bail!(
            "the tests with real MCP clients need Python {major}.{minor} or later with `venv`; install it \
             (Debian: apt-get install python3 python3-venv), or leave them out with --without-clients"
        ),
    }
}

/// Runs every suite, also where one before it failed.
///
/// # Errors
/// An environment cannot be made, or a test fails.
pub(crate) fn run(layout: &Layout, python: &Path) -> anyhow::Result<()> {
    let sources = layout.root.join("tests/clients");
    let environments = layout.target.join("clients");
    let mut failed = Vec::new();
    let mut test = |suite: &'static str, environment: &Path, inspector: Option<&Path>| {
        let mut pytest = Command::new(environment.join("bin/python"));
        pytest
            .current_dir(&sources)
            .args(["-m", "pytest", "-p", "no:cacheprovider", suite])
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("TOOLKEEP_PROGRAM", layout.program("toolkeep"))
            .env("TOOLKEEP_PAGERDUTY", layout.pagerduty());
        if let Some(inspector) = inspector {
            pytest.env("TOOLKEEP_INSPECTOR", inspector);
        }
        if let Err(error) = step::run(&format!("run the tests with real MCP clients: {suite}"), &mut pytest) {
            step::say(&format!("    {error:#}"));
            failed.push(suite);
        }
    };
    for suite in PYTHON_SUITES {
        let environment = environments.join(suite);
        prepare_python(python, &environment, &sources.join(suite).join("requirements.txt"))?;
        test(suite, &environment, None);
    }
    if step::exists("npm") {
        let folder = environments.join(NPM_SUITE);
        prepare_npm(&folder, &sources.join(NPM_SUITE))?;
        let inspector = folder.join("node_modules/.bin/mcp-inspector");
        test(NPM_SUITE, &environments.join(PYTHON_SUITES[0]), Some(&inspector));
    } else {
        step::say(&format!("==> NOT RUN: the suite `{NPM_SUITE}` needs npm (Debian: apt-get install npm)"));
    }
    if failed.is_empty() { Ok(()) } else { bail!("tests with real MCP clients failed: {}", failed.join(", ")) }
}

/// Makes a Python environment with exactly the pinned packages, unless it has them already.
fn prepare_python(python: &Path, environment: &Path, requirements: &Path) -> anyhow::Result<()> {
    let wanted = read(requirements)?;
    if is_installed(environment, &wanted) {
        return Ok(());
    }
    let mut make = Command::new(python);
    // `--clear`: a half-made environment of a run that was stopped is begun anew.
    step::run("make a Python environment", make.args(["-m", "venv", "--clear"]).arg(environment))?;
    let pip = |arguments: &[&str]| {
        let mut pip = Command::new(environment.join("bin/python"));
        pip.args(["-m", "pip", "--disable-pip-version-check"]).args(arguments);
        pip
    };
    // Nothing but what the file names; the check afterwards sees whether it names enough.
    let mut install = pip(&["install", "--quiet", "--no-deps", "--requirement"]);
    step::run("install the MCP clients from PyPI", install.arg(requirements))
        .context("the Python packages could not be installed; this needs the network once")?;
    step::run("check that the pinned packages fit together", &mut pip(&["check"]))?;
    mark_installed(environment, &wanted)
}

/// Installs exactly what the lock file names, unless it is there already. No package's own scripts are run.
fn prepare_npm(folder: &Path, source: &Path) -> anyhow::Result<()> {
    let lock = "package-lock.json";
    let wanted = read(&source.join(lock))?;
    if is_installed(folder, &wanted) {
        return Ok(());
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for name in ["package.json", lock] {
        fs::copy(source.join(name), folder.join(name)).with_context(|| format!("cannot copy {name}"))?;
    }
    let mut npm = Command::new("npm");
    npm.current_dir(folder).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    step::run("install the MCP Inspector from npm", &mut npm)
        .context("the npm packages could not be installed; this needs the network once")?;
    mark_installed(folder, &wanted)
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn is_installed(environment: &Path, wanted: &str) -> bool {
    fs::read_to_string(environment.join(MARKER)).is_ok_and(|installed| installed == wanted)
}

fn mark_installed(environment: &Path, wanted: &str) -> anyhow::Result<()> {
    let marker = environment.join(MARKER);
    fs::write(&marker, wanted).with_context(|| format!("cannot write {}", marker.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;

    #[test]
    fn an_environment_is_kept_until_its_pins_change() {
        let environment = std::env::temp_dir().join(format!("xtask-clients-{}", std::process::id()));
        assert!(!is_installed(&environment, "mcp==2.3.0\n"));
        fs::create_dir_all(&environment).unwrap();
        mark_installed(&environment, "mcp==2.3.0\n").unwrap();
        let (same, other) = (is_installed(&environment, "mcp==2.3.0\n"), is_installed(&environment, "mcp==2.4.0\n"));
        fs::remove_dir_all(&environment).unwrap();
        assert!(same && !other);
    }

    #[test]
    fn every_suite_pins_every_package() {
        let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/clients");
        for suite in PYTHON_SUITES {
            let requirements = read(&clients.join(suite).join("requirements.txt")).unwrap();
            let loose: Vec<_> =
                requirements.lines().filter(|line| !line.starts_with('#') && !line.contains("==")).collect();
            assert!(loose.is_empty() && requirements.contains("\nmcp=="), "{suite}: {loose:?}");
        }
        assert!(read(&clients.join(NPM_SUITE).join("package-lock.json")).unwrap().contains("\"integrity\""));
    }
}

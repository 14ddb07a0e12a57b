//! What everything is measured on: a directory on the disk, a simulator of its own, the built components.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use tokio::process::Command;

use crate::library::{Audit, Library};
use crate::mcp::Installation;
use crate::program::Program;

/// Incidents of the simulated company, most of them resolved long ago: the account of a mid-sized firm.
const INCIDENTS: &str = "20000";
/// Where components lie in the target directory.
const GUESTS: &str = "wasm32-wasip2/guest";

/// The surroundings of a run. Dropping it ends the simulator and removes the directory.
pub(crate) struct Stage {
    simulator: Program,
    directory: tempfile::TempDir,
    target: PathBuf,
    pagerduty: PathBuf,
}

impl Stage {
    /// Starts the simulator; `data` names another place than the target directory, `connector` another build of
    /// the PagerDuty component.
    pub(crate) async fn set_up(data: Option<&Path>, connector: Option<PathBuf>) -> anyhow::Result<Self> {
        let target = target_directory();
        let pagerduty = connector.unwrap_or_else(|| target.join(GUESTS).join("toolkeep_pagerduty.wasm"));
        let place = data.unwrap_or(&target);
        let private = std::fs::Permissions::from_mode(0o700);
        let directory = tempfile::Builder::new()
            .prefix("bench-data-")
            .permissions(private)
            .tempdir_in(place)
            .with_context(|| format!("cannot make a directory in {}", place.display()))?;
        let mut command = Command::new(program(&target, "pagerduty-simulator")?);
        command.args(["--incidents", INCIDENTS, "--no-record", "--json", "--exit-with-stdin"]);
        let simulator = Program::start(&mut command).await?;
        Ok(Self { simulator, directory, target, pagerduty })
    }

    /// Where the data of this run is.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The simulator.
    pub(crate) fn simulator(&self) -> &Program {
        &self.simulator
    }

    /// The PagerDuty component.
    pub(crate) fn pagerduty(&self) -> anyhow::Result<Vec<u8>> {
        read(&self.pagerduty)
    }

    /// A component of the tests.
    pub(crate) fn guest(&self, name: &str) -> anyhow::Result<Vec<u8>> {
        read(&self.target.join(GUESTS).join(format!("examples/{name}.wasm")))
    }

    /// A library with a directory of its own.
    pub(crate) async fn library(&self, name: &str, audit: Audit) -> anyhow::Result<Library> {
        Library::open(&self.directory().join(name), audit, &self.simulator.url, &self.pagerduty()?).await
    }

    /// The installed program with a data directory of its own.
    pub(crate) async fn installation(&self, name: &str) -> anyhow::Result<Installation> {
        let toolkeep = program(&self.target, "toolkeep")?;
        Installation::set_up(&toolkeep, self.directory().join(name), self.pagerduty.clone(), &self.simulator.url).await
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("{} is missing; run: cargo xtask guests", path.display()))
}

/// The directory that cargo builds into: this program lies in its folder `release`.
fn target_directory() -> PathBuf {
    let built = std::env::current_exe().ok().and_then(|path| Some(path.parent()?.parent()?.to_owned()));
    built.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"))
}

/// A program beside this one.
fn program(target: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let path = target.join("release").join(name);
    if !path.is_file() {
        bail!("{} is missing; run: cargo build --release -p {name}", path.display());
    }
    Ok(path)
}

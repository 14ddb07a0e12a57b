//! Builds the WebAssembly components, and first the means to: rustup does not fetch a target by itself where
//! its automatic installation is off.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::layout::{GUEST_TARGET, Layout};
use crate::step;

/// The PagerDuty connector stays below this, in bytes: it is compiled when a host starts without a cache, and
/// reviewers read its imports, not a runtime.
const PAGERDUTY_MAX_BYTES: u64 = 500_000;
/// The components that only the tests load.
const TEST_GUESTS: &str = "toolkeep-guests";

/// Builds them all, says their sizes, and gives their paths.
///
/// # Errors
/// The target cannot be installed, something does not compile, or the connector is too large.
pub(crate) fn build(layout: &Layout) -> anyhow::Result<Vec<PathBuf>> {
    ensure_target(layout)?;
    let mut cargo = cargo(layout);
    cargo.args(["--package", "toolkeep-pagerduty"]);
    step::run("build the PagerDuty connector", &mut cargo)?;
    if layout.has_member(TEST_GUESTS) {
        let mut cargo = self::cargo(layout);
        cargo.args(["--package", TEST_GUESTS, "--examples"]);
        step::run("build the components that the tests load", &mut cargo)?;
    }
    let built = components(&layout.guests())?;
    for path in &built {
        let bytes = size(path)?;
        step::say(&format!("    {bytes:>9} bytes  {}", path.strip_prefix(&layout.root).unwrap_or(path).display()));
    }
    let bytes = size(&layout.pagerduty())?;
    if bytes >= PAGERDUTY_MAX_BYTES {
        bail!("the PagerDuty connector has {bytes} bytes; it must have less than {PAGERDUTY_MAX_BYTES}");
    }
    Ok(built)
}

fn cargo(layout: &Layout) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(&layout.root).args(["build", "--profile", "guest", "--target", GUEST_TARGET]);
    cargo
}

/// Installs the guests' target for the toolchain in use, unless it is there.
fn ensure_target(layout: &Layout) -> anyhow::Result<()> {
    let print = ["--print", "target-libdir", "--target", GUEST_TARGET];
    let libraries = step::output(Command::new("rustc").current_dir(&layout.root).args(print))?;
    if Path::new(&libraries).is_dir() {
        return Ok(());
    }
    if !step::exists("rustup") {
        bail!(
            "the standard library for {GUEST_TARGET} is not installed, and there is no rustup to fetch it; \
             install your distribution's rust-std for {GUEST_TARGET}, or rustup"
        );
    }
    let name = format!("fetch the standard library for {GUEST_TARGET}");
    step::run(&name, Command::new("rustup").current_dir(&layout.root).args(["target", "add", GUEST_TARGET]))
        .with_context(|| format!("{GUEST_TARGET} could not be fetched; this needs the network once"))?;
    if Path::new(&libraries).is_dir() {
        return Ok(());
    }
    bail!(
        "rustup installed {GUEST_TARGET}, but not where rustc looks for it: {libraries}; is another rustc first on the PATH?"
    )
}

/// The components in a folder and in its `examples`, by name. Cargo keeps a second copy of an example under
/// its hash, which is left out.
fn components(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for folder in [folder.to_owned(), folder.join("examples")] {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.with_context(|| format!("cannot read {}", folder.display()))?.path();
            let is_component = path.extension().is_some_and(|extension| extension == "wasm");
            let is_copy = path.file_stem().is_some_and(|stem| stem.to_string_lossy().contains('-'));
            if is_component && !is_copy {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn size(path: &Path) -> anyhow::Result<u64> {
    Ok(fs::metadata(path).with_context(|| format!("{} was not built", path.display()))?.len())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;

    #[test]
    fn copies_under_a_hash_are_no_components_of_their_own() {
        let folder = std::env::temp_dir().join(format!("xtask-guests-{}", std::process::id()));
        fs::create_dir_all(folder.join("examples")).unwrap();
        for name in ["a.wasm", "a.d", "examples/b.wasm", "examples/b-0f12ab34cd56ef78.wasm"] {
            fs::write(folder.join(name), "x").unwrap();
        }
        let found = components(&folder);
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(found.unwrap(), [folder.join("a.wasm"), folder.join("examples/b.wasm")]);
    }
}

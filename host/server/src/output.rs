//! What commands write: data to standard output, tables where a person reads them, progress to standard
//! error. Colour appears only on a terminal (`anstream` removes it elsewhere, and honours `NO_COLOR`).

use std::io::{IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use crate::failure::Failure;

/// Something went wrong, or was refused.
pub(crate) const RED: Style = AnsiColor::Red.on_default().bold();
/// Something went right.
pub(crate) const GREEN: Style = AnsiColor::Green.on_default();
/// A heading.
pub(crate) const BOLD: Style = Style::new().bold();
/// Something beside the point.
pub(crate) const DIM: Style = Style::new().dimmed();

/// Columns assumed where there is no terminal to ask: the wide mode of terminals since the VT100.
const DEFAULT_WIDTH_COLUMNS: u16 = 132;

/// Writes `value` as one line of JSON to standard output.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let line = serde_json::to_string(value).map_err(|error| Failure::internal(error.to_string()))?;
    writeln!(anstream::stdout().lock(), "{line}")?;
    Ok(())
}

/// Writes JSON for whoever looks: indented on a terminal, one line otherwise.
pub(crate) fn json_for_reader(value: &impl Serialize) -> Result<(), Failure> {
    if !std::io::stdout().is_terminal() {
        return json(value);
    }
    let text = serde_json::to_string_pretty(value).map_err(|error| Failure::internal(error.to_string()))?;
    writeln!(anstream::stdout().lock(), "{text}")?;
    Ok(())
}

/// Writes text to standard output.
pub(crate) fn text(text: impl std::fmt::Display) -> Result<(), Failure> {
    writeln!(anstream::stdout().lock(), "{text}")?;
    Ok(())
}

/// Tells a person that something is going on. Never data.
pub(crate) fn progress(message: impl std::fmt::Display) {
    // Nobody reading standard error is no reason to stop.
    let _ = writeln!(anstream::stderr().lock(), "{DIM}{message}{DIM:#}");
}

/// A borderless table as wide as the terminal.
pub(crate) fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width_columns())
        .set_header(header);
    table
}

/// Columns of the terminal, or a sensible number of them.
pub(crate) fn width_columns() -> u16 {
    terminal_size::terminal_size().map_or(DEFAULT_WIDTH_COLUMNS, |(width, _)| width.0)
}

/// Removes what could move a terminal's cursor or forge a line from text that others wrote.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect()
}

/// Text of several lines that others wrote, each line behind `indent`, so that none can pass for one of ours.
pub(crate) fn printable_lines(text: &str, indent: &str) -> String {
    let lines: Vec<String> =
        text.lines().map(|line| format!("{indent}{}", printable(line)).trim_end().to_owned()).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_reach_a_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\nc"), "a\u{FFFD}[2Jb\u{FFFD}c");
        assert_eq!(printable_lines("a\u{1b}b\n\nc\n", "  "), "  a\u{FFFD}b\n\n  c");
    }
}

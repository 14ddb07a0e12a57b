//! What is printed: a line for each case, a table, or JSON.

use std::io::{self, IsTerminal as _, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use anyhow::Result;
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::json;

use crate::case::{Case, Shape, Verdict};
use crate::options::Form;

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const BOLD: Style = Style::new().bold();
/// Most characters of one line of a reason: some reasons repeat whole answers.
const MAX_LINE_CHARS: usize = 1_000;
/// Columns assumed where there is no terminal to ask: three columns of words fit.
const DEFAULT_WIDTH: u16 = 160;

/// Prints as it was asked to.
pub(crate) struct Printer {
    form: Form,
}

impl Printer {
    pub(crate) fn new(form: Form) -> Self {
        Self { form }
    }

    /// One verdict, as soon as it is known.
    pub(crate) fn verdict(&self, verdict: &Verdict) -> Result<()> {
        let word = if verdict.held { format!("{GOOD}held  {GOOD:#}") } else { format!("{BAD}BROKEN{BAD:#}") };
        match self.form {
            Form::Lines => {
                let mut out = anstream::stdout().lock();
                let (id, took) = (verdict.id, verdict.took.as_millis());
                writeln!(out, "{word} {id:<38} {took:>6} ms  {:<9}  {}", shapes(verdict.shapes), verdict.attack)?;
                for line in complaints(verdict) {
                    writeln!(out, "       {line}")?;
                }
            }
            // The others wait until all is known, and say that something goes on.
            Form::Table | Form::Json if io::stderr().is_terminal() => {
                write!(anstream::stderr().lock(), "\r{:<60}", verdict.id)?;
            }
            Form::Table | Form::Json => {}
        }
        Ok(())
    }

    /// All of them.
    pub(crate) fn end(&self, verdicts: &[Verdict], took: Duration) -> Result<()> {
        let failed: Vec<&Verdict> = verdicts.iter().filter(|verdict| !verdict.held).collect();
        let passed = verdicts.len() - failed.len();
        if self.form == Form::Json {
            let document = json!({
                "cases": verdicts,
                "passed": passed,
                "failed": failed.len(),
                "took_ms": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            });
            writeln!(io::stdout().lock(), "{document}")?;
            return Ok(());
        }
        if io::stderr().is_terminal() && self.form == Form::Table {
            write!(anstream::stderr().lock(), "\r{:<60}\r", "")?;
        }
        let mut out = anstream::stdout().lock();
        if self.form == Form::Table {
            table(&mut out, verdicts)?;
        }
        if !failed.is_empty() {
            writeln!(out, "\n{BAD}Defences that did not hold:{BAD:#}")?;
            for verdict in &failed {
                writeln!(out, "  {} ({}, enforced by {})", verdict.id, verdict.defence, verdict.enforced_by)?;
                for line in complaints(verdict) {
                    writeln!(out, "      {line}")?;
                }
            }
        }
        let bytes: usize = verdicts.iter().map(|verdict| verdict.searched_bytes).sum();
        let memories: usize = verdicts.iter().map(|verdict| verdict.memories).sum();
        writeln!(
            out,
            "\nLooked for the credentials in {} MB of output, logs, records, files and the memory of {memories} calls, in {:.1} s.",
            bytes / 1_000_000,
            took.as_secs_f64()
        )?;
        writeln!(out, "{passed} passed, {} failed", failed.len())?;
        Ok(())
    }
}

/// The shapes of credentials that a case is tried with.
fn shapes(shapes: &[Shape]) -> String {
    shapes.iter().map(|shape| shape.name()).collect::<Vec<_>>().join("+")
}

/// How the attack succeeded, if it did.
fn complaints(verdict: &Verdict) -> Vec<String> {
    let shown = |line: &str| line.chars().take(MAX_LINE_CHARS).collect::<String>();
    let mut lines: Vec<String> = verdict.reason.iter().flat_map(|reason| reason.lines()).map(shown).collect();
    lines.truncate(20);
    lines.extend(
        verdict.leaks.iter().map(|leak| format!("LEAK: the credential stands in {} as {}", leak.place, leak.form)),
    );
    lines.dedup();
    lines
}

fn table(out: &mut impl Write, verdicts: &[Verdict]) -> Result<()> {
    let width = terminal_size::terminal_size().map_or(DEFAULT_WIDTH, |(width, _)| width.0);
    let mut categories: Vec<_> = verdicts.iter().map(|verdict| verdict.category).collect();
    categories.sort_unstable();
    categories.dedup();
    for category in categories {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        table.set_header(["attack", "defence", "verdict"]);
        for verdict in verdicts.iter().filter(|verdict| verdict.category == category) {
            let defence = format!("{} ({})", verdict.defence, verdict.enforced_by);
            table.add_row([verdict.attack, &defence, if verdict.held { "held" } else { "BROKEN" }]);
        }
        writeln!(out, "\n{BOLD}{}{BOLD:#}", category.name())?;
        for line in table.lines() {
            // Colour comes last, so that it changes no width.
            let line = line.trim_end();
            match line.strip_suffix("held").or_else(|| line.strip_suffix("BROKEN")) {
                Some(rest) if line.ends_with("held") => writeln!(out, "{rest}{GOOD}held{GOOD:#}")?,
                Some(rest) => writeln!(out, "{rest}{BAD}BROKEN{BAD:#}")?,
                None => writeln!(out, "{line}")?,
            }
        }
    }
    Ok(())
}

/// The cases, without verdicts.
pub(crate) fn list(cases: &[&'static Case], form: Form) -> Result<()> {
    let mut out = io::stdout().lock();
    for case in cases {
        if form == Form::Json {
            let line = json!({
                "id": case.id, "category": case.category, "guest": case.guest,
                "attack": case.attack, "defence": case.defence, "enforced_by": case.enforced_by,
                "shapes": case.shapes(),
            });
            writeln!(out, "{line}")?;
        } else {
            writeln!(out, "{}: {}", case.id, case.attack)?;
        }
    }
    Ok(())
}

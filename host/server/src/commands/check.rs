//! `toolkeep connector check`: tries a connector with a canary credential against hostile upstreams, and says what
//! leaked or broke.

use std::fmt::Write as _;
use std::io::{IsTerminal, Read, Write as _};
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use toolkeep_check::{CheckError, Finding, Options, Report, Step, Verdict};
use toolkeep_host::Limits;

use crate::cli::{Check, Global};
use crate::failure::{Exit, Failure};
use crate::output::{self, BOLD, DIM, GREEN, RED, printable};

/// Between two lines of progress where nobody's terminal can overwrite one, in seconds: enough to see that it lives.
const PROGRESS_EVERY_S: u64 = 5;

/// Runs the command. It touches no data directory, and reaches nothing but its own upstreams on loopback.
///
/// # Errors
/// [`Exit::Failed`] where something leaked, the connector broke the contract, or the file is no connector;
/// [`Exit::Usage`] for a file that cannot be read or a tool that is not there.
pub(crate) async fn run(_: &Global, options: Check) -> Result<(), Failure> {
    let wasm = read(&options.file)?;
    let wanted = Options { seed: options.seed, quick: options.quick, tool: options.tool.clone() };
    let progress = Progress::default();
    let checked = tokio::task::spawn_blocking(move || {
        let report = toolkeep_check::check(wasm, &wanted, &|step| progress.tell(step));
        progress.end();
        report
    });
    let report = checked
        .await
        .map_err(|error| Failure::internal(error.to_string()))?
        .map_err(|error| refuse(&options.file, &error))?;
    if options.json {
        output::json(&report)?;
    } else {
        output::text(shown(&report)?.trim_end())?;
    }
    match report.verdict {
        Verdict::Pass => Ok(()),
        Verdict::Fail => {
            let (leaks, faults) = (report.leaks.len(), report.faults.len());
            let message = format!("{}: leaks: {leaks}, faults: {faults}", options.file.display());
            Err(Failure::new(Exit::Failed, "check_failed", message).next(format!(
                "toolkeep connector check {} --seed {}, which repeats the cases",
                options.file.display(),
                report.seed
            )))
        }
    }
}

fn refuse(file: &Path, error: &CheckError) -> Failure {
    let exit = match error {
        CheckError::UnknownTool { .. } => Exit::Usage,
        CheckError::NotLoaded(_) => Exit::Failed,
        _ => Exit::Setup,
    };
    let failure = Failure::new(exit, error.code(), printable(&format!("{}: {error}", file.display())));
    match error {
        CheckError::NotLoaded(_) => failure.next(format!("toolkeep connector inspect {}", file.display())),
        _ => failure,
    }
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let unreadable = |error| Failure::usage(format!("cannot read {}: {error}", file.display()));
    let mut wasm = Vec::new();
    // One byte more than is allowed, so that the host can tell that it is too large.
    let limit = Limits::default().component_bytes as u64 + 1;
    std::fs::File::open(file).and_then(|file| file.take(limit).read_to_end(&mut wasm)).map_err(unreadable)?;
    Ok(wasm)
}

/// Says how far the check has come: one line that changes on a terminal, a line now and then elsewhere.
#[derive(Default)]
struct Progress {
    last: Mutex<Option<Instant>>,
}

impl Progress {
    fn tell(&self, step: &Step) {
        let mut out = std::io::stderr();
        if out.is_terminal() {
            // Nobody reading standard error is no reason to stop.
            let _ = write!(out, "\r\u{1b}[2K{step}").and_then(|()| out.flush());
            return;
        }
        let mut last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if last.is_none_or(|last| last.elapsed() >= Duration::from_secs(PROGRESS_EVERY_S)) {
            *last = Some(Instant::now());
            output::progress(step);
        }
    }

    fn end(&self) {
        let mut out = std::io::stderr();
        if out.is_terminal() {
            let _ = write!(out, "\r\u{1b}[2K").and_then(|()| out.flush());
        }
    }
}

fn shown(report: &Report) -> Result<String, Failure> {
    let mut out = String::new();
    write(&mut out, report).map_err(|error| Failure::internal(error.to_string()))?;
    Ok(out)
}

fn write(out: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(out, "{BOLD}{} {}{BOLD:#}  sha256 {}\n", report.connector, printable(&report.version), report.digest)?;

    let mut table =
        output::table(["TOOL", "CALLS", "ANSWERS", "ITS ERRORS", "REQUESTS", "ARGUMENT SETS", "REFUSED BY IT"]);
    for tool in &report.coverage.tools {
        let counts =
            [tool.calls, tool.answers, tool.tool_errors, tool.requests, tool.argument_sets, tool.refused_by_tool];
        table.add_row(std::iter::once(tool.tool.clone()).chain(counts.map(|count| count.to_string())));
    }
    writeln!(out, "{table}\n")?;

    let coverage = &report.coverage;
    writeln!(
        out,
        "{} calls, {} of {} behaviours of an upstream met, {} requests, {} memories ({} MiB) looked through, {:.1} s",
        coverage.cases,
        coverage.behaviours,
        coverage.behaviours_known,
        coverage.requests,
        coverage.memories,
        coverage.memory_bytes >> 20,
        Duration::from_millis(report.duration_ms).as_secs_f64(),
    )?;
    list(out, &format!("{RED}leaks{RED:#}"), &report.leaks)?;
    list(out, &format!("{RED}faults{RED:#}"), &report.faults)?;
    list(out, &format!("{BOLD}worth a look{BOLD:#}"), &report.warnings)?;
    list(
        out,
        &format!("{DIM}known limits: an upstream that transforms the credential on purpose{DIM:#}"),
        &report.known_limits,
    )?;

    let cases = if report.quick { "quick, " } else { "" };
    match report.verdict {
        Verdict::Pass => writeln!(
            out,
            "\n{GREEN}pass{GREEN:#}  ({cases}seed {}) the credential was seen nowhere but in the header that carries it",
            report.seed
        ),
        Verdict::Fail => writeln!(out, "\n{RED}fail{RED:#}  ({cases}seed {})", report.seed),
    }
}

fn list(out: &mut String, heading: &str, findings: &[Finding]) -> std::fmt::Result {
    if findings.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{heading}")?;
    for finding in findings {
        let times = if finding.times > 1 { format!("  ({} times)", finding.times) } else { String::new() };
        writeln!(out, "  {}: {}{times}", finding.code, printable(&finding.what))?;
        if let Some(case) = &finding.case {
            let (tool, upstream) = (&case.tool, &case.upstream);
            writeln!(out, "    {DIM}case {}: {tool}, upstream {upstream}: {}{DIM:#}", case.number, case.upstream_does)?;
            writeln!(out, "    {DIM}{}: {}{DIM:#}", printable(&case.arguments_why), printable(&case.arguments))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;

    #[test]
    fn what_the_connector_says_moves_no_cursor() {
        let mut out = String::new();
        let finding = Finding { code: "trap", what: "a\u{1b}[2Jb\nforged".to_owned(), place: "", case: None, times: 3 };
        list(&mut out, "faults", &[finding]).unwrap();
        assert!(!out.contains('\u{1b}') && out.contains("(3 times)"), "{out:?}");
        assert_eq!(out.lines().count(), 3);
    }
}

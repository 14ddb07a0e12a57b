//! `toolkeep connector check`: tries a connector with a canary credential against hostile upstreams, and says what
//! leaked or broke.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use toolkeep_check::{CheckError, Finding, Options, Report, Step, Verdict};

use super::connector::read;
use crate::cli::{Check, Global};
use crate::failure::{Exit, Failure};
use crate::keep::{limit_too_low, limits};
use crate::output::{self, BOLD, DIM, GREEN, RED, printable};

/// Between two lines of progress where nobody's terminal can overwrite one, in seconds: enough to see that it lives.
const PROGRESS_EVERY_S: u64 = 5;

/// Runs the command. It touches no data directory, and reaches nothing but its own upstreams on loopback.
///
/// # Errors
/// [`Exit::Failed`] where something leaked, the connector broke the contract, or the file is no connector;
/// [`Exit::Usage`] for a file that cannot be read or a tool that is not there.
pub(crate) async fn run(global: &Global, options: Check) -> Result<(), Failure> {
    let limits = limits(global)?;
    let wasm = read(&options.file, &limits)?;
    let wanted = Options { seed: options.seed, quick: options.quick, tool: options.tool.clone(), limits };
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
            Err(Failure::new(Exit::Failed, "check_failed", message)
                .next(format!("{}, which repeats the cases", again(&options))))
        }
    }
}

/// The command that makes the same cases.
fn again(options: &Check) -> String {
    let mut command = format!("toolkeep connector check {} --seed {}", options.file.display(), options.seed);
    if options.quick {
        command.push_str(" --quick");
    }
    if let Some(tool) = &options.tool {
        command.push_str(" --tool ");
        command.push_str(tool);
    }
    command
}

fn refuse(file: &Path, error: &CheckError) -> Failure {
    let exit = match error {
        CheckError::UnknownTool { .. } => Exit::Usage,
        CheckError::NotLoaded(_) => Exit::Failed,
        _ => Exit::Setup,
    };
    if let CheckError::NotLoaded(error) = error
        && let Some(failure) = limit_too_low(exit, error, Some(file))
    {
        return failure;
    }
    let failure = Failure::new(exit, error.code(), printable(&format!("{}: {error}", file.display())));
    match error {
        CheckError::NotLoaded(_) => failure.next(format!("toolkeep connector inspect {}", file.display())),
        _ => failure,
    }
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
    let but = if report.known_limits.is_empty() { "" } else { ", but for the known limits above" };
    match report.verdict {
        Verdict::Pass => write!(
            out,
            "\n{GREEN}pass{GREEN:#}  ({cases}seed {}) the credential was seen nowhere but in the header that carries \
             it{but}",
            report.seed
        )?,
        Verdict::Fail => write!(out, "\n{RED}fail{RED:#}  ({cases}seed {})", report.seed)?,
    }
    match report.not_tried.as_slice() {
        [] => writeln!(out),
        [name] => writeln!(out, "; 1 tool was not really tried: {name}"),
        names => writeln!(out, "; {} tools were not really tried: {}", names.len(), names.join(", ")),
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
    fn the_verdict_claims_no_more_than_was_seen() {
        let finding =
            || Finding { code: "transformed_echo", what: "seen".to_owned(), place: "answer", case: None, times: 1 };
        let report = |known_limits, not_tried: &[&str]| Report {
            verdict: Verdict::Pass,
            connector: "fixture".to_owned(),
            version: "1.0.0".to_owned(),
            digest: "00".repeat(32),
            seed: 7,
            quick: false,
            only_tool: None,
            leaks: Vec::new(),
            faults: Vec::new(),
            warnings: Vec::new(),
            known_limits,
            not_tried: not_tried.iter().map(|&name| name.to_owned()).collect(),
            coverage: toolkeep_check::Coverage::default(),
            duration_ms: 0,
        };
        let verdict = |report: &Report| shown(report).unwrap().lines().last().unwrap().to_owned();
        assert!(verdict(&report(Vec::new(), &[])).ends_with("the header that carries it"));
        assert!(verdict(&report(vec![finding()], &[])).ends_with("it, but for the known limits above"));
        let partly = verdict(&report(Vec::new(), &["fixture_a", "fixture_b"]));
        assert!(partly.ends_with("; 2 tools were not really tried: fixture_a, fixture_b"), "{partly}");
    }

    #[test]
    fn the_same_cases_are_made_by_the_same_options() {
        let options =
            Check { file: "a.wasm".into(), json: false, tool: Some("a_get".to_owned()), seed: 9, quick: true };
        assert_eq!(again(&options), "toolkeep connector check a.wasm --seed 9 --quick --tool a_get");
        let options = Check { tool: None, quick: false, ..options };
        assert_eq!(again(&options), "toolkeep connector check a.wasm --seed 9");
    }

    #[test]
    fn what_the_connector_says_moves_no_cursor() {
        let mut out = String::new();
        let finding = Finding { code: "trap", what: "a\u{1b}[2Jb\nforged".to_owned(), place: "", case: None, times: 3 };
        list(&mut out, "faults", &[finding]).unwrap();
        assert!(!out.contains('\u{1b}') && out.contains("(3 times)"), "{out:?}");
        assert_eq!(out.lines().count(), 3);
    }
}

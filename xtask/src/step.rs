//! One step of a command: what runs, for how long, and whether it worked. Progress goes to standard error,
//! so that what a started program prints stays clean.
#![expect(clippy::print_stderr, reason = "this program talks to the person who started it")]

use std::fmt::Write as _;
use std::process::{Command, ExitCode, ExitStatus};
use std::time::Instant;

use anyhow::{Context, bail};

/// Says one line.
pub(crate) fn say(line: &str) {
    eprintln!("{line}");
}

/// Runs a command as a step with a name, showing what it prints, and fails if it fails.
///
/// # Errors
/// It cannot be started, or it exits with anything but 0.
pub(crate) fn run(name: &str, command: &mut Command) -> anyhow::Result<()> {
    say(&format!("==> {name}"));
    say(&format!("    {}", shown(command)));
    let started = Instant::now();
    let status = start(command)?;
    let took = seconds(started);
    if !status.success() {
        bail!("{name} failed after {took} ({status})");
    }
    say(&format!("    done in {took}"));
    Ok(())
}

/// Runs a program that is the point of the command, and hands its exit code on.
///
/// # Errors
/// It cannot be started.
pub(crate) fn hand_over(name: &str, command: &mut Command) -> anyhow::Result<ExitCode> {
    say(&format!("==> {name}"));
    say(&format!("    {}", shown(command)));
    let status = start(command)?;
    // Ended by a signal, it has no code of its own.
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Runs a command and gives what it prints to standard output; what it says goes to the screen.
///
/// # Errors
/// It cannot be started, or it exits with anything but 0.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<String> {
    let shown = shown(command);
    let output = command.output().with_context(|| format!("cannot start `{shown}`"))?;
    if !output.status.success() {
        bail!("`{shown}` failed ({}): {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Whether a program can be started at all, asked for its version.
pub(crate) fn exists(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

fn start(command: &mut Command) -> anyhow::Result<ExitStatus> {
    let shown = shown(command);
    command.status().with_context(|| format!("cannot start `{shown}`"))
}

fn shown(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        let argument = argument.to_string_lossy();
        let quote = if argument.contains(char::is_whitespace) { "'" } else { "" };
        // Writing to a text cannot fail.
        let _ = write!(line, " {quote}{argument}{quote}");
    }
    line
}

/// The time since then, e.g. `3.2 s`.
pub(crate) fn seconds(since: Instant) -> String {
    format!("{:.1} s", since.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;

    #[test]
    fn a_step_that_fails_says_which_and_how() {
        let error = run("the false step", Command::new("sh").args(["-c", "exit 3"])).unwrap_err().to_string();
        assert!(error.contains("the false step failed") && error.contains('3'), "{error}");
        assert!(run("nothing", &mut Command::new("no-such-program-here")).is_err());
        assert!(run("the true step", &mut Command::new("true")).is_ok());
    }

    #[test]
    fn what_a_command_said_is_in_its_error() {
        let error = output(Command::new("sh").args(["-c", "echo why >&2; exit 1"])).unwrap_err().to_string();
        assert!(error.contains("why"), "{error}");
        assert_eq!(output(Command::new("echo").arg("this")).unwrap(), "this");
    }
}

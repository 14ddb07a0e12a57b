//! `cargo xtask fuzz`: puts hostile input through the checks in `tests/fuzz`, with LLVM's libFuzzer.
//!
//! The programs are built with coverage counters in the workspace's own crates, by compiler options that the
//! stable toolchain has: cargo calls this program in place of the compiler for those crates
//! (`RUSTC_WORKSPACE_WRAPPER`), and it adds [`INSTRUMENT`]. Dependencies are those of the ordinary build, compiled
//! once; cargo keeps what came through a wrapper under other names, so nothing of the ordinary build is replaced.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};

use crate::layout::{Layout, WORKSPACE};
use crate::step;

/// Says to this program that it is called in place of the compiler.
const IN_PLACE_OF_RUSTC: &str = "XTASK_INSTRUMENT";
/// What libFuzzer needs of the code that it explores (LLVM, "SanitizerCoverage"): a counter at every edge, a table
/// of them, and the operands of comparisons. Cargo does not notice a change here: after one, run
/// `cargo clean --release -p toolkeep-policy -p toolkeep-host -p toolkeep-fuzz`.
const INSTRUMENT: [&str; 9] = [
    "--cfg=fuzzing",
    "-Cdebug-assertions=yes",
    // Half the time to compile, for a few runs less a second; dependencies are optimised as ever.
    "-Copt-level=1",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    // Branches that were folded together could not be told apart.
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
];
/// Longest input, in bytes: past the longest URL, and enough for a description's choices.
const MAX_INPUT_BYTES: &str = "-max_len=10000";
/// Longest that one input may take, in seconds. The slowest honest one takes a six-hundredth of that, and the
/// machine may be busy with others.
const TIMEOUT_S: &str = "-timeout=60";
/// Longest that the short run of one target may take, in seconds: a few are enough on an idle machine, and one that
/// is busy must still end.
const SHORT_RUN_MAX_S: u32 = 300;
/// Most memory that a program may use, in MiB.
const MEMORY_MIB: &str = "-rss_limit_mb=2048";

/// What to run.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Run only this target
    target: Option<Target>,
    /// How long to run each target, in seconds
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Run the target once, on this input, and show what happens
    #[arg(long, value_name = "FILE", requires = "target", conflicts_with = "seconds")]
    replay: Option<PathBuf>,
}

/// A fuzz target: a module of `toolkeep-fuzz`, a program `fuzz_NAME`, a folder of `tests/fuzz/corpus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Target {
    /// URLs that a connector asks for
    Url,
    /// Routes, and requests that fit them or do not
    Route,
    /// Answers with a secret in them
    Scan,
    /// What a component says of itself
    Describe,
    /// Arguments of a call
    Arguments,
}

impl Target {
    fn name(self) -> &'static str {
        match self {
            Self::Url => "url",
            Self::Route => "route",
            Self::Scan => "scan",
            Self::Describe => "describe",
            Self::Arguments => "arguments",
        }
    }

    /// Inputs of the short run: a few seconds' worth each, whatever the machine.
    fn short_runs(self) -> u32 {
        match self {
            Self::Url | Self::Route => 200_000,
            Self::Scan => 20_000,
            Self::Describe | Self::Arguments => 10_000,
        }
    }

    fn program(self) -> String {
        format!("fuzz_{}", self.name())
    }
}

/// How far each target goes.
#[derive(Debug, Clone, Copy)]
enum Extent {
    /// For so many seconds, from a seed of chance.
    Seconds(u32),
    /// [`Target::short_runs`] inputs, the same each time.
    Short,
}

impl Extent {
    /// Options of libFuzzer's.
    fn options(self, target: Target) -> Vec<String> {
        match self {
            Self::Seconds(seconds) => vec![format!("-max_total_time={seconds}")],
            Self::Short => vec![
                format!("-runs={}", target.short_runs()),
                format!("-max_total_time={SHORT_RUN_MAX_S}"),
                "-seed=1".to_owned(),
            ],
        }
    }

    fn of(self, target: Target) -> String {
        match self {
            Self::Seconds(seconds) => format!("for {seconds} s"),
            Self::Short => format!("with {} inputs", target.short_runs()),
        }
    }
}

/// What one target did.
struct Outcome {
    target: Target,
    /// What libFuzzer wrote: progress, and what an input broke.
    log: String,
    /// Whether every input passed.
    passed: bool,
}

/// Compiles in place of the compiler, if that is what this program was called for.
pub(crate) fn in_place_of_rustc() -> Option<ExitCode> {
    env::var_os(IN_PLACE_OF_RUSTC)?;
    let mut arguments = env::args_os().skip(1);
    let mut rustc = Command::new(arguments.next()?);
    let arguments: Vec<_> = arguments.collect();
    // A build script or a macro runs in the compiler's place, where nobody counts; a question compiles nothing.
    let follows = |flag: &str, value: &str| {
        arguments.windows(2).any(|pair| matches!(pair, [one, other] if one == flag && other == value))
    };
    let instrument = arguments.iter().any(|argument| argument == "--crate-name")
        && !follows("--crate-name", "___")
        && !follows("--crate-name", "build_script_build")
        && !follows("--crate-type", "proc-macro");
    rustc.args(arguments);
    if instrument {
        rustc.args(INSTRUMENT);
    }
    let status = rustc.status();
    Some(match status {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

/// Whether there is what libFuzzer is compiled with.
///
/// # Errors
/// There is not; the text says what to install.
pub(crate) fn find_compiler() -> anyhow::Result<()> {
    let compiler = env::var("CXX").unwrap_or_else(|_| "c++".to_owned());
    if step::exists(&compiler) {
        return Ok(());
    }
    bail!(
        "fuzzing needs a C++ compiler for LLVM's libFuzzer, and `{compiler}` cannot be run; install one \
         (Debian: apt-get install g++) or name it in the environment variable CXX"
    )
}

/// Runs the command; fails if an input did.
///
/// # Errors
/// Something cannot be built or started.
pub(crate) fn run(layout: &Layout, options: &Options) -> anyhow::Result<ExitCode> {
    find_compiler()?;
    build(layout)?;
    if let (Some(target), Some(input)) = (options.target, &options.replay) {
        let mut program = Command::new(layout.program(&target.program()));
        return step::hand_over(
            &format!("replay {}", input.display()),
            program.arg(input).args([TIMEOUT_S, MEMORY_MIB]),
        );
    }
    let targets = options.target.map_or_else(|| Target::value_variants().to_vec(), |target| vec![target]);
    // What was found is kept, and the next run goes on from there.
    let found = |target: Target| layout.target.join("fuzz/corpus").join(target.name());
    explore(layout, &targets, Extent::Seconds(options.seconds), found)
}

/// A short run of every target from the committed corpus, the same each time: for `cargo xtask test`.
///
/// # Errors
/// Something cannot be built or started, or an input fails.
pub(crate) fn short(layout: &Layout) -> anyhow::Result<()> {
    build(layout)?;
    let found = |target: Target| layout.target.join("fuzz/short").join(target.name());
    // Nothing is carried from one test to the next.
    let _ = fs::remove_dir_all(layout.target.join("fuzz/short"));
    if explore(layout, Target::value_variants(), Extent::Short, found)? == ExitCode::SUCCESS {
        return Ok(());
    }
    bail!("a fuzz target failed")
}

/// A copy of this program, for cargo to call in place of the compiler. Not this program where it stands: a build of
/// the whole workspace puts another in its place, and this one is then a file that is no more.
fn compiler(layout: &Layout) -> anyhow::Result<PathBuf> {
    let copy = layout.target.join("fuzz/rustc");
    fs::create_dir_all(layout.target.join("fuzz")).context("cannot make the folder of the fuzz targets")?;
    // Linux reads a running program through this name, even one that was removed.
    let running = Path::new("/proc/self/exe");
    let this = if running.exists() { running.to_owned() } else { env::current_exe()? };
    fs::copy(&this, &copy).with_context(|| format!("cannot copy {} to {}", this.display(), copy.display()))?;
    Ok(copy)
}

fn build(layout: &Layout) -> anyhow::Result<()> {
    let mut cargo = Command::new("cargo");
    cargo
        .current_dir(&layout.root)
        .env("RUSTC_WORKSPACE_WRAPPER", compiler(layout)?)
        .env(IN_PLACE_OF_RUSTC, "1")
        .arg("build")
        .args(WORKSPACE)
        .args(["--features", "toolkeep-fuzz/programs"]);
    for target in Target::value_variants() {
        cargo.args(["--bin", &target.program()]);
    }
    step::run("build the fuzz targets, with coverage counters", &mut cargo)
}

fn explore(
    layout: &Layout,
    targets: &[Target],
    extent: Extent,
    found: impl Fn(Target) -> PathBuf,
) -> anyhow::Result<ExitCode> {
    let mut outcomes = Vec::new();
    for target in targets {
        outcomes.push(fuzz(layout, *target, extent, &found(*target))?);
    }
    step::say("");
    step::say("    target            runs     runs/s   coverage  verdict");
    for outcome in &outcomes {
        step::say(&row(outcome));
    }
    let failed: Vec<&Outcome> = outcomes.iter().filter(|outcome| !outcome.passed).collect();
    for outcome in &failed {
        step::say("");
        step::say(&reason(outcome));
    }
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn fuzz(layout: &Layout, target: Target, extent: Extent, found: &Path) -> anyhow::Result<Outcome> {
    let failures = layout.target.join("fuzz/failures").join(target.name());
    let corpus = layout.root.join("tests/fuzz/corpus").join(target.name());
    for folder in [found, failures.as_path()] {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    step::say(&format!("==> fuzz {} {}", target.name(), extent.of(target)));
    let output = Command::new(layout.program(&target.program()))
        .current_dir(&layout.root)
        // libFuzzer adds to the first folder, and reads all of them first.
        .args([found, corpus.as_path()])
        .args(extent.options(target))
        .arg(format!("-artifact_prefix={}/", failures.display()))
        .args([MAX_INPUT_BYTES, TIMEOUT_S, MEMORY_MIB, "-print_final_stats=1"])
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {}", target.program()))?;
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok(Outcome { target, log, passed: output.status.success() })
}

/// The value behind the last `name` in what libFuzzer wrote.
fn told<'a>(log: &'a str, name: &str) -> Option<&'a str> {
    log.rsplit_once(name)?.1.split_whitespace().next()
}

fn row(outcome: &Outcome) -> String {
    let (log, name) = (&outcome.log, outcome.target.name());
    // An input that fails ends the run before its last line; progress has the numbers then.
    let runs = told(log, "stat::number_of_executed_units:").unwrap_or("-");
    let rate = told(log, "stat::average_exec_per_sec:").unwrap_or("-");
    let coverage = told(log, " cov: ").unwrap_or("-");
    let verdict = if outcome.passed { "passed" } else { "FAILED" };
    format!("    {name:<12} {runs:>9} {rate:>10} {coverage:>10}  {verdict}")
}

/// What failed, and how to see it again.
fn reason(outcome: &Outcome) -> String {
    let name = outcome.target.name();
    let said: Vec<&str> = outcome
        .log
        .lines()
        .skip_while(|line| !line.contains("panicked at") && !line.contains("ERROR: libFuzzer"))
        .take(8)
        .collect();
    let kept = told(&outcome.log, "Test unit written to ");
    let again = match kept {
        Some(input) => format!(
            "the input is kept in {input}\n    see it again: cargo xtask fuzz {name} --replay {input}\n    \
             once mended, keep it for good: cp {input} tests/fuzz/corpus/{name}/"
        ),
        None => format!("no input was kept; what the program said ends with\n{}", tail(&outcome.log)),
    };
    format!("{name} failed:\n    {}\n    {again}", said.join("\n    "))
}

fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines.get(lines.len().saturating_sub(12)..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;

    #[test]
    fn every_target_has_a_program_and_a_corpus() {
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz");
        let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
        for target in Target::value_variants() {
            assert!(manifest.contains(&format!("name = \"{}\"", target.program())), "{target:?} has no program");
            assert!(fs::read_dir(fuzz.join("corpus").join(target.name())).unwrap().count() > 0, "{target:?}");
        }
        let programs = manifest.matches("[[bin]]").count();
        assert_eq!(programs, Target::value_variants().len(), "a program is no target of this command");
    }

    #[test]
    fn a_failure_says_how_to_see_it_again() {
        let log = "#2\tINITED cov: 5 ft: 6\n#8\tNEW    cov: 57 ft: 60 corp: 2/3b\nthread panicked at tests/fuzz/src/url.rs:9\n\
                   Test unit written to target/fuzz/failures/url/crash-1\nstat::number_of_executed_units: 12\n";
        let outcome = Outcome { target: Target::Url, log: log.to_owned(), passed: false };
        let (row, reason) = (row(&outcome), reason(&outcome));
        assert!(row.contains("12") && row.contains("57") && row.ends_with("FAILED"), "{row}");
        assert!(reason.contains("panicked at"), "{reason}");
        assert!(reason.contains("cargo xtask fuzz url --replay target/fuzz/failures/url/crash-1"), "{reason}");
    }
}

//! The command line of the red team: `cargo test --test redteam -- [FILTER…] [OPTIONS]`.

use anyhow::{Context as _, Result, bail};

use crate::case::Case;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
The red team: attacks Toolkeep, case by case, and says whether its defences held.

Usage: cargo xtask redteam [FILTER…] [OPTIONS]
       cargo test --release --test redteam -- [FILTER…] [OPTIONS]

FILTER is part of a case's ID, category, component or attack; a case runs if it fits any.

  --json      one JSON document
  --table     attack, defence and verdict, side by side (what xtask shows)
  --lines     a line for each case, as soon as it is over
  --list      the cases, without running them
  --exact     a FILTER is a whole ID
  --jobs N    cases at once [default: 4]
  --limit N   longest that a case may take with one credential, in seconds [default: 120]

Cases of headers, of reflection and of other channels are tried with two credentials, in the shape of an OAuth token
and of an API key; the others with one of them, the same in every run.

The exit code is 0 if every defence held, 1 if one did not, and 2 if nothing could be said: the options are wrong,
or no case fits.";

/// Cases at once: two for each processor of a small machine, because most of a case is waiting.
const DEFAULT_JOBS: usize = 4;

/// Longest that a case may take with one credential, in seconds: what hangs is broken. Cases have shorter limits of
/// their own.
const DEFAULT_LIMIT_S: u64 = 120;

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Lines,
    Table,
    Json,
}

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) filters: Vec<String>,
    pub(crate) exact: bool,
    pub(crate) form: Form,
    pub(crate) list: bool,
    pub(crate) help: bool,
    pub(crate) jobs: usize,
    /// In seconds.
    pub(crate) limit: u64,
}

impl Options {
    /// Reads the arguments. What `cargo test` hands to every test program is understood, or passed over where it means
    /// nothing here. What would change which cases run is never passed over.
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Self {
            filters: Vec::new(),
            exact: false,
            form: Form::Lines,
            list: false,
            help: false,
            jobs: DEFAULT_JOBS,
            limit: DEFAULT_LIMIT_S,
        };
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--json" => options.form = Form::Json,
                "--table" => options.form = Form::Table,
                "--lines" => options.form = Form::Lines,
                "--list" => options.list = true,
                "--exact" => options.exact = true,
                "--help" | "-h" => options.help = true,
                "--jobs" | "--test-threads" => {
                    let number = arguments.next().and_then(|text| text.parse().ok());
                    options.jobs = number.filter(|number| *number > 0).context("--jobs needs a number")?;
                }
                "--limit" => {
                    let number = arguments.next().and_then(|text| text.parse().ok());
                    options.limit = number.filter(|number| *number > 0).context("--limit needs a number of seconds")?;
                }
                "--nocapture" | "--no-capture" | "--show-output" | "--quiet" | "-q" | "--include-ignored" => {}
                flag @ ("--color" | "--format") => is_passed_over(flag, arguments.next().as_deref())?,
                flag if flag.starts_with("--color=") || flag.starts_with("--format=") => {
                    let (flag, value) = flag.split_once('=').unwrap_or((flag, ""));
                    is_passed_over(flag, Some(value))?;
                }
                flag if flag.starts_with('-') => bail!("{flag} is no option of the red team\n\n{HELP}"),
                filter => options.filters.push(filter.to_ascii_lowercase()),
            }
        }
        Ok(options)
    }

    /// Whether a case is to run. Without a filter, every one.
    pub(crate) fn wants(&self, case: &Case) -> bool {
        let texts = [case.id, case.category.name(), case.guest.unwrap_or_default(), case.attack];
        let fits = |filter: &String| {
            if self.exact {
                case.id == filter
            } else {
                texts.iter().any(|text| text.to_ascii_lowercase().contains(filter.as_str()))
            }
        };
        self.filters.is_empty() || self.filters.iter().any(fits)
    }
}

/// Checks the value of a flag that says how other test programs print.
fn is_passed_over(flag: &str, value: Option<&str>) -> Result<()> {
    let known: &[&str] = if flag == "--color" { &["auto", "always", "never"] } else { &["pretty", "terse"] };
    match value {
        Some(value) if known.contains(&value) => Ok(()),
        _ => bail!("{flag} takes one of {}\n\n{HELP}", known.join(", ")),
    }
}

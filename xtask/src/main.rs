//! `cargo xtask`: the project's own commands. They install what they need, say what they do and how long it
//! took, and end with the exit code of what failed.

mod bench;
mod clients;
mod demo;
mod fuzz;
mod guests;
mod layout;
mod lint;
mod mutants;
mod redteam;
mod step;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::layout::Layout;

/// Sets up, builds, demonstrates, tests and measures Toolkeep.
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    after_help = "\
Examples:
  cargo xtask demo                              see it work
  cargo xtask demo --serve --listen 127.0.0.1:7410
  cargo xtask test                              every test, with real MCP clients
  cargo xtask test --only clients
  cargo xtask redteam                           attack, defence, verdict
  cargo xtask redteam headers --json
  cargo xtask mutants lease cache
  cargo xtask bench --json
  cargo xtask fuzz url --seconds 600

What follows `demo`, `redteam` and `bench` is handed to the program that they start."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Build the WebAssembly components: the connectors and what the tests load
    Guests,
    /// Build everything and show it: a simulated PagerDuty, the server, and a short session
    Demo {
        /// Options of `toolkeep demo`, e.g. --serve
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
        args: Vec<String>,
    },
    /// Run every test
    Test(test::Options),
    /// Attack Toolkeep with hostile components, callers and upstreams, and show which defences held
    Redteam {
        /// Part of a case's ID, category or attack, and options of the red team, e.g. --json
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "FILTER")]
        args: Vec<String>,
    },
    /// Put hostile input through the checks, and look for one that breaks them
    Fuzz(fuzz::Options),
    /// Switch each defence off, in a copy of the source, and see whether the red team notices
    Mutants(mutants::Options),
    /// Check format, lints, licences and dependencies
    Lint,
    /// Measure: native, library and server, side by side
    Bench {
        /// Options of `toolkeep-bench`, e.g. --json
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
        args: Vec<String>,
    },
}

fn main() -> ExitCode {
    if let Some(code) = fuzz::in_place_of_rustc() {
        return code;
    }
    match run(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            step::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let layout = Layout::find()?;
    match cli.command {
        Command::Guests => guests::build(&layout).map(|_| ExitCode::SUCCESS),
        Command::Demo { args } => demo::run(&layout, &args),
        Command::Test(options) => test::run(&layout, &options),
        Command::Redteam { args } => redteam::run(&layout, &args),
        Command::Fuzz(options) => fuzz::run(&layout, &options),
        Command::Mutants(options) => mutants::run(&layout, &options),
        Command::Lint => lint::run(&layout),
        Command::Bench { args } => bench::run(&layout, &args),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn options_after_demo_are_the_programs_own() {
        let parsed =
            Cli::try_parse_from(["xtask", "demo", "--serve", "--listen", "127.0.0.1:0"]).map(|cli| cli.command);
        assert!(matches!(parsed, Ok(Command::Demo { args }) if args == ["--serve", "--listen", "127.0.0.1:0"]));
    }
}

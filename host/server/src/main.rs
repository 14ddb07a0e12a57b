//! The program `toolkeep`: reads the command line, runs one command, and turns its outcome into an exit
//! code. Everything else is in the modules.

mod arguments;
mod cli;
mod commands;
mod data_directory;
#[cfg(feature = "demo")]
mod demo;
mod failure;
mod keep;
mod logging;
mod mcp;
mod misuse;
mod output;
mod secret_input;
mod shutdown;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::Cli;
use crate::failure::{Exit, Failure};

/// A call allocates many small pieces, and tasks move between threads: with the system's allocator that was about a
/// tenth of the server's work.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misuse::report(error, std::env::args_os()),
    };
    let json = cli.command.wants_json();
    match run(cli) {
        Ok(()) => Exit::Done.into(),
        Err(failure) => failure.report(json),
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    logging::start(&cli.global, cli.command.default_log())?;
    forbid_core_dumps();
    allow_many_files();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::internal(format!("cannot start the runtime: {error}")))?;
    let outcome = runtime.block_on(commands::run(cli));
    // A blocked read of standard input must not hold the process back.
    runtime.shutdown_background();
    outcome
}

/// Login shells and service managers commonly allow 1,024 open files, and a busy server needs more: as many
/// connections, up to eight upstream requests of each call, the databases. The hard limit is what the machine's
/// operator allows; programs that use `select` are why it is not the soft one already, and this one does not.
fn allow_many_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!(%error, "the number of open files stays where it was: many connections at once may be refused");
    }
}

/// A core dump would write opened credentials to a disk. Where the limit cannot be set, the program still
/// runs: it is a second line, and some containers forbid the call.
fn forbid_core_dumps() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = setrlimit(Resource::Core, none) {
        tracing::warn!(%error, "core dumps could not be switched off");
    }
}

//! The operator's log: to standard error, because standard output is data (and, for `toolkeep mcp`, the
//! protocol itself).

use tracing_subscriber::EnvFilter;

use crate::cli::Global;
use crate::failure::Failure;

/// Installs the log, at `default` unless the command line says otherwise.
///
/// # Errors
/// The filter is malformed.
pub(crate) fn start(global: &Global, default: &str) -> Result<(), Failure> {
    let wanted = global.log.as_deref().unwrap_or(default);
    // The protocol library logs whole requests, arguments and all, at `debug`, every client error as a warning,
    // and every client that leaves before its answer as an error of its service. None of it belongs in a log
    // unless somebody names the library; that a caller went away is the host's to tell.
    let mut filter = wanted.to_owned();
    if !wanted.contains("rmcp") {
        filter.push_str(",rmcp=error,rmcp::service=off");
    }
    // The libraries of WASI log, at `trace`, every argument and answer of a component's calls.
    if !wanted.contains("wasmtime_wasi") {
        filter.push_str(",wasmtime_wasi=info,wasmtime_wasi_http=info");
    }
    let filter = EnvFilter::try_new(&filter).map_err(|error| {
        Failure::usage(format!("--log {wanted}: {error}")).next("toolkeep --log info … or --log toolkeep=debug")
    })?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_target(false)
        .compact()
        .try_init()
        .map_err(|error| Failure::internal(format!("cannot start the log: {error}")))
}

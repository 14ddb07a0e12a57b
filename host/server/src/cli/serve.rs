//! The commands that serve: over HTTP, over standard input and output, and all of it in a demonstration.

use std::net::SocketAddr;
#[cfg(feature = "demo")]
use std::path::PathBuf;

use clap::Args;

use super::Identity;

/// `toolkeep demo`
#[cfg(feature = "demo")]
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  toolkeep demo --connector pagerduty.wasm
  toolkeep demo --connector pagerduty.wasm --hostile reader_that_writes.wasm
  toolkeep demo --connector pagerduty.wasm --serve --listen 127.0.0.1:7410
  toolkeep demo --connector pagerduty.wasm --serve --json --exit-with-stdin")]
pub(crate) struct Demo {
    /// A connector whose read tool tries to write, to see it refused
    #[arg(long, value_name = "FILE", env = "TOOLKEEP_HOSTILE")]
    pub(crate) hostile: Option<PathBuf>,
    /// Leave server and simulator running, and print where they are
    #[arg(long)]
    pub(crate) serve: bool,
    /// Where the server listens
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
    /// With --serve: print {"url","key","simulator"} as one line
    #[arg(long, requires = "serve")]
    pub(crate) json: bool,
    /// With --serve: stop when standard input ends
    #[arg(long, requires = "serve")]
    pub(crate) exit_with_stdin: bool,
}

/// `toolkeep serve`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  toolkeep serve
  toolkeep serve --listen 127.0.0.1:8080 --allowed-host tools.example.com \\
      --allowed-origin https://app.example.com:443

Clients send `Authorization: Bearer tk_…`, a key of `toolkeep key create`. MCP is at /mcp for
all connectors and at /mcp/NAME for one; /healthz answers `ok`. Put a TLS proxy in front for
other machines.")]
pub(crate) struct Serve {
    /// Where to listen. Anything but loopback needs --allowed-host
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7410")]
    pub(crate) listen: SocketAddr,
    /// A `Host` that requests may carry besides the loopback names; repeat for more
    #[arg(long = "allowed-host", value_name = "HOST[:PORT]")]
    pub(crate) allowed_hosts: Vec<String>,
    /// A browser `Origin` that may call; none may by default; repeat for more
    #[arg(long = "allowed-origin", value_name = "SCHEME://HOST:PORT")]
    pub(crate) allowed_origins: Vec<String>,
    /// Print {"url"} as one line once it listens
    #[arg(long)]
    pub(crate) json: bool,
    /// Stop when standard input ends
    #[arg(long)]
    pub(crate) exit_with_stdin: bool,
}

/// `toolkeep mcp`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  toolkeep mcp --tenant acme --user kim
  claude mcp add toolkeep -- toolkeep mcp --tenant acme --user kim")]
pub(crate) struct Mcp {
    /// For whom.
    #[command(flatten)]
    pub(crate) identity: Identity,
    /// Offer only this tool; repeat for more
    #[arg(long = "tool", value_name = "TOOL")]
    pub(crate) tools: Vec<String>,
}

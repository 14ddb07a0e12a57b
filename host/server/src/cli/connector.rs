//! `toolkeep connector` and its commands.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `toolkeep connector`
#[derive(Debug, Subcommand)]
pub(crate) enum Connector {
    /// Print the capability sheet: what it is, what it imports, what each tool may request
    Inspect(Inspect),
    /// Show what a component may do, ask, and approve exactly its bytes
    Install(Install),
    /// List the approved connectors, and whether their files are still what was approved
    List(ConnectorList),
    /// Take a connector and its approval away
    Remove(ConnectorRemove),
    /// Try it with a canary credential against hostile upstreams, and look for the canary everywhere
    Check(Check),
}

/// `toolkeep connector check`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  toolkeep connector check pagerduty.wasm
  toolkeep connector check pagerduty.wasm --quick --tool pagerduty_incident_get
  toolkeep connector check pagerduty.wasm --json > report.json

Runs `identify` and every tool in a host that is thrown away, with arguments made from their
schemas, against upstreams on loopback that echo the credential in every form, redirect, flood,
stall and talk garbage. Then looks for the credential in answers, errors, log, progress, audit
records and the guest's memory, and in all that reached the upstream beside the one header. The
component need not be installed or approved.

The same seed makes the same cases. A pass is no proof against an upstream that enciphers the
credential before it gives it back: no search is.

Exit codes: 0 nothing leaked and the contract was kept; 1 not so, or not a connector; 2 no such
file or tool; 70 a mistake in this program; 78 this machine does not give what a check needs.")]
pub(crate) struct Check {
    /// The component
    pub(crate) file: PathBuf,
    /// The report as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Only this tool
    #[arg(long, value_name = "TOOL")]
    pub(crate) tool: Option<String>,
    /// Chooses among arguments and upstreams where there are too many
    #[arg(long, value_name = "NUMBER", default_value_t = 7)]
    pub(crate) seed: u64,
    /// A tenth of the cases
    #[arg(long)]
    pub(crate) quick: bool,
}

/// `toolkeep connector inspect`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  toolkeep connector inspect pagerduty.wasm\n  toolkeep connector inspect pagerduty.wasm --json | jq .digest"
)]
pub(crate) struct Inspect {
    /// The component
    pub(crate) file: PathBuf,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `toolkeep connector install`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  toolkeep connector install pagerduty.wasm                           shows the sheet, and asks
  toolkeep connector install pagerduty.wasm --approve-digest SHA256   for scripts: asks nobody
  toolkeep connector install pagerduty.wasm --json | jq .diff         what would change

Where a connector of that name is installed, it shows what the new one may do besides, marked
with `!`, and takes its place if approved. The approval is for exactly these bytes and what they
say of themselves; other bytes are never run. Running servers keep what they have loaded.

Exit codes: 0 installed; 1 not a connector; 2 no such file; 3 not approved; 4 another version
was installed meanwhile; 78 the approvals cannot be used, or its names collide with another's.")]
pub(crate) struct Install {
    /// The component
    pub(crate) file: PathBuf,
    /// Approve without asking, if this is the file's SHA-256
    #[arg(long, value_name = "SHA256")]
    pub(crate) approve_digest: Option<String>,
    /// Print sheet and changes as JSON; asks nobody
    #[arg(long)]
    pub(crate) json: bool,
}

/// `toolkeep connector list`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  toolkeep connector list\n  toolkeep connector list --json | jq -r .digest")]
pub(crate) struct ConnectorList {
    /// One JSON object for each connector
    #[arg(long)]
    pub(crate) json: bool,
}

/// `toolkeep connector remove`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  toolkeep connector remove pagerduty")]
pub(crate) struct ConnectorRemove {
    /// The connector's name
    pub(crate) name: String,
    /// Print what was done as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

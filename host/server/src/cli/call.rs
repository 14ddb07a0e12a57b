//! The commands about tools: list them, call one.

use std::path::PathBuf;

use clap::Args;

use super::Identity;

/// `toolkeep tools`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  toolkeep tools\n  toolkeep tools --json | jq -r .name")]
pub(crate) struct Tools {
    /// One JSON object for each tool, schemas and routes included
    #[arg(long)]
    pub(crate) json: bool,
}

/// `toolkeep call`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  toolkeep call pagerduty_incidents_list status=open urgency=high --tenant acme --user kim
  toolkeep call pagerduty_incident_resolve --json arguments.json --tenant acme --user kim
  echo '{\"limit\":5}' | toolkeep call pagerduty_incidents_list --json - --tenant acme --user kim

The answer goes to standard output as JSON: indented on a terminal, one line otherwise.")]
pub(crate) struct Call {
    /// The tool, e.g. pagerduty_incidents_list
    pub(crate) tool: String,
    /// Arguments; lists are comma-separated or repeated
    #[arg(value_name = "KEY=VALUE")]
    pub(crate) pairs: Vec<String>,
    /// Read the arguments as a JSON object from FILE, or from standard input if `-`
    #[arg(long, value_name = "FILE", conflicts_with = "pairs")]
    pub(crate) json: Option<PathBuf>,
    /// Which of the user's connections
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) connection: String,
    /// For whom.
    #[command(flatten)]
    pub(crate) identity: Identity,
}

//! `toolkeep key` and its commands.

use clap::{Args, Subcommand};

use super::Identity;

/// `toolkeep key`
#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// Make an API key, bound to one tenant and user; it is shown once
    Create(KeyCreate),
    /// List API keys; none is shown
    List(KeyList),
    /// Make an API key useless at once
    Revoke(KeyRevoke),
}

/// `toolkeep key create`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  toolkeep key create --tenant acme --user kim --label laptop
  toolkeep key create --tenant acme --user kim --label reader --expires 30d \\
      --tool pagerduty_incidents_list --tool pagerduty_oncalls_list")]
pub(crate) struct KeyCreate {
    /// For whom.
    #[command(flatten)]
    pub(crate) identity: Identity,
    /// What the key is for, to recognise it by
    #[arg(long, value_name = "TEXT", default_value = "unnamed")]
    pub(crate) label: String,
    /// Let it see only this tool; repeat for more [default: every tool]
    #[arg(long = "tool", value_name = "TOOL")]
    pub(crate) tools: Vec<String>,
    /// When it stops working: `30d`, `12h`, or a time such as 2027-01-31T00:00:00Z [default: never]
    #[arg(long, value_name = "WHEN")]
    pub(crate) expires: Option<String>,
    /// Print the key and its record as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `toolkeep key list`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  toolkeep key list --tenant acme")]
pub(crate) struct KeyList {
    /// Only the keys of this tenant
    #[arg(long, value_name = "NAME")]
    pub(crate) tenant: Option<String>,
    /// One JSON object for each key
    #[arg(long)]
    pub(crate) json: bool,
}

/// `toolkeep key revoke`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  toolkeep key revoke 5f0c9e2a7b3d1846")]
pub(crate) struct KeyRevoke {
    /// The key's id, as `toolkeep key list` shows it; a whole key is taken for its id
    pub(crate) id: String,
    /// Print what was done as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

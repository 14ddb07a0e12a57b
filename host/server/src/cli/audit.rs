//! `toolkeep audit` and its commands.

use clap::{Args, Subcommand};

/// `toolkeep audit`
#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// List records, the newest last
    List(AuditList),
}

/// `toolkeep audit list`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  toolkeep audit list
  toolkeep audit list --user kim --tool pagerduty_incident_resolve
  toolkeep audit list --all --limit 1000 --json > audit.jsonl")]
pub(crate) struct AuditList {
    /// How many records, counted from the newest
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) limit: u32,
    /// Only records of this tenant
    #[arg(long, value_name = "NAME")]
    pub(crate) tenant: Option<String>,
    /// Only records of this user
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// Only records about this tool
    #[arg(long, value_name = "TOOL")]
    pub(crate) tool: Option<String>,
    /// Only the records of this call
    #[arg(long, value_name = "ID")]
    pub(crate) call: Option<String>,
    /// Also what every command leaves behind: that it started, stopped, loaded its connectors
    #[arg(long)]
    pub(crate) all: bool,
    /// One JSON object for each record
    #[arg(long)]
    pub(crate) json: bool,
}

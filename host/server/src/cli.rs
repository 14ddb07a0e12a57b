//! The command line: what every command has, the list of commands, and exit codes. The options and examples of
//! each are in its modules.

mod audit;
mod call;
mod connector;
mod credential;
mod key;
mod limits;
mod serve;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use audit::{Audit, AuditList};
pub(crate) use call::{Call, Tools};
pub(crate) use connector::{Check, Connector, ConnectorList, ConnectorRemove, Inspect, Install};
pub(crate) use credential::{Credential, CredentialAdd, CredentialKind, CredentialList, CredentialRemove};
pub(crate) use key::{Key, KeyCreate, KeyList, KeyRevoke};
pub(crate) use limits::{LimitSetting, Limits};
#[cfg(feature = "demo")]
pub(crate) use serve::Demo;
pub(crate) use serve::{Mcp, Serve};

/// What `toolkeep --help` ends with.
const AFTER_HELP: &str = "\
Examples:
  toolkeep demo                                     everything, against a simulated PagerDuty
  toolkeep connector install pagerduty.wasm         shows what it may do, and asks
  toolkeep key create --tenant acme --user kim      an API key for an agent of kim's
  toolkeep credential add pagerduty --tenant acme --user kim
  toolkeep serve                                    MCP over HTTP at http://127.0.0.1:7410/mcp
  toolkeep call pagerduty_incidents_list status=open --tenant acme --user kim

Exit codes:
   0  done
   1  the tool failed; `connector check` found something; the file is no connector
   2  the command line, or a tool's arguments, are wrong
   3  not permitted: no credential, no key, or a policy says no
   4  unavailable: time-out, rate limit, upstream down; may work later
  70  a mistake in this program
  74  the output could not be written, e.g. to a full disk
  78  cannot start: data directory, vault, audit log, or a connector that is not what was
      approved or whose names collide with another's

Data goes to standard output; progress, log and errors go to standard error.";

/// Agents get tools. The keys stay in the keep.
///
/// Runs sandboxed connectors for AI agents, on behalf of one user at a time, and attaches that user's
/// credential only to the requests that the running tool declared.
#[derive(Debug, Parser)]
#[command(name = "toolkeep", version, after_help = AFTER_HELP, propagate_version = true)]
pub(crate) struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub(crate) global: Global,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Where vault, audit log and connectors lie [default: $XDG_DATA_HOME/toolkeep or ~/.local/share/toolkeep]
    #[arg(long, global = true, value_name = "DIR", env = "TOOLKEEP_DATA")]
    pub(crate) data: Option<PathBuf>,
    /// Load only this connector, which must be approved; repeat for more [default: every installed one]
    #[arg(long = "connector", global = true, value_name = "FILE", env = "TOOLKEEP_CONNECTOR", value_delimiter = ':')]
    pub(crate) connectors: Vec<PathBuf>,
    /// A real base that connections may select besides the declared ones, e.g. a simulator's; repeat for more
    #[arg(long = "upstream", global = true, value_name = "BASE", env = "TOOLKEEP_UPSTREAM", value_delimiter = ' ')]
    pub(crate) upstreams: Vec<String>,
    /// Another value for one of the host's limits, see `toolkeep limits`; repeat for more
    #[arg(long = "host-limit", global = true, value_name = "NAME=NUMBER", env = "TOOLKEEP_HOST_LIMITS", value_delimiter = ' ', value_parser = LimitSetting::parse)]
    pub(crate) limits: Vec<LimitSetting>,
    /// What to log: a level, or a filter such as `toolkeep=debug` [default: info for services, warn otherwise]
    #[arg(long, global = true, value_name = "FILTER", env = "TOOLKEEP_LOG")]
    pub(crate) log: Option<String>,
}

/// For whom. There is no default: acting for somebody is always said.
#[derive(Debug, Clone, Args)]
pub(crate) struct Identity {
    /// The tenant (customer) to act in
    #[arg(long, value_name = "NAME", env = "TOOLKEEP_TENANT")]
    pub(crate) tenant: String,
    /// The user to act for
    #[arg(long, value_name = "NAME", env = "TOOLKEEP_USER")]
    pub(crate) user: String,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show everything in one process, against a simulated PagerDuty
    #[cfg(feature = "demo")]
    Demo(Demo),
    /// Serve MCP over HTTP
    Serve(Serve),
    /// Serve MCP over standard input and output, for one local user
    Mcp(Mcp),
    /// List the tools of the loaded connectors
    Tools(Tools),
    /// Call one tool
    Call(Call),
    /// Look at connectors, and approve those that may run
    #[command(subcommand)]
    Connector(Connector),
    /// Keep the credentials of users
    #[command(subcommand)]
    Credential(Credential),
    /// Keep the API keys of agents
    #[command(subcommand)]
    Key(Key),
    /// Read the audit log
    #[command(subcommand)]
    Audit(Audit),
    /// List what one call, one component and the whole host may use, and why
    Limits(Limits),
}

impl Command {
    /// Whether the outcome should be JSON, errors too.
    pub(crate) fn wants_json(&self) -> bool {
        match self {
            #[cfg(feature = "demo")]
            Self::Demo(demo) => demo.json,
            Self::Serve(serve) => serve.json,
            Self::Tools(tools) => tools.json,
            Self::Limits(limits) => limits.json,
            Self::Connector(Connector::Inspect(inspect)) => inspect.json,
            Self::Connector(Connector::Install(install)) => install.json,
            Self::Connector(Connector::List(list)) => list.json,
            Self::Connector(Connector::Check(check)) => check.json,
            Self::Credential(Credential::Add(add)) => add.json,
            Self::Credential(Credential::List(list)) => list.json,
            Self::Key(Key::Create(create)) => create.json,
            Self::Key(Key::List(list)) => list.json,
            Self::Audit(Audit::List(list)) => list.json,
            Self::Connector(Connector::Remove(remove)) => remove.json,
            Self::Credential(Credential::Remove(remove)) => remove.json,
            Self::Key(Key::Revoke(revoke)) => revoke.json,
            Self::Mcp(_) | Self::Call(_) => false,
        }
    }

    /// What it logs unless --log says otherwise: services tell what they do, commands only what is wrong.
    pub(crate) fn default_log(&self) -> &'static str {
        match self {
            Self::Serve(_) => "info",
            // The demo's vault lasts as long as the demo: nobody needs to keep a copy of its key.
            #[cfg(feature = "demo")]
            Self::Demo(_) => "error",
            // A failed call is what the command itself reports.
            _ => "warn,toolkeep_host=error",
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what failed by panicking")]
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_shows_an_example() {
        fn check(command: &clap::Command) {
            for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
                if inner.has_subcommands() {
                    check(inner);
                } else {
                    let help = inner.get_after_help().map(ToString::to_string).unwrap_or_default();
                    assert!(help.contains("Examples:"), "{} has no example", inner.get_name());
                }
            }
        }
        check(&Cli::command());
    }

    #[test]
    fn the_text_below_a_help_is_as_wide_as_it_may_be() {
        /// A terminal of 100 columns, and some room: text that is broken by hand is not broken well again.
        const MAX_COLUMNS: usize = 96;
        fn check(command: &clap::Command) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            for line in help.lines() {
                assert!(line.chars().count() <= MAX_COLUMNS, "{}: {line}", command.get_name());
            }
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }

    #[test]
    fn nobody_is_acted_for_by_default() {
        assert!(Cli::try_parse_from(["toolkeep", "call", "pagerduty_incidents_list"]).is_err());
    }

    #[test]
    fn arguments_come_as_pairs_or_as_a_file_but_not_both() {
        let identity = ["--tenant", "acme", "--user", "kim"];
        let parse = |extra: &[&str]| {
            Cli::try_parse_from(["toolkeep", "call", "a_tool"].iter().chain(extra).chain(&identity).copied())
        };
        let cli = parse(&["a=1", "b=2"]).unwrap_or_else(|error| panic!("{error}"));
        let Command::Call(call) = cli.command else { panic!("not a call") };
        assert_eq!(call.pairs, ["a=1", "b=2"]);
        assert!(parse(&["--json", "-"]).is_ok());
        assert!(parse(&["a=1", "--json", "-"]).is_err());
    }
}

//! The command line: its commands, options, examples and exit codes.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

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

/// One limit of the host's with another value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LimitSetting {
    name: String,
    value: u64,
}

impl LimitSetting {
    fn parse(text: &str) -> Result<Self, String> {
        let (name, number) = text.split_once('=').ok_or("it is not NAME=NUMBER, e.g. wall_clock_ms=30000")?;
        let value = number.parse().map_err(|_| "its number is not a whole one, e.g. wall_clock_ms=30000")?;
        let setting = Self { name: name.to_owned(), value };
        setting
            .apply(&mut toolkeep_host::Limits::default())
            .map_err(|error| format!("{error}; see `toolkeep limits`"))?;
        Ok(setting)
    }

    /// Changes the limit.
    ///
    /// # Errors
    /// There is no such limit, or the number does not fit it.
    pub(crate) fn apply(&self, limits: &mut toolkeep_host::Limits) -> Result<(), toolkeep_host::LimitError> {
        limits.set(&self.name, self.value)
    }
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

/// `toolkeep tools`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  toolkeep tools\n  toolkeep tools --json | jq -r .name")]
pub(crate) struct Tools {
    /// One JSON object for each tool, schemas and routes included
    #[arg(long)]
    pub(crate) json: bool,
}

/// `toolkeep limits`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  toolkeep limits
  toolkeep limits --host-limit wall_clock_ms=30000
  toolkeep serve --host-limit calls_per_minute_per_principal=60 --host-limit concurrent_calls=16")]
pub(crate) struct Limits {
    /// One JSON object for each limit
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

/// `toolkeep credential`
#[derive(Debug, Subcommand)]
pub(crate) enum Credential {
    /// Store a credential, and ask the upstream whose it is
    Add(CredentialAdd),
    /// List a user's connections; no secret is shown
    List(CredentialList),
    /// Forget a credential; the next call fails
    Remove(CredentialRemove),
}

/// `toolkeep credential add`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  toolkeep credential add pagerduty --tenant acme --user kim            (asks for the secret)
  toolkeep credential add pagerduty --tenant acme --user kim < key.txt
  toolkeep credential add pagerduty --kind oauth2 --scopes incidents.read,services.read \\
      --tenant acme --user kim
  toolkeep credential add pagerduty --base https://api.eu.pagerduty.com --tenant acme --user kim

The secret is typed at a prompt or comes from standard input; it is never an argument.")]
pub(crate) struct CredentialAdd {
    /// The connector, e.g. pagerduty
    pub(crate) connector: String,
    /// For whom.
    #[command(flatten)]
    pub(crate) identity: Identity,
    /// What the secret is, where the connector takes several kinds
    #[arg(long, value_enum)]
    pub(crate) kind: Option<CredentialKind>,
    /// The real base, where it is not the connector's own: a declared alternative, or an --upstream
    #[arg(long, value_name = "URL")]
    pub(crate) base: Option<String>,
    /// The scopes that the token holds; left out, they are unknown and the upstream decides
    #[arg(long, value_name = "SCOPE", value_delimiter = ',')]
    pub(crate) scopes: Vec<String>,
    /// The address to act under, for keys that belong to an account and not to a person. It goes before any that
    /// the upstream names
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) account_email: Option<String>,
    /// A name, where a user has several connections
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) connection: String,
    /// Print the account as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// The kinds of credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum CredentialKind {
    /// An OAuth 2.0 access token
    Oauth2,
    /// A key that the user copied
    ApiKey,
}

/// `toolkeep credential list`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  toolkeep credential list --tenant acme --user kim")]
pub(crate) struct CredentialList {
    /// For whom.
    #[command(flatten)]
    pub(crate) identity: Identity,
    /// One JSON object for each connection
    #[arg(long)]
    pub(crate) json: bool,
}

/// `toolkeep credential remove`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  toolkeep credential remove pagerduty --tenant acme --user kim")]
pub(crate) struct CredentialRemove {
    /// The connector
    pub(crate) connector: String,
    /// For whom.
    #[command(flatten)]
    pub(crate) identity: Identity,
    /// Which connection
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) connection: String,
    /// Print what was done as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

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

//! `toolkeep credential` and its commands.

use clap::{Args, Subcommand};

use super::Identity;

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

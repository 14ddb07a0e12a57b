//! `toolkeep demo`: a simulated PagerDuty, a server and a client in one process, so that anybody can see
//! the whole path without an account. With `--serve` it stays, for a client of one's own.

mod client;
mod exchanges;
mod rows;
mod session;

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use pagerduty_simulator::{Config, DEMO_OAUTH_TOKEN, Simulator, demo_tokens};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use toolkeep_host::{CredentialKind as Declared, Host, Principal};
use toolkeep_policy::ToolFilter;
use toolkeep_vault::{ConnectionKey, CredentialKind, NewApiKey, NewConnection};

use crate::cli::{Demo, Global};
use crate::commands::serve::{self, Running};
use crate::commands::{connect, connector};
use crate::failure::{Exit, Failure};
use crate::keep::{Keep, vault_failure};
use crate::mcp::guard::Doors;
use crate::output::{self, BOLD, DIM};
use crate::shutdown::Stop;
use exchanges::Exchanges;

/// The customer and the person that the demo acts for: the simulator's K. Moore, on call for payments.
const TENANT: &str = "harbour-finch";
const USER: &str = "k.moore";
/// The connector that the demo is about.
const CONNECTOR: &str = "pagerduty";

/// Everything that runs. Dropping it ends it and removes what it kept.
struct Stage {
    simulator: Simulator,
    keep: Keep,
    running: Running,
    /// The API key of the demo's agent.
    key: SecretString,
    /// A read tool of the hostile connector, where there is one.
    hostile: Option<String>,
    exchanges: Arc<Exchanges>,
    /// Removed with everything in it when the demo ends.
    _data: tempfile::TempDir,
}

/// Runs the command.
///
/// # Errors
/// It cannot start, or something did not happen as it must.
pub(crate) async fn run(global: &Global, options: Demo) -> Result<(), Failure> {
    let stage = Box::pin(set_up(global, &options)).await?;
    let outcome = if options.serve { wait(&stage, &options).await } else { Box::pin(session::play(&stage)).await };
    stage.running.stop().await;
    outcome
}

async fn set_up(global: &Global, options: &Demo) -> Result<Stage, Failure> {
    if global.connectors.is_empty() {
        return Err(Failure::usage("the demo needs the PagerDuty connector").next("cargo xtask demo, which builds it"));
    }
    let doors = Doors::new(&[], &[]).map_err(Failure::internal)?;
    let simulator = Simulator::start(Config::default())
        .await
        .map_err(|error| Failure::new(Exit::Setup, "simulator", format!("{error:#}")))?;
    let private = std::fs::Permissions::from_mode(0o700);
    let data = tempfile::Builder::new().prefix("toolkeep-demo-").permissions(private).tempdir()?;
    // Never the user's own data: what the demo keeps goes away with it.
    let mut global = Global { data: Some(data.path().to_owned()), ..global.clone() };
    global.upstreams.push(simulator.base_url());

    let keep = Keep::open(&global)?;
    // A data directory of its own: the demo approves what it was started with, and nothing of it outlasts the demo.
    let mut hostile = None;
    for file in std::mem::take(&mut global.connectors) {
        connector::approve(&keep, &global, &file).await?;
    }
    if let Some(file) = &options.hostile {
        hostile = Some(connector::approve(&keep, &global, file).await?);
    }
    let exchanges = Arc::new(Exchanges::default());
    let host = keep.host(&global, Some(Arc::clone(&exchanges) as _)).await?;
    let principal = principal()?;
    connect::store(&keep, &host, &principal, demo_connection(&principal, &simulator, CONNECTOR)?, None).await?;
    exchanges.take();
    let hostile = match hostile {
        Some(name) => Some(invite(&keep, &host, &principal, &simulator, &name)?),
        None => None,
    };
    let new = NewApiKey {
        tenant: principal.tenant.clone(),
        user: principal.user.clone(),
        label: "demo".to_owned(),
        tools: ToolFilter::All,
        expires_at: None,
    };
    let (_, key) = keep.vault.create_api_key(new).map_err(|error| vault_failure(&error))?;
    let running = serve::start(host, doors, options.listen).await?;
    Ok(Stage { simulator, keep, running, key, hostile, exchanges, _data: data })
}

fn principal() -> Result<Principal, Failure> {
    let invalid = |error: toolkeep_policy::IdentityError| Failure::internal(error.to_string());
    Ok(Principal::new(TENANT.parse().map_err(invalid)?, USER.parse().map_err(invalid)?))
}

/// The demo token and its scopes, for the simulator's base.
fn demo_connection(principal: &Principal, simulator: &Simulator, connector: &str) -> Result<NewConnection, Failure> {
    let token = demo_tokens()
        .into_iter()
        .find(|token| token.secret == DEMO_OAUTH_TOKEN)
        .ok_or_else(|| Failure::internal("the simulator does not know its own demo token"))?;
    Ok(NewConnection {
        key: ConnectionKey::new(principal.tenant.clone(), principal.user.clone(), connector),
        secret: SecretString::from(token.secret),
        kind: CredentialKind::OAuth2,
        granted_scopes: token.scopes,
        base: Some(simulator.base_url()),
        account: None,
    })
}

/// Gives the hostile connector a real credential to misuse, and finds a tool of it that claims to read. Its
/// `identify` is not run: what a hostile connector says about an account is worth nothing.
fn invite(
    keep: &Keep,
    host: &Host,
    principal: &Principal,
    simulator: &Simulator,
    name: &str,
) -> Result<String, Failure> {
    let connectors = host.connectors();
    let connector = connectors
        .iter()
        .find(|connector| connector.description.name == name)
        .ok_or_else(|| Failure::internal(format!("{name} was approved and is not loaded")))?;
    let about = &connector.description;
    let oauth = about.credentials.iter().any(|credential| matches!(credential.kind, Declared::OAuth2 { .. }));
    let kind = if oauth { CredentialKind::OAuth2 } else { CredentialKind::ApiKey };
    let connection = NewConnection { kind, ..demo_connection(principal, simulator, &about.name)? };
    keep.vault.connect(connection).map_err(|error| vault_failure(&error))?;
    about
        .tools
        .iter()
        .find(|tool| tool.access == toolkeep_policy::Access::Read)
        .map(|tool| tool.name.clone())
        .ok_or_else(|| Failure::usage(format!("{name} has no tool that claims to read")))
}

/// Tells where everything is and stays until it is stopped.
async fn wait(stage: &Stage, options: &Demo) -> Result<(), Failure> {
    let stop = Stop::listen(options.exit_with_stdin)?;
    let (url, key, simulator) = (stage.running.url(), stage.key.expose_secret(), stage.simulator.base_url());
    if options.json {
        output::json(&json!({ "url": url, "key": key, "simulator": simulator }))?;
    } else {
        output::text(format_args!(
            "{BOLD}MCP{BOLD:#}        {url}\n\
             {BOLD}key{BOLD:#}        {key}\n\
             {BOLD}simulator{BOLD:#}  {simulator}\n\n\
             claude mcp add --transport http toolkeep {url} --header \"Authorization: Bearer {key}\"\n\
             npx @modelcontextprotocol/inspector --cli {url} --transport http \
             --header \"Authorization: Bearer {key}\" --method tools/list\n\n\
             {DIM}Everything is simulated and goes away when you stop it (Ctrl-C).{DIM:#}"
        ))?;
    }
    stop.requested().await;
    Ok(())
}

//! One file for each command. A command opens what it needs, does one thing, and writes data to standard
//! output.

pub(crate) mod audit;
mod call;
mod check;
pub(crate) mod connect;
pub(crate) mod connector;
mod credential;
mod key;
mod limits;
mod mcp;
pub(crate) mod serve;
pub(crate) mod tools;

use crate::cli::{Audit, Cli, Command, Connector, Credential, Key};
use crate::failure::Failure;

/// Runs the command that was asked for.
///
/// # Errors
/// What the command says; see [`Failure`].
pub(crate) async fn run(cli: Cli) -> Result<(), Failure> {
    let Cli { global, command } = cli;
    // Boxed: the largest command should not decide how much stack the smallest takes.
    match command {
        #[cfg(feature = "demo")]
        Command::Demo(options) => Box::pin(crate::demo::run(&global, options)).await,
        Command::Serve(options) => Box::pin(serve::run(&global, options)).await,
        Command::Mcp(options) => Box::pin(mcp::run(&global, options)).await,
        Command::Tools(options) => Box::pin(tools::run(&global, options)).await,
        Command::Call(options) => Box::pin(call::run(&global, options)).await,
        Command::Connector(Connector::Inspect(options)) => Box::pin(connector::inspect(&global, options)).await,
        Command::Connector(Connector::Install(options)) => Box::pin(connector::install(&global, options)).await,
        Command::Connector(Connector::List(options)) => Box::pin(connector::list(&global, options)).await,
        Command::Connector(Connector::Remove(options)) => Box::pin(connector::remove(&global, options)).await,
        Command::Connector(Connector::Check(options)) => Box::pin(check::run(&global, options)).await,
        Command::Credential(Credential::Add(options)) => Box::pin(credential::add(&global, options)).await,
        Command::Credential(Credential::List(options)) => credential::list(&global, &options),
        Command::Credential(Credential::Remove(options)) => Box::pin(credential::remove(&global, options)).await,
        Command::Key(Key::Create(options)) => Box::pin(key::create(&global, options)).await,
        Command::Key(Key::List(options)) => key::list(&global, &options),
        Command::Key(Key::Revoke(options)) => Box::pin(key::revoke(&global, options)).await,
        Command::Limits(options) => limits::run(&global, &options),
        Command::Audit(Audit::List(options)) => audit::list(&global, options),
    }
}

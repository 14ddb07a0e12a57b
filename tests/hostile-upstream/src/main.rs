//! The upstream as a program: prints its URL on one line, then misbehaves until it is told to stop.

use std::io::Write;
use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use clap::Parser;
use hostile_upstream::{Behaviour, Config, HostileUpstream};
use tokio::io::AsyncReadExt;

/// An HTTP upstream that misbehaves on demand.
#[derive(Parser)]
#[command(
    version,
    about,
    after_help = "\
Examples:
  hostile-upstream --list
  hostile-upstream --behaviour echo-jsonbody-base64+1-onebyte
  hostile-upstream --behaviour slow-drip --listen 127.0.0.1:8080 --credential-header x-api-key"
)]
struct Options {
    /// What it does; --list shows all
    #[arg(long, value_name = "ID", default_value = "plausible")]
    behaviour: String,
    /// Print every behaviour with a line about it, and end
    #[arg(long)]
    list: bool,
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The header that carries credentials
    #[arg(long, value_name = "NAME", default_value = "authorization")]
    credential_header: String,
    /// Stop when standard input closes, so that no orphan outlives its parent
    #[arg(long)]
    exit_with_stdin: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    let mut stdout = std::io::stdout();
    if options.list {
        for behaviour in Behaviour::catalogue() {
            writeln!(stdout, "{:44} {}", behaviour.id(), behaviour.description())?;
        }
        return Ok(());
    }
    let Some(behaviour) = Behaviour::by_id(&options.behaviour) else {
        bail!("there is no behaviour {:?}; hostile-upstream --list shows all", options.behaviour);
    };
    let config =
        Config { listen: options.listen, credential_header: options.credential_header, behaviour, ..Config::default() };
    let upstream =
        HostileUpstream::start_with(config).await.with_context(|| format!("cannot listen on {}", options.listen))?;
    writeln!(stdout, "{}", upstream.base_url()).and_then(|()| stdout.flush()).context("cannot print the URL")?;
    let input_ends = async {
        if !options.exit_with_stdin {
            return std::future::pending().await;
        }
        let mut input = tokio::io::stdin();
        let mut buffer = [0_u8; 512];
        while input.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
    };
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.context("cannot wait for Ctrl-C"),
        () = input_ends => Ok(()),
    }
}

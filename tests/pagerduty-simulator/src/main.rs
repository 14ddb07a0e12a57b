//! The simulator as a program: prints its URL on one line, then serves until it is told to stop.

use anyhow::{Context, Result};
use clap::Parser;
use pagerduty_simulator::{Config, Simulator};
use std::io::Write;
use std::net::SocketAddr;
use tokio::io::AsyncReadExt;

/// A PagerDuty of your own: real HTTP, made-up data, documented tokens (see README.md).
#[derive(Parser)]
#[command(version, about)]
struct Options {
    /// Address and port to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Makes the history; the same seed gives the same data.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// How many incidents to start with.
    #[arg(long, default_value_t = 2_000)]
    incidents: usize,
    /// The simulator's present at the start, such as 2026-11-20T09:00:00Z; real time unless given.
    #[arg(long)]
    now: Option<jiff::Timestamp>,
    /// Count requests against PagerDuty's limits.
    #[arg(long)]
    rate_limits: bool,
    /// Do not keep the last requests for /_simulator/requests.
    #[arg(long)]
    no_record: bool,
    /// Print {"url":"…"} instead of the bare URL.
    #[arg(long)]
    json: bool,
    /// Stop when standard input closes, so that no orphan outlives its parent.
    #[arg(long)]
    exit_with_stdin: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    let simulator = Simulator::start(Config {
        listen: options.listen,
        seed: options.seed,
        incidents: options.incidents,
        now: options.now,
        rate_limits: options.rate_limits,
        record_requests: !options.no_record,
        ..Config::default()
    })
    .await?;
    let url = simulator.base_url();
    let line = if options.json { serde_json::json!({"url": url}).to_string() } else { url };
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}").and_then(|()| stdout.flush()).context("cannot print the URL")?;
    drop(stdout);
    told_to_stop(options.exit_with_stdin).await
}

/// Waits for Ctrl-C, for SIGTERM, and for the end of standard input if that counts.
async fn told_to_stop(exit_with_stdin: bool) -> Result<()> {
    let input_ends = async {
        if !exit_with_stdin {
            return std::future::pending().await;
        }
        let mut input = tokio::io::stdin();
        let mut buffer = [0_u8; 512];
        while input.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
    };
    tokio::select! {
        result = tokio::signal::ctrl_c() => result.context("cannot wait for Ctrl-C"),
        result = terminated() => result,
        () = input_ends => Ok(()),
    }
}

#[cfg(unix)]
async fn terminated() -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?.recv().await;
    Ok(())
}

#[cfg(not(unix))]
async fn terminated() -> Result<()> {
    std::future::pending().await
}

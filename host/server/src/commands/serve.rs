//! `toolkeep serve`: MCP over HTTP until it is stopped.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use toolkeep_audit::EventKind;
use toolkeep_host::Host;

use crate::cli::{Global, Serve};
use crate::failure::{Exit, Failure};
use crate::keep::Keep;
use crate::mcp::guard::Doors;
use crate::mcp::surface::Surface;
use crate::mcp::{http, listener};
use crate::output;
use crate::shutdown::Stop;

/// Runs the command.
///
/// # Errors
/// It cannot start. Once it serves, it ends well.
pub(crate) async fn run(global: &Global, options: Serve) -> Result<(), Failure> {
    let started = Instant::now();
    if !options.listen.ip().is_loopback() && options.allowed_hosts.is_empty() {
        return Err(Failure::new(
            Exit::Usage,
            "host_not_named",
            format!("{} can be reached from other machines, and no name is allowed for it", options.listen.ip()),
        )
        .next("toolkeep serve --listen … --allowed-host tools.example.com, behind a TLS proxy"));
    }
    let doors = Doors::new(&options.allowed_hosts, &options.allowed_origins).map_err(Failure::usage)?;
    let stop = Stop::listen(options.exit_with_stdin)?;
    let keep = Keep::open(global)?;
    let host = keep.host(global, None).await?;
    let running = start(host, doors, options.listen).await?;
    let url = running.url();
    keep.record(EventKind::Started, None, "toolkeep serve", json!({ "listen": running.address.to_string() })).await?;
    let loaded = running.connectors.join(", ");
    tracing::info!(%url, connectors = %loaded, took_ms = started.elapsed().as_millis() as u64, "serving MCP");
    if options.json {
        output::json(&json!({ "url": url }))?;
    } else {
        output::text(&url)?;
    }
    let reason = stop.requested().await;
    tracing::info!(reason, "stopping");
    running.stop().await;
    keep.record(EventKind::Stopped, None, "toolkeep serve", json!({ "reason": reason })).await
}

/// A server that runs in the background.
pub(crate) struct Running {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    connectors: Vec<String>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// Binds `listen` and serves what `host` has loaded.
///
/// # Errors
/// The address cannot be had.
pub(crate) async fn start(host: Host, doors: Doors, listen: SocketAddr) -> Result<Running, Failure> {
    let connectors = host.connectors().iter().map(|connector| connector.description.name.clone()).collect();
    let cannot_listen = |error: std::io::Error| {
        Failure::new(Exit::Setup, "cannot_listen", format!("cannot listen on {listen}: {error}"))
            .next("toolkeep serve --listen 127.0.0.1:0, for any free port")
    };
    let tcp = TcpListener::bind(listen).await.map_err(cannot_listen)?;
    let address = tcp.local_addr().map_err(cannot_listen)?;
    let (stop, cut) = (CancellationToken::new(), CancellationToken::new());
    let router = http::router(Arc::new(Surface::new(host)), doors, cut.clone());
    let task = tokio::spawn(listener::serve(tcp, router, stop.clone(), cut));
    Ok(Running { address, connectors, stop, task })
}

impl Running {
    /// Where MCP clients go.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    /// Stops accepting, lets what is being answered finish within bounds, and returns.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the listener ended badly");
        }
    }
}

//! Accepts connections and serves HTTP/1.1 on them, within limits, until told to stop.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Connections at once. An agent platform keeps some tens open; each idle one costs about 20 KiB.
const MAX_CONNECTIONS: usize = 1_024;
/// Longest time for a request's headers to arrive, and for an idle connection to send its next request, in
/// milliseconds. It frees the places of those who hold connections open and say nothing.
const HEADER_MS: u64 = 30_000;
/// Most headers of a request, in bytes; also the read buffer. Browsers and proxies stay below 16 KiB.
const MAX_HEADER_BYTES: usize = 64 << 10;
/// Longest wait, when stopping, for calls that are being answered, in milliseconds. A call may take a
/// minute; whoever stops a server does not wait that long, and the host records what was cut off.
const DRAIN_MS: u64 = 10_000;
/// Pause after the system refused to accept, in milliseconds: mostly for want of file descriptors.
const ACCEPT_PAUSE_MS: u64 = 100;

/// Serves `router` on `listener` until `stop` is cancelled, then lets what is being answered finish.
///
/// `cut` is cancelled when the time for that is over.
pub(crate) async fn serve(listener: TcpListener, router: Router, stop: CancellationToken, cut: CancellationToken) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        // A place first: who finds none waits in the system's own queue.
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = async {
                let place = Arc::clone(&places).acquire_owned().await;
                (place, listener.accept().await)
            } => accepted,
        };
        match accepted {
            (Ok(place), Ok((stream, _))) => {
                let connection = connection(stream, router.clone(), stop.clone(), cut.clone());
                tokio::spawn(async move {
                    connection.await;
                    drop(place);
                });
            }
            (Err(_), _) => break,
            (_, Err(error)) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(ACCEPT_PAUSE_MS)).await;
            }
        }
    }
    drop(listener);
    if !all_ended(&places).await {
        tracing::warn!("some calls did not finish in {DRAIN_MS} ms and are cut off");
        cut.cancel();
        all_ended(&places).await;
    }
}

/// Waits until every connection gave its place back, at most [`DRAIN_MS`].
async fn all_ended(places: &Semaphore) -> bool {
    let every = places.acquire_many(MAX_CONNECTIONS as u32);
    tokio::time::timeout(Duration::from_millis(DRAIN_MS), every).await.is_ok()
}

async fn connection(stream: TcpStream, router: Router, stop: CancellationToken, cut: CancellationToken) {
    // Small answers should not wait for more of them; where it cannot be set, they do.
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(HEADER_MS))
        .max_buf_size(MAX_HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = std::pin::pin!(connection);
    let mut stopping = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended badly");
                }
                return;
            }
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            () = cut.cancelled() => return,
        }
    }
}

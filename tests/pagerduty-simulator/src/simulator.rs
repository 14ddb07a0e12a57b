//! A running simulator: started, asked about what it saw, told to misbehave, stopped when dropped.

use crate::config::Config;
use crate::http::App;
use crate::http::faults::Fault;
use crate::http::record::ReceivedRequest;
use anyhow::{Context, Result};
use axum::serve::ListenerExt;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// A PagerDuty of your own. Dropping it closes the listener and ends its connections.
pub struct Simulator {
    address: SocketAddr,
    app: Arc<App>,
    /// Dropped with the simulator, which is what ends the server's task.
    _stop: oneshot::Sender<()>,
}

impl Simulator {
    /// Makes the data, binds the listener and serves from a task of the current Tokio runtime.
    ///
    /// # Errors
    /// If the address cannot be bound, or the configuration asks for what cannot be (a token of an unknown
    /// user, too many incidents).
    pub async fn start(config: Config) -> Result<Simulator> {
        let listen = config.listen;
        let app = Arc::new(App::new(config)?);
        let listener = TcpListener::bind(listen)
            .await
            .with_context(|| format!("the simulator cannot listen on {listen}; choose another address or port 0"))?;
        let address = listener.local_addr().context("the listener has no address")?;
        let (stop, stopped) = oneshot::channel::<()>();
        let router = crate::http::router(Arc::clone(&app));
        // Small answers must not wait for more data (Nagle), or latencies would be the kernel's.
        let listener = listener.tap_io(|stream| {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "cannot switch off Nagle's algorithm");
            }
        });
        tokio::spawn(async move {
            let service = router.into_make_service_with_connect_info::<SocketAddr>();
            let served = axum::serve(listener, service).with_graceful_shutdown(async move {
                // Resolves with an error when the simulator is dropped, which is the signal.
                let _dropped = stopped.await;
            });
            if let Err(error) = served.await {
                tracing::warn!(%error, "the simulator stopped serving");
            }
        });
        Ok(Simulator { address, app, _stop: stop })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its base, such as `http://127.0.0.1:45123`, without a slash at the end.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The last 256 requests to the API, oldest first; those to `/_simulator` are not counted.
    /// Empty if [`Config::record_requests`] is off.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.app.recorder.all()
    }

    /// Forgets the recorded requests.
    pub fn clear_requests(&self) {
        self.app.recorder.clear();
    }

    /// Makes coming requests fail. Several faults can wait; the oldest that matches is used first.
    pub fn inject(&self, fault: Fault) {
        self.app.faults.inject(fault);
    }

    /// Forgets the faults that have not happened yet.
    pub fn clear_faults(&self) {
        self.app.faults.clear();
    }

    /// How many webhook subscriptions were created. An exfiltrating client would create one, so most tests
    /// want to see 0.
    pub fn webhook_subscriptions(&self) -> usize {
        self.app.state().webhook_subscriptions.len()
    }

    /// The simulator's present.
    pub fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::from_second(self.app.clock.now_s()).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }
}

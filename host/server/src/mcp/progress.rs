//! A long call's progress, as notifications to the client that asked for it with a `progressToken`.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use rmcp::RoleServer;
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::Peer;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use toolkeep_host::ProgressSink;

/// How long the answer waits, at the end of a call, for a client that does not read its progress.
const DRAIN_MS: u64 = 1_000;

struct Report {
    done: u32,
    total: Option<u32>,
    message: String,
}

/// Where the host reports to. The channel has no bound of its own because the host passes on at most
/// `Limits::progress_reports` (100) for one call.
struct Reports(UnboundedSender<Report>);

impl ProgressSink for Reports {
    fn report(&self, done: u32, total: Option<u32>, message: &str) {
        // A receiver that is gone means that the call is over.
        let _ = self.0.send(Report { done, total, message: message.to_owned() });
    }
}

/// Runs a call and passes its reports on while it runs. Every report that comes before the outcome is sent
/// before it; the call never waits for the client to read one.
pub(crate) async fn relayed<F: Future>(
    peer: &Peer<RoleServer>,
    token: ProgressToken,
    call: impl FnOnce(Arc<dyn ProgressSink>) -> F,
) -> F::Output {
    let (sender, receiver) = unbounded_channel();
    let mut running = pin!(call(Arc::new(Reports(sender))));
    let mut relaying = pin!(relay(peer, token, receiver));
    let mut relayed = false;
    let outcome = loop {
        tokio::select! {
            outcome = &mut running => break outcome,
            () = &mut relaying, if !relayed => relayed = true,
        }
    };
    if !relayed {
        // The sink went with the call, so the channel is closed and this ends with what is left in it.
        let _ = tokio::time::timeout(Duration::from_millis(DRAIN_MS), relaying).await;
    }
    outcome
}

async fn relay(peer: &Peer<RoleServer>, token: ProgressToken, mut reports: UnboundedReceiver<Report>) {
    let mut last = None;
    while let Some(report) = reports.recv().await {
        // The protocol wants a value that grows with every notification.
        if last.is_some_and(|last| report.done <= last) {
            continue;
        }
        last = Some(report.done);
        let mut notification = ProgressNotificationParam::new(token.clone(), f64::from(report.done));
        if let Some(total) = report.total {
            notification = notification.with_total(f64::from(total));
        }
        if !report.message.is_empty() {
            notification = notification.with_message(report.message);
        }
        if peer.notify_progress(notification).await.is_err() {
            return;
        }
    }
}

//! What a guest says while it runs: log lines and progress. How long a search for the credential takes depends on
//! what is searched, and a guest has a clock; so nothing of this is searched in the guest's own time.

use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::bindings::toolkeep::connector::host::Level;
use crate::gate::Gate;
use crate::instance::ProgressSink;
use crate::limits::Limits;
use crate::text::{clean, clean_line};

/// Longest line that a connector may write to the operator's log, in bytes (WIT `host.log`).
const MAX_LOG_LINE_BYTES: usize = 1 << 10;
/// Longest progress message, in bytes (WIT `host.progress`).
const MAX_PROGRESS_BYTES: usize = 256;
/// What is kept and searched of one text, in bytes: several times what is shown, so that what is cut off for
/// showing was searched as a whole.
const MAX_KEPT_BYTES: usize = 4 << 10;

/// How far a call has come, as the guest said it.
pub(crate) struct Report {
    done: u32,
    total: Option<u32>,
    message: String,
}

/// Takes what a guest says. Dropping it, when the guest is gone, writes the lines.
pub(crate) struct Telling {
    gate: Arc<Gate>,
    tool: String,
    lines: Vec<(Level, String)>,
    lines_left: u32,
    reports: Option<UnboundedSender<Report>>,
    reports_left: u32,
}

impl Telling {
    pub(crate) fn new(
        gate: Arc<Gate>,
        tool: String,
        reports: Option<UnboundedSender<Report>>,
        limits: &Limits,
    ) -> Self {
        let (lines_left, reports_left) = (limits.log_lines, limits.progress_reports);
        Self { gate, tool, lines: Vec::new(), lines_left, reports, reports_left }
    }

    /// Keeps a line, while there is room for one.
    pub(crate) fn log(&mut self, level: Level, message: &str) {
        if let Some(left) = self.lines_left.checked_sub(1) {
            self.lines_left = left;
            self.lines.push((level, kept(message)));
        }
    }

    /// Hands on a report, while one is left.
    pub(crate) fn progress(&mut self, done: u32, total: Option<u32>, message: &str) {
        if let (Some(reports), Some(left)) = (&self.reports, self.reports_left.checked_sub(1)) {
            self.reports_left = left;
            // Nobody listens any more once the caller has gone.
            let _ = reports.send(Report { done, total, message: kept(message) });
        }
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        let tool = self.tool.as_str();
        for (level, message) in self.lines.drain(..) {
            if self.gate.secret_form(message.as_bytes()).is_some() {
                continue;
            }
            let line = clean_line(&message, MAX_LOG_LINE_BYTES);
            match level {
                Level::Debug => tracing::debug!(target: "toolkeep::connector", tool, "{line}"),
                Level::Info => tracing::info!(target: "toolkeep::connector", tool, "{line}"),
                Level::Warn => tracing::warn!(target: "toolkeep::connector", tool, "{line}"),
                Level::Error => tracing::error!(target: "toolkeep::connector", tool, "{line}"),
            }
        }
    }
}

fn kept(message: &str) -> String {
    message.get(..message.floor_char_boundary(MAX_KEPT_BYTES)).unwrap_or_default().to_owned()
}

/// Reports on their way, and who wants them.
pub(crate) type Reported = (Arc<dyn ProgressSink>, UnboundedReceiver<Report>);

/// The two ends of a call's reports, where somebody wants them.
pub(crate) fn reports(sink: Option<Arc<dyn ProgressSink>>) -> (Option<UnboundedSender<Report>>, Option<Reported>) {
    match sink {
        None => (None, None),
        Some(sink) => {
            // Bounded by the number of reports that a call has.
            let (reports, received) = unbounded_channel();
            (Some(reports), Some((sink, received)))
        }
    }
}

/// Passes reports on until the guest is gone. It runs while the guest waits.
pub(crate) async fn pass_on(gate: &Gate, reports: Option<Reported>) {
    let Some((sink, mut received)) = reports else { return };
    while let Some(Report { done, total, message }) = received.recv().await {
        if gate.secret_form(message.as_bytes()).is_none() {
            sink.report(done, total, &clean(&message, MAX_PROGRESS_BYTES));
        }
    }
}

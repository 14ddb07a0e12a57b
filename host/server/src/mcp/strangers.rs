//! Records of those who were kept out, so many and no more: a stranger may not fill the audit log.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use toolkeep_audit::{AuditLog, Refusal as AuditRefusal};

use super::guard::Refusal;

/// Records in one [`WINDOW`]. Somebody who tries keys is visible from the first; the thousandth in a second
/// says nothing more, and each costs a sync of the disk.
const MAX_PER_WINDOW: u32 = 10;
/// The time that [`MAX_PER_WINDOW`] is counted over.
const WINDOW: Duration = Duration::from_secs(1);

/// Counts the refusals of callers that nobody knows.
#[derive(Default)]
pub(crate) struct Strangers {
    window: Mutex<Window>,
}

#[derive(Default)]
struct Window {
    since: Option<Instant>,
    recorded: u32,
    left_out: u64,
}

impl Strangers {
    /// Records a refusal, if it is one that belongs in the log and there was not too much of it lately.
    pub(crate) async fn record(&self, audit: &AuditLog, refusal: &Refusal) {
        let Some(code) = refusal.audit_code() else { return };
        let Some(left_out) = self.admit(Instant::now()) else { return };
        let key = refusal.key().map(|id| format!("API key {id}"));
        let flood = (left_out > 0).then(|| format!("{left_out} refusals before this one were not recorded"));
        let said: Vec<String> = key.into_iter().chain(flood).collect();
        let rule = (!said.is_empty()).then(|| said.join("; "));
        let record = AuditRefusal { code: code.to_owned(), rule, ..AuditRefusal::default() };
        // The caller is refused either way, so a log that fails cannot let anybody in.
        if let Err(error) = audit.refuse(record).await {
            tracing::error!(code = error.code(), %error, "a refusal could not be recorded");
        }
    }

    /// Whether one more may be recorded now, and how many were not since the last that was.
    fn admit(&self, now: Instant) -> Option<u64> {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        if window.since.is_none_or(|since| now.duration_since(since) >= WINDOW) {
            window.since = Some(now);
            window.recorded = 0;
        }
        if window.recorded >= MAX_PER_WINDOW {
            window.left_out = window.left_out.saturating_add(1);
            return None;
        }
        window.recorded += 1;
        Some(std::mem::take(&mut window.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_counted_and_not_recorded() {
        let strangers = Strangers::default();
        let start = Instant::now();
        let admitted = (0..100).filter(|_| strangers.admit(start).is_some()).count();
        assert_eq!(admitted, MAX_PER_WINDOW as usize);
        assert_eq!(strangers.admit(start + WINDOW), Some(90));
        assert_eq!(strangers.admit(start + WINDOW), Some(0));
    }
}

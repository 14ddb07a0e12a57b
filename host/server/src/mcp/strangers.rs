//! Records of those who were kept out, so many and no more: a stranger may not fill the audit log.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use toolkeep_audit::{AuditLog, Refusal as AuditRefusal};

use super::guard::Refusal;

/// Records in one [`WINDOW`] for each of the two kinds. Somebody who tries keys is visible from the first; the
/// thousandth in a second says nothing more, and each costs a sync of the disk.
const MAX_PER_WINDOW: u32 = 10;
/// The time that [`MAX_PER_WINDOW`] is counted over.
const WINDOW: Duration = Duration::from_secs(1);

/// Counts the refusals of callers that nobody knows.
#[derive(Default)]
pub(crate) struct Strangers {
    /// Of those who came without a key, or with one that nobody made. Anybody can make any number of these.
    unknown: Mutex<Window>,
    /// Of those who came with a key of ours that is revoked or expired: somebody found it. The flood above must
    /// not hide that.
    known: Mutex<Window>,
}

#[derive(Default)]
struct Window {
    since: Option<Instant>,
    recorded: u32,
    left_out: u64,
}

impl Strangers {
    /// Records and logs a refusal, if it is one that belongs there and there was not too much of it lately.
    pub(crate) async fn record(&self, audit: &AuditLog, refusal: &Refusal) {
        let Some(code) = refusal.audit_code() else { return };
        let Some(left_out) = self.admit(refusal, Instant::now()) else { return };
        tracing::info!(code, key = refusal.key(), left_out, "a request was not let in");
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

    /// Whether one more of its kind may be recorded now, and how many were not since the last that was.
    fn admit(&self, refusal: &Refusal, now: Instant) -> Option<u64> {
        let window = if refusal.key().is_some() { &self.known } else { &self.unknown };
        window.lock().unwrap_or_else(PoisonError::into_inner).admit(now)
    }
}

impl Window {
    fn admit(&mut self, now: Instant) -> Option<u64> {
        if self.since.is_none_or(|since| now.duration_since(since) >= WINDOW) {
            self.since = Some(now);
            self.recorded = 0;
        }
        if self.recorded >= MAX_PER_WINDOW {
            self.left_out = self.left_out.saturating_add(1);
            return None;
        }
        self.recorded += 1;
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_counted_and_not_recorded() {
        let strangers = Strangers::default();
        let start = Instant::now();
        let admit = |now| strangers.admit(&Refusal::KeyMissing, now);
        let admitted = (0..100).filter(|_| admit(start).is_some()).count();
        assert_eq!(admitted, MAX_PER_WINDOW as usize);
        assert_eq!(admit(start + WINDOW), Some(90));
        assert_eq!(admit(start + WINDOW), Some(0));
    }

    #[test]
    fn a_flood_without_keys_hides_no_key_of_ours() {
        let strangers = Strangers::default();
        let start = Instant::now();
        let unknown = Refusal::KeyWrong { reason: "api_key_unknown", key: None };
        for flood in [Refusal::KeyMissing, unknown] {
            for _ in 0..100 {
                strangers.admit(&flood, start);
            }
        }
        let revoked = Refusal::KeyWrong { reason: "api_key_revoked", key: Some("0123456789abcdef".to_owned()) };
        assert_eq!(strangers.admit(&revoked, start), Some(0));
        let admitted = (0..100).filter(|_| strangers.admit(&revoked, start).is_some()).count();
        assert_eq!(admitted, MAX_PER_WINDOW as usize - 1, "and it is bounded too");
    }
}

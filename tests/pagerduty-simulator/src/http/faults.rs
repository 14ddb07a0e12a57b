//! Misbehaviour on demand: the next requests that match get something else than they deserve.

use serde::{Deserialize, Serialize};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// More waiting faults than this and the oldest is forgotten.
const MAX_WAITING: usize = 256;
/// A delay ends here: no client should wait longer, and a forgotten one must not hold a test for ever.
const MAX_DELAY_MS: u64 = 600_000;

/// Which requests go wrong, how often, and how. As JSON:
/// `{"method":"GET","path_prefix":"/incidents","times":1,"kind":"status","status":429,"bare":true}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The method in capitals; any if none.
    #[serde(default)]
    pub method: Option<String>,
    /// The path must start with this; `""` matches every path.
    #[serde(default)]
    pub path_prefix: String,
    /// For how many requests. `u32::MAX` is as good as for ever.
    #[serde(default = "once")]
    pub times: u32,
    /// What happens.
    #[serde(flatten)]
    pub kind: FaultKind,
}

fn once() -> u32 {
    1
}

impl Fault {
    /// Makes the next request of that method and path prefix go wrong once.
    pub fn once(method: &str, path_prefix: &str, kind: FaultKind) -> Fault {
        Fault { method: Some(method.to_owned()), path_prefix: path_prefix.to_owned(), times: 1, kind }
    }

    fn matches(&self, method: &str, path: &str) -> bool {
        self.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && path.starts_with(&self.path_prefix)
    }
}

/// What happens instead of the proper answer. With all but `Delay` and `CutOff` the request has no effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum FaultKind {
    /// This status with PagerDuty's usual body; a 429 also has its `ratelimit-*` headers.
    Status {
        /// The HTTP status, 400 to 599.
        status: u16,
        /// Leaves out the body and the `ratelimit-*` headers.
        #[serde(default)]
        bare: bool,
    },
    /// The proper answer, this many milliseconds late. At most ten minutes.
    Delay {
        /// Milliseconds.
        delay_ms: u64,
    },
    /// The proper answer, made and taken into account, but the connection closes in mid-body.
    CutOff {
        /// How much of the body is sent first.
        after_bytes: usize,
    },
    /// A page of HTML, as a proxy in between would send.
    Html {
        /// The HTTP status, 200 to 599.
        status: u16,
    },
    /// 200 and a JSON body that goes on for this long, in chunks and without `content-length`.
    Gigantic {
        /// Bytes of body.
        bytes: u64,
    },
    /// 200 and a body that claims to be JSON and is not.
    InvalidJson,
    /// `{"error":["…"]}` with this status.
    ArrayError {
        /// The HTTP status, 400 to 599.
        status: u16,
    },
}

/// What a fault does to one request.
pub(crate) enum Verdict {
    Delay(Duration),
    CutOff { after_bytes: usize },
    Instead(FaultKind),
}

/// The faults that wait for their request.
#[derive(Default)]
pub(crate) struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    pub(crate) fn inject(&self, fault: Fault) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= MAX_WAITING {
            waiting.remove(0);
        }
        waiting.push(fault);
    }

    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(crate) fn waiting(&self) -> Vec<Fault> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The oldest fault that matches, used up by one.
    pub(crate) fn take(&self, method: &str, path: &str) -> Option<Verdict> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = waiting.iter_mut().find(|fault| fault.times > 0 && fault.matches(method, path))?;
        fault.times = fault.times.saturating_sub(1);
        let kind = fault.kind.clone();
        waiting.retain(|fault| fault.times > 0);
        Some(match kind {
            FaultKind::Delay { delay_ms } => Verdict::Delay(Duration::from_millis(delay_ms.min(MAX_DELAY_MS))),
            FaultKind::CutOff { after_bytes } => Verdict::CutOff { after_bytes },
            other => Verdict::Instead(other),
        })
    }
}

//! The audit log: an intent is durable before anything runs, an outcome before the caller hears of it.
//!
//! [`AuditLog::begin`] gives an [`Open`], the proof that the intent is on disk; [`AuditLog::finish`] takes
//! it and gives a [`Receipt`], the proof that the outcome is. Neither can be made any other way. An `Open`
//! that is dropped (a caller that went away, a panic) and an intent that a crash left behind both get an
//! outcome of `unknown`.
//!
//! One thread writes. What waits is written in one transaction with one sync, so durability costs one
//! sync per batch, however many calls are in flight.
//!
//! ```
//! use toolkeep_audit::{AuditLog, CallId, Intent, Outcome, OutcomeStatus, PrincipalFields, Query};
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let log = AuditLog::in_memory([7; 32].into())?;
//! let open = log
//!     .begin(Intent {
//!         call: CallId::new(),
//!         principal: PrincipalFields { tenant: "acme".into(), user: "kim".into(), agent: None },
//!         connector: "pagerduty".into(),
//!         connector_version: "0.1.0".into(),
//!         connector_digest: "00".repeat(32),
//!         tool: "list_incidents".into(),
//!         access: "read".into(),
//!         rule: "tool filter".into(),
//!         connection: None,
//!         connection_version: None,
//!         arguments_digest: log.digest(b"{}"),
//!         clear_arguments: serde_json::Map::new(),
//!         trace: None,
//!     })
//!     .await?;
//! // Here the tool runs.
//! log.finish(open, Outcome { status: OutcomeStatus::Succeeded, ..Outcome::default() }).await?;
//! assert_eq!(log.records(&Query::default())?.len(), 2);
//! # Ok::<(), toolkeep_audit::AuditError>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod call_id;
mod error;
mod log;
mod private;
mod query;
mod queue;
mod record;
mod store;
mod writer;

pub use call_id::{CallId, CallIdError};
pub use error::AuditError;
pub use log::{AuditLog, Open, Receipt};
pub use query::{MAX_RECORDS, Query, Record, RecordKind};
pub use record::{
    Decision, Event, EventKind, Intent, MAX_CONTENT_BYTES, MAX_REFUSAL_FIELD_BYTES, Outcome, OutcomeStatus,
    PrincipalFields, Refusal, UpstreamRequest,
};

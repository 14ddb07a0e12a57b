//! What can go wrong in the audit log. Any of it means: do not do what was to be recorded.

use std::path::PathBuf;
use std::sync::Arc;

/// Why the log did not record or read. The text is for the operator: it names files. It can be cloned, because one failed write fails its whole batch.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// Reading or writing failed: a full disk, a locked or read-only file, a writer that stopped.
    #[error("the audit log cannot {doing}: {reason}; calls are refused until a write succeeds")]
    Unavailable {
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        reason: Arc<str>,
    },
    /// Others than the owner can read or write a file that must be private.
    #[error("{path} is open to others (mode {mode:04o}); run: chmod {wanted:o} {path}")]
    Permissions {
        /// The file or directory.
        path: PathBuf,
        /// Its mode now.
        mode: u32,
        /// The mode to give it.
        wanted: u32,
    },
    /// The file was written by a newer release.
    #[error("the audit log has format {found}, this release knows up to {known}; use the newer release")]
    Format {
        /// In the file.
        found: i64,
        /// Newest known.
        known: i64,
    },
    /// One record would be larger than a record may be.
    #[error("the record has {bytes} bytes; at most {max_bytes} are allowed")]
    TooLarge {
        /// How large it would be.
        bytes: usize,
        /// What is allowed.
        max_bytes: usize,
    },
}

impl AuditError {
    /// A stable code for programs and for the operator's log.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unavailable { .. } => "audit_unavailable",
            Self::Permissions { .. } => "audit_permissions",
            Self::Format { .. } => "audit_format",
            Self::TooLarge { .. } => "audit_record_too_large",
        }
    }

    pub(crate) fn unavailable(doing: &'static str, reason: impl ToString) -> Self {
        Self::Unavailable { doing, reason: reason.to_string().into() }
    }
}

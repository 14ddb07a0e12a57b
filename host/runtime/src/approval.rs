//! What an operator approved, by digest. A host compiles and runs a component only if somebody said yes to
//! exactly its bytes; where a capability sheet was shown for that yes, to exactly what it says of itself too.
//!
//! [`ConnectorFolder`] keeps approvals and components on a disk, as `toolkeep connector install` does. Whoever
//! keeps them elsewhere implements [`Approvals`]; whoever compiles connectors in names their [`Digests`], or
//! vouches for the bytes with [`crate::Host::load_trusted`].

mod folder;
mod manifest;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

pub use folder::{ConnectorFolder, Edit, Hold, Installed};
pub use manifest::InstalledConnector;

use crate::sheet::CapabilitySheet;

/// Length of a SHA-256 in hexadecimal, in characters.
const DIGEST_CHARS: usize = 64;

/// Leave to compile and run one component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    digest: String,
    /// The sheet that was shown, as [`CapabilitySheet::pinned`] prints it.
    sheet: Option<Arc<str>>,
    revision: Option<u64>,
}

impl Approval {
    /// Leave for the bytes with this SHA-256, whatever they say of themselves.
    ///
    /// # Errors
    /// [`ApprovalError::Digest`] where it is not 64 lower-case hexadecimal digits.
    pub fn of_digest(digest: &str) -> Result<Self, ApprovalError> {
        if is_digest(digest) {
            Ok(Self { digest: digest.to_owned(), sheet: None, revision: None })
        } else {
            Err(ApprovalError::Digest)
        }
    }

    /// Leave for the bytes that this sheet is about, as long as they say what it says.
    #[must_use]
    pub fn of_sheet(sheet: &CapabilitySheet) -> Self {
        Self { digest: sheet.digest.clone(), sheet: Some(sheet.pinned().into()), revision: None }
    }

    /// The digest that it is for.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Which state of the approvals it is from, where they have states: it goes up with each change, and every
    /// record of a load has it. One that is lower than in an earlier record means that somebody put an old file
    /// back.
    #[must_use]
    pub fn revision(&self) -> Option<u64> {
        self.revision
    }

    /// Refuses what says something else than what was approved.
    pub(crate) fn check(&self, sheet: &CapabilitySheet) -> Result<(), ApprovalError> {
        let same = self.sheet.as_deref().is_none_or(|approved| approved == sheet.pinned());
        if same && self.digest == sheet.digest {
            return Ok(());
        }
        Err(ApprovalError::SaysOtherwise { name: sheet.name.clone(), digest: sheet.digest.clone() })
    }
}

/// Where a host asks whether it may run a component.
pub trait Approvals: Send + Sync {
    /// The approval of the component with this SHA-256 (lower-case hexadecimal); none: it is not approved.
    ///
    /// # Errors
    /// Whatever kept the question from being answered. Nothing is loaded then.
    fn find(&self, digest: &str) -> Result<Option<Approval>, ApprovalError>;
}

/// Digests that an embedder knows beforehand. The empty set, which is a host's default, approves nothing.
#[derive(Debug, Clone, Default)]
pub struct Digests(BTreeSet<String>);

impl Digests {
    /// These digests, in lower-case hexadecimal.
    ///
    /// # Errors
    /// [`ApprovalError::Digest`] where one is malformed.
    pub fn new<'a>(digests: impl IntoIterator<Item = &'a str>) -> Result<Self, ApprovalError> {
        digests
            .into_iter()
            .map(|digest| Approval::of_digest(digest).map(|approval| approval.digest))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl Approvals for Digests {
    fn find(&self, digest: &str) -> Result<Option<Approval>, ApprovalError> {
        if self.0.contains(digest) { Approval::of_digest(digest).map(Some) } else { Ok(None) }
    }
}

/// Whether the text is a SHA-256 in lower-case hexadecimal.
pub(crate) fn is_digest(text: &str) -> bool {
    text.len() == DIGEST_CHARS && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Why a component may not be run, or why nobody can tell.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApprovalError {
    /// A digest is not 64 lower-case hexadecimal digits.
    #[error("a digest is a SHA-256 of 64 lower-case hexadecimal digits")]
    Digest,
    /// Nobody approved these bytes.
    #[error("the component with the SHA-256 {digest} is not approved here, so nothing of it was compiled or run")]
    NotApproved {
        /// Of the component that was given.
        digest: String,
    },
    /// The bytes were approved, and say something else now.
    #[error("the connector `{name}` ({digest}) does not say of itself what was approved; it must be approved again")]
    SaysOtherwise {
        /// The connector.
        name: String,
        /// Of the component.
        digest: String,
    },
    /// An installed file has other bytes than those that were approved.
    #[error("{path}, installed as `{name}`, has the SHA-256 {found} and not the approved {approved}: it was changed")]
    FileChanged {
        /// The connector.
        name: String,
        /// Its file.
        path: PathBuf,
        /// What was approved.
        approved: String,
        /// What is there.
        found: String,
    },
    /// An installed file is gone, or cannot be read.
    #[error("{path}, installed as `{name}`, cannot be read: {reason}")]
    FileMissing {
        /// The connector.
        name: String,
        /// Its file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A component lies among the installed ones, and no approval names it.
    #[error("{path} lies among the installed connectors, and nobody approved it")]
    Stray {
        /// The file.
        path: PathBuf,
    },
    /// The approvals were not written by a holder of this vault's key, or were changed since.
    #[error("the approvals in {path} were changed, or belong to another vault: {reason}")]
    NotGenuine {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: &'static str,
    },
    /// The approvals were written by a newer release.
    #[error("the approvals in {path} have the format {found}, and this release knows {known}; use the newer release")]
    Format {
        /// The file.
        path: PathBuf,
        /// In the file.
        found: String,
        /// What this release writes.
        known: u32,
    },
    /// The approvals could not be read or written.
    #[error("the approvals in {path} cannot be used: {reason}")]
    Unavailable {
        /// The file or folder.
        path: PathBuf,
        /// Why, and what to do.
        reason: String,
    },
}

impl ApprovalError {
    /// A stable code for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Digest => "digest_malformed",
            Self::NotApproved { .. } | Self::Stray { .. } => "connector_not_approved",
            Self::SaysOtherwise { .. } | Self::FileChanged { .. } => "connector_changed",
            Self::FileMissing { .. } => "connector_missing",
            Self::NotGenuine { .. } => "approvals_not_genuine",
            Self::Format { .. } => "approvals_format",
            Self::Unavailable { .. } => "approvals_unavailable",
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;

    #[test]
    fn a_digest_is_compared_in_one_spelling() {
        let digest = "0123456789abcdef".repeat(4);
        assert!(Digests::new([digest.as_str()]).unwrap().find(&digest).unwrap().is_some());
        assert!(Digests::default().find(&digest).unwrap().is_none());
        for bad in ["", "abc", &digest.to_uppercase(), &format!("{digest}0"), &digest.replace('f', "g")] {
            assert_eq!(Approval::of_digest(bad).unwrap_err().code(), "digest_malformed", "{bad}");
        }
    }
}

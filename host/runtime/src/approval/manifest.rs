//! The file that says which connectors are approved: one line with a seal, one with JSON. The seal is an HMAC
//! under a key from the vault, over all approvals at once, so that whoever can only write files can add none,
//! change none, and take none away without being seen.
//!
//! What a seal cannot tell is an old file of ours from the newest one. Each state has a revision that goes up,
//! and the audit log has it with every approval, removal and load: an old file that was put back shows there as
//! a revision that went down.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::hmac;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Approval, ApprovalError, is_digest};
use crate::sheet::CapabilitySheet;

/// The format that this release writes.
const FORMAT: u32 = 1;
/// How the file begins; the format's number and the seal follow.
const HEAD: &str = "toolkeep-approvals";
/// What is sealed besides the approvals: a seal for one purpose is none for another.
const CONTEXT: &[u8] = b"toolkeep connector approvals 1\0";

/// One installed connector: what was approved, when.
#[derive(Debug, Clone)]
pub struct InstalledConnector {
    /// Its name.
    pub name: String,
    /// SHA-256 of its component, in lower-case hexadecimal.
    pub digest: String,
    /// When it was approved, by the host's clock.
    pub approved_at: Timestamp,
    /// What was approved.
    pub sheet: CapabilitySheet,
    /// The same, byte for byte as it was pinned.
    pinned: Arc<str>,
}

impl InstalledConnector {
    /// What a yes to this sheet installs.
    #[must_use]
    pub(crate) fn new(sheet: CapabilitySheet, approved_at: Timestamp) -> Self {
        let pinned = sheet.pinned().into();
        Self { name: sheet.name.clone(), digest: sheet.digest.clone(), approved_at, sheet, pinned }
    }

    pub(crate) fn approval(&self, revision: u64) -> Approval {
        Approval { digest: self.digest.clone(), sheet: Some(Arc::clone(&self.pinned)), revision: Some(revision) }
    }
}

/// All approvals of one folder.
#[derive(Debug, Clone, Default)]
pub(crate) struct Manifest {
    /// Goes up with each change; 0: there never was one.
    pub(crate) revision: u64,
    /// By name.
    pub(crate) connectors: BTreeMap<String, InstalledConnector>,
}

#[derive(Serialize, Deserialize)]
struct Body<'a> {
    revision: u64,
    #[serde(borrow)]
    connectors: Vec<Entry<'a>>,
}

#[derive(Serialize, Deserialize)]
struct Entry<'a> {
    approved_at: Timestamp,
    #[serde(borrow)]
    sheet: &'a RawValue,
}

impl Manifest {
    /// The next revision: the time in milliseconds since 1970, or one more than the last if a clock went back. So
    /// it goes up even where the file was deleted meanwhile.
    pub(crate) fn next_revision(&self, now: Timestamp) -> u64 {
        let now_ms = u64::try_from(now.as_millisecond()).unwrap_or_default();
        now_ms.max(self.revision.saturating_add(1))
    }

    /// The file's contents.
    pub(crate) fn seal(&self, key: &hmac::Key) -> Result<Vec<u8>, String> {
        let raw = |connector: &InstalledConnector| RawValue::from_string(connector.pinned.as_ref().to_owned());
        let sheets: Vec<_> = self.connectors.values().map(raw).collect::<Result<_, _>>().map_err(|e| e.to_string())?;
        let connectors = self
            .connectors
            .values()
            .zip(&sheets)
            .map(|(connector, sheet)| Entry { approved_at: connector.approved_at, sheet })
            .collect();
        let body = serde_json::to_string(&Body { revision: self.revision, connectors }).map_err(|e| e.to_string())?;
        let tag = hmac::sign(key, &covered(body.as_bytes()));
        Ok(format!("{HEAD} {FORMAT} {}\n{body}\n", hex::encode(tag.as_ref())).into_bytes())
    }

    /// Reads the file's contents, and believes nothing before the seal was checked.
    pub(crate) fn open(path: &Path, contents: &[u8], key: &hmac::Key) -> Result<Self, ApprovalError> {
        let not_genuine = |reason| ApprovalError::NotGenuine { path: path.to_owned(), reason };
        let text = std::str::from_utf8(contents).map_err(|_| not_genuine("it is not text"))?;
        let (head, body) = text.split_once('\n').ok_or_else(|| not_genuine("it is cut off"))?;
        let body = body.strip_suffix('\n').ok_or_else(|| not_genuine("it is cut off"))?;
        let mut words = head.split(' ');
        let (Some(HEAD), Some(format), Some(tag), None) = (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(not_genuine("its first line is not one of ours"));
        };
        if format != FORMAT.to_string() {
            let found = crate::text::clean_line(format, 16);
            return Err(ApprovalError::Format { path: path.to_owned(), found, known: FORMAT });
        }
        let tag = hex::decode(tag).map_err(|_| not_genuine("its seal is not hexadecimal"))?;
        hmac::verify(key, &covered(body.as_bytes()), &tag).map_err(|_| not_genuine("its seal does not fit"))?;
        // Sealed by us: what does not parse from here on was written by another release.
        let unknown = |_| ApprovalError::Format {
            path: path.to_owned(),
            found: "1, with other fields".to_owned(),
            known: FORMAT,
        };
        let body: Body<'_> = serde_json::from_str(body).map_err(unknown)?;
        let mut connectors = BTreeMap::new();
        for entry in body.connectors {
            let sheet: CapabilitySheet = serde_json::from_str(entry.sheet.get()).map_err(unknown)?;
            if !is_digest(&sheet.digest) {
                return Err(not_genuine("a digest is malformed"));
            }
            let (name, digest) = (sheet.name.clone(), sheet.digest.clone());
            let pinned = entry.sheet.get().into();
            let connector = InstalledConnector { name, digest, approved_at: entry.approved_at, sheet, pinned };
            connectors.insert(connector.name.clone(), connector);
        }
        Ok(Self { revision: body.revision, connectors })
    }
}

fn covered(body: &[u8]) -> Vec<u8> {
    [CONTEXT, body].concat()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what failed by panicking")]
    use super::*;

    fn key(byte: u8) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &[byte; 32])
    }

    fn manifest() -> Manifest {
        let sheet = serde_json::json!({
            "digest": "ab".repeat(32), "wasm_bytes": 1, "imports": [], "name": "desk", "version": "1.0.0",
            "title": "", "description": "", "origins": [], "credentials": [],
            "identification": { "scopes": [], "routes": [] }, "tools": [], "prompts": []
        });
        let desk = InstalledConnector::new(serde_json::from_value(sheet).unwrap(), Timestamp::UNIX_EPOCH);
        Manifest { revision: 7, connectors: BTreeMap::from([(desk.name.clone(), desk)]) }
    }

    #[test]
    fn what_was_sealed_opens_the_same() {
        let sealed = manifest().seal(&key(1)).unwrap();
        let opened = Manifest::open(Path::new("x"), &sealed, &key(1)).unwrap();
        assert_eq!(opened.revision, 7);
        assert_eq!(opened.connectors["desk"].sheet, manifest().connectors["desk"].sheet);
        assert_eq!(opened.seal(&key(1)).unwrap(), sealed);
    }

    #[test]
    fn no_byte_can_be_changed_and_no_other_key_opens_it() {
        let sealed = manifest().seal(&key(1)).unwrap();
        assert_eq!(Manifest::open(Path::new("x"), &sealed, &key(2)).unwrap_err().code(), "approvals_not_genuine");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(Manifest::open(Path::new("x"), &changed, &key(1)).is_err(), "byte {at}");
        }
        for length in 0..sealed.len() {
            assert!(Manifest::open(Path::new("x"), &sealed[..length], &key(1)).is_err(), "length {length}");
        }
    }

    #[test]
    fn a_newer_format_says_so() {
        let sealed =
            String::from_utf8(manifest().seal(&key(1)).unwrap()).unwrap().replace("approvals 1 ", "approvals 2 ");
        assert_eq!(Manifest::open(Path::new("x"), sealed.as_bytes(), &key(1)).unwrap_err().code(), "approvals_format");
    }

    #[test]
    fn a_revision_goes_up_even_if_the_clock_goes_back() {
        let now: Timestamp = "2026-11-24T06:00:00Z".parse().unwrap();
        assert_eq!(Manifest::default().next_revision(now), 1_795_500_000_000);
        let ahead = Manifest { revision: u64::MAX - 5, ..Manifest::default() };
        assert_eq!(ahead.next_revision(now), u64::MAX - 4);
    }
}

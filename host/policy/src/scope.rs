//! What a tool does at worst, and whether a credential's scopes cover it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a tool does to the upstream, at worst (WIT `access`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Changes nothing.
    Read,
    /// Changes something that can be changed back.
    Write,
    /// Changes something that cannot be undone.
    Destructive,
}

impl Access {
    /// `read`, `write` or `destructive`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Destructive => "destructive",
        }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Scopes that a tool needs and the credential lacks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the credential lacks the scopes {}", .missing.join(", "))]
pub struct ScopeDenial {
    /// The missing scopes, in declared order.
    pub missing: Vec<String>,
}

/// Whether `granted` covers `needed`. `None`: the upstream never said what was granted (an API key), so it
/// decides by itself.
///
/// # Errors
/// [`ScopeDenial`] with everything that is missing.
pub fn check_scopes(needed: &[String], granted: Option<&[String]>) -> Result<(), ScopeDenial> {
    let Some(granted) = granted else { return Ok(()) };
    let missing: Vec<String> = needed.iter().filter(|scope| !granted.contains(scope)).cloned().collect();
    if missing.is_empty() { Ok(()) } else { Err(ScopeDenial { missing }) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;

    #[test]
    fn every_missing_scope_is_named() {
        let needed = ["incidents.read".to_owned(), "incidents.write".to_owned(), "users.read".to_owned()];
        let denial = check_scopes(&needed, Some(&["incidents.read".to_owned()])).unwrap_err();
        assert_eq!(denial.missing, ["incidents.write", "users.read"]);
        assert!(check_scopes(&needed, None).is_ok());
        assert!(check_scopes(&needed, Some(&[])).is_err());
    }
}

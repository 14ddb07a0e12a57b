//! Who a call is for: tenant, user, and the tools that this identity may see.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::text::is_unsafe_in_name;

/// Longest tenant, user or agent name, in bytes. A JWT `sub` is at most 255 ASCII characters (OpenID
/// Connect Core, section 2); this leaves room for that and no more.
pub const MAX_NAME_BYTES: usize = 255;

/// Most tools that one filter may name; a connector has at most 128.
pub const MAX_FILTER_TOOLS: usize = 1024;

/// Why a name cannot be an identity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// Nothing was given.
    #[error("the {what} is empty; give one")]
    Empty {
        /// `tenant`, `user` or `agent`.
        what: &'static str,
    },
    /// Longer than [`MAX_NAME_BYTES`].
    #[error("the {what} has {bytes} bytes; at most {MAX_NAME_BYTES} are allowed")]
    TooLong {
        /// `tenant`, `user` or `agent`.
        what: &'static str,
        /// How long it was.
        bytes: usize,
    },
    /// White space at an end or other than a plain space, or a character that is not seen: two names that look
    /// alike must not differ.
    #[error(
        "the {what} holds a control, invisible or private character or a white space other than a plain one, or \
         begins or ends with white space; remove it"
    )]
    Characters {
        /// `tenant`, `user` or `agent`.
        what: &'static str,
    },
}

impl IdentityError {
    /// A stable code for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        "identity_invalid"
    }
}

/// Checks a name: 1 to [`MAX_NAME_BYTES`] bytes, nothing that [`is_unsafe_in_name`], no outer white space.
///
/// Letters of two alphabets that look alike, and two encodings of one accent, pass: names come from the platform
/// that embeds the host, which knows its people.
///
/// # Errors
/// [`IdentityError`] says which rule it breaks.
pub fn check_name(what: &'static str, name: &str) -> Result<(), IdentityError> {
    if name.is_empty() {
        return Err(IdentityError::Empty { what });
    }
    if name.len() > MAX_NAME_BYTES {
        return Err(IdentityError::TooLong { what, bytes: name.len() });
    }
    if name.chars().any(is_unsafe_in_name) || name.trim() != name {
        return Err(IdentityError::Characters { what });
    }
    Ok(())
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as it was given.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdentityError;
            fn try_from(name: String) -> Result<Self, IdentityError> {
                check_name($what, &name)?;
                Ok(Self(name))
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdentityError;
            fn from_str(name: &str) -> Result<Self, IdentityError> {
                Self::try_from(name.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name_type! {
    /// A customer: the wall that no credential crosses.
    TenantId, "tenant"
}
name_type! {
    /// One person (or service) within a tenant.
    UserId, "user"
}

/// Which tools an identity may see and call.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolFilter {
    /// Every tool of every connector.
    #[default]
    All,
    /// Just the tools with these names. An empty set sees nothing.
    Only(BTreeSet<String>),
}

impl ToolFilter {
    /// Whether the filter lets this tool through.
    #[must_use]
    pub fn allows(&self, tool: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.contains(tool),
        }
    }
}

/// The identity that a call runs under. It comes from the embedding platform, from an API key or from
/// local configuration; there is no default one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The customer.
    pub tenant: TenantId,
    /// The person.
    pub user: UserId,
    /// The agent that acts for the person, where it said so. Told, not proven: for the audit log only.
    pub agent: Option<String>,
    /// The tools it may see.
    pub tools: ToolFilter,
}

impl Principal {
    /// An identity that sees every tool.
    #[must_use]
    pub fn new(tenant: TenantId, user: UserId) -> Self {
        Self { tenant, user, agent: None, tools: ToolFilter::All }
    }

    /// The same identity, seeing only `tools`.
    #[must_use]
    pub fn with_tools(mut self, tools: ToolFilter) -> Self {
        self.tools = tools;
        self
    }

    /// The same identity, acting through `agent`.
    #[must_use]
    pub fn with_agent(mut self, agent: impl Into<String>) -> Self {
        self.agent = Some(agent.into());
        self
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what failed by panicking")]
    use super::*;

    #[test]
    fn names_that_look_alike_are_refused() {
        for bad in ["", " kim", "kim ", "kim\n", "k\nim", "\u{FEFF}kim", "k\u{A0}im", "kim\u{3000}"] {
            assert!(bad.parse::<UserId>().is_err(), "{bad:?}");
        }
        for unseen in ['\u{AD}', '\u{200B}', '\u{202E}', '\u{2028}', '\u{2066}', '\u{FE0F}', '\u{E0041}'] {
            assert!(format!("k{unseen}im").parse::<TenantId>().is_err(), "{unseen:?}");
        }
        assert!("x".repeat(MAX_NAME_BYTES + 1).parse::<TenantId>().is_err());
        assert_eq!("kim@example.com".parse::<UserId>().unwrap().as_str(), "kim@example.com");
    }

    #[test]
    fn an_empty_filter_sees_nothing() {
        assert!(!ToolFilter::Only(BTreeSet::new()).allows("a"));
        assert!(ToolFilter::All.allows("a"));
    }

    #[test]
    fn a_deserialised_name_is_checked_too() {
        assert!(serde_json::from_str::<UserId>("\" kim\"").is_err());
    }
}

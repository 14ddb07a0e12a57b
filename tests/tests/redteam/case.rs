//! What a case is: an attack, the defence that must hold, the component that attacks, and the code that watches.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde::Serialize;
use toolkeep_vault::CredentialKind;

use crate::arena::Arena;
use crate::canary::Leak;

/// The parts of the catalogue of threats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) enum Category {
    Destination,
    #[serde(rename = "Path and scope")]
    PathAndScope,
    Headers,
    Reflection,
    #[serde(rename = "Other channels")]
    OtherChannels,
    Resources,
    #[serde(rename = "Supply chain")]
    SupplyChain,
    #[serde(rename = "Tenancy and surfaces")]
    TenancyAndSurfaces,
}

impl Category {
    /// As people read it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Destination => "Destination",
            Self::PathAndScope => "Path and scope",
            Self::Headers => "Headers",
            Self::Reflection => "Reflection",
            Self::OtherChannels => "Other channels",
            Self::Resources => "Resources",
            Self::SupplyChain => "Supply chain",
            Self::TenancyAndSurfaces => "Tenancy and surfaces",
        }
    }
}

/// Runs a case; an error says how the attack succeeded.
pub(crate) type Run = fn(Arc<Arena>) -> Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send>>;

/// One attack.
pub(crate) struct Case {
    /// Stable, and unique: `part/attack`.
    pub(crate) id: &'static str,
    /// The part of the catalogue.
    pub(crate) category: Category,
    /// The component that attacks; none where the attacker is a caller, an upstream or a web page.
    pub(crate) guest: Option<&'static str>,
    /// What is tried.
    pub(crate) attack: &'static str,
    /// What must hold.
    pub(crate) defence: &'static str,
    /// The file that enforces it.
    pub(crate) enforced_by: &'static str,
    /// Tries it.
    pub(crate) run: Run,
}

/// A case in a table of its module's `CATEGORY`.
macro_rules! case {
    ($id:literal, $guest:literal, $attack:literal, $defence:literal, $file:literal, $run:path $(, $argument:expr)* $(,)?) => {
        crate::case::case!(@ $id, Some($guest), $attack, $defence, $file, $run $(, $argument)*)
    };
    ($id:literal, nobody, $attack:literal, $defence:literal, $file:literal, $run:path $(, $argument:expr)* $(,)?) => {
        crate::case::case!(@ $id, None, $attack, $defence, $file, $run $(, $argument)*)
    };
    (@ $id:literal, $guest:expr, $attack:literal, $defence:literal, $file:literal, $run:path $(, $argument:expr)*) => {
        crate::case::Case {
            id: $id,
            category: CATEGORY,
            guest: $guest,
            attack: $attack,
            defence: $defence,
            enforced_by: $file,
            run: |arena| Box::pin($run(arena $(, $argument)*)),
        }
    };
}
pub(crate) use case;

/// A shape that credentials have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Shape {
    /// A bearer token in `authorization`, long, with `+`, `_` and `-`.
    #[serde(rename = "oauth2")]
    OAuth2,
    /// A key in a header of its own, short, with `_`, `+` and `-`.
    ApiKey,
}

impl Shape {
    /// As it stands in a line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::OAuth2 => "token",
            Self::ApiKey => "key",
        }
    }

    /// As the vault knows it.
    pub(crate) fn kind(self) -> CredentialKind {
        match self {
            Self::OAuth2 => CredentialKind::OAuth2,
            Self::ApiKey => CredentialKind::ApiKey,
        }
    }
}

impl Case {
    /// The shapes of credentials that it is tried with, whichever other cases run: both where the shape is what an
    /// attack may turn on, and else one that hangs on its ID alone.
    pub(crate) fn shapes(&self) -> &'static [Shape] {
        match self.category {
            Category::Headers | Category::Reflection | Category::OtherChannels => &[Shape::OAuth2, Shape::ApiKey],
            _ if self.id.bytes().fold(0_u8, u8::wrapping_add).is_multiple_of(2) => &[Shape::OAuth2],
            _ => &[Shape::ApiKey],
        }
    }
}

/// A test of the tests: what enforces a defence is a file that is there.
pub(crate) fn check_paths(cases: &[&Case]) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for case in cases {
        ensure!(root.join(case.enforced_by).is_file(), "{}: {} is no file", case.id, case.enforced_by);
    }
    Ok(())
}

/// What came of a case.
#[derive(Debug, Serialize)]
pub(crate) struct Verdict {
    pub(crate) id: &'static str,
    pub(crate) category: Category,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) guest: Option<&'static str>,
    pub(crate) attack: &'static str,
    pub(crate) defence: &'static str,
    pub(crate) enforced_by: &'static str,
    /// The shapes of credentials that it was tried with.
    pub(crate) shapes: &'static [Shape],
    /// The defence held, and the canary was nowhere.
    pub(crate) held: bool,
    /// How the attack succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// Where the canary was found.
    pub(crate) leaks: Vec<Leak>,
    /// How much was looked through for it, in bytes.
    pub(crate) searched_bytes: usize,
    /// Guest memories that were looked through.
    pub(crate) memories: usize,
    #[serde(rename = "took_ms", serialize_with = "milliseconds")]
    pub(crate) took: Duration,
}

fn milliseconds<S: serde::Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(took.as_millis()).unwrap_or(u64::MAX))
}

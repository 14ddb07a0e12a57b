//! The capability sheet: everything that a component can do, as data. It is what a reviewer reads, what an
//! approval pins, and what two versions of a connector are compared by.

mod diff;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use toolkeep_policy::{Access, Route};

pub use diff::{Change, Effect, SheetDiff};

use crate::description::{Credential, Description, Identification, Origin, Prompt, Tool, as_texts, routes};

/// What a reviewer approves. Two sheets of the same bytes are equal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CapabilitySheet {
    /// SHA-256 of the component, in lower-case hexadecimal.
    pub digest: String,
    /// Size of the component, in bytes.
    pub wasm_bytes: usize,
    /// Its imports, by name and version.
    pub imports: Vec<String>,
    /// The connector's name.
    pub name: String,
    /// Semantic version.
    pub version: String,
    /// For people.
    pub title: String,
    /// For people and models.
    pub description: String,
    /// Where it talks to.
    pub origins: Vec<Origin>,
    /// How it is authenticated.
    pub credentials: Vec<Credential>,
    /// What `identify` may do.
    pub identification: Identification,
    /// Its tools, in declared order.
    pub tools: Vec<ToolSheet>,
    /// Its prompts, in declared order.
    pub prompts: Vec<Prompt>,
}

/// One tool of a sheet; the fields are those of [`Tool`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "`Tool` documents each field")]
pub struct ToolSheet {
    pub name: String,
    pub title: String,
    pub description: String,
    pub input_schema: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Value>,
    pub access: Access,
    pub idempotent: bool,
    pub scopes: Vec<String>,
    #[serde(serialize_with = "as_texts", deserialize_with = "routes")]
    pub routes: Vec<Route>,
}

impl From<&Tool> for ToolSheet {
    fn from(tool: &Tool) -> Self {
        Self {
            name: tool.name.clone(),
            title: tool.title.clone(),
            description: tool.description.clone(),
            input_schema: tool.input_schema.clone(),
            output_schema: tool.output_schema.clone(),
            access: tool.access,
            idempotent: tool.idempotent,
            scopes: tool.scopes.clone(),
            routes: tool.routes.clone(),
        }
    }
}

impl CapabilitySheet {
    pub(crate) fn new(digest: &str, wasm_bytes: usize, imports: &[String], about: &Description) -> Self {
        Self {
            digest: digest.to_owned(),
            wasm_bytes,
            imports: imports.to_vec(),
            name: about.name.clone(),
            version: about.version.clone(),
            title: about.title.clone(),
            description: about.description.clone(),
            origins: about.origins.clone(),
            credentials: about.credentials.clone(),
            identification: about.identification.clone(),
            tools: about.tools.iter().map(|tool| ToolSheet::from(tool.as_ref())).collect(),
            prompts: about.prompts.clone(),
        }
    }

    /// The sheet as one line of JSON, the same for equal sheets: what an approval pins.
    pub(crate) fn pinned(&self) -> String {
        // Strings, numbers and maps with string keys: there is nothing in a sheet that JSON cannot say.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What changes if `new` takes this sheet's place: what it could do besides, what it could do no more, and
    /// what only reads differently.
    #[must_use]
    pub fn diff(&self, new: &Self) -> SheetDiff {
        diff::diff(self, new)
    }
}

//! The capability sheet: everything that a component can do, as data. It is what a reviewer reads, what an
//! approval pins, and what two versions of a connector are compared by.

mod diff;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use toolkeep_policy::{Access, Route};

pub use diff::{Change, Effect, SheetDiff};

use crate::description::{Credential, Description, Identification, Origin, Prompt, Tool, as_texts, routes};

/// What a reviewer approves: which bytes they are, and from `name` on all of their [`Description`]. Two sheets of the
/// same bytes are equal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "`Description` documents each field from `name` on")]
pub struct CapabilitySheet {
    /// SHA-256 of the component, in lower-case hexadecimal.
    pub digest: String,
    /// Size of the component, in bytes.
    pub wasm_bytes: usize,
    /// Its imports, by name and version.
    pub imports: Vec<String>,
    pub name: String,
    pub version: String,
    pub title: String,
    pub description: String,
    pub origins: Vec<Origin>,
    pub credentials: Vec<Credential>,
    pub identification: Identification,
    pub tools: Vec<ToolSheet>,
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

// Both are taken apart field by field: what a connector can say of itself and no reviewer would see does not compile.

impl From<&Tool> for ToolSheet {
    fn from(tool: &Tool) -> Self {
        let Tool {
            connector: _,
            name,
            title,
            description,
            input_schema,
            output_schema,
            access,
            idempotent,
            scopes,
            routes,
            // What the schemas were compiled to.
            input: _,
            output: _,
        } = tool;
        Self {
            name: name.clone(),
            title: title.clone(),
            description: description.clone(),
            input_schema: input_schema.clone(),
            output_schema: output_schema.clone(),
            access: *access,
            idempotent: *idempotent,
            scopes: scopes.clone(),
            routes: routes.to_vec(),
        }
    }
}

impl CapabilitySheet {
    pub(crate) fn new(digest: &str, wasm_bytes: usize, imports: &[String], about: &Description) -> Self {
        let Description { name, version, title, description, origins, credentials, identification, tools, prompts } =
            about.clone();
        let tools = tools.iter().map(|tool| ToolSheet::from(tool.as_ref())).collect();
        let origins = origins.iter().map(|origin| Origin::clone(origin)).collect();
        let (digest, imports) = (digest.to_owned(), imports.to_vec());
        Self {
            digest,
            wasm_bytes,
            imports,
            name,
            version,
            title,
            description,
            origins,
            credentials,
            identification,
            tools,
            prompts,
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

//! What can go wrong: when a host or a component is set up ([`HostError`]) and when a tool is called
//! ([`CallError`]). Each case has a stable code, a text for the operator (`Display`) and, for calls, a text
//! that the caller and the model may read.

use serde_json::{Value, json};
use toolkeep_audit::AuditError;
use toolkeep_vault::VaultError;

use crate::schema::Violation;

/// Why a host, or a component in it, could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// A tool of this name is loaded already, from another connector.
    #[error("the tool `{tool}` of the connector `{name}` is offered by `{other}` already; names are unique")]
    ToolTaken {
        /// The tool.
        tool: String,
        /// The connector that was refused.
        name: String,
        /// The connector that has it.
        other: String,
    },
    /// A reader could take a name for another connector's.
    #[error("the name `{name}` looks like `{other}`, which another connector has; rename it, or remove the other")]
    LooksLike {
        /// The name that was refused.
        name: String,
        /// The name that it looks like.
        other: String,
    },
    /// Nobody approved the component, or nobody can tell.
    #[error(transparent)]
    Approval(#[from] crate::approval::ApprovalError),
    /// The engine refused its configuration.
    #[error("the WebAssembly engine could not be set up: {0}")]
    Engine(String),
    /// The file could not be read.
    #[error("the component {path} could not be read: {source}; check the path and its permissions")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The file is larger than [`crate::Limits::component_bytes`].
    #[error("the component has {bytes} bytes; at most {limit} are loaded")]
    TooLarge {
        /// Its size, in bytes.
        bytes: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// It would take too long to compile.
    #[error(
        "the component has {count} {what}; at most {limit} are compiled{}; split it, or build it with less inlining",
        name.map_or_else(String::new, |name| format!(" (limit {name})"))
    )]
    TooComplex {
        /// What it has too many of.
        what: &'static str,
        /// The name of the limit in [`crate::Limits`], if it is one that can be set.
        name: Option<&'static str>,
        /// How many.
        count: u64,
        /// The limit.
        limit: u64,
    },
    /// It is made of several components that call each other.
    #[error(
        "the component holds other components with code of their own; a connector is one component: compile its parts into one"
    )]
    Composed,
    /// It was not compiled within [`crate::Limits::compile_ms`].
    #[error(
        "the component was not compiled within {limit_ms} ms; it is too large for this machine, or others were compiled before it"
    )]
    CompileTooSlow {
        /// The limit, in milliseconds.
        limit_ms: u64,
    },
    /// It was built for another version of the contract.
    #[error("the component was built for {found}, and this host speaks {known}; build it with an SDK of that version")]
    ContractVersion {
        /// The interface, with its version.
        found: String,
        /// What this host speaks.
        known: &'static str,
    },
    /// Not a WebAssembly component: text, a core module, a cut-off file.
    #[error("this is not a WebAssembly component: {0}; build the connector for the target wasm32-wasip2")]
    NotAComponent(String),
    /// It imports what the contract does not offer.
    #[error("the component imports what a connector is not given: {}; remove the code that needs it", crate::contract::told(.names))]
    ImportNotLinked {
        /// The imports, as the component names them.
        names: Vec<String>,
    },
    /// It does not export `tool-provider`, or with other types.
    #[error("the component does not implement toolkeep:connector@0.1.0: {0}")]
    WrongExports(String),
    /// `describe` trapped, ran too long, or used an import.
    #[error("the component failed to describe itself: {0}")]
    DescribeFailed(String),
    /// What it says of itself breaks a rule of the contract.
    #[error("the connector describes itself wrongly: {field}: {reason}")]
    DescriptionInvalid {
        /// Where, such as `tools[2].routes[0].path`.
        field: String,
        /// Which rule.
        reason: String,
    },
    /// A connector of this name, with other bytes, is loaded already.
    #[error("a connector named `{name}` with the digest {loaded} is loaded already; this one has {digest}")]
    NameTaken {
        /// The connector's name.
        name: String,
        /// The digest that is loaded.
        loaded: String,
        /// The digest that was refused.
        digest: String,
    },
    /// The compile cache is not private, or cannot be used.
    #[error("the compile cache {path} cannot be used: {reason}")]
    Cache {
        /// The directory.
        path: String,
        /// Why, and what to do.
        reason: String,
    },
    /// An operator's base is malformed.
    #[error(
        "`{base}` is not an upstream base: {reason}; give https://host[:port], or http://127.0.0.1:port for a simulator"
    )]
    Base {
        /// What was given.
        base: String,
        /// Why not.
        reason: String,
    },
    /// An operator's root certificate cannot be used.
    #[error("the root certificate cannot be used: {reason}; give PEM, or one certificate in DER")]
    RootCertificate {
        /// Why not.
        reason: String,
    },
    /// The audit log did not take the record.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

impl HostError {
    /// A stable code for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Engine(_) => "engine",
            Self::Unreadable { .. } => "component_unreadable",
            Self::TooLarge { .. } => "component_too_large",
            Self::TooComplex { .. } => "component_too_complex",
            Self::Composed => "component_composed",
            Self::CompileTooSlow { .. } => "compile_too_slow",
            Self::ContractVersion { .. } => "contract_version",
            Self::NotAComponent(_) => "not_a_component",
            Self::ImportNotLinked { .. } => "import_not_linked",
            Self::WrongExports(_) => "wrong_exports",
            Self::DescribeFailed(_) => "describe_failed",
            Self::DescriptionInvalid { .. } => "description_invalid",
            Self::NameTaken { .. } => "connector_name_taken",
            Self::ToolTaken { .. } => "tool_name_taken",
            Self::LooksLike { .. } => "name_looks_alike",
            Self::Approval(error) => error.code(),
            Self::Cache { .. } => "compile_cache_unusable",
            Self::Base { .. } => "base_invalid",
            Self::RootCertificate { .. } => "root_certificate_invalid",
            Self::Audit(error) => error.code(),
        }
    }
}

/// Why a tool did not do its work, in the connector's words (WIT `tool-error`). Texts are bounded and free of
/// control characters.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "WIT `tool-error` documents each case")]
pub enum ToolError {
    InvalidArguments(String),
    NotFound(String),
    Ambiguous(Value),
    Conflict(String),
    Unauthenticated(String),
    Forbidden(String),
    RateLimited { retry_after_s: Option<u32> },
    Unavailable(String),
    Partial(Value),
    Other(String),
}

/// Why a call gave no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// No tool of this name, or none that this principal may see: the two look the same from outside.
    #[error("no tool named {0:?} is visible to this principal")]
    UnknownTool(String),
    /// No connector of this name is loaded.
    #[error("no connector named {0:?} is loaded")]
    UnknownConnector(String),
    /// The arguments break the tool's schema.
    #[error("the arguments of {tool} break its schema in {} places", .violations.len())]
    InvalidArguments {
        /// The tool.
        tool: String,
        /// Every violation, at most [`crate::schema::MAX_VIOLATIONS`].
        violations: Vec<Violation>,
    },
    /// The arguments are larger than [`crate::Limits::arguments_bytes`].
    #[error("the arguments have {bytes} bytes; at most {limit} are taken")]
    ArgumentsTooLarge {
        /// Their size as JSON text, in bytes.
        bytes: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The principal has no usable connection for this connector.
    #[error("{tenant}/{user} has no usable connection `{connection}` for the connector `{connector}`: {source}")]
    NoConnection {
        /// The connector.
        connector: String,
        /// The connection's name.
        connection: String,
        /// The tenant.
        tenant: String,
        /// The user.
        user: String,
        /// What the vault said.
        source: VaultError,
    },
    /// The vault failed: no credential, no call.
    #[error(transparent)]
    Vault(VaultError),
    /// The audit log failed: no record, no call.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The connection's credential or base does not fit what the connector declares.
    #[error("the connection does not fit the connector: {0}")]
    ConnectionMismatch(String),
    /// The credential's scopes do not cover the tool's.
    #[error("the credential lacks the scopes {}", .missing.join(", "))]
    ScopeMissing {
        /// Every missing scope.
        missing: Vec<String>,
    },
    /// The connector asked for a request that its tool did not declare.
    #[error("the tool {tool} asked for a request that was refused ({code}): {rule}")]
    EgressDenied {
        /// The tool.
        tool: String,
        /// The rule's code.
        code: &'static str,
        /// The rule, for the operator.
        rule: String,
    },
    /// The connection was ended or replaced while the call ran, or the vault could not say.
    #[error("a request of {tool} was refused: {rule}")]
    ConnectionEnded {
        /// The tool.
        tool: String,
        /// `connection_ended`, or the vault's own code.
        code: &'static str,
        /// What the vault said, for the operator.
        rule: String,
    },
    /// The upstream's name leads to an address that is not public.
    #[error("a request of {tool} was refused: {rule}")]
    AddressRefused {
        /// The tool.
        tool: String,
        /// Which address, for the operator.
        rule: String,
    },
    /// The upstream's answer held the credential.
    #[error("an answer to {tool} held the credential as {form}; it was dropped")]
    CredentialReflected {
        /// The tool.
        tool: String,
        /// The encoding that was found.
        form: &'static str,
    },
    /// The call used up one of its limits.
    #[error("the call to {tool} reached its limit of {limit}")]
    LimitReached {
        /// The tool.
        tool: String,
        /// Which limit, such as `60000 ms of time`.
        limit: String,
        /// The limit's code.
        code: &'static str,
    },
    /// The guest trapped.
    #[error("the connector failed while running {tool}: {reason}")]
    Trap {
        /// The tool.
        tool: String,
        /// The engine's words, for the operator.
        reason: String,
    },
    /// What the connector returned breaks the contract.
    #[error("the connector's answer to {tool} breaks the contract: {reason}")]
    AnswerInvalid {
        /// The tool.
        tool: String,
        /// Which rule.
        reason: String,
    },
    /// This principal makes too many calls.
    #[error("the principal made more calls than its rate allows; the next is taken in {retry_after_s} s")]
    RateLimited {
        /// When to come back, in whole seconds from now.
        retry_after_s: u32,
    },
    /// Too many calls at once.
    #[error("no place among {limit} running calls became free in {waited_ms} ms")]
    Busy {
        /// Calls that may run at once.
        limit: u32,
        /// How long this one waited, in milliseconds.
        waited_ms: u64,
    },
    /// The caller went away; the record says how far the call came.
    #[error("the caller went away")]
    Cancelled,
    /// The connector reported an error of its own.
    #[error("the tool {tool} reported {}", .error.code())]
    Tool {
        /// The tool.
        tool: String,
        /// What it reported.
        error: ToolError,
    },
}

impl CallError {
    /// A stable code for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownTool(_) => "unknown_tool",
            Self::UnknownConnector(_) => "unknown_connector",
            Self::InvalidArguments { .. } => "invalid_arguments",
            Self::ArgumentsTooLarge { .. } => "arguments_too_large",
            Self::NoConnection { .. } => "no_connection",
            Self::Vault(error) => error.code(),
            Self::Audit(error) => error.code(),
            Self::ConnectionMismatch(_) => "connection_mismatch",
            Self::ScopeMissing { .. } => "scope_missing",
            Self::EgressDenied { .. } => "egress_denied",
            Self::ConnectionEnded { code, .. } => code,
            Self::AddressRefused { .. } => "address_not_public",
            Self::CredentialReflected { .. } => "credential_reflected",
            Self::LimitReached { code, .. } => code,
            Self::Trap { .. } => "connector_failed",
            Self::AnswerInvalid { .. } => "answer_invalid",
            Self::RateLimited { .. } => "too_many_calls",
            Self::Busy { .. } => "busy",
            Self::Cancelled => "cancelled",
            Self::Tool { error, .. } => error.code(),
        }
    }

    /// What the caller and the model may read: what was wrong and what to do next. Never a secret, never a
    /// rule that would help a hostile connector.
    #[must_use]
    pub fn public_message(&self) -> String {
        match self {
            Self::UnknownTool(name) => format!("There is no tool named {name:?}. List the tools to see what you may call."),
            Self::UnknownConnector(name) => format!("There is no connector named {name:?}."),
            Self::InvalidArguments { tool, violations } => {
                let list: Vec<String> = violations.iter().map(ToString::to_string).collect();
                format!("The arguments of {tool} do not fit its schema: {}. Correct them and call again.", list.join("; "))
            }
            Self::ArgumentsTooLarge { bytes, limit } => {
                format!("The arguments have {bytes} bytes; at most {limit} are taken. Send less.")
            }
            Self::NoConnection { connector, .. } => format!(
                "You have no usable {connector} connection. Connect your account first: toolkeep credential add {connector}"
            ),
            Self::Vault(_) => "The credential vault cannot be used right now, so nothing was sent. Ask the operator to look at the log.".to_owned(),
            Self::Audit(_) => "The audit log cannot be written right now, so the call was not made or its answer is withheld. Ask the operator to look at the log.".to_owned(),
            Self::ConnectionMismatch(_) => "Your connection does not fit this connector any more. Connect your account again.".to_owned(),
            Self::ScopeMissing { missing } => format!(
                "Your connection lacks the scopes {}. Connect your account again and grant them.",
                missing.join(", ")
            ),
            Self::EgressDenied { tool, code: "credential_in_request", .. } => format!(
                "{tool} put your credential into a request of its own, so its answer is withheld. Tell the operator: the connector and its upstream are faulty or hostile. Replace the credential."
            ),
            Self::EgressDenied { tool, .. } => format!(
                "{tool} tried to send a request that it does not declare. The request was not sent. Tell the operator: the connector is faulty or hostile."
            ),
            Self::ConnectionEnded { code: "connection_ended", .. } => {
                "Your connection was ended or replaced while the call ran, so it sent nothing more. What it had sent before may have been done. Connect your account again, and look before repeating a change.".to_owned()
            }
            Self::ConnectionEnded { .. } => {
                "The credential vault cannot be used right now, so the call sent nothing more. Ask the operator to look at the log.".to_owned()
            }
            Self::AddressRefused { .. } => {
                "The upstream's name leads to an address that is not public, so nothing was sent. Tell the operator: its DNS is wrong, or somebody else's.".to_owned()
            }
            Self::CredentialReflected { .. } => {
                "The upstream's answer held your credential, so it was dropped. Tell the operator; consider replacing the credential.".to_owned()
            }
            Self::LimitReached { limit, .. } => format!("The call reached its limit of {limit} and was stopped. Ask for less at once."),
            Self::Trap { tool, .. } => format!("The connector failed while running {tool}. The operator's log says why."),
            Self::AnswerInvalid { tool, .. } => format!("The connector's answer to {tool} was malformed and is withheld. The operator's log says why."),
            Self::RateLimited { retry_after_s } => {
                format!("You made too many calls. Wait {retry_after_s} seconds and call again.")
            }
            Self::Busy { .. } => "Too many calls are running. Wait a few seconds and call again.".to_owned(),
            Self::Cancelled => "The call was cancelled.".to_owned(),
            Self::Tool { error, .. } => error.public_message(),
        }
    }

    /// The machine-readable part, where there is one: violations, candidates, seconds to wait, what was done.
    #[must_use]
    pub fn details(&self) -> Option<Value> {
        match self {
            Self::InvalidArguments { violations, .. } => Some(json!({ "violations": violations })),
            Self::ScopeMissing { missing } => Some(json!({ "missing_scopes": missing })),
            Self::NoConnection { connector, connection, .. } => {
                Some(json!({ "connector": connector, "connection": connection }))
            }
            Self::RateLimited { retry_after_s } => Some(json!({ "retry_after_s": retry_after_s })),
            Self::Tool { error, .. } => error.details(),
            _ => None,
        }
    }

    /// Whether the call itself was malformed in the protocol's eyes (MCP: JSON-RPC -32602) rather than a
    /// result that the model should read and correct.
    #[must_use]
    pub fn is_protocol_error(&self) -> bool {
        matches!(self, Self::UnknownTool(_))
    }
}

impl ToolError {
    /// A stable code for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidArguments(_) => "invalid_arguments",
            Self::NotFound(_) => "not_found",
            Self::Ambiguous(_) => "ambiguous",
            Self::Conflict(_) => "conflict",
            Self::Unauthenticated(_) => "unauthenticated",
            Self::Forbidden(_) => "forbidden",
            Self::RateLimited { .. } => "rate_limited",
            Self::Unavailable(_) => "unavailable",
            Self::Partial(_) => "partial",
            Self::Other(_) => "tool_failed",
        }
    }

    fn public_message(&self) -> String {
        let message_of = |value: &Value, default: &str| {
            value.get("message").and_then(Value::as_str).map_or_else(|| default.to_owned(), ToOwned::to_owned)
        };
        match self {
            Self::InvalidArguments(text)
            | Self::NotFound(text)
            | Self::Conflict(text)
            | Self::Unauthenticated(text)
            | Self::Forbidden(text)
            | Self::Unavailable(text)
            | Self::Other(text) => text.clone(),
            Self::Ambiguous(value) => {
                message_of(value, "The name fits several things. Choose one of the candidates by its ID.")
            }
            Self::Partial(value) => {
                message_of(value, "Only part of the change was made. Look at what was done before trying again.")
            }
            Self::RateLimited { retry_after_s: Some(seconds) } => {
                format!("The upstream limits the rate of calls. Wait {seconds} seconds and call again.")
            }
            Self::RateLimited { retry_after_s: None } => {
                "The upstream limits the rate of calls. Wait a minute and call again.".to_owned()
            }
        }
    }

    fn details(&self) -> Option<Value> {
        match self {
            Self::Ambiguous(value) | Self::Partial(value) => Some(value.clone()),
            Self::RateLimited { retry_after_s: Some(seconds) } => Some(json!({ "retry_after_s": seconds })),
            _ => None,
        }
    }
}

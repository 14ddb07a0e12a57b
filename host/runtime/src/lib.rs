//! The embeddable host: runs connectors and stands at their only exit.
//!
//! A platform builds a [`Host`] over a vault and an audit log, loads components, lists the tools that a
//! principal may see and calls them:
//!
//! ```no_run
//! use std::sync::Arc;
//! use serde_json::json;
//! use toolkeep_host::{Call, ConnectorFolder, Host, Principal};
//! use toolkeep_vault::{KeySource, Vault};
//! use toolkeep_audit::AuditLog;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let data = std::path::Path::new("/var/lib/toolkeep");
//! let vault = Arc::new(Vault::open(data, KeySource::File(data.join("master.key")))?);
//! let audit = AuditLog::open(data, vault.derive_key("audit digests"))?;
//! // What `toolkeep connector install` approved; `Digests` names components that the embedder knows beforehand.
//! let folder = ConnectorFolder::new(data.join("connectors"), &vault);
//! let installed = folder.read()?;
//! let approvals = Arc::new(installed.clone());
//! let host = Host::builder(vault, audit).approvals(approvals).cache_directory(data.join("cache")).build()?;
//! for connector in installed.connectors() {
//!     host.load(&installed.wasm(connector)?).await?;
//! }
//!
//! let kim = Principal::new("acme".parse()?, "kim".parse()?);
//! let arguments = json!({ "status": "open", "priority": "P1" });
//! let answer = host.call(&kim, Call::new("pagerduty_incidents_list", arguments)?).await?;
//! println!("{}", answer.structured.as_deref().map_or("", |json| json.get()));
//! # Ok(())
//! # }
//! ```
//!
//! The path of a call is in [`call`]; the exit is in `gate.rs`; nothing else in the tree opens an upstream
//! connection.

mod approval;
mod bindings;
mod bounds;
mod cache;
pub mod call;
mod clocks;
mod collisions;
mod component;
mod contract;
mod description;
mod engine;
mod error;
mod exchange;
mod exports;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod gate;
mod host;
mod instance;
mod limits;
mod load;
#[doc(hidden)]
pub mod measure;
mod memory;
mod places;
mod random;
mod resolver;
pub mod schema;
mod sheet;
mod telling;
mod text;
mod ticks;
mod unsent;
mod upstream;

pub use approval::{
    Approval, ApprovalError, Approvals, ConnectorFolder, Digests, Edit, Hold, Installed, InstalledConnector,
};
pub use call::{Answer, Call, Content};
pub use component::Connector;
pub use description::{
    AccountField, AccountHeader, Credential, CredentialKind, Description, Identification, Origin, Prompt,
    PromptArgument, PromptError, Tool,
};
pub use error::{CallError, HostError, ToolError};
pub use exchange::{Exchange, ExchangeObserver, MASK, RequestView};
pub use host::{Host, HostBuilder};
pub use instance::ProgressSink;
pub use limits::{Limit, LimitError, Limits, TICK_MS};
pub use memory::MemoryObserver;
pub use resolver::{Lookup, Resolver};
pub use schema::Violation;
pub use sheet::{CapabilitySheet, Change, Effect, SheetDiff, ToolSheet};
pub use toolkeep_audit::CallId;
pub use toolkeep_policy::{Access, Principal, Route, TenantId, ToolFilter, UserId};
pub use toolkeep_vault::Account;

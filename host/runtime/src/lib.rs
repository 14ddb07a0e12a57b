//! The embeddable host: runs connectors and stands at their only exit.
//!
//! A platform builds a [`Host`] over a vault and an audit log, loads components, lists the tools that a
//! principal may see and calls them:
//!
//! ```no_run
//! use std::sync::Arc;
//! use serde_json::json;
//! use toolkeep_host::{Call, Host, Principal};
//! use toolkeep_vault::{KeySource, Vault};
//! use toolkeep_audit::AuditLog;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let data = std::path::Path::new("/var/lib/toolkeep");
//! let vault = Arc::new(Vault::open(data, KeySource::File(data.join("master.key")))?);
//! let audit = AuditLog::open(data, vault.derive_key("audit digests"))?;
//! let host = Host::builder(vault, audit).cache_directory(data.join("cache")).build()?;
//! host.load_file("pagerduty.wasm".as_ref()).await?;
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

mod bindings;
mod cache;
pub mod call;
mod component;
mod description;
mod engine;
mod error;
mod exchange;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod gate;
mod host;
mod instance;
mod limits;
mod places;
mod random;
mod scan;
pub mod schema;
mod text;
mod upstream;

pub use call::{Answer, Call, Content};
pub use component::{CapabilitySheet, Connector};
pub use description::{
    AccountField, AccountHeader, Credential, CredentialKind, Description, Identification, Origin, Prompt,
    PromptArgument, PromptError, Tool,
};
pub use error::{CallError, HostError, ToolError};
pub use exchange::{Exchange, ExchangeObserver, MASK, RequestView};
pub use host::{Host, HostBuilder};
pub use instance::ProgressSink;
pub use limits::{Limit, LimitError, Limits, TICK_MS};
pub use schema::Violation;
pub use toolkeep_audit::CallId;
pub use toolkeep_policy::{Access, Principal, Route, TenantId, ToolFilter, UserId};
pub use toolkeep_vault::Account;

//! What a call and a request may do: pure decisions.
//!
//! Nothing here reads a clock, an environment, a file or a socket, because the crate has nothing to do it
//! with. The host asks; this crate answers with data that says which rule decided.

pub mod address;
pub mod egress;
pub mod headers;
pub mod identity;
pub mod route;
pub mod scope;
pub mod secret_scan;
pub mod target;
pub mod text;

pub use egress::{Denial, EgressDecision, EgressPolicy, OriginMapping};
pub use identity::{IdentityError, Principal, TenantId, ToolFilter, UserId};
pub use route::{Method, PathTemplate, Route, TemplateError};
pub use scope::{Access, ScopeDenial, check_scopes};
pub use target::{Base, Target, TargetError};
